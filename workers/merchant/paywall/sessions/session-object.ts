/**
 * What the object of one session does: gives lanes away, takes vouchers of lane 0, claims, closes. Its storage, its alarm and its
 * facilitator are given, so that the same code runs in a Durable Object and in tests.
 */

import {
  ALARM_RETRY_SECONDS,
  CLAIM_INTERVAL_SECONDS,
  CLAIM_RETRY_SECONDS,
  LANE_FORGOTTEN_SECONDS,
  MAX_ALARM_GAP_SECONDS,
  SESSION_FRESH_SECONDS,
  UNREPORTED_MILLIS,
} from "../../../../shared/limits.ts";
import { sessionId } from "../../../../shared/protocol/session.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import { type BookStore, SessionBook } from "./book.ts";
import type { Claimant } from "./claim.ts";
import { type HeldVoucher, heldVoucher } from "./held-voucher.ts";
import type {
  ChargeCall,
  FinishCall,
  KnownSession,
  LaneGrant,
  LeaseCall,
  OwnLaneState,
  RenewCall,
  ReportAnswer,
  TakeAnswer,
  TakeCall,
  WireReport,
} from "./rpc.ts";
import { problemOf, type Standing } from "./voucher-rule.ts";

/** What is kept of the session itself. */
export interface SessionRecord extends KnownSession {
  /** The client has asked for the rest of its money. */
  isClosing: boolean;
}

export interface ObjectStore extends BookStore<HeldVoucher> {
  /** Undefined before the first call that gives money away, and after the object has deleted itself. */
  session(): SessionRecord | undefined;
  /** Makes the tables if there are none, and an alarm in the same transaction. */
  putSession(record: SessionRecord): void;
  /** Deletes everything. */
  deleteAll(): Promise<void>;
}

export interface ObjectHost {
  store: ObjectStore;
  /** The object's name: the session's id. */
  name: string | undefined;
  claimant: Claimant;
  /** Milliseconds. */
  now: () => number;
  /** Rings at this time, or before. Milliseconds. */
  ringBy: (at: number) => void;
  /** Sets the alarm, whatever it was. */
  ringAt: (at: number) => Promise<void>;
  /** Once, later. The object may be gone by then. */
  later: (millis: number, body: () => void) => void;
}

/** A call about another session, or about one that this object does not have. */
export class NotThisSession extends Error {
  override name = "NotThisSession";
}

export class SessionObject {
  readonly #host: ObjectHost;
  #record: SessionRecord | undefined;
  #book: SessionBook<HeldVoucher> | undefined;
  #flushesLater = false;
  /** The claims that are under way. */
  #claiming: Promise<void> | undefined;

  constructor(host: ObjectHost) {
    this.#host = host;
    this.#record = host.store.session();
    if (this.#record) this.#book = bookOf(this.#record, host.store);
  }

  take({ known, voucher, amount, handlerMillis, newLane, finished = [] }: TakeCall): TakeAnswer {
    const book = this.#open(known);
    for (const call of finished) this.finish(call);
    const now = this.#host.now();
    const problem = this.#problem(now);
    const price = BigInt(amount);
    const taken = problem ? { ok: false as const, code: problem } : book.take(heldVoucher(voucher), price, now, now + handlerMillis);
    const share = newLane !== undefined && !problem ? book.grant(newLane, price, now) : undefined;
    const answer = taken.ok
      ? { ok: true as const }
      : taken.code === "voucher_used"
        ? { ...taken, charged: String(taken.charged), spent: String(taken.spent) }
        : taken;
    return { taken: answer, own: this.#ownState(book), lane: share && this.#grant(book, share), heard: true };
  }

  finish({ serial, charge, risk }: FinishCall): void {
    const book = this.#book;
    const unkept = book?.finish(serial, charge === undefined ? undefined : BigInt(charge));
    if (book && this.#record?.isClosing && !book.hasLeases(this.#host.now())) this.#host.ringBy(this.#host.now());
    this.#keep(book, unkept, BigInt(risk));
  }

  charge({ serial, charged, risk, handlerMillis }: ChargeCall): void {
    const book = this.#book;
    const unkept = book?.charge(serial, BigInt(charged), this.#host.now() + handlerMillis);
    this.#keep(book, unkept, BigInt(risk));
  }

  /** Keeps what lane 0 came to: at once if it is more than the merchant wants at risk, soon otherwise. */
  #keep(book: SessionBook<HeldVoucher> | undefined, unkept: bigint | undefined, risk: bigint): void {
    if (!book || !unkept) return;
    if (unkept >= risk) this.#flush(book);
    else if (!this.#flushesLater) {
      this.#flushesLater = true;
      this.#host.later(UNREPORTED_MILLIS, () => this.#flush(book));
    }
  }

  lease({ known, amount, newLane }: LeaseCall): LaneGrant | undefined {
    const book = this.#open(known);
    const now = this.#host.now();
    const share = this.#problem(now) ? undefined : book.grant(newLane, BigInt(amount), now);
    return share && this.#grant(book, share);
  }

  renew({ known, amount, report, needed }: RenewCall): LaneGrant | undefined {
    const book = this.#open(known);
    const now = this.#host.now();
    if (this.#problem(now)) {
      this.report(report);
      return undefined;
    }
    const share = book.renew(read(report), BigInt(amount), BigInt(needed), now);
    this.#claimSoon();
    return share && this.#grant(book, share);
  }

  report(report: WireReport): ReportAnswer {
    const book = this.#book;
    if (!book) return { spent: "0" };
    const share = book.report(read(report), this.#host.now());
    if (report.isLast) book.release(report.id);
    if (report.isLast && this.#record?.isClosing) this.#host.ringBy(this.#host.now());
    else this.#claimSoon();
    return { spent: String(share.spent), grant: share.folded ? undefined : this.#grant(book, share) };
  }

  async close(known: KnownSession, report?: WireReport): Promise<SessionStanding> {
    const book = this.#open(known);
    const record = this.#requireRecord();
    if (report) {
      this.report({ ...report, runsFor: undefined });
      book.release(report.id);
    }
    if (!record.isClosing) this.#put({ ...record, isClosing: true });
    this.#host.ringBy(this.#host.now());
    await this.#work();
    return this.#requireRecord().standing;
  }

  /** Claims what there is, closes what is over, deletes what is closed. Sets the next alarm first, so that a failure only delays it. */
  async alarm(): Promise<void> {
    await this.#host.ringAt(this.#host.now() + ALARM_RETRY_SECONDS * 1000);
    if (!this.#record) return this.#host.store.deleteAll();
    await this.#work();
    const next = this.#nextAlarm();
    // No await since, so that no call comes between. What comes later makes the tables anew.
    if (next !== undefined) return this.#host.ringAt(next);
    this.#record = undefined;
    this.#book = undefined;
    await this.#host.store.deleteAll();
  }

  #open({ config, standing }: KnownSession): SessionBook<HeldVoucher> {
    const record = this.#record;
    if (record && this.#book) {
      if (standing.at > record.standing.at) this.#learn(standing);
      return this.#book;
    }
    if (this.#host.name !== undefined && sessionId(config) !== this.#host.name) throw new NotThisSession("the object has another name");
    this.#put({ config, standing, isClosing: false });
    this.#book = bookOf({ config }, this.#host.store);
    this.#host.ringBy((standing.expiresAt + 1) * 1000);
    return this.#book;
  }

  /** What the ledger says now. Its word is kept where it changes what the alarm does. */
  #learn(standing: SessionStanding): void {
    const record = this.#requireRecord();
    const isNews = standing.status !== record.standing.status || standing.expiresAt !== record.standing.expiresAt;
    if (isNews) this.#put({ ...record, standing });
    else this.#record = { ...record, standing };
    if (isNews) this.#host.ringBy(this.#host.now());
  }

  /** Why nothing is given away: by what the ledger said, or because the client wants to end. */
  #problem(now: number): "session_closed" | "facilitator_unavailable" | undefined {
    const record = this.#requireRecord();
    return record.isClosing ? "session_closed" : problemOf(standingOf(record), now / 1000);
  }

  #flush(book: SessionBook<HeldVoucher>): void {
    this.#flushesLater = false;
    if (book !== this.#book) return;
    book.flush();
    this.#claimSoon();
  }

  #claimSoon(): void {
    if (this.#book?.claimable().length) this.#host.ringBy(this.#host.now() + CLAIM_INTERVAL_SECONDS * 1000);
  }

  async #work(): Promise<void> {
    this.#claiming ??= this.#claimAndClose().finally(() => (this.#claiming = undefined));
    await this.#claiming;
  }

  async #claimAndClose(): Promise<void> {
    const { claimant, now } = this.#host;
    const book = this.#book;
    if (!book) return;
    book.fold(now());
    book.flush();
    for (let claims = book.claimable(); claims.length > 0; claims = book.claimable()) {
      const paid = await claimant.claim(this.#requireRecord().config, claims);
      if (!paid.ok) {
        if (paid.standing) this.#learn(paid.standing);
        return;
      }
      book.markClaimed(paid.lanes);
      this.#learn(paid.standing);
    }
    if (this.#requireRecord().standing.status === "closed" || !(await this.#isOver())) return;
    if (book.hasLeases(now()) || book.claimable().length > 0) return;
    const closed = await claimant.close(this.#requireRecord().config);
    if (closed) this.#learn(closed);
  }

  /** By the ledger's clock, or at the client's word: this machine's clock could be wrong, and a final claim cannot be taken back. */
  async #isOver(): Promise<boolean> {
    const { isClosing, standing, config } = this.#requireRecord();
    if (isClosing || standing.status === "closing") return true;
    if (this.#host.now() / 1000 <= standing.expiresAt) return false;
    const asked = await this.#host.claimant.standing(config);
    if (!asked) return false;
    this.#learn(asked);
    return asked.status !== "open" || asked.at > asked.expiresAt;
  }

  /** Milliseconds; undefined: nothing is left to do, and the object can go. */
  #nextAlarm(): number | undefined {
    const book = this.#book;
    const now = this.#host.now();
    const { standing, isClosing } = this.#requireRecord();
    if (!book) return undefined;
    const lastLease = book.lastLease();
    if (standing.status === "closed") {
      // As long as an isolate may believe that the session is open: a new object would take served vouchers of lane 0 again.
      const believedOpen = (standing.at + SESSION_FRESH_SECONDS) * 1000;
      const forgotten = Math.max(lastLease, believedOpen) + LANE_FORGOTTEN_SECONDS * 1000;
      return forgotten < now ? undefined : forgotten + 1;
    }
    book.forgetEmpty(now - LANE_FORGOTTEN_SECONDS * 1000);
    const isEnding = isClosing || standing.status === "closing" || now / 1000 > standing.expiresAt;
    if (isEnding) return lastLease >= now ? lastLease + 1 : now + CLAIM_RETRY_SECONDS * 1000;
    const atEnd = (standing.expiresAt + 1) * 1000;
    const soon = book.claimable().length > 0 ? now + CLAIM_RETRY_SECONDS * 1000 : now + MAX_ALARM_GAP_SECONDS * 1000;
    return Math.min(atEnd, soon);
  }

  #ownState(book: SessionBook<HeldVoucher>): OwnLaneState {
    const { spent, highest, best } = book.own;
    const { claimed } = this.#requireRecord().standing;
    const limit = String(book.ownLimit);
    return { spent: String(spent), limit, highest, best: best?.signed, chargedElsewhere: String(book.charged - spent), claimed };
  }

  #grant(book: SessionBook<HeldVoucher>, { id, limit, spent }: { id: string; limit: bigint; spent: bigint }): LaneGrant {
    const { claimed } = this.#requireRecord().standing;
    return { id, limit: String(limit), chargedElsewhere: String(book.charged - spent), claimed };
  }

  #put(record: SessionRecord): void {
    this.#record = record;
    this.#host.store.putSession(record);
  }

  #requireRecord(): SessionRecord {
    if (!this.#record) throw new NotThisSession("the object has no session");
    return this.#record;
  }
}

function bookOf({ config }: Pick<SessionRecord, "config">, store: ObjectStore): SessionBook<HeldVoucher> {
  return new SessionBook(BigInt(config.deposit), store);
}

function standingOf({ config, standing }: KnownSession): Standing {
  const { status, expiresAt, at } = standing;
  return { status, expiresAt, at, withdrawDelay: Number(config.withdrawDelay) };
}

function read({ id, spent, best, runsFor }: WireReport) {
  return { id, spent: BigInt(spent), best: best && heldVoucher(best), runsFor };
}
