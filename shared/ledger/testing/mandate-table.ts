/**
 * The state table of a mandate, cell by cell. mandate-table.test.ts plays every cell, and compares spec/state-table.md with them by
 * their names.
 */

import type { Digest } from "../../crypto/digest.ts";
import { CLOCK_SKEW_SECONDS, FORGET_SECONDS, MAX_MANDATE_SECONDS, MAX_VALIDITY_SECONDS, SWEEP_INTERVAL_SECONDS } from "../../limits.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import type { LedgerMandate, LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerRules } from "../rules.ts";
import {
  ALICE,
  BOB,
  captureOf,
  CAROL,
  FIRST,
  HELD,
  idOf,
  paymentOf,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  txOf,
} from "./ledger.ts";

const HOUR = 3600;
/** Periods of an hour: at most 150 in three payments. */
export const MANDATE: LedgerMandate = {
  digest: idOf(0xd1),
  grantedAt: START,
  validAfter: START,
  validBefore: START + 24 * HOUR,
  total: "200" as Amount,
  period: { seconds: HOUR, amount: "150" as Amount, count: 3 },
};
const END = MANDATE.validBefore;
const DEADLINE = END + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS;
/** Of a mandate that was revoked at START, before its first claim. */
const REVOKED_DEADLINE = START + CLOCK_SKEW_SECONDS + MAX_MANDATE_SECONDS + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS;

/** A payment under the mandate, signed at `at`. */
export function under(
  value: number,
  { payer = ALICE, at = START, nonce = idOf(0xb), mandate = MANDATE, scheme }: Partial<LedgerPayment> & { at?: number } = {},
): LedgerPayment {
  return paymentOf({
    ...(scheme && { scheme }),
    payer,
    payee: payer === BOB ? CAROL : BOB,
    nonce,
    value: String(value) as Amount,
    validAfter: at,
    validBefore: at + 2 * HOUR,
    mandate,
  });
}

/** The two payments of an open mandate: one has settled, FIRST holds the other. */
const SETTLED = under(40, { nonce: idOf(0xa1) });
export const HELD_PAYMENT = under(60, { nonce: idOf(0xa2) });
/** Of `upto`, up to 50: another one under an open mandate. */
const UPTO = under(50, { nonce: idOf(0xa4), scheme: "upto" });
const holdUpto = (rules: LedgerRules) => void rules.reserve(reserveOf(UPTO, SECOND), START);

export type MandateState = "none" | "open" | "revoked";

/** `settled claimed window windowUsed windowCount`, as they are stored; undefined without a row. */
type Counted = string | undefined;
const OPEN = "40 60 0 100 2";

export interface MandateCell {
  /** `mandate-event/state before/case`. Stable: other pages cite the cell by it. */
  name: string;
  fact: string;
  state: MandateState;
  /** Whatever else must have happened. */
  given?: (rules: LedgerRules) => void;
  /** Unix seconds. */
  at: number;
  event: (rules: LedgerRules, at: number) => unknown;
  answer: unknown;
  after: Counted;
  /** The page's words for answer and state afterwards. */
  words: [answer: string, after: string];
}

/** Brings a new ledger into `state`. */
export function arrangeMandate(rules: LedgerRules, state: MandateState): void {
  if (state === "none") return;
  rules.settle(settleOf(SETTLED, FIRST), START);
  rules.reserve(reserveOf(HELD_PAYMENT, FIRST), START);
  if (state === "revoked") revoke(rules, START);
}

const revoke = (rules: LedgerRules, at: number, mandate: Digest | "*" = MANDATE.digest, revokedAt = at) =>
  rules.revoke({ payer: ALICE, mandate, revokedAt }, at);
const panic = (rules: LedgerRules) => void revoke(rules, START, "*");

type Options = { given?: (rules: LedgerRules) => void; at?: number; payment?: LedgerPayment };

/** A claim is a reserve or a settle: each cell is played as both. `after`: of the reserve, of the settle. */
function claim(
  state: MandateState,
  fact: [name: string, text: string],
  answer: "granted" | Record<string, unknown>,
  after: Counted | [Counted, Counted],
  words: [string, string],
  { given, at = START, payment = under(50, { at }) }: Options = {},
): MandateCell[] {
  const granted = answer === "granted";
  const [held, paid] = Array.isArray(after) ? after : [after, after];
  const common = { name: `mandate-claim/${state}/${fact[0]}`, fact: fact[1], state, at, words, ...(given && { given }) };
  return [
    {
      ...common,
      event: (rules, at) => rules.reserve(reserveOf(payment, SECOND), at),
      answer: granted ? grantedAt(payment, SECOND, at) : answer,
      after: held,
    },
    {
      ...common,
      event: (rules, at) => rules.settle(settleOf(payment, SECOND), at),
      answer: granted ? paidFor(payment) : answer,
      after: paid,
    },
  ];
}

function cell(
  event: string,
  state: MandateState,
  fact: [name: string, text: string],
  act: MandateCell["event"],
  answer: unknown,
  after: Counted,
  words: [string, string],
  { given, at = START }: Options = {},
): MandateCell {
  return {
    name: `mandate-${event}/${state}/${fact[0]}`,
    fact: fact[1],
    state,
    at,
    event: act,
    answer,
    after,
    words,
    ...(given && { given }),
  };
}

function grantedAt(payment: LedgerPayment, id: Digest, at: number) {
  return { ok: true, reservation: reservationOf(payment, id), heldUntil: at + HELD, transaction: txOf(payment) };
}

function paidFor(payment: LedgerPayment) {
  const { payer, payee, value } = payment;
  return { ok: true, transaction: txOf(payment), payer, payee, value };
}

const refused = (code: string) => ({ ok: false, code });
const exceeded = (limit: string, renewsAt?: number) => ({ ...refused("mandate_exceeded"), limit, ...(renewsAt && { renewsAt }) });
const AS_IT_WAS = "as it was";
const REVOKED = refused("mandate_revoked");
const LAPSED = START + HELD + 1;
const EXPIRED = HELD_PAYMENT.validBefore + 1;

const CLAIM: MandateCell[] = [
  ...claim("none", ["within", "the first claim counts"], "granted", ["0 150 0 150 1", "150 0 0 150 1"], ["the claim", "open"], {
    payment: under(150),
  }),
  ...claim(
    "none",
    ["beyond-total", "a claim above the total is refused"],
    exceeded("total"),
    undefined,
    ["`mandate_exceeded` (`total`)", AS_IT_WAS],
    { payment: under(201) },
  ),
  ...claim(
    "none",
    ["beyond-amount", "a claim above the period's amount is refused"],
    exceeded("period", START + HOUR),
    undefined,
    ["`mandate_exceeded` (`period`)", AS_IT_WAS],
    { payment: under(151) },
  ),
  ...claim(
    "none",
    ["before-its-time", "a claim within the clock skew before the mandate begins counts in its first period"],
    "granted",
    ["0 50 0 50 1", "50 0 0 50 1"],
    ["the claim", "open"],
    { payment: under(50, { mandate: { ...MANDATE, validAfter: START + CLOCK_SKEW_SECONDS } }) },
  ),
  ...claim(
    "none",
    ["last-second", "a claim in the mandate's last second counts"],
    "granted",
    ["0 50 24 50 1", "50 0 24 50 1"],
    ["the claim", "open"],
    { at: END },
  ),
  ...claim(
    "none",
    ["expired", "a claim after the mandate's last second is refused"],
    refused("mandate_expired"),
    undefined,
    ["`mandate_expired`", AS_IT_WAS],
    { at: END + 1 },
  ),
  ...claim(
    "none",
    ["panic", "a mandate that was granted before its payer revoked everything is refused"],
    REVOKED,
    undefined,
    ["`mandate_revoked`", AS_IT_WAS],
    { given: panic },
  ),
  ...claim(
    "none",
    ["after-panic", "a mandate that was granted after that is not"],
    "granted",
    ["0 50 0 50 1", "50 0 0 50 1"],
    ["the claim", "open"],
    { given: panic, at: START + 1, payment: under(50, { at: START + 1, mandate: { ...MANDATE, grantedAt: START + 1 } }) },
  ),
  ...claim(
    "none",
    ["granted-ahead", "a mandate that is dated ahead is refused"],
    refused("mandate_mismatch"),
    undefined,
    ["`mandate_mismatch`", AS_IT_WAS],
    { payment: under(50, { mandate: { ...MANDATE, grantedAt: START + CLOCK_SKEW_SECONDS + 1 } }) },
  ),
  ...claim("open", ["within", "a claim up to the limit counts"], "granted", ["40 110 0 150 3", "90 60 0 150 3"], ["the claim", "counted"]),
  ...claim(
    "open",
    ["later-period", "a claim in a later period counts in that one, and takes the last unit of the total"],
    "granted",
    ["40 160 1 100 1", "140 60 1 100 1"],
    ["the claim", "counted in a period that begins at zero"],
    { at: START + HOUR, payment: under(100, { at: START + HOUR }) },
  ),
  ...claim(
    "open",
    ["earlier-period", "a claim in an earlier period than the row's counts in the row's: a clock that was set back gives nothing back"],
    "granted",
    ["90 70 2 60 2", "100 60 2 60 2"],
    ["the claim", "counted in the row's period"],
    {
      given: (rules) => {
        rules.settle(settleOf(under(50, { at: START + 2 * HOUR, nonce: idOf(0xa3) }), FIRST), START + 2 * HOUR);
        rules.setTime(START, true);
      },
      payment: under(10),
    },
  ),
  ...claim(
    "open",
    ["beyond-total", "a claim above the total is refused in every period"],
    exceeded("total"),
    OPEN,
    ["`mandate_exceeded` (`total`)", AS_IT_WAS],
    { at: START + HOUR, payment: under(101, { at: START + HOUR }) },
  ),
  ...claim(
    "open",
    ["beyond-amount", "a claim above the period's amount is refused up to its last second"],
    exceeded("period", START + HOUR),
    OPEN,
    ["`mandate_exceeded` (`period`)", AS_IT_WAS],
    { at: START + HOUR - 1, payment: under(51, { at: START + HOUR - 1 }) },
  ),
  ...claim(
    "open",
    ["beyond-count", "a claim above the period's number of payments is refused"],
    exceeded("count", START + HOUR),
    "50 60 0 110 3",
    ["`mandate_exceeded` (`count`)", AS_IT_WAS],
    { given: (rules) => void rules.settle(settleOf(under(10, { nonce: idOf(0xa3) }), FIRST), START), payment: under(1) },
  ),
  ...claim(
    "open",
    ["expired", "a claim after the mandate's last second is refused"],
    refused("mandate_expired"),
    OPEN,
    ["`mandate_expired`", AS_IT_WAS],
    { at: END + 1 },
  ),
  ...claim("open", ["panic", "a claim after its payer revoked everything is refused"], REVOKED, OPEN, ["`mandate_revoked`", AS_IT_WAS], {
    given: panic,
  }),
  ...claim("revoked", ["within", "a claim under a revoked mandate is refused"], REVOKED, OPEN, ["`mandate_revoked`", AS_IT_WAS]),
  ...claim(
    "revoked",
    ["beyond-total", "a revoked mandate is revoked before it is exceeded"],
    REVOKED,
    OPEN,
    ["`mandate_revoked`", AS_IT_WAS],
    { payment: under(201) },
  ),
  ...claim("revoked", ["expired", "a revoked mandate is revoked before it has expired"], REVOKED, OPEN, ["`mandate_revoked`", AS_IT_WAS], {
    at: END + 1,
  }),
  ...claim("none", ["no-funds", "limits come before funds"], exceeded("total"), undefined, ["`mandate_exceeded` (`total`)", AS_IT_WAS], {
    payment: under(251),
  }),
  ...claim(
    "open",
    ["upto-beyond-amount", "while an upto is held the most that may be charged counts"],
    exceeded("period", START + HOUR),
    "40 110 0 150 3",
    ["`mandate_exceeded` (`period`)", AS_IT_WAS],
    {
      given: holdUpto,
      payment: under(1, { nonce: idOf(0xa5), mandate: { ...MANDATE, period: { seconds: HOUR, amount: "150" as Amount } } }),
    },
  ),
  cell(
    "claim",
    "open",
    ["upto-settled", "of an upto that is settled at once the charge counts"],
    (rules, at) => rules.settle(settleOf(UPTO, SECOND, "20" as Amount), at),
    { ...paidFor(UPTO), value: "20" },
    "60 60 0 120 3",
    ["the receipt over the part", "counted by the charge"],
  ),
  ...claim(
    "none",
    ["payment-expired", "the payment's own window comes before limits"],
    refused("payment_expired"),
    undefined,
    ["`payment_expired`", AS_IT_WAS],
    { at: START + 2 * HOUR + 1, payment: under(201) },
  ),
];

const REPEATED: MandateCell[] = (["open", "revoked"] as const).map((state) =>
  cell(
    "claim",
    state,
    ["same-claim", "the same claim again by its holder is counted once"],
    (rules, at) => rules.reserve(reserveOf(HELD_PAYMENT, FIRST), at),
    grantedAt(HELD_PAYMENT, FIRST, START),
    OPEN,
    ["the same hold", AS_IT_WAS],
  ),
);

const takeOver = (rules: LedgerRules, at: number) => rules.reserve(reserveOf(HELD_PAYMENT, SECOND), at);
const TAKEN_OVER: MandateCell[] = [
  cell(
    "claim",
    "open",
    ["takeover", "a claim that takes a reclaimable hold over is counted once"],
    takeOver,
    grantedAt(HELD_PAYMENT, SECOND, LAPSED),
    OPEN,
    ["the claim", "counted once"],
    { at: LAPSED },
  ),
  cell(
    "claim",
    "open",
    ["takeover-full", "and fits, where the old claim was the last"],
    takeOver,
    grantedAt(HELD_PAYMENT, SECOND, LAPSED),
    "90 60 0 150 3",
    ["the claim", "counted once"],
    { at: LAPSED, given: (rules) => void rules.settle(settleOf(under(50, { nonce: idOf(0xa3) }), FIRST), START) },
  ),
  cell(
    "claim",
    "open",
    ["takeover-later-period", "and counted in the period in which it is made"],
    takeOver,
    grantedAt(HELD_PAYMENT, SECOND, START + HOUR),
    "40 60 1 60 1",
    ["the claim", "counted once, in the later period"],
    { at: START + HOUR },
  ),
  cell(
    "claim",
    "revoked",
    ["takeover", "under a revoked mandate no claim takes a hold over"],
    takeOver,
    REVOKED,
    OPEN,
    ["`mandate_revoked`", AS_IT_WAS],
    { at: LAPSED },
  ),
];

const release = (rules: LedgerRules, at: number) => rules.release(reservationOf(HELD_PAYMENT, FIRST), at);
const FREE: MandateCell[] = (["open", "revoked"] as const).flatMap((state) => {
  const [then, words] = ["40 0 0 40 1", ["ok", "given back"]] as [string, [string, string]];
  return [
    cell("free", state, ["same-period", "a release gives back to total and period"], release, { ok: true }, then, words),
    cell(
      "free",
      state,
      ["expiry", "so does the alarm that frees an expired hold"],
      (rules, at) => rules.runMaintenance(at),
      EXPIRED + SWEEP_INTERVAL_SECONDS,
      then,
      ["in an hour", "given back"],
      { at: EXPIRED },
    ),
  ];
});
FREE.push(
  cell(
    "free",
    "open",
    ["later-period", "a release in a later period gives back to the total alone"],
    release,
    { ok: true },
    "50 0 1 10 1",
    ["ok", "given back to the total"],
    {
      at: START + HOUR,
      given: (rules) => void rules.settle(settleOf(under(10, { at: START + HOUR, nonce: idOf(0xa3) }), FIRST), START + HOUR),
    },
  ),
);
const capture = (rules: LedgerRules, at: number) => rules.capture(reservationOf(HELD_PAYMENT, FIRST), at);
const CAPTURE: MandateCell[] = [
  ...(["open", "revoked"] as const).map((state) =>
    cell("capture", state, ["live", "a live hold is captured"], capture, paidFor(HELD_PAYMENT), "100 0 0 100 2", ["the receipt", "paid"], {
      at: START + HELD,
    }),
  ),
  cell(
    "capture",
    "open",
    ["reclaimable", "a reclaimable hold is captured"],
    capture,
    paidFor(HELD_PAYMENT),
    "100 0 0 100 2",
    ["the receipt", "paid"],
    { at: LAPSED },
  ),
  cell(
    "capture",
    "open",
    ["later-period", "a capture in a later period counts where its claim did"],
    capture,
    paidFor(HELD_PAYMENT),
    "110 0 1 10 1",
    ["the receipt", "paid"],
    {
      at: START + HOUR,
      given: (rules) => void rules.settle(settleOf(under(10, { at: START + HOUR, nonce: idOf(0xa3) }), FIRST), START + HOUR),
    },
  ),
  cell(
    "capture",
    "open",
    ["reclaimable-panic", "after its payer revoked everything a reclaimable hold is not captured"],
    capture,
    REVOKED,
    "40 0 0 40 1",
    ["`mandate_revoked`", "given back"],
    { at: LAPSED, given: panic },
  ),
  cell(
    "capture",
    "revoked",
    ["reclaimable", "under a revoked mandate a reclaimable hold is not captured"],
    capture,
    REVOKED,
    "40 0 0 40 1",
    ["`mandate_revoked`", "given back"],
    { at: LAPSED },
  ),
];

const nextPeriod = (rules: LedgerRules) =>
  void rules.settle(settleOf(under(10, { at: START + HOUR, nonce: idOf(0xa3) }), FIRST), START + HOUR);
const charge = (value: Charge) => (rules: LedgerRules, at: number) => rules.capture(captureOf(UPTO, SECOND, value), at);
const charged = (value: Charge) => ({ ...paidFor(UPTO), value });
CAPTURE.push(
  cell(
    "capture",
    "open",
    ["upto-part", "what was not charged is given back to total and period; the payment still counts as one"],
    charge("20" as Amount),
    charged("20" as Amount),
    "60 60 0 120 3",
    ["the receipt over the part", "paid; the rest given back"],
    { given: holdUpto },
  ),
  cell(
    "capture",
    "open",
    ["upto-zero", "nothing was charged: all of it is given back"],
    charge("0"),
    charged("0"),
    "40 60 0 100 3",
    ["the receipt over 0", "all of it given back"],
    { given: holdUpto },
  ),
  cell(
    "capture",
    "open",
    ["upto-later-period", "in a later period what was not charged is given back to the total alone"],
    charge("20" as Amount),
    charged("20" as Amount),
    "70 60 1 10 1",
    ["the receipt over the part", "paid; rest to the total"],
    {
      at: START + HOUR,
      given: (rules) => {
        holdUpto(rules);
        nextPeriod(rules);
      },
    },
  ),
  cell(
    "capture",
    "open",
    ["upto-beyond", "a charge above what was signed changes no counter"],
    charge("51" as Amount),
    refused("charge_exceeded"),
    "40 110 0 150 3",
    ["`charge_exceeded`", AS_IT_WAS],
    { given: holdUpto },
  ),
);

const NOTHING = { payments: 0, value: "0" };
const ONE_HOLD = { payments: 1, value: "60", until: START + HELD };
const REVOKE: MandateCell[] = [
  cell("revoke", "none", ["payer", "a mandate is revoked before it was ever seen"], revoke, done(START, NOTHING), "0 0 0 0 0", [
    "revoked, nothing under way",
    "revoked",
  ]),
  cell(
    "revoke",
    "open",
    ["payer", "a revocation tells what is still under way"],
    revoke,
    done(START + HELD, ONE_HOLD),
    OPEN,
    ["revoked, and what is under way", "revoked"],
    { at: START + HELD },
  ),
  cell(
    "revoke",
    "open",
    ["lapsed", "a reclaimable hold is under way no more"],
    revoke,
    done(LAPSED, NOTHING),
    OPEN,
    ["revoked, nothing under way", "revoked"],
    { at: LAPSED },
  ),
  cell(
    "revoke",
    "revoked",
    ["payer", "a second revocation gives the time of the first"],
    revoke,
    done(START, ONE_HOLD),
    OPEN,
    ["revoked, with the first time", AS_IT_WAS],
    { at: START + 9 },
  ),
  cell(
    "revoke",
    "none",
    ["unknown-payer", "an account that has never held money makes the ledger store nothing"],
    (rules, at) => rules.revoke({ payer: under(1).payee, mandate: MANDATE.digest, revokedAt: at }, at),
    refused("insufficient_funds"),
    undefined,
    ["`insufficient_funds`", AS_IT_WAS],
  ),
  ...(["none", "open", "revoked"] as const).map((state) =>
    cell(
      "revoke-all",
      state,
      ["payer", "everything that was granted by then is revoked"],
      (rules: LedgerRules, at: number) => revoke(rules, at, "*"),
      done(START, state === "none" ? NOTHING : ONE_HOLD),
      state === "none" ? undefined : OPEN,
      ["revoked up to then, and what is under way", AS_IT_WAS],
    ),
  ),
  cell(
    "revoke-all",
    "none",
    ["older", "an older one changes nothing"],
    (rules, at) => revoke(rules, at, "*", START - 9),
    done(START, NOTHING),
    undefined,
    ["revoked up to the later of both", AS_IT_WAS],
    { given: panic },
  ),
  cell(
    "revoke-all",
    "none",
    ["ahead", "one that is dated ahead is refused"],
    (rules, at) => revoke(rules, at, "*", at + CLOCK_SKEW_SECONDS + 1),
    refused("invalid_payload"),
    undefined,
    ["`invalid_payload`", AS_IT_WAS],
  ),
];

function done(revokedAt: number, underWay: object) {
  return { ok: true, revokedAt, underWay };
}

const settleHeld = (rules: LedgerRules) => void rules.capture(reservationOf(HELD_PAYMENT, FIRST), START);
const alarm = (rules: LedgerRules, at: number) => rules.runMaintenance(at);
const ALARM: MandateCell[] = (["open", "revoked"] as const).flatMap((state) => [
  cell(
    "alarm",
    state,
    ["in-retention", "the alarm keeps a mandate for the whole retention"],
    alarm,
    DEADLINE + FORGET_SECONDS + 1,
    "100 0 0 100 2",
    ["after the retention", AS_IT_WAS],
    { at: DEADLINE + FORGET_SECONDS, given: settleHeld },
  ),
  cell(
    "alarm",
    state,
    ["after-retention", "the alarm forgets a mandate after the retention"],
    alarm,
    undefined,
    undefined,
    ["never, when nothing is left", "forgotten"],
    { at: DEADLINE + FORGET_SECONDS + 1, given: settleHeld },
  ),
]);
const revokedUnused = (rules: LedgerRules) => void revoke(rules, START);
ALARM.push(
  cell(
    "alarm",
    "none",
    ["revoked-unused", "a revocation outlives every mandate that it can be of"],
    alarm,
    REVOKED_DEADLINE + FORGET_SECONDS + 1,
    "0 0 0 0 0",
    ["after the retention", AS_IT_WAS],
    { at: REVOKED_DEADLINE + FORGET_SECONDS, given: revokedUnused },
  ),
);

const statusOf = (rules: LedgerRules, at: number) => rules.mandate(ALICE, MANDATE.digest, at);
const LEFT = { settled: "40", claimed: "60", left: "100", validBefore: END };
const PERIOD = { used: "100", left: "50", payments: 2, paymentsLeft: 1, endsAt: START + HOUR };
const STATUS: MandateCell[] = [
  cell("status", "none", ["any-time", "status of a mandate that was never seen is unused"], statusOf, { status: "unused" }, undefined, [
    "`unused`",
    AS_IT_WAS,
  ]),
  cell("status", "open", ["any-time", "status says what is used and left"], statusOf, { status: "open", ...LEFT, period: PERIOD }, OPEN, [
    "`open`, with what is used and left",
    AS_IT_WAS,
  ]),
  cell(
    "status",
    "open",
    ["later-period", "in a later period all of it is left"],
    statusOf,
    { status: "open", ...LEFT, period: { used: "0", left: "150", payments: 0, paymentsLeft: 3, endsAt: START + 2 * HOUR } },
    OPEN,
    ["`open`, with the later period", AS_IT_WAS],
    { at: START + HOUR },
  ),
  cell(
    "status",
    "open",
    ["panic", "after its payer revoked everything it is revoked"],
    statusOf,
    revokedStatus(),
    OPEN,
    ["`revoked`, with the time", AS_IT_WAS],
    { given: panic },
  ),
  cell("status", "revoked", ["any-time", "status of a revoked mandate says since when"], statusOf, revokedStatus(), OPEN, [
    "`revoked`, with the time",
    AS_IT_WAS,
  ]),
];

function revokedStatus() {
  return { status: "revoked", revokedAt: START, ...LEFT, period: PERIOD };
}

/** Without a mandate: everything that a payer had signed when it revoked everything. */
const PLAIN: MandateCell[] = [
  ...claim(
    "none",
    ["no-mandate-panic", "a payment that was signed before its payer revoked everything is refused"],
    refused("payment_revoked"),
    undefined,
    ["`payment_revoked`", AS_IT_WAS],
    { given: panic, payment: paymentOf() },
  ),
  ...claim("none", ["no-mandate-after-panic", "a payment that was signed later is not"], "granted", undefined, ["the claim", AS_IT_WAS], {
    given: panic,
    at: START + 1,
    payment: paymentOf({ validAfter: START + 1 }),
  }),
];

export const MANDATE_CELLS: readonly MandateCell[] = [
  ...CLAIM,
  ...REPEATED,
  ...TAKEN_OVER,
  ...PLAIN,
  ...FREE,
  ...CAPTURE,
  ...REVOKE,
  ...ALARM,
  ...STATUS,
];
