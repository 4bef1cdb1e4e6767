/**
 * What a client knows of one lane that it pays in, and which voucher it signs next. Pure: a client writes the new book down before it sends
 * the voucher. Amounts are atomic units. spec/scheme_batch_settlement_lez.md.
 */

import { FIRST_LANE, type Voucher } from "../protocol/voucher.ts";
import type { VoucherState } from "./state.ts";

export interface LaneBook {
  readonly lane: string;
  /** The highest that was signed. */
  readonly serial: number;
  /** The most that the merchant can claim by what was signed. */
  readonly signed: bigint;
  /** What the merchant said that it charged, never more than what was signed. */
  readonly charged: bigint;
  /** By serial: the most that each request under way can cost. One whose answer got lost stays: it may have been served. */
  readonly underWay: ReadonlyMap<number, bigint>;
}

export function newLane(lane: string = FIRST_LANE): LaneBook {
  return { lane, serial: 0, signed: 0n, charged: 0n, underWay: new Map() };
}

/** The most that the lane can have come to. */
export function committed({ charged, underWay }: LaneBook): bigint {
  return [...underWay.values()].reduce((sum, ceiling) => sum + ceiling, charged);
}

/** The members of a voucher that the book decides. */
export type NextVoucher = Pick<Voucher, "serial"> & { lane: string; maxClaimable: bigint };

/**
 * The next voucher covers what was charged, all that is under way, and this request: of the vouchers that arrive, in any order, the highest
 * covers all that arrived.
 * @param amount the most that the request can cost
 */
export function nextVoucher(book: LaneBook, amount: bigint): { book: LaneBook; voucher: NextVoucher } {
  const serial = book.serial + 1;
  const voucher = { lane: book.lane, serial: String(serial), maxClaimable: committed(book) + amount };
  const signed = voucher.maxClaimable > book.signed ? voucher.maxClaimable : book.signed;
  return { book: { ...book, serial, signed, underWay: new Map([...book.underWay, [serial, amount]]) }, voucher };
}

/** The request was served. A charge above what it could cost counts as that: no more was signed for it. */
export function served(book: LaneBook, serial: number, charge: bigint): LaneBook {
  const ceiling = book.underWay.get(serial);
  if (ceiling === undefined) return book; // told before
  return { ...without(book, serial), charged: book.charged + (charge < ceiling ? charge : ceiling) };
}

/** The request was refused before it was served: it costs nothing. */
export function refused(book: LaneBook, serial: number): LaneBook {
  return book.underWay.has(serial) ? without(book, serial) : book;
}

/**
 * What the merchant says of the lane, after its proof was verified with the client's own key. No more is adopted than was signed, and no less
 * than is known: a merchant that lost some of its memory charged no less. What is under way is counted once.
 * @returns undefined for a sum above the voucher that proves it
 */
export function adopted(book: LaneBook, state: Pick<VoucherState, "serial" | "signedMaxClaimable" | "charged">): LaneBook | undefined {
  const said = BigInt(state.charged);
  const shown = BigInt(state.signedMaxClaimable);
  if (said > shown) return undefined;
  const signed = shown > book.signed ? shown : book.signed;
  const most = signed - (committed(book) - book.charged);
  const charged = said < most ? said : most;
  return { ...book, serial: Math.max(book.serial, Number(state.serial)), signed, charged: charged > book.charged ? charged : book.charged };
}

/** The merchant has accepted serials up to this one, or may have. */
export function after(book: LaneBook, serial: number): LaneBook {
  return serial > book.serial ? { ...book, serial } : book;
}

function without(book: LaneBook, serial: number): LaneBook {
  return { ...book, underWay: new Map([...book.underWay].filter(([other]) => other !== serial)) };
}
