/**
 * The state table of a payment, cell by cell. state-table.test.ts plays every cell; spec/state-table.md says the same in
 * prose, and is checked against the facts here.
 */
import type { Amount } from "../../protocol/amount.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { Digest } from "../../crypto/digest.ts";
import type { ErrorCode } from "../../errors.ts";
import { CLOCK_SKEW_SECONDS, FORGET_SECONDS, MAX_VALIDITY_SECONDS, RETENTION_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../limits.ts";
import { CAROL, FIRST, HELD, paymentOf, reservationOf, reserveOf, SECOND, settleOf, START, txOf, VALID } from "./ledger.ts";
import type { LedgerRules } from "../rules.ts";

export type Event = "reserve" | "capture" | "release" | "settle" | "cancel" | "alarm" | "status";
/** What has happened to `PAYMENT` before. Whatever could claim it was claimed by FIRST. */
export type State = "none" | "held, live" | "held, lapsed" | "held, dead" | "settled" | "settled at once" | "cancelled";
/** What is stored afterwards. */
export type Next =
  | "none"
  | "paid and forgotten"
  | "held by FIRST"
  | "held by SECOND"
  | "settled by FIRST"
  | "settled by SECOND"
  | "cancelled";

export interface Cell {
  event: Event;
  state: State;
  /** The name of its test. */
  fact: string;
  /** Who asks; SECOND unless said otherwise. */
  id?: Digest;
  /** What is asked for; PAYMENT unless said otherwise. */
  payment?: LedgerPayment;
  /** When; the state's own time unless said otherwise. Unix seconds. */
  at?: number;
  answer: unknown;
  next: Next;
}

export const PAYMENT = paymentOf();
/** Another authorization that Alice signed with the same nonce, and that is valid for longer. */
export const OTHER = paymentOf({ payee: CAROL, value: "150" as Amount, validBefore: START + 2 * VALID });

/** When each state is looked at. A hold lapses after HELD; this one is dead when its payment expires. */
const TIMES: Record<State, number> = {
  none: START + 30,
  "held, live": START + 30,
  "held, lapsed": START + HELD + 30,
  "held, dead": START + VALID + 1,
  settled: START + 90,
  "settled at once": START + 90,
  cancelled: START + 90,
};
const END = START + VALID;
/** The first second in which the alarm forgets PAYMENT when it was settled, or its nonce when that was cancelled. */
const FORGOTTEN = END + FORGET_SECONDS + 1;
const CANCELLED_AT = START + HELD + 1;
const REOPENED = CANCELLED_AT + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + FORGET_SECONDS + 1;

/** Brings a new ledger into `state`. */
export function arrange(rules: LedgerRules, state: State): void {
  if (state === "none") return;
  if (state === "settled at once") {
    rules.settle(settleOf(PAYMENT, FIRST), START);
    return;
  }
  rules.reserve(reserveOf(PAYMENT, FIRST), START);
  if (state === "settled") rules.capture(reservationOf(PAYMENT, FIRST), START);
  if (state === "cancelled") rules.cancel(PAYMENT.payer, PAYMENT.nonce, CANCELLED_AT);
}

/** Unix seconds at which the cell's event happens. */
export function timeOf({ state, at = TIMES[state] }: Cell): number {
  return at;
}

const EVENTS: Record<Event, (rules: LedgerRules, payment: LedgerPayment, id: Digest, at: number) => unknown> = {
  reserve: (rules, payment, id, at) => rules.reserve(reserveOf(payment, id), at),
  capture: (rules, payment, id, at) => rules.capture(reservationOf(payment, id), at),
  release: (rules, payment, id, at) => rules.release(reservationOf(payment, id), at),
  settle: (rules, payment, id, at) => rules.settle(settleOf(payment, id), at),
  cancel: (rules, { payer, nonce }, _, at) => rules.cancel(payer, nonce, at),
  alarm: (rules, _payment, _id, at) => rules.tidy(at),
  status: (rules, { payer, nonce, validBefore }, _, at) => rules.status(payer, nonce, validBefore, at),
};

/** Plays the cell's event. */
export function act(rules: LedgerRules, cell: Cell): unknown {
  const { event, payment = PAYMENT, id = SECOND } = cell;
  return EVENTS[event](rules, payment, id, timeOf(cell));
}

// --- Answers ---------------------------------------------------------------------------------------

const ok = { ok: true };
const refused = (code: ErrorCode) => ({ ok: false, code });
const replayed = { ok: false, code: "nonce_replayed", transaction: txOf(PAYMENT) };
const paid = (payment: LedgerPayment = PAYMENT) => ({
  ok: true,
  transaction: txOf(payment),
  payer: payment.payer,
  payee: payment.payee,
  value: payment.value,
});
const granted = (id: Digest, from: number, payment: LedgerPayment = PAYMENT) => ({
  ok: true,
  reservation: reservationOf(payment, id),
  heldUntil: from + HELD,
  transaction: txOf(payment),
});

// --- The table -------------------------------------------------------------------------------------

/** A cell without its event, and with who asks, for what and when as the last, optional column. */
type Line = readonly [state: State, fact: string, answer: unknown, next: Next, how?: Pick<Cell, "id" | "payment" | "at">];

function table(event: Event, lines: readonly Line[]): Cell[] {
  return lines.map(([state, fact, answer, next, how]) => ({ event, state, fact, answer, next, ...how }));
}

/** Why a payment that nobody has claimed cannot be made; the same for reserve and settle. */
function obstacles(event: "reserve" | "settle"): Line[] {
  const line = (what: string, code: ErrorCode, changes: Partial<LedgerPayment>): Line => [
    "none",
    `${event} of a payment that ${what} is ${code} and writes nothing`,
    refused(code),
    "none",
    { payment: paymentOf(changes) },
  ];
  return [
    line("is not valid yet", "payment_not_yet_valid", { validAfter: TIMES.none + CLOCK_SKEW_SECONDS + 1 }),
    line("has expired", "payment_expired", { validBefore: TIMES.none - 1 }),
    line("stays valid for too long", "validity_too_long", { validBefore: TIMES.none + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 1 }),
    line("its payer cannot cover", "insufficient_funds", { value: "251" as Amount }),
  ];
}

const RESERVE = table("reserve", [
  ["none", "reserve of a payment that nobody has claimed holds the money", granted(SECOND, TIMES.none), "held by SECOND"],
  ...obstacles("reserve"),
  ["held, live", "reserve again by the holder gives the same answer", granted(FIRST, START), "held by FIRST", { id: FIRST }],
  ["held, live", "reserve by another id of a live hold is payment_in_progress", refused("payment_in_progress"), "held by FIRST"],
  [
    "held, live",
    "reserve by the holder of another authorization with the nonce of a live hold is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { id: FIRST, payment: OTHER },
  ],
  [
    "held, live",
    "reserve by another id of another authorization with the nonce of a live hold is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  [
    "held, lapsed",
    "reserve again by the holder of a lapsed hold gives the same answer, with the old end",
    granted(FIRST, START),
    "held by FIRST",
    { id: FIRST },
  ],
  ["held, lapsed", "reserve by another id takes over a lapsed hold", granted(SECOND, TIMES["held, lapsed"]), "held by SECOND"],
  [
    "held, lapsed",
    "reserve of another authorization with the nonce of a lapsed hold is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  [
    "held, dead",
    "reserve again by the holder of a dead hold is payment_expired and frees the money",
    refused("payment_expired"),
    "none",
    { id: FIRST },
  ],
  ["held, dead", "reserve by another id of a dead hold is payment_expired and frees the money", refused("payment_expired"), "none"],
  [
    "held, dead",
    "reserve of another authorization finds the nonce of a dead hold unused",
    granted(SECOND, TIMES["held, dead"], OTHER),
    "held by SECOND",
    { payment: OTHER },
  ],
  [
    "settled",
    "reserve of a settled payment by the id that settled it is nonce_replayed with the transaction",
    replayed,
    "settled by FIRST",
    { id: FIRST },
  ],
  ["settled", "reserve of a settled payment is nonce_replayed with the transaction", replayed, "settled by FIRST"],
  [
    "settled",
    "reserve of another authorization with a settled nonce is nonce_replayed with the transaction that used it",
    replayed,
    "settled by FIRST",
    { payment: OTHER },
  ],
  [
    "settled",
    "reserve of a settled payment is nonce_replayed even after it would have expired",
    replayed,
    "settled by FIRST",
    { at: END + 1 },
  ],
  ["cancelled", "reserve of a cancelled payment is payment_revoked", refused("payment_revoked"), "cancelled"],
  [
    "cancelled",
    "reserve of another authorization with a cancelled nonce is payment_revoked",
    refused("payment_revoked"),
    "cancelled",
    { payment: OTHER },
  ],
]);

const CAPTURE = table("capture", [
  ["none", "capture without a hold is reservation_lost", refused("reservation_lost"), "none"],
  ["held, live", "capture by the holder of a live hold pays", paid(), "settled by FIRST", { id: FIRST }],
  ["held, live", "capture by another id of a live hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["held, lapsed", "capture by the holder of a lapsed hold that nobody has taken over pays", paid(), "settled by FIRST", { id: FIRST }],
  ["held, lapsed", "capture by another id of a lapsed hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  [
    "held, dead",
    "capture by the holder of a dead hold is payment_expired and frees the money",
    refused("payment_expired"),
    "none",
    { id: FIRST },
  ],
  ["held, dead", "capture by another id of a dead hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["settled", "capture again by the same id gives the same answer", paid(), "settled by FIRST", { id: FIRST }],
  [
    "settled",
    "capture again by the same id gives the same answer even after the dead line",
    paid(),
    "settled by FIRST",
    { id: FIRST, at: END + 1 },
  ],
  ["settled", "capture by another id of a settled payment is reservation_lost", refused("reservation_lost"), "settled by FIRST"],
  [
    "cancelled",
    "capture by the holder of a hold that was cancelled is reservation_lost",
    refused("reservation_lost"),
    "cancelled",
    { id: FIRST },
  ],
]);

const RELEASE = table("release", [
  ["none", "release without a hold is ok", ok, "none"],
  ["held, live", "release by the holder of a live hold frees the money", ok, "none", { id: FIRST }],
  ["held, live", "release by another id of a live hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["held, lapsed", "release by the holder of a lapsed hold frees the money", ok, "none", { id: FIRST }],
  ["held, lapsed", "release by another id of a lapsed hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["held, dead", "release by the holder of a dead hold frees the money", ok, "none", { id: FIRST }],
  ["held, dead", "release by another id of a dead hold is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  [
    "settled",
    "release of a settled payment by the id that settled it is refused with the transaction",
    replayed,
    "settled by FIRST",
    { id: FIRST },
  ],
  ["settled", "release of a settled payment by another id is refused with the transaction", replayed, "settled by FIRST"],
  ["cancelled", "release of a hold that was cancelled is reservation_lost", refused("reservation_lost"), "cancelled", { id: FIRST }],
]);

const SETTLE = table("settle", [
  ["none", "settle of a payment that nobody has claimed pays", paid(), "settled by SECOND"],
  ...obstacles("settle"),
  [
    "held, live",
    "settle by the holder of a live hold is payment_in_progress",
    refused("payment_in_progress"),
    "held by FIRST",
    { id: FIRST },
  ],
  ["held, live", "settle by another id of a live hold is payment_in_progress", refused("payment_in_progress"), "held by FIRST"],
  [
    "held, live",
    "settle of another authorization with the nonce of a live hold is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  ["held, lapsed", "settle takes over a lapsed hold and pays", paid(), "settled by SECOND"],
  [
    "held, lapsed",
    "settle of another authorization with the nonce of a lapsed hold is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  ["held, dead", "settle of a dead hold is payment_expired and frees the money", refused("payment_expired"), "none"],
  [
    "held, dead",
    "settle of another authorization finds the nonce of a dead hold unused",
    paid(OTHER),
    "settled by SECOND",
    { payment: OTHER },
  ],
  ["settled at once", "settle again by the same id gives the same answer", paid(), "settled by FIRST", { id: FIRST }],
  ["settled", "settle by the id that captured gives the answer that capture gave", paid(), "settled by FIRST", { id: FIRST }],
  [
    "settled at once",
    "settle again by the same id gives the same answer even after the payment would have expired",
    paid(),
    "settled by FIRST",
    { id: FIRST, at: END + 1 },
  ],
  ["settled at once", "settle of a settled payment by another id is nonce_replayed with the transaction", replayed, "settled by FIRST"],
  [
    "settled at once",
    "settle by the same id of another authorization with a settled nonce is nonce_replayed with the transaction that used it",
    replayed,
    "settled by FIRST",
    { id: FIRST, payment: OTHER },
  ],
  ["cancelled", "settle of a cancelled payment is payment_revoked", refused("payment_revoked"), "cancelled"],
]);

const CANCEL = table("cancel", [
  ["none", "cancel of a payment that nobody has claimed consumes its nonce", ok, "cancelled"],
  ["held, live", "cancel of a live hold is payment_in_progress", refused("payment_in_progress"), "held by FIRST"],
  ["held, lapsed", "cancel of a lapsed hold frees the money and consumes the nonce", ok, "cancelled"],
  ["held, dead", "cancel of a dead hold frees the money and consumes the nonce", ok, "cancelled"],
  ["settled", "cancel of a settled payment is refused with the transaction", replayed, "settled by FIRST"],
  ["cancelled", "cancel again gives the same answer", ok, "cancelled"],
]);

/** The alarm answers when to ring next: when a hold dies, after an hour at the latest, never when nothing is left. */
const ALARM = table("alarm", [
  ["none", "the alarm rings again after an hour while there is anything to forget", TIMES.none + SWEEP_INTERVAL_SECONDS, "none"],
  ["held, live", "the alarm leaves a live hold and rings when it dies", END + 1, "held by FIRST"],
  ["held, lapsed", "the alarm leaves a lapsed hold and rings when it dies", END + 1, "held by FIRST"],
  ["held, dead", "the alarm frees a dead hold", END + 1 + SWEEP_INTERVAL_SECONDS, "none"],
  [
    "settled",
    "the alarm keeps a settled payment for the whole retention",
    FORGOTTEN - 1 + SWEEP_INTERVAL_SECONDS,
    "settled by FIRST",
    { at: FORGOTTEN - 1 },
  ],
  ["settled", "the alarm forgets a settled payment after the retention", undefined, "paid and forgotten", { at: FORGOTTEN }],
  [
    "cancelled",
    "the alarm keeps a cancelled nonce for the whole retention",
    REOPENED - 1 + SWEEP_INTERVAL_SECONDS,
    "cancelled",
    { at: REOPENED - 1 },
  ],
  ["cancelled", "the alarm forgets a cancelled nonce after the retention", undefined, "none", { at: REOPENED }],
]);

const STATUS = table("status", [
  ["none", "status of a payment that nobody has claimed is unused up to its last second", { status: "unused" }, "none", { at: END }],
  ["none", "status of a payment that nobody has claimed is expired after its last second", { status: "expired" }, "none", { at: END + 1 }],
  [
    "none",
    "status of a payment that nobody has claimed stays expired for the whole retention",
    { status: "expired" },
    "none",
    { at: END + RETENTION_SECONDS },
  ],
  ["none", "status is unknown when it was too long ago to say", { status: "unknown" }, "none", { at: END + RETENTION_SECONDS + 1 }],
  ["held, live", "status of a live hold is reserved", { status: "reserved" }, "held by FIRST"],
  ["held, lapsed", "status of a lapsed hold is reserved, because it can still be captured", { status: "reserved" }, "held by FIRST"],
  ["held, dead", "status of a dead hold is expired and frees the money", { status: "expired" }, "none"],
  [
    "settled",
    "status of a settled payment is settled with the transaction",
    { status: "settled", transaction: txOf(PAYMENT) },
    "settled by FIRST",
  ],
  [
    "settled",
    "status of a settled payment stays settled after it would have expired",
    { status: "settled", transaction: txOf(PAYMENT) },
    "settled by FIRST",
    { at: END + 1 },
  ],
  ["cancelled", "status of a cancelled nonce is cancelled", { status: "cancelled" }, "cancelled"],
]);

export const CELLS: readonly Cell[] = [...RESERVE, ...CAPTURE, ...RELEASE, ...SETTLE, ...CANCEL, ...ALARM, ...STATUS];
