/**
 * The state table of a payment, cell by cell. state-table.test.ts plays every cell, and compares spec/state-table.md with them
 * by their names.
 */

import type { Digest } from "../../crypto/digest.ts";
import type { ErrorCode } from "../../errors.ts";
import { CLOCK_SKEW_SECONDS, FORGET_SECONDS, MAX_VALIDITY_SECONDS, RETENTION_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../limits.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerRules } from "../rules.ts";
import { BOB, captureOf, CAROL, FIRST, HELD, paymentOf, reservationOf, reserveOf, SECOND, settleOf, START, txOf, VALID } from "./ledger.ts";

export type Event = "reserve" | "capture" | "release" | "settle" | "cancel" | "alarm" | "status";
/** The state of `PAYMENT` before the event. FIRST has made every claim on it. */
export type State = "none" | "held, live" | "held, reclaimable" | "held, expired" | "settled" | "settled at once" | "cancelled";
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
  /** Event, state before, and case. Stable: spec/state-table.md and other pages cite the cell by it. */
  name: string;
  event: Event;
  state: State;
  fact: string;
  /** The reservation or settlement id of the caller; SECOND by default. */
  id?: Digest;
  /** PAYMENT by default. In a case of `upto` it is UPTO_PAYMENT, which FIRST has claimed. */
  payment?: LedgerPayment;
  /** What a capture or a settlement charges; the whole by default. */
  value?: Charge;
  /** What was charged before the event; the whole by default. */
  before?: Charge;
  /** Unix seconds; the state's own time by default. */
  at?: number;
  answer: unknown;
  next: Next;
}

export const PAYMENT = paymentOf();
/** The same of `upto`: at most 100. */
export const UPTO_PAYMENT = paymentOf({ scheme: "upto" });
/** Another authorization that Alice signed with the same nonce, and that is valid for longer. */
export const OTHER = paymentOf({ payee: CAROL, value: "150" as Amount, validBefore: START + 2 * VALID });

/** Unix seconds of the event in each state. The hold is reclaimable after HELD, and expired when its payment is. */
const TIMES: Record<State, number> = {
  none: START + 30,
  "held, live": START + 30,
  "held, reclaimable": START + HELD + 30,
  "held, expired": START + VALID + 1,
  settled: START + 90,
  "settled at once": START + 90,
  cancelled: START + 90,
};
const END = START + VALID;
/** The first second in which the alarm forgets the settled PAYMENT; REOPENED: the cancelled nonce. */
const FORGOTTEN = END + FORGET_SECONDS + 1;
const CANCELLED_AT = START + HELD + 1;
const REOPENED = CANCELLED_AT + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + FORGET_SECONDS + 1;

/** Brings a new ledger into `state`. */
export function arrange(rules: LedgerRules, { state, payment, before }: Pick<Cell, "state" | "payment" | "before">): void {
  const claimed = payment?.scheme ? UPTO_PAYMENT : PAYMENT;
  if (state === "none") return;
  if (state === "settled at once") {
    rules.settle(settleOf(claimed, FIRST, before), START);
    return;
  }
  rules.reserve(reserveOf(claimed, FIRST), START);
  if (state === "settled") rules.capture(captureOf(claimed, FIRST, before), START);
  if (state === "cancelled") rules.cancel(claimed.payer, claimed.nonce, CANCELLED_AT);
}

/** Unix seconds at which the cell's event happens. */
export function timeOf({ state, at = TIMES[state] }: Cell): number {
  return at;
}

const EVENTS: Record<Event, (rules: LedgerRules, payment: LedgerPayment, id: Digest, at: number, value?: Charge) => unknown> = {
  reserve: (rules, payment, id, at) => rules.reserve(reserveOf(payment, id), at),
  capture: (rules, payment, id, at, value) => rules.capture(captureOf(payment, id, value), at),
  release: (rules, payment, id, at) => rules.release(reservationOf(payment, id), at),
  settle: (rules, payment, id, at, value) => rules.settle(settleOf(payment, id, value), at),
  cancel: (rules, { payer, nonce }, _, at) => rules.cancel(payer, nonce, at),
  alarm: (rules, _payment, _id, at) => rules.runMaintenance(at),
  status: (rules, { payer, nonce, validBefore }, _, at) => rules.status(payer, nonce, validBefore, at),
};

/** Plays the cell's event. */
export function act(rules: LedgerRules, cell: Cell): unknown {
  const { event, payment = PAYMENT, id = SECOND, value } = cell;
  return EVENTS[event](rules, payment, id, timeOf(cell), value);
}

// --- Answers ---------------------------------------------------------------------------------------

const ok = { ok: true };
const refused = (code: ErrorCode) => ({ ok: false, code });
const replayed = { ok: false, code: "nonce_replayed", transaction: txOf(PAYMENT) };
const paid = (payment: LedgerPayment = PAYMENT, value: Charge = payment.value) => ({
  ok: true,
  transaction: txOf(payment),
  payer: payment.payer,
  payee: payment.payee,
  value,
});
const granted = (id: Digest, from: number, payment: LedgerPayment = PAYMENT) => ({
  ok: true,
  reservation: reservationOf(payment, id),
  heldUntil: from + HELD,
  transaction: txOf(payment),
});

// --- The table -------------------------------------------------------------------------------------

/** A cell without its event. The last column overrides who asks, for what and when. */
type Line = readonly [
  state: State,
  slug: string,
  fact: string,
  answer: unknown,
  next: Next,
  how?: Pick<Cell, "id" | "payment" | "at" | "value" | "before">,
];

/** "reserve/held-live/same-id" */
function nameOf(event: Event, state: State, slug: string): string {
  const before = state === "settled at once" ? "settled" : state.replace(", ", "-");
  return `${event}/${before}/${slug}`;
}

function table(event: Event, lines: readonly Line[]): Cell[] {
  return lines.map(([state, slug, fact, answer, next, how]) => ({
    name: nameOf(event, state, slug),
    event,
    state,
    fact,
    answer,
    next,
    ...how,
  }));
}

/** Why an unclaimed payment cannot be made; the same for reserve and settle. */
function obstacles(event: "reserve" | "settle"): Line[] {
  const line = (slug: string, what: string, code: ErrorCode, changes: Partial<LedgerPayment>): Line => [
    "none",
    slug,
    `${event} of a payment that ${what} is ${code} and writes nothing`,
    refused(code),
    "none",
    { payment: paymentOf(changes) },
  ];
  return [
    line("not-yet-valid", "is not valid yet", "payment_not_yet_valid", { validAfter: TIMES.none + CLOCK_SKEW_SECONDS + 1 }),
    line("expired", "has expired", "payment_expired", { validBefore: TIMES.none - 1 }),
    line("valid-too-long", "stays valid for too long", "validity_too_long", {
      validBefore: TIMES.none + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 1,
    }),
    line("no-funds", "its payer cannot cover", "insufficient_funds", { value: "251" as Amount }),
  ];
}

const RESERVE = table("reserve", [
  ["none", "unclaimed", "reserve of an unclaimed payment holds the money", granted(SECOND, TIMES.none), "held by SECOND"],
  ...obstacles("reserve"),
  ["held, live", "same-id", "reserve again by the holder gives the same answer", granted(FIRST, START), "held by FIRST", { id: FIRST }],
  [
    "held, live",
    "other-id",
    "reserve by another id of a live hold is payment_in_progress",
    refused("payment_in_progress"),
    "held by FIRST",
  ],
  [
    "held, live",
    "same-id-other-payment",
    "reserve by the holder of another authorization with the nonce is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { id: FIRST, payment: OTHER },
  ],
  [
    "held, live",
    "other-id-other-payment",
    "reserve by another id of another authorization with the nonce is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  [
    "held, reclaimable",
    "same-id",
    "reserve again by the holder gives the same answer, with the old end",
    granted(FIRST, START),
    "held by FIRST",
    { id: FIRST },
  ],
  [
    "held, reclaimable",
    "other-id",
    "reserve by another id takes the hold over",
    granted(SECOND, TIMES["held, reclaimable"]),
    "held by SECOND",
  ],
  [
    "held, reclaimable",
    "other-payment",
    "reserve of another authorization with the nonce is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  [
    "held, expired",
    "same-id",
    "reserve again by the holder is payment_expired and frees the money",
    refused("payment_expired"),
    "none",
    { id: FIRST },
  ],
  ["held, expired", "other-id", "reserve by another id is payment_expired and frees the money", refused("payment_expired"), "none"],
  [
    "held, expired",
    "other-payment",
    "reserve of another authorization finds the nonce unused",
    granted(SECOND, TIMES["held, expired"], OTHER),
    "held by SECOND",
    { payment: OTHER },
  ],
  [
    "settled",
    "same-id",
    "reserve of a settled payment by the id that settled it is nonce_replayed with the transaction",
    replayed,
    "settled by FIRST",
    { id: FIRST },
  ],
  [
    "settled",
    "other-id",
    "reserve of a settled payment by another id is nonce_replayed with the transaction",
    replayed,
    "settled by FIRST",
  ],
  [
    "settled",
    "other-payment",
    "reserve of another authorization with a settled nonce is nonce_replayed with the transaction that used it",
    replayed,
    "settled by FIRST",
    { payment: OTHER },
  ],
  [
    "settled",
    "after-validity",
    "reserve of a settled payment is nonce_replayed even after its validity",
    replayed,
    "settled by FIRST",
    { at: END + 1 },
  ],
  ["cancelled", "any-id", "reserve of a cancelled payment is payment_revoked", refused("payment_revoked"), "cancelled"],
  [
    "cancelled",
    "other-payment",
    "reserve of another authorization with a cancelled nonce is payment_revoked",
    refused("payment_revoked"),
    "cancelled",
    { payment: OTHER },
  ],
]);

const CAPTURE = table("capture", [
  ["none", "any-id", "capture without a hold is reservation_lost", refused("reservation_lost"), "none"],
  ["held, live", "same-id", "capture by the holder pays", paid(), "settled by FIRST", { id: FIRST }],
  ["held, live", "other-id", "capture by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  [
    "held, reclaimable",
    "same-id",
    "capture by the holder pays if no other id has taken the hold over",
    paid(),
    "settled by FIRST",
    { id: FIRST },
  ],
  ["held, reclaimable", "other-id", "capture by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  [
    "held, expired",
    "same-id",
    "capture by the holder is payment_expired and frees the money",
    refused("payment_expired"),
    "none",
    { id: FIRST },
  ],
  ["held, expired", "other-id", "capture by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["settled", "same-id", "capture again by the same id gives the same answer", paid(), "settled by FIRST", { id: FIRST }],
  [
    "settled",
    "same-id-after-deadline",
    "capture again by the same id gives the same answer even after the capture deadline",
    paid(),
    "settled by FIRST",
    { id: FIRST, at: END + 1 },
  ],
  [
    "settled",
    "other-id",
    "capture by another id of a settled payment is reservation_lost",
    refused("reservation_lost"),
    "settled by FIRST",
  ],
  [
    "cancelled",
    "same-id",
    "capture of a hold that was cancelled is reservation_lost",
    refused("reservation_lost"),
    "cancelled",
    { id: FIRST },
  ],
]);

/** FIRST holds a payment of `upto`, or has claimed it before. */
const upto = (value?: Charge, more: Pick<Cell, "id" | "at" | "before"> = {}) => ({
  id: FIRST,
  payment: UPTO_PAYMENT,
  ...(value !== undefined && { value }),
  ...more,
});
const PART = "37" as Amount;
const TOO_MUCH = "101" as Amount;

const CHARGE = table("capture", [
  ["held, live", "upto-part", "capture of a part pays it and frees the rest", paid(UPTO_PAYMENT, PART), "settled by FIRST", upto(PART)],
  ["held, live", "upto-whole", "capture without a value pays the whole", paid(UPTO_PAYMENT), "settled by FIRST", upto()],
  ["held, live", "upto-zero", "capture of nothing settles and frees the money", paid(UPTO_PAYMENT, "0"), "settled by FIRST", upto("0")],
  [
    "held, live",
    "upto-beyond",
    "capture of more than was signed is charge_exceeded",
    refused("charge_exceeded"),
    "held by FIRST",
    upto(TOO_MUCH),
  ],
  ["held, live", "exact-value", "capture of the whole of exact pays it", paid(), "settled by FIRST", { id: FIRST, value: PAYMENT.value }],
  ...(["37", "0", "101"] as Amount[]).map((value): Line => [
    "held, live",
    `exact-${value === "0" ? "zero" : value === "37" ? "part" : "beyond"}`,
    `capture of ${value} of an exact payment of 100 is amount_mismatch`,
    refused("amount_mismatch"),
    "held by FIRST",
    { id: FIRST, value },
  ]),
  [
    "held, reclaimable",
    "upto-part",
    "capture of a part of a reclaimable hold pays it and frees the rest",
    paid(UPTO_PAYMENT, PART),
    "settled by FIRST",
    upto(PART),
  ],
  ["held, expired", "upto-part", "capture of a part of an expired hold is payment_expired", refused("payment_expired"), "none", upto(PART)],
  [
    "settled",
    "upto-other-value",
    "capture again with another value gives the first answer",
    paid(UPTO_PAYMENT, PART),
    "settled by FIRST",
    upto("99" as Amount, { before: PART }),
  ],
  [
    "settled",
    "upto-beyond",
    "capture again with more than was signed gives the first answer",
    paid(UPTO_PAYMENT, PART),
    "settled by FIRST",
    upto(TOO_MUCH, { before: PART }),
  ],
  [
    "settled",
    "upto-after-zero",
    "capture again after nothing was charged gives the first answer",
    paid(UPTO_PAYMENT, "0"),
    "settled by FIRST",
    upto(PART, { before: "0" }),
  ],
]);

const RELEASE = table("release", [
  ["none", "any-id", "release without a hold is ok", ok, "none"],
  ["held, live", "same-id", "release by the holder frees the money", ok, "none", { id: FIRST }],
  ["held, live", "other-id", "release by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["held, reclaimable", "same-id", "release by the holder frees the money", ok, "none", { id: FIRST }],
  ["held, reclaimable", "other-id", "release by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  ["held, expired", "same-id", "release by the holder frees the money", ok, "none", { id: FIRST }],
  ["held, expired", "other-id", "release by another id is reservation_lost", refused("reservation_lost"), "held by FIRST"],
  [
    "settled",
    "same-id",
    "release of a settled payment by the id that settled it is refused with the transaction",
    replayed,
    "settled by FIRST",
    { id: FIRST },
  ],
  ["settled", "other-id", "release of a settled payment by another id is refused with the transaction", replayed, "settled by FIRST"],
  [
    "cancelled",
    "same-id",
    "release of a hold that was cancelled is reservation_lost",
    refused("reservation_lost"),
    "cancelled",
    { id: FIRST },
  ],
]);

const SETTLE = table("settle", [
  ["none", "unclaimed", "settle of an unclaimed payment pays", paid(), "settled by SECOND"],
  ...obstacles("settle"),
  [
    "held, live",
    "same-id",
    "settle by the holder of a live hold is payment_in_progress",
    refused("payment_in_progress"),
    "held by FIRST",
    { id: FIRST },
  ],
  ["held, live", "other-id", "settle by another id of a live hold is payment_in_progress", refused("payment_in_progress"), "held by FIRST"],
  [
    "held, live",
    "other-payment",
    "settle of another authorization with the nonce is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  ["held, reclaimable", "other-id", "settle takes the hold over and pays", paid(), "settled by SECOND"],
  [
    "held, reclaimable",
    "other-payment",
    "settle of another authorization with the nonce is nonce_replayed",
    refused("nonce_replayed"),
    "held by FIRST",
    { payment: OTHER },
  ],
  ["held, expired", "other-id", "settle is payment_expired and frees the money", refused("payment_expired"), "none"],
  [
    "held, expired",
    "other-payment",
    "settle of another authorization finds the nonce unused",
    paid(OTHER),
    "settled by SECOND",
    { payment: OTHER },
  ],
  ["settled at once", "same-id", "settle again by the same id gives the same answer", paid(), "settled by FIRST", { id: FIRST }],
  ["settled", "capturing-id", "settle by the id that captured gives capture's answer", paid(), "settled by FIRST", { id: FIRST }],
  [
    "settled at once",
    "same-id-after-validity",
    "settle again by the same id gives the same answer even after the validity",
    paid(),
    "settled by FIRST",
    { id: FIRST, at: END + 1 },
  ],
  [
    "settled at once",
    "other-id",
    "settle of a settled payment by another id is nonce_replayed with the transaction",
    replayed,
    "settled by FIRST",
  ],
  [
    "settled at once",
    "other-payment",
    "settle by the same id of another authorization with a settled nonce is nonce_replayed with the transaction that used it",
    replayed,
    "settled by FIRST",
    { id: FIRST, payment: OTHER },
  ],
  ["cancelled", "any-id", "settle of a cancelled payment is payment_revoked", refused("payment_revoked"), "cancelled"],
]);

const SETTLE_CHARGE = table("settle", [
  ["none", "upto-part", "settle of a part pays it", paid(UPTO_PAYMENT, PART), "settled by SECOND", upto(PART, { id: SECOND })],
  ["none", "upto-whole", "settle without a value pays the whole", paid(UPTO_PAYMENT), "settled by SECOND", upto(undefined, { id: SECOND })],
  ["none", "upto-zero", "settle of nothing settles", paid(UPTO_PAYMENT, "0"), "settled by SECOND", upto("0", { id: SECOND })],
  [
    "none",
    "upto-beyond",
    "settle of more than was signed is charge_exceeded",
    refused("charge_exceeded"),
    "none",
    upto(TOO_MUCH, { id: SECOND }),
  ],
  [
    "none",
    "upto-no-funds",
    "settle of a part whose maximum the payer cannot cover is insufficient_funds",
    refused("insufficient_funds"),
    "none",
    { payment: paymentOf({ scheme: "upto", value: "251" as Amount }), value: PART },
  ],
  ["none", "exact-part", "settle of a part of an exact payment is amount_mismatch", refused("amount_mismatch"), "none", { value: PART }],
  [
    "held, reclaimable",
    "upto-part",
    "settle of a part takes the hold over, pays the part and frees the rest",
    paid(UPTO_PAYMENT, PART),
    "settled by SECOND",
    upto(PART, { id: SECOND }),
  ],
  [
    "held, reclaimable",
    "upto-beyond",
    "settle of more than was signed takes no hold over",
    refused("charge_exceeded"),
    "held by FIRST",
    upto(TOO_MUCH, { id: SECOND }),
  ],
  [
    "settled at once",
    "upto-other-value",
    "settle again with another value gives the first answer",
    paid(UPTO_PAYMENT, PART),
    "settled by FIRST",
    upto("99" as Amount, { before: PART }),
  ],
  [
    "settled at once",
    "upto-other-id",
    "settle of a settled payment by another id with another value is nonce_replayed",
    { ...replayed, transaction: txOf(UPTO_PAYMENT) },
    "settled by FIRST",
    upto(TOO_MUCH, { before: "0", id: SECOND }),
  ],
]);

const CANCEL = table("cancel", [
  ["none", "payer", "cancel of an unclaimed payment consumes its nonce", ok, "cancelled"],
  [
    "none",
    "unknown-payer",
    "cancel by an account that has never held money is insufficient_funds and writes nothing",
    refused("insufficient_funds"),
    "none",
    { payment: paymentOf({ payer: BOB }) },
  ],
  ["held, live", "payer", "cancel of a live hold is payment_in_progress", refused("payment_in_progress"), "held by FIRST"],
  ["held, reclaimable", "payer", "cancel of a reclaimable hold frees the money and consumes the nonce", ok, "cancelled"],
  ["held, expired", "payer", "cancel of an expired hold frees the money and consumes the nonce", ok, "cancelled"],
  ["settled", "payer", "cancel of a settled payment is refused with the transaction", replayed, "settled by FIRST"],
  ["cancelled", "payer", "cancel again gives the same answer", ok, "cancelled"],
]);

/** The alarm answers when to ring next: when a hold dies, after an hour at the latest, never when nothing is left. */
const ALARM = table("alarm", [
  ["none", "rings", "the alarm rings again after an hour while there are payments to forget", TIMES.none + SWEEP_INTERVAL_SECONDS, "none"],
  ["held, live", "rings", "the alarm keeps a live hold and rings after its capture deadline", END + 1, "held by FIRST"],
  ["held, reclaimable", "rings", "the alarm keeps a reclaimable hold and rings after its capture deadline", END + 1, "held by FIRST"],
  ["held, expired", "rings", "the alarm frees an expired hold", END + 1 + SWEEP_INTERVAL_SECONDS, "none"],
  [
    "settled",
    "in-retention",
    "the alarm keeps a settled payment for the whole retention",
    FORGOTTEN - 1 + SWEEP_INTERVAL_SECONDS,
    "settled by FIRST",
    { at: FORGOTTEN - 1 },
  ],
  [
    "settled",
    "after-retention",
    "the alarm forgets a settled payment after the retention",
    undefined,
    "paid and forgotten",
    { at: FORGOTTEN },
  ],
  [
    "cancelled",
    "in-retention",
    "the alarm keeps a cancelled nonce for the whole retention",
    REOPENED - 1 + SWEEP_INTERVAL_SECONDS,
    "cancelled",
    { at: REOPENED - 1 },
  ],
  ["cancelled", "after-retention", "the alarm forgets a cancelled nonce after the retention", undefined, "none", { at: REOPENED }],
]);

const STATUS = table("status", [
  ["none", "in-validity", "status of an unclaimed payment is unused up to its last second", { status: "unused" }, "none", { at: END }],
  [
    "none",
    "after-validity",
    "status of an unclaimed payment is expired after its last second",
    { status: "expired" },
    "none",
    { at: END + 1 },
  ],
  [
    "none",
    "in-retention",
    "status of an unclaimed payment stays expired for the whole retention",
    { status: "expired" },
    "none",
    { at: END + RETENTION_SECONDS },
  ],
  ["none", "after-retention", "status is unknown after the retention", { status: "unknown" }, "none", { at: END + RETENTION_SECONDS + 1 }],
  ["held, live", "any-time", "status of a live hold is reserved", { status: "reserved" }, "held by FIRST"],
  [
    "held, reclaimable",
    "any-time",
    "status of a reclaimable hold is reserved, because it can still be captured",
    { status: "reserved" },
    "held by FIRST",
  ],
  ["held, expired", "any-time", "status of an expired hold is expired and frees the money", { status: "expired" }, "none"],
  [
    "settled",
    "in-validity",
    "status of a settled payment is settled with the transaction",
    { status: "settled", transaction: txOf(PAYMENT) },
    "settled by FIRST",
  ],
  [
    "settled",
    "after-validity",
    "status of a settled payment stays settled after its validity",
    { status: "settled", transaction: txOf(PAYMENT) },
    "settled by FIRST",
    { at: END + 1 },
  ],
  [
    "settled",
    "upto-part",
    "status of a payment of upto is settled with what was charged",
    { status: "settled", transaction: txOf(UPTO_PAYMENT), charged: PART },
    "settled by FIRST",
    { payment: UPTO_PAYMENT, before: PART },
  ],
  [
    "settled",
    "upto-zero",
    "status of a payment that was charged nothing is settled, with a charge of nothing",
    { status: "settled", transaction: txOf(UPTO_PAYMENT), charged: "0" },
    "settled by FIRST",
    { payment: UPTO_PAYMENT, before: "0" },
  ],
  ["cancelled", "any-time", "status of a cancelled nonce is cancelled", { status: "cancelled" }, "cancelled"],
]);

export const CELLS: readonly Cell[] = [
  ...RESERVE,
  ...CAPTURE,
  ...CHARGE,
  ...RELEASE,
  ...SETTLE,
  ...SETTLE_CHARGE,
  ...CANCEL,
  ...ALARM,
  ...STATUS,
];
