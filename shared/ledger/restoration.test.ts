/** A ledger of four shards ends: it is retired, exported and restored under a new id, on as many shards or on others. */

import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Digest } from "../crypto/digest.ts";
import { EXPORT_PAGE, FAUCET_CAP_PER_ACCOUNT, FORGET_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { auditShards } from "./consolidate.ts";
import { deliver } from "./delivery.ts";
import { emptyPage, ExportCheck, type ExportedRows, newHome, restoredOf } from "./export-check.ts";
import { EXPORTED_TABLES, positionOf } from "./export.ts";
import { continuesChain } from "./journal.ts";
import type { Origin, RestorePage } from "./restoration.ts";
import { LedgerRules } from "./rules.ts";
import { newLedgerId, shardOf, treasuryOf } from "./shards.ts";
import type { LedgerStore, Row } from "./store.ts";
import {
  ALICE,
  BOB,
  captureOf,
  CAROL,
  DAVE,
  dump,
  give,
  idOf,
  LEDGER_OF_FOUR,
  paymentOf,
  personOf,
  reservationOf,
  reserveOf,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";

const SUPPLY = 10n ** 12n;
const units = (value: bigint) => value.toString() as Amount;
const EXPORT = idOf(0xe4);
const refused = (code: string) => expect.objectContaining({ ok: false, code }) as object;

/** Shards of one ledger over stores of their own. */
class World {
  readonly stores: LedgerStore[];
  readonly rules: LedgerRules[];
  readonly ledger: Digest;

  constructor(shards: number, ledger: Digest = newLedgerId(shards), stores = Array.from({ length: shards }, memoryStore)) {
    this.ledger = ledger;
    this.stores = stores;
    this.rules = stores.map((store, shard) => new LedgerRules(store, { ledger, supply: SUPPLY, at: START, place: { shard, shards } }));
  }

  /** The same shards after a restart. */
  restarted(): World {
    return new World(this.rules.length, this.ledger, this.stores);
  }

  of(account: string): LedgerRules {
    return this.at(shardOf(account as typeof ALICE, this.rules.length));
  }

  at(shard: number): LedgerRules {
    const rules = this.rules[shard];
    if (!rules) throw new Error(`no shard ${shard}`);
    return rules;
  }

  async deliver(): Promise<void> {
    for (const from of this.rules)
      for (const to of from.destinations()) await deliver(from, to, async (batch) => this.at(to).receive(batch, START));
  }

  audit() {
    const shards = this.rules.map((rules) => ({
      marks: async () => rules.marks(),
      audit: async (marks: Parameters<LedgerRules["auditShard"]>[0]) => rules.auditShard(marks),
    }));
    return auditShards(shards);
  }

  retire(): void {
    for (const rules of this.rules) expect(rules.retire(this.ledger, START)).toMatchObject({ ok: true });
  }

  /** Every page, in the order of an export. */
  export(): ExportedRows[] {
    return this.rules.flatMap((rules, shard) =>
      EXPORTED_TABLES.flatMap((table) => {
        const pages: ExportedRows[] = [];
        for (let after: readonly string[] = []; ;) {
          const page = rules.exportPage(table, after);
          if (!("rows" in page)) throw new Error(page.code);
          pages.push({ shard, table, rows: page.rows });
          const last = page.rows.at(-1);
          if (!last || page.rows.length < EXPORT_PAGE) return pages;
          after = positionOf(table, last);
        }
      }),
    );
  }
}

const openHold = paymentOf({ payer: ALICE, payee: BOB, nonce: idOf(1), value: units(40n) });
const spent = paymentOf({ payer: ALICE, payee: CAROL, nonce: idOf(2), value: units(7n) });
const captured = paymentOf({ payer: ALICE, payee: BOB, nonce: idOf(3), value: units(9n) });
const partly = paymentOf({ payer: ALICE, payee: CAROL, nonce: idOf(11), value: units(50n), scheme: "upto" });
const unused = paymentOf({ payer: ALICE, payee: CAROL, nonce: idOf(12), value: units(50n), scheme: "upto" });
const underWay = paymentOf({ payer: ALICE, payee: CAROL, nonce: idOf(4), value: units(11n) });

/** Payments over four shards, an open hold, a cancelled nonce, grants, and a credit that was not delivered. */
async function oldLedger(): Promise<World> {
  const world = new World(4, LEDGER_OF_FOUR);
  give(world.at(0), ALICE, 1000n);
  give(world.at(0), personOf(9), 5n);
  world.at(0).fund(BOB, units(FAUCET_CAP_PER_ACCOUNT), idOf(20), START);
  world.at(0).issue(DAVE, units(30n), idOf(21), 100n, START);
  await world.deliver();
  const alice = world.of(ALICE);
  alice.settle(settleOf(spent, idOf(102)), START);
  alice.reserve(reserveOf(captured, idOf(103)), START);
  alice.capture(reservationOf(captured, idOf(103)), START);
  alice.settle(settleOf(partly, idOf(108), units(3n)), START);
  alice.reserve(reserveOf(unused, idOf(109)), START);
  alice.capture(captureOf(unused, idOf(109), "0"), START);
  alice.cancel(ALICE, idOf(5), START);
  world.of(DAVE).settle(settleOf(paymentOf({ payer: DAVE, payee: ALICE, nonce: idOf(6), value: units(30n) }), idOf(106)), START);
  await world.deliver();
  alice.reserve(reserveOf(openHold, idOf(101)), START);
  alice.settle(settleOf(underWay, idOf(104)), START);
  return world;
}

async function retired(): Promise<World> {
  const world = await oldLedger();
  world.retire();
  await world.deliver();
  return world;
}

const originOf = (from: World): Origin => ({ ledger: from.ledger, export: EXPORT, supply: units(SUPPLY), final: START + 50 });

/** The pages that each shard of the new ledger is sent, one row to each. */
function pagesFor(from: World, shards: number): { shard: number; page: RestorePage }[] {
  const begin = Array.from({ length: shards }, (_, shard) => ({ shard, page: emptyPage() }));
  const rows = from.export().flatMap(({ table, rows }) => rows.flatMap((row) => restoredOf(table, row) ?? []));
  return [
    ...begin,
    ...rows.map((restored) => {
      if (!restored.ok) throw new Error(restored.problem);
      return { shard: newHome(restored.value, from.ledger, shards), page: { ...emptyPage(), [restored.value.kind]: [restored.value.row] } };
    }),
  ];
}

function restore(from: World, into: World): void {
  for (const { shard, page } of pagesFor(from, into.rules.length)) {
    expect(into.at(shard).restore(originOf(from), page, START + 100)).toMatchObject({ ok: true, complete: false });
  }
}

function finish(from: World, into: World): void {
  for (const rules of into.rules) expect(rules.finishRestoration(originOf(from))).toMatchObject({ ok: true, complete: true });
}

function withoutCauses({ cause: _cause, refund_of: _refundOf, ...row }: Row): Row {
  return row;
}

describe("a retired ledger", () => {
  test("moves nothing any more, says so for ever, and still answers what was settled [retired-for-ever]", async () => {
    const world = await oldLedger();
    const before = world.of(ALICE).account(ALICE);
    world.retire();
    const alice = world.restarted().of(ALICE);
    const next = paymentOf({ payer: ALICE, payee: BOB, nonce: idOf(7), value: units(1n) });
    for (const answer of [
      alice.settle(settleOf(next, idOf(107)), START),
      alice.reserve(reserveOf(next, idOf(107)), START),
      alice.capture(reservationOf(openHold, idOf(101)), START),
      alice.release(reservationOf(openHold, idOf(101)), START),
      alice.cancel(ALICE, idOf(7), START),
      alice.check(next, START),
      world.restarted().at(0).fund(ALICE, units(1n), idOf(22), START),
      world.restarted().at(0).issue(ALICE, units(1n), idOf(23), 100n, START),
    ])
      expect(answer).toEqual(refused("ledger_mismatch"));
    expect(alice.account(ALICE)).toEqual(before);

    const receipt = { ok: true, transaction: txOf(captured) };
    expect(alice.capture(reservationOf(captured, idOf(103)), START)).toMatchObject(receipt);
    expect(alice.settle(settleOf(spent, idOf(102)), START)).toMatchObject({ ok: true, transaction: txOf(spent) });
    expect(alice.reserve(reserveOf(spent, idOf(108)), START)).toMatchObject({ code: "nonce_replayed", transaction: txOf(spent) });
    expect(alice.status(ALICE, spent.nonce, spent.validBefore, START)).toEqual({ status: "settled", transaction: txOf(spent) });
    expect(alice.status(ALICE, openHold.nonce, openHold.validBefore, START)).toEqual({ status: "unknown" });
    expect(alice.status(ALICE, partly.nonce, START, START)).toEqual({ status: "settled", transaction: txOf(partly), charged: "3" });
    expect(alice.status(ALICE, idOf(5), START, START)).toEqual({ status: "cancelled" });
    expect(alice.attest(ALICE, undefined, START)).toMatchObject({ ledger: world.ledger });
  });

  test("forgets nothing and frees nothing, however late its alarm rings", async () => {
    const world = await retired();
    const before = world.stores.map(dump);
    for (const rules of world.rules) {
      expect(rules.needsMaintenance()).toBe(false);
      expect(rules.runMaintenance(START + 2 * FORGET_SECONDS)).toBeUndefined();
      expect(rules.backlog()).toEqual({ holds: 0, firstDeadline: 0, sessions: 0, firstEnd: 0, outbox: 0 });
    }
    expect(world.stores.map(dump)).toEqual(before);
  });

  test("is retired under its own id only, and as often as asked", async () => {
    const world = await oldLedger();
    expect(world.at(0).retire(idOf(0xbad), START)).toEqual(refused("ledger_mismatch"));
    expect(world.of(ALICE).retire(world.ledger, START)).toMatchObject({ ok: true, held: 1, at: START });
    expect(world.of(ALICE).retire(world.ledger, START + 5)).toMatchObject({ ok: true, at: START });
  });

  test("still delivers what was sent, and is exported only after that [export-after-delivery]", async () => {
    const world = await oldLedger();
    expect(world.of(ALICE).exportPage("account", [])).toEqual(refused("invalid_payload"));
    world.retire();
    expect(world.of(ALICE).exportPage("account", [])).toEqual(refused("payment_in_progress"));
    await world.deliver();
    expect(world.of(CAROL).account(CAROL)).toMatchObject({ balance: "21" });
    expect(world.of(ALICE).exportPage("account", [])).toMatchObject({ rows: expect.any(Array) as unknown[] });
    expect(await world.audit()).toMatchObject({ ok: true, conclusive: true, inFlight: "0" });
  });
});

test("every table is exported, or stays behind for a reason", () => {
  const stays = {
    schema_version: "each version of the code writes it",
    genesis: "the header of an export names ledger, supply and shards",
    clock: "the origin's final",
    checkpoint: "what was pruned is beside each account",
    mandate: "a mandate names its ledger, and ends with it",
    mandate_use: "ends with its mandate",
    outbox: "empty: everything is delivered",
    acknowledged: "streams are of one ledger",
    received: "streams are of one ledger",
    halt: "a halted shard is not retired",
    sweep: "a cursor",
    refund: "they name their ledger, and so end with it",
    session_lane: "a session names its ledger, and ends with it",
    session_claim: "each claim is in its payer's journal",
    origin: "the origin of the retired ledger stays in its own genesis entries",
    retired: "the new ledger is not",
  };
  const tables = Object.keys(dump(new World(1).stores[0] ?? memoryStore()));
  expect(tables.sort()).toEqual([...EXPORTED_TABLES, ...Object.keys(stays)].sort());
});

describe.each([4, 1, 3])("restored on %i shards", (shards) => {
  test("every balance is what it was, holds are the payers' again, and the supply is exact [restored-exact]", async () => {
    const [from, into] = [await retired(), new World(shards)];
    restore(from, into);
    expect(await into.audit()).toMatchObject({ ok: true, problems: [], conclusive: true, balances: units(SUPPLY) });
    finish(from, into);
    for (const person of [ALICE, BOB, CAROL, DAVE, personOf(9)]) {
      const { balance } = from.of(person).account(person);
      expect(into.of(person).account(person)).toMatchObject({ balance, held: "0", journalSeq: 1 });
    }
    const treasury = (world: World) => world.at(0).account(treasuryOf(world.ledger)).balance;
    expect(treasury(into)).toBe(treasury(from));
    expect(into.at(0).account(treasuryOf(from.ledger))).toMatchObject({ balance: "0" });
    expect(await into.audit()).toMatchObject({ ok: true, issued: "30", accounts: 6, payments: { held: 0 } });
    expect(into.at(0).info()).toMatchObject({ ledger: into.ledger, origin: { ledger: from.ledger, export: EXPORT } });
  });

  test("each chain begins with an entry that names the export and the old chain's end, and verifies [restored-genesis]", async () => {
    const [from, into] = [await retired(), new World(shards)];
    restore(from, into);
    const [entry] = into.of(ALICE).journal(ALICE, 0, 10);
    const { journalHead, balance } = from.of(ALICE).account(ALICE);
    expect(entry).toMatchObject({ kind: "genesis", value: balance, authorizationDigest: journalHead, requestDigest: EXPORT });
    expect(entry && continuesChain(entry, undefined, into.ledger)).toBe(true);
  });

  test("a nonce that was used is refused as a replay, one that was cancelled as revoked, one that was held is free [restored-nonces]", async () => {
    const [from, into] = [await retired(), new World(shards)];
    restore(from, into);
    finish(from, into);
    const alice = into.of(ALICE);
    // A new approval of the same request has the same nonce, and names the new ledger.
    const again = paymentOf({ ...spent, validBefore: START + 800 });
    expect(alice.settle(settleOf(again, idOf(201)), START + 100)).toEqual({ ok: false, code: "nonce_replayed", transaction: txOf(spent) });
    expect(alice.status(ALICE, spent.nonce, spent.validBefore, START + 100)).toEqual({ status: "settled", transaction: txOf(spent) });
    const revoked = paymentOf({ payer: ALICE, nonce: idOf(5), value: units(1n) });
    expect(alice.settle(settleOf(revoked, idOf(202)), START + 100)).toEqual({ ok: false, code: "payment_revoked" });
    // A merchant whose answer was lost learns at the new ledger that it was paid.
    expect(alice.capture(reservationOf(captured, idOf(103)), START + 100)).toMatchObject({ ok: true, transaction: txOf(captured) });
    expect(alice.settle(settleOf(partly, idOf(108)), START + 100)).toMatchObject({ ok: true, value: "3" });
    expect(alice.capture(captureOf(unused, idOf(109)), START + 100)).toMatchObject({ ok: true, value: "0" });
    expect(alice.status(ALICE, unused.nonce, START, START)).toEqual({ status: "settled", transaction: txOf(unused), charged: "0" });
    expect(alice.capture(reservationOf(openHold, idOf(101)), START + 100)).toEqual({ ok: false, code: "reservation_lost" });
    expect(alice.settle(settleOf(openHold, idOf(203)), START + 100)).toMatchObject({ ok: true });
    expect(await into.audit()).toMatchObject({ ok: true, problems: [] });
  });

  test("a grant pays once over both ledgers, and the operator's sum counts on [restored-grants]", async () => {
    const [from, into] = [await retired(), new World(shards)];
    restore(from, into);
    finish(from, into);
    const zero = into.at(0);
    expect(zero.fund(BOB, units(FAUCET_CAP_PER_ACCOUNT), idOf(20), START + 100)).toEqual(refused("nonce_replayed"));
    expect(zero.fund(BOB, units(1n), idOf(24), START + 100)).toEqual(refused("rate_limited"));
    expect(zero.issue(DAVE, units(30n), idOf(21), 100n, START + 100)).toEqual(refused("nonce_replayed"));
    expect(zero.issue(DAVE, units(71n), idOf(25), 100n, START + 100)).toEqual(refused("insufficient_funds"));
    expect(zero.issue(DAVE, units(70n), idOf(26), 100n, START + 100)).toMatchObject({ ok: true });
  });

  test("pages may come twice, in another order and over a restart; the shards refuse everything until the end [restore-resumes]", async () => {
    const [from, into] = [await retired(), new World(shards)];
    const pages = pagesFor(from, shards);
    const half = pages.slice(0, Math.floor(pages.length / 2));
    for (const { shard, page } of half) into.at(shard).restore(originOf(from), page, START + 100);
    const resumed = into.restarted();
    const alice = resumed.of(ALICE);
    expect(alice.settle(settleOf(openHold, idOf(203)), START + 100)).toEqual(refused("facilitator_unavailable"));
    expect(alice.status(ALICE, openHold.nonce, START, START)).toEqual({ status: "unknown" });
    expect(resumed.at(0).retire(resumed.ledger, START)).toEqual(refused("facilitator_unavailable"));
    expect(await resumed.audit()).toMatchObject({ ok: false });
    for (const { shard, page } of [...pages.slice(shards).toReversed(), ...pages])
      expect(resumed.at(shard).restore(originOf(from), page, START + 200)).toMatchObject({ ok: true, complete: false });
    expect(await resumed.audit()).toMatchObject({ ok: true, problems: [], balances: units(SUPPLY) });
    finish(from, resumed);
    const before = resumed.stores.map(dump);
    for (const { shard, page } of pages)
      expect(resumed.at(shard).restore(originOf(from), page, START + 300)).toMatchObject({ complete: true });
    expect(resumed.stores.map(dump)).toEqual(before);
  });

  test("it can be retired, exported and restored again", async () => {
    const [first, second, third] = [await retired(), new World(shards), new World(4)];
    restore(first, second);
    finish(first, second);
    second.of(ALICE).settle(settleOf(openHold, idOf(203)), START + 100);
    second.retire();
    await second.deliver();
    restore(second, third);
    expect(await third.audit()).toMatchObject({ ok: true, balances: units(SUPPLY), issued: "30" });
  });
});

test("what a payer revoked with all it had signed stays revoked, also for a payment that names no ledger [restored-panic]", async () => {
  const [from, into] = [await oldLedger(), new World(4)];
  from.of(ALICE).revoke({ payer: ALICE, mandate: "*", revokedAt: START }, START);
  from.retire();
  await from.deliver();
  restore(from, into);
  finish(from, into);
  const unspent = paymentOf({ payer: ALICE, payee: BOB, nonce: idOf(8), value: units(1n) });
  expect(into.of(ALICE).settle(settleOf(unspent, idOf(208)), START + 100)).toEqual({ ok: false, code: "payment_revoked" });
  expect(into.of(DAVE).mandate(DAVE, idOf(1), START)).toMatchObject({ status: "unused" });
});

describe("a restoration is refused", () => {
  const page = emptyPage();

  test("by a ledger that has a history, and by the exported one itself [restore-into-history]", async () => {
    const [from, into] = [await retired(), new World(4)];
    give(into.at(0), ALICE, 1n);
    const before = into.stores.map(dump);
    expect(into.at(0).restore(originOf(from), page, START)).toEqual(refused("invalid_payload"));
    expect(into.stores.map(dump)).toEqual(before);
    expect(from.at(0).restore(originOf(from), page, START)).toEqual(refused("invalid_payload"));
  });

  test("with another export than the one that it began with, before and after its end", async () => {
    const [from, into] = [await retired(), new World(4)];
    restore(from, into);
    const other = { ...originOf(from), export: idOf(0xbad) };
    expect(into.at(1).restore(other, page, START)).toEqual(refused("invalid_payload"));
    expect(into.at(1).finishRestoration(other)).toEqual(refused("invalid_payload"));
    finish(from, into);
    expect(into.at(1).restore(other, page, START)).toEqual(refused("invalid_payload"));
  });

  test("of another supply, and by a shard that never began", async () => {
    const [from, into] = [await retired(), new World(4)];
    expect(into.at(0).restore({ ...originOf(from), supply: "1" }, page, START)).toEqual(refused("invalid_payload"));
    expect(into.at(0).finishRestoration(originOf(from))).toEqual(refused("invalid_payload"));
  });

  test("for an account of another shard: a bug, which writes nothing", async () => {
    const [from, into] = [await retired(), new World(4)];
    const astray = { ...page, accounts: [{ id: ALICE, balance: "5", head: idOf(1) }] };
    expect(() => into.at(0).restore(originOf(from), astray, START)).toThrow("lives on this shard");
    expect(into.at(0).info().origin).toBeUndefined();
    expect(into.at(0).settle(settleOf(openHold, idOf(1)), START)).toEqual(refused("insufficient_funds"));
  });
});

describe("an export", () => {
  const from = { ledger: LEDGER_OF_FOUR, supply: units(SUPPLY), shards: 4 };
  const check = (pages: readonly ExportedRows[]) => {
    const check = new ExportCheck(from);
    const problem = pages.map((page) => check.take(page)).find((problem) => problem !== undefined);
    if (problem !== undefined) return problem;
    const end = check.finish();
    return end.ok ? end.summary : end.problem;
  };

  test("of a ledger in order is in order", async () => {
    const exported = (await retired()).export();
    expect(check(exported)).toEqual({ accounts: 6, entries: 18, nonces: 11, holds: 1, sessions: 0 });
    // A ledger of before version 10 has no causes.
    const before = exported.map(({ rows, ...page }) => ({ ...page, rows: rows.map(withoutCauses) }));
    expect(check(before)).toEqual(check(exported));
  });

  test.each<[string, (pages: ExportedRows[]) => ExportedRows[], RegExp]>([
    ["a balance that was raised", (pages) => changed(pages, "account", (row) => ({ ...row, balance: "999999" })), /chain does not lead/],
    ["an entry that was changed", (pages) => changed(pages, "journal", (row) => ({ ...row, value: "12345" })), /chain breaks/],
    ["a chain that was cut", (pages) => without(pages, "journal"), /chain does not lead/],
    ["a hold that is missing", (pages) => without(pages, "payment", (row) => row["state"] === "held"), /not the sum of its holds/],
    ["an account that is missing", (pages) => without(pages, "account"), /chain breaks/],
    ["a row that is there twice", (pages) => doubled(pages), /out of order, or twice/],
    ["a part that is missing", (pages) => pages.filter(({ table, shard }) => table !== "payment" || shard !== 3), /out of order|missing/],
    ["a shard that is missing", (pages) => pages.filter(({ shard }) => shard !== 3), /is missing/],
    ["shards in another order", (pages) => pages.toReversed(), /out of order|missing/],
    ["an exact payment's scheme by another name", (pages) => changed(pages, "payment", (row) => ({ ...row, scheme: "exact" })), /scheme/],
    ["a charge that is no amount", (pages) => changed(pages, "payment", (row) => ({ ...row, charged: "-1" })), /charged/],
    ["a settled payment without its transaction", (pages) => changed(pages, "payment", (row) => ({ ...row, tx: null })), /tx/],
  ])("with %s is refused [export-checked]", async (_what, change, problem) => {
    expect(check(change((await retired()).export()))).toMatch(problem);
  });
});

type Rows = ExportedRows["rows"];

/** Changes the last row of the table's last page that has rows. */
function inLast(
  pages: ExportedRows[],
  table: string,
  change: (rows: Rows) => Rows,
  which: (row: Rows[number]) => boolean = () => true,
): ExportedRows[] {
  const index = pages.findLastIndex((page) => page.table === table && page.rows.some((row) => which(row)));
  return pages.map((page, i) => (i === index ? { ...page, rows: change(page.rows) } : page));
}

function changed(pages: ExportedRows[], table: string, change: (row: Rows[number]) => Rows[number]): ExportedRows[] {
  const settled = (row: Rows[number]) => table !== "payment" || row["state"] === "settled";
  return inLast(pages, table, (rows) => rows.map((row) => (settled(row) ? change(row) : row)), settled);
}

function without(pages: ExportedRows[], table: string, which: (row: Rows[number]) => boolean = () => true): ExportedRows[] {
  return inLast(pages, table, (rows) => rows.filter((row) => !which(row)), which);
}

function doubled(pages: ExportedRows[]): ExportedRows[] {
  return inLast(pages, "account", (rows) => [...rows, ...rows.slice(-1)]);
}
