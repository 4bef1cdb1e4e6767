/**
 * What the answer to a call in a session means: the session's record is changed by it, and the buyer is told. What a merchant refuses for
 * certain may be repeated, by the merchant's own correction or at its new terms; whatever is uncertain stays, and the same voucher is
 * presented again.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { FIRST_LANE } from "../../shared/protocol/voucher.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { forgetAnswer } from "../records/kept-answer.ts";
import { type CallEnd, endCall } from "../records/session-calls.ts";
import { corrected, onLane, sumsOf, unknownLane } from "../records/session-lanes.ts";
import {
  changeKnownSession,
  changeSession,
  type KeptSession,
  type SessionCall,
  type SessionRecord,
  sessionRecord,
} from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest, HttpResponse } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_CORRECTIONS } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import { answerKey, commitmentOf, type VoucherAnswer } from "./classify-voucher.ts";
import type { Agent } from "./create-request.ts";
import type { Destination, Paid } from "./paid-report.ts";
import { failureOf, type PurchaseFailure, type PurchaseOutcome, type Sender } from "./payment-outcome.ts";
import type { PresentedCall } from "./session-exchange.ts";
import { isOfSession, learn } from "./session-offers.ts";
import { responseView } from "./views.ts";

export interface CallInput extends Destination {
  maxAmount?: string | undefined;
  /** Make another call, although an earlier one of this request is unanswered. */
  again: boolean;
}

export type CallOutcome =
  | { kind: "bought"; outcome: PurchaseOutcome<Paid & { shortCode: string }> }
  /** The merchant wants no money for it. */
  | { kind: "free"; response: HttpResponse }
  /** The session does not pay it, and nothing was paid: pay in another way. */
  | { kind: "otherwise"; why: string };

/** A call, and how it came about. */
export interface Call {
  http: HttpRequest;
  session: KeptSession;
  agent: Agent;
  /** It repeats one that was refused for certain, at the merchant's new terms. */
  repeated?: true;
  /** It repeats one that was refused for certain, by the merchant's corrections: so many, and the lane that the last of them named. */
  corrected?: { times: number; lane: string | undefined };
  /** It repeats one whose serial was used before, to learn where its lane stands. */
  sought?: true;
}

/** `repeat`: the call was refused for certain, and is made once more as `call` says. */
export type Settled = CallOutcome | { kind: "repeat"; call: Call; offer: PaymentRequirements };

/** @param carried undefined if this run ended first */
export async function settle(
  context: Context,
  input: CallInput,
  call: Call,
  waiting: SessionCall,
  carried: Outcome<PresentedCall | undefined> | undefined,
): Promise<Settled> {
  const { session } = call;
  if (!carried) return bought(failureOf({ kind: "under_way", shortCode: session.shortCode }, senderOf(context, call, waiting)));
  if (!carried.ok) return bought(carried);
  if (!carried.data)
    return bought(
      fail("busy", "Another lez-agent-pay has just ended this call.", { hint: "Run the same command again: it makes another." }),
    );
  const { told, call: presented, answer, kept } = carried.data;
  const { id } = session;
  const end = async (end: CallEnd, change?: (record: SessionRecord) => SessionRecord) => endCall(context, id, presented, end, change);
  // A refusal of a voucher that was presented before says nothing of the first time.
  const certain = presented.attempts === 1;
  // The serial was used, and not by this machine's record: an old copy of the folder was put back, or another machine signs, too.
  const isForeign = certain && (told.kind === "used" || (told.kind === "charged" && told.used));
  if (isForeign) {
    const ended = await end({ outcome: "refused", charged: "0", code: "voucher_used" }, inUnknownLane);
    if (!ended.ok) return bought(ended);
    if (call.sought) return bought(notBelieved("it says that the voucher was used before"));
    return { kind: "repeat", call: { ...call, sought: true }, offer: presented.offer };
  }
  switch (told.kind) {
    case "charged": {
      const { charged, lane, used, receipt } = told;
      const ended = await end({ outcome: used ? "used" : "charged", charged, receipt, next: lane }, opened);
      if (!ended.ok) return bought(ended);
      return bought(await reportCall(context, input, call, presented, told, answer, kept));
    }
    case "used": {
      const ended = await end({ outcome: "used", charged: presented.amount, code: "voucher_used" });
      if (!ended.ok) return bought(ended);
      const transaction = commitmentOf(presented.voucher);
      return bought(failureOf({ kind: "paid_answer_gone", what: "This call", transaction, said: "voucher_used" }));
    }
    case "open": {
      const nothing = certain ? nothingCharged(told.presented) : undefined;
      const ended = nothing === undefined ? succeed(undefined) : await end({ outcome: "refused", charged: "0", code: nothing });
      return bought(ended.ok ? failed(context, call, presented, told) : ended);
    }
    default:
      if (!certain) return bought(uncertain(presented, codeOf(told)));
  }
  const opening = session.state === "opening";
  const ended = await end({ outcome: "refused", charged: "0", code: codeOf(told) }, opening ? neverOpened(codeOf(told)) : undefined);
  if (!ended.ok) return bought(ended);
  if (opening) return bought(notOpened(told));
  return refused(context, call, presented, told);
}

/** Why a first presentation charged nothing, if it is certain: it never left, or the merchant's own answer is an error without a receipt. */
function nothingCharged(outcome: (VoucherAnswer & { kind: "open" })["presented"]): string | undefined {
  if (outcome.kind === "not_sent") return "not_sent";
  return outcome.kind === "resource_failed" ? (outcome.code ?? `http_${outcome.status}`) : undefined;
}

/** No acceptor has a lane of this name, so the answer to it says which lane to use, and how far that is. */
function inUnknownLane(record: SessionRecord): SessionRecord {
  return onLane({ ...record, partial: true }, unknownLane());
}

function neverOpened(code: string): (record: SessionRecord) => SessionRecord {
  return (record) => ({ ...record, ...changed("refused"), code });
}

/** The session was refused: no money was set aside. */
function notOpened(told: Refusal): PurchaseFailure {
  if (told.kind !== "out_of_step") return failureOf(told.presented);
  return failureOf({ kind: "refused", code: "voucher_out_of_step", status: 402, retryAfter: undefined });
}

type Refusal = Exclude<VoucherAnswer, { kind: "charged" | "used" | "open" }>;

/** A first presentation was refused for certain. */
async function refused(context: Context, call: Call, { offer, voucher }: SessionCall, told: Refusal): Promise<Settled> {
  const { session, repeated } = call;
  switch (told.kind) {
    case "out_of_step": {
      const { times, lane } = call.corrected ?? { times: 0, lane: undefined };
      if (lane === voucher.lane && told.correction?.lane?.id === lane)
        return bought(notBelieved("it refuses the voucher that its own correction asks for"));
      if (times === MAX_CORRECTIONS) return { kind: "otherwise", why: "the merchant names another lane each time" };
      // Isolates that take turns name a lane each. Every one of them passes on what is for the object's own.
      const adopted = await adopt(context, session.id, told.correction, times === 1);
      if (!adopted.ok) return bought(adopted);
      return { kind: "repeat", call: { ...call, corrected: { times: times + 1, lane: told.correction?.lane?.id } }, offer };
    }
    case "other_terms": {
      const next = told.offers.find((each) => isOfSession(each, session));
      if (!next || repeated) return { kind: "otherwise", why: "the merchant's terms have changed" };
      const known = await learn(context, call, next, undefined);
      return known.ok ? { kind: "repeat", call: { ...call, repeated: true }, offer: next } : bought(known);
    }
    case "over": {
      const { code } = told;
      // An exhausted session may have room for a cheaper request.
      const over = (record: SessionRecord) => (code === "session_exhausted" ? record : { ...record, ...changed("closed"), code });
      const noted = await changeKnownSession(context, session.id, over);
      return noted.ok ? { kind: "otherwise", why: `the merchant says ${code}` } : bought(noted);
    }
    default:
      return bought(failureOf(told.presented));
  }
}

/** Adopts a correction, if it is believed. @param own use the lane of the merchant's object all the same */
async function adopt(
  context: Context,
  id: Digest,
  correction: (VoucherAnswer & { kind: "out_of_step" })["correction"],
  own: boolean,
): Promise<Outcome<undefined>> {
  if (!correction) return notBelieved("it does not say where the lane stands");
  return changeSession(context, id, async (before) => {
    if (!before) return fail("session_not_found", `The record of session ${id} has gone.`);
    const checked = await corrected(before, correction, unixNow());
    if (!checked.ok) return notBelieved(checked.problem);
    return succeed({ after: own ? onLane(checked.after, FIRST_LANE) : checked.after, result: undefined });
  });
}

function notBelieved(problem: string): Failure {
  return refuse("voucher_out_of_step", EXIT.differs, `The merchant refused the voucher, and its correction is not believed: ${problem}.`, {
    hint: "Nothing was charged for this request. lez-agent-pay session close asks for the rest of the deposit.",
  });
}

function uncertain({ attempts, amount, voucher }: SessionCall, code: string): Failure {
  return fail(
    "outcome_unknown",
    `The merchant refuses this voucher (${code}), which was presented ${attempts - 1} time${attempts === 2 ? "" : "s"} before without an answer.`,
    {
      hint: `It may have been charged, at most ${displayAmount(amount)}. --again makes another call.`,
      details: { code, commitment: commitmentOf(voucher), amount },
    },
  );
}

function failed(
  context: Context,
  call: Call,
  presented: SessionCall,
  { presented: outcome }: VoucherAnswer & { kind: "open" },
): PurchaseFailure {
  if (outcome.kind === "resource_failed" && presented.attempts === 1) {
    const { code, status } = outcome;
    return refuse(code ?? "http_error", EXIT.httpErrorAfterPayment, `The merchant answered ${status}, and charged nothing for it.`, {
      hint: "Run it again to try once more.",
      details: { status },
    });
  }
  return failureOf(outcome, senderOf(context, call, presented));
}

function senderOf({ argv }: Context, { http, session }: Call, call: SessionCall): Sender {
  return { argv, url: http.url, paymentKey: answerKey(call), identified: false, session: session.shortCode };
}

function codeOf(told: Refusal): string {
  if (told.kind === "out_of_step") return "voucher_out_of_step";
  return told.presented.kind === "refused" ? told.presented.code : told.presented.kind;
}

async function reportCall(
  context: Context,
  input: CallInput,
  { http, session }: Call,
  call: SessionCall,
  { charged, presented }: VoucherAnswer & { kind: "charged" },
  answer: PresentedCall["answer"],
  kept: boolean,
): Promise<PurchaseOutcome<Paid & { shortCode: string }>> {
  if (presented.kind !== "paid") return failureOf(presented);
  if (!answer) throw new Error("a call is paid by its answer");
  const { out } = input;
  const response = await responseView(context, answer, input);
  const { network, from, to, asset, expiresAt } = session.signed.channelConfig;
  const receipt = { transaction: "", network, payer: from, payee: to, paid: money(charged, asset) };
  const commitment = commitmentOf(call.voucher);
  if (!response.ok) {
    const message = `It is paid, and the answer was kept, but: ${response.error.message}`;
    const error = { ...response.error, message, hint: "Do not pay again.", details: { receipt, commitment } };
    return { ...response, error, payment: presented };
  }
  // What was handed over whole is not kept: a session has many calls.
  if (response.data.body.file === undefined || out !== undefined) forgetAnswer(context, answerKey(call));
  const now = sessionRecord(context, session.id);
  const { left } = sumsOf((now.ok && now.data) || session);
  return succeed({
    request: { method: http.method, url: http.url },
    receipt,
    response: response.data,
    kept,
    ...(kept && { again: true as const }),
    session: {
      shortCode: session.shortCode,
      session: session.id,
      commitment,
      left: money(left.toString(), asset),
      expiresAt: formatTimestamp(Number(expiresAt)),
    },
    ...(call.trace && { trace: call.trace }),
    shortCode: session.shortCode,
  });
}

/** An answer with a receipt says that the session is open. */
function opened(record: SessionRecord): SessionRecord {
  return record.state === "opening" ? { ...record, ...changed("open") } : record;
}

function changed(state: SessionRecord["state"]): Pick<SessionRecord, "state" | "changedAt"> {
  return { state, changedAt: formatTimestamp(unixNow()) };
}

export function bought(outcome: PurchaseOutcome<Paid & { shortCode: string }>): CallOutcome {
  return { kind: "bought", outcome };
}
