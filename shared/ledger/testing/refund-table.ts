/**
 * The state table of a refund, cell by cell. refund-table.test.ts plays every cell, and compares spec/state-table.md with them by
 * their names.
 */

import { digest } from "../../crypto/digest.ts";
import { NETWORK } from "../../lez.ts";
import { JOURNAL_RETENTION_SECONDS, MAX_BACKLOG, REFUND_ISSUED_SECONDS, REFUND_SECONDS } from "../../limits.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount } from "../../protocol/amount.ts";
import { transactionOf } from "../../protocol/authorization.ts";
import type { LedgerMandate } from "../../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../../protocol/ledger-refund.ts";
import { appliedOf, auditShards, consolidate, type LedgerAudit } from "../consolidate.ts";
import { LedgerRules } from "../rules.ts";
import { shardOf } from "../shards.ts";
import type { LedgerStore } from "../store.ts";
import { runAllMaintenance } from "./checkpoint.ts";
import { ALICE, BOB, CAROL, FIRST, give, idOf, LEDGER, LEDGER_OF_FOUR, paymentOf, SECOND, settleOf, START, txOf } from "./ledger.ts";

/** A ledger of so many shards. Alice has 250; Bob sold her something for 100. Over four shards that is a batch in Bob's journal. */
export class Shop {
  readonly stores: LedgerStore[];
  readonly shards: LedgerRules[];
  readonly ledger;

  readonly #Rules: typeof LedgerRules;

  constructor(stores: LedgerStore[], Rules: typeof LedgerRules = LedgerRules) {
    this.#Rules = Rules;
    this.stores = stores;
    this.ledger = stores.length === 1 ? LEDGER : LEDGER_OF_FOUR;
    this.shards = stores.map((_, shard) => this.#open(shard));
    give(this.shards[0] ?? this.#open(0), ALICE, 250n);
    this.deliver();
    this.pay(SALE);
  }

  #open(shard: number): LedgerRules {
    const [store] = this.stores.slice(shard);
    if (!store) throw new Error(`no shard ${shard}`);
    return new this.#Rules(store, { ledger: this.ledger, supply: 1000n, at: START, place: { shard, shards: this.stores.length } });
  }

  of(account: AccountId): LedgerRules {
    return this.shards[shardOf(account, this.shards.length)] ?? this.#open(0);
  }

  storeOf(account: AccountId): LedgerStore {
    const [store] = this.stores.slice(shardOf(account, this.stores.length));
    if (!store) throw new Error("no such shard");
    return store;
  }

  restart(): void {
    for (const shard of this.shards.keys()) this.shards[shard] = this.#open(shard);
  }

  deliver(at = START): void {
    for (const from of this.shards)
      for (const to of from.destinations())
        for (let batch = from.nextBatch(to); batch; batch = from.nextBatch(to)) {
          const received = this.shards[to]?.receive(batch, at);
          if (!received?.ok || !from.acknowledge(to, received)) throw new Error(`shard ${to} took nothing`);
        }
  }

  pay(payment: ReturnType<typeof paymentOf>, at = START, charge: Amount = payment.value): void {
    const settled = this.of(payment.payer).settle({ ...settleOf(payment, FIRST), value: charge }, at);
    if (!settled.ok) throw new Error(`no payment: ${settled.code}`);
    this.deliver(at);
  }

  refund(refund: LedgerRefund, at = START) {
    return this.of(refund.payee).refund(refund, at);
  }

  /** What an audit finds wrong; nothing is on its way. */
  problems(): string[] {
    const before = this.shards.map((rules) => rules.marks());
    return consolidate(
      before,
      this.shards.map((rules, shard) => rules.auditShard(appliedOf(before, shard))),
    ).problems;
  }

  audit(): Promise<LedgerAudit> {
    const shards = this.shards.map((rules) => ({
      marks: async () => rules.marks(),
      audit: async (marks: Parameters<LedgerRules["auditShard"]>[0]) => rules.auditShard(marks),
    }));
    return auditShards(shards);
  }

  /** Exports Bob's journal, and lets the alarm ring until what is old is pruned. */
  prune(at: number): void {
    const rules = this.of(BOB);
    const { journalSeq, journalHead } = rules.account(BOB);
    rules.checkpoint(BOB, journalSeq, journalHead, at);
    runAllMaintenance(rules, at);
  }
}

export const SALE = paymentOf();

/** 40 of SALE, back to Alice. Its digest covers all of it, as a real one does. */
export function refundOf(changes: Partial<Omit<LedgerRefund, "refundDigest">> = {}): LedgerRefund {
  const refund = {
    payee: BOB,
    payer: ALICE,
    transaction: txOf(SALE),
    entry: 1,
    amount: "40" as Amount,
    id: FIRST,
    issuedAt: START,
    ...changes,
  };
  const signed = { ...refund, entry: String(refund.entry), issuedAt: String(refund.issuedAt), mandate: refund.mandate?.digest };
  return { ...refund, refundDigest: digest("Refund", signed) };
}

export function refundTx({ refundDigest }: LedgerRefund) {
  return transactionOf(NETWORK, refundDigest);
}

const HOUR = 3600;
/** Bob's, for refunds: at most 90 in all, 60 and two refunds in an hour. */
export const REFUND_MANDATE: LedgerMandate = {
  digest: idOf(0xd2),
  grantedAt: START,
  validAfter: START,
  validBefore: START + 24 * HOUR,
  total: "90" as Amount,
  period: { seconds: HOUR, amount: "60" as Amount, count: 2 },
};

/** `part`: FIRST gave 40 of 100 back. `whole`: FIRST gave 100 back. */
export type RefundState = "none" | "part" | "whole";

export interface RefundCell {
  /** `refund/state before/case`. Stable: other pages cite the cell by it. */
  name: string;
  fact: string;
  state: RefundState;
  /** Whatever else must have happened. */
  given?: (shop: Shop) => void;
  /** Unix seconds. */
  at: number;
  refund: LedgerRefund;
  answer: unknown;
  /** What is refunded of SALE afterwards. */
  after: string;
  /** The page's words for answer and state afterwards. */
  words: [answer: string, after: string];
  /** Only where payer and payee live apart. */
  apart?: true;
  /** Money was made up: the audit says so. */
  isForged?: true;
}

const FIRST_REFUNDS = { none: undefined, part: refundOf(), whole: refundOf({ amount: "100" as Amount }) };
const REFUNDED = { none: "0", part: "40", whole: "100" };

export function arrangeRefund(shop: Shop, state: RefundState): void {
  const first = FIRST_REFUNDS[state];
  if (!first) return;
  const given = shop.refund(first);
  if (!given.ok) throw new Error(`no refund: ${given.code}`);
  shop.deliver();
}

type Options = Partial<Pick<RefundCell, "given" | "at" | "apart" | "isForged">>;

function paidBack(state: RefundState, [name, fact]: [string, string], refund: LedgerRefund, options: Options = {}): RefundCell {
  const { payee, payer, amount, transaction } = refund;
  const answer = { ok: true, transaction: refundTx(refund), refundOf: transaction, payee, payer, value: amount };
  const after = String(Number(REFUNDED[state]) + Number(amount));
  return {
    name: `refund/${state}/${name}`,
    fact,
    state,
    at: START,
    refund,
    answer,
    after,
    words: ["the receipt", "money back"],
    ...options,
  };
}

/** A refund that was made before. */
function repeated(state: "part" | "whole", [name, fact]: [string, string], options: Options = {}): RefundCell {
  const cell = paidBack(state, [name, fact], FIRST_REFUNDS[state] ?? refundOf(), options);
  return { ...cell, after: REFUNDED[state], words: ["the first receipt", "as it was"] };
}

function refused(
  state: RefundState,
  [name, fact]: [string, string],
  refund: LedgerRefund,
  code: string,
  more: { limit?: string; renewsAt?: number; transaction?: string } = {},
  options: Options = {},
): RefundCell {
  const said = more.limit ? ` (\`${more.limit}\`)` : more.transaction ? " with the transaction" : "";
  return {
    name: `refund/${state}/${name}`,
    fact,
    state,
    at: START,
    refund,
    answer: { ok: false, code, ...more },
    after: REFUNDED[state],
    words: [`\`${code}\`${said}`, "as it was"],
    ...options,
  };
}

const units = (value: number) => String(value) as Amount;
const more = (amount: number, changes: Parameters<typeof refundOf>[0] = {}) => refundOf({ id: SECOND, amount: units(amount), ...changes });
const under = (amount: number, mandate: LedgerMandate = REFUND_MANDATE) => more(amount, { mandate });
/** Bob's money is spent: he buys something from Carol. */
const PURCHASE = paymentOf({ payer: BOB, payee: CAROL, nonce: idOf(0xb0), value: units(80) });
const spend = (shop: Shop) => shop.pay(PURCHASE);
/** Carol gives Bob 10 back: the third entry of his journal. */
const GIVEN_BACK = refundOf({ payee: CAROL, payer: BOB, transaction: txOf(PURCHASE), amount: units(10), id: idOf(0xf0) });
const spendAndGetBack = (shop: Shop) => {
  spend(shop);
  shop.refund(GIVEN_BACK);
  shop.deliver();
};
const TRANSFER = paymentOf({ nonce: idOf(0xe0), value: units(5) });
const transfer = (shop: Shop) => {
  shop.of(ALICE).settle({ ...settleOf(TRANSFER, FIRST), purpose: "transfer" }, START);
  shop.deliver();
};
const revoke = (mandate: LedgerMandate["digest"] | "*") => (shop: Shop) =>
  void shop.of(BOB).revoke({ payer: BOB, mandate, revokedAt: START }, START);
const METERED = paymentOf({ nonce: idOf(0xb2), scheme: "upto" });
const LATE = START + REFUND_SECONDS;
const PRUNED = START + JOURNAL_RETENTION_SECONDS + 1;
const WIDE = { ...REFUND_MANDATE, total: units(1000), period: undefined };

export const REFUND_CELLS: readonly RefundCell[] = [
  paidBack("none", ["part", "a part of the payment goes back to its payer"], refundOf()),
  paidBack("none", ["whole", "all of it goes back"], refundOf({ amount: units(100) })),
  refused("none", ["beyond", "more than was paid is refused"], refundOf({ amount: units(101) }), "refund_exceeded"),
  paidBack("part", ["rest", "the rest goes back, to the last unit"], more(60)),
  refused("part", ["beyond", "more than is left is refused"], more(61), "refund_exceeded"),
  refused("whole", ["more", "nothing is left"], more(1), "refund_exceeded"),
  repeated("part", ["same-id", "the same refund again pays nothing more"]),
  repeated("whole", ["same-id", "not even when nothing is left"]),
  repeated("part", ["same-id-late", "nor when it could not be made any more"], { at: LATE + 1 }),
  repeated("part", ["same-id-pruned", "nor when the payment's credit is pruned"], {
    at: PRUNED,
    given: (shop) => shop.prune(PRUNED),
  }),
  repeated("part", ["same-id-revoked", "nor when the payee has revoked everything since"], { given: revoke("*") }),
  refused(
    "part",
    ["same-id-other-amount", "an id pays once: other terms are refused"],
    refundOf({ amount: units(41) }),
    "refund_conflict",
    {
      transaction: refundTx(refundOf()),
    },
  ),
  refused(
    "part",
    ["same-id-other-time", "a refund that is signed again is another"],
    refundOf({ issuedAt: START + 1 }),
    "refund_conflict",
    {
      transaction: refundTx(refundOf()),
    },
  ),
  refused(
    "part",
    ["same-id-other-payment", "nor does it pay for another sale"],
    refundOf({ transaction: idOf(9), entry: 2 }),
    "refund_conflict",
    { transaction: refundTx(refundOf()) },
  ),
  refused("none", ["no-entry", "an entry that is not there yet"], refundOf({ entry: 2 }), "refund_unknown"),
  refused("none", ["entry-0", "or never"], refundOf({ entry: 0 }), "refund_unknown"),
  refused("none", ["other-transaction", "an entry of another payment"], refundOf({ transaction: idOf(9) }), "refund_unknown"),
  refused("none", ["foreign-payment", "a payment to another payee"], refundOf({ payee: CAROL }), "refund_unknown"),
  refused("none", ["other-payer", "an account that did not pay"], refundOf({ payer: CAROL }), "refund_unknown"),
  refused("none", ["to-itself", "the payee itself"], refundOf({ payer: BOB }), "refund_unknown"),
  refused(
    "none",
    ["debit", "a payment that the payee made"],
    refundOf({ entry: 2, transaction: txOf(PURCHASE), payer: CAROL, amount: units(10) }),
    "refund_unknown",
    {},
    { given: spend },
  ),
  refused(
    "none",
    ["refund", "a refund of a refund"],
    refundOf({ entry: 3, transaction: refundTx(GIVEN_BACK), payer: CAROL, amount: units(10) }),
    "refund_unknown",
    {},
    { given: spendAndGetBack },
  ),
  refused(
    "none",
    ["transfer", "a refund of a transfer"],
    refundOf({ entry: 2, transaction: txOf(TRANSFER), amount: units(5) }),
    "refund_unknown",
    {},
    {
      given: transfer,
    },
  ),
  paidBack("none", ["last-second", "a payment can be refunded for 30 days"], refundOf({ issuedAt: LATE }), { at: LATE }),
  refused("none", ["too-old", "and not for a second more"], refundOf({ issuedAt: LATE + 1 }), "refund_expired", {}, { at: LATE + 1 }),
  refused(
    "none",
    ["pruned", "nor once its entry is pruned"],
    refundOf({ issuedAt: PRUNED }),
    "refund_expired",
    {},
    {
      at: PRUNED,
      given: (shop) => shop.prune(PRUNED),
    },
  ),
  paidBack(
    "none",
    ["signed-12-hours-ago", "a refund may be signed 12 hours before it arrives"],
    refundOf({ issuedAt: START - REFUND_ISSUED_SECONDS }),
  ),
  refused("none", ["signed-too-early", "and not earlier"], refundOf({ issuedAt: START - REFUND_ISSUED_SECONDS - 1 }), "refund_expired"),
  paidBack("none", ["signed-12-hours-ahead", "nor may its clock be ahead by more"], refundOf({ issuedAt: START + REFUND_ISSUED_SECONDS })),
  refused("none", ["signed-ahead", "than those 12 hours"], refundOf({ issuedAt: START + REFUND_ISSUED_SECONDS + 1 }), "invalid_payload"),
  refused(
    "none",
    ["upto-beyond", "of `upto` no more than was charged"],
    refundOf({ transaction: txOf(METERED), entry: 2, amount: units(61) }),
    "refund_exceeded",
    {},
    { given: (shop) => shop.pay(METERED, START, units(60)) },
  ),
  refused("none", ["no-funds", "a payee without the money"], refundOf(), "insufficient_funds", {}, { given: spend }),
  paidBack("none", ["last-funds", "the payee's last unit goes back"], more(20), { given: spend }),
  refused(
    "none",
    ["panic", "what the payee signed before it revoked everything"],
    refundOf(),
    "payment_revoked",
    {},
    { given: revoke("*") },
  ),
  paidBack("none", ["after-panic", "what it signed later goes back"], refundOf({ issuedAt: START + 1 }), { given: revoke("*") }),
  refused(
    "none",
    ["full", "a payer's shard that takes no more"],
    refundOf(),
    "overloaded",
    {},
    {
      apart: true,
      given: (shop) =>
        shop
          .storeOf(BOB)
          .sql(
            "INSERT INTO outbox (to_shard, number, payee, value, tx) VALUES (?, ?, ?, '1', ?)",
            shardOf(ALICE, 4),
            MAX_BACKLOG,
            ALICE,
            idOf(0),
          ),
      isForged: true,
    },
  ),
  paidBack("none", ["mandate", "a key with a mandate gives back within its limits"], under(60)),
  refused(
    "none",
    ["mandate-revoked", "a mandate that was revoked"],
    under(40),
    "mandate_revoked",
    {},
    { given: revoke(REFUND_MANDATE.digest) },
  ),
  refused("none", ["mandate-panic", "or with all of its payee's"], under(40), "mandate_revoked", {}, { given: revoke("*") }),
  refused(
    "none",
    ["mandate-ahead", "a mandate that is dated ahead"],
    under(40, { ...REFUND_MANDATE, grantedAt: START + HOUR }),
    "mandate_mismatch",
  ),
  refused(
    "none",
    ["mandate-expired", "a mandate that is over"],
    more(40, { mandate: REFUND_MANDATE, issuedAt: REFUND_MANDATE.validBefore + 1 }),
    "mandate_expired",
    {},
    { at: REFUND_MANDATE.validBefore + 1 },
  ),
  refused("none", ["mandate-total", "more than its total"], under(91), "mandate_exceeded", { limit: "total" }),
  refused("none", ["mandate-period", "more than its period's amount"], under(61), "mandate_exceeded", {
    limit: "period",
    renewsAt: START + HOUR,
  }),
  refused(
    "none",
    ["mandate-count", "more refunds than its period allows"],
    under(1),
    "mandate_exceeded",
    { limit: "count", renewsAt: START + HOUR },
    {
      given: (shop) => {
        // Of another sale of Bob's.
        const other = paymentOf({ nonce: idOf(0xb1), value: units(10) });
        shop.pay(other);
        for (const id of [0xf1, 0xf2])
          shop.refund(refundOf({ id: idOf(id), transaction: txOf(other), entry: 2, amount: units(1), mandate: REFUND_MANDATE }));
        shop.deliver();
      },
    },
  ),
  refused("part", ["mandate-beyond", "a mandate gives back no more than was paid"], under(61, WIDE), "refund_exceeded"),
  refused(
    "none",
    ["mandate-no-funds", "its limits come before the funds"],
    under(61),
    "mandate_exceeded",
    { limit: "period", renewsAt: START + HOUR },
    {
      given: spend,
    },
  ),
  {
    ...paidBack("none", ["mandate-repeated", "the same refund counts once"], under(40), {
      given: (shop) => {
        shop.refund(under(40));
        shop.deliver();
      },
    }),
    words: ["the first receipt", "as it was"],
  },
];
