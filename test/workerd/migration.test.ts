/** A ledger of version 0.1 in a Durable Object: it migrates when it opens, and goes on. */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LEDGER_SCHEMA } from "../../shared/ledger/schema.ts";
import { shardName } from "../../shared/ledger/shards.ts";
import { restore, type Payments01 } from "../../shared/ledger/testing/ledger-0-1.ts";
import { ALICE, BOB, idOf } from "../../shared/ledger/testing/ledger.ts";
import { SWEEP_INTERVAL_SECONDS } from "../../shared/limits.ts";
import { durableStore } from "../../workers/ledger-do/storage.ts";
import { randomId, signedPayment } from "../signed.ts";
import oneShard from "../vectors/ledger-0.1/1-shard.sql?raw";
import shard0 from "../vectors/ledger-0.1/4-shards-0.sql?raw";
import shard1 from "../vectors/ledger-0.1/4-shards-1.sql?raw";
import shard2 from "../vectors/ledger-0.1/4-shards-2.sql?raw";
import shard3Halted from "../vectors/ledger-0.1/4-shards-3-halted.sql?raw";
import shard3 from "../vectors/ledger-0.1/4-shards-3.sql?raw";
import json from "../vectors/ledger-0.1/payments.json?raw";
import { envelopeOf, get, post } from "./http.ts";
import {
  alarmOf,
  confirmTime,
  env,
  facilitatorsLedger,
  fundedPayer,
  newLedger,
  NOW,
  remote,
  setTime,
  SHARDS,
  sql,
  type Stub,
} from "./ledger.ts";

const { now, ids: ID, payments } = JSON.parse(json) as Payments01;
const DUMPS = SHARDS === 1 ? [oneShard] : [shard0, shard1, shard2, shard3];
const SCHEMA = LEDGER_SCHEMA.at(-1)?.version ?? 0;

beforeEach(() => setTime(now));
afterEach(() => vi.useRealTimers());

/** Replaces everything that the object has stored. Its next call opens it with the dump. */
async function reopenedWith(ledger: Stub, dump: string): Promise<void> {
  await runInDurableObject(ledger, (_, { storage }) => {
    const store = durableStore(storage);
    for (const { name } of store.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'")) {
      store.sql(`DROP TABLE ${name}`);
    }
    restore(store, dump);
  });
  await evictDurableObject(ledger);
}

/** The ledger of 0.1, on as many objects as this run has. */
async function oldLedger(dumps: readonly string[] = DUMPS) {
  const name = crypto.randomUUID();
  const shards = dumps.map((_, shard) => env.LEDGER.getByName(shardName(name, shard)));
  for (const [shard, ledger] of shards.entries()) await reopenedWith(ledger, dumps[shard] ?? "");
  const at = (shard: number): Stub => shards[shards.length === 1 ? 0 : shard] ?? newLedger();
  return { at, alice: at(3), bob: at(1) };
}

const version = (ledger: Stub) => sql(ledger, "SELECT version FROM schema_version");
const reservation = (name: "live" | "reclaimable") => ({ payer: ALICE, nonce: payments[name].nonce, reservationId: ID[name] });

describe("a ledger of 0.1", () => {
  test("migrates when it opens, and audits exact", async () => {
    const { at } = await oldLedger();
    for (const shard of DUMPS.keys()) {
      expect(await at(shard).audit()).toMatchObject({ ok: true, problems: [] });
      expect(await version(at(shard))).toEqual([{ version: SCHEMA }]);
    }
  });

  test("captures its holds, and repeats its answers", async () => {
    const { alice } = await oldLedger();
    const ledger = remote(alice);
    expect(await ledger.capture(reservation("live"), "", now)).toMatchObject({ ok: true, value: payments.live.value });
    expect(await ledger.capture(reservation("reclaimable"), "", now)).toMatchObject({ ok: true, value: payments.reclaimable.value });
    expect(await ledger.settle({ payment: payments.settled, settlementId: ID.settled }, "", now)).toMatchObject({ ok: true });
    expect(await ledger.settle({ payment: payments.settled, settlementId: idOf(1) }, "", now)).toMatchObject({ code: "nonce_replayed" });
    expect(await ledger.settle({ payment: payments.expired, settlementId: idOf(1) }, "", now)).toEqual({
      ok: false,
      code: "payment_expired",
    });
    expect(await ledger.settle({ payment: payments.cancelled, settlementId: idOf(1) }, "", now)).toEqual({
      ok: false,
      code: "payment_revoked",
    });
    expect(await alice.audit()).toMatchObject({ ok: true });
  });

  test("runs its maintenance, and delivers what waits", async () => {
    const { alice, bob } = await oldLedger();
    await confirmTime(alice, ALICE);
    await runDurableObjectAlarm(alice);
    expect(await sql(alice, "SELECT 1 FROM payment WHERE nonce = ?", payments.expired.nonce)).toEqual([]);
    const received = BigInt(payments.unacknowledged.value) + BigInt(payments.undelivered.value);
    expect(await remote(bob).account({ account: BOB }, "")).toMatchObject({ balance: received.toString() });
    expect(await sql(alice, "SELECT * FROM outbox")).toEqual([]);
  });

  test("of which a shard has halted keeps it halted", async () => {
    // A ledger of one shard has no other shard to notice that it was set back.
    const alone = `${oneShard}INSERT INTO halt VALUES ('set back', ${now});\n`;
    const { alice } = await oldLedger(SHARDS === 1 ? [alone] : [shard0, shard1, shard2, shard3Halted]);
    expect(await remote(alice).capture(reservation("reclaimable"), "")).toEqual({ ok: false, code: "facilitator_unavailable" });
    expect(await alice.audit()).toMatchObject({ ok: false, problems: [expect.stringMatching(/^halted: /)] });
  });
});

describe("a ledger that newer code has written", () => {
  const ledger = facilitatorsLedger();
  const setVersion = async (version: number) => {
    await sql(ledger, "UPDATE schema_version SET version = ?", version);
    await evictDurableObject(ledger);
  };

  afterEach(() => setVersion(SCHEMA));

  test("is unavailable to every caller, says so once, and loses nothing", async () => {
    setTime(NOW);
    const signed = await signedPayment(await fundedPayer(ledger));
    const { payer, nonce, validBefore } = signed.payment;
    await setVersion(SCHEMA + 1);
    const log = vi.spyOn(console, "log");
    const settled = await post("/settle", envelopeOf(signed));
    expect(settled).toMatchObject({ body: { success: false, errorReason: "facilitator_unavailable" } });
    for (const [path, body] of [
      ["/verify", envelopeOf(signed)],
      ["/faucet", { account: payer, id: randomId() }],
      ["/supported", undefined],
      ["/ledger/audit", undefined],
      [`/accounts/${payer}`, undefined],
      [`/accounts/${payer}/journal`, undefined],
    ] as const) {
      const answer = body ? await post(path, body) : await get(path);
      expect(answer, path).toMatchObject({ status: 503 });
      expect(Object.values(answer.body), path).toContain("facilitator_unavailable");
    }
    expect(await get(`/settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`)).toMatchObject({ status: 503 });
    const events = log.mock.calls.map(([line]) => String(line)).filter((line) => line.includes("ledger."));
    expect(events).toEqual([expect.stringContaining(`"ledger.unsupported_schema"`)]);
    expect(events[0]).toContain(`The database has schema ${SCHEMA + 1}. This version supports schema ${SCHEMA}`);
    log.mockRestore();

    await setVersion(SCHEMA);
    expect(await post("/settle", envelopeOf(signed))).toMatchObject({ body: { success: true } });
  });

  test("keeps its alarm, and does no work in it", async () => {
    setTime(NOW);
    await fundedPayer(ledger);
    await setVersion(SCHEMA + 1);
    const before = await sql(ledger, "SELECT * FROM clock");
    expect(await runDurableObjectAlarm(ledger)).toBe(true);
    expect(await alarmOf(ledger)).toBe(NOW + SWEEP_INTERVAL_SECONDS);
    expect(await sql(ledger, "SELECT * FROM clock")).toEqual(before);
  });
});
