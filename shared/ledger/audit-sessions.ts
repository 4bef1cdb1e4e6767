/** Compares the sessions of a shard with what is held for them, with their lanes and claims, with the nonces they used, and with the debits that paid. */

import type { Digest } from "../crypto/digest.ts";
import { RETENTION_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { integer, nullable, row, text } from "../row.ts";
import type { JournalEntry } from "./journal.ts";
import { journalBase } from "./pruning.ts";
import { type ClaimRow, restOf, type SessionRow, Sessions } from "./sessions.ts";
import type { LedgerStore } from "./store.ts";

const partRow = row({ payer: text<AccountId>(), session: text<Digest>(), value: text(), number: integer() });
const nonceRow = row({ payer: text<AccountId>(), nonce: text<Digest>(), session: nullable(text<Digest>()) });

/** A claim whose debit is looked for, and the session that it was taken out of. */
interface Awaited {
  claim: ClaimRow;
  session: SessionRow;
}

export class SessionAudit {
  readonly #now: number;
  readonly #sessions: readonly SessionRow[];
  /** By the payer and the number of its debit, each claim whose debit was not seen yet. */
  readonly #open = new Map<string, Awaited>();
  readonly #problems: string[] = [];

  /** @param now the ledger's clock: sessions of long ago may have been deleted */
  constructor(store: LedgerStore, now: number) {
    this.#now = now;
    const sessions = new Sessions(store);
    this.#sessions = sessions.all();
    const lanes = sumsOf(store, "SELECT payer, session, claimed AS value, claim AS number FROM session_lane");
    const claims = sumsOf(store, "SELECT payer, session, value, number FROM session_claim");
    const nonces = new Map(
      store
        .sql("SELECT payer, nonce, session FROM payment WHERE session IS NOT NULL")
        .map(nonceRow)
        .map(({ payer, nonce, session }) => [keyOf(payer, session), nonce]),
    );
    for (const session of this.#sessions) {
      const key = keyOf(session.payer, session.id);
      const faults = faultsOf(session, lanes.get(key), claims.get(key), nonces.get(key));
      this.#problems.push(...faults.map((fault) => `${session.payer}: session ${session.id}: ${fault}`));
      for (const rows of [lanes, claims, nonces]) rows.delete(key);
      this.#await(store, session, sessions.claimsOf(session, -1));
    }
    for (const key of new Set([...lanes.keys(), ...claims.keys(), ...nonces.keys()]))
      this.#problems.push(`${key}: there is no such session`);
  }

  /** Units of each payer that sessions hold. */
  *held(): Generator<[payer: AccountId, value: bigint]> {
    for (const session of this.#sessions) yield [session.payer, restOf(session)];
  }

  /** Takes an entry whose cause is a claim. The credit of one is its payee's. */
  see({ account, kind, seq, transaction, authorizationDigest, session, counterparty, value, mandate, at }: JournalEntry): void {
    if (kind !== "debit") return;
    const key = `${account} ${seq}`;
    const paid = this.#open.get(key);
    this.#open.delete(key);
    // A session stays for the retention after its last claim at least; an older one may be deleted.
    if (!paid && Number(at) + RETENTION_SECONDS < this.#now) return;
    const isSame =
      paid?.claim.tx === transaction &&
      paid?.claim.claim_digest === authorizationDigest &&
      paid?.claim.value === value &&
      paid?.session.id === session &&
      paid?.session.payee === counterparty &&
      (paid?.session.mandate ?? undefined) === mandate;
    if (!isSame) this.#problems.push(`${account}: no claim like debit ${transaction}`);
  }

  /** After every entry was seen. */
  differences(): string[] {
    return [...this.#problems, ...this.#open.values().map(({ claim: { payer, tx } }) => `${payer}: no debit for claim ${tx}`)];
  }

  #await(store: LedgerStore, session: SessionRow, claims: readonly ClaimRow[]): void {
    const base = Number(journalBase(store, session.payer)?.seq ?? 0);
    for (const claim of claims) if (claim.seq > base) this.#open.set(`${claim.payer} ${claim.seq}`, { claim, session });
  }
}

/** The rows of one session: their sum, their number, and the highest number in them. */
interface Sum {
  value: bigint;
  rows: number;
  last: number;
}

function sumsOf(store: LedgerStore, statement: string): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { payer, session, value, number } of store.sql(statement).map(partRow)) {
    const { value: sum, rows, last } = sums.get(keyOf(payer, session)) ?? NOTHING;
    sums.set(keyOf(payer, session), { value: sum + BigInt(value), rows: rows + 1, last: Math.max(last, number) });
  }
  return sums;
}

const NOTHING: Sum = { value: 0n, rows: 0, last: 0 };

function faultsOf(session: SessionRow, lanes: Sum = NOTHING, claims: Sum = NOTHING, nonce: Digest | undefined): string[] {
  const claimed = BigInt(session.claimed);
  const faults: [boolean, string][] = [
    [claimed > BigInt(session.deposit), "more than its deposit was claimed"],
    [claimed !== lanes.value || session.lanes !== lanes.rows, "claimed is not the sum of its lanes"],
    [claimed !== claims.value, "claimed is not the sum of its claims"],
    [
      session.claims !== claims.rows || session.claims !== claims.last || lanes.last > claims.last,
      "its claims are not numbered without gaps",
    ],
    [nonce !== session.nonce, "its nonce is not its own"],
    [session.ends_at > session.claim_deadline, "it ends after its end"],
  ];
  return faults.flatMap(([is, fault]) => (is ? [fault] : []));
}

function keyOf(payer: AccountId, session: Digest | null): string {
  return `${payer} ${session}`;
}
