/** Random histories of a ledger, played on the rules and on a model of them. */

import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { memoryStore } from "../../../agent-cli/demo/memory-store.ts";
import type { Digest } from "../../crypto/digest.ts";
import {
  CLOCK_SKEW_SECONDS,
  FAUCET_CAP_PER_ACCOUNT,
  FORGET_SECONDS,
  MAX_HOLD_SECONDS,
  MAX_VALIDITY_SECONDS,
  RETENTION_SECONDS,
} from "../../limits.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import type { LedgerMandate, LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerClaim, LedgerSession } from "../../protocol/ledger-session.ts";
import { appliedOf, consolidate } from "../consolidate.ts";
import type { LedgerRules } from "../rules.ts";
import { shardOf, treasuryOf } from "../shards.ts";
import type { LedgerStore } from "../store.ts";
import type { Batch } from "../stream.ts";
import {
  ALICE,
  BOB,
  captureOf,
  CAROL,
  DAVE,
  ERIN,
  idOf,
  LEDGER,
  LEDGER_OF_FOUR,
  paymentOf,
  reservationOf,
  reserveOf,
  settleOf,
  START,
} from "./ledger.ts";
import { LedgerModel, type ModelEvent, type Sent } from "./model.ts";
import { claimOf, sessionOf } from "./session-table.ts";

// --- What can happen -------------------------------------------------------------------------------

/** A quarter of what the faucet gives: few units, so that balances, caps and values meet exactly. One odd atom tells < from <=. */
const UNIT = FAUCET_CAP_PER_ACCOUNT / 4n;
const SUPPLY = 9n * UNIT;
const units = (count: bigint, atoms = 0n) => (count * UNIT + atoms).toString() as Amount;
const END = START + 8;
/** So much later that everything from before can be forgotten. */
const TOMORROW = END + FORGET_SECONDS + 10;

/** Dave has no money until he is paid. */
const BY_A_STRANGER = paymentOf({ payer: DAVE, payee: CAROL, nonce: idOf(1), value: units(1n), validBefore: END });

const PAYMENTS = [ALICE, BOB].flatMap((payer) => [
  ...[1, 2, 3].map((nonce) => paymentOf({ payer, payee: CAROL, nonce: idOf(nonce), value: units(1n), validBefore: END })),
  paymentOf({ payer, payee: CAROL, nonce: idOf(1), value: units(2n), validBefore: END + 2 }),
  paymentOf({ payer, payee: payer === ALICE ? BOB : ALICE, nonce: idOf(1), value: units(1n), validBefore: END }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(1), value: units(1n), validBefore: TOMORROW + 8 }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(2), value: units(2n, 1n), validBefore: END }),
  ...[2, 2, 4].map((nonce) => paymentOf({ payer, payee: CAROL, nonce: idOf(nonce), value: units(2n), scheme: "upto", validBefore: END })),
  paymentOf({ payer, payee: CAROL, nonce: idOf(3), validAfter: START + CLOCK_SKEW_SECONDS + 3, value: units(1n), validBefore: END }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(3), value: units(3n), validBefore: START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 3 }),
  BY_A_STRANGER,
]);

/** Small ones between all shards: enough succeed for streams to fill. */
const SMALL_PAYMENTS = [ALICE, BOB].flatMap((payer) =>
  [CAROL, CAROL, ERIN, ERIN, DAVE, payer === ALICE ? BOB : ALICE].map((payee, index) =>
    paymentOf({ payer, payee: payee === payer ? CAROL : payee, nonce: idOf(index), value: String(index + 1) as Amount, validBefore: END }),
  ),
);

/** Periods of four seconds: two payments, or two units. Its limits meet the values of its payments, its times those of the others. */
const MANDATE: LedgerMandate = {
  digest: idOf(0xd1),
  grantedAt: START,
  validAfter: START,
  validBefore: END - 1,
  total: units(3n),
  period: { seconds: 4, amount: units(2n), count: 2 },
};
const AHEAD = { ...MANDATE, digest: idOf(0xd2), grantedAt: START + CLOCK_SKEW_SECONDS + 3, period: { seconds: 4, amount: units(1n) } };
const LATER = { ...MANDATE, digest: idOf(0xd3), grantedAt: START + 1, validAfter: START + 1, validBefore: TOMORROW + 8 };
const WITHOUT_PERIODS = { digest: idOf(0xd4), grantedAt: START, validAfter: START, validBefore: END + 2, total: units(2n) };
const MANDATES: LedgerMandate[] = [MANDATE, AHEAD, LATER, WITHOUT_PERIODS];

function underMandate(mandate: LedgerMandate, values: Amount[], validBefore: number, more: Partial<LedgerPayment> = {}): LedgerPayment[] {
  return values.map((value, index) =>
    paymentOf({ payer: ALICE, payee: CAROL, nonce: idOf(index + 1), value, validBefore, mandate, ...more }),
  );
}
const FIRST_MANDATE = underMandate(MANDATE, [units(1n), units(2n), units(1n), "1" as Amount, "2" as Amount], END);
const UNDER_MANDATES = [
  ...[1, 2, 3].flatMap(() => FIRST_MANDATE),
  ...[1, 2].flatMap(() => underMandate(MANDATE, [units(1n), units(2n), units(2n)], END, { scheme: "upto" })),
  ...underMandate(AHEAD, [units(1n)], END),
  ...underMandate(LATER, [units(1n), units(2n)], TOMORROW + 8),
  ...underMandate(WITHOUT_PERIODS, [units(1n), units(1n, 1n)], END),
  ...PAYMENTS.slice(0, 1),
];

const soon = fc.integer({ min: START, max: START + 11 });
const late = fc.oneof(
  fc.integer({ min: START + MAX_HOLD_SECONDS - 1, max: START + MAX_HOLD_SECONDS + 12 }),
  fc.integer({ min: END + RETENTION_SECONDS - 8, max: END + RETENTION_SECONDS + 3 }),
  fc.integer({ min: END + FORGET_SECONDS - 8, max: END + FORGET_SECONDS + 3 }),
  fc.integer({ min: TOMORROW, max: TOMORROW + 11 }),
);
/** When the first of the mandates can be forgotten. */
const forgotten = MANDATE.validBefore + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + FORGET_SECONDS;
const lateForMandates = fc.oneof(late, fc.integer({ min: forgotten - 3, max: forgotten + 3 }));

/** Mostly the whole, as it must be of `exact`. Of `upto` also nothing, a part, and an atom too much. */
const CHARGES: (Charge | undefined)[] = [
  undefined,
  undefined,
  undefined,
  undefined,
  "0",
  "1" as Amount,
  units(1n),
  units(2n),
  units(2n, 1n),
];

/** What is only about mandates. Everything at once is revoked rarely: little can be paid afterwards. */
function mandateEventAt(at: fc.Arbitrary<number>): fc.Arbitrary<ModelEvent> {
  const digests = [MANDATE, MANDATE, MANDATE, ...MANDATES].map(({ digest }) => digest);
  const which = { at, payer: fc.constantFrom(ALICE, ALICE, ALICE, DAVE), mandate: fc.constantFrom(...digests) };
  const revokedAt = at.map((at) => Math.min(at, START + 11));
  const everything = fc.constantFrom(START - 1, START, START, START + 1, START + 12 + CLOCK_SKEW_SECONDS);
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ ...which, event: fc.constant("mandate") }) },
    { weight: 3, arbitrary: fc.record({ ...which, event: fc.constant("revoke"), revokedAt }) },
    {
      weight: 1,
      arbitrary: fc.record({
        at,
        payer: which.payer,
        event: fc.constant("revoke"),
        mandate: fc.constant("*" as const),
        revokedAt: everything,
      }),
    },
  );
}

function eventAt(at: fc.Arbitrary<number>, payments: readonly LedgerPayment[]): fc.Arbitrary<ModelEvent> {
  const claim = { at, payment: fc.constantFrom(...payments), id: fc.constantFrom(idOf(1), idOf(2)) };
  const seconds = fc.constantFrom(0, 2, 4, MAX_HOLD_SECONDS + 100);
  const grant = {
    account: fc.constantFrom(ALICE, BOB),
    value: fc.constantFrom(units(1n), units(2n), units(3n, 1n)),
    id: fc.constantFrom(idOf(7), idOf(8), idOf(9)),
  };
  const claims = (["release", "cancel", "status", "check"] as const).map((event) => ({
    weight: { release: 3, cancel: 1, status: 3, check: 3 }[event],
    arbitrary: fc.record({ ...claim, event: fc.constant(event) }),
  }));
  const charges = (["capture", "settle"] as const).map((event) => ({
    weight: { capture: 6, settle: 4 }[event],
    arbitrary: fc.record({ ...claim, event: fc.constant(event), value: fc.constantFrom(...CHARGES) }),
  }));
  return fc.oneof(
    { weight: 7, arbitrary: fc.record({ ...claim, event: fc.constant("reserve"), seconds }) },
    ...claims,
    ...charges,
    { weight: 2, arbitrary: fc.record({ ...grant, at, event: fc.constant("fund") }) },
    { weight: 2, arbitrary: fc.record({ at, event: fc.constant("alarm") }) },
    { weight: 1, arbitrary: fc.record({ at, event: fc.constant("restart") }) },
  );
}

/** A mandate whose sessions may hold two units together, two at once, or one. */
const WITH_SESSIONS = { ...MANDATE, session: { deposit: units(2n), open: 2 } };
const WITH_ONE = { ...WITHOUT_PERIODS, session: { deposit: units(2n), open: 1 } };
const SHORT = { validBefore: END - 2, expiresAt: END - 2, withdrawDelay: 2 };
const SESSIONS = [ALICE, BOB].flatMap((payer) => [
  ...[1, 2, 3].map((nonce) => sessionOf({ ...SHORT, payer, payee: CAROL, nonce: idOf(nonce), deposit: units(1n) })),
  sessionOf({ ...SHORT, payer, payee: CAROL, nonce: idOf(1), deposit: units(2n), withdrawDelay: 4 }),
  sessionOf({ ...SHORT, payer, payee: ERIN, nonce: idOf(2), deposit: units(2n, 1n), validAfter: START + 1 }),
  sessionOf({ ...SHORT, payer, payee: payer === ALICE ? BOB : ALICE, nonce: idOf(4), deposit: units(1n), expiresAt: TOMORROW }),
]);
const UNDER_SESSIONS = [
  ...[1, 2, 3].map((nonce) => sessionOf({ ...SHORT, payee: CAROL, nonce: idOf(nonce), deposit: units(1n), mandate: WITH_SESSIONS })),
  sessionOf({ ...SHORT, payee: CAROL, nonce: idOf(5), deposit: units(2n), mandate: WITH_SESSIONS, withdrawDelay: 4 }),
  sessionOf({ ...SHORT, payee: ERIN, nonce: idOf(6), deposit: units(2n), mandate: WITH_SESSIONS, expiresAt: END + 4 * 3600 }),
  ...[6, 7].map((nonce) => sessionOf({ ...SHORT, payee: CAROL, nonce: idOf(nonce), deposit: units(1n), mandate: WITH_ONE })),
];
const ALL_SESSIONS = [...SESSIONS, ...UNDER_SESSIONS, ...UNDER_SESSIONS];
const BESIDE_SESSIONS = [...PAYMENTS, ...UNDER_MANDATES];

/** Of one lane or of two, a few atoms, about a unit or too much. Seldom the end. */
function claimsOf(session: LedgerSession): LedgerClaim[] {
  const amounts = [1, 2, Number(units(1n)) - 1, Number(units(1n)), Number(units(1n, 1n))];
  const [one, two] = ["0", "1a".repeat(16)];
  const lanes = amounts.flatMap((amount) => [{ [one]: amount }, { [one]: 1, [two]: amount }, { [one]: amount, [two]: amount }]);
  return [...lanes.map((lanes) => claimOf(lanes, session)), claimOf({}, session), { ...claimOf({}, session), claimDigest: idOf(0xf) }];
}
const CLAIMS = new Map(ALL_SESSIONS.map((session) => [session.id, claimsOf(session)]));

/** The end of the last session, and when it can be forgotten. */
const over = TOMORROW + SHORT.withdrawDelay;
const lateForSessions = fc.oneof(
  late,
  fc.integer({ min: over - 4, max: over + 4 }),
  fc.integer({ min: END + FORGET_SECONDS - 3, max: END + FORGET_SECONDS + 3 }),
  fc.integer({ min: START + 3 * 3600, max: START + 5 * 3600 }),
);
const LATER_ON = { payments: late, mandates: lateForMandates, sessions: lateForSessions, groups: late };

/** Small ones among people of one shard and of several, of whom each pays on what it was paid. */
const ROUND_PAYMENTS = [
  [ALICE, BOB],
  [BOB, ALICE],
  [ALICE, DAVE],
  [DAVE, ALICE],
  [ALICE, CAROL],
  [BOB, CAROL],
  [CAROL, BOB],
  [CAROL, ERIN],
].flatMap(([payer = ALICE, payee = BOB]) =>
  [1, 2, 3].map((value) => paymentOf({ payer, payee, nonce: idOf(10 + value), value: String(value) as Amount, validBefore: END })),
);

/** Mostly payments at once, so that a group has several for one payee, who may pay in it as well. */
function groupedAt(at: fc.Arbitrary<number>): fc.Arbitrary<ModelEvent> {
  const settlement = {
    at,
    event: fc.constant("settle" as const),
    payment: fc.constantFrom(...ROUND_PAYMENTS),
    id: fc.constantFrom(idOf(1), idOf(2)),
  };
  return fc.oneof(
    { weight: 10, arbitrary: fc.record(settlement) },
    { weight: 4, arbitrary: eventAt(at, [...PAYMENTS, ...ROUND_PAYMENTS, ...UNDER_MANDATES]) },
    { weight: 2, arbitrary: fc.constantFrom(...SESSIONS).chain((session) => sessionEventAt(at, session)) },
  );
}

/** Mostly about one of them, and those of its mandate. */
function sessionEventAt(at: fc.Arbitrary<number>, mostly: LedgerSession): fc.Arbitrary<ModelEvent> {
  const near = ALL_SESSIONS.filter(({ payer, mandate }) => payer === mostly.payer && mandate === mostly.mandate);
  const session = fc.oneof(
    { weight: 3, arbitrary: fc.constant(mostly) },
    { weight: 1, arbitrary: fc.constantFrom(...near) },
    { weight: 1, arbitrary: fc.constantFrom(...ALL_SESSIONS) },
  );
  const name = session.map(({ payer, id }) => ({ payer, id }));
  const claim = session.chain(({ id }) => fc.constantFrom(...(CLAIMS.get(id) ?? [])));
  const named = (event: "withdraw" | "session") => fc.tuple(at, name).map(([at, name]) => ({ event, at, ...name }));
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ at, event: fc.constant("open"), session }) },
    { weight: 10, arbitrary: fc.record({ at, event: fc.constant("claim"), claim }) },
    { weight: 2, arbitrary: fc.record({ at, event: fc.constant("look"), session }) },
    { weight: 2, arbitrary: named("withdraw") },
    { weight: 3, arbitrary: named("session") },
  );
}

/** A batch between two shards. What was sent may arrive with its answer lost, or not at all; what was sent before may come again. */
type Delivery = { event: "deliver"; from: number; to: number; fate: "arrives" | "answer is lost" | "is lost" | "comes again"; at: number };
type Happening = ModelEvent | Delivery;

function deliveryAt(at: fc.Arbitrary<number>): fc.Arbitrary<Delivery> {
  const fate = fc.constantFrom("arrives", "answer is lost", "is lost", "comes again");
  // Mostly from Alice's shard to Carol's, where the most is sent.
  const pair = fc.constantFrom([3, 2], [3, 2], [3, 2], [3, 1], [1, 2], [1, 3], [0, 3], [0, 1]);
  return fc.tuple(at, pair, fate).map(([at, [from = 0, to = 0], fate]) => ({ event: "deliver", from, to, fate, at }));
}

/** A day's beginning, in which little time passes, and sometimes what comes much later. Clocks jump back within both. */
function histories(shards: number, about: Subject): fc.Arbitrary<Happening[]> {
  if (about !== "sessions") return historiesOf(shards, about);
  return fc.constantFrom(...ALL_SESSIONS).chain((mostly) => historiesOf(shards, about, mostly));
}

/** @param mostly the session that most of the events are about. Most histories begin with it. */
function historiesOf(shards: number, about: Subject, mostly?: LedgerSession): fc.Arbitrary<Happening[]> {
  const happeningAt = (at: fc.Arbitrary<number>): fc.Arbitrary<Happening> =>
    mostly
      ? fc.oneof(
          { weight: 10, arbitrary: sessionEventAt(at, mostly) },
          { weight: 4, arbitrary: eventAt(at, BESIDE_SESSIONS) },
          { weight: 1, arbitrary: mandateEventAt(at) },
          { weight: shards === 1 ? 0 : 2, arbitrary: deliveryAt(at) },
        )
      : about === "mandates"
        ? fc.oneof(
            { weight: 8, arbitrary: eventAt(at, UNDER_MANDATES) },
            { weight: 2, arbitrary: mandateEventAt(at) },
            { weight: shards === 1 ? 0 : 1, arbitrary: deliveryAt(at) },
          )
        : about === "groups"
          ? fc.oneof({ weight: 8, arbitrary: groupedAt(at) }, { weight: shards === 1 ? 0 : 1, arbitrary: deliveryAt(at) })
          : shards === 1
            ? eventAt(at, PAYMENTS)
            : fc.oneof({ weight: 2, arbitrary: eventAt(at, [...PAYMENTS, ...SMALL_PAYMENTS]) }, { weight: 1, arbitrary: deliveryAt(at) });
  return fc
    .tuple(
      fc.constantFrom<Happening[]>([], ...[1, 2, 3].map(() => (mostly ? [{ event: "open" as const, session: mostly, at: START }] : []))),
      fc.array(happeningAt(soon), { maxLength: 30 + (shards > 1 ? 15 : 0), size: "max" }),
      fc.array(happeningAt(fc.oneof(soon, LATER_ON[about])), { maxLength: 12, size: "max" }),
    )
    .map(([begun, first, then]) => [...FUNDED, ...(shards > 1 ? everyPair(shards) : []), ...begun, ...first, ...then]);
}

/** Everything that waits arrives. */
const everyPair = (shards: number): Delivery[] =>
  Array.from({ length: shards ** 2 }, (_, i) => ({
    event: "deliver",
    from: Math.floor(i / shards),
    to: i % shards,
    fate: "arrives",
    at: START,
  }));

const FUNDED: ModelEvent[] = [
  { event: "fund", account: ALICE, value: units(3n), id: idOf(5), at: START },
  { event: "fund", account: BOB, value: units(2n), id: idOf(6), at: START },
];

// --- Playing it on both ----------------------------------------------------------------------------

type Rules = typeof LedgerRules;

/** The ledgers of all shards, each beside its model, and what was ever sent between them. */
class World {
  readonly #shards: { store: LedgerStore; rules: LedgerRules; model: LedgerModel }[];
  readonly #Rules: Rules;
  readonly #ledger: Digest;
  readonly #batches: Batch[] = [];
  /** "from to" → every credit that the model sent, and how many of them were applied. */
  readonly #streams = new Map<string, { credits: Sent[]; applied: number }>();

  constructor(shards: number, Rules: Rules) {
    this.#Rules = Rules;
    this.#ledger = shards === 1 ? LEDGER : LEDGER_OF_FOUR;
    this.#shards = Array.from({ length: shards }, (_, shard) => {
      const store = memoryStore();
      const model = new LedgerModel(treasuryOf(this.#ledger), shard === 0 ? SUPPLY : 0n, (payment) => this.#send(shard, payment));
      return { store, rules: this.#open(store, shard, shards), model };
    });
  }

  get people(): AccountId[] {
    return [treasuryOf(this.#ledger), ALICE, BOB, CAROL, DAVE, ERIN];
  }

  play(event: Happening): void {
    if (event.event === "deliver") this.#deliver(event);
    else if (event.event === "restart" || event.event === "alarm") {
      for (const [index, shard] of this.#shards.entries()) {
        if (event.event === "restart") shard.rules = this.#open(shard.store, index, this.#shards.length);
        same(answer(shard.rules, event), shard.model.apply(event), event);
      }
    } else {
      const { rules, model } = this.#at(this.#shardOf(event));
      same(answer(rules, event), model.apply(event), event);
    }
    this.#compareBalances(event);
  }

  /** What several callers ask at once: each shard does its part of it as one transaction. Other happenings end the group. */
  playTogether(history: readonly Happening[]): void {
    const alone = history.findIndex(({ event }) => !GROUPED.has(event));
    const group = history.slice(0, alone === -1 ? undefined : alone).filter(isModelEvent);
    for (const [shard, events] of Map.groupBy(group, (event) => this.#shardOf(event))) {
      const { rules, model } = this.#at(shard);
      rules.together(() => {
        for (const event of events) same(answer(rules, event), model.apply(event), event);
      });
    }
    this.#compareBalances(group);
    const single = history[alone];
    if (!single) return;
    this.play(single);
    this.playTogether(history.slice(alone + 1));
  }

  #shardOf(event: ModelEvent): number {
    const payer = payerOf(event);
    return payer ? this.#home(payer) : 0;
  }

  #compareBalances(event: unknown): void {
    for (const account of this.people) {
      const { rules, model } = this.#at(this.#home(account));
      const { balance, held } = rules.account(account);
      same([balance, held], [String(model.balances.get(account) ?? 0), String(model.held(account))], { account, after: event });
    }
  }

  /** What all shards together must be. */
  audit(): void {
    if (this.#shards.length === 1) return same(this.#at(0).rules.audit().problems, [], "audit");
    const before = this.#shards.map(({ rules }) => rules.marks());
    const audits = this.#shards.map(({ rules }, shard) => rules.auditShard(appliedOf(before, shard)));
    const { problems, conclusive } = consolidate(before, audits);
    same({ problems, conclusive }, { problems: [], conclusive: true }, "audit");
  }

  #open(store: LedgerStore, shard: number, shards: number): LedgerRules {
    return new this.#Rules(store, { ledger: this.#ledger, supply: SUPPLY, at: START, place: { shard, shards } });
  }

  #home(account: AccountId): number {
    return shardOf(account, this.#shards.length);
  }

  #at(shard: number): { rules: LedgerRules; model: LedgerModel } {
    const found = this.#shards[shard];
    if (!found) throw new Error(`no shard ${shard}`);
    return found;
  }

  #stream(from: number, to: number): { credits: Sent[]; applied: number } {
    const stream = this.#streams.get(`${from} ${to}`) ?? { credits: [], applied: 0 };
    this.#streams.set(`${from} ${to}`, stream);
    return stream;
  }

  #send(from: number, payment: Sent): boolean {
    const to = this.#home(payment.payee);
    if (from === to) return false;
    this.#stream(from, to).credits.push(payment);
    return true;
  }

  #deliver({ from, to, fate, at }: Delivery): void {
    const old = this.#batches.findLast((batch) => batch.from === from && batch.to === to);
    const batch = fate === "comes again" ? old : this.#at(from).rules.nextBatch(to);
    const stream = this.#stream(from, to);
    if (fate !== "comes again") same(batch !== undefined, this.#unacknowledged(from, to), { from, to });
    if (!batch) return;
    this.#batches.push(batch);
    if (fate === "is lost") return;
    const answer = this.#at(to).rules.receive(batch, at);
    const applied = Math.max(stream.applied, batch.after + batch.credits.length);
    this.#at(to).model.receive(stream.credits.slice(stream.applied, applied), at);
    stream.applied = applied;
    same(answer.ok && answer.mark, stream.applied, { fate, from, to });
    if (fate !== "answer is lost") this.#at(from).rules.acknowledge(to, answer);
  }

  /** Whether something waits: what the receiver has, as far as the sender was told, does not. */
  #unacknowledged(from: number, to: number): boolean {
    const { acknowledged = 0 } =
      this.#at(from)
        .rules.marks()
        .sent.find((mark) => mark.to === to) ?? {};
    return this.#stream(from, to).credits.length > acknowledged;
  }
}

/** Plays `history` on the ledger and on the model. @param atOnce so many events come together. @throws at the first difference */
function play(history: Happening[], Rules: Rules, shards: number, atOnce: number): void {
  const world = new World(shards, Rules);
  if (atOnce === 1) for (const event of history) world.play(event);
  else for (let i = 0; i < history.length; i += atOnce) world.playTogether(history.slice(i, i + atOnce));
  world.audit();
}

function answer(rules: LedgerRules, event: ModelEvent): unknown {
  switch (event.event) {
    case "reserve":
      return rules.reserve(reserveOf(event.payment, event.id, event.seconds), event.at);
    case "capture":
      return rules.capture(captureOf(event.payment, event.id, event.value), event.at);
    case "release":
      return rules.release(reservationOf(event.payment, event.id), event.at);
    case "settle":
      return rules.settle(settleOf(event.payment, event.id, event.value), event.at);
    case "cancel":
      return rules.cancel(event.payment.payer, event.payment.nonce, event.at);
    case "status":
      return statusOf(rules, event.payment, event.at);
    case "check":
      return rules.check(event.payment, event.at);
    case "alarm":
      return rules.runMaintenance(event.at);
    case "revoke":
      return rules.revoke(event, event.at);
    case "mandate":
      return rules.mandate(event.payer, event.mandate, event.at);
    case "open":
      return rules.openSession(event.session, event.at);
    case "look":
      return rules.checkSession(event.session, event.at);
    case "claim":
      return rules.claimSession(event.claim, event.at);
    case "withdraw":
      return rules.withdrawSession({ payer: event.payer, id: event.id }, event.at);
    case "session": {
      const told = rules.sessionOf({ payer: event.payer, id: event.id }, event.at);
      // The model knows no journal; the audit compares the claims with theirs.
      if (!("claims" in told)) return told;
      return { ...told, claims: told.claims.map(({ claim, transaction, value, at }) => ({ claim, transaction, value, at })) };
    }
    case "fund": {
      const granted = rules.fund(event.account, event.value, event.id, event.at);
      return granted.ok ? { ok: true, account: granted.account, balance: granted.balance } : granted;
    }
    default:
      return undefined;
  }
}

/** What a ledger object runs in groups. */
const GROUPED: ReadonlySet<Happening["event"]> = new Set([
  "reserve",
  "capture",
  "release",
  "settle",
  "cancel",
  "revoke",
  "open",
  "claim",
  "withdraw",
]);

function isModelEvent(happening: Happening): happening is ModelEvent {
  return happening.event !== "deliver";
}

/** Undefined for a grant, which the treasury pays. */
function payerOf(event: ModelEvent): AccountId | undefined {
  if ("payment" in event) return event.payment.payer;
  if ("session" in event) return event.session.payer;
  return "claim" in event ? event.claim.payer : "payer" in event ? event.payer : undefined;
}

function statusOf(rules: LedgerRules, { payer, nonce, validBefore }: LedgerPayment, at: number): unknown {
  return rules.status(payer, nonce, validBefore, at);
}

function same(ledger: unknown, model: unknown, when: unknown): void {
  if (isDeepStrictEqual(ledger, model)) return;
  throw new Error(`${JSON.stringify(when)}: the ledger says ${JSON.stringify(ledger)}, the model ${JSON.stringify(model)}`);
}

/** What most of the events of a history are about. */
export type Subject = "payments" | "mandates" | "sessions" | "groups";

/** `groups`: the events come several at once. */
export const property = (Rules: Rules, shards: number, about: Subject = "payments") =>
  fc.property(histories(shards, about), fc.integer({ min: 2, max: 9 }), (history, most) => {
    play(history, Rules, shards, about === "groups" ? most : 1);
  });
