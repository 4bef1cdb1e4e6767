/** The object of a session in workerd: what it keeps on disk before it answers, its alarm, and how it goes. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { canonicalJson, randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { CLAIM_INTERVAL_SECONDS, LANE_FORGOTTEN_SECONDS, LANE_SECONDS, SESSION_FRESH_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Session, sessionId } from "../../shared/protocol/session.ts";
import type { SignedVoucher } from "../../shared/protocol/voucher.ts";
import type { SessionStanding } from "../../shared/settlement/backend.ts";
import { receiverKeys } from "../../workers/merchant/paywall/sessions/receiver-key.ts";
import type { KnownSession } from "../../workers/merchant/paywall/sessions/rpc.ts";
import { SessionTables } from "../../workers/merchant/paywall/sessions/session-tables.ts";
import type { Sessions } from "../../workers/merchant/paywall/sessions/sessions.ts";
import { SESSION } from "../fixtures.ts";
import { NOW, setTime } from "./ledger.ts";

const { SESSIONS } = env as unknown as { SESSIONS: DurableObjectNamespace<Sessions> };
type Stub = DurableObjectStub<Sessions>;

const logged = vi.spyOn(console, "log").mockImplementation(() => {});
beforeEach(() => setTime(NOW));
afterAll(() => {
  vi.useRealTimers();
  logged.mockRestore();
});

/** A session of 1000 units, that the ledger has opened just now. */
async function newSession(): Promise<{ stub: Stub; known: KnownSession; id: string }> {
  const { publicKey: receiver } = await receiverKeys({ RECEIPT_KEY: DEMO_RECEIPT_KEY }, SESSIONS, SESSION.origin);
  const times = { validAfter: String(NOW), validBefore: String(NOW + 900), expiresAt: String(NOW + 3600) };
  const config: Session = { ...SESSION, ...times, deposit: "1000" as Amount, receiver, nonce: randomDigest() };
  const id = sessionId(config);
  const standing: SessionStanding = {
    id,
    payer: config.from,
    status: "open",
    deposit: config.deposit,
    claimed: "0",
    expiresAt: NOW + 3600,
    closesAt: NOW + 4500,
    at: NOW,
  };
  return { stub: SESSIONS.getByName(id), known: { config, standing }, id };
}

function voucher(known: KnownSession, lane: string, serial: number, sum: number): SignedVoucher {
  const terms = { session: known.standing.id, lane, serial: String(serial), maxClaimableAmount: String(sum) as Amount };
  return { voucher: terms, voucherSignature: "00".repeat(64) };
}

const take = (stub: Stub, known: KnownSession, serial: number, sum: number, newLane?: string) =>
  stub.take({ known, voucher: voucher(known, "0", serial, sum), amount: "10", handlerMillis: 60_000, ...(newLane && { newLane }) });
const alarmOf = (stub: Stub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
const tables = (stub: Stub) =>
  runInDurableObject(
    stub,
    (_, { storage }) => storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('session', 'lane', 'own_lane')").toArray().length,
  );
const LANE = "a1".repeat(16);

test("what it gave away is on disk before it answers: an object that starts anew gives no unit twice, and takes no serial again", async () => {
  const { stub, known } = await newSession();
  expect(await take(stub, known, 1, 10, LANE)).toMatchObject({ taken: { ok: true }, lane: { id: LANE, limit: "80" } });
  await evictDurableObject(stub);
  const again = await take(stub, known, 1, 10);
  expect(again.taken).toMatchObject({ ok: false, code: "voucher_out_of_step" });
  expect(again.own).toMatchObject({ limit: "920", highest: 65 });
  expect((await take(stub, known, 66, 921)).taken).toMatchObject({ code: "session_exhausted" });
  expect(await stub.renew({ known, amount: "10", needed: "80", report: { id: LANE, spent: "0" } })).toMatchObject({ limit: "80" });
});

test("what was reported is claimed by the alarm, five minutes later; until a facilitator answers, it is tried again", async () => {
  const { stub, known } = await newSession();
  await take(stub, known, 1, 10, LANE);
  expect(await stub.report({ id: LANE, spent: "30", best: voucher(known, LANE, 3, 30) })).toMatchObject({ spent: "30" });
  await evictDurableObject(stub);
  expect(await alarmOf(stub)).toBe((NOW + CLAIM_INTERVAL_SECONDS) * 1000);
  setTime(NOW + CLAIM_INTERVAL_SECONDS);
  await runDurableObjectAlarm(stub);
  // This Worker has no facilitator: nothing was paid, and nothing is forgotten.
  const next = (await alarmOf(stub)) ?? 0;
  expect(next / 1000).toBeGreaterThan(NOW + CLAIM_INTERVAL_SECONDS);
  expect(next / 1000).toBeLessThanOrEqual(NOW + CLAIM_INTERVAL_SECONDS + 31);
});

test("a session that the ledger has closed deletes itself, once no isolate can believe that it is open", async () => {
  const { stub, known } = await newSession();
  await take(stub, known, 1, 10, LANE);
  const closed = { ...known, standing: { ...known.standing, status: "closed" as const, at: NOW + 1 } };
  expect((await take(stub, closed, 2, 20)).taken).toMatchObject({ code: "session_closed" });
  const over = NOW + 1 + Math.max(SESSION_FRESH_SECONDS, LANE_SECONDS) + LANE_FORGOTTEN_SECONDS;
  setTime(over - 1);
  await runDurableObjectAlarm(stub);
  expect(await tables(stub)).toBeGreaterThan(0);
  setTime(over + 1);
  await runDurableObjectAlarm(stub);
  expect(await tables(stub)).toBe(0);
  expect(await alarmOf(stub)).toBeNull();
});

test("an object takes no session but the one that it is named after", async () => {
  const { known } = await newSession();
  const { stub } = await newSession();
  await expect(runInDurableObject(stub, (object: Sessions) => object.lease({ known, amount: "10", newLane: LANE }))).rejects.toThrow(
    "another name",
  );
  expect(canonicalJson(known.config)).toContain(known.config.nonce);
});

test("tables of newer code are neither read nor written, and nothing is offered", async () => {
  const { stub, known } = await newSession();
  await take(stub, known, 1, 10);
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("UPDATE schema_version SET version = 99"));
  await evictDurableObject(stub);
  expect(await stub.canOpen()).toBe(false);
  await expect(runInDurableObject(stub, (object: Sessions) => object.report({ id: LANE, spent: "1" }))).rejects.toThrow("schema 99");
});

test("its tables cost 9 rows, and each lane that is granted, reported or renewed one [session-object-rows]", async () => {
  const rows = await runInDurableObject(SESSIONS.getByName(randomDigest()), (_, { storage }) => {
    const written: number[] = [];
    const exec = (statement: string, ...bindings: (string | number | null)[]) => {
      const cursor = storage.sql.exec(statement, ...bindings);
      const rows = cursor.toArray();
      written.push(cursor.rowsWritten);
      return { toArray: () => rows };
    };
    const counting = { sql: { exec }, transactionSync: storage.transactionSync.bind(storage) } as unknown as DurableObjectStorage;
    const tables = new SessionTables(counting, () => undefined);
    tables.make();
    const made = written.reduce((sum, rows) => sum + rows, 0);
    const lane = { id: LANE, limit: 80n, spent: 0n, leaseUntil: 0, folded: false, best: undefined, claimed: 0n };
    const own = { spent: 0n, best: undefined, claimed: 0n, serialCeiling: 64 };
    for (let spent = 0n; spent < 2n; spent++) {
      tables.putLane({ ...lane, spent });
      tables.putOwn({ ...own, spent });
    }
    return { made, put: written.slice(-4) };
  });
  expect(rows).toEqual({ made: 9, put: [1, 1, 1, 1] });
});
