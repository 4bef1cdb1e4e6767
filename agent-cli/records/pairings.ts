/** Which owner's account an agent's key is paired with, and at which desk: one file per key. The owner's proof is in it, and is read again. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { AccountId } from "../../shared/protocol/account.ts";
import { pairingDigest, type SignedPairing, signedPairingSchema } from "../../shared/protocol/desk.ts";
import { type Proof, verifyProof } from "../../shared/protocol/proof.ts";
import { timestampSchema } from "../../shared/time.ts";
import { isLocalDesk } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory, stateHomePath } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const storedSchema = z.strictObject({ signed: signedPairingSchema, pairedAt: timestampSchema });
const FOLDER = "pairings";
const FORMAT = { kind: "pairing", what: "pairing with a desk", schema: storedSchema };

/** What controls an account. Its id does not say it; a proof does. */
export type AccountKind = "key" | "passkey" | "policy";

export interface KeptPairing {
  /** The desk's origin. */
  desk: string;
  /** The owner's: no other account decides for this agent. */
  account: AccountId;
  kind: AccountKind;
  /** The agent's public key. */
  agent: string;
  pairedAt: string;
}

/** Whether the owner's account signed the pairing. A passkey of `localhost` counts at a desk of `localhost` alone. */
export async function isGenuinePairing({ pairing, ...proof }: SignedPairing): Promise<boolean> {
  const claimed = { type: "Pairing" as const, digest: pairingDigest(pairing), account: pairing.account };
  return (await verifyProof(proof, claimed, { localhost: isLocalDesk(pairing.desk) })).ok;
}

export function kindOf({ proof }: Proof): AccountKind {
  if (proof === undefined) return "key";
  return proof.kind === "policy" ? "policy" : "passkey";
}

/** What people call it. */
export const KIND_WORDS: Record<AccountKind, string> = {
  key: "of an Ed25519 key",
  passkey: "of a passkey",
  policy: "of several keys",
};

export function keepPairing(context: Context, signed: SignedPairing, pairedAt: string): Outcome<undefined> {
  const file = fileOf(context, signed.pairing.agent);
  return file.ok ? writeState(file.data, FORMAT, { signed, pairedAt }) : file;
}

/** Undefined if the key is not paired. A file that cannot be read is a failure, and so is one that its account did not sign. */
export async function findPairing(context: Context, agent: string): Promise<Outcome<KeptPairing | undefined>> {
  if (!isThere(context, agent)) return succeed(undefined);
  const file = fileOf(context, agent);
  if (!file.ok) return file;
  const stored = readState(file.data, FORMAT);
  if (!stored.ok) return stored;
  const { signed, pairedAt } = stored.data;
  const { desk, account } = signed.pairing;
  if (signed.pairing.agent !== agent || !(await isGenuinePairing(signed))) {
    return fail("invalid_file", `The pairing "${file.data}" is not signed by the account that it names, or is of another key.`, {
      hint: "Pair again: lez-agent-pay unpair, then lez-agent-pay pair",
    });
  }
  return succeed({ desk, account, kind: kindOf(signed), agent, pairedAt });
}

/** @returns whether there was one */
export function forgetPairing(context: Context, agent: string): Outcome<boolean> {
  const there = isThere(context, agent);
  const file = fileOf(context, agent);
  if (!file.ok) return file;
  fs.rmSync(file.data, { force: true });
  return succeed(there);
}

/** Makes no directory: commands that only read ask for it, too. */
function isThere(context: Context, agent: string): boolean {
  return fs.lstatSync(path.join(stateHomePath(context), FOLDER, `${agent}.json`), { throwIfNoEntry: false }) !== undefined;
}

function fileOf(context: Context, agent: string): Outcome<string> {
  const directory = stateDirectory(context, FOLDER);
  return directory.ok ? succeed(path.join(directory.data, `${agent}.json`)) : directory;
}
