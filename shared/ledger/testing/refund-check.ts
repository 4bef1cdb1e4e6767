/**
 * Histories of sales and refunds, played on the ledger and on a few lists: a refund is what is left of its sale, or is refused for the
 * first reason that spec/state-table.md names. The lists know no SQL, no sums and no shards but the batch that a sale came in.
 */

import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { memoryStore } from "../../../agent-cli/demo/memory-store.ts";
import type { Digest } from "../../crypto/digest.ts";
import { JOURNAL_RETENTION_SECONDS, REFUND_ISSUED_SECONDS, REFUND_RETENTION_SECONDS, REFUND_SECONDS } from "../../limits.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount } from "../../protocol/amount.ts";
import type { LedgerMandate } from "../../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../../protocol/ledger-refund.ts";
import type { LedgerRules } from "../rules.ts";
import { ALICE, BOB, CAROL, DAVE, idOf, paymentOf, settleOf, START, txOf } from "./ledger.ts";
import { refundOf, refundTx, Shop } from "./refund-table.ts";

const DAY = 24 * 3600;
const MANDATE: LedgerMandate = {
  digest: idOf(0xd5),
  grantedAt: START,
  validAfter: START,
  validBefore: START + 89 * DAY,
  total: "9" as Amount,
};

/** `sale`: the number of a sale; `amount`, and what the request says wrong. */
type Happening =
  | { event: "sell"; payer: AccountId; value: number; purpose: "transfer" | undefined }
  | { event: "refund"; id: number; sale: number; amount: number; wrong: Wrong; issued: number; mandate: boolean }
  | { event: "buy"; value: number }
  | { event: "wait"; seconds: number }
  | { event: "revoke"; everything: boolean }
  | { event: "deliver" | "restart" | "prune" };
type Wrong = "nothing" | "payer" | "entry" | "transaction" | "refunds a refund" | "refunds a purchase";

const few = (max: number) => fc.integer({ min: 0, max });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      event: fc.constant("sell"),
      payer: fc.constantFrom(ALICE, ALICE, DAVE),
      value: fc.integer({ min: 1, max: 4 }),
      purpose: fc.constantFrom(undefined, undefined, undefined, "transfer"),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      event: fc.constant("refund"),
      id: few(5),
      sale: few(3),
      amount: fc.integer({ min: 1, max: 5 }),
      wrong: fc.constantFrom<Wrong>(...NOTHING_MOSTLY(), "payer", "entry", "transaction", "refunds a refund", "refunds a purchase"),
      issued: fc.constantFrom(0, 0, 0, 0, 0, -REFUND_ISSUED_SECONDS, -REFUND_ISSUED_SECONDS - 1, REFUND_ISSUED_SECONDS + 1),
      mandate: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ event: fc.constant("buy"), value: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      event: fc.constant("wait"),
      seconds: fc.constantFrom(1, 3 * DAY, REFUND_SECONDS - 3 * DAY, REFUND_SECONDS, DAY),
    }),
  },
  { weight: 1, arbitrary: fc.record({ event: fc.constant("revoke"), everything: fc.constantFrom(false, false, false, true) }) },
  { weight: 4, arbitrary: fc.record({ event: fc.constant("deliver") }) },
  { weight: 1, arbitrary: fc.record({ event: fc.constant("restart") }) },
  { weight: 1, arbitrary: fc.record({ event: fc.constant("prune") }) },
);

function NOTHING_MOSTLY(): Wrong[] {
  return Array.from({ length: 12 }, () => "nothing");
}

/** A line of Bob's journal: what it credits, and when. `sales` is empty of what cannot be refunded. */
interface Line {
  at: number;
  sales: { transaction: Digest; payer: AccountId; value: number }[];
}

interface Sold {
  transaction: Digest;
  payer: AccountId;
  value: number;
  purpose: "transfer" | undefined;
}

class World {
  readonly #shop: Shop;
  #now = START;
  #nonce = 1000;
  /** Every sale, with the number of its line once it is credited. */
  readonly #sales: { transaction: Digest; payer: AccountId; value: number; line: number }[] = [];
  readonly #lines: Line[] = [];
  /** Between shards, sales wait for their batch, and transfers for lines of their own. */
  #waiting: Sold[] = [];
  readonly #refunds = new Map<Digest, { refund: LedgerRefund; line: number; at: number }>();
  /** Every unit that was refunded of a sale; never forgotten. */
  readonly #refunded = new Map<Digest, number>();
  /** What Bob bought, and what was given back to him: lines that are no sales. */
  readonly #others: { transaction: Digest; payer: AccountId; line: number }[] = [];
  #pruned = 0;
  #money = 0;
  #underMandate = 0;
  #revoked = false;
  #panic = -Infinity;

  constructor(shards: number, Rules: typeof LedgerRules) {
    this.#shop = new Shop(
      Array.from({ length: shards }, () => memoryStore()),
      Rules,
    );
    this.#credit([{ ...SALE_100, purpose: undefined }]);
    this.#shop.pay(paymentOf({ nonce: idOf(999), payee: DAVE, value: "50" as Amount }), START);
    this.#buy(97);
  }

  play(happening: Happening): void {
    switch (happening.event) {
      case "sell":
        return this.#sell(happening);
      case "refund":
        return this.#refund(happening);
      case "buy":
        return this.#buy(happening.value);
      case "wait":
        this.#now += happening.seconds;
        return;
      case "revoke":
        return this.#revoke(happening.everything);
      case "deliver":
        return this.#deliver();
      case "restart":
        return this.#shop.restart();
      case "prune":
        return this.#prune();
    }
  }

  /** @throws at the first difference */
  finish(): void {
    this.#deliver();
    same(Number(this.#shop.of(BOB).account(BOB).balance), this.#money, "Bob's money");
    const journal = this.#shop.of(ALICE).journal(ALICE, 0, 1000);
    const back = journal.filter(({ cause, kind }) => cause === "refund" && kind === "credit");
    const own = new Set(this.#sales.filter(({ payer }) => payer === ALICE).map(({ transaction }) => transaction));
    const sum = [...this.#refunded].reduce((sum, [transaction, value]) => sum + (own.has(transaction) ? value : 0), 0);
    same(
      back.reduce((sum, { value }) => sum + Number(value), 0),
      sum,
      "what came back to Alice",
    );
    same(this.#shop.problems(), [], "audit");
  }

  #sell({ payer, value, purpose }: Extract<Happening, { event: "sell" }>): void {
    const payment = this.#payment({ payer, value: String(value) as Amount });
    const settled = this.#shop.of(payer).settle({ ...settleOf(payment, idOf(1)), purpose }, this.#now);
    if (!settled.ok) return;
    const sale = { transaction: txOf(payment), payer, value, purpose };
    if (this.#shop.shards.length === 1) this.#credit([sale]);
    else this.#waiting.push(sale);
  }

  #payment(changes: Parameters<typeof paymentOf>[0]) {
    return paymentOf({ nonce: idOf(this.#nonce++), validAfter: this.#now, validBefore: this.#now + 60, ...changes });
  }

  #credit(sales: readonly Sold[]): void {
    const paid = sales.filter(({ purpose }) => !purpose);
    if (paid.length > 0) this.#lines.push({ at: this.#now, sales: paid });
    for (const sale of paid) this.#sales.push({ ...sale, line: this.#lines.length });
    for (const { transaction, payer } of sales.filter(({ purpose }) => purpose)) {
      this.#lines.push({ at: this.#now, sales: [] });
      this.#others.push({ transaction, payer, line: this.#lines.length });
    }
    this.#money += sales.reduce((sum, { value }) => sum + value, 0);
  }

  #deliver(): void {
    this.#shop.deliver(this.#now);
    if (this.#waiting.length > 0) this.#credit(this.#waiting);
    this.#waiting = [];
  }

  /** Bob buys something from Carol, who gives 1 of it back. */
  #buy(value: number): void {
    this.#deliver();
    if (this.#money < value) return;
    const payment = this.#payment({ payer: BOB, payee: CAROL, value: String(value) as Amount });
    this.#shop.pay(payment, this.#now);
    this.#lines.push({ at: this.#now, sales: [] });
    this.#others.push({ transaction: txOf(payment), payer: CAROL, line: this.#lines.length });
    const { entry = 0 } = this.#shop.of(CAROL).creditOf(CAROL, txOf(payment), 0) ?? {};
    const back = refundOf({
      payee: CAROL,
      payer: BOB,
      transaction: txOf(payment),
      entry,
      amount: "1" as Amount,
      id: idOf(this.#nonce++),
      issuedAt: this.#now,
    });
    same(this.#shop.refund(back, this.#now).ok, true, "Carol's refund");
    this.#shop.deliver(this.#now);
    this.#lines.push({ at: this.#now, sales: [] });
    this.#others.push({ transaction: refundTx(back), payer: CAROL, line: this.#lines.length });
    this.#money += 1 - value;
  }

  #refund({ id, sale, amount, wrong, issued, mandate }: Extract<Happening, { event: "refund" }>): void {
    const known = this.#sales.at(-1 - sale) ?? this.#sales[0];
    const other = this.#others.at(wrong === "refunds a purchase" ? -2 : -1);
    if (!known) return;
    const target = wrong.startsWith("refunds") && other ? other : known;
    const refund = refundOf({
      id: idOf(id),
      transaction: wrong === "transaction" ? idOf(0xbad) : target.transaction,
      payer: wrong === "payer" ? (target.payer === DAVE ? ALICE : DAVE) : target.payer,
      entry: target.line + (wrong === "entry" ? 1 : 0),
      amount: String(amount) as Amount,
      issuedAt: this.#now + issued,
      ...(mandate && { mandate: MANDATE }),
    });
    const expected = this.#expected(refund);
    same(this.#shop.refund(refund, this.#now), expected, { refund, now: this.#now });
    if (!expected.ok || this.#refunds.has(refund.id)) return;
    this.#lines.push({ at: this.#now, sales: [] });
    this.#refunds.set(refund.id, { refund, line: this.#lines.length, at: this.#now });
    this.#refunded.set(refund.transaction, (this.#refunded.get(refund.transaction) ?? 0) + amount);
    if (mandate) this.#underMandate += amount;
    this.#money -= amount;
  }

  #expected(refund: LedgerRefund): Record<string, unknown> & { ok: boolean } {
    const { id, payee, payer, transaction, entry, amount, issuedAt, mandate } = refund;
    const receipt = { ok: true, transaction: refundTx(refund), refundOf: transaction, payee, payer, value: amount };
    const refused = (code: string, more = {}) => ({ ok: false, code, ...more });
    const first = this.#refunds.get(id);
    if (first) {
      const same = first.refund.refundDigest === refund.refundDigest;
      return same ? receipt : refused("refund_conflict", { transaction: refundTx(first.refund) });
    }
    if (issuedAt > this.#now + REFUND_ISSUED_SECONDS) return refused("invalid_payload");
    if (issuedAt < this.#now - REFUND_ISSUED_SECONDS) return refused("refund_expired");
    if (entry <= this.#pruned) return refused("refund_expired");
    const line = this.#lines[entry - 1];
    const sale = line?.sales.find((sale) => sale.transaction === transaction && sale.payer === payer);
    if (!line || !sale) return refused("refund_unknown");
    if (this.#now > line.at + REFUND_SECONDS) return refused("refund_expired");
    const left = sale.value - (this.#refunded.get(transaction) ?? 0);
    if (Number(amount) > left) return refused("refund_exceeded");
    if (!mandate && issuedAt <= this.#panic) return refused("payment_revoked");
    if (mandate && (this.#revoked || this.#panic > -Infinity)) return refused("mandate_revoked");
    if (mandate && this.#now > mandate.validBefore) return refused("mandate_expired");
    if (mandate && this.#underMandate + Number(amount) > Number(mandate.total)) return refused("mandate_exceeded", { limit: "total" });
    return this.#money < Number(amount) ? refused("insufficient_funds") : receipt;
  }

  #revoke(everything: boolean): void {
    const command = { payer: BOB, mandate: everything ? ("*" as const) : MANDATE.digest, revokedAt: this.#now };
    same(this.#shop.of(BOB).revoke(command, this.#now).ok, true, command);
    if (!everything) this.#revoked = true;
    else this.#panic = this.#now++; // so that Bob can sign again
  }

  /** Two hours later, so that the alarm rests no more. */
  #prune(): void {
    this.#now += 2 * 3600;
    this.#shop.prune(this.#now);
    const young = this.#lines.findIndex(({ at }) => at >= this.#now - JOURNAL_RETENTION_SECONDS);
    const pruned = young === -1 ? this.#lines.length : young;
    if (pruned > this.#pruned) {
      const forgotten = [...this.#refunds].filter(([, { line, at }]) => line <= pruned && at < this.#now - REFUND_RETENTION_SECONDS);
      for (const [id] of forgotten) this.#refunds.delete(id);
    }
    this.#pruned = pruned;
  }
}

const SALE_100 = { transaction: txOf(paymentOf()), payer: ALICE, value: 100 };

function same(ledger: unknown, model: unknown, when: unknown): void {
  if (isDeepStrictEqual(ledger, model)) return;
  throw new Error(`${JSON.stringify(when)}: the ledger says ${JSON.stringify(ledger)}, the lists ${JSON.stringify(model)}`);
}

export const refundProperty = (Rules: typeof LedgerRules, shards: number) =>
  fc.property(fc.array(happening, { minLength: 10, maxLength: 40, size: "max" }), (history) => {
    const world = new World(shards, Rules);
    for (const each of history) world.play(each);
    world.finish();
  });
