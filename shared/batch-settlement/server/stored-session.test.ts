import { describe, expect, test } from "vitest";
import { agent, NOW, owner, receiver, SESSION, sessionOffer } from "../../../test/fixtures.ts";
import { SESSION_FRESH_SECONDS } from "../../limits.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import { sessionId, signSession } from "../../protocol/session.ts";
import { signVoucher } from "../../protocol/voucher.ts";
import type { DepositPayload } from "../payload.ts";
import { claimSession } from "./claims.ts";
import { MemorySessionStore, SessionBookkeeper } from "./session-store.ts";
import * as stored from "./stored-session.ts";

const id = sessionId(SESSION);
const OFFER = sessionOffer({ amount: "10" });
const voucher = (serial: number, sum: number) =>
  signVoucher({ session: id, lane: "0", serial: String(serial), maxClaimableAmount: String(sum) as Amount }, agent);

async function newSession() {
  const proof = await signSession(SESSION, owner);
  const deposit: DepositPayload = { type: "deposit", channelConfig: SESSION, ...proof, ...(await voucher(1, 10)) };
  return stored.newStoredSession(deposit, OFFER, NOW);
}

/** As a store hands it out: it was text in between. */
const reread = (session: stored.StoredSession) => JSON.parse(JSON.stringify(session)) as stored.StoredSession;
const times = { now: NOW, until: NOW + 600 };

async function take(session: stored.StoredSession, serial: number, sum: number, at = times) {
  const { after, taken } = stored.accept(session, await voucher(serial, sum), 10n, at);
  return { after: reread(after), code: taken.ok ? "runs" : taken.code };
}

describe("a stored session", () => {
  test("is the same after it was text: one serial is taken once, and costs once", async () => {
    const first = await take(await newSession(), 1, 10);
    expect(first.code).toBe("runs");
    expect((await take(first.after, 1, 10)).code).toBe("payment_in_progress");
    const served = reread(stored.complete(first.after, 1, 7n) ?? first.after);
    expect((await take(served, 1, 10)).code).toBe("voucher_used");
    expect(stored.complete(served, 1, 7n)).toBeUndefined();
    expect((await take(served, 2, 16)).code).toBe("voucher_out_of_step");
    expect((await take(served, 2, 17)).code).toBe("runs");
    expect(stored.receiptExtraOf(served, 1, "7" as Charge)).toMatchObject({
      commitmentId: `${id}:0:1`,
      channelState: { chargedCumulativeAmount: "7" },
    });
  });

  test("takes a voucher again whose handler failed", async () => {
    const { after } = await take(await newSession(), 1, 10);
    const failed = reread(stored.fail(after, 1));
    expect(failed).toMatchObject({ spent: "0", running: [] });
    expect((await take(failed, 1, 10)).code).toBe("runs");
  });

  test("does not wait for ever for a process that died, and does not serve its voucher again", async () => {
    const { after } = await take(await newSession(), 1, 10);
    const later = { now: times.until + 1, until: times.until + 600 };
    expect((await take(after, 1, 10, later)).code).toBe("voucher_used");
    // What it held is free: the client signs as if it had cost nothing.
    expect((await take(after, 2, 10, later)).code).toBe("runs");
  });

  test("asks the facilitator again by the freshness of the rule, and takes nothing after its end", async () => {
    const session = await newSession();
    const fresh = Math.min(SESSION_FRESH_SECONDS, Number(SESSION.withdrawDelay) / 4);
    expect([stored.isStale(session, NOW + fresh), stored.isStale(session, NOW + fresh + 1)]).toEqual([false, true]);
    const end = Number(SESSION.expiresAt);
    expect([stored.isOver(session, end), stored.isOver(session, end + 1), stored.isOver({ ...session, closing: true }, NOW)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("a store that several write to", () => {
  test("lets one of two processes take a voucher [session-store-race]", async () => {
    const store = new MemorySessionStore();
    const books = [new SessionBookkeeper(store), new SessionBookkeeper(store)];
    await books[0]?.add(id, await newSession());
    const signed = await voucher(1, 10);
    const takes = books.flatMap((book) =>
      [1, 2, 3].map(() =>
        book.change(id, (session) => {
          const { after, taken } = stored.accept(session, signed, 10n, times);
          return { after, result: taken.ok ? "runs" : taken.code };
        }),
      ),
    );
    const results = (await Promise.all(takes)).map((taken) => taken?.result);
    expect(results.filter((result) => result === "runs")).toHaveLength(1);
  });
});

describe("a claim", () => {
  async function world(answers: (string | undefined)[]) {
    const book = new SessionBookkeeper(new MemorySessionStore());
    const { after } = await take(await newSession(), 1, 10);
    await book.add(id, stored.complete(after, 1, 10n) ?? after);
    const claims: { lanes: { amount: string }[]; final: string }[] = [];
    const facilitator = {
      settle: async ({ payload }: { payload: Record<string, unknown> }) => {
        claims.push(payload["claim"] as never);
        const code = answers.shift();
        const said = { transaction: "", network: SESSION.network as never };
        return code ? { success: false, errorReason: code, ...said } : { success: true, amount: "10", ...said };
      },
    };
    return { book, claims, claim: (now: number) => claimSession(id, { facilitator, book, receiver, now }) };
  }

  test("whose answer got lost is made again, over the same sum", async () => {
    const { claim, claims } = await world(["settlement_pending", undefined]);
    expect(await claim(NOW)).toEqual({ ok: false, session: id, code: "facilitator_unavailable" });
    expect(await claim(NOW)).toMatchObject({ ok: true, amount: "10", ended: false });
    expect(await claim(NOW)).toBeUndefined();
    expect(claims.map(({ lanes }) => lanes[0]?.amount)).toEqual(["10", "10"]);
  });

  test("ends a session that is over, once nothing runs in it, and forgets it", async () => {
    const { claim, claims, book } = await world([]);
    const end = Number(SESSION.expiresAt) + 1;
    await book.change(id, (session) => ({ after: { ...session, running: [{ serial: 9, amount: "10", until: end + 5 }] }, result: 0 }));
    expect(await claim(end)).toMatchObject({ ok: true, ended: false });
    expect(await book.find(id)).toMatchObject({ closing: true });
    expect(await claim(end + 6)).toMatchObject({ ok: true, ended: true });
    expect(claims.map(({ final }) => final)).toEqual(["no", "yes"]);
    expect(await book.find(id)).toBeUndefined();
  });

  test("that came too late forgets the session, and says so", async () => {
    const { claim, book } = await world(["session_closed"]);
    expect(await claim(NOW)).toEqual({ ok: false, session: id, code: "session_closed" });
    expect(await book.find(id)).toBeUndefined();
  });
});
