/** The mandates of this machine: the owner's tool keeps what it granted, the agent's what it accepted. One file each, in one folder. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { isGenuineMandate, mandateDigest, type SignedMandate, signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { timestampSchema } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const storedSchema = z.strictObject({
  signed: signedMandateSchema,
  /** When a ledger confirmed the revocation that was made here. Without it the mandate may still have been revoked elsewhere. */
  revokedAt: z.optional(timestampSchema),
});
const FORMAT = { kind: "mandate", what: "mandate", schema: storedSchema };

export interface KeptMandate {
  digest: Digest;
  shortCode: string;
  signed: SignedMandate;
  revokedAt?: string | undefined;
}

/** Writes a mandate, or what has become of it. A revocation is final: writing the mandate again does not take it back. */
export function keepMandate(context: Context, signed: SignedMandate, revokedAt?: string): Outcome<undefined> {
  const directory = stateDirectory(context, "mandates");
  if (!directory.ok) return directory;
  const file = path.join(directory.data, `${mandateDigest(signed.mandate)}.json`);
  const before = fs.existsSync(file) ? readState(file, FORMAT) : undefined;
  const ended = revokedAt ?? (before?.ok ? before.data.revokedAt : undefined);
  return writeState(file, FORMAT, { signed, ...(ended !== undefined && { revokedAt: ended }) });
}

export interface MandateList {
  /** Those that end first come first. */
  mandates: KeptMandate[];
  unreadable: { file: string; problem: string }[];
}

/** Every mandate of this machine that its account has signed. */
export async function keptMandates(context: Context): Promise<Outcome<MandateList>> {
  const directory = stateDirectory(context, "mandates");
  if (!directory.ok) return directory;
  const list: MandateList = { mandates: [], unreadable: [] };
  for (const name of fs.readdirSync(directory.data).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))) {
    const file = path.join(directory.data, name);
    const kept = await read(file);
    if (kept.ok) list.mandates.push(kept.data);
    else list.unreadable.push({ file, problem: kept.error.message });
  }
  list.mandates.sort(
    (a, b) => Number(a.signed.mandate.validBefore) - Number(b.signed.mandate.validBefore) || (a.digest < b.digest ? -1 : 1),
  );
  return succeed(list);
}

/** Whether an agent may still use it, as far as this machine knows. @param now unix seconds */
export function isOpen({ signed, revokedAt }: KeptMandate, now: number): boolean {
  return revokedAt === undefined && Number(signed.mandate.validBefore) >= now;
}

/** @param word its short code, or its digest */
export async function findMandate(context: Context, word: string): Promise<Outcome<KeptMandate>> {
  const all = await keptMandates(context);
  if (!all.ok) return all;
  const code = word.toUpperCase().replaceAll(/[\s-]/g, "");
  const found = all.data.mandates.filter(({ digest, shortCode }) => digest === word || shortCode.replace("-", "") === code);
  const [mandate] = found;
  if (found.length > 1)
    return fail("usage", `Several mandates have the code ${word}.`, { hint: "Give the whole digest: lez-agent-pay mandate list --json" });
  if (mandate) return succeed(mandate);
  return fail("mandate_not_found", `There is no mandate ${word} on this machine.`, {
    hint: "lez-agent-pay mandate list shows those that there are.",
  });
}

async function read(file: string): Promise<Outcome<KeptMandate>> {
  const stored = readState(file, FORMAT);
  if (!stored.ok) return stored;
  const { signed, revokedAt } = stored.data;
  const digest = mandateDigest(signed.mandate);
  if (path.basename(file) !== `${digest}.json`) return fail("invalid_file", `The mandate "${file}" does not match its name.`);
  if (!(await isGenuineMandate(signed, FACILITATOR_DECIDES)))
    return fail("invalid_file", `The mandate "${file}" is not signed by its account.`);
  return succeed({ digest, shortCode: shortCode(digest), signed, revokedAt });
}
