/**
 * The sums of a session, on the agent's side: what the next voucher signs, and what becomes of a lane after an answer. Pure: no file, no
 * clock, no key.
 */

import type { Correction, LaneOffer, VoucherState } from "../../shared/batch-settlement/state.ts";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Amount, Charge } from "../../shared/protocol/amount.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import { isGenuineVoucher, type SignedVoucher, type Voucher } from "../../shared/protocol/voucher.ts";
import { MAX_KNOWN_OFFERS } from "../runtime/limits.ts";
import type { KnownOffer, LaneRecord, SessionCall, SessionRecord } from "./sessions.ts";

/** Atomic units. */
export interface SessionSums {
  deposit: bigint;
  /** What was charged, as far as this machine knows. */
  charged: bigint;
  /** The most that the calls under way, or unanswered, can be charged. */
  pending: bigint;
  /** The most that the merchant can claim by the vouchers that were signed, never above the deposit. */
  signed: bigint;
  left: bigint;
}

export function sumsOf({ signed: { channelConfig }, lanes, calls, partial, claimed = "0" }: SessionRecord): SessionSums {
  const deposit = BigInt(channelConfig.deposit);
  const known = lanes.reduce((sum, lane) => sum + BigInt(lane.charged), 0n);
  const charged = partial && BigInt(claimed) > known ? BigInt(claimed) : known;
  const pending = pendingOf(calls);
  const signed = partial ? deposit : lanes.reduce((sum, { best }) => sum + BigInt(best.voucher.maxClaimableAmount), 0n);
  const left = deposit - charged - pending;
  return { deposit, charged, pending, signed: signed < deposit ? signed : deposit, left: left > 0n ? left : 0n };
}

/**
 * The next voucher of the session's lane: what is known to be charged, what is under way, and this amount. So of all that arrive, in
 * whatever order, the highest covers each.
 * @returns undefined if the deposit has no room for it
 */
export function nextVoucher(record: SessionRecord, amount: Amount, binding: Digest | undefined): Voucher | undefined {
  if (sumsOf(record).left < BigInt(amount)) return undefined;
  const { lane: id, lanes, calls } = record;
  const lane = lanes.find((each) => each.id === id);
  const underWay = pendingOf(calls.filter(({ voucher }) => voucher.lane === id));
  const sum = BigInt(lane?.charged ?? 0) + underWay + BigInt(amount);
  return {
    session: sessionId(record.signed.channelConfig),
    lane: id,
    serial: String(Number(lane?.serial ?? 0) + 1),
    maxClaimableAmount: sum.toString() as Amount,
    ...(binding && { binding }),
  };
}

/** A lane that no acceptor has: its first voucher is refused, and the refusal names one. */
export function unknownLane(): string {
  return bytesToHex(randomBytes(16));
}

/** The record with one more call, whose voucher is signed. */
export function withCall(record: SessionRecord, call: SessionCall): SessionRecord {
  const { voucher, voucherSignature } = call;
  const lane = record.lanes.find(({ id }) => id === voucher.lane);
  const signed = { voucher, voucherSignature };
  const best = lane && BigInt(lane.best.voucher.maxClaimableAmount) > BigInt(voucher.maxClaimableAmount) ? lane.best : signed;
  const after = { id: voucher.lane, serial: voucher.serial, best, charged: lane?.charged ?? ("0" as const) };
  return { ...record, lanes: replaced(record.lanes, after), calls: [...record.calls.filter(({ id }) => id !== call.id), call] };
}

/** The record without a call that is over. @param charged "0" if it paid nothing */
export function withoutCall(record: SessionRecord, call: SessionCall, charged: Charge, next?: LaneOffer): SessionRecord {
  const lane = record.lanes.find(({ id }) => id === call.voucher.lane);
  const lanes = lane ? replaced(record.lanes, { ...lane, charged: add(lane.charged, charged) }) : record.lanes;
  return { ...record, lanes, calls: record.calls.filter(({ id }) => id !== call.id), lane: next?.id ?? record.lane };
}

export type CorrectionCheck = { ok: true; after: SessionRecord } | { ok: false; problem: string };

/**
 * Adopts what a merchant says in a corrective 402, if this agent's own signature stands under it. No sum is adopted that this agent has not
 * signed: the merchant can prove what it holds, and can only say what it charged.
 */
export async function corrected(record: SessionRecord, { voucherState, lane: next, channelState }: Correction): Promise<CorrectionCheck> {
  const session = sessionId(record.signed.channelConfig);
  if (channelState && channelState.channelId !== session) return { ok: false, problem: "it is about another session" };
  if (!voucherState) {
    return next ? { ok: true, after: { ...record, lane: next.id } } : { ok: false, problem: "it names neither a voucher nor a lane" };
  }
  const held = voucherOf(session, voucherState);
  if (!(await isGenuineVoucher(held, record.signed.channelConfig.signer)))
    return { ok: false, problem: "the voucher that it shows does not have this agent's signature" };
  if (BigInt(voucherState.charged) > BigInt(voucherState.signedMaxClaimable))
    return { ok: false, problem: "it says that more was charged than this agent has signed" };
  const own = record.lanes.find(({ id }) => id === voucherState.lane);
  const stands = own ? merged(own, held, voucherState.charged, record.calls) : laneOf(held, voucherState.charged);
  const after = next?.id === stands.id ? skipping(stands, next.afterSerial) : stands;
  return { ok: true, after: { ...record, lanes: replaced(record.lanes, after), lane: next?.id ?? voucherState.lane } };
}

/** A lane of which this machine knows nothing: its folder was lost, or another machine signed. */
function laneOf(held: SignedVoucher, charged: Charge): LaneRecord {
  return { id: held.voucher.lane, serial: held.voucher.serial, best: held, charged };
}

/** An object that started anew takes no number up to one that it wrote down ahead. Numbers cost nothing. */
function skipping(lane: LaneRecord, afterSerial = 0): LaneRecord {
  return afterSerial > Number(lane.serial) ? { ...lane, serial: String(afterSerial) } : lane;
}

/** What this machine knows stays: a merchant that lost some of its memory charged no less. What is under way is counted once. */
function merged(own: LaneRecord, held: SignedVoucher, said: Charge, calls: readonly SessionCall[]): LaneRecord {
  const underWay = pendingOf(calls.filter(({ voucher }) => voucher.lane === own.id));
  const more = BigInt(held.voucher.maxClaimableAmount) > BigInt(own.best.voucher.maxClaimableAmount);
  const most = BigInt((more ? held : own.best).voucher.maxClaimableAmount) - underWay;
  const charged = BigInt(said) < most ? BigInt(said) : most;
  return {
    ...own,
    serial: Number(held.voucher.serial) > Number(own.serial) ? held.voucher.serial : own.serial,
    best: more ? held : own.best,
    charged: charged > BigInt(own.charged) ? (charged.toString() as Charge) : own.charged,
  };
}

function voucherOf(session: Digest, { lane, serial, signedMaxClaimable, binding, signature }: VoucherState): SignedVoucher {
  const voucher = { session, lane, serial, maxClaimableAmount: signedMaxClaimable, ...(binding && { binding }) };
  return { voucher, voucherSignature: signature };
}

/** The record with an offer that the merchant made; it replaces the one of its route. */
export function withOffer(record: SessionRecord, known: KnownOffer): SessionRecord {
  const others = record.offers.filter(({ method, route }) => method !== known.method || route !== known.route);
  return { ...record, offers: [known, ...others].slice(0, MAX_KNOWN_OFFERS) };
}

function replaced(lanes: readonly LaneRecord[], after: LaneRecord): LaneRecord[] {
  return [...lanes.filter(({ id }) => id !== after.id), after];
}

function pendingOf(calls: readonly SessionCall[]): bigint {
  return calls.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
}

function add(a: Charge, b: Charge): Charge {
  return (BigInt(a) + BigInt(b)).toString() as Charge;
}
