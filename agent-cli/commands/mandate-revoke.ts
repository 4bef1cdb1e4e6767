/** `mandate revoke`: the owner ends one mandate, or all of them at once. From then on the ledger counts nothing more under it. */

import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { CLOCK_SKEW_SECONDS } from "../../shared/limits.ts";
import { ANY, type SignedMandate } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import { type Revocation, signRevocation } from "../../shared/protocol/revocation.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, nameField, ownerFileField, recoveryField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { askLedger } from "../facilitator/ledger-id.ts";
import { sendRevocation, underWaySchema, underWayText } from "../facilitator/mandate-revocation.ts";
import { findDeskOwner } from "../hosted-desk/desk-owner.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import { openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry } from "../records/audit-log.ts";
import { findMandate, type KeptMandate, keepMandate, keptMandates } from "../records/mandates.ts";
import { type Context, warn } from "../runtime/context.ts";
import { field } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

const HOUR_SECONDS = 3600;

export const mandateRevoke = defineCommand({
  name: "mandate revoke",
  audience: "owner",
  summary: "end a mandate, or all of them: the agent pays no more",
  description:
    "Final. What a merchant had reserved before can still be paid; the answer says how much, and until when. --all ends every mandate that you granted up to now, and every approval that is not paid yet.",
  input: z.strictObject({
    mandate: nameField.optional().meta({ positional: true, description: "its code or its digest" }),
    all: z.boolean().default(false).meta({ description: "all that you granted up to now, on this machine or elsewhere" }),
    wait: z.boolean().default(false).meta({ description: "wait until nothing is under way any more" }),
    ownerFile: ownerFileField,
    recovery: recoveryField,
    ...passphraseFields,
    ...facilitatorFields,
    ...dryRunField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    /** The codes of the mandates of this machine that it ends. */
    mandates: z.array(z.string()),
    all: z.boolean(),
    ledger: z.string(),
    revokedAt: z.string().optional(),
    underWay: underWaySchema.optional(),
  }),
  examples: [
    { says: "one of them", argv: "mandate revoke 7F3K-9QPD" },
    { says: "everything, now", argv: "mandate revoke --all --wait" },
    { says: "all of an account of several keys, with one of them", argv: "mandate revoke --all --recovery recovery.json" },
  ],
  async run(context, input) {
    const { all, mandate: word } = input;
    if ((word === undefined) !== all)
      return fail("usage", all ? "--all ends all of them: name none." : "Which mandate? Give its code, or --all.");
    const owner = findDeskOwner(context, input);
    if (!owner.ok) return owner;
    const { account: from, found, policy } = owner.data;
    const ended = await (word === undefined ? grantedBy(context, from) : named(context, word));
    if (!ended.ok) return ended;
    const other = ended.data.find(({ signed }) => signed.mandate.from !== from);
    if (other) return fail("usage", `Mandate ${other.shortCode} is of account ${other.signed.mandate.from}; this is the key of ${from}.`);
    const ledger = await askLedger(context, input);
    if (!ledger.ok) return ledger;
    const elsewhere = word === undefined ? undefined : ended.data.find(({ signed }) => signed.mandate.ledger !== ledger.data);
    if (elsewhere) {
      return fail("unsupported", `Mandate ${elsewhere.shortCode} is of another ledger than this facilitator's.`, {
        hint: "Name the facilitator of that ledger with --facilitator-url.",
      });
    }
    const here = ended.data.filter(({ signed }) => signed.mandate.ledger === ledger.data);
    const data = {
      mandates: here.length === 0 && word !== undefined ? [shortCode(word as Digest)] : here.map((one) => one.shortCode),
      all,
      ledger: ledger.data,
    };
    if (input.dryRun) return succeed({ dryRun: true as const, ...data });
    const signer = await openOwner(context, found, input);
    if (!signer.ok) return signer;
    const signs = policy ? policySigner(policy, [signer.data]) : signer.data;
    const now = unixNow();
    const { current, ahead } = byDate(here, now);
    // A clock that was set back a little since must spare none of them.
    const date = String(Math.max(now, ...current.map(({ signed }) => Number(signed.mandate.grantedAt))));
    const revoke = async (mandate: Digest | typeof ANY, ended: readonly KeptMandate[]) => {
      const revocation: Revocation = { version: "1", network: NETWORK, ledger: ledger.data, from, mandate, revokedAt: date };
      const answer = await sendRevocation(context, input, await signRevocation(revocation, signs));
      if (!answer.ok) return answer;
      const noted = await note(context, signer.data, ended, revocation, answer.data.revokedAt);
      // Revoked is revoked: a log that an agent has broken must not keep its owner from that.
      if (!noted.ok) warn(context, `It is revoked, and was not recorded here: ${noted.error.message}`);
      return answer;
    };
    const answer = await revoke(all ? ANY : (here[0]?.digest ?? (word as Digest)), all ? current : here);
    if (!answer.ok) return answer;
    for (const mandate of all ? ahead : []) {
      const single = await revoke(mandate.digest, [mandate]);
      if (!single.ok) return single;
    }
    const { revokedAt, underWay, until } = answer.data;
    // It ends what was granted in its second, too: a grant that follows must not be one of them.
    if (all && date === String(now)) await sleep(Math.max(0, (now + 1) * 1000 - Date.now()));
    if (input.wait && until !== undefined) {
      const waited = await waitUntil(context, until);
      if (!waited.ok) return waited;
    }
    return succeed({ ...data, revokedAt, underWay });
  },
  render: ({ dryRun, all, mandates, underWay }, layout) => [
    dryRun
      ? `Nothing was revoked. It would end ${all ? "every mandate that you granted up to now" : "mandate"} ${mandates.join(", ")}`.trimEnd()
      : layout.ink("green", `Revoked: ${all ? "every mandate that you granted up to now" : `mandate ${mandates.join(", ")}`}`),
    ...(underWay ? field(layout, "under way", underWayText(underWay)) : []),
  ],
});

/** A whole digest needs no file: an agent can remove one. */
async function named(context: Context, word: string): Promise<Outcome<KeptMandate[]>> {
  const found = await findMandate(context, word);
  if (found.ok) return succeed([found.data]);
  return digestSchema.safeParse(word).success && found.error.code === "mandate_not_found" ? succeed([]) : found;
}

/** Those that this machine knows. The ledger ends the others as well. */
async function grantedBy(context: Context, from: string): Promise<Outcome<KeptMandate[]>> {
  const kept = await keptMandates(context);
  if (!kept.ok) warn(context, kept.error.message);
  return succeed(kept.ok ? kept.data.mandates.filter(({ signed }) => signed.mandate.from === from) : []);
}

/**
 * The ledger refuses a revocation that is dated ahead. A mandate granted by a clock that was ahead would date the revocation of all
 * so: it is revoked by its digest.
 */
function byDate(mandates: readonly KeptMandate[], now: number): { current: KeptMandate[]; ahead: KeptMandate[] } {
  const isAhead = ({ signed }: KeptMandate) => Number(signed.mandate.grantedAt) > now + CLOCK_SKEW_SECONDS;
  return { current: mandates.filter((mandate) => !isAhead(mandate)), ahead: mandates.filter(isAhead) };
}

/** Records what the ledger has confirmed. */
function note(
  context: Context,
  owner: RoleSigner<"owner">,
  ended: readonly { signed: SignedMandate }[],
  { from, ledger, mandate }: Revocation,
  revokedAt: string,
): Promise<Outcome<undefined>> {
  return exclusively(context, async () => {
    for (const { signed } of ended) {
      const kept = keepMandate(context, signed, revokedAt);
      if (!kept.ok) return kept;
    }
    const noted = appendEntry(context, "mandate_revoked", { mandate, from, ledger, revokedAt });
    return noted.ok ? anchorEntry(context, noted.data, owner) : noted;
  });
}

async function waitUntil(context: Context, until: number): Promise<Outcome<undefined>> {
  context.progress(`Waits until ${formatTimestamp(until)}: then nothing can be paid any more`);
  // In steps: a timer of more than 24 days would end at once.
  for (let left = until + 1 - unixNow(); left > 0 && !context.io.signal.aborted; left = until + 1 - unixNow())
    await sleep(Math.min(left, HOUR_SECONDS) * 1000, undefined, { signal: context.io.signal }).catch(() => undefined);
  context.progress("");
  return context.io.signal.aborted
    ? interrupted("It is revoked; what was reserved before can still be paid until then.")
    : succeed(undefined);
}
