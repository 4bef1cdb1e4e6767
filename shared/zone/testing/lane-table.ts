/**
 * The state table of a native payment, cell by cell. lane-table.test.ts plays every cell, and compares spec/native-state-table.md with
 * them by their names.
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8 } from "../../crypto/bytes.ts";
import type { Digest } from "../../crypto/digest.ts";
import { UNDELIVERED_SECONDS } from "../../limits.ts";
import { lezAccountOfBytes } from "../account.ts";
import type { AccountRead, BlockRef, Inclusion, KnownRow, LanePayment, LaneRow, LaneState, Usage } from "../lane-row.ts";
import {
  LANE_RETENTION_SECONDS,
  type LaneAnswer,
  type LaneEffect,
  type LaneEvent,
  LEASE_SECONDS,
  MAX_FAILED_SCANS,
  MAX_SENDS,
  RESEND_SECONDS,
  SEND_GRACE_SECONDS,
} from "../lane-table.ts";

export const NOW = 1_800_000_000;
const BLOCK_SECONDS = 50;

/** A digest by its name. */
export function named(name: string): Digest {
  return bytesToHex(sha256(utf8(name))) as Digest;
}

export function blockAt(id: bigint, fork = ""): BlockRef {
  return { id, hash: named(`block ${id}${fork}`) };
}

export const PAYER = lezAccountOfBytes(sha256(utf8("payer")));
export const PAYEE = lezAccountOfBytes(sha256(utf8("payee")));

export const PAYMENT: LanePayment = {
  h: named("h"),
  transaction: named("transaction"),
  wire: "the same bytes",
  payer: PAYER,
  payee: PAYEE,
  value: 10_000n,
  nonce: 7n,
  maxFee: 30_000n,
  fingerprint: "this request",
  finality: "head",
  validBefore: NOW + 600,
};
const ANOTHER_PURCHASE: LanePayment = { ...PAYMENT, fingerprint: "that request" };

export const READ: AccountRead = { head: blockAt(100n), nonce: 7n, balance: 40_000n };
export const INCLUSION: Inclusion = { block: blockAt(102n), transaction: PAYMENT.transaction };
const USAGE: Usage = { h: named("other h"), transaction: named("other transaction"), block: blockAt(102n) };

const FACTS = {
  payment: PAYMENT,
  since: 90n,
  read: READ,
  leasedAt: NOW,
  attempts: { sent: 1, refused: 0, lastAt: NOW },
  stopped: false,
  revoked: false,
  failedScans: 0,
  alerted: [],
  collector: undefined,
} as const;

/** A row in each state. */
export const ROWS = {
  none: { state: "none" },
  leased: { ...FACTS, state: "leased", attempts: { sent: 0, refused: 0, lastAt: 0 } },
  sending: { ...FACTS, state: "sending" },
  sent: { ...FACTS, state: "sent" },
  included: { ...FACTS, state: "included", inclusion: INCLUSION },
  settled: { ...FACTS, state: "settled", inclusion: INCLUSION, final: false, settledAt: NOW },
  displaced: { ...FACTS, state: "displaced", by: USAGE },
  reverted: { ...FACTS, state: "reverted", inclusion: INCLUSION },
  cancelled: { ...FACTS, state: "cancelled", revoked: true, attempts: { sent: 0, refused: 0, lastAt: 0 } },
  void: { ...FACTS, state: "void" },
} as const satisfies { [State in LaneState]: Extract<LaneRow, { state: State }> };

export const STATES = Object.keys(ROWS) as LaneState[];

export interface Cell {
  /** Event, states before, and case. Stable: pages cite the cell by it. */
  name: string;
  before: readonly LaneRow[];
  event: LaneEvent;
  /** What is done, and the state after. */
  words: [effects: string, after: string];
}

const SETTLE: Extract<LaneEvent, { event: "settle" }> = {
  event: "settle",
  payment: PAYMENT,
  by: "first settlement",
  now: NOW + 1,
  read: READ,
  since: 90n,
  reserve: 2968n,
  busy: false,
};
const CANCEL: LaneEvent = { event: "cancel", payment: PAYMENT, now: NOW + 1, read: READ, since: 90n };
const SPENT: AccountRead = { ...READ, nonce: 8n };
const POOR: AccountRead = { ...READ, balance: 39_999n };

function cell(name: string, event: LaneEvent, effects: string, after: string, ...before: LaneRow[]): Cell {
  return { name, before: before.length > 0 ? before : statesIn(name).map((state) => ROWS[state]), event, words: [effects, after] };
}

/** `known`: every state but none. */
export function statesIn(name: string): LaneState[] {
  const [, said = ""] = name.split("/");
  return said === "known"
    ? STATES.filter((state) => state !== "none")
    : said.split("+").filter((state): state is LaneState => state in ROWS);
}

function tickAt(now: number, read?: AccountRead): LaneEvent {
  return { event: "tick", now, blockSeconds: BLOCK_SECONDS, ...(read && { read }) };
}

const answered = (answer: Extract<LaneEvent, { event: "answered" }>["answer"]): LaneEvent => ({ event: "answered", answer });
const deep = (proof: "good" | "reverted" | "inconclusive", final: boolean): LaneEvent => ({ event: "deep", proof, final, now: NOW + 60 });
const scanned = (used: boolean, final: boolean): LaneEvent => ({
  event: "scanned",
  scan: { complete: true, ...(used && { used: USAGE }), final },
});
const UNREAD: LaneEvent = { event: "scanned", scan: { complete: false } };
const ANOTHER_ID: Inclusion = { ...INCLUSION, transaction: named("another id of the same message") };
const AFTERWARDS = PAYMENT.validBefore + LANE_RETENTION_SECONDS;

const sendingAfter = (sent: number, refused: number): KnownRow => ({ ...ROWS.sending, attempts: { sent, refused, lastAt: NOW } });
const settledFor = (collector: string): KnownRow => ({ ...ROWS.settled, collector });

/** In the order of the page. */
const TABLE: readonly Cell[] = [
  cell("settle/none/good", SETTLE, "dispatch", "leased"),
  cell("settle/none/busy", { ...SETTLE, busy: true }, "`payer_busy`", "as it was"),
  cell("settle/none/nonce-used", { ...SETTLE, read: SPENT, used: USAGE.transaction }, "`nonce_replayed` with the transaction", "as it was"),
  cell("settle/none/nonce-used-unseen", { ...SETTLE, read: SPENT }, "`nonce_replayed`", "as it was"),
  cell("settle/none/nonce-not-next", { ...SETTLE, read: { ...READ, nonce: 6n } }, "`nonce_ahead`", "as it was"),
  cell("settle/none/no-funds", { ...SETTLE, read: POOR }, "`insufficient_funds`", "as it was"),
  cell("settle/none/fee-too-low", { ...SETTLE, reserve: 30_001n }, "`fee_rejected`", "as it was"),
  cell("settle/none/too-late", { ...SETTLE, now: PAYMENT.validBefore + 1 }, "`payment_expired`", "as it was"),
  cell("settle/none/too-late-and-used", { ...SETTLE, now: PAYMENT.validBefore + 1, read: SPENT }, "`nonce_replayed`", "as it was"),
  cell("settle/leased/good", SETTLE, "dispatch", "leased"),
  cell("settle/leased/no-funds", { ...SETTLE, read: POOR }, "`insufficient_funds`", "as it was"),
  cell("settle/leased/too-late", { ...SETTLE, now: PAYMENT.validBefore + 1 }, "`payment_expired`", "as it was"),
  cell("settle/sending+sent+included/same-purchase", SETTLE, "pending", "as it was"),
  cell("settle/settled/first-id", SETTLE, "the receipt", "settled"),
  cell("settle/settled/same-id", SETTLE, "the receipt", "as it was", settledFor("first settlement")),
  cell("settle/settled/other-id", SETTLE, "`nonce_replayed` with the transaction", "as it was", settledFor("another settlement")),
  cell(
    "settle/settled/too-late",
    { ...SETTLE, now: PAYMENT.validBefore + UNDELIVERED_SECONDS + 1 },
    "`nonce_replayed` with the transaction",
    "as it was",
  ),
  cell("settle/displaced/same-purchase", SETTLE, "`nonce_replayed` with the transaction", "as it was"),
  cell("settle/reverted/same-purchase", SETTLE, "`transfer_reverted` with the transaction", "as it was"),
  cell("settle/cancelled/same-purchase", SETTLE, "`payment_revoked`", "as it was"),
  cell("settle/void/same-purchase", SETTLE, "`ledger_mismatch`", "as it was"),
  cell("settle/known/other-purchase", { ...SETTLE, payment: ANOTHER_PURCHASE }, "`nonce_replayed` with the transaction", "as it was"),

  cell("dispatch/leased/durable", { event: "dispatch", now: NOW }, "send", "sending"),
  cell("dispatch/others/durable", { event: "dispatch", now: NOW }, "nothing", "as it was"),

  cell("answered/sending/own-id", answered({ kind: "id", transaction: PAYMENT.transaction }), "nothing", "sent"),
  cell("answered/sending/other-id", answered({ kind: "id", transaction: USAGE.transaction }), "alert `foreign_id`, check", "sending"),
  cell("answered/sending/none", answered({ kind: "none" }), "nothing", "as it was"),
  cell("answered/sending/full-first", answered({ kind: "full" }), "`overloaded`", "leased"),
  cell("answered/sending/full-each-time", answered({ kind: "full" }), "`overloaded`", "leased", sendingAfter(3, 2)),
  cell("answered/sending/full-unsure", answered({ kind: "full" }), "nothing", "sending", sendingAfter(2, 0)),
  cell("answered/sending/fee", answered({ kind: "fee" }), "`fee_rejected`", "none"),
  cell("answered/sending/fee-unsure", answered({ kind: "fee" }), "nothing", "sending", sendingAfter(2, 0)),
  cell("answered/sending/malformed", answered({ kind: "malformed" }), "`unexpected_settle_error`, alert `refused_form`, check", "none"),
  cell("answered/sending/malformed-unsure", answered({ kind: "malformed" }), "nothing", "sending", sendingAfter(2, 0)),
  cell("answered/others/any", answered({ kind: "fee" }), "nothing", "as it was"),

  cell("included/leased+sending+sent/seen", { event: "included", inclusion: INCLUSION }, "nothing", "included"),
  cell("included/sending/other-id", { event: "included", inclusion: ANOTHER_ID }, "nothing", "included"),
  cell("included/cancelled/seen", { event: "included", inclusion: INCLUSION }, "nothing", "included"),
  cell("included/displaced/seen", { event: "included", inclusion: INCLUSION }, "alert `final_undone`", "displaced"),
  cell("included/others/seen", { event: "included", inclusion: INCLUSION }, "nothing", "as it was"),

  cell("moved/sending+sent/unseen", { event: "moved" }, "scan", "as it was"),
  cell("moved/others/unseen", { event: "moved" }, "nothing", "as it was"),

  cell("scanned/sending+sent/used-final", scanned(true, true), "wake", "displaced"),
  cell("scanned/sending+sent/used-not-final", scanned(true, false), "nothing", "as it was"),
  cell("scanned/sending+sent/not-used", scanned(false, false), "nothing", "as it was"),
  cell("scanned/sending+sent/unread", UNREAD, "nothing", "the same, counted"),
  cell("scanned/sent/unread-again", UNREAD, "alert `scan_incomplete`", "sent", { ...ROWS.sent, failedScans: MAX_FAILED_SCANS - 1 }),
  cell("scanned/others/any", scanned(true, true), "nothing", "as it was"),

  cell("orphaned/included/not-revoked", { event: "orphaned" }, "journal `inclusion_undone`", "sent"),
  cell("orphaned/included/revoked", { event: "orphaned" }, "journal `inclusion_undone`", "cancelled", { ...ROWS.included, revoked: true }),
  cell("orphaned/settled/before-final", { event: "orphaned" }, "alert `receipt_undone`, journal `receipt_undone`", "included"),
  cell("orphaned/settled/after-final", { event: "orphaned" }, "alert `final_undone`", "settled", { ...ROWS.settled, final: true }),
  cell("orphaned/others/any", { event: "orphaned" }, "nothing", "as it was"),

  cell("deep/included/proven", deep("good", false), "wake", "settled"),
  cell("deep/included/proven-after-stop", deep("good", false), "journal `late`, wake", "settled", { ...ROWS.included, stopped: true }),
  cell("deep/included/proven-after-revocation", deep("good", false), "journal `late`, wake", "settled", {
    ...ROWS.included,
    revoked: true,
  }),
  cell("deep/included/reverted-final", deep("reverted", true), "wake", "reverted"),
  cell("deep/included/reverted-not-final", deep("reverted", false), "nothing", "as it was"),
  cell("deep/included/inconclusive", deep("inconclusive", true), "alert `inconclusive`", "included"),
  cell("deep/included/inconclusive-again", deep("inconclusive", true), "nothing", "as it was", {
    ...ROWS.included,
    alerted: ["inconclusive"],
  }),
  cell("deep/others/any", deep("good", true), "nothing", "as it was"),

  cell("finalized/settled/any", { event: "finalized" }, "nothing", "settled"),
  cell("finalized/others/any", { event: "finalized" }, "nothing", "as it was"),

  cell("evidence/leased+sending+sent+included+cancelled/any", { event: "evidence", read: undefined }, "nothing", "the same, replaced"),
  cell("evidence/others/any", { event: "evidence", read: undefined }, "nothing", "as it was"),

  cell("tick/leased/in-time", tickAt(NOW + LEASE_SECONDS), "nothing", "as it was"),
  cell("tick/leased/after", tickAt(NOW + LEASE_SECONDS + 1), "nothing", "none"),
  cell("tick/sending/soon", tickAt(NOW + RESEND_SECONDS - 1, READ), "nothing", "as it was"),
  cell("tick/sending/due", tickAt(NOW + RESEND_SECONDS, READ), "send", "sending"),
  cell("tick/sent/soon", tickAt(NOW + 2 * BLOCK_SECONDS - 1, READ), "nothing", "as it was"),
  cell("tick/sent/due", tickAt(NOW + 2 * BLOCK_SECONDS, READ), "send", "sending"),
  cell("tick/sending+sent/unread", tickAt(NOW + 2 * BLOCK_SECONDS), "nothing", "as it was"),
  cell("tick/sending+sent/nonce-used", tickAt(NOW + 2 * BLOCK_SECONDS, SPENT), "nothing", "as it was"),
  cell("tick/sending+sent/no-funds", tickAt(NOW + 2 * BLOCK_SECONDS, POOR), "nothing", "as it was"),
  cell("tick/sent/sent-enough", tickAt(NOW + 2 * BLOCK_SECONDS, READ), "alert `gave_up`", "sent", {
    ...ROWS.sent,
    attempts: { sent: MAX_SENDS, refused: 0, lastAt: NOW },
  }),
  cell("tick/sent/too-late", tickAt(PAYMENT.validBefore + SEND_GRACE_SECONDS + 1, READ), "alert `gave_up`", "sent"),
  cell("tick/sent/stopped", tickAt(NOW + 2 * BLOCK_SECONDS, READ), "nothing", "as it was", { ...ROWS.sent, stopped: true }),
  cell("tick/settled/final-forgotten", tickAt(AFTERWARDS + 1), "nothing", "none", { ...ROWS.settled, final: true }),
  cell("tick/settled/not-final", tickAt(AFTERWARDS + 1), "nothing", "as it was"),
  cell("tick/displaced+reverted+cancelled+void/remembered", tickAt(AFTERWARDS), "nothing", "as it was"),
  cell("tick/displaced+reverted+cancelled+void/forgotten", tickAt(AFTERWARDS + 1), "nothing", "none"),
  cell("tick/others/any", tickAt(AFTERWARDS + 1), "nothing", "as it was"),

  cell("cancel/none/payer", CANCEL, "ok", "cancelled"),
  cell("cancel/none/no-funds", { ...CANCEL, read: POOR }, "`insufficient_funds`", "as it was"),
  cell("cancel/none/nonce-used", { ...CANCEL, read: SPENT }, "`nonce_replayed`", "as it was"),
  cell("cancel/leased/payer", CANCEL, "ok, wake", "cancelled"),
  cell("cancel/sending+sent+included/payer", CANCEL, "pending", "as it was"),
  cell("cancel/settled/payer", CANCEL, "`nonce_replayed` with the transaction", "as it was"),
  cell("cancel/displaced+reverted+cancelled/payer", CANCEL, "ok", "as it was"),
  cell("cancel/void/payer", CANCEL, "`ledger_mismatch`", "as it was"),

  cell("reset/leased+sending+sent+included/any", { event: "reset" }, "wake", "void"),
  cell("reset/others/any", { event: "reset" }, "nothing", "as it was"),
];

/** `others` in a name: every state from which no other cell plays this event. */
export const CELLS: readonly Cell[] = TABLE.map((cell) => {
  if (!cell.name.includes("/others/")) return cell;
  const played = TABLE.filter(({ event }) => event.event === cell.event.event).flatMap(({ before }) => before.map(({ state }) => state));
  return { ...cell, before: STATES.filter((state) => !played.includes(state)).map((state) => ROWS[state]) };
});

/** How the page words what is done. */
export function worded(effects: readonly LaneEffect[]): string {
  return effects.map(wordOf).join(", ") || "nothing";
}

function wordOf(effect: LaneEffect): string {
  switch (effect.effect) {
    case "dispatch":
    case "send":
    case "scan":
    case "wake":
      return effect.effect;
    case "answer":
      return answerWord(effect.answer);
    case "journal":
      return `journal \`${effect.entry}\``;
    case "alert":
      return `alert \`${effect.alert}\``;
    case "check_network":
      return "check";
  }
}

function answerWord(answer: LaneAnswer): string {
  switch (answer.answer) {
    case "receipt":
      return "the receipt";
    case "pending":
      return "pending";
    case "cancelled":
      return "ok";
    case "refused":
    case "taken":
      return `\`${answer.code}\`${answer.transaction === undefined ? "" : " with the transaction"}`;
  }
}
