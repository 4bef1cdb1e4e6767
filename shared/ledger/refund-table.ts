/**
 * The state table of a refund (spec/state-table.md). It runs on the payee's shard, where the payment's credit is.
 *
 * The caller opens the transaction and gives the ledger's time: `now`, unix seconds. Refusals are values.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { NETWORK } from "../lez.ts";
import { MAX_EVIDENCE_REFUNDS, MAX_REFUNDS_LISTED, REFUND_ISSUED_SECONDS, REFUND_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import type { LedgerRefund } from "../protocol/ledger-refund.ts";
import { type Refusal, refusal } from "../protocol/refusal.ts";
import type { RefundResult, RefundsOf } from "../settlement/backend.ts";
import { type Accounts, available } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { Exchange } from "./exchange.ts";
import type { JournalEntry } from "./journal.ts";
import type { Claim, MandateTable } from "./mandate-table.ts";
import { journalBase } from "./pruning.ts";
import type { RefundRow, Refunds } from "./refunds.ts";
import type { LedgerStore } from "./store.ts";

export class RefundTable {
  readonly #store: LedgerStore;
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #refunds: Refunds;
  readonly #mandates: MandateTable;
  readonly #clock: Clock;

  constructor(store: LedgerStore, accounts: Accounts, exchange: Exchange, refunds: Refunds, mandates: MandateTable, clock: Clock) {
    this.#store = store;
    this.#accounts = accounts;
    this.#exchange = exchange;
    this.#refunds = refunds;
    this.#mandates = mandates;
    this.#clock = clock;
  }

  refund(refund: LedgerRefund, now: number): RefundResult {
    const known = this.#refunds.find(refund.payee, refund.id);
    if (known) return known.refund_digest === refund.refundDigest ? receipt(known) : conflict(known);
    const refused = this.#obstacle(refund, now);
    if (refused) {
      if (NEVER.has(refused.code)) this.#clock.persistFinal();
      return refused;
    }
    return receipt(this.#giveBack(refund, now));
  }

  /**
   * What was refunded of a payment.
   * @param withOrders lists what evidence needs, of fewer refunds: what the payee signed, and the number of its debit
   */
  of(payee: AccountId, transaction: Digest, withOrders = false): RefundsOf {
    const newest = this.#refunds.newestOf(payee, transaction, withOrders ? MAX_EVIDENCE_REFUNDS : MAX_REFUNDS_LISTED);
    return {
      refunded: newest[0]?.sum ?? "0",
      refunds: newest.map(({ id, tx, value, at, seq, signed }) => {
        const order = withOrders && { debit: seq, ...(signed !== null && { signed }) };
        return { id, transaction: tx, value, at, ...order };
      }),
    };
  }

  /** Returns why an id that is not known yet pays nothing back; undefined if it can. */
  #obstacle(refund: LedgerRefund, now: number): Refusal | undefined {
    const { payee, payer, transaction, amount, issuedAt } = refund;
    // Dated far ahead, it would outlive its own row.
    if (issuedAt > now + REFUND_ISSUED_SECONDS) return refusal("invalid_payload");
    if (issuedAt < now - REFUND_ISSUED_SECONDS) return refusal("refund_expired");
    const entry = this.#accounts.entry(payee, refund.entry);
    if (!entry) return refusal(this.#isPruned(payee, refund.entry) ? "refund_expired" : "refund_unknown");
    const credit = creditIn(entry, transaction);
    if (credit?.payer !== payer) return refusal("refund_unknown");
    if (now > Number(entry.at) + REFUND_SECONDS) return refusal("refund_expired");
    if (this.#refunds.sumOf(payee, transaction) + BigInt(amount) > BigInt(credit.value)) return refusal("refund_exceeded");
    const claim = claimOf(refund);
    const mandate = this.#mandates.find(claim);
    const forbidden = this.#mandates.forbids(claim, mandate, now);
    if (forbidden) return refusal(forbidden);
    const exceeded = this.#mandates.exceeds(claim, mandate, undefined, now);
    if (exceeded) return exceeded;
    if (available(this.#accounts.read(payee)) < BigInt(amount)) return refusal("insufficient_funds");
    return this.#exchange.isFull(payer) ? refusal("overloaded") : undefined;
  }

  #isPruned(payee: AccountId, seq: number): boolean {
    return seq > 0 && seq <= Number(journalBase(this.#store, payee)?.seq ?? 0);
  }

  /** The row and both entries, in one transaction. Settled stays settled: this is a payment of its own. */
  #giveBack(refund: LedgerRefund, now: number): RefundRow {
    const { payee, payer, transaction, entry, amount, id, refundDigest, mandate } = refund;
    const from = this.#accounts.read(payee);
    const row: RefundRow = {
      payee,
      seq: from.journalSeq + 1,
      id,
      refund_digest: refundDigest,
      tx: transactionOf(NETWORK, refundDigest),
      refund_of: transaction,
      entry,
      payer,
      value: amount,
      sum: (this.#refunds.sumOf(payee, transaction) + BigInt(amount)).toString() as Amount,
      mandate: mandate?.digest ?? null,
      mandate_window: this.#mandates.spend(claimOf(refund), amount, now),
      at: now,
      signed: refund.signed ?? null,
    };
    this.#refunds.insert(row);
    this.#exchange.move(from, payer, amount, {
      authorizationDigest: refundDigest,
      ...(mandate && { mandate: mandate.digest }),
      transaction: row.tx,
      cause: "refund",
      refundOf: transaction,
      at: now,
    });
    return row;
  }
}

/** Refusals that no later time takes back. */
const NEVER: ReadonlySet<ErrorCode> = new Set(["refund_expired", "mandate_expired"]);

/** The payment that an entry credits: who made it, and how much can be given back. Undefined of a refund, a transfer, or a batch of before. */
export function creditIn(entry: JournalEntry, transaction: Digest): { payer: AccountId; value: Amount } | undefined {
  const { kind, cause, counterparty: payer, credits = [], value } = entry;
  if (cause !== undefined) return undefined;
  if (kind === "credit") return entry.transaction === transaction && payer ? { payer, value: value as Amount } : undefined;
  const listed = credits.find((credit) => credit.transaction === transaction);
  return listed && { payer: listed.payer, value: listed.value };
}

/** Under a mandate a refund counts as a payment of its payee's does. */
function claimOf({ payee, amount, issuedAt, mandate }: LedgerRefund): Claim {
  return { payer: payee, value: amount, validAfter: issuedAt, mandate };
}

function receipt({ tx, refund_of, payee, payer, value }: RefundRow): RefundResult {
  return { ok: true, transaction: tx, refundOf: refund_of, payee, payer, value };
}

function conflict({ tx }: RefundRow): Refusal {
  return { ok: false, code: "refund_conflict", transaction: tx };
}
