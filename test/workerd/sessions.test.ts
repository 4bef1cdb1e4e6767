/** Sessions in the Durable Object: its alarm, its shards, and its callers. */

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { shardOf } from "../../shared/ledger/shards.ts";
import { BOB, CAROL, idOf } from "../../shared/ledger/testing/ledger.ts";
import { claimOf, claimTx, sessionOf } from "../../shared/ledger/testing/session-table.ts";
import { SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { LedgerSession } from "../../shared/protocol/ledger-session.ts";
import { randomId } from "../signed.ts";
import { alarmOf, fundedPayer, newLedger, NOW, remote, setTime, SHARDS, sql, type Stub } from "./ledger.ts";

beforeEach(() => setTime(NOW));
afterEach(() => vi.useRealTimers());

/** 100 that a new payer sets aside for an hour, for a payee of this shard. */
async function opened(ledger: Stub): Promise<LedgerSession> {
  const { account: payer } = await fundedPayer(ledger);
  const payee = [BOB, CAROL].find((account) => shardOf(account, SHARDS) !== 0) ?? BOB;
  const times = { validAfter: NOW, validBefore: NOW + 60, expiresAt: NOW + 600 };
  const session = sessionOf({ payer, payee, nonce: randomId(), deposit: "100" as Amount, ...times });
  const held = { ok: true, session: { status: "open", claimed: "0", closesAt: NOW + 1500, at: NOW } };
  expect(await remote(ledger).openSession(session, "")).toMatchObject(held);
  return session;
}

const heldBy = async (ledger: Stub, account: string) => (await sql(ledger, "SELECT held FROM account WHERE id = ?", account))[0]?.["held"];

test("a hundred copies of a claim pay once, and its money is the payee's or on its way", async () => {
  const ledger = newLedger();
  const session = await opened(ledger);
  const claim = claimOf({ "0": 30 }, session);
  const answers = await Promise.all(Array.from({ length: 100 }, () => remote(ledger).claimSession(claim, "")));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0]).toMatchObject({ ok: true, value: "30", transaction: claimTx(claim), session: { claimed: "30" } });
  expect(await heldBy(ledger, session.payer)).toBe("70");
  const { payer, id } = session;
  expect(await remote(ledger).sessionOf({ payer, id }, "")).toMatchObject({ config: session.config, claims: { length: 1 } });
  expect(await remote(ledger).status({ payer, nonce: session.nonce, validBefore: NOW }, "")).toEqual({ status: "session", session: id });
});

test("the alarm gives back what is left when a session ends, over a restart", async () => {
  const ledger = newLedger();
  const session = await opened(ledger);
  expect(await alarmOf(ledger)).toBe(NOW + 1501);
  await evictDurableObject(ledger);
  setTime(NOW + 1500);
  await runDurableObjectAlarm(ledger);
  expect(await heldBy(ledger, session.payer)).toBe("100");
  setTime(NOW + 1501);
  await runDurableObjectAlarm(ledger);
  expect(await heldBy(ledger, session.payer)).toBe("0");
  expect(await alarmOf(ledger)).toBe(NOW + 1501 + SWEEP_INTERVAL_SECONDS);
  expect(await ledger.audit()).toMatchObject({ ok: true, problems: [], sessions: 0 });
});

test.each<[what: string, event: (ledger: Stub, session: LedgerSession) => Promise<object>]>([
  ["its payer wants the rest", (ledger, { payer, id }) => remote(ledger).withdrawSession({ payer, id }, "")],
  ["its nonce is cancelled", (ledger, { payer, nonce }) => remote(ledger).cancel({ payer, nonce }, "")],
  ["everything is revoked", (ledger, { payer }) => remote(ledger).revoke({ payer, mandate: "*", revokedAt: NOW }, "")],
])("the alarm comes earlier when %s", async (_, event) => {
  const ledger = newLedger();
  const session = await opened(ledger);
  expect(await event(ledger, session)).toMatchObject({ ok: true });
  expect(await alarmOf(ledger)).toBe(NOW + 901);
  setTime(NOW + 901);
  await runDurableObjectAlarm(ledger);
  expect(await heldBy(ledger, session.payer)).toBe("0");
});

test("what no facilitator of ours would send is refused, and writes nothing", async () => {
  const ledger = newLedger();
  const session = await opened(ledger);
  const bad = { ok: false, code: "invalid_payload" };
  expect(await remote(ledger).openSession({ ...session, deposit: "-1" } as never, "")).toEqual(bad);
  expect(await remote(ledger).openSession({ ...session, payee: session.payer }, "")).toEqual(bad);
  expect(await remote(ledger).claimSession({ ...claimOf({ "0": 1 }, session), more: true } as never, "")).toEqual(bad);
  expect(await remote(ledger).claimSession(claimOf({ "not a lane": 1 }, session), "")).toEqual(bad);
  expect(await remote(ledger).withdrawSession({ payer: session.payer } as never, "")).toEqual(bad);
  expect(await remote(ledger).checkSession(session, "")).toEqual({ ok: true });
  expect(await remote(ledger).sessionOf({ payer: session.payer, id: idOf(1) }, "")).toEqual({ status: "unknown", at: NOW });
  expect(await heldBy(ledger, session.payer)).toBe("100");
});
