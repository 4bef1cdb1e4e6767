/**
 * The sums of a session as its record has them: what the next voucher signs, and what becomes of a lane after an answer. The rule is
 * `shared/batch-settlement/client-book.ts`; the record adds the vouchers themselves. Pure: no file, no clock, no key.
 */

import * as clientBook from "../../shared/batch-settlement/client-book.ts";
import type { ClientBook, ClientSums } from "../../shared/batch-settlement/client-book.ts";
import type { Correction, LaneOffer } from "../../shared/batch-settlement/state.ts";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Amount, Charge } from "../../shared/protocol/amount.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import type { SignedVoucher, Voucher } from "../../shared/protocol/voucher.ts";
import { formatTimestamp, parseTimestamp } from "../../shared/time.ts";
import { MAX_KNOWN_OFFERS } from "../runtime/limits.ts";
import type { KnownOffer, LaneRecord, SessionCall, SessionRecord } from "./sessions.ts";

/** Atomic units. */
export interface SessionSums extends ClientSums {
  deposit: bigint;
}

export function sumsOf(record: SessionRecord): SessionSums {
  const book = bookOf(record);
  return { deposit: book.deposit, ...clientBook.sumsOf(book) };
}

/** A voucher to be signed, and the record's book with it. */
export interface VoucherToSign {
  voucher: Voucher;
  book: ClientBook;
}

/**
 * @param now unix seconds
 * @returns undefined if the deposit has no room for it
 */
export function nextVoucher(record: SessionRecord, amount: Amount, binding: Digest | undefined, now: number): VoucherToSign | undefined {
  const next = clientBook.nextVoucher(bookOf(record), BigInt(amount), now);
  if (!next) return undefined;
  const { lane, serial, maxClaimable } = next.voucher;
  const session = sessionId(record.signed.channelConfig);
  const maxClaimableAmount = String(maxClaimable) as Amount;
  return { book: next.book, voucher: { session, lane, serial, maxClaimableAmount, ...(binding && { binding }) } };
}

/** A lane that no acceptor has: its first voucher is refused, and the refusal names one. */
export function unknownLane(): string {
  return bytesToHex(randomBytes(16));
}

/** The next voucher goes to this lane, for as long as it takes. */
export function onLane(record: SessionRecord, lane: string): SessionRecord {
  return { ...record, lane, laneUntil: undefined };
}

/** The record with a call whose voucher was signed, by the book that decided it. */
export function withCall(record: SessionRecord, book: ClientBook, call: SessionCall): SessionRecord {
  const { voucher, voucherSignature } = call;
  return withBook({ ...record, calls: [...record.calls, call] }, book, { voucher, voucherSignature });
}

/** The record with a call as it is now. */
export function withChangedCall(record: SessionRecord, changed: SessionCall): SessionRecord {
  return { ...record, calls: record.calls.map((call) => (call.id === changed.id ? changed : call)) };
}

/**
 * The record without a call that is over.
 * @param charged "0" if it paid nothing
 * @param next the lane that the merchant named
 * @param now unix seconds
 */
export function withoutCall(
  record: SessionRecord,
  { id, voucher }: SessionCall,
  charged: Charge,
  next: LaneOffer | undefined,
  now: number,
): SessionRecord {
  const ref = { lane: voucher.lane, serial: Number(voucher.serial) };
  const book = clientBook.served(bookOf(record), ref, BigInt(charged));
  const calls = record.calls.filter((call) => call.id !== id);
  return withBook({ ...record, calls }, next ? clientBook.turned(book, next, now) : book);
}

export type CorrectionCheck = { ok: true; after: SessionRecord } | { ok: false; problem: string };

/**
 * Adopts what a merchant says in a corrective 402, if this agent's own signature stands under it.
 * @param now unix seconds
 */
export async function corrected(record: SessionRecord, correction: Correction, now: number): Promise<CorrectionCheck> {
  const { channelConfig } = record.signed;
  const session = { id: sessionId(channelConfig), signer: channelConfig.signer };
  const checked = await clientBook.corrected(bookOf(record), correction, session, now);
  return checked.ok ? { ok: true, after: withBook(record, checked.book, checked.proof) } : checked;
}

function bookOf({ signed: { channelConfig }, lanes, calls, lane, laneUntil, partial, claimed = "0" }: SessionRecord): ClientBook {
  const until = laneUntil === undefined ? undefined : parseTimestamp(laneUntil);
  return {
    deposit: BigInt(channelConfig.deposit),
    lanes: lanes.map(({ id, serial, best, charged }) => ({
      lane: id,
      serial: Number(serial),
      signed: BigInt(best.voucher.maxClaimableAmount),
      charged: BigInt(charged),
      underWay: new Map(
        calls.filter(({ voucher }) => voucher.lane === id).map(({ voucher, amount }) => [Number(voucher.serial), BigInt(amount)]),
      ),
    })),
    lane,
    laneUntil: until,
    partial: partial && { claimed: BigInt(claimed) },
  };
}

/** @param shown a voucher of this agent's that the record may not have */
function withBook(record: SessionRecord, book: ClientBook, shown?: SignedVoucher): SessionRecord {
  const laneUntil = book.laneUntil === undefined ? undefined : formatTimestamp(book.laneUntil);
  const lanes = book.lanes.flatMap(({ lane, serial, charged }): LaneRecord[] => {
    const best = bestOf(record.lanes.find(({ id }) => id === lane)?.best, shown?.voucher.lane === lane ? shown : undefined);
    // Nothing was signed in a lane that was only named.
    return best ? [{ id: lane, serial: String(serial), best, charged: String(charged) as Charge }] : [];
  });
  return { ...record, lanes, lane: book.lane, laneUntil };
}

function bestOf(known: SignedVoucher | undefined, shown: SignedVoucher | undefined): SignedVoucher | undefined {
  if (!known || !shown) return known ?? shown;
  return BigInt(shown.voucher.maxClaimableAmount) > BigInt(known.voucher.maxClaimableAmount) ? shown : known;
}

/** The record with an offer that the merchant made; it replaces the one of its route. */
export function withOffer(record: SessionRecord, known: KnownOffer): SessionRecord {
  const others = record.offers.filter(({ method, route }) => method !== known.method || route !== known.route);
  return { ...record, offers: [known, ...others].slice(0, MAX_KNOWN_OFFERS) };
}
