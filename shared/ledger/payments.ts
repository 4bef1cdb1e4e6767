/** The payment table: one row for every (payer, nonce) that is held, settled or cancelled, or that opened a session. */

import type { Digest } from "../crypto/digest.ts";
import { NETWORK, UPTO } from "../lez.ts";
import { FORGET_SECONDS, PRUNE_BATCH, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Amount, Charge } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { LedgerSession } from "../protocol/ledger-session.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../row.ts";
import type { LedgerStore, Row } from "./store.ts";

const KEY = {
  payer: text<AccountId>(),
  nonce: text<Digest>(),
};
const TIMES = {
  valid_before: integer(),
  /** The last second in which anything about this payment succeeds: the later of valid_before and held_until. */
  capture_deadline: integer(),
};
const CLAIM = {
  ...KEY,
  ...TIMES,
  authorization_digest: text<Digest>(),
  payee: text<AccountId>(),
  /** Of `upto`: the most that may be charged. */
  value: text<Amount>(),
  /** Null for `exact`. */
  scheme: nullable(oneOf(UPTO)),
  request_digest: nullable(text<Digest>()),
  /** The reservation or settlement id that owns the row. */
  holder: text<Digest>(),
  tx: text<Digest>(),
  mandate: nullable(text<Digest>()),
  /** The mandate's period that the claim counts in. */
  mandate_window: nullable(integer()),
};
const HELD = { ...CLAIM, state: oneOf("held"), held_until: integer() };
const SETTLED = { ...CLAIM, state: oneOf("settled"), /** Null for all of `value`. */ charged: nullable(text<Charge>()) };
/** Its payment may never have been presented, so the row has no more than this. */
const CANCELLED = { ...KEY, ...TIMES, state: oneOf("cancelled") };
/** Opened a session. No payment has the nonce, so it is stored as cancelled. */
const USED = { ...KEY, ...TIMES, session: text<Digest>() };

type Claim = RowOf<typeof CLAIM>;
export type HeldRow = RowOf<typeof HELD>;
export type SettledRow = RowOf<typeof SETTLED>;
export type CancelledRow = RowOf<typeof CANCELLED>;
export type SessionNonceRow = RowOf<typeof USED> & { state: "session" };
export type PaymentRow = HeldRow | SettledRow | CancelledRow | SessionNonceRow;

const keyRow = row(KEY);
const heldRow = row(HELD);
const settledRow = row(SETTLED);
const cancelledRow = row(CANCELLED);
const usedRow = row(USED);
const heldCountRow = row({ n: integer(), first: integer() });
const sweptRow = row({
  ...KEY,
  state: oneOf("held", "settled", "cancelled"),
  session: nullable(text<Digest>()),
  capture_deadline: integer(),
});

export class Payments {
  readonly #store: LedgerStore;
  #restsUntil = 0;

  constructor(store: LedgerStore) {
    this.#store = store;
  }

  find(payer: AccountId, nonce: Digest): PaymentRow | undefined {
    const [found] = this.#store.sql("SELECT * FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);
    return found && paymentRow(found);
  }

  /** @param window of its mandate; null without one */
  insertHeld(payment: LedgerPayment, holder: Digest, heldUntil: number, window: number | null): HeldRow {
    const deadline = Math.max(payment.validBefore, heldUntil);
    return { ...this.#insert(payment, "held", holder, deadline, heldUntil, window), state: "held", held_until: heldUntil };
  }

  insertSettled(payment: LedgerPayment, holder: Digest, window: number | null, charge: Charge = payment.value): SettledRow {
    const charged = partOf(payment.value, charge);
    return { ...this.#insert(payment, "settled", holder, payment.validBefore, null, window, charged), state: "settled", charged };
  }

  insertCancelled(payer: AccountId, nonce: Digest, validBefore: number): void {
    this.#store.sql(
      "INSERT INTO payment (payer, nonce, state, valid_before, capture_deadline) VALUES (?, ?, 'cancelled', ?, ?)",
      payer,
      nonce,
      validBefore,
      validBefore,
    );
  }

  /** Consumes the nonce of a session. The session's end forgets it. @param claimDeadline the session's */
  insertUsed({ payer, nonce, id, validBefore }: LedgerSession, claimDeadline: number): void {
    this.#store.sql(
      "INSERT INTO payment (payer, nonce, state, valid_before, capture_deadline, session) VALUES (?, ?, 'cancelled', ?, ?, ?)",
      payer,
      nonce,
      validBefore,
      claimDeadline,
      id,
    );
  }

  /** Counts the payer's cancelled nonces that are not forgotten yet. */
  cancelledBy(payer: AccountId): number {
    const [counted] = this.#store.sql(
      "SELECT count(*) AS nonces FROM payment WHERE payer = ? AND state = 'cancelled' AND session IS NULL",
      payer,
    );
    return Number(counted?.["nonces"]);
  }

  #insert(
    payment: LedgerPayment,
    state: "held" | "settled",
    holder: Digest,
    captureDeadline: number,
    heldUntil: number | null,
    window: number | null,
    charged: Charge | null = null,
  ): Claim {
    const tx = transactionOf(NETWORK, payment.authorizationDigest);
    const mandate = payment.mandate?.digest ?? null;
    const { payer, nonce, authorizationDigest, payee, value, scheme = null, validBefore, requestDigest = null } = payment;
    this.#store.sql(
      `INSERT INTO payment (payer, nonce, state, authorization_digest, payee, value, valid_before, request_digest, holder, held_until, capture_deadline, tx, mandate, mandate_window, scheme, charged)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      captureDeadline,
      tx,
      mandate,
      window,
      scheme,
      charged,
    );
    return {
      payer,
      nonce,
      authorization_digest: authorizationDigest,
      payee,
      value,
      scheme,
      valid_before: validBefore,
      request_digest: requestDigest,
      holder,
      capture_deadline: captureDeadline,
      tx,
      mandate,
      mandate_window: window,
    };
  }

  markSettled(row: HeldRow, charge: Charge): SettledRow {
    const charged = partOf(row.value, charge);
    this.#store.sql("UPDATE payment SET state = 'settled', charged = ? WHERE payer = ? AND nonce = ?", charged, row.payer, row.nonce);
    return { ...row, state: "settled", charged };
  }

  delete({ payer, nonce }: Pick<PaymentRow, "payer" | "nonce">): void {
    this.#store.sql("DELETE FROM payment WHERE payer = ? AND nonce = ?", payer, nonce);
  }

  /** Holds past their capture deadline, the earliest deadline first. */
  expiredHolds(now: number, limit: number): HeldRow[] {
    return this.#store
      .sql("SELECT * FROM payment WHERE state = 'held' AND capture_deadline < ? ORDER BY capture_deadline LIMIT ?", now, limit)
      .map(heldRow);
  }

  /** The payer's holds that can still be captured, under this mandate or, as `*`, all of them. */
  openHolds(payer: AccountId, mandate: Digest | "*", now: number): HeldRow[] {
    // By the index of holds: a payer can have far more settled payments than a shard has holds.
    return this.#store
      .sql("SELECT * FROM payment INDEXED BY payment_held WHERE state = 'held' AND capture_deadline >= ? AND payer = ?", now, payer)
      .map(heldRow)
      .filter((row) => mandate === "*" || row.mandate === mandate);
  }

  /** Unix seconds of the next hold's capture deadline; undefined without holds. */
  nextCaptureDeadline(): number | undefined {
    const next = this.#store.sql("SELECT min(capture_deadline) AS next FROM payment WHERE state = 'held'")[0]?.["next"];
    return typeof next === "number" ? next : undefined;
  }

  /**
   * Reads the next PRUNE_BATCH rows in the order of their keys and deletes those past their retention. A recurring sweep costs
   * reads; an index would cost a write per payment. After a round of several batches it rests: alarms that ring for other
   * work start no new round.
   * @returns whether the round goes on, and whether it deleted anything
   */
  sweep(now: number): { unfinished: boolean; forgot: boolean } {
    const [cursor] = this.#store.sql("SELECT payer, nonce FROM sweep").map(keyRow);
    if (!cursor && now < this.#restsUntil) return { unfinished: false, forgot: false };
    const rows = this.#store
      .sql(
        "SELECT payer, nonce, state, session, capture_deadline FROM payment WHERE (payer, nonce) > (?, ?) ORDER BY payer, nonce LIMIT ?",
        cursor?.payer ?? "",
        cursor?.nonce ?? "",
        PRUNE_BATCH,
      )
      .map(sweptRow);
    const ofPayments = rows.filter(({ session }) => session === null); // a session's goes with it
    const old = ofPayments.filter((row) => row.state !== "held" && row.capture_deadline + FORGET_SECONDS < now);
    for (const row of old) this.delete(row);
    const last = rows.length === PRUNE_BATCH ? rows.at(-1) : undefined;
    if (cursor) this.#store.sql("DELETE FROM sweep");
    if (cursor && !last) this.#restsUntil = now + SWEEP_INTERVAL_SECONDS;
    if (last) this.#store.sql("INSERT INTO sweep (payer, nonce) VALUES (?, ?)", last.payer, last.nonce);
    return { unfinished: last !== undefined, forgot: old.length > 0 };
  }

  /** @returns how many holds are open, and the last second of the one that ends first; 0 if none is open */
  held(): { holds: number; firstDeadline: number } {
    const [found] = this.#store.sql("SELECT count(*) AS n, coalesce(min(capture_deadline), 0) AS first FROM payment WHERE state = 'held'");
    const { n: holds, first: firstDeadline } = heldCountRow(found ?? {});
    return { holds, firstDeadline };
  }

  isEmpty(): boolean {
    return this.#store.sql("SELECT 1 FROM payment LIMIT 1").length === 0;
  }
}

/** The column `charged`. */
function partOf(value: Amount, charge: Charge): Charge | null {
  return charge === value ? null : charge;
}

/** What the payer paid. */
export function chargedOf({ value, charged }: Pick<SettledRow, "value" | "charged">): Charge {
  return charged ?? value;
}

function paymentRow(found: Row): PaymentRow {
  if (found["state"] === "held") return heldRow(found);
  if (found["session"] !== null) return { ...usedRow(found), state: "session" };
  return found["state"] === "settled" ? settledRow(found) : cancelledRow(found);
}
