/** What each account has taken from the faucet in the current window, and which grants were ever paid. */
import type { AccountId } from "../account.ts";
import type { Digest } from "../digest.ts";
import { FAUCET_WINDOW_SECONDS } from "../limits.ts";
import type { LedgerStore } from "./store.ts";

/** Atomic units granted to the account since its window began; a window begins with the first grant after the last one ended. */
export function grantedTo(store: LedgerStore, account: AccountId, now: number): bigint {
  const [row] = store.sql("SELECT granted FROM faucet WHERE account = ? AND since > ?", account, now - FAUCET_WINDOW_SECONDS);
  return BigInt(row?.["granted"] ?? 0);
}

export function recordGrant(store: LedgerStore, account: AccountId, value: bigint, now: number): void {
  const before = grantedTo(store, account, now);
  const total = (before + value).toString();
  if (before > 0n) store.sql("UPDATE faucet SET granted = ? WHERE account = ?", total, account);
  else store.sql("INSERT OR REPLACE INTO faucet (account, granted, since) VALUES (?, ?, ?)", account, total, now);
}

/** The authorization that a grant's id was spent on; undefined when it never was. */
export function paidGrant(store: LedgerStore, id: Digest): Digest | undefined {
  return store.sql("SELECT authorization_digest FROM faucet_grant WHERE id = ?", id)[0]?.["authorization_digest"] as Digest | undefined;
}

export function rememberGrant(store: LedgerStore, id: Digest, authorizationDigest: Digest): void {
  store.sql("INSERT INTO faucet_grant (id, authorization_digest) VALUES (?, ?)", id, authorizationDigest);
}
