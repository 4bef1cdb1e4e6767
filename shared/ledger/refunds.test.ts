import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { JOURNAL_RETENTION_SECONDS, MAX_REFUNDS_LISTED, REFUND_RETENTION_SECONDS, RETENTION_SECONDS } from "../limits.ts";
import { migrate } from "../migrations.ts";
import type { Amount } from "../protocol/amount.ts";
import type { RefundsOf } from "../settlement/backend.ts";
import { LedgerRules } from "./rules.ts";
import { LEDGER_SCHEMA } from "./schema.ts";
import { runAllMaintenance } from "./testing/checkpoint.ts";
import { ALICE, BOB, CAROL, FIRST, idOf, LEDGER, paymentOf, SECOND, settleOf, START, txOf } from "./testing/ledger.ts";
import { refundOf, refundTx, SALE, Shop } from "./testing/refund-table.ts";

const newShop = (shards: number) => new Shop(Array.from({ length: shards }, () => memoryStore()));
const units = (value: number) => String(value) as Amount;
const part = (id: number, amount: number) => refundOf({ id: idOf(id), amount: units(amount) });

describe.each([1, 4])("refunds over %i shards", (shards) => {
  test("are an entry on both sides that names what it gives back, and the chain covers it", () => {
    const shop = newShop(shards);
    const refund = refundOf();
    expect(shop.refund(refund)).toMatchObject({ ok: true, transaction: refundTx(refund) });
    shop.deliver();
    const about = { cause: "refund", refundOf: txOf(SALE), transaction: refundTx(refund), value: "40" };
    expect(shop.of(BOB).journal(BOB, 1, 10)).toMatchObject([
      { kind: "debit", counterparty: ALICE, authorizationDigest: refund.refundDigest, balanceAfter: "60", ...about },
    ]);
    expect(shop.of(ALICE).journal(ALICE, 2, 10)).toMatchObject([{ kind: "credit", counterparty: BOB, balanceAfter: "190", ...about }]);
    // The payment itself is settled as ever, and its nonce stays used.
    expect(shop.of(ALICE).status(ALICE, SALE.nonce, SALE.validBefore, START)).toEqual({ status: "settled", transaction: txOf(SALE) });
    expect(shop.of(ALICE).settle(settleOf(SALE, SECOND), START)).toMatchObject({ code: "nonce_replayed" });
  });

  test("in parts never give back more than was paid, in any order and over restarts", async () => {
    const shop = newShop(shards);
    const parts = Array.from({ length: 12 }, (_, i) => part(i, [30, 9, 1, 20][i % 4] ?? 0));
    let given = 0;
    for (const refund of [...parts, ...parts.toReversed()]) {
      const fits = given + Number(refund.amount) <= 100;
      const answer = shop.refund(refund);
      const sum = shop.of(BOB).refundsOf(BOB, txOf(SALE));
      if (!answer.ok) expect([fits, answer.code]).toEqual([false, "refund_exceeded"]);
      given = "code" in sum ? NaN : Number(sum.refunded);
      expect(given).toBeLessThanOrEqual(100);
      shop.restart();
    }
    expect(given).toBe(100);
    shop.deliver();
    expect(shop.of(ALICE).account(ALICE)).toMatchObject({ balance: "250" });
    expect(await shop.audit()).toMatchObject({ ok: true, inFlight: "0" });
  });

  test("outlive the payment's own row: the sum still counts", () => {
    const shop = newShop(shards);
    shop.refund(part(1, 40));
    const later = START + 3 * RETENTION_SECONDS;
    for (const rules of shop.shards) runAllMaintenance(rules, later);
    expect(shop.storeOf(ALICE).sql("SELECT * FROM payment WHERE payer = ?", ALICE)).toEqual([]);
    expect(shop.refund(refundOf({ id: SECOND, amount: units(61), issuedAt: later }), later)).toEqual({
      ok: false,
      code: "refund_exceeded",
    });
    expect(shop.refund(refundOf({ id: SECOND, amount: units(60), issuedAt: later }), later)).toMatchObject({ ok: true });
  });

  test("are forgotten after their debit is pruned, and after 31 days; nothing can be refunded then [refund-forgotten]", async () => {
    const shop = newShop(shards);
    shop.refund(part(1, 40));
    const rows = () => shop.storeOf(BOB).sql("SELECT id FROM refund").length;
    shop.prune(START + JOURNAL_RETENTION_SECONDS + 1);
    expect([rows(), shop.of(BOB).journal(BOB, 0, 10)]).toEqual([1, []]);
    expect(await shop.audit()).toMatchObject({ problems: [] });
    // The chain goes on, and the next round that prunes some of it forgets the refund.
    const later = START + REFUND_RETENTION_SECONDS;
    shop.pay(paymentOf({ nonce: idOf(9), validAfter: later, validBefore: later + 60, value: units(1) }), later);
    const end = later + REFUND_RETENTION_SECONDS;
    shop.prune(end);
    expect(rows()).toBe(0);
    expect(shop.refund(refundOf({ issuedAt: end }), end)).toEqual({ ok: false, code: "refund_expired" });
    expect(await shop.audit()).toMatchObject({ ok: true, problems: [] });
  });

  test("are kept while their debit is in the journal, however old", () => {
    const shop = newShop(shards);
    shop.refund(refundOf());
    runAllMaintenance(shop.of(BOB), START + 10 * REFUND_RETENTION_SECONDS);
    expect(shop.refund(refundOf())).toMatchObject({ ok: true });
  });

  test("are listed with their sum, the newest first, and the payment's credit is found for the next", () => {
    const shop = newShop(shards);
    const other = paymentOf({ nonce: idOf(7), value: units(10) });
    shop.pay(other, START + 5);
    expect(shop.of(BOB).creditOf(BOB, txOf(SALE), START)).toEqual({ entry: 1, payer: ALICE, value: "100", at: START });
    expect(shop.of(BOB).creditOf(BOB, txOf(other), START)).toEqual({ entry: 2, payer: ALICE, value: "10", at: START + 5 });
    expect(shop.of(BOB).creditOf(BOB, idOf(8), START)).toBeUndefined();
    expect(shop.of(BOB).refundsOf(BOB, txOf(SALE))).toEqual({ refunded: "0", refunds: [] });
    for (let i = 1; i <= 3; i++) shop.refund(part(i, i), START + 5 + i);
    const one = (i: number) => ({ id: idOf(i), transaction: refundTx(part(i, i)), value: String(i), at: START + 5 + i });
    expect(shop.of(BOB).refundsOf(BOB, txOf(SALE))).toEqual({ refunded: "6", refunds: [one(3), one(2), one(1)] });
    // Evidence needs the payee's orders. A ledger that was given none says so by their absence.
    shop.refund({ ...part(4, 4), signed: '{"refund":4}' }, START + 9);
    const [withOrder, without] = (shop.of(BOB).refundsOf(BOB, txOf(SALE), true) as RefundsOf).refunds;
    expect(withOrder).toEqual({
      id: idOf(4),
      transaction: refundTx(part(4, 4)),
      value: "4",
      at: START + 9,
      debit: 6,
      signed: '{"refund":4}',
    });
    expect(without).toEqual({ ...one(3), debit: 5 });
    // A refund is no credit of a payment.
    shop.deliver();
    expect(shop.of(ALICE).creditOf(ALICE, refundTx(part(1, 1)), START)).toBeUndefined();
    for (let i = 0; i < MAX_REFUNDS_LISTED - 10; i++) shop.refund(part(100 + i, 1));
    expect(shop.of(BOB).refundsOf(BOB, txOf(SALE))).toMatchObject({ refunded: "100", refunds: { length: 94 } });
  });

  test("move nothing on a shard that has halted; a retired ledger still answers those that were made", () => {
    const shop = newShop(shards);
    shop.refund(refundOf());
    for (const rules of shop.shards) rules.retire(shop.ledger, START);
    expect(shop.refund(refundOf())).toMatchObject({ ok: true, transaction: refundTx(refundOf()) });
    expect(shop.refund(part(9, 1))).toEqual({ ok: false, code: "ledger_mismatch" });
    shop.storeOf(BOB).sql("INSERT INTO halt (reason, at) VALUES ('set back', 0)");
    shop.restart();
    expect(shop.refund(refundOf())).toEqual({ ok: false, code: "facilitator_unavailable" });
    expect(shop.of(BOB).refundsOf(BOB, txOf(SALE))).toEqual({ ok: false, code: "facilitator_unavailable" });
  });

  const row = "WHERE payee = (SELECT payee FROM refund)";
  test.each([
    ["a sum that was lowered", `UPDATE refund SET sum = '1' ${row}`, "does not add up"],
    ["a refund beyond its payment", `UPDATE refund SET value = '140', sum = '140' ${row}`, "gives back more than was paid"],
    ["a refund to another account", `UPDATE refund SET payer = '${CAROL}' ${row}`, "no refund like debit"],
    ["a refund of another payment", `UPDATE refund SET refund_of = '${idOf(5)}' ${row}`, "no refund like debit"],
    ["a refund that vanished", `DELETE FROM refund ${row}`, "no refund like debit"],
    ["a refund without a debit", `UPDATE refund SET seq = 9 ${row}`, "no debit for refund"],
    ["a refund without an account", `UPDATE refund SET payee = '${CAROL}' ${row}`, "refunds without an account"],
  ])("are audited: %s", async (_, tamper, problem) => {
    const shop = newShop(shards);
    shop.refund(refundOf());
    shop.deliver();
    shop.storeOf(BOB).sql(tamper);
    shop.restart();
    expect((await shop.audit()).problems.join("\n")).toContain(problem);
  });
});

test("a batch that does not say who paid is not refunded", () => {
  const shop = newShop(4);
  shop.storeOf(BOB).sql("UPDATE journal SET credits = NULL WHERE account = ?", BOB);
  expect(shop.refund(refundOf())).toEqual({ ok: false, code: "refund_unknown" });
  expect(shop.of(BOB).creditOf(BOB, txOf(SALE), START)).toEqual({ entry: 1, at: START });
});

test("a batch of several payers gives each back what it paid, and none what another paid", () => {
  const shop = newShop(4);
  const [alice, bob] = [shop.of(ALICE), shop.of(BOB)];
  // Alice's shard sends both in one batch.
  const [first, second] = [31, 32].map((nonce) => paymentOf({ nonce: idOf(nonce), value: units(nonce) }));
  if (!first || !second) throw new Error("two payments");
  for (const payment of [first, second]) alice.settle(settleOf(payment, FIRST), START);
  shop.deliver();
  expect(bob.journal(BOB, 1, 10)).toMatchObject([{ kind: "batch", value: "63" }]);
  const give = (payment: typeof first, amount: number, id: number) =>
    shop.refund(refundOf({ transaction: txOf(payment), entry: 2, amount: units(amount), id: idOf(id) }));
  expect(give(first, 32, 1)).toEqual({ ok: false, code: "refund_exceeded" });
  expect(give(first, 31, 1)).toMatchObject({ ok: true });
  expect(give(second, 32, 2)).toMatchObject({ ok: true });
  expect(give(second, 1, 3)).toEqual({ ok: false, code: "refund_exceeded" });
});

test("of an upto, what was charged can be refunded", () => {
  const shop = newShop(1);
  const metered = paymentOf({ nonce: idOf(0xb2), scheme: "upto" });
  shop.pay(metered, START, units(60));
  expect(shop.refund(refundOf({ transaction: txOf(metered), entry: 2, amount: units(60) }))).toMatchObject({ ok: true });
});

test("refunds of schema 12 stay counted after the migration, and have no order to show", () => {
  const store = memoryStore();
  migrate(
    store,
    LEDGER_SCHEMA.filter(({ version }) => version <= 12),
  );
  const made = part(1, 40);
  store.sql(
    `INSERT INTO refund (payee, seq, id, refund_digest, tx, refund_of, entry, payer, value, sum, mandate, mandate_window, at)
     VALUES (?, 2, ?, ?, ?, ?, 1, ?, '40', '40', NULL, NULL, ?)`,
    BOB,
    made.id,
    made.refundDigest,
    refundTx(made),
    txOf(SALE),
    ALICE,
    START,
  );
  const rules = new LedgerRules(store, { ledger: LEDGER, supply: 1000n, at: START });
  const listed = { id: made.id, transaction: refundTx(made), value: "40", at: START };
  expect(rules.refundsOf(BOB, txOf(SALE))).toEqual({ refunded: "40", refunds: [listed] });
  expect(rules.refundsOf(BOB, txOf(SALE), true)).toEqual({ refunded: "40", refunds: [{ ...listed, debit: 2 }] });
  expect(rules.refund(made, START)).toMatchObject({ ok: true, transaction: refundTx(made) });
});
