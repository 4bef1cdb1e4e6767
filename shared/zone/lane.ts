/**
 * The payments of one account on one chain, one at a time: the state table with its store, the chain and the sequencer around it. It may die
 * between any two lines. What arrives from the network is applied to the row as it is then.
 */

import type { Digest } from "../crypto/digest.ts";
import type { LezAccountId } from "./account.ts";
import type { AccountRead, BlockRef, KnownRow, LanePayment, LaneRow } from "./lane-row.ts";
import { isOpen, MONEY } from "./lane-row.ts";
import {
  LANE_RETENTION_SECONDS,
  type LaneAnswer,
  type LaneEffect,
  type LaneEvent,
  LEASE_SECONDS,
  MAX_SENDS,
  type NativeStatus,
  pending,
  RESEND_SECONDS,
  SEND_GRACE_SECONDS,
  type SendAnswer,
  statusOf,
  step,
} from "./lane-table.ts";
import { type LaneQuery, type LaneView, observe } from "./lane-view.ts";
import { covers } from "./proof.ts";

/** Rows by message hash. Each call is one durable write: nothing leaves the machine before it. */
export interface LaneStore {
  rows(): readonly KnownRow[];
  find(h: Digest): KnownRow | undefined;
  put(row: KnownRow): void;
  remove(h: Digest): void;
}

/** What a lane needs of the world. */
export interface LanePorts {
  store: LaneStore;
  /** Unix seconds. */
  now(): number;
  sleep(millis: number): Promise<void>;
  /** `reset`: the chain is gone. Undefined: nothing can be said, or nothing may be sent now. */
  view(query: LaneQuery): Promise<LaneView | "reset" | undefined>;
  read(account: LezAccountId): Promise<AccountRead | undefined>;
  /** Ends within RESEND_SECONDS. */
  send(wire: string): Promise<SendAnswer>;
  report(payment: LanePayment, effect: Report): void;
}

/** Nothing could be learned of the chain, and nothing was changed: to be tried again. */
export type Unavailable = { answer: "unavailable" };
const UNAVAILABLE: Unavailable = { answer: "unavailable" };

/** How often a lane with an open payment looks at the chain. */
export const WATCH_SECONDS = 2;
/** How often it looks at payments that wait for nothing but finality, or that were revoked. */
const SLOW_WATCH_SECONDS = 30;
/** Events of one look at the chain: a row passes through few states. */
const MAX_EVENTS_PER_LOOK = 8;

/** An account as the chain has it, confirmed by the watch. */
interface Confirmed {
  read: AccountRead;
  /** Every block up to this one is final. */
  since: bigint;
  /** What used the payment's nonce. */
  used?: Digest;
}

type Listener = (told: LaneAnswer | undefined) => void;

export class Lane {
  readonly #ports: LanePorts;
  readonly #sending = new Set<Digest>();
  readonly #waiting = new Map<Digest, Set<Listener>>();

  constructor(ports: LanePorts) {
    this.#ports = ports;
  }

  /**
   * Presents a verified payment, and waits for its receipt.
   * @param by the settlement's id
   * @param reserve lepta that the next block may take first
   * @param waitSeconds after which the answer is `pending`
   */
  async settle(payment: LanePayment, by: string, reserve: bigint, waitSeconds: number): Promise<LaneAnswer | Unavailable> {
    const { store } = this.#ports;
    const now = () => this.#ports.now();
    const until = now() + waitSeconds;
    const chain = this.needsChain(payment.h) ? await this.#readFor(payment) : undefined;
    for (;;) {
      const event = this.#settleEvent(payment, by, reserve, chain);
      if (!event) return UNAVAILABLE;
      const told = this.#apply(payment.h, event);
      if (told && told.answer !== "pending") return told;
      const heard = await this.#hear(payment.h, until - now());
      if (heard) return heard;
      const after = store.find(payment.h);
      if (!after || after.state === "leased") return UNAVAILABLE;
      if (now() >= until) return isUnknown(after) ? pending(after) : (this.#apply(payment.h, { ...event, now: now() }) ?? UNAVAILABLE);
    }
  }

  /**
   * What `settle` would answer at once. Changes nothing.
   * @returns undefined if the payment would be sent
   */
  async check(payment: LanePayment, reserve: bigint): Promise<LaneAnswer | Unavailable | undefined> {
    const event = this.#settleEvent(payment, NO_SETTLEMENT, reserve, this.needsChain(payment.h) ? await this.#readFor(payment) : undefined);
    if (!event) return UNAVAILABLE;
    const { effects } = step(this.#ports.store.find(payment.h) ?? NONE, event);
    return effects.find((effect) => effect.effect === "answer")?.answer;
  }

  /** Whether the chain has to be asked before the payment can be presented. */
  needsChain(h: Digest): boolean {
    const row = this.#ports.store.find(h);
    return !row || row.state === "leased";
  }

  /** The payer revokes the payment. */
  async cancel(payment: LanePayment): Promise<LaneAnswer | Unavailable> {
    const chain = this.#ports.store.find(payment.h) ? undefined : await this.#readFor(payment);
    const row = this.#ports.store.find(payment.h);
    if (!row && !chain) return UNAVAILABLE;
    const event = { event: "cancel", payment, now: this.#ports.now(), read: chain?.read ?? NO_READ, since: chain?.since ?? 0n } as const;
    return this.#apply(payment.h, event) ?? UNAVAILABLE;
  }

  status(h: Digest, of: { nonce: bigint; accountNonce?: bigint }): NativeStatus {
    return statusOf(this.#ports.store.find(h) ?? NONE, of);
  }

  /** Of the payments with this nonce, the one that has come furthest. */
  ofNonce(nonce: bigint): Digest | undefined {
    const rows = this.#ports.store.rows().filter(({ payment }) => payment.nonce === nonce);
    const [furthest] = rows.sort((one, other) => PROGRESS.indexOf(one.state) - PROGRESS.indexOf(other.state));
    return furthest?.payment.h;
  }

  /** One look at the chain for every payment that still needs it, and what follows. */
  async look(): Promise<void> {
    for (const row of this.#ports.store.rows()) {
      if (isOver(row, this.#ports.now())) this.#apply(row.payment.h, { event: "tick", now: this.#ports.now(), blockSeconds: 0 });
      else await this.#lookFor(row);
    }
  }

  /** When to look again, in unix seconds; undefined if the lane is empty. */
  nextLook(): number | undefined {
    const now = this.#ports.now();
    const rows = this.#ports.store.rows();
    return rows.length === 0 ? undefined : now + Math.min(...rows.map((row) => pauseOf(row, now)));
  }

  async #lookFor(row: KnownRow): Promise<void> {
    const { read, since } = row;
    const { h, payer, nonce } = row.payment;
    const asksAgain = needsRead(row, this.#ports.now()) && !this.#sending.has(h);
    const fresh = asksAgain ? await this.#ports.read(payer).catch(() => undefined) : undefined;
    const asked = { h, payer, nonce, since, ...(read && { read }), ...(fresh && { fresh: fresh.head }) };
    const view = await this.#ports.view(asked).catch(() => undefined);
    if (view === "reset") return void this.#apply(h, { event: "reset" });
    if (!view) return;
    this.#observe(h, view, read);
    this.#passTime(h, view, view.isFresh ? fresh : undefined);
  }

  /** @param read that the view was asked about */
  #observe(h: Digest, view: LaneView, read: AccountRead | undefined): void {
    for (let events = 0; events < MAX_EVENTS_PER_LOOK; events++) {
      const row = this.#ports.store.find(h);
      if (!row || row.read?.head.hash !== read?.head.hash) return; // the next look asks about this one
      const event = observe(row, view, this.#ports.now());
      if (!event) return;
      this.#apply(h, event);
      if (this.#ports.store.find(h)?.state === row.state) return;
    }
  }

  #passTime(h: Digest, { blockSeconds, inclusion }: LaneView, read: AccountRead | undefined): void {
    const row = this.#ports.store.find(h);
    if (!row || this.#sending.has(h)) return;
    const { payment } = row;
    if (read && read.nonce > payment.nonce && !inclusion) this.#apply(h, { event: "moved" });
    if (read && !row.read && read.nonce === payment.nonce && covers(read, payment)) this.#apply(h, { event: "evidence", read });
    this.#apply(h, { event: "tick", now: this.#ports.now(), blockSeconds, ...(read && { read }) });
  }

  /** The account as the chain has it, confirmed by the watch. */
  async #readFor({ h, payer, nonce }: LanePayment): Promise<Confirmed | undefined> {
    const read = await this.#ports.read(payer).catch(() => undefined);
    if (!read) return undefined;
    const view = await this.#ports.view({ h, payer, nonce, fresh: read.head }).catch(() => undefined);
    if (!view || view === "reset" || !view.isFresh) return undefined;
    const used = view.inclusion ?? view.used;
    const since = view.final < read.head.id ? view.final : read.head.id;
    return { read, since, ...(used && { used: used.transaction }) };
  }

  /** @returns undefined if the chain must be asked and has not answered */
  #settleEvent(
    payment: LanePayment,
    by: string,
    reserve: bigint,
    chain: Confirmed | undefined,
  ): Extract<LaneEvent, { event: "settle" }> | undefined {
    const row = this.#ports.store.find(payment.h);
    if (!chain && this.needsChain(payment.h)) return undefined;
    return {
      event: "settle",
      payment,
      by,
      now: this.#ports.now(),
      read: chain?.read ?? row?.read ?? NO_READ,
      since: chain?.since ?? 0n,
      reserve,
      busy: this.#isBusyFor(payment),
      ...(chain?.used && { used: chain.used }),
    };
  }

  /** A payment of the same nonce that has a receipt comes back if its block leaves the chain. */
  #isBusyFor({ h, nonce }: LanePayment): boolean {
    return this.#ports.store
      .rows()
      .some((row) => row.payment.h !== h && (isOpen(row) || (row.state === "settled" && !row.final && row.payment.nonce === nonce)));
  }

  /** @returns what the caller is told */
  #apply(h: Digest, event: LaneEvent): LaneAnswer | undefined {
    const { store } = this.#ports;
    const before: LaneRow = store.find(h) ?? NONE;
    const { row, effects } = step(before, event);
    const payment = row.state === "none" ? (before.state === "none" ? undefined : before.payment) : row.payment;
    // Told before the row says so: a machine that dies in between tells it again.
    for (const effect of effects) if (isReport(effect) && payment) this.#ports.report(payment, effect);
    if (row.state === "none") store.remove(h);
    else if (row !== before) store.put(row);
    let told: LaneAnswer | undefined;
    for (const effect of effects) {
      switch (effect.effect) {
        case "dispatch":
          this.#apply(h, { event: "dispatch", now: this.#ports.now() });
          break;
        case "send":
          void this.#send(h, effect.wire);
          break;
        case "answer":
          told = effect.answer;
          if (event.event !== "settle" && event.event !== "cancel") this.#tell(h, told);
          break;
        case "wake":
          this.#tell(h, undefined);
          break;
        case "scan": // each look reads every block after the lease
        case "journal": // told above
        case "alert":
        case "check_network":
          break;
      }
    }
    return told;
  }

  async #send(h: Digest, wire: string): Promise<void> {
    this.#sending.add(h);
    const answer = await this.#ports.send(wire).catch((): SendAnswer => ({ kind: "none" }));
    this.#sending.delete(h);
    this.#apply(h, { event: "answered", answer });
  }

  /** @returns what those who wait were told; undefined if they shall ask again, or the time is over */
  #hear(h: Digest, seconds: number): Promise<LaneAnswer | undefined> {
    if (seconds <= 0) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const listeners = this.#waiting.get(h) ?? new Set<Listener>();
      this.#waiting.set(h, listeners);
      const end = (told: LaneAnswer | undefined) => {
        listeners.delete(end);
        if (listeners.size === 0) this.#waiting.delete(h);
        resolve(told);
      };
      listeners.add(end);
      void this.#ports.sleep(seconds * 1000).then(() => end(undefined));
    });
  }

  #tell(h: Digest, told: LaneAnswer | undefined): void {
    for (const listener of this.#waiting.get(h) ?? []) listener(told);
  }
}

type Report = Extract<LaneEffect, { effect: "journal" | "alert" | "check_network" }>;

function isReport(effect: LaneEffect): effect is Report {
  return effect.effect === "journal" || effect.effect === "alert" || effect.effect === "check_network";
}

const NONE = { state: "none" } as const;
const PROGRESS: readonly KnownRow["state"][] = [
  "settled",
  "included",
  "sent",
  "sending",
  "leased",
  "displaced",
  "reverted",
  "cancelled",
  "void",
];
/** No settlement has it as its id: what one has collected is taken. */
const NO_SETTLEMENT = "";
/** For rows whose state does not ask for a read. */
const NO_READ: AccountRead = { head: { id: 0n, hash: "" as BlockRef["hash"] }, nonce: 0n, balance: 0n };

function isUnknown(row: KnownRow): row is Extract<KnownRow, { state: "sending" | "sent" | "included" }> {
  return row.state === "sending" || row.state === "sent" || row.state === "included";
}

/** The chain has nothing to say of it any more: it is only remembered. */
function isOver(row: KnownRow, now: number): boolean {
  if (row.state === "settled") return row.final;
  if (row.state === "cancelled") return now > row.payment.validBefore + SEND_GRACE_SECONDS;
  return MONEY[row.state] === "never";
}

/** Seconds until this payment needs a look. */
function pauseOf(row: KnownRow, now: number): number {
  if (isOver(row, now)) return Math.max(row.payment.validBefore + LANE_RETENTION_SECONDS + 1 - now, SLOW_WATCH_SECONDS);
  if (row.state === "leased") return Math.max(row.leasedAt + LEASE_SECONDS + 1 - now, WATCH_SECONDS);
  return MONEY[row.state] === "unknown" ? WATCH_SECONDS : SLOW_WATCH_SECONDS;
}

/** A read costs eight calls: it is made when the payment may have to be sent again, or when nothing proves it any more. */
function needsRead(row: KnownRow, now: number): boolean {
  if (row.state !== "sending" && row.state !== "sent") return false;
  if (row.read === undefined) return true;
  const isDue = now >= row.attempts.lastAt + RESEND_SECONDS || now < row.attempts.lastAt;
  return isDue && !row.stopped && row.attempts.sent < MAX_SENDS;
}
