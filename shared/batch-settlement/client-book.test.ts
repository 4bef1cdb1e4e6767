import { describe, expect, test } from "vitest";
import { agent, NOW, SESSION, stranger } from "../../test/fixtures.ts";
import { LANE_SECONDS } from "../limits.ts";
import { type Amount, type Charge } from "../protocol/amount.ts";
import { sessionId } from "../protocol/session.ts";
import { signVoucher } from "../protocol/voucher.ts";
import { type ClientBook, corrected, newBook, nextVoucher, onLane, refused, served, sumsOf, turned } from "./client-book.ts";
import type { Correction } from "./state.ts";

const LANE = "1a".repeat(16);
const id = sessionId(SESSION);

function next(book: ClientBook, amount = 10n, now = NOW) {
  const next = nextVoucher(book, amount, now);
  if (!next) throw new Error("no room");
  return next;
}

/** A book after as many requests of 10 were sent. */
function after(requests: number, book = newBook(100n)): ClientBook {
  return requests === 0 ? book : after(requests - 1, next(book).book);
}

describe("the deposit", () => {
  test("bounds what all lanes together were charged and can be charged", () => {
    const two = next(turned(served(after(1), { lane: "0", serial: 1 }, 10n), { id: LANE }, NOW), 85n).book;
    expect(sumsOf(two)).toEqual({ charged: 10n, pending: 85n, signed: 95n, left: 5n });
    expect(nextVoucher(two, 6n, NOW)).toBeUndefined();
    expect(next(two, 5n).voucher).toEqual({ lane: LANE, serial: "2", maxClaimable: 90n });
  });

  test("has room again for what was refused, or cost less", () => {
    const one = served(after(2), { lane: "0", serial: 1 }, 3n);
    expect(sumsOf(refused(one, { lane: "0", serial: 2 }))).toMatchObject({ charged: 3n, pending: 0n, left: 97n });
  });

  test("of a record that was lost can all have been signed, and what was claimed was charged", () => {
    const lost = { ...after(1), partial: { claimed: 40n } };
    expect(sumsOf(lost)).toEqual({ charged: 40n, pending: 10n, signed: 100n, left: 50n });
  });
});

describe("the lane", () => {
  test("is the one that the merchant named, for as long as its isolate has it; then the object's", () => {
    const named = turned(after(1), { id: LANE, afterSerial: 4 }, NOW);
    expect(next(named, 10n, NOW + LANE_SECONDS).voucher).toMatchObject({ lane: LANE, serial: "5" });
    expect(next(named, 10n, NOW + LANE_SECONDS + 1).voucher).toMatchObject({ lane: "0", serial: "2" });
  });

  test("that the client chose itself stays, as the object's does", () => {
    const later = NOW + 10 * LANE_SECONDS;
    expect(next(onLane(turned(after(1), { id: LANE }, NOW), LANE), 10n, later).voucher.lane).toBe(LANE);
    expect(turned(after(1), { id: "0" }, NOW).laneUntil).toBeUndefined();
  });
});

describe("a corrective 402", () => {
  async function said(changes: object = {}, signer = agent): Promise<Correction> {
    const voucher = { session: id, lane: "0", serial: "9", maxClaimableAmount: "90" as Amount };
    const { voucherSignature: signature } = await signVoucher(voucher, signer);
    return { voucherState: { lane: "0", serial: "9", signedMaxClaimable: "90" as Amount, signature, charged: "80" as Charge, ...changes } };
  }
  const correct = (correction: Correction, book = newBook(1000n)) => corrected(book, correction, { id, signer: agent.publicKey }, NOW);

  test("brings a lane back by the agent's own signature, and names the next one", async () => {
    const checked = await correct({ ...(await said()), lane: { id: LANE, limit: "80" as Charge } });
    expect(checked).toMatchObject({ ok: true, book: { lane: LANE, laneUntil: NOW + LANE_SECONDS }, proof: { voucher: { serial: "9" } } });
    if (checked.ok) expect(sumsOf(checked.book)).toMatchObject({ charged: 80n, signed: 90n });
  });

  test("is not believed without that signature, nor beyond it", async () => {
    expect(await correct(await said({}, stranger))).toMatchObject({ ok: false });
    expect(await correct(await said({ signedMaxClaimable: "1000" }))).toMatchObject({ ok: false });
    expect(await correct(await said({ charged: "91" }))).toMatchObject({ ok: false });
    expect(await correct({})).toMatchObject({ ok: false });
    const channelState = { channelId: "00".repeat(32), balance: "1", totalClaimed: "0", withdrawRequestedAt: 0 };
    expect(await correct({ ...(await said()), channelState } as Correction)).toMatchObject({ ok: false });
  });
});
