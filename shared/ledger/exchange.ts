/** Moves money to accounts of this shard, or to other shards and from them. A shard halts when another remembers a different past. */

import { MAX_BACKLOG } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { row, text } from "../row.ts";
import type { AccountState } from "../settlement/backend.ts";
import type { Accounts, Cause } from "./accounts.ts";
import type { ShardIdentity } from "./genesis.ts";
import { Inbox } from "./inbox.ts";
import type { BatchOrigin, EntryCause } from "./journal.ts";
import { Outbox, type SentMark } from "./outbox.ts";
import type { SettledRow } from "./payments.ts";
import { shardOf } from "./shards.ts";
import { invariant, type LedgerStore } from "./store.ts";
import type { Batch, Credit, Received, ReceivedMark } from "./stream.ts";

/** The progress of the streams from and to a shard. */
export interface StreamMarks {
  sent: SentMark[];
  received: ReceivedMark[];
}

const haltRow = row({ reason: text() });

export class Exchange {
  readonly #store: LedgerStore;
  readonly #identity: ShardIdentity;
  readonly #accounts: Accounts;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #halted: string | undefined;

  constructor(store: LedgerStore, identity: ShardIdentity, accounts: Accounts) {
    this.#store = store;
    this.#identity = identity;
    this.#accounts = accounts;
    this.#outbox = new Outbox(store, identity.ledger, identity.shard);
    this.#inbox = new Inbox(store, identity.ledger, identity.shard);
    this.#halted = store.sql("SELECT reason FROM halt").map(haltRow)[0]?.reason;
  }

  /** Why this shard has halted; undefined while it works. */
  get halted(): string | undefined {
    return this.#halted;
  }

  isHere(account: AccountId): boolean {
    return this.#home(account) === this.#identity.shard;
  }

  /** Whether too many credits wait for the payee's shard to add another. */
  isFull(payee: AccountId): boolean {
    return !this.isHere(payee) && this.#outbox.backlog(this.#home(payee)) >= MAX_BACKLOG;
  }

  /**
   * Moves the money of a payment whose row says settled: to its payee, or into the outbox if the payee lives on another shard.
   * @param value what is charged
   * @param payer as it was just read
   */
  pay(row: SettledRow, value: Amount, payer: AccountState, at: number, purpose?: "transfer"): void {
    this.move(payer, row.payee, value, {
      ...(purpose && { cause: purpose }),
      authorizationDigest: row.authorization_digest,
      ...(row.request_digest && { requestDigest: row.request_digest }),
      ...(row.mandate && { mandate: row.mandate }),
      transaction: row.tx,
      at,
    });
  }

  /** Moves money as `pay` does. @param from as it was just read */
  move(from: AccountState, to: AccountId, value: Amount, cause: Cause): void {
    if (this.isHere(to)) return this.#accounts.transfer(from, to, value, cause);
    this.#accounts.debit(from, to, BigInt(value), cause);
    const { transaction, cause: kind = "payment", refundOf, session } = cause;
    const about = { ...(refundOf && { refundOf }), ...(session && { session }) };
    this.#outbox.append(this.#home(to), { payee: to, value, transaction, payer: from.account, kind, ...about });
  }

  destinations(): number[] {
    return this.#halted === undefined ? this.#outbox.destinations() : [];
  }

  nextBatch(to: number): Batch | undefined {
    return this.#halted === undefined ? this.#outbox.nextBatch(to) : undefined;
  }

  receive(batch: Batch, now: number): Received {
    const { ledger, shard, shards } = this.#identity;
    // Only the ledger's other shards may credit accounts here. Any other caller would create money.
    const isPeer = batch.from !== shard && batch.from < shards;
    if (batch.ledger !== ledger || batch.to !== shard || !isPeer) return { ok: false, fault: "not_mine" };
    if (this.#halted !== undefined) return { ok: false, fault: "halted" };
    const accepted = this.#inbox.accept(batch);
    if (!accepted.ok) {
      if (accepted.fault === "receiver_rewound") this.#halt(`shard ${batch.from} remembers credits that this shard has forgotten`, now);
      return accepted;
    }
    const { mark, head, fresh } = accepted;
    const range = { fromShard: String(batch.from), first: String(mark - fresh.length + 1), last: String(mark) };
    for (const [payee, credits] of Map.groupBy(fresh, ({ payee }) => payee)) {
      invariant(this.isHere(payee), `${payee} lives on this shard`);
      this.#apply(payee, credits, range, now);
    }
    return { ok: true, mark, head };
  }

  /** A batch lists who paid all of its payments, or none: credits that an earlier version queued are a batch of their own. */
  #apply(payee: AccountId, credits: readonly Credit[], range: Pick<BatchOrigin, "fromShard" | "first" | "last">, at: number): void {
    const { payments = [], ofBefore = [], others = [] } = Object.groupBy(credits, sortOf);
    for (const batch of [payments, ofBefore]) if (batch.length > 0) this.#accounts.creditBatch(payee, batch, range, at);
    for (const { payer, value, transaction, kind: cause, refundOf, session } of others.filter(hasOwnEntry)) {
      const about = { ...(refundOf && { refundOf }), ...(session && { session }) };
      this.#accounts.credit(payee, payer, BigInt(value), { transaction, cause, ...about, at });
    }
  }

  /** @returns whether the answer removed credits from the outbox */
  acknowledge(to: number, answer: Received, now: number): boolean {
    if (this.#halted !== undefined) return false; // the evidence stays
    if (!answer.ok) {
      if (answer.fault === "sender_rewound") this.#halt(otherCredits(to), now);
      return false;
    }
    if (answer.mark > this.#outbox.sentTo(to)) {
      this.#halt(`shard ${to} has applied credits that this shard does not remember sending`, now);
      return false;
    }
    // The numbers can agree although the credits differ: credits that the receiver has not applied must stay.
    const difference = this.difference({ ...answer, from: to });
    if (difference !== undefined) {
      this.#halt(difference, now);
      return false;
    }
    return this.#outbox.acknowledge(to, answer.mark, answer.head);
  }

  /** Returns how the past of the shard `from` differs from this shard's; undefined if they agree or can no longer be compared. */
  difference({ from, mark, head }: ReceivedMark): string | undefined {
    const own = this.#outbox.headAt(from, mark);
    return own === undefined || head === undefined || own === head ? undefined : otherCredits(from);
  }

  marks(): StreamMarks {
    return { sent: this.#outbox.marks(), received: this.#inbox.marks() };
  }

  /** Atomic units that wait for that shard beyond the number `mark`. */
  valueBeyond(to: number, mark: number): bigint {
    return this.#outbox.valueBeyond(to, mark);
  }

  #home(account: AccountId): number {
    return shardOf(account, this.#identity.shards);
  }

  /** Halts the shard until an operator has restored a consistent state of all shards. */
  #halt(reason: string, now: number): void {
    this.#store.sql("INSERT INTO halt (reason, at) VALUES (?, ?)", reason, now);
    this.#halted = reason;
  }
}

/** Claims, refunds and transfers are rare, and their payee wants to know each: no batch sums them up. */
function hasOwnEntry(credit: Credit): credit is Credit & { payer: AccountId; kind: EntryCause } {
  return credit.payer !== undefined && credit.kind !== undefined && credit.kind !== "payment";
}

function sortOf(credit: Credit): "payments" | "ofBefore" | "others" {
  if (hasOwnEntry(credit)) return "others";
  return credit.payer === undefined ? "ofBefore" : "payments";
}

function otherCredits(shard: number): string {
  return `shard ${shard} has applied other credits than this shard remembers sending`;
}
