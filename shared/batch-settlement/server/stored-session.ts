/**
 * What a merchant keeps of a session, as plain JSON, and what a request changes in it. One lane, `0`, which the store gives to one caller at
 * a time. Pure. Amounts are atomic units as decimal strings, times unix seconds.
 */

import type { Charge } from "../../protocol/amount.ts";
import { type Session, sessionId } from "../../protocol/session.ts";
import { FIRST_LANE, type SignedVoucher } from "../../protocol/voucher.ts";
import type { PaymentRequirements } from "../../x402/x402.ts";
import { freshSeconds } from "../freshness.ts";
import { type Acceptance, Lane, type LaneVoucher } from "../lane.ts";
import type { DepositPayload } from "../payload.ts";
import type { ChannelState, Correction, VoucherReceiptExtra } from "../state.ts";

export interface StoredSession {
  readonly format: "lez-agent-pay/merchant-session/1";
  /** As it was presented. The facilitator is shown it again to learn where the session stands, and the offer with it. */
  readonly deposit: DepositPayload;
  readonly offer: PaymentRequirements;
  /** When the facilitator was asked last, before it answered. */
  readonly askedAt: number;
  /** No voucher is accepted any more; what was charged is claimed. */
  readonly closing: boolean;
  /** Paid by claims. */
  readonly claimed: Charge;
  readonly spent: Charge;
  /** The voucher with the highest sum. */
  readonly best?: SignedVoucher;
  readonly highest: number;
  /** The window: serial, charge, and what the lane had come to with it. A serial without a charge runs. */
  readonly serials: readonly (readonly [serial: number] | readonly [serial: number, charged: string, spent: string])[];
  /** Calls under way, each with the time after which its end is not waited for. */
  readonly running: readonly { readonly serial: number; readonly amount: string; readonly until: number }[];
}

interface HeldVoucher extends LaneVoucher {
  readonly signed: SignedVoucher;
}

/** A session that the facilitator has just opened. */
export function newStoredSession(deposit: DepositPayload, offer: PaymentRequirements, askedAt: number): StoredSession {
  return {
    format: "lez-agent-pay/merchant-session/1",
    deposit,
    offer,
    askedAt,
    closing: false,
    claimed: "0",
    spent: "0",
    highest: 0,
    serials: [],
    running: [],
  };
}

/** Whether the facilitator's word is too old to accept a voucher by it. */
export function isStale({ askedAt, deposit: { channelConfig } }: StoredSession, now: number): boolean {
  return now - askedAt > freshSeconds(Number(channelConfig.withdrawDelay));
}

/** Whether no voucher of the session is accepted. */
export function isOver({ closing, deposit: { channelConfig } }: StoredSession, now: number): boolean {
  return closing || now > Number(channelConfig.expiresAt);
}

/**
 * Judges a voucher of lane 0, whose signature and session were verified, and takes it.
 * @param amount the most that the call can cost
 * @param until when its end is not waited for any more
 */
export function accept(
  before: StoredSession,
  signed: SignedVoucher,
  amount: bigint,
  { now, until }: { now: number; until: number },
): { after: StoredSession; taken: Acceptance } {
  const swept = sweep(before, now);
  const lane = laneOf(swept);
  const { serial, maxClaimableAmount } = signed.voucher;
  const voucher = { serial: Number(serial), maxClaimable: BigInt(maxClaimableAmount), signed };
  const taken = lane.accept(voucher, amount, BigInt(before.deposit.channelConfig.deposit));
  if (!taken.ok) return { after: swept, taken };
  const running = [...swept.running, { serial: voucher.serial, amount: String(amount), until }];
  return { after: { ...withLane(swept, lane), running }, taken };
}

/** @returns undefined if no such call runs: it was never accepted, or its end was not waited for */
export function complete(before: StoredSession, serial: number, charge: bigint): StoredSession | undefined {
  const call = before.running.find((each) => each.serial === serial);
  if (!call) return undefined;
  const lane = laneOf(before);
  lane.complete({ serial, amount: BigInt(call.amount) }, charge);
  return { ...withLane(before, lane), running: before.running.filter((each) => each !== call) };
}

/** The handler failed, and nothing was paid: the same voucher can come again. */
export function fail(before: StoredSession, serial: number): StoredSession {
  const call = before.running.find((each) => each.serial === serial);
  if (!call) return before;
  const lane = laneOf(before);
  lane.fail({ serial, amount: BigInt(call.amount) });
  return { ...withLane(before, lane), running: before.running.filter((each) => each !== call) };
}

/** A call whose end was never told was delivered or not: it costs nothing, and does not run again. */
export function sweep(before: StoredSession, now: number): StoredSession {
  return before.running
    .filter(({ until }) => until < now)
    .reduce((session, { serial }) => complete(session, serial, 0n) ?? session, before);
}

export function channelStateOf({ deposit: { channelConfig }, claimed, spent }: StoredSession): ChannelState {
  return {
    channelId: sessionId(channelConfig),
    balance: channelConfig.deposit,
    totalClaimed: claimed,
    withdrawRequestedAt: 0,
    chargedCumulativeAmount: spent,
  };
}

/** What `extra` of PAYMENT-RESPONSE says of a call that was served. */
export function receiptExtraOf(session: StoredSession, serial: number, charged: Charge): VoucherReceiptExtra {
  const channelState = channelStateOf(session);
  return {
    commitmentId: `${channelState.channelId}:${FIRST_LANE}:${serial}`,
    chargedAmount: charged,
    lane: laneOfferOf(session),
    channelState,
  };
}

/** Where the lane stands, by the client's own signature. */
export function correctionOf(session: StoredSession): Correction {
  const { best, spent } = session;
  const correction = { channelState: channelStateOf(session), lane: laneOfferOf(session) };
  if (!best) return correction;
  const { lane, serial, maxClaimableAmount: signedMaxClaimable, binding } = best.voucher;
  const proof = { lane, serial, signedMaxClaimable, ...(binding && { binding }), signature: best.voucherSignature };
  return { ...correction, voucherState: { ...proof, charged: spent } };
}

function laneOfferOf({ deposit: { channelConfig }, highest }: StoredSession) {
  return { id: FIRST_LANE, limit: channelConfig.deposit, afterSerial: highest };
}

function laneOf({ spent, best, highest, serials, running }: StoredSession): Lane<HeldVoucher> {
  return new Lane<HeldVoucher>({
    spent: BigInt(spent),
    best: best && heldVoucher(best),
    floor: 0,
    highest,
    serials: serials.map(([serial, charged, total]) =>
      charged === undefined || total === undefined ? { serial } : { serial, charged: BigInt(charged), spent: BigInt(total) },
    ),
    pending: running.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
  });
}

function withLane(session: StoredSession, lane: Lane<HeldVoucher>): StoredSession {
  const { spent, best, highest, serials } = lane.kept;
  return {
    ...session,
    spent: String(spent) as Charge,
    ...(best && { best: best.signed }),
    highest,
    serials: serials.map(({ serial, charged, spent: total }) =>
      charged === undefined ? [serial] : [serial, String(charged), String(total ?? charged)],
    ),
  };
}

function heldVoucher(signed: SignedVoucher): HeldVoucher {
  return { serial: Number(signed.voucher.serial), maxClaimable: BigInt(signed.voucher.maxClaimableAmount), signed };
}

/** The session itself. */
export function sessionOf({ deposit }: StoredSession): Session {
  return deposit.channelConfig;
}
