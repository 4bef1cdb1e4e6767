/**
 * Chance plays with the rules of a merchant's sessions: three isolates that are killed, an object that starts anew, a network that loses and
 * delays, clients that replay, pay in parallel and sign too little. The rules are the code under test; the rest is this file's.
 */

import type { LaneVoucher, RunningCall } from "../../shared/batch-settlement/lane.ts";
import { SLOW_HANDLER_MILLIS, UNREPORTED_MILLIS } from "../../shared/limits.ts";
import { FIRST_LANE } from "../../shared/protocol/voucher.ts";
import type { BookStore, LaneReport, LaneRow, OwnRow } from "../../workers/merchant/paywall/sessions/book.ts";
import { isStale, type LeasedLane, problemOf, type Standing } from "../../workers/merchant/paywall/sessions/voucher-rule.ts";
import { Random } from "../simulation/random.ts";
import type { SessionCode } from "./code.ts";
import { Events, type Task } from "./events.ts";

/** What a client signed. */
interface SignedVoucher extends LaneVoucher {
  lane: string;
}

type Answer =
  | { served: true; lane: string; spent: bigint }
  /** `now`: what the merchant says of the lane that it names. */
  | { served: false; code: string; now?: { lane: string; spent: bigint; serial: number } | undefined };

/** A call that got no answer. What happened, if anything, its caller does not know. */
const NO_ANSWER = Symbol("no answer");

const START = 1_800_000_000_000;
/** The longest that a handler runs, and how long a caller waits for the object. In milliseconds. */
const HANDLER_MILLIS = 50_000;
const CALL_MILLIS = 15_000;
/** Longer than every lease. */
const QUIET_MILLIS = 200_000;

class Disk implements BookStore<SignedVoucher> {
  #own: OwnRow<SignedVoucher> | undefined;
  readonly #lanes = new Map<string, LaneRow<SignedVoucher>>();

  own() {
    return this.#own;
  }

  lanes() {
    return this.#lanes.values();
  }

  putOwn(row: OwnRow<SignedVoucher>) {
    this.#own = row;
  }

  putLane(row: LaneRow<SignedVoucher>) {
    this.#lanes.set(row.id, row);
  }

  deleteLane(id: string) {
    this.#lanes.delete(id);
  }
}

/** A lane as its isolate has it. The calls that run in it keep it, even when the isolate has let go of it. */
interface HeldLane extends LeasedLane<SignedVoucher> {
  reported: bigint;
  isReporting: boolean;
}

interface Isolate {
  life: number;
  leased: HeldLane | undefined;
  /** Lanes with something to report. */
  held: Set<HeldLane>;
  /** Calls of lane 0 that delivered, of which the object is not told yet. */
  untold: Completion[];
  /** Those that a call under way tells. */
  telling: Set<Completion>;
  standing: Standing | undefined;
}

/** A call of lane 0 whose handler is over. `life`: of the object that took it. Without `charge` it did not deliver. */
interface Completion {
  serial: number;
  charge: bigint | undefined;
  life: number;
}

export interface Play {
  served: number;
  violations: string[];
}

/** Plays one session. The same seed is the same play. */
export function play(seed: number, code: SessionCode): Play {
  const world = new World(seed, code);
  world.run();
  return { served: world.served, violations: [...world.violations] };
}

class World {
  readonly violations = new Set<string>();
  served = 0;

  readonly #random: Random;
  readonly #code: SessionCode;
  readonly #events = new Events(START);
  /** No machine dies, no message is lost or late. */
  readonly #isCalm: boolean;
  readonly #deposit: bigint;
  readonly #price: bigint;
  readonly #risk: bigint;
  readonly #isolates: Isolate[] = [0, 1, 2].map(() => ({
    life: 0,
    leased: undefined,
    held: new Set(),
    untold: [],
    telling: new Set(),
    standing: undefined,
  }));
  readonly #disk = new Disk();
  #book: SessionCode["SessionBook"]["prototype"];
  #objectLife = 0;
  #lanesMade = 0;
  #isPlaying = true;

  // The ledger.
  readonly #withdrawDelay = 900;
  readonly #expiresAt: number;
  #closingSince: number | undefined;
  readonly #claimed = new Map<string, bigint>();

  // The client.
  readonly #signed = new Map<string, bigint>();
  readonly #serials = new Map<string, number>();
  readonly #paid = new Map<string, bigint>();
  readonly #underWay = new Map<string, bigint>();
  readonly #sent: SignedVoucher[] = [];
  #laneOfClient = FIRST_LANE;
  readonly #signsTooLittle: boolean;
  readonly #isSticky: boolean;
  /** The network's: how many messages are late, and how many are lost. */
  readonly #late: number;
  readonly #lost: number;

  // What happened, as no machine knows it.
  readonly #charges = new Map<string, bigint>();
  readonly #servedSerials = new Set<string>();
  readonly #runningSerials = new Set<string>();
  /** The most that can be lost: unreported at a kill, or reported after the fold. */
  #lossAllowed = 0n;

  constructor(seed: number, code: SessionCode) {
    this.#random = new Random(seed);
    const { between, chance } = { between: this.#between, chance: this.#chance };
    this.#code = code;
    this.#isCalm = chance(0.3);
    this.#price = BigInt(between(1, 20));
    this.#deposit = this.#price * BigInt(chance(0.3) ? between(8, 20) : between(20, 120)) + BigInt(between(0, 5));
    this.#risk = this.#price * BigInt(between(1, 16));
    this.#signsTooLittle = chance(0.3);
    this.#isSticky = chance(0.7);
    this.#late = this.#isCalm ? 0 : this.#random.pick([0.02, 0.2]);
    this.#lost = this.#isCalm ? 0 : this.#random.pick([0, 0.04]);
    this.#expiresAt = START / 1000 + (chance(0.2) ? between(60, 600) : 86_400);
    this.#book = new code.SessionBook(this.#deposit, this.#disk) as never;
  }

  run(): void {
    this.#events.start(this.#client());
    if (this.#chance(0.3)) this.#events.start(this.#closing());
    if (!this.#isCalm) this.#events.start(this.#trouble());
    this.#events.start(this.#claims());
    this.#events.run(() => this.#checkParts());
    this.#checkSums();
  }

  #between = (min: number, max: number) => this.#random.between(min, max);
  #chance = (probability: number) => this.#random.chance(probability);

  get #seconds(): number {
    return this.#events.now / 1000;
  }

  // --- The client ----------------------------------------------------------------------------------

  *#client(): Task {
    const calls = this.#between(10, 40);
    for (let call = 0; call < calls; call++) {
      const copies = this.#chance(0.15) ? this.#between(2, 4) : 1;
      const voucher = this.#sent.length > 0 && this.#chance(0.2) ? this.#random.pick(this.#sent) : this.#sign();
      for (let copy = 0; copy < copies; copy++) this.#present(voucher);
      // Mostly parallel; sometimes long enough for leases, and what is known of the ledger, to be over.
      yield this.#chance(0.85) ? this.#between(0, 60) : this.#chance(0.85) ? this.#between(500, 45_000) : this.#between(60_000, 400_000);
    }
    yield QUIET_MILLIS;
    this.#isPlaying = false;
  }

  #sign(): SignedVoucher {
    const lane = this.#laneOfClient;
    const underWay = (this.#underWay.get(lane) ?? 0n) + this.#price;
    let maxClaimable = (this.#paid.get(lane) ?? 0n) + underWay;
    if (this.#signsTooLittle && this.#chance(0.5)) maxClaimable -= BigInt(this.#between(0, Number(maxClaimable)));
    if (!this.#signsTooLittle && this.#chance(0.05)) maxClaimable += BigInt(this.#between(1, 200));
    const serial = (this.#serials.get(lane) ?? 0) + (this.#chance(0.03) ? this.#random.pick([255, 256, 300]) : 1);
    this.#serials.set(lane, serial);
    this.#underWay.set(lane, underWay);
    if (maxClaimable > (this.#signed.get(lane) ?? 0n)) this.#signed.set(lane, maxClaimable);
    const voucher = { lane, serial, maxClaimable };
    this.#sent.push(voucher);
    return voucher;
  }

  #present(voucher: SignedVoucher): void {
    // A client's connection stays where it is, mostly.
    const isolate = (this.#isSticky && this.#chance(0.9) && this.#isolates[0]) || this.#random.pick(this.#isolates);
    const { life } = isolate;
    this.#events.start(this.#request(isolate, voucher), () => isolate.life === life, this.#between(1, 20));
  }

  #hear({ lane }: SignedVoucher, answer: Answer): void {
    const left = (this.#underWay.get(lane) ?? 0n) - this.#price;
    this.#underWay.set(lane, left > 0n ? left : 0n);
    const said = answer.served ? answer : answer.now;
    if (!said) return;
    const { lane: named, spent } = said;
    // It adopts no more than it signed itself.
    if (spent <= (this.#signed.get(named) ?? 0n) && spent > (this.#paid.get(named) ?? 0n)) this.#paid.set(named, spent);
    if (!answer.served && answer.now) this.#serials.set(named, Math.max(this.#serials.get(named) ?? 0, answer.now.serial));
    if (this.#chance(0.8)) this.#laneOfClient = this.#chance(0.1) ? FIRST_LANE : named;
    if (!answer.served && answer.code === "voucher_out_of_step" && this.#chance(0.5)) this.#present(this.#sign());
  }

  // --- An isolate ----------------------------------------------------------------------------------

  *#request(isolate: Isolate, voucher: SignedVoucher): Task {
    const answer = yield* this.#serve(isolate, voucher);
    if (!answer.served || this.#isCalm || !this.#chance(0.05)) this.#hear(voucher, answer);
  }

  *#serve(isolate: Isolate, voucher: SignedVoucher): Task<Answer> {
    const done: Parameters<SessionCode["nextStep"]>[4] = {};
    for (;;) {
      const view = { standing: isolate.standing, leased: isolate.leased, now: this.#events.now };
      const next = this.#code.nextStep(view, voucher.lane, voucher, this.#price, done);
      switch (next.step) {
        case "ask": {
          done.asked = true;
          const standing = yield* this.#askLedger();
          if (standing === NO_ANSWER) return { served: false, code: "facilitator_unavailable" };
          isolate.standing = standing;
          break;
        }
        case "verify":
          done.verified = true;
          yield 0;
          break;
        case "object":
          return yield* this.#serveOwn(isolate, voucher);
        case "renew":
          done.renewed = true;
          yield* this.#renew(isolate, next.needed);
          break;
        case "name_lane":
          if (!isolate.leased) yield* this.#lease(isolate);
          return { served: false, code: "voucher_out_of_step", now: this.#stateOf(isolate.leased) };
        case "refuse":
          return { served: false, code: next.refusal.code, now: this.#stateOf(isolate.leased) };
        case "run":
          return isolate.leased
            ? yield* this.#run(isolate, isolate.leased, voucher, next.call)
            : { served: false, code: "no lane, yet a call runs" };
      }
    }
  }

  #stateOf(leased: HeldLane | undefined) {
    return leased && { lane: leased.id, spent: leased.lane.spent, serial: leased.lane.highest };
  }

  *#run(isolate: Isolate, leased: HeldLane, voucher: SignedVoucher, call: RunningCall): Task<Answer> {
    this.#checkAcceptance(voucher, isolate);
    isolate.held.add(leased);
    const millis = this.#handlerMillis();
    if (millis > SLOW_HANDLER_MILLIS) {
      yield SLOW_HANDLER_MILLIS;
      this.#startReport(isolate, leased, HANDLER_MILLIS - SLOW_HANDLER_MILLIS);
      yield millis - SLOW_HANDLER_MILLIS;
    } else yield millis;
    this.#runningSerials.delete(keyOf(voucher));
    const charge = this.#outcome();
    const spent = charge === undefined ? undefined : leased.lane.complete(call, charge);
    if (charge === undefined) leased.lane.fail(call);
    if (charge === undefined || spent === undefined) return { served: false, code: "failed" };
    this.#markServed(voucher, charge);
    if (leased.lane.spent - leased.reported >= this.#risk) this.#startReport(isolate, leased);
    else if (!leased.isReporting) this.#startReport(isolate, leased, undefined, UNREPORTED_MILLIS);
    return { served: true, lane: leased.id, spent };
  }

  *#serveOwn(isolate: Isolate, voucher: SignedVoucher): Task<Answer> {
    const newLane = isolate.leased ? undefined : this.#newLane();
    const { standing } = isolate; // travels with the call
    const askedAt = this.#events.now;
    const finished = isolate.untold.splice(0);
    for (const completion of finished) isolate.telling.add(completion);
    const taken = yield* this.#callObject(() => {
      const now = this.#events.now;
      for (const completion of finished) this.#finish(completion);
      const problem = standing ? problemOf(standing, now / 1000) : "session_unknown";
      if (problem) return { answer: { ok: false as const, code: problem }, own: undefined, share: undefined, life: 0 };
      const answer = this.#book.take(voucher, this.#price, now, now + HANDLER_MILLIS);
      const own = { lane: FIRST_LANE, spent: this.#book.own.spent, serial: this.#book.own.highest };
      if (answer.ok) this.#checkAcceptance(voucher, isolate);
      return { answer, own, share: newLane && this.#book.grant(newLane, this.#price, now), life: this.#objectLife };
    });
    for (const completion of finished) isolate.telling.delete(completion);
    if (taken === NO_ANSWER) {
      for (const completion of finished) this.#events.start(this.#finishOwn(isolate, completion));
      return { served: false, code: "session_unavailable" };
    }
    const { answer, own, share, life } = taken;
    if (share && !isolate.leased) isolate.leased = this.#held(share, askedAt);
    if (!answer.ok || !own) return { served: false, code: answer.ok ? "" : answer.code, now: own };
    yield this.#handlerMillis();
    this.#runningSerials.delete(keyOf(voucher));
    const charge = this.#outcome();
    const isDelivered = charge !== undefined && charge <= this.#price;
    if (isDelivered) this.#markServed(voucher, charge);
    if (isDelivered && charge === this.#price) this.#tellLater(isolate, { serial: voucher.serial, charge, life });
    else this.#events.start(this.#finishOwn(isolate, { serial: voucher.serial, charge: isDelivered ? charge : undefined, life }));
    if (!isDelivered) return { served: false, code: "failed" };
    return { served: true, lane: isolate.leased?.id ?? FIRST_LANE, spent: isolate.leased?.lane.spent ?? own.spent + charge };
  }

  /** The next call of lane 0 tells the object, or a request that waits for that. */
  #tellLater(isolate: Isolate, completion: Completion): void {
    isolate.untold.push(completion);
    const sum = isolate.untold.reduce((sum, { charge = 0n }) => sum + charge, 0n);
    const { life } = isolate;
    this.#events.start(this.#tellUntold(isolate), () => isolate.life === life, sum >= this.#risk ? 0 : UNREPORTED_MILLIS);
  }

  *#tellUntold(isolate: Isolate): Task {
    for (const completion of isolate.untold.splice(0)) this.#events.start(this.#finishOwn(isolate, completion));
    yield 0;
  }

  *#finishOwn(isolate: Isolate, completion: Completion): Task {
    const { life } = isolate;
    for (let attempt = 0; attempt < 3 && isolate.life === life; attempt++) {
      const told = yield* this.#callObject(() => this.#finish(completion));
      if (told !== NO_ANSWER) return;
    }
    this.#lossAllowed += completion.charge ?? 0n;
  }

  /** In the object. One that started anew, or heard of it too late, does not know the call. So it says if an earlier attempt was heard. */
  #finish({ serial, charge, life }: Completion): void {
    const unkept = this.#book.finish(serial, charge);
    if (unkept !== undefined && unkept >= this.#risk) this.#book.flush();
    else if (unkept) this.#events.start(this.#flushSoon(this.#objectLife));
    if (unkept === undefined || life !== this.#objectLife) this.#lossAllowed += charge ?? 0n;
  }

  *#flushSoon(life: number): Task {
    yield UNREPORTED_MILLIS;
    if (life === this.#objectLife) this.#book.flush();
  }

  *#lease(isolate: Isolate): Task {
    const askedAt = this.#events.now;
    const id = this.#newLane();
    const share = yield* this.#callObject(() => this.#book.grant(id, this.#price, this.#events.now));
    // Another request may have got one meanwhile. This one then lapses.
    if (share !== NO_ANSWER && share && !isolate.leased) isolate.leased = this.#held(share, askedAt);
  }

  *#renew(isolate: Isolate, needed: bigint): Task {
    const { leased } = isolate;
    if (!leased) return;
    const askedAt = this.#events.now;
    const report = this.#reportOf(leased);
    const share = yield* this.#callObject(() => {
      const renewed = this.#book.renew(report, this.#price, needed, this.#events.now);
      if (!renewed) this.#noteLate(report);
      return renewed;
    });
    if (share === NO_ANSWER) return;
    leased.reported = max(leased.reported, report.spent);
    if (share) {
      leased.limit = max(leased.limit, share.limit);
      leased.usableUntil = Math.max(leased.usableUntil, this.#code.usableUntil(askedAt));
    } else if (isolate.leased === leased) isolate.leased = undefined;
  }

  #startReport(isolate: Isolate, leased: HeldLane, runsFor?: number, delay = 0): void {
    if (!runsFor) leased.isReporting = true;
    const { life } = isolate;
    this.#events.start(this.#report(leased, runsFor), () => isolate.life === life, delay);
  }

  *#report(leased: HeldLane, runsFor: number | undefined): Task {
    for (let attempt = 0; attempt < 4; attempt++) {
      if (!runsFor) leased.isReporting = false;
      const askedAt = this.#events.now;
      const report = { ...this.#reportOf(leased), runsFor };
      const share = yield* this.#callObject(() => {
        const reported = this.#book.report(report, this.#events.now);
        if (reported.folded) this.#noteLate(report);
        return { ...reported };
      });
      if (share === NO_ANSWER) continue;
      leased.reported = max(leased.reported, report.spent);
      if (!share.folded) leased.limit = max(leased.limit, share.limit);
      // A report of work that goes on prolongs the lease. One of work that is done does not.
      if (!share.folded && runsFor) leased.usableUntil = Math.max(leased.usableUntil, this.#code.usableUntil(askedAt));
      return;
    }
  }

  #reportOf({ id, lane }: HeldLane): LaneReport<SignedVoucher> {
    return { id, spent: lane.spent, best: lane.best };
  }

  #held({ id, limit }: { id: string; limit: bigint }, askedAt: number): HeldLane {
    const lane = new this.#code.Lane<SignedVoucher>();
    return { id, lane, limit, usableUntil: this.#code.usableUntil(askedAt), reported: 0n, isReporting: false };
  }

  #newLane(): string {
    return `lane ${++this.#lanesMade}`;
  }

  #handlerMillis(): number {
    return this.#chance(0.9) ? this.#between(0, 50) : this.#between(50, HANDLER_MILLIS - 1000);
  }

  /** What the handler charges; undefined if it fails. */
  #outcome(): bigint | undefined {
    if (this.#chance(0.1)) return undefined;
    if (this.#chance(0.05)) return this.#price + 1n;
    return this.#chance(0.3) ? BigInt(this.#between(0, Number(this.#price))) : this.#price;
  }

  // --- Object, ledger, network ---------------------------------------------------------------------

  *#callObject<Result>(body: () => Result): Task<Result | typeof NO_ANSWER> {
    yield this.#chance(this.#late) ? this.#between(1000, 90_000) : this.#between(1, 80);
    if (this.#chance(this.#lost)) return yield* this.#noAnswer();
    const result = body();
    yield this.#between(1, 80);
    if (this.#chance(this.#lost)) return yield* this.#noAnswer();
    return result;
  }

  *#noAnswer(): Task<typeof NO_ANSWER> {
    yield CALL_MILLIS;
    return NO_ANSWER;
  }

  *#askLedger(): Task<Standing | typeof NO_ANSWER> {
    yield this.#between(1, 80);
    if (this.#chance(this.#lost)) return yield* this.#noAnswer();
    const standing = this.#standing();
    yield this.#between(1, 80);
    return standing;
  }

  #standing(): Standing {
    const status = this.#closingSince === undefined ? "open" : "closing";
    return { status, expiresAt: this.#expiresAt, withdrawDelay: this.#withdrawDelay, at: Math.floor(this.#seconds) };
  }

  *#closing(): Task {
    yield this.#between(1000, 400_000);
    this.#closingSince = this.#seconds;
  }

  *#claims(): Task {
    while (this.#isPlaying) {
      yield this.#between(1000, 300_000);
      this.#book.fold(this.#events.now);
      this.#book.forgetEmpty(this.#events.now - 60_000);
      this.#claim();
    }
  }

  #claim(): void {
    this.#book.flush();
    const claims = this.#book.claimable() as { lane: string; amount: bigint; voucher: SignedVoucher }[];
    for (const { lane, amount, voucher } of claims) {
      if (amount > voucher.maxClaimable || voucher.lane !== lane) this.#violate("claims more than its voucher covers");
      if (amount > (this.#signed.get(lane) ?? 0n)) this.#violate("claims more than was signed");
      this.#claimed.set(lane, amount);
    }
    const sum = [...this.#claimed.values()].reduce((sum, amount) => sum + amount, 0n);
    if (sum > this.#deposit) this.#violate("claims more than the deposit");
    this.#book.markClaimed(claims);
  }

  *#trouble(): Task {
    while (this.#isPlaying) {
      yield this.#between(500, 60_000);
      if (this.#chance(0.5)) this.#kill(this.#random.pick(this.#isolates));
      else this.#restartObject();
    }
  }

  #kill(isolate: Isolate): void {
    isolate.life++;
    for (const { lane, reported } of isolate.held) this.#lossAllowed += lane.spent - reported;
    for (const { charge } of [...isolate.untold.splice(0), ...isolate.telling]) this.#lossAllowed += charge ?? 0n;
    isolate.telling.clear();
    isolate.held.clear();
    Object.assign(isolate, { leased: undefined, standing: undefined });
    // The handlers of its calls are gone. Which of those that run are its own is not noted, so none counts as running.
    this.#runningSerials.clear();
  }

  #restartObject(): void {
    this.#objectLife++;
    this.#lossAllowed += this.#book.own.spent - (this.#disk.own()?.spent ?? 0n);
    this.#book = new this.#code.SessionBook(this.#deposit, this.#disk) as never;
  }

  // --- What must hold ------------------------------------------------------------------------------

  #checkAcceptance(voucher: SignedVoucher, isolate: Isolate): void {
    const key = keyOf(voucher);
    if (this.#runningSerials.has(key)) this.#violate("one voucher runs twice at a time");
    if (this.#servedSerials.has(key)) this.#violate("a voucher runs that was served");
    this.#runningSerials.add(key);
    if (this.#closingSince !== undefined && this.#seconds - this.#closingSince > 241)
      this.#violate("accepts long after the session was closed");
    if (this.#seconds > this.#expiresAt + 1) this.#violate("accepts after the session's end");
    if (!isolate.standing || isStale(isolate.standing, this.#seconds - 1)) this.#violate("accepts by an old word of the ledger");
  }

  #markServed(voucher: SignedVoucher, charge: bigint): void {
    const { lane } = voucher;
    const key = keyOf(voucher);
    if (this.#servedSerials.has(key)) this.#violate("a voucher is served twice");
    this.#servedSerials.add(key);
    this.served++;
    const charges = (this.#charges.get(lane) ?? 0n) + charge;
    this.#charges.set(lane, charges);
    // Lane 0 can forget income, and then serves more than it can claim.
    if (lane !== FIRST_LANE && charges > (this.#signed.get(lane) ?? 0n)) this.#violate("serves more than was signed");
  }

  /** After each step: what acceptors may accept by what they believe never comes to more than the deposit. */
  #checkParts(): void {
    const usable = this.#isolates.flatMap(({ leased }) => (leased && this.#events.now < leased.usableUntil ? [leased] : []));
    const isUsed = new Set(usable.map(({ id }) => id));
    let sum = this.#book.own.accepted;
    for (const { limit } of usable) sum += limit;
    for (const { id, spent } of this.#book.lanes) if (!isUsed.has(id)) sum += spent;
    if (sum > this.#deposit) this.#violate("gives away more than the deposit");
  }

  #noteLate({ id, spent }: LaneReport<SignedVoucher>): void {
    const kept = [...this.#book.lanes].find((lane) => lane.id === id)?.spent ?? 0n;
    if (spent <= kept) return;
    this.#lossAllowed += spent - kept;
    if (this.#book.ownLimit > this.#book.own.accepted) this.#violate("turns a late report away although there is room");
  }

  /** At the end: all that was served was claimed, except what machines took with them. */
  #checkSums(): void {
    this.#claim();
    let loss = 0n;
    for (const [lane, charges] of this.#charges) loss += charges - (this.#claimed.get(lane) ?? 0n);
    const unreported = this.#isolates.flatMap(({ held }) => [...held]).reduce((sum, { lane, reported }) => sum + lane.spent - reported, 0n);
    if (this.#isCalm && loss !== 0n) this.#violate("loses income although no machine died and no message was late");
    if (loss > this.#lossAllowed + unreported) this.#violate("loses more than dead machines and late reports had");
    const lanes = this.#isolates.flatMap(({ held }) => [...held].map(({ lane }) => lane));
    if (lanes.some(({ pending }) => pending !== 0n)) this.#violate("counts a call as running that is over");
    if (loss < 0n) this.#violate("claims more than it served");
  }

  #violate(what: string): void {
    this.violations.add(what);
  }
}

function keyOf({ lane, serial }: SignedVoucher): string {
  return `${lane}/${serial}`;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
