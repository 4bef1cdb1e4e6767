/** Finds a call of a session: by its code, by its commitment, or by the request that opened the session, which is its first call. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { FIRST_LANE, type SignedVoucher, type Voucher, voucherDigest } from "../../shared/protocol/voucher.ts";
import { type CallLine, callsOf } from "../records/session-calls.ts";
import { type KeptSession, keptSessions, type SessionCall, sessionOfRequest, sessionRecord } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { commitmentOf } from "./classify-voucher.ts";
import { COMMITMENT, findInInbox, names, namesFile } from "./find-request.ts";

/** A call that is over, or whose outcome is not known. */
type AnyCall = CallLine | (SessionCall & { outcome: "unanswered" });

export interface FoundCall {
  session: KeptSession;
  call: AnyCall;
  /** Atomic units: the most that its lane had been charged once it was served. A claim that takes this much has paid it. */
  reach: Amount;
  /** All vouchers of its lane that this machine has. */
  vouchers: SignedVoucher[];
}

/** @returns undefined if the word names something else, or nothing */
export async function findCall(context: Context, word: string): Promise<Outcome<FoundCall | undefined>> {
  if (namesFile(context, word)) return succeed(undefined);
  if (COMMITMENT.test(word)) {
    const session = sessionRecord(context, word.slice(0, 64) as Digest);
    if (!session.ok) return session;
    return session.data ? callOf(context, session.data, ({ voucher }) => commitmentOf(voucher) === word) : succeed(undefined);
  }
  const item = await findInInbox(context, word);
  if (item.ok) return item.data.request.payment.session ? firstCall(context, item.data.digest) : succeed(undefined);
  if (item.error.code !== "request_not_found") return succeed(undefined);
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  for (const session of kept.data.sessions) {
    const found = callOf(context, session, ({ voucher }) => names(word, voucherDigest(voucher)));
    if (!found.ok || found.data) return found;
  }
  return succeed(undefined);
}

function firstCall(context: Context, digest: Digest): Outcome<FoundCall | undefined> {
  const session = sessionOfRequest(context, digest);
  if (!session.ok || !session.data) return session.ok ? succeed(undefined) : session;
  return callOf(context, session.data, ({ voucher: { lane, serial } }) => lane === FIRST_LANE && serial === "1");
}

function callOf(context: Context, session: KeptSession, is: (call: { voucher: Voucher }) => boolean): Outcome<FoundCall | undefined> {
  const list = callsOf(context, session);
  if (!list.ok) return list;
  const open = session.calls.map((call) => ({ ...call, outcome: "unanswered" as const }));
  const call = [...list.data.calls, ...open].find(is);
  if (!call) return succeed(undefined);
  const { lane } = call.voucher;
  const best = session.lanes.flatMap((each) => (each.id === lane ? [each.best] : []));
  const ofLane = ({ voucher }: SignedVoucher) => voucher.lane === lane;
  const vouchers = [...list.data.calls, ...open, ...best].filter(ofLane);
  return succeed({ session, call, reach: reachOf(session, call, list.data.calls), vouchers });
}

/**
 * Claims pay the calls of a lane in the order of their numbers. What this call and those before it were charged is known of the calls that this
 * machine made; what was charged of a lane beyond them may have been before it. Never more than what its voucher allowed.
 */
function reachOf({ lanes }: KeptSession, call: AnyCall, lines: readonly CallLine[]): Amount {
  const { lane, serial, maxClaimableAmount } = call.voucher;
  const own = lines.filter(({ voucher }) => voucher.lane === lane);
  const sum = (calls: readonly CallLine[]) => calls.reduce((total, { charged }) => total + BigInt(charged), 0n);
  const unknown = BigInt(lanes.find(({ id }) => id === lane)?.charged ?? 0) - sum(own);
  const before = sum(own.filter(({ voucher }) => Number(voucher.serial) <= Number(serial))) + (unknown > 0n ? unknown : 0n);
  const allowed = BigInt(maxClaimableAmount);
  // Of a call without an answer it is not known what it was charged.
  return (call.outcome === "unanswered" || before > allowed ? allowed : before).toString() as Amount;
}

/** The voucher of a lane that a claim names, if this machine has it. */
export function voucherNamed({ vouchers }: FoundCall, digest: Digest): SignedVoucher | undefined {
  const found = vouchers.find(({ voucher }) => voucherDigest(voucher) === digest);
  return found && { voucher: found.voucher, voucherSignature: found.voucherSignature };
}
