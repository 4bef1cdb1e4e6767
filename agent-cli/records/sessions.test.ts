/** The records of sessions: what is signed next, what an answer changes, and what no merchant can talk an agent into. */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import type { Correction } from "../../shared/batch-settlement/state.ts";
import { LANE_SECONDS } from "../../shared/limits.ts";
import type { Amount, Charge } from "../../shared/protocol/amount.ts";
import { type Session, sessionId, signSession } from "../../shared/protocol/session.ts";
import { isGenuineVoucher, signVoucher } from "../../shared/protocol/voucher.ts";
import { parseTimestamp, unixNow } from "../../shared/time.ts";
import { agent, NOW, owner, SESSION, sessionOffer, stranger } from "../../test/fixtures.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";
import { sandbox } from "../testing/cli.ts";
import { VOUCHER_RACER } from "../testing/voucher-race.ts";
import { beginSession, callsOf, endCall, presentCall, problemsOfSession, takeVoucher } from "./session-calls.ts";
import { corrected, nextVoucher, sumsOf, withOffer } from "./session-lanes.ts";
import { type KeptSession, keptSessions, type SessionRecord, sessionRecord } from "./sessions.ts";

const box = sandbox();
const io = processIo();
let homes = 0;
function place() {
  const home = box.path(`home-${homes++}`);
  mkdirSync(home, { mode: 0o700 });
  return { home, context: contextFor({ ...io, env: { LEZ_AGENT_PAY_HOME: home } }, [], true) };
}

const id = sessionId(SESSION);
const OFFER = sessionOffer({ amount: "10" });
const record = async (changes: Partial<Session> = {}): Promise<SessionRecord> => {
  const channelConfig = { ...SESSION, ...changes };
  const signed = { channelConfig, ...(await signSession(channelConfig, owner)) };
  return { signed, state: "open", changedAt: "2026-01-01T00:00:00Z", lane: "0", lanes: [], calls: [], offers: [] };
};
const call = (amount = "10") => ({
  id: randomBytes(16).toString("hex"),
  amount: amount as Amount,
  method: "GET",
  url: "https://merchant.example.com/premium",
  offer: OFFER,
});
/** A session on disk, with its first call. */
async function begun(context: ReturnType<typeof place>["context"], before?: SessionRecord) {
  const first = await beginSession(context, before ?? (await record()), call(), undefined, agent);
  if (!first.ok) throw new Error(first.error.message);
  return first.data;
}
const kept = (context: ReturnType<typeof place>["context"]): KeptSession => {
  const found = sessionRecord(context, id);
  if (!found.ok || !found.data) throw new Error("no session");
  return found.data;
};
const taken = async (context: ReturnType<typeof place>["context"], amount?: string) => {
  const next = await takeVoucher(context, id, call(amount), undefined, agent);
  if (!next.ok) throw new Error(next.error.message);
  return next.data;
};

describe("the next voucher", () => {
  test("signs what was charged, what is under way, and its own price [voucher-sum]", async () => {
    const { context } = place();
    const first = await begun(context);
    expect(first.voucher).toMatchObject({ lane: "0", serial: "1", maxClaimableAmount: "10" });
    const second = await taken(context, "20");
    expect(second?.voucher).toMatchObject({ serial: "2", maxClaimableAmount: "30" });
    await endCall(context, id, first, { outcome: "charged", charged: "7" as Charge });
    // 7 were charged, 20 are under way, 10 are new: less than the 40 of the sum that was signed before.
    expect((await taken(context))?.voucher).toMatchObject({ serial: "3", maxClaimableAmount: "37" });
    expect(sumsOf(kept(context))).toMatchObject({ charged: 7n, pending: 30n });
  });

  test("begins at one in each lane, and the deposit bounds all of them together", async () => {
    const { context } = place();
    const first = await begun(context, await record({ deposit: "35" as Amount }));
    const lane = "a".repeat(32);
    await endCall(context, first.voucher.session, first, {
      outcome: "charged",
      charged: "10" as Charge,
      next: { id: lane, limit: "20" as Charge },
    });
    const next = await takeVoucher(context, first.voucher.session, call("20"), undefined, agent);
    expect(next).toMatchObject({ ok: true, data: { voucher: { lane, serial: "1", maxClaimableAmount: "20" } } });
    const beyond = await takeVoucher(context, first.voucher.session, call("6"), undefined, agent);
    expect(beyond).toEqual({ ok: true, data: undefined });
    const rest = await takeVoucher(context, first.voucher.session, call("5"), undefined, agent);
    expect(rest).toMatchObject({ data: { voucher: { serial: "2", maxClaimableAmount: "25" } } });
  });

  test("is on disk, for its user alone, before it is handed out [voucher-first]", async () => {
    const { home, context } = place();
    const first = await begun(context);
    const file = `${home}/sessions/${id}.json`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const stored = JSON.parse(readFileSync(file, "utf8")) as SessionRecord & { format: string };
    expect(stored.format).toBe("lez-agent-pay/session/1");
    expect(stored.calls.map(({ voucherSignature }) => voucherSignature)).toEqual([first.voucherSignature]);
    expect(await isGenuineVoucher(first, agent.publicKey)).toBe(true);
  });

  test("has a serial of its own, also after an earlier one was presented", async () => {
    const { context } = place();
    const first = await begun(context);
    expect((await taken(context))?.voucher.serial).toBe("2");
    await presentCall(context, id, first.id);
    expect((await taken(context))?.voucher.serial).toBe("3");
  });

  test("goes to a lane that was named for as long as its isolate has it, then to the object's", async () => {
    const { context } = place();
    const first = await begun(context);
    const lane = "a".repeat(32);
    await endCall(context, id, first, { outcome: "charged", charged: "10" as Charge, next: { id: lane, limit: "80" as Charge } });
    const { laneUntil } = kept(context);
    const until = parseTimestamp(laneUntil ?? "") ?? 0;
    expect(until - unixNow()).toBeGreaterThan(LANE_SECONDS - 5);
    const next = (now: number) => nextVoucher(kept(context), "10" as Amount, undefined, now)?.voucher;
    expect(next(until)).toMatchObject({ lane, serial: "1" });
    expect(next(until + 1)).toMatchObject({ lane: "0", serial: "2", maxClaimableAmount: "20" });
  });

  test("of one session begun twice is the same one", async () => {
    const { context } = place();
    expect((await begun(context)).voucherSignature).toBe((await begun(context)).voucherSignature);
    expect(kept(context).calls).toHaveLength(1);
  });

  test("of many processes at once is never the same one [voucher-processes]", async () => {
    const { home, context } = place();
    const first = await begun(context, await record({ deposit: "100000" as Amount }));
    const run = (count: number) =>
      promisify(execFile)(process.execPath, [VOUCHER_RACER, first.voucher.session, "02".repeat(32), String(count)], {
        env: { ...process.env, LEZ_AGENT_PAY_HOME: home },
      });
    const runs = await Promise.all([run(4), run(4)]);
    const signed = runs.flatMap(({ stdout }) => JSON.parse(stdout) as string[]);
    const sums = [2, 3, 4, 5, 6, 7, 8, 9].map((serial) => `0:${serial}:${serial * 10}`);
    expect([...signed].sort()).toEqual(sums);
  });
});

describe("a call that is over", () => {
  test("is one line, and counts once however often it is noted [session-lines]", async () => {
    const { context } = place();
    const first = await begun(context);
    const end = { outcome: "charged", charged: "7" as Charge } as const;
    await endCall(context, id, first, end);
    await endCall(context, id, first, end);
    expect(sumsOf(kept(context))).toMatchObject({ charged: 7n, pending: 0n });
    expect(callsOf(context, { id })).toMatchObject({ data: { calls: [{ charged: "7", outcome: "charged" }], problems: [] } });
    expect(await presentCall(context, id, first.id)).toEqual({ ok: true, data: undefined });
  });

  test("leaves a line whose voucher, sum and signature are checked [session-verify]", async () => {
    const { home, context } = place();
    const first = await begun(context);
    await endCall(context, id, first, { outcome: "charged", charged: "7" as Charge });
    expect(await problemsOfSession(context, kept(context))).toEqual({ ok: true, data: [] });
    const file = `${home}/sessions/${id}.calls.jsonl`;
    const line = readFileSync(file, "utf8");
    const problems = async (text: string) => {
      writeFileSync(file, text);
      const found = await problemsOfSession(context, kept(context));
      return found.ok ? found.data : [];
    };
    expect(await problems(line.replace('"charged":"7"', '"charged":"9"'))).toEqual([expect.stringContaining("were charged 9")]);
    expect(await problems(line.replace('"serial":"1"', '"serial":"2"'))).toEqual([expect.stringContaining("signature")]);
    expect(await problems(line.slice(0, -5))).toEqual([expect.stringContaining("not complete")]);
    expect(await problems("{}\n")).toEqual([expect.stringContaining("cannot be read")]);
  });
});

describe("a corrective 402", () => {
  const lane = "b".repeat(32);
  const correct = (before: SessionRecord, said: Correction) => corrected(before, said, NOW);
  async function said(changes: object = {}, signer = agent): Promise<Correction> {
    const voucher = { session: id, lane: "0", serial: "9", maxClaimableAmount: "90" as Amount };
    const { voucherSignature: signature } = await signVoucher(voucher, signer);
    return {
      voucherState: { lane: "0", serial: "9", signedMaxClaimable: "90" as Amount, signature, charged: "80" as Charge, ...changes },
      lane: { id: lane, limit: "160" as Charge },
    };
  }

  test("brings a lost lane back, by this agent's own signature [correction-lost]", async () => {
    const checked = await correct(await record(), await said());
    expect(checked).toMatchObject({ ok: true, after: { lane, lanes: [{ id: "0", serial: "9", charged: "80" }] } });
    const only = await correct(await record(), { ...(await said()), lane: undefined });
    if (!only.ok) throw new Error(only.problem);
    expect(nextVoucher(only.after, "10" as Amount, undefined, NOW)).toMatchObject({
      voucher: { lane: "0", serial: "10", maxClaimableAmount: "90" },
    });
  });

  test("is not believed without it, nor beyond it [correction-lies]", async () => {
    const refused = (problem: string) => ({ ok: false, problem: expect.stringContaining(problem) });
    expect(await correct(await record(), await said({}, stranger))).toEqual(refused("signature"));
    expect(await correct(await record(), await said({ signedMaxClaimable: "1000" }))).toEqual(refused("signature"));
    expect(await correct(await record(), await said({ serial: "10" }))).toEqual(refused("signature"));
    expect(await correct(await record(), await said({ charged: "91" }))).toEqual(refused("more was charged"));
    expect(await correct(await record(), {})).toEqual(refused("neither"));
    const state = { channelId: "0".repeat(64), balance: "1", totalClaimed: "0", withdrawRequestedAt: 0, chargedCumulativeAmount: "0" };
    expect(await correct(await record(), { ...(await said()), channelState: state as never })).toEqual(refused("another session"));
  });

  test("takes nothing back that this machine knows, and counts what is under way once", async () => {
    const { context } = place();
    const last = await signVoucher({ session: id, lane: "0", serial: "11", maxClaimableAmount: "95" as Amount }, agent);
    const lanes = [{ id: "0", serial: "11", best: last, charged: "60" as Charge }];
    await begun(context, { ...(await record()), lanes });
    const known = kept(context);
    const checked = await correct(known, await said());
    // 95 were signed, and 10 of them are under way: no more than 85 can have been charged before.
    expect(checked).toMatchObject({ ok: true, after: { lanes: [{ serial: "12", charged: "80", best: { voucher: { serial: "11" } } }] } });
    const more = await correct(known, await said({ charged: "89" }));
    expect(more).toMatchObject({ ok: true, after: { lanes: [{ charged: "85" }] } });
  });
});

test("an unreadable record is named, and stops no other", async () => {
  const { home, context } = place();
  await begun(context);
  writeFileSync(`${home}/sessions/${"c".repeat(64)}.json`, "{}", { mode: 0o600 });
  const list = keptSessions(context);
  expect(list).toMatchObject({ data: { sessions: [{ id }], unreadable: [{ problem: expect.any(String) }] } });
});

test("the newest offer of a route takes the place of the one before", async () => {
  const known = { method: "GET", route: "https://a.example/", offer: OFFER, scope: "query" as const };
  const twice = withOffer(withOffer(await record(), known), { ...known, offer: sessionOffer({ amount: "20" }) });
  expect(twice.offers.map(({ offer }) => offer.amount)).toEqual(["20"]);
});
