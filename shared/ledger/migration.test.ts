/** Ledgers that version 0.1 wrote: they migrate, audit exact, and keep every promise that 0.1 gave. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { growOldLedger } from "../../test/old-ledger.ts";
import { RETENTION_SECONDS, SWEEP_INTERVAL_SECONDS } from "../limits.ts";
import { migrate } from "../migrations.ts";
import type { Amount } from "../protocol/amount.ts";
import { auditShards } from "./consolidate.ts";
import { deliver } from "./delivery.ts";
import { continuesChain } from "./journal.ts";
import { Mandates } from "./mandates.ts";
import { LedgerRules } from "./rules.ts";
import { LEDGER_SCHEMA } from "./schema.ts";
import type { LedgerStore, Row } from "./store.ts";
import { runAllMaintenance } from "./testing/checkpoint.ts";
import { type Payments01, restore } from "./testing/ledger-0-1.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  dump,
  idOf,
  LEDGER,
  LEDGER_OF_FOUR,
  paymentOf,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";
import { claimOf, SESSION, sessionOf } from "./testing/session-table.ts";

const file = (name: string) => readFileSync(new URL(`../../test/vectors/ledger-0.1/${name}`, import.meta.url), "utf8");
const { now: NOW, ids: ID, payments } = JSON.parse(file("payments.json")) as Payments01;
/** Of this code. */
const NEWEST = LEDGER_SCHEMA.at(-1)?.version ?? 0;
const OTHER_ID = idOf(0xbeef);
/** Of the statements of a migration; `npm run compat` tries each. */
const KILL_EVERY = process.env["KILLS"] === "all" ? 1 : 7;
const KILLED = ["1-shard", "4-shards-3"];
const DUMPS = ["1-shard", "4-shards-0", "4-shards-1", "4-shards-2", "4-shards-3", "4-shards-3-halted"];

function restored(name: string): LedgerStore {
  const store = memoryStore();
  restore(store, file(`${name}.sql`));
  return store;
}

function open(store: LedgerStore, shard: number, shards: number): LedgerRules {
  return new LedgerRules(store, { ledger: shards === 1 ? LEDGER : LEDGER_OF_FOUR, supply: 1n, at: 0, place: { shard, shards } });
}

/** All shards of the ledger of 0.1, opened by this code. `alice`: the shard of Alice and Dave. */
function ledger(shards: number) {
  const names = shards === 1 ? ["1-shard"] : [0, 1, 2, 3].map((shard) => `4-shards-${shard}`);
  const stores = names.map(restored);
  const rules = stores.map((store, shard) => open(store, shard, shards));
  const at = (shard: number): LedgerRules => rules[shards === 1 ? 0 : shard] ?? open(memoryStore(), shard, shards);
  const bring = (from: number, to: number) => deliver(at(from), to, async (batch) => at(to).receive(batch, NOW));
  const audit = () =>
    auditShards(rules.map((rules) => ({ marks: async () => rules.marks(), audit: async (marks) => rules.auditShard(marks) })));
  return { stores, at, bring, audit, alice: at(3), bob: at(1), carol: at(2) };
}

describe.each([1, 4])("a ledger of 0.1 with %i shards", (shards) => {
  test("audits exact after the migration", async () => {
    const { stores, audit } = ledger(shards);
    for (const store of stores) expect(store.sql("SELECT version FROM schema_version")).toEqual([{ version: NEWEST }]);
    // Of several shards, the credit that was never sent is between two of them.
    const inFlight = shards === 1 ? "0" : payments.undelivered.value;
    expect(await audit()).toMatchObject({ ok: true, problems: [], conclusive: true, supply: "1000000", inFlight });
  });

  test("captures a live hold, and repeats the answer that granted it", () => {
    const { alice } = ledger(shards);
    const granted = {
      ok: true,
      reservation: reservationOf(payments.live, ID.live),
      heldUntil: NOW - 10 + 300,
      transaction: txOf(payments.live),
    };
    expect(alice.reserve(reserveOf(payments.live, ID.live), NOW)).toEqual(granted);
    expect(alice.reserve(reserveOf(payments.live, OTHER_ID), NOW)).toEqual({ ok: false, code: "payment_in_progress" });
    expect(alice.capture(reservationOf(payments.live, ID.live), NOW)).toMatchObject({ ok: true, transaction: txOf(payments.live) });
  });

  test("lets a reclaimable hold be captured by its holder, or taken over", () => {
    const captured = ledger(shards).alice.capture(reservationOf(payments.reclaimable, ID.reclaimable), NOW);
    expect(captured).toMatchObject({ ok: true, transaction: txOf(payments.reclaimable) });
    const { alice } = ledger(shards);
    expect(alice.reserve(reserveOf(payments.reclaimable, OTHER_ID), NOW)).toMatchObject({ ok: true, heldUntil: NOW + 60 });
    expect(alice.capture(reservationOf(payments.reclaimable, ID.reclaimable), NOW)).toEqual({ ok: false, code: "reservation_lost" });
  });

  test("frees an expired hold when it is presented, and by alarm", () => {
    const { alice } = ledger(shards);
    const held = BigInt(alice.account(ALICE).held);
    expect(alice.settle(settleOf(payments.expired, OTHER_ID), NOW)).toEqual({ ok: false, code: "payment_expired" });
    expect(BigInt(alice.account(ALICE).held)).toBe(held - BigInt(payments.expired.value));
    const { alice: again } = ledger(shards);
    expect(again.runMaintenance(NOW)).toBeLessThanOrEqual(NOW + SWEEP_INTERVAL_SECONDS);
    expect(again.account(ALICE)).toEqual(alice.account(ALICE));
  });

  test("pays nothing twice: settled and captured payments give their receipts, the cancelled one is revoked", () => {
    const { alice } = ledger(shards);
    const before = alice.account(ALICE);
    expect(alice.settle(settleOf(payments.settled, ID.settled), NOW)).toMatchObject({ ok: true, transaction: txOf(payments.settled) });
    expect(alice.settle(settleOf(payments.settled, OTHER_ID), NOW)).toMatchObject({
      code: "nonce_replayed",
      transaction: txOf(payments.settled),
    });
    expect(alice.capture(reservationOf(payments.captured, ID.captured), NOW)).toMatchObject({
      ok: true,
      transaction: txOf(payments.captured),
    });
    expect(alice.reserve(reserveOf(payments.cancelled, OTHER_ID), NOW)).toEqual({ ok: false, code: "payment_revoked" });
    for (const [name, status] of Object.entries({
      live: "reserved",
      reclaimable: "reserved",
      settled: "settled",
      cancelled: "cancelled",
    })) {
      const { payer, nonce, validBefore } = payments[name as keyof typeof payments];
      expect(alice.status(payer, nonce, validBefore, NOW)).toMatchObject({ status });
    }
    expect(alice.account(ALICE)).toEqual(before);
  });

  test("repeats a faucet grant without paying it again", () => {
    const { at } = ledger(shards);
    const before = at(0).account(at(0).info().treasury);
    expect(at(0).fund(ALICE, "10000" as Amount, idOf(1), NOW)).toMatchObject({ ok: true, account: ALICE });
    expect(at(0).account(at(0).info().treasury)).toEqual(before);
  });

  test("keeps the pruned chain whole, and goes on pruning what was exported", () => {
    const { alice } = ledger(shards);
    const { base, entries } = alice.journalPage(ALICE, 0, 100);
    expect(base?.seq).toBe("3");
    entries.forEach((entry, i) => expect(continuesChain(entry, entries[i - 1] ?? base, alice.info().ledger)).toBe(true));
    expect(alice.journal(DAVE, 0, 100)).toMatchObject([{ seq: "1" }, { seq: "2" }, { seq: "3" }, { seq: "4" }]);
    const old = NOW + 2 * RETENTION_SECONDS + 31 * 24 * 3600;
    runAllMaintenance(alice, old);
    expect(alice.journalPage(DAVE, 0, 100)).toMatchObject({ base: { seq: "4" }, entries: [] });
    expect(alice.audit()).toMatchObject({ problems: [] });
  });

  test("forgets its payments after their retention", () => {
    const { alice, stores } = ledger(shards);
    runAllMaintenance(alice, NOW + 10 * RETENTION_SECONDS);
    expect(stores.flatMap((store) => store.sql("SELECT * FROM payment WHERE payer = ?", ALICE))).toEqual([]);
  });
});

test("a ledger of 0.1 with 4 shards delivers what waits in its outbox, each credit once", async () => {
  const { alice, bob, carol, bring, audit } = ledger(4);
  expect(bob.account(BOB)).toMatchObject({ balance: payments.unacknowledged.value });
  expect(alice.destinations()).toEqual([1]);
  expect(await bring(3, 1)).toBe(true);
  expect(alice.destinations()).toEqual([]);
  const both = BigInt(payments.unacknowledged.value) + BigInt(payments.undelivered.value);
  expect(bob.account(BOB)).toMatchObject({ balance: both.toString() });
  expect(carol.journal(CAROL, 0, 10)).toMatchObject([{ kind: "batch", batch: { count: "2", fromShard: "3" } }]);
  expect(await audit()).toMatchObject({ ok: true, conclusive: true, inFlight: "0" });
});

test("a halted shard of 0.1 stays halted", () => {
  const alice = open(restored("4-shards-3-halted"), 3, 4);
  const stopped = { ok: false, code: "facilitator_unavailable" };
  expect(alice.halted).toContain("does not remember sending");
  expect(alice.settle(settleOf(payments.live, OTHER_ID), NOW)).toEqual(stopped);
  expect(alice.capture(reservationOf(payments.reclaimable, ID.reclaimable), NOW)).toEqual(stopped);
  expect(alice.runMaintenance(NOW)).toBeUndefined();
  expect(alice.audit().problems).toEqual([`halted: ${alice.halted}`]);
});

describe.each(DUMPS)("the migration of %s", (name) => {
  test("changes the names of the schema, and no value", () => {
    const store = restored(name);
    const before = asNewest(dump(store));
    migrate(store, LEDGER_SCHEMA);
    expect(dump(store)).toEqual(before);
  });

  test("leaves the schema of a new ledger", () => {
    const [migrated, fresh] = [restored(name), memoryStore()];
    for (const store of [migrated, fresh]) migrate(store, LEDGER_SCHEMA);
    expect(schemaOf(migrated)).toEqual(schemaOf(fresh));
  });

  // The others have other rows, and the same steps.
  test.runIf(KILLED.includes(name))("that is killed at a statement leaves a whole version, and the next start finishes it", () => {
    const before = restored(name);
    const versions = [before, ...LEDGER_SCHEMA.slice(1).map((_, i) => migratedTo(name, i + 2))].map(everythingIn);
    const after = everythingIn(migratedTo(name, LEDGER_SCHEMA.length));
    const kills: number[] = [];
    for (let statements = 0; ; statements += KILL_EVERY) {
      const store = restored(name);
      if (survives(store, statements)) break;
      kills.push(statements);
      expect(versions).toContainEqual(everythingIn(store));
      migrate(store, LEDGER_SCHEMA);
      expect(everythingIn(store)).toEqual(after);
    }
    // 2 reads, then the changes of each step and 3 statements for its version.
    const statements = LEDGER_SCHEMA.slice(1).reduce((sum, step) => sum + step.statements.length + 3, 2);
    expect(kills).toEqual(Array.from({ length: Math.ceil(statements / KILL_EVERY) }, (_, i) => i * KILL_EVERY));
  });
});

test("a ledger of schema 11 keeps what its mandates counted, and which are revoked [mandate-use-migrates]", () => {
  const store = restored("1-shard");
  migrate(
    store,
    LEDGER_SCHEMA.filter(({ version }) => version <= 11),
  );
  const facts = { digest: idOf(1), grantedAt: 1, validAfter: 1, validBefore: NOW + 1, total: "200" };
  const insert = `INSERT INTO mandate (payer, digest, settled, claimed, window, window_used, window_count, revoked_at, capture_deadline, facts)
                  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
  store.sql(insert, ALICE, idOf(1), "80", "60", 2, "70", 3, null, NOW, JSON.stringify(facts));
  store.sql(insert, BOB, idOf(2), "0", "0", 0, "0", 0, NOW - 5, NOW, null);
  migrate(store, LEDGER_SCHEMA);
  const mandates = new Mandates(store);
  const counters = { settled: 80n, claimed: 60n, window: 2, windowUsed: 70n, windowCount: 3 };
  expect(mandates.find(ALICE, idOf(1))).toMatchObject({ payer: ALICE, digest: idOf(1), counters, facts });
  expect(mandates.find(BOB, idOf(2))).toMatchObject({ payer: BOB, revokedAt: NOW - 5 });
  expect(mandates.all()).toHaveLength(2);
});

test("a ledger of schema 13 goes on, and sets money aside [sessions-migrate]", () => {
  const store = memoryStore();
  restore(store, readFileSync(new URL("../../test/vectors/ledger-13/1-shard.sql", import.meta.url), "utf8"));
  const { schema_version: _, ...before } = dump(store);
  const rules = open(store, 0, 1);
  expect(dump(store)).toMatchObject({ ...before, schema_version: [{ version: NEWEST }], session: [], session_lane: [], session_claim: [] });
  expect(rules.audit()).toMatchObject({ ok: true, problems: [], held: "40", sessions: 0 });
  const held = paymentOf({ nonce: idOf(0x21), value: "30" as Amount });
  expect(rules.openSession(sessionOf({ nonce: idOf(0x21), deposit: "1" as Amount }), START)).toEqual({ ok: false, code: "nonce_replayed" });
  expect(rules.openSession(sessionOf({ nonce: idOf(0x24), deposit: "1" as Amount }), START)).toEqual({
    ok: false,
    code: "payment_revoked",
  });
  expect(rules.capture(reservationOf(held, SECOND), START)).toMatchObject({ ok: true, value: "30" });
  const session = sessionOf({ nonce: idOf(0x31), deposit: "50" as Amount });
  expect(rules.openSession(session, START)).toMatchObject({ ok: true });
  expect(rules.claimSession(claimOf({ "0": 50 }, session), START)).toMatchObject({ ok: true, value: "50" });
  expect(rules.audit()).toMatchObject({ ok: true, problems: [], payments: { cancelled: 2 }, sessions: 1 });
});

/** A ledger of 0.1 after so many steps of the schema. */
function migratedTo(name: string, steps: number): LedgerStore {
  const store = restored(name);
  migrate(store, LEDGER_SCHEMA.slice(0, steps));
  return store;
}

/** Opens the store, whose machine stops after so many statements. @returns false if it stopped before the end */
function survives(store: LedgerStore, statements: number): boolean {
  let left = statements;
  try {
    migrate({ ...store, sql: (...statement) => (left-- > 0 ? store.sql(...statement) : stop()) }, LEDGER_SCHEMA);
    return true;
  } catch (error) {
    expect(error).toEqual(new Error("killed"));
    return false;
  }
}

function stop(): never {
  throw new Error("killed");
}

const everythingIn = (store: LedgerStore) => ({ schema: schemaOf(store), rows: dump(store) });

/** Without comments and white space, which differ between a new table and a changed one. */
function schemaOf(store: LedgerStore): string[] {
  const objects = store.sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name");
  return objects.map(({ sql }) =>
    String(sql)
      .replace(/--.*\n/g, "")
      .replace(/\s+|"/g, ""),
  );
}

/** A ledger of 0.1 knows neither mandates, `upto`, refunds nor sessions. */
function asNewest({
  account = [],
  payment = [],
  clock = [],
  journal = [],
  outbox = [],
  ...tables
}: Record<string, Row[]>): Record<string, Row[]> {
  const renamed = payment.map((old) => {
    const { fingerprint: _, dead_line = null, ...row } = old;
    return {
      ...row,
      capture_deadline: dead_line,
      mandate: null,
      mandate_window: null,
      restored: null,
      scheme: null,
      charged: null,
      session: null,
    };
  });
  return {
    ...tables,
    account: account.map((row) => ({ ...row, accesses_void_through: 0 })),
    payment: renamed,
    journal: journal.map((entry) => ({ ...entry, mandate: null, cause: null, refund_of: null, credits: null, session: null })),
    outbox: outbox.map((credit) => ({ ...credit, payer: null, kind: null, refund_of: null, session: null })),
    mandate: [],
    mandate_use: [],
    panic: [],
    origin: [],
    refund: [],
    retired: [],
    session: [],
    session_claim: [],
    session_lane: [],
    clock: clock.map(({ last = 0 }) => ({ last, final: last })),
    schema_version: [{ version: NEWEST }],
  };
}

test("a ledger of schema 14 goes on, and finds a claim of before by its lane [claims-migrate]", () => {
  const store = memoryStore();
  restore(store, readFileSync(new URL("../../test/vectors/ledger-14/1-shard.sql", import.meta.url), "utf8"));
  const { schema_version: _, session_claim: claims = [], ...before } = dump(store);
  const rules = open(store, 0, 1);
  const unsigned = claims.map((claim) => ({ ...claim, signed: null }));
  expect(dump(store)).toMatchObject({ ...before, schema_version: [{ version: NEWEST }], session_claim: unsigned });
  expect(rules.audit()).toMatchObject({ ok: true, problems: [] });
  const paid = (amount: string) => rules.callPayment({ payer: ALICE, id: SESSION.id, lane: "0", amount: amount as Amount });
  // The first claim paid it. What is known of one without its text is that the lane's last paid it, too.
  expect(paid("30")).toMatchObject({ claimed: "50", claim: { entry: 3, value: "40" } });
  expect(paid("51")).toEqual({ claimed: "50" });
});

/** `npm run migration` does it with 200,000. */
test("a ledger of 0.1 with many payments migrates, and audits exact", () => {
  const store = memoryStore();
  const genesis = growOldLedger(store, 1000);
  expect(() => store.sql("SELECT dead_line, fingerprint FROM payment")).not.toThrow();
  const audit = new LedgerRules(store, genesis).audit();
  expect(audit).toMatchObject({ ok: true, problems: [], payments: { held: 10, settled: 991 } });
});
