/**
 * What a client knows of one session: its lanes, what is left, and which voucher comes next. Pure: a client stores the new book before it
 * sends the voucher. Amounts are atomic units, times unix seconds. spec/scheme_batch_settlement_lez.md.
 */

import type { Digest } from "../crypto/digest.ts";
import { LANE_SECONDS } from "../limits.ts";
import { FIRST_LANE, isGenuineVoucher, type SignedVoucher } from "../protocol/voucher.ts";
import * as laneBook from "./lane-book.ts";
import { committed, type LaneBook, newLane, type NextVoucher } from "./lane-book.ts";
import type { Correction, LaneOffer, VoucherState } from "./state.ts";

export interface ClientBook {
  readonly deposit: bigint;
  readonly lanes: readonly LaneBook[];
  /** The lane of the next voucher. */
  readonly lane: string;
  /** Last second of that lane, as far as is known: its isolate may be gone afterwards. Absent: the lane stays. */
  readonly laneUntil?: number | undefined;
  /** The client's record was lost: it signed more than it knows, and claims took so much. */
  readonly partial?: { readonly claimed: bigint } | undefined;
}

export interface ClientSums {
  /** What was charged, as far as the client knows. */
  charged: bigint;
  /** The most that the requests under way, or unanswered, can be charged. */
  pending: bigint;
  /** The most that the merchant can claim by the vouchers that were signed, never above the deposit. */
  signed: bigint;
  left: bigint;
}

/** One request of the session. */
export interface VoucherRef {
  lane: string;
  serial: number;
}

export function newBook(deposit: bigint): ClientBook {
  return { deposit, lanes: [], lane: FIRST_LANE };
}

export function sumsOf({ deposit, lanes, partial }: ClientBook): ClientSums {
  const known = sum(lanes.map(({ charged }) => charged));
  const charged = partial && partial.claimed > known ? partial.claimed : known;
  const pending = sum(lanes.map((lane) => committed(lane) - lane.charged));
  const signed = partial ? deposit : least(sum(lanes.map(({ signed }) => signed)), deposit);
  const left = deposit - charged - pending;
  return { charged, pending, signed, left: left > 0n ? left : 0n };
}

/**
 * @param amount the most that the request can cost
 * @param now unix seconds
 * @returns undefined if the deposit has no room for it
 */
export function nextVoucher(book: ClientBook, amount: bigint, now: number): { book: ClientBook; voucher: NextVoucher } | undefined {
  if (sumsOf(book).left < amount) return undefined;
  const { lane: named, laneUntil = Number.POSITIVE_INFINITY } = book;
  // The merchant's object prolongs a lane or serves its own: each is one call. A lane that is gone costs the client an exchange.
  const { book: lane, voucher } = laneBook.nextVoucher(laneOf(book, now > laneUntil ? FIRST_LANE : named), amount);
  return { book: withLane(book, lane), voucher };
}

/** @param charge what it cost; counts up to what it could cost */
export function served(book: ClientBook, { lane, serial }: VoucherRef, charge: bigint): ClientBook {
  return withLane(book, laneBook.served(laneOf(book, lane), serial, charge));
}

/** The request was refused before it was served: it costs nothing. */
export function refused(book: ClientBook, { lane, serial }: VoucherRef): ClientBook {
  return withLane(book, laneBook.refused(laneOf(book, lane), serial));
}

type NamedLane = Pick<LaneOffer, "id" | "afterSerial">;

/** The merchant names the lane of the next voucher. */
export function turned(book: ClientBook, { id, afterSerial = 0 }: NamedLane, now: number): ClientBook {
  const known = withLane(book, laneBook.after(laneOf(book, id), afterSerial));
  return onLane(known, id, id === FIRST_LANE ? undefined : now + LANE_SECONDS);
}

/** The client chooses the lane of the next voucher itself. */
export function onLane(book: ClientBook, lane: string, laneUntil?: number): ClientBook {
  return { ...book, lane, laneUntil };
}

/** `proof`: the highest voucher of the lane that the merchant showed. */
export type CorrectionCheck = { ok: true; book: ClientBook; proof?: SignedVoucher } | { ok: false; problem: string };

/**
 * Adopts what a merchant says in a corrective 402, if the agent's own signature stands under it. The merchant can prove what it holds, and can
 * only say what it charged: no sum is adopted that the agent has not signed.
 * @param signer the agent's public key, which the session names
 * @param now unix seconds
 */
export async function corrected(
  book: ClientBook,
  { voucherState, lane: next, channelState }: Correction,
  { id, signer }: { id: Digest; signer: string },
  now: number,
): Promise<CorrectionCheck> {
  if (channelState && channelState.channelId !== id) return { ok: false, problem: "it is about another session" };
  if (!voucherState) {
    return next ? { ok: true, book: turned(book, next, now) } : { ok: false, problem: "it names neither a voucher nor a lane" };
  }
  const proof = voucherOf(id, voucherState);
  if (!(await isGenuineVoucher(proof, signer)))
    return { ok: false, problem: "the voucher that it shows does not have this agent's signature" };
  const lane = laneBook.adopted(laneOf(book, voucherState.lane), voucherState);
  if (!lane) return { ok: false, problem: "it says that more was charged than this agent has signed" };
  return { ok: true, book: turned(withLane(book, lane), next ?? { id: lane.lane }, now), proof };
}

function voucherOf(session: Digest, { lane, serial, signedMaxClaimable, binding, signature }: VoucherState): SignedVoucher {
  const voucher = { session, lane, serial, maxClaimableAmount: signedMaxClaimable, ...(binding && { binding }) };
  return { voucher, voucherSignature: signature };
}

function laneOf({ lanes }: ClientBook, id: string): LaneBook {
  return lanes.find(({ lane }) => lane === id) ?? newLane(id);
}

function withLane(book: ClientBook, after: LaneBook): ClientBook {
  return { ...book, lanes: [...book.lanes.filter(({ lane }) => lane !== after.lane), after] };
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((sum, amount) => sum + amount, 0n);
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
