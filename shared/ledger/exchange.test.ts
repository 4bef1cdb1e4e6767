import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { digest } from "../crypto/digest.ts";
import { MAX_BACKLOG, OUTBOX_BATCH } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { checkShape } from "../text/json.ts";
import { auditShards } from "./consolidate.ts";
import { deliver } from "./delivery.ts";
import { batchDigest, continuesChain } from "./journal.ts";
import { LedgerRules } from "./rules.ts";
import type { LedgerStore } from "./store.ts";
import { type Batch, batchSchema, type Credit, nextHead, type Received, streamStart } from "./stream.ts";
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  dump,
  ERIN,
  FIRST,
  HELD,
  idOf,
  LEDGER,
  LEDGER_OF_FOUR,
  openLedger,
  openRules,
  paymentOf,
  reopen,
  reservationOf,
  reserveOf,
  SECOND,
  settleOf,
  START,
  txOf,
} from "./testing/ledger.ts";

const HOME = { alice: 3, bob: 1, carol: 2 };

/** Four shards; Alice has 250000. */
function world() {
  const stores = Array.from({ length: 4 }, () => memoryStore());
  const shards = stores.map(open);
  const at = (shard: number): LedgerRules => {
    const rules = shards[shard];
    if (!rules) throw new Error("no such shard");
    return rules;
  };
  const send = async (batch: Batch) => at(batch.to).receive(batch, START);
  const bring = (from: number, to: number) => deliver(at(from), to, send);
  return { stores, shards, at, bring, alice: at(HOME.alice), carol: at(HOME.carol), bob: at(HOME.bob) };
}

function open(store: LedgerStore, shard: number): LedgerRules {
  return openRules(store, { ledger: LEDGER_OF_FOUR, supply: 1_000_000n, at: START, place: { shard, shards: 4 } });
}

async function fundedWorld() {
  const it = world();
  it.at(0).fund(ALICE, "250000" as Amount, idOf(1), START);
  await it.bring(0, HOME.alice);
  return it;
}

const payment = (nonce: number, payee = CAROL, value = "1") => paymentOf({ nonce: idOf(nonce), payee, value: value as Amount });
const audited = (shards: LedgerRules[]) =>
  auditShards(shards.map((rules) => ({ marks: async () => rules.marks(), audit: async (marks) => rules.auditShard(marks) })));

describe("a payment to another shard's account", () => {
  test("leaves the payer at once, and reaches the payee when it is delivered", async () => {
    const { alice, carol, bring } = await fundedWorld();
    expect(alice.settle(settleOf(payment(1, CAROL, "100"), FIRST), START)).toMatchObject({ ok: true });
    expect(alice.account(ALICE)).toMatchObject({ balance: "249900" });
    expect(carol.account(CAROL)).toMatchObject({ balance: "0" });
    expect(await bring(HOME.alice, HOME.carol)).toBe(true);
    expect(carol.account(CAROL)).toMatchObject({ balance: "100" });
    expect(alice.destinations()).toEqual([]);
  });

  test("is one entry for all of a batch, which names where it came from and can be reconciled", async () => {
    const { alice, carol, bring } = await fundedWorld();
    const payments = [payment(1, CAROL, "100"), payment(2, ERIN, "7"), payment(3, CAROL, "20")];
    for (const each of payments) alice.settle(settleOf(each, FIRST), START);
    await bring(HOME.alice, HOME.carol);
    const [entry, ...rest] = carol.journal(CAROL, 0, 10);
    const transactions = [payments[0], payments[2]].map((each) => txOf(each ?? payment(0)));
    expect(rest).toEqual([]);
    expect(entry).toMatchObject({
      kind: "batch",
      value: "120",
      balanceAfter: "120",
      batch: { fromShard: "3", first: "1", last: "3", count: "2", transactions: batchDigest(transactions) },
      transactions,
    });
    expect(entry && continuesChain(entry, undefined, LEDGER_OF_FOUR)).toBe(true);
    expect(entry && continuesChain({ ...entry, transactions: transactions.toReversed() }, undefined, LEDGER_OF_FOUR)).toBe(false);
    expect(carol.journal(ERIN, 0, 10)).toMatchObject([{ kind: "batch", value: "7", batch: { count: "1" } }]);
  });

  test("is listed with its payer and value for a reader that asks, outside the chain, and a page of before stays as it was", async () => {
    const { alice, carol, bring } = await fundedWorld();
    const payments = [payment(1, CAROL, "100"), { ...payment(2, CAROL, "20"), payer: DAVE }];
    alice.settle(settleOf(payment(3, DAVE, "50"), FIRST), START);
    for (const each of payments) alice.settle(settleOf(each, FIRST), START);
    await bring(HOME.alice, HOME.carol);
    const [asked] = carol.journalPage(CAROL, 0, 10, true).entries;
    const [plain] = carol.journalPage(CAROL, 0, 10).entries;
    expect(asked?.credits).toEqual(payments.map((each) => ({ transaction: txOf(each), payer: each.payer, value: each.value })));
    expect(plain).toEqual({ ...asked, credits: undefined });
    expect(plain).not.toHaveProperty("credits");
    expect(asked && continuesChain(asked, undefined, LEDGER_OF_FOUR)).toBe(true);
  });

  test("between accounts of one shard takes no detour", async () => {
    const { alice } = await fundedWorld();
    alice.settle(settleOf(payment(1, DAVE, "9"), FIRST), START);
    expect(alice.account(DAVE)).toMatchObject({ balance: "9" });
    expect(alice.journal(DAVE, 0, 10)).toMatchObject([{ kind: "credit", counterparty: ALICE, transaction: txOf(payment(1, DAVE, "9")) }]);
    expect(alice.destinations()).toEqual([]);
  });

  test("waits when the other shard is away for an hour, and arrives in one go", async () => {
    const { alice, carol, bring } = await fundedWorld();
    for (let i = 0; i < 3 * OUTBOX_BATCH + 1; i++) alice.settle(settleOf(payment(i), FIRST), START);
    const gone = () => Promise.reject(new Error("gone"));
    for (let i = 0; i < 60; i++) await expect(deliver(alice, HOME.carol, gone)).rejects.toThrow("gone");
    expect(alice.marks().sent).toEqual([{ to: HOME.carol, acknowledged: 0, sent: 1501 }]);
    await bring(HOME.alice, HOME.carol);
    expect(carol.account(CAROL)).toMatchObject({ balance: "1501", journalSeq: 4 });
    expect(alice.marks().sent).toEqual([{ to: HOME.carol, acknowledged: 1501, sent: 1501 }]);
  });
});

describe("a credit", () => {
  /** What shard 3 sends to shard 2, as the first of its stream. */
  const first = (...credits: Credit[]): Batch => ({
    ledger: LEDGER_OF_FOUR,
    from: HOME.alice,
    to: HOME.carol,
    after: 0,
    head: streamStart(LEDGER_OF_FOUR, HOME.alice, HOME.carol),
    credits,
  });
  const credit = { payee: CAROL, value: "5" as Amount, transaction: idOf(0xc1) };

  test("that is a refund or a transfer is an entry of its own, with its cause in the chain", () => {
    const { carol } = world();
    const batch = first(
      { ...credit, payer: ALICE, kind: "payment" },
      { ...credit, transaction: idOf(0xc2), payer: ALICE, kind: "refund", refundOf: idOf(0xc0) },
      { ...credit, transaction: idOf(0xc3), payer: DAVE, kind: "transfer" },
    );
    expect(checkShape(batch, batchSchema)).toMatchObject({ ok: true });
    expect(carol.receive(batch, START)).toMatchObject({ ok: true, mark: 3 });
    const entries = carol.journal(CAROL, 0, 10);
    expect(entries).toMatchObject([
      { kind: "batch", value: "5", batch: { count: "1", first: "1", last: "3" }, transactions: [idOf(0xc1)] },
      { kind: "credit", counterparty: ALICE, transaction: idOf(0xc2), cause: "refund", refundOf: idOf(0xc0) },
      { kind: "credit", counterparty: DAVE, transaction: idOf(0xc3), cause: "transfer", balanceAfter: "15" },
    ]);
    const [payment, refund] = entries;
    if (!payment || !refund) throw new Error("three entries");
    expect(continuesChain(refund, payment, LEDGER_OF_FOUR)).toBe(true);
    expect(continuesChain({ ...refund, cause: "transfer" }, payment, LEDGER_OF_FOUR)).toBe(false);
    expect(continuesChain({ ...refund, refundOf: idOf(1) }, payment, LEDGER_OF_FOUR)).toBe(false);
  });

  test("of a transfer says so in both journals; the same transfer again moves nothing", async () => {
    const { alice, carol, bring } = await fundedWorld();
    const transfer = { ...settleOf(payment(7), FIRST), purpose: "transfer" as const };
    const made = alice.settle(transfer, START);
    expect(made).toMatchObject({ ok: true, transaction: txOf(payment(7)) });
    expect(alice.settle(transfer, START)).toEqual(made);
    await bring(HOME.alice, HOME.carol);
    const moved = { value: "1", cause: "transfer", transaction: txOf(payment(7)) };
    expect(alice.journal(ALICE, 0, 10).slice(1)).toMatchObject([{ kind: "debit", counterparty: CAROL, ...moved }]);
    expect(carol.journal(CAROL, 0, 10)).toMatchObject([{ kind: "credit", counterparty: ALICE, ...moved }]);
    expect(alice.check(payment(7), START)).toMatchObject({ code: "nonce_replayed" });
  });

  test("cannot change its payer, its kind or what it refunds on the way: the heads differ", () => {
    const refund: Credit = { ...credit, payer: ALICE, kind: "refund", refundOf: idOf(0xc0) };
    const head = nextHead(idOf(0), 1, refund);
    const { payer: _, ...anonymous } = refund;
    for (const other of [{ ...refund, payer: DAVE }, { ...refund, kind: "payment" as const }, { ...refund, refundOf: idOf(1) }, anonymous])
      expect(nextHead(idOf(0), 1, other)).not.toBe(head);
  });

  test("that an earlier version queued arrives beside later ones, without its payer", async () => {
    const { alice, carol, bring, stores } = await fundedWorld();
    for (const nonce of [1, 2, 3]) alice.settle(settleOf(payment(nonce), FIRST), START);
    stores[HOME.alice]?.sql("UPDATE outbox SET payer = NULL, kind = NULL WHERE number < 3");
    const [old] = alice.nextBatch(HOME.carol)?.credits ?? [];
    expect(old).toEqual({ payee: CAROL, value: "1", transaction: txOf(payment(1)) });
    // The head that 0.1 computes.
    const of01 = digest("Stream", { prevHead: idOf(0), number: "1", payee: CAROL, value: "1", transaction: txOf(payment(1)) });
    expect(old && nextHead(idOf(0), 1, old)).toBe(of01);
    await bring(HOME.alice, HOME.carol);
    const [ofBefore, ofToday] = carol.journalPage(CAROL, 0, 10, true).entries.toSorted((a, b) => Number(b.value) - Number(a.value));
    expect(ofBefore).toMatchObject({ value: "2", batch: { count: "2" } });
    expect(ofBefore).not.toHaveProperty("credits");
    expect(ofToday).toMatchObject({ value: "1", credits: [{ payer: ALICE, value: "1" }] });
  });

  test("waits for a shard that still runs an earlier version, which refuses what it does not know, and arrives once", async () => {
    const { alice, carol, bring, shards } = await fundedWorld();
    alice.settle(settleOf(payment(1, CAROL, "7"), FIRST), START);
    const credits01 = z.array(z.strictObject({ payee: z.string(), value: z.string(), transaction: z.string() }));
    const older = async (batch: Batch): Promise<Received> =>
      checkShape(batch.credits, credits01).ok ? carol.receive(batch, START) : { ok: false, fault: "not_mine" };
    for (let i = 0; i < 3; i++) expect(await deliver(alice, HOME.carol, older)).toBe(false);
    expect(alice.halted).toBeUndefined();
    expect(await audited(shards)).toMatchObject({ ok: true, inFlight: "7" });
    expect(await bring(HOME.alice, HOME.carol)).toBe(true);
    expect(carol.account(CAROL)).toMatchObject({ balance: "7", journalSeq: 1 });
    expect(await audited(shards)).toMatchObject({ ok: true, inFlight: "0" });
  });
});

test("a stream with a gap brings nothing: what is behind it would arrive twice", async () => {
  const { alice, carol, stores, shards } = await fundedWorld();
  for (const nonce of [1, 2, 3]) alice.settle(settleOf(payment(nonce), FIRST), START);
  stores[HOME.alice]?.sql("DELETE FROM outbox WHERE number = 2");
  const bring = () => deliver(alice, HOME.carol, async (batch) => carol.receive(batch, START));
  for (let i = 0; i < 3; i++) await expect(bring()).rejects.toThrow("without gaps");
  expect(carol.account(CAROL)).toMatchObject({ balance: "0" });
  expect((await audited(shards)).problems).toContain("shard 3: credits to shard 2 are missing among those that wait");
});

describe("the backlog", () => {
  /** As if so many credits waited: the numbers count, not the rows. */
  async function full() {
    const it = await fundedWorld();
    const tx = digest("Nonce", {});
    it.stores[HOME.alice]?.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
      HOME.carol,
      MAX_BACKLOG,
      CAROL,
      tx,
    );
    return it;
  }

  test("is refused to grow: overloaded, and nothing is written", async () => {
    const { alice, stores } = await full();
    const before = stores.map(dump);
    for (const answer of [
      alice.settle(settleOf(payment(1), FIRST), START),
      alice.reserve(reserveOf(payment(1), FIRST), START),
      alice.check(payment(1), START),
    ]) {
      expect(answer).toEqual({ ok: false, code: "overloaded" });
    }
    expect(stores.map(dump)).toEqual(before);
  });

  test("is each destination's own", async () => {
    const { alice } = await full();
    expect(alice.settle(settleOf(payment(1, BOB), FIRST), START)).toMatchObject({ ok: true });
  });

  test("lets a hold that was granted before be captured", async () => {
    const { alice, stores } = await fundedWorld();
    alice.reserve(reserveOf(payment(1), FIRST), START);
    stores[HOME.alice]?.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
      HOME.carol,
      MAX_BACKLOG,
      CAROL,
      idOf(0),
    );
    expect(alice.capture(reservationOf(payment(1), FIRST), START)).toMatchObject({ ok: true });
    expect(alice.marks().sent).toMatchObject([{ sent: MAX_BACKLOG + 1 }]);
  });

  test.each([
    ["reserve", (rules: LedgerRules) => rules.reserve(reserveOf(payment(1), SECOND), START + HELD + 1)],
    ["settle", (rules: LedgerRules) => rules.settle(settleOf(payment(1), SECOND), START + HELD + 1)],
  ])("leaves a lapsed hold to its holder when it refuses another's %s", async (_, takeOver) => {
    const { alice, stores } = await fundedWorld();
    alice.reserve(reserveOf(payment(1), FIRST), START);
    stores[HOME.alice]?.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
      HOME.carol,
      MAX_BACKLOG,
      CAROL,
      idOf(0),
    );
    const before = stores.map(dump);
    expect(takeOver(alice)).toEqual({ ok: false, code: "overloaded" });
    expect(stores.map(dump)).toEqual(before);
    expect(alice.capture(reservationOf(payment(1), FIRST), START + HELD + 1)).toMatchObject({ ok: true });
  });

  test("holds the faucet back, too", async () => {
    const { at, stores } = world();
    stores[0]?.sql(
      "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
      HOME.alice,
      MAX_BACKLOG,
      ALICE,
      idOf(0),
    );
    expect(at(0).fund(ALICE, "1" as Amount, idOf(1), START)).toEqual({ ok: false, code: "overloaded" });
  });
});

describe("a batch", () => {
  async function sent(count: number) {
    const it = await fundedWorld();
    for (let i = 0; i < count; i++) it.alice.settle(settleOf(payment(i), FIRST), START);
    const batch = it.alice.nextBatch(HOME.carol);
    if (!batch) throw new Error("nothing waits");
    return { ...it, batch };
  }

  test("that comes again, in part or in whole, changes nothing", async () => {
    const { carol, batch, stores } = await sent(3);
    const answer = carol.receive(batch, START);
    expect(answer).toMatchObject({ ok: true, mark: 3 });
    const before = stores.map(dump);
    expect(carol.receive(batch, START)).toEqual(answer);
    expect(carol.receive({ ...batch, credits: batch.credits.slice(0, 1) }, START)).toEqual(answer);
    expect(stores.map(dump)).toEqual(before);
  });

  test("of which a part has come before is an entry of its new credits alone", async () => {
    const { alice, carol, batch } = await sent(2);
    carol.receive(batch, START);
    for (const nonce of [2, 3]) alice.settle(settleOf(payment(nonce), FIRST), START);
    expect(alice.nextBatch(HOME.carol)).toMatchObject({ after: 0, credits: { length: 4 } });
    await deliver(alice, HOME.carol, async (longer) => carol.receive(longer, START));
    expect(carol.journal(CAROL, 0, 10)).toMatchObject([
      { value: "2", batch: { first: "1", last: "2", count: "2" } },
      { value: "2", batch: { first: "3", last: "4", count: "2" }, transactions: [2, 3].map((nonce) => txOf(payment(nonce))) },
    ]);
  });

  test("is not half applied when it fails", async () => {
    const { carol, batch, stores } = await sent(3);
    const before = stores.map(dump);
    const stray = { ...batch, credits: [...batch.credits, { payee: BOB, value: "1" as Amount, transaction: idOf(9) }] };
    expect(() => carol.receive(stray, START)).toThrow("lives on this shard");
    expect(stores.map(dump)).toEqual(before);
  });

  test.each([
    ["another ledger", { ledger: idOf(1) }],
    ["another shard", { to: 1 }],
    ["the shard itself", { from: HOME.carol }],
  ])("of %s is not taken", async (_, changes) => {
    const { carol, batch, stores } = await sent(1);
    const before = stores.map(dump);
    expect(carol.receive({ ...batch, ...changes }, START)).toEqual({ ok: false, fault: "not_mine" });
    expect(stores.map(dump)).toEqual(before);
  });

  test("from a shard that this ledger does not have makes no money", () => {
    const whole = memoryStore();
    openLedger(whole);
    const credits = [{ payee: BOB, value: "1" as Amount, transaction: idOf(9) }];
    for (const [store, rules, ledger, from, to] of [
      [whole, reopen(whole), LEDGER, 1, 0],
      ...world().stores.map((store, to) => [store, open(store, to), LEDGER_OF_FOUR, 4, to] as const),
    ] as const) {
      const before = dump(store);
      const batch = { ledger, from, to, after: 0, head: streamStart(ledger, from, to), credits };
      expect(rules.receive(batch, START)).toEqual({ ok: false, fault: "not_mine" });
      expect(dump(store)).toEqual(before);
    }
  });

  test("whose answer comes late, twice or from the past, is forgotten once", async () => {
    const { alice, carol, batch } = await sent(2);
    const answer = carol.receive(batch, START);
    alice.settle(settleOf(payment(7), FIRST), START);
    expect(alice.acknowledge(HOME.carol, answer)).toBe(true);
    expect(alice.acknowledge(HOME.carol, answer)).toBe(false);
    expect(alice.acknowledge(HOME.carol, { ok: true, mark: 1, head: idOf(0) })).toBe(false);
    expect(alice.marks().sent).toEqual([{ to: HOME.carol, acknowledged: 2, sent: 3 }]);
    expect(alice.halted).toBeUndefined();
  });

  test("whose answer cannot be read waits on, and holds up no other", async () => {
    const { alice } = await sent(2);
    const older = async () => ({ ok: true, mark: 2 }) as Received;
    await expect(deliver(alice, HOME.carol, older)).rejects.toThrow("cannot be read");
    expect(alice.marks().sent).toEqual([{ to: HOME.carol, acknowledged: 0, sent: 2 }]);
    expect(alice.halted).toBeUndefined();
  });
});

describe("a shard that was set back alone [ledger-set-back-alone]", () => {
  /** Three payments arrive, then the database of one shard is what it was after the first. */
  async function restored(which: "sender" | "receiver") {
    const it = await fundedWorld();
    it.alice.settle(settleOf(payment(1), FIRST), START);
    await it.bring(HOME.alice, HOME.carol);
    const shard = which === "sender" ? HOME.alice : HOME.carol;
    const store = it.stores[shard] ?? memoryStore();
    const backup = dump(store);
    for (const nonce of [2, 3]) it.alice.settle(settleOf(payment(nonce), FIRST), START);
    await it.bring(HOME.alice, HOME.carol);
    restore(store, backup);
    const rules = open(store, shard);
    it.shards[shard] = rules;
    return { ...it, alice: it.at(HOME.alice), carol: it.at(HOME.carol), rules, store };
  }

  const STOPPED = { ok: false, code: "facilitator_unavailable" };
  function expectStopped(rules: LedgerRules): void {
    const mine = rules.isHere(ALICE) ? payment(9) : paymentOf({ payer: CAROL, payee: ERIN, nonce: idOf(9) });
    expect(rules.settle(settleOf(mine, FIRST), START)).toEqual(STOPPED);
    expect(rules.reserve(reserveOf(mine, FIRST), START)).toEqual(STOPPED);
    expect(rules.capture(reservationOf(mine, FIRST), START)).toEqual(STOPPED);
    expect(rules.release(reservationOf(mine, FIRST), START)).toEqual(STOPPED);
    expect(rules.cancel(mine.payer, mine.nonce, START)).toEqual(STOPPED);
    expect(rules.fund(mine.payer, "1" as Amount, idOf(9), START)).toEqual(STOPPED);
    expect(rules.check(mine, START)).toEqual(STOPPED);
    expect(rules.status(mine.payer, mine.nonce, mine.validBefore, START)).toEqual({ status: "unknown" });
    expect(rules.destinations()).toEqual([]);
    expect(rules.runMaintenance(START + 10 ** 7)).toBeUndefined();
    expect(rules.audit()).toMatchObject({ ok: false });
  }

  test("as a sender stops when the receiver has more than it remembers", async () => {
    const { alice, carol, bring, store } = await restored("sender");
    const before = carol.account(CAROL);
    alice.settle(settleOf(payment(4), FIRST), START);
    await bring(HOME.alice, HOME.carol);
    expectStopped(alice);
    expectStopped(open(store, HOME.alice)); // and after a restart
    expect(carol.account(CAROL)).toEqual(before);
    expect(carol.halted).toBeUndefined();
  });

  test("as a sender stops even when it has sent as much again", async () => {
    const { alice, carol, bring } = await restored("sender");
    const before = carol.account(CAROL);
    for (const nonce of [4, 5, 6]) alice.settle(settleOf(payment(nonce), FIRST), START);
    await bring(HOME.alice, HOME.carol);
    expectStopped(alice);
    expect(carol.account(CAROL)).toEqual(before);
  });

  test("as a sender is found out by a batch that ends where the receiver is, at exactly as many credits", async () => {
    const { alice, carol } = await restored("sender");
    for (const nonce of [4, 5]) alice.settle(settleOf(payment(nonce), FIRST), START);
    const batch = alice.nextBatch(HOME.carol);
    expect(batch).toMatchObject({ after: 1, credits: { length: 2 } });
    expect(batch && carol.receive(batch, START)).toEqual({ ok: false, fault: "sender_rewound" });
  });

  test("as a sender stops, and forgets nothing, when it has sent as much again by the time of the answer", async () => {
    const { alice, carol, store } = await restored("sender");
    const before = carol.account(CAROL);
    alice.settle(settleOf(payment(4), FIRST), START);
    await deliver(alice, HOME.carol, async (batch) => {
      const answer = carol.receive(batch, START);
      for (const nonce of [5, 6]) alice.settle(settleOf(payment(nonce), FIRST), START);
      return answer;
    });
    expectStopped(alice);
    expect(store.sql("SELECT number FROM outbox")).toHaveLength(3);
    expect(carol.account(CAROL)).toEqual(before);
  });

  test("as a sender that has sent as much again is found by an audit, before anything is delivered", async () => {
    const { alice, shards } = await restored("sender");
    for (const nonce of [4, 5, 6]) alice.settle(settleOf(payment(nonce), FIRST), START);
    const problem = "shard 3: shard 2 has applied other credits than this shard remembers sending";
    expect((await audited(shards)).problems).toContain(problem);
  });

  test("as a receiver stops when a sender goes on from where it no longer is", async () => {
    const { alice, carol, bring } = await restored("receiver");
    alice.settle(settleOf(payment(4), FIRST), START);
    await bring(HOME.alice, HOME.carol);
    expectStopped(carol);
    expect(alice.halted).toBeUndefined();
    expect(alice.marks().sent).toEqual([{ to: HOME.carol, acknowledged: 3, sent: 4 }]);
  });

  test.each([
    ["sender", "shard 3 has forgotten what it sent to shard 2: it was set back"],
    ["receiver", "shard 2 has forgotten what it had from shard 3: it was set back"],
  ] as const)("is found by an audit, before anything is sent: the %s", async (which, problem) => {
    const { shards } = await restored(which);
    expect(await audited(shards)).toMatchObject({ ok: false, problems: [problem] });
  });

  test("takes no credits any more, and keeps those that it still owes", async () => {
    const { alice, at, bob, bring, stores } = await restored("sender");
    at(0).fund(ALICE, "1" as Amount, idOf(2), START);
    const incoming = at(0).nextBatch(HOME.alice);
    for (const [nonce, payee] of [
      [4, CAROL],
      [5, BOB],
    ] as const)
      alice.settle(settleOf(payment(nonce, payee), FIRST), START);
    const outgoing = alice.nextBatch(HOME.bob);
    if (!incoming || !outgoing) throw new Error("nothing waits");
    const answer = bob.receive(outgoing, START);
    await bring(HOME.alice, HOME.carol);
    expect(alice.halted).toBeDefined();
    const before = stores.map(dump);
    expect(alice.receive(incoming, START)).toEqual({ ok: false, fault: "halted" });
    expect(answer).toMatchObject({ ok: true, mark: 1 });
    expect(alice.acknowledge(HOME.bob, answer)).toBe(false);
    expect(stores.map(dump)).toEqual(before);
  });

  test("together with all others goes on as if nothing had been", async () => {
    const it = await fundedWorld();
    it.alice.settle(settleOf(payment(1), FIRST), START);
    const backups = it.stores.map(dump);
    it.alice.settle(settleOf(payment(2), FIRST), START);
    await it.bring(HOME.alice, HOME.carol);
    for (const [shard, store] of it.stores.entries()) {
      restore(store, backups[shard] ?? {});
      it.shards[shard] = open(store, shard);
    }
    await it.bring(HOME.alice, HOME.carol);
    expect(await audited(it.shards)).toMatchObject({ ok: true, conclusive: true, inFlight: "0" });
    expect(it.at(HOME.carol).account(CAROL)).toMatchObject({ balance: "1" });
  });
});

describe("an audit of all shards", () => {
  test("adds up what they have and what is on its way", async () => {
    const { alice, shards } = await fundedWorld();
    for (const nonce of [1, 2]) alice.settle(settleOf(payment(nonce, CAROL, "30"), FIRST), START);
    alice.reserve(reserveOf(payment(3, BOB, "5"), FIRST), START);
    expect(await audited(shards)).toMatchObject({
      ok: true,
      conclusive: true,
      shards: 4,
      supply: "1000000",
      balances: "999940",
      inFlight: "60",
      held: "5",
      payments: { held: 1, settled: 3, cancelled: 0 },
      problems: [],
    });
  });

  test("says that it could not compare when money never stops moving, which is no failure", async () => {
    const { alice, shards, bring } = await fundedWorld();
    let nonce = 0;
    const busy = shards.map((rules, shard) => ({
      async marks() {
        const marks = rules.marks();
        if (shard === HOME.carol) {
          alice.settle(settleOf(payment(nonce++), FIRST), START);
          await bring(HOME.alice, HOME.carol);
        }
        return marks;
      },
      audit: async (marks: Parameters<LedgerRules["auditShard"]>[0]) => rules.auditShard(marks),
    }));
    expect(await auditShards(busy)).toMatchObject({ ok: true, conclusive: false, problems: [] });
    expect(nonce).toBeGreaterThan(2);
  });

  test.each([
    ["money that vanished on its way", (stores: LedgerStore[]) => stores[HOME.alice]?.sql("DELETE FROM outbox WHERE number = 2")],
    ["money that grew on its way", (stores: LedgerStore[]) => stores[HOME.alice]?.sql("UPDATE outbox SET value = '31' WHERE number = 2")],
    [
      "a credit that was made up",
      (stores: LedgerStore[]) =>
        stores[0]?.sql(`INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (1, 1, '${BOB}', '1', 'x')`),
    ],
  ])("finds %s", async (_, tamper) => {
    const { alice, shards, stores } = await fundedWorld();
    for (const nonce of [1, 2]) alice.settle(settleOf(payment(nonce, CAROL, "30"), FIRST), START);
    tamper(stores);
    expect(await audited(shards)).toMatchObject({ ok: false });
  });

  test("names the shard whose own book is broken, and one of another ledger", async () => {
    const { shards, stores } = await fundedWorld();
    stores[HOME.alice]?.sql(`UPDATE account SET held = '1' WHERE id = '${ALICE}'`);
    expect((await audited(shards)).problems).toEqual([`shard 3: ${ALICE}: held is not the sum of its holds`]);
    const other = new LedgerRules(memoryStore(), { ledger: idOf(0), supply: 1n, at: START });
    expect((await audited([...shards.slice(0, 3), other])).problems).toContain("shard 3 is of another ledger");
  });
});

/** Puts a database back to what it was. */
function restore(store: LedgerStore, backup: ReturnType<typeof dump>): void {
  for (const [table, rows] of Object.entries(backup)) {
    store.sql(`DELETE FROM ${table}`);
    for (const row of rows) {
      store.sql(
        `INSERT INTO ${table} (${Object.keys(row).join()}) VALUES (${Object.keys(row)
          .map(() => "?")
          .join()})`,
        ...Object.values(row),
      );
    }
  }
}
