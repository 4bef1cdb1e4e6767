/** Which account this browser is used for, and how it is made. What the desk says of it is checked: the account is a hash of its keys. */

import { sha256 } from "@noble/hashes/sha2.js";
import { hexToBytes, utf8 } from "../../../../shared/crypto/bytes.ts";
import type { KeptPasskey, KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import { type AccountId, accountOfPasskey, parseAccountId } from "../../../../shared/protocol/account.ts";
import type { PasskeyProof } from "../../../../shared/protocol/passkey.ts";
import { accountOfPolicy } from "../../../../shared/protocol/policy.ts";
import type { AccountProof } from "../../../../shared/protocol/proof.ts";

const ACCOUNT_KEY = "lez-desk-account";
const DRAFT_KEY = "lez-desk-new-account";

/** An account that is being made. Nothing in it is secret. */
export interface Draft {
  first?: KeptPasskey | undefined;
  /** The account of the second key, and its passkey if it is one. */
  second?: { account: AccountId; passkey?: KeptPasskey | undefined } | undefined;
  threshold: 1 | 2;
  /** The owner has shown that the recovery file is kept. */
  saved?: boolean | undefined;
}

export function accountOfKept({ rpId, publicKey }: KeptPasskey): AccountId {
  return accountOfPasskey(sha256(utf8(rpId)), hexToBytes(publicKey));
}

/** The passkeys of the record that this page can ask, and that do control the account. */
export function usablePasskeys({ account, policy, passkeys }: KeyRecord): KeptPasskey[] {
  if (policy && accountOfPolicy(policy) !== account) return [];
  const keys: readonly string[] = policy?.keys ?? [account];
  return passkeys.filter((passkey) => passkey.rpId === location.hostname && isKept(passkey) && keys.includes(accountOfKept(passkey)));
}

/** A command of the family `desk` for the machine that has the key. */
export function commandAt({ policy }: KeyRecord, words: string): string {
  return `lez-agent-pay desk ${words} --desk ${location.origin}${policy ? " --recovery recovery.json" : ""}`;
}

/** A passkey as another device's page or a server spells it. */
export function isKept(value: unknown): value is KeptPasskey {
  const { credentialId, publicKey, rpId, label } = (value ?? {}) as Record<string, unknown>;
  return (
    [credentialId, rpId, label].every((text) => typeof text === "string") &&
    typeof publicKey === "string" &&
    /^0[23][0-9a-f]{64}$/.test(publicKey)
  );
}

export function accountProof({ policy }: KeyRecord, member: PasskeyProof): AccountProof {
  return policy ? { kind: "policy", policy, proofs: [member] } : member;
}

export function knownAccount(): AccountId | undefined {
  const read = parseAccountId(stored(ACCOUNT_KEY) ?? "");
  return read.ok ? read.account : undefined;
}

export function rememberAccount(account: AccountId): void {
  store(ACCOUNT_KEY, account);
}

export function keptDraft(): Draft {
  try {
    const draft = JSON.parse(stored(DRAFT_KEY) ?? "{}") as Partial<Draft>;
    return { ...draft, threshold: draft.threshold === 2 ? 2 : 1, ...(!isKept(draft.first) && { first: undefined }) };
  } catch {
    return { threshold: 1 };
  }
}

/** @param draft undefined: the account is made */
export function keepDraft(draft: Draft | undefined): void {
  store(DRAFT_KEY, draft === undefined ? undefined : JSON.stringify(draft));
}

/** A browser that keeps nothing is asked again on each visit. */
function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Private windows of some browsers keep nothing.
  }
}
