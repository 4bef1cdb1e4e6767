/** Who signs for an account at a hosted desk: the account's own key, or one key of several. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import { accountOfPolicy, type Policy } from "../../shared/protocol/policy.ts";
import { type Proof, prove } from "../../shared/protocol/proof.ts";
import type { FoundKey } from "../keys/key-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { readRecoveryFile } from "../keys/recovery-file.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

export interface DeskOwner {
  account: AccountId;
  found: FoundKey;
  policy?: Policy | undefined;
}

interface OwnerInput extends PassphraseInput {
  ownerFile?: string | undefined;
  /** The recovery file of an account of several keys. */
  recovery?: string | undefined;
}

export function findDeskOwner(context: Context, { ownerFile, recovery: file }: OwnerInput): Outcome<DeskOwner> {
  const found = findOwner(context, ownerFile);
  if (!found.ok) return found;
  const { account } = found.data.key;
  if (file === undefined) return succeed({ account, found: found.data });
  const recovery = readRecoveryFile(context, file);
  if (!recovery.ok) return recovery;
  const { policy } = recovery.data;
  if (policy.keys.includes(account)) return succeed({ account: accountOfPolicy(policy), found: found.data, policy });
  return fail("usage", `The key ${account} is none of the account ${accountOfPolicy(policy)}.`, {
    hint: `Name another with --owner-file. The account's keys are ${policy.keys.join(", ")}.`,
  });
}

/** Opens the key, signs what one key of the account may sign, and wipes the key. */
export async function signAtDesk(
  context: Context,
  { found, policy }: DeskOwner,
  digest: Digest,
  input: OwnerInput,
): Promise<Outcome<Proof>> {
  const signer = await openOwner(context, found, input);
  if (!signer.ok) return signer;
  const proof = await prove(digest, policy ? policySigner(policy, [signer.data]) : signer.data);
  signer.data.wipe();
  return succeed(proof);
}
