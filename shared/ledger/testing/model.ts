/**
 * A second ledger, naive and in memory, written from the state table alone. It knows no SQL, no journal and no alarms that
 * are late: rows in a map, and the money that is held is whatever the held rows add up to. Of several shards each has one.
 */

import type { Digest } from "../../crypto/digest.ts";
import type { ErrorCode } from "../../errors.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import type { LedgerMandate, LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { LedgerClaim, LedgerSession, SessionName } from "../../protocol/ledger-session.ts";
import { START, txOf } from "./ledger.ts";
import { type SessionEvent, ModelSession, ModelSessions } from "./session-model.ts";

const SKEW = 30;
const LONGEST = 12 * 3600;
const RETENTION = 24 * 3600;
const HOUR = 3600;
const DAY = 24 * HOUR;
const LONGEST_MANDATE = 90 * DAY;
const LONGEST_HOLD = 300;
const FAUCET_CAP = 100_000_000n;
/** A shard that opens later than this after its last stored time was away. */
const AWAY = 2 * HOUR;

type Claim = { payment: LedgerPayment; id: Digest };
type Grant = { account: AccountId; value: Amount; id: Digest };
export type ModelEvent = { at: number } & (
  | (Claim & { event: "reserve"; seconds: number })
  | (Claim & { event: "capture" | "settle"; value?: Charge | undefined })
  | (Claim & { event: "release" | "cancel" | "status" | "check" })
  | (Grant & { event: "fund" })
  | { event: "revoke"; payer: AccountId; mandate: Digest | "*"; revokedAt: number }
  | { event: "mandate"; payer: AccountId; mandate: Digest }
  | SessionEvent
  | { event: "alarm" | "restart" }
);

type Refused = { ok: false; code: ErrorCode; transaction?: Digest; session?: Digest; limit?: string; renewsAt?: number };
type Entry =
  | (Claim & { state: "held"; until: number; captureDeadline: number; counted?: Counted })
  | (Claim & { state: "settled"; captureDeadline: number; charge: bigint })
  | { state: "cancelled"; payment: LedgerPayment; captureDeadline: number }
  /** The nonce has opened a session. */
  | { state: "session"; payment: Nonce; session: ModelSession };
type Nonce = Pick<LedgerPayment, "payer" | "nonce">;
/** What counts under a mandate, and is signed for some time. */
type Signed = Pick<LedgerPayment, "payer" | "value" | "validAfter" | "validBefore" | "mandate">;

/** Money for an account of another shard. */
export type Sent = Pick<LedgerPayment, "payee" | "value">;

type Settled = Extract<Entry, { state: "settled" }>;

/** A claim that counts under a mandate until it is given back. */
type Counted = { settled: bigint; claimed: bigint; period: number };
/** No counters: what it has spent is what its claims add up to. */
type Mandate = { claims: Set<Counted>; period: number; facts?: LedgerMandate; revokedAt?: number; captureDeadline: number };

export class LedgerModel {
  readonly balances = new Map<AccountId, bigint>();
  readonly #entries = new Map<string, Entry>();
  /** Grants that were paid; never forgotten. */
  readonly #grants = new Map<Digest, LedgerPayment>();
  readonly #granted = new Map<AccountId, { sum: bigint; since: number }>();
  readonly #mandates = new Map<string, Mandate>();
  readonly #panics = new Map<AccountId, number>();
  readonly #sessions = new ModelSessions();
  readonly #treasury: AccountId;
  #now = START;
  /** What the clock falls back to in a restart: the time of the last answer that must stay true. */
  #stored = START;
  #justOpened = true;

  readonly #send: (payment: Sent) => boolean;

  /** @param send takes a payment's money for an account of another shard; false for one of this shard */
  constructor(treasury: AccountId, supply: bigint, send: (payment: Sent) => boolean = () => false) {
    this.#treasury = treasury;
    this.#send = send;
    this.balances.set(treasury, supply);
  }

  /** Money from another shard. */
  receive(payments: Sent[], at: number): void {
    this.#advance(at);
    for (const { payee, value } of payments) this.#credit(payee, BigInt(value));
  }

  held(account: AccountId): bigint {
    const holds = [...this.#entries.values()].filter((entry) => entry.state === "held");
    const deposits = this.#sessions.held(account);
    return holds.reduce((sum, { payment }) => sum + (payment.payer === account ? BigInt(payment.value) : 0n), deposits);
  }

  /** The answer to `event`, as the state table gives it. */
  apply(event: ModelEvent): unknown {
    if (event.event === "check") return this.#check(event.payment, Math.max(this.#now, event.at));
    if (event.event === "mandate") return this.#mandate(event, Math.max(this.#now, event.at));
    if (event.event === "look") return this.#look(event.session, Math.max(this.#now, event.at));
    if (event.event === "restart") {
      this.#now = this.#stored;
      this.#justOpened = true;
    } else this.#advance(event.at);
    switch (event.event) {
      case "reserve":
        return this.#reserve(event);
      case "capture":
        return this.#capture(event);
      case "release":
        return this.#release(event);
      case "settle":
        return this.#settle(event);
      case "cancel":
        return this.#cancel(event);
      case "status":
        return this.#status(event);
      case "fund":
        return this.#fund(event);
      case "revoke":
        return this.#revoke(event);
      case "open":
        return this.#open(event.session);
      case "claim":
        return this.#claim(event.claim);
      case "withdraw":
        return this.#withdraw(event);
      case "session": {
        const session = this.#sessionAt(event);
        return session?.told(this.#now) ?? { status: "unknown", at: this.#now };
      }
      case "alarm":
        return this.#alarm();
      default:
        return undefined;
    }
  }

  #reserve({ payment, id, seconds }: Claim & { seconds: number }): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "held" && entry.id === id && isSame(entry.payment, payment)) return granted(entry);
    const checked = this.#check(payment, this.#now);
    if (!checked.ok) return this.#refusal(checked);
    this.#giveBack(entry);
    const until = this.#now + Math.min(seconds, LONGEST_HOLD);
    const counted = this.#count(payment, false);
    return granted(
      this.#put({ state: "held", payment, id, until, captureDeadline: Math.max(until, payment.validBefore), ...(counted && { counted }) }),
    );
  }

  #capture({ payment, id, value }: Claim & { value?: Charge | undefined }): unknown {
    const entry = this.#entries.get(keyOf(payment));
    if (!entry || !("id" in entry) || entry.id !== id) return refused("reservation_lost");
    if (entry.state === "settled") return receipt(entry);
    const lapsed = this.#now > entry.until;
    const revoked = lapsed && this.#now <= entry.captureDeadline && this.#revokedAt(entry.payment) !== undefined;
    if (this.#now <= entry.captureDeadline && !revoked) {
      const charge = BigInt(value ?? entry.payment.value);
      const wrong = wrongCharge(entry.payment, charge);
      if (wrong) return wrong;
      // A mandate's later periods do not count this claim, so that it is smaller now does nothing for them.
      if (entry.counted) Object.assign(entry.counted, { settled: charge, claimed: 0n });
      return this.#pay({ ...entry, state: "settled", charge });
    }
    this.#giveBack(entry);
    return this.#refusal(refused(revoked ? "mandate_revoked" : "payment_expired"));
  }

  #release({ payment, id }: Claim): unknown {
    const entry = this.#entries.get(keyOf(payment));
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry && (!("id" in entry) || entry.id !== id)) return refused("reservation_lost");
    this.#giveBack(entry);
    return { ok: true };
  }

  #settle({ payment, id, value }: Claim & { value?: Charge | undefined }): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled" && entry.id === id && isSame(entry.payment, payment)) return receipt(entry);
    const checked = this.#check(payment, this.#now);
    if (!checked.ok) return this.#refusal(checked);
    const charge = BigInt(value ?? payment.value);
    const wrong = wrongCharge(payment, charge);
    if (wrong) return wrong;
    this.#giveBack(entry);
    const counted = this.#count(payment, true);
    if (counted) counted.settled = charge;
    return this.#pay({ state: "settled", payment, id, captureDeadline: payment.validBefore, charge });
  }

  #cancel({ payment }: Claim): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry?.state === "held" && this.#now <= entry.until) return refused("payment_in_progress");
    if (entry?.state === "cancelled") return { ok: true };
    if (entry?.state === "session") {
      const { state, end } = this.#withdrawn(entry.session);
      return state === "closed" ? usedBy(entry.session) : { ok: true, closesAt: end };
    }
    if (!this.balances.has(payment.payer)) return refused("insufficient_funds");
    this.#giveBack(entry);
    this.#put({ state: "cancelled", payment, captureDeadline: this.#now + LONGEST + SKEW });
    return { ok: true };
  }

  #status({ payment }: Claim): unknown {
    const entry = this.#find(payment);
    if (entry?.state === "settled") {
      const charged = entry.payment.scheme && { charged: entry.charge.toString() };
      return { status: "settled", transaction: txOf(entry.payment), ...charged };
    }
    if (entry?.state === "session") return { status: "session", session: entry.session.session.id };
    if (entry) return { status: entry.state === "held" ? "reserved" : "cancelled" };
    if (this.#now <= payment.validBefore) return { status: "unused" };
    if (this.#now > payment.validBefore + RETENTION) return { status: "unknown" };
    this.#stored = this.#now;
    return { status: "expired" };
  }

  /** A grant is a payment by the treasury, which makes no others here. */
  #fund({ account, value, id }: Grant): unknown {
    const terms = { payer: this.#treasury, payee: account, value, nonce: id, validAfter: 0, validBefore: this.#now };
    const payment: LedgerPayment = { ...terms, authorizationDigest: `${account} ${value}` as Digest };
    const known = this.#grants.get(id);
    if (known && !isSame(known, payment)) return refused("nonce_replayed");
    if (!known) {
      const last = this.#granted.get(account);
      const { sum, since } = last && this.#now < last.since + DAY ? last : { sum: 0n, since: this.#now };
      if (sum + BigInt(value) > FAUCET_CAP) return refused("rate_limited");
      if (this.#balance(this.#treasury) < BigInt(value)) return refused("faucet_empty");
      this.#grants.set(id, payment);
      this.#granted.set(account, { sum: sum + BigInt(value), since });
      this.#pay({ state: "settled", payment, id, captureDeadline: this.#now, charge: BigInt(value) });
    }
    return { ok: true, account, balance: this.#balance(account).toString() };
  }

  #alarm(): number | undefined {
    this.#stored = this.#now;
    for (const session of this.#sessions.all) this.#endIfDead(session);
    for (const [key, entry] of this.#entries) {
      if (entry.state === "session") this.#forget(key, entry.session);
      else if (isDead(entry, this.#now)) this.#giveBack(entry);
      else if (entry.state !== "held" && this.#now > entry.captureDeadline + RETENTION + SKEW) this.#entries.delete(key);
    }
    const idle = [...this.#mandates].filter(([, { claims }]) => [...claims].every(({ claimed }) => claimed === 0n));
    for (const [key, { captureDeadline }] of idle) if (this.#now > captureDeadline + RETENTION + SKEW) this.#mandates.delete(key);
    const ends = idle.filter(([key]) => this.#mandates.has(key)).map(([, { captureDeadline }]) => captureDeadline + RETENTION + SKEW + 1);
    const holds = [...this.#entries.values()].filter((entry) => entry.state === "held");
    const work = [
      ...(this.#entries.size > 0 ? [this.#now + HOUR] : []),
      ...ends,
      ...holds.map(({ captureDeadline }) => captureDeadline + 1),
      ...this.#sessions.open.map(({ end }) => end + 1),
    ];
    return work.length > 0 ? Math.min(...work) : undefined;
  }

  #revoke({ payer, mandate, revokedAt, at }: Extract<ModelEvent, { event: "revoke" }>): unknown {
    const signedBy = Math.max(this.#now, at);
    if (revokedAt > signedBy + SKEW) return refused("invalid_payload");
    if (!this.balances.has(payer)) return refused("insufficient_funds");
    const answer = (at: number) => ({ ok: true, revokedAt: at, underWay: this.#underWay(payer, mandate) });
    const inTime = this.#sessions.of(payer, mandate).filter(({ end }) => this.#now <= end);
    if (mandate === "*") {
      this.#panics.set(payer, Math.max(revokedAt, this.#panics.get(payer) ?? revokedAt));
      for (const session of inTime) if (session.session.validAfter <= revokedAt) session.beginClosing(signedBy);
      return answer(this.#panics.get(payer) ?? 0);
    }
    const captureDeadline = signedBy + SKEW + LONGEST_MANDATE + LONGEST + SKEW;
    const known = this.#mandates.get(`${payer} ${mandate}`) ?? { claims: new Set(), period: 0, captureDeadline };
    this.#mandates.set(`${payer} ${mandate}`, known);
    known.revokedAt ??= this.#now;
    for (const session of inTime) session.beginClosing(signedBy);
    return answer(known.revokedAt);
  }

  #underWay(payer: AccountId, mandate: Digest | "*"): unknown {
    const ends = [...this.#entries.values()].flatMap((entry) => {
      if (entry.state !== "held" || entry.payment.payer !== payer || isDead(entry, this.#now)) return [];
      if (mandate !== "*" && entry.payment.mandate?.digest !== mandate) return [];
      const until = entry.payment.mandate ? entry.until : entry.captureDeadline;
      return until < this.#now ? [] : [{ until, value: BigInt(entry.payment.value) }];
    });
    const payments = ends.length;
    const closing = this.#sessions.of(payer, mandate).filter(({ state, end }) => state === "closing" && this.#now <= end);
    ends.push(...closing.map(({ end, rest }) => ({ until: end, value: rest })));
    const value = ends.reduce((sum, { value }) => sum + value, 0n).toString();
    const sessions = closing.length > 0 && { sessions: closing.length };
    return { payments, ...sessions, value, ...(ends.length > 0 && { until: Math.max(...ends.map(({ until }) => until)) }) };
  }

  #mandate({ payer, mandate }: Extract<ModelEvent, { event: "mandate" }>, now: number): unknown {
    const known = this.#mandates.get(`${payer} ${mandate}`);
    const panic = this.#panics.get(payer);
    if (!known) return { status: "unused", ...(panic !== undefined && { revokedBefore: panic }) };
    const { claims, facts } = known;
    const revokedAt = known.revokedAt ?? (facts && panic !== undefined && facts.grantedAt <= panic ? panic : undefined);
    const sum = (of: Iterable<Counted>) => [...of].reduce((sum, { settled, claimed }) => sum + settled + claimed, 0n);
    const settled = [...claims].reduce((sum, { settled }) => sum + settled, 0n);
    const answer = {
      status: revokedAt === undefined ? "open" : "revoked",
      ...(revokedAt !== undefined && { revokedAt }),
      settled: settled.toString(),
      claimed: (sum(claims) - settled).toString(),
    };
    if (!facts?.period)
      return { ...answer, ...(facts && { left: (BigInt(facts.total) - sum(claims)).toString(), validBefore: facts.validBefore }) };
    const { seconds, amount, count } = facts.period;
    const period = periodOf(facts, known.period, now);
    const counted = [...claims].filter((claim) => claim.period === period);
    return {
      ...answer,
      left: (BigInt(facts.total) - sum(claims)).toString(),
      validBefore: facts.validBefore,
      period: {
        used: sum(counted).toString(),
        left: (BigInt(amount) - sum(counted)).toString(),
        payments: counted.length,
        ...(count !== undefined && { paymentsLeft: count - counted.length }),
        endsAt: facts.validAfter + (period + 1) * seconds,
      },
    };
  }

  /** Why the mandate forbids the payment. `replaced`: the claim of a hold that it would take over. */
  #limit({ payer, value, mandate }: Signed, replaced: Counted | undefined, now: number): Refused | undefined {
    if (!mandate) return undefined;
    const known = this.#mandates.get(`${payer} ${mandate.digest}`);
    const claims = [...(known?.claims ?? [])].filter((claim) => claim !== replaced);
    const sum = (of: Counted[]) => of.reduce((sum, { settled, claimed }) => sum + settled + claimed, 0n);
    if (BigInt(mandate.total) < sum(claims) + BigInt(value)) return { ...refused("mandate_exceeded"), limit: "total" };
    if (!mandate.period) return undefined;
    const { seconds, amount, count } = mandate.period;
    const period = periodOf(mandate, known?.period ?? 0, now);
    const counted = claims.filter((claim) => claim.period === period);
    const renewsAt = mandate.validAfter + (period + 1) * seconds;
    if (BigInt(amount) < sum(counted) + BigInt(value)) return { ...refused("mandate_exceeded"), limit: "period", renewsAt };
    if (count !== undefined && counted.length >= count) return { ...refused("mandate_exceeded"), limit: "count", renewsAt };
    return undefined;
  }

  #revokedAt({ payer, mandate }: Pick<LedgerPayment, "payer" | "mandate">): number | undefined {
    const panic = this.#panics.get(payer);
    const known = mandate && this.#mandates.get(`${payer} ${mandate.digest}`);
    return known?.revokedAt ?? (mandate && panic !== undefined && mandate.grantedAt <= panic ? panic : undefined);
  }

  #count({ payer, value, mandate }: Signed, paid: boolean, keptUntil = 0): Counted | undefined {
    if (!mandate) return undefined;
    const key = `${payer} ${mandate.digest}`;
    const before = this.#mandates.get(key);
    const period = periodOf(mandate, before?.period ?? 0, this.#now);
    if (before?.period !== period) this.#stored = this.#now;
    const claims = before?.claims ?? new Set();
    const captureDeadline = Math.max(before?.captureDeadline ?? 0, mandate.validBefore + LONGEST + SKEW, keptUntil);
    this.#mandates.set(key, { claims, period, facts: mandate, captureDeadline });
    const [settled, claimed] = paid ? [BigInt(value), 0n] : [0n, BigInt(value)];
    const counted = { settled, claimed, period };
    claims.add(counted);
    return counted;
  }

  /** A hold ends without a payment. */
  #giveBack(entry: Entry | undefined): void {
    if (entry?.state !== "held") return;
    this.#entries.delete(keyOf(entry.payment));
    if (entry.counted) this.#mandates.get(`${entry.payment.payer} ${entry.payment.mandate?.digest}`)?.claims.delete(entry.counted);
  }

  /** Whether a new caller could claim the payment at `now`. */
  #check(payment: LedgerPayment, now: number): { ok: true } | Refused {
    const found = this.#entries.get(keyOf(payment));
    const entry = isDead(found, now) ? undefined : found;
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry?.state === "cancelled") return refused("payment_revoked");
    if (entry?.state === "session") return usedBy(entry.session);
    if (entry && !isSame(entry.payment, payment)) return refused("nonce_replayed");
    if (entry && now <= entry.until) return refused("payment_in_progress");
    const off = this.#off(payment, now);
    if (off) return off;
    const limit = this.#limit(payment, found?.state === "held" ? found.counted : undefined, now);
    if (limit) return limit;
    const claimed = this.held(payment.payer) - (found?.state === "held" ? BigInt(found.payment.value) : 0n);
    return this.#balance(payment.payer) - claimed - BigInt(payment.value) < 0n ? refused("insufficient_funds") : { ok: true };
  }

  /** Why nothing of the kind can be claimed at `now`, whatever it costs. */
  #off(signed: Signed, now: number, isSession = false): Refused | undefined {
    const { payer, mandate, validAfter, validBefore } = signed;
    if (this.#revokedAt(signed) !== undefined) return refused("mandate_revoked");
    if (!mandate && validAfter <= (this.#panics.get(payer) ?? 0)) return refused("payment_revoked");
    if (mandate && mandate.grantedAt - SKEW > now) return refused("mandate_mismatch");
    if (mandate && now > mandate.validBefore) return refused("mandate_expired");
    if (isSession && validAfter <= (this.#panics.get(payer) ?? 0)) return refused("payment_revoked");
    if (validAfter - SKEW > now) return refused("payment_not_yet_valid");
    if (now > validBefore) return refused("payment_expired");
    return validBefore - now > LONGEST + SKEW ? refused("validity_too_long") : undefined;
  }

  // --- Sessions --------------------------------------------------------------------------------------

  #open(session: LedgerSession): unknown {
    const entry = this.#find(session);
    const known = entry?.state === "session" && entry.session.session.id === session.id ? entry.session : undefined;
    if (known) {
      this.#endIfDead(known);
      return known.isLive(this.#now) ? { ok: true, session: known.standing(this.#now) } : this.#refusal(refused("session_closed"));
    }
    const obstacle = this.#look(session, this.#now);
    if (!obstacle.ok) return this.#refusal(obstacle);
    const counted = this.#count({ ...session, value: session.deposit }, false, session.expiresAt + session.withdrawDelay);
    const opened = this.#sessions.add(new ModelSession(session, counted));
    this.#put({ state: "session", payment: session, session: opened });
    return { ok: true, session: opened.standing(this.#now) };
  }

  /** Whether a session could be opened at `now`. */
  #look(session: LedgerSession, now: number): { ok: true } | Refused {
    const found = this.#entries.get(keyOf(session));
    const entry = isDead(found, now) ? undefined : found;
    if (entry?.state === "session" && entry.session.session.id === session.id)
      return entry.session.isLive(now) && now <= entry.session.end ? { ok: true } : refused("session_closed");
    if (entry?.state === "settled") return replayed(entry.payment);
    if (entry?.state === "cancelled") return refused("payment_revoked");
    if (entry?.state === "session") return usedBy(entry.session);
    if (entry) return refused("nonce_replayed");
    const { payer, deposit, mandate } = session;
    const signed = { ...session, value: deposit };
    const dead = found?.state === "held" ? found : undefined;
    const off = this.#off(signed, now, true) ?? this.#limit(signed, dead?.counted, now);
    if (off) return off;
    const others = mandate ? this.#sessions.of(payer, mandate.digest) : [];
    const together = others.reduce((sum, { rest }) => sum + rest, BigInt(deposit));
    if (mandate && (BigInt(mandate.session.deposit) < together || mandate.session.open <= others.length))
      return { ...refused("mandate_exceeded"), limit: "session" };
    const free = this.#balance(payer) - this.held(payer) + BigInt(dead?.payment.value ?? 0);
    return free < BigInt(deposit) ? refused("insufficient_funds") : { ok: true };
  }

  #claim(claim: LedgerClaim): unknown {
    const session = this.#sessions.find(claim);
    if (!session) return refused("session_unknown");
    this.#endIfDead(session);
    const before = session.taken.find((taken) => taken.claim.claimDigest === claim.claimDigest);
    if (before) return session.receipt(this.#now, before);
    if (claim.final) {
      if (session.state !== "closed") session.close(this.#now, claim.claimDigest);
      return session.final === claim.claimDigest ? session.receipt(this.#now) : this.#refusal(refused("session_closed"));
    }
    const value = session.above(claim);
    if (value === 0n) return session.receipt(this.#now);
    if (session.state === "closed") return this.#refusal(refused("session_closed"));
    if (session.rest < value) return refused("session_exhausted");
    session.take(claim, value, this.#now);
    const { payer, payee } = session.session;
    this.#credit(payer, -value);
    if (!this.#send({ ...session.session, payee, value: value.toString() as Amount })) this.#credit(payee, value);
    return session.receipt(this.#now, session.taken.at(-1));
  }

  #withdraw(name: SessionName): unknown {
    const session = this.#sessions.find(name);
    return session ? { ok: true, session: this.#withdrawn(session).standing(this.#now) } : refused("session_unknown");
  }

  #withdrawn(session: ModelSession): ModelSession {
    this.#endIfDead(session);
    session.beginClosing(this.#now);
    return session;
  }

  #sessionAt(name: SessionName): ModelSession | undefined {
    const session = this.#sessions.find(name);
    if (session) this.#endIfDead(session);
    return session;
  }

  #endIfDead(session: ModelSession): void {
    if (session.state !== "closed" && this.#now > session.end) session.close(session.end);
  }

  #forget(nonce: string, session: ModelSession): void {
    if (session.state !== "closed" || this.#now <= session.deadline + RETENTION + SKEW) return;
    this.#entries.delete(nonce);
    this.#sessions.delete(session);
  }

  /** The entry as it counts now: any event that meets an expired hold frees it. */
  #find(payment: Nonce): Entry | undefined {
    const found = this.#entries.get(keyOf(payment));
    if (isDead(found, this.#now)) this.#giveBack(found);
    return this.#entries.get(keyOf(payment));
  }

  #put<T extends Entry>(entry: T): T {
    this.#entries.set(keyOf(entry.payment), entry);
    return entry;
  }

  #pay(entry: Settled): unknown {
    const { payment, charge } = this.#put(entry);
    if (charge === 0n) return receipt(entry);
    this.#credit(payment.payer, -charge);
    if (!this.#send({ ...payment, value: charge.toString() as Amount })) this.#credit(payment.payee, charge);
    return receipt(entry);
  }

  /** A jump is stored at once. */
  #advance(at: number): void {
    if (this.#justOpened && at > this.#now + AWAY) {
      this.#sessions.prolong(at - this.#now);
      this.#stored = at;
    }
    if (at > this.#now) this.#justOpened = false;
    if (at > this.#now + DAY) this.#stored = at;
    this.#now = Math.max(this.#now, at);
  }

  #credit(account: AccountId, value: bigint): void {
    this.balances.set(account, this.#balance(account) + value);
  }

  #balance(account: AccountId): bigint {
    return this.balances.get(account) ?? 0n;
  }

  /** "Expired" is final. */
  #refusal(refused: Refused): Refused {
    if (["payment_expired", "mandate_expired", "session_closed"].includes(refused.code)) this.#stored = this.#now;
    return refused;
  }
}

/** Periods never go back, whatever the clock does. */
function periodOf({ validAfter, period }: LedgerMandate, reached: number, now: number): number {
  if (!period) return reached;
  let current = 0;
  while (now >= validAfter + (current + 1) * period.seconds) current++;
  return Math.max(reached, current);
}

function keyOf({ payer, nonce }: Nonce): string {
  return `${payer} ${nonce}`;
}

function isSame(one: LedgerPayment, other: LedgerPayment): boolean {
  return one.authorizationDigest === other.authorizationDigest;
}

function isDead(entry: Entry | undefined, now: number): boolean {
  return entry?.state === "held" && now > entry.captureDeadline;
}

function refused(code: ErrorCode): Refused {
  return { ok: false, code };
}

function replayed(by: LedgerPayment): Refused {
  return { ok: false, code: "nonce_replayed", transaction: txOf(by) };
}

function usedBy({ session: { id } }: ModelSession): Refused {
  return { ok: false, code: "nonce_replayed", session: id };
}

function wrongCharge({ value, scheme }: LedgerPayment, charge: bigint): Refused | undefined {
  const rest = BigInt(value) - charge;
  if (scheme === "upto") return rest < 0n ? refused("charge_exceeded") : undefined;
  return rest === 0n ? undefined : refused("amount_mismatch");
}

function receipt({ payment, charge }: Settled): unknown {
  const { payer, payee } = payment;
  return { ok: true, transaction: txOf(payment), payer, payee, value: charge.toString() };
}

function granted({ payment, id, until }: Extract<Entry, { state: "held" }>): unknown {
  const { payer, nonce } = payment;
  return { ok: true, reservation: { payer, nonce, reservationId: id }, heldUntil: until, transaction: txOf(payment) };
}
