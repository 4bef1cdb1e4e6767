/** The payment table: one row for every (payer, nonce) that is held, settled or cancelled. */
import type { AccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { Digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import { FORGET_SECONDS, PRUNE_BATCH, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import type { LedgerStore } from "./store.ts";

interface Facts {
  payer: AccountId;
  nonce: Digest;
  authorization_digest: Digest;
  payee: AccountId;
  value: Amount;
  valid_before: number;
  request_digest: Digest | null;
  /** The reservation or settlement id that owns the row. */
  holder: Digest;
  /** After it nothing about this payment succeeds: the later of valid_before and held_until. */
  dead_line: number;
  tx: Digest;
}
export type HeldRow = Facts & { state: "held"; held_until: number };
export type SettledRow = Facts & { state: "settled" };
/** A nonce that was cancelled; perhaps nobody ever saw its payment. */
export type CancelledRow = Pick<Facts, "payer" | "nonce" | "valid_before" | "dead_line"> & { state: "cancelled" };
export type PaymentRow = HeldRow | SettledRow | CancelledRow;

export class Payments {
  readonly #store: LedgerStore;
  #restsUntil = 0;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  find(payer: AccountId, nonce: Digest): PaymentRow | undefined {
    const [row] = this.#store.sql("SELECT * FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);
    return row as PaymentRow | undefined;
  }

  insertHeld(payment: LedgerPayment, holder: Digest, heldUntil: number): HeldRow {
    const deadLine = Math.max(payment.validBefore, heldUntil);
    return { ...this.#insert(payment, "held", holder, deadLine, heldUntil), state: "held", held_until: heldUntil };
  }

  insertSettled(payment: LedgerPayment, holder: Digest): SettledRow {
    return { ...this.#insert(payment, "settled", holder, payment.validBefore, null), state: "settled" };
  }

  insertCancelled(payer: AccountId, nonce: Digest, validBefore: number): void {
    this.#store.sql(
      "INSERT INTO payment (payer, nonce, state, valid_before, dead_line) VALUES (?, ?, 'cancelled', ?, ?)",
      payer,
      nonce,
      validBefore,
      validBefore,
    );
  }

  #insert(payment: LedgerPayment, state: PaymentRow["state"], holder: Digest, deadLine: number, heldUntil: number | null): Facts {
    const tx = transactionOf(NETWORK, payment.authorizationDigest);
    const { payer, nonce, authorizationDigest, payee, value, validBefore, requestDigest = null } = payment;
    this.#store.sql(
      `INSERT INTO payment (payer, nonce, state, authorization_digest, payee, value, valid_before, request_digest, holder, held_until, dead_line, tx)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      payer,
      nonce,
      state,
      authorizationDigest,
      payee,
      value,
      validBefore,
      requestDigest,
      holder,
      heldUntil,
      deadLine,
      tx,
    );
    return {
      payer,
      nonce,
      authorization_digest: authorizationDigest,
      payee,
      value,
      valid_before: validBefore,
      request_digest: requestDigest,
      holder,
      dead_line: deadLine,
      tx,
    };
  }

  markSettled({ payer, nonce }: HeldRow): void {
    this.#store.sql("UPDATE payment SET state = 'settled' WHERE payer = ? AND nonce = ?", payer, nonce);
  }

  delete({ payer, nonce }: Pick<Facts, "payer" | "nonce">): void {
    this.#store.sql("DELETE FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);
  }

  /** Holds that can no longer be captured, the longest dead first. */
  deadHolds(now: number, limit: number): HeldRow[] {
    const rows = this.#store.sql("SELECT * FROM payment WHERE state = 'held' AND dead_line < ? ORDER BY dead_line LIMIT ?", now, limit);
    return rows as unknown as HeldRow[];
  }

  /** Unix seconds of the next hold's dead line; undefined without holds. */
  nextDeadLine(): number | undefined {
    const next = this.#store.sql("SELECT min(dead_line) AS next FROM payment WHERE state = 'held'")[0]?.["next"];
    return typeof next === "number" ? next : undefined;
  }

  /**
   * Looks at the next PRUNE_BATCH rows in key order and forgets those past their retention: a sweep that comes round
   * again and again costs reads, where an index would cost a write per payment. After a round that took several alarms it
   * rests: alarms that ring for something else begin no other.
   * @returns true while the round is not finished
   */
  sweep(now: number): boolean {
    const [cursor] = this.#store.sql("SELECT payer, nonce FROM sweep");
    if (!cursor && now < this.#restsUntil) return false;
    const rows = this.#store.sql(
      "SELECT payer, nonce, state, dead_line FROM payment WHERE (payer, nonce) > (?, ?) ORDER BY payer, nonce LIMIT ?",
      cursor?.["payer"] ?? "",
      cursor?.["nonce"] ?? "",
      PRUNE_BATCH,
    ) as unknown as Pick<PaymentRow, "payer" | "nonce" | "state" | "dead_line">[];
    for (const row of rows) if (row.state !== "held" && row.dead_line + FORGET_SECONDS < now) this.delete(row);
    const last = rows.length === PRUNE_BATCH ? rows.at(-1) : undefined;
    if (cursor) this.#store.sql("DELETE FROM sweep");
    if (cursor && !last) this.#restsUntil = now + SWEEP_INTERVAL_SECONDS;
    if (last) this.#store.sql("INSERT INTO sweep (payer, nonce) VALUES (?, ?)", last.payer, last.nonce);
    return last !== undefined;
  }

  /** True when there is nothing to remember. */
  isEmpty(): boolean {
    return this.#store.sql("SELECT 1 FROM payment LIMIT 1").length === 0;
  }
}
