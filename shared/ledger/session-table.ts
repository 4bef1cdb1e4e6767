/**
 * The state table of a session (spec/state-table.md): how money is set aside, claimed, and given back. It runs on the payer's shard.
 *
 * The caller opens the transaction and gives the ledger's time: `now`, unix seconds. Refusals are values.
 */

import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import { NETWORK } from "../lez.ts";
import { EXPIRY_BATCH, MAX_SESSION_LANES } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import type { LedgerClaim, LedgerSession, SessionCallName, SessionName } from "../protocol/ledger-session.ts";
import { type Refusal, refusal } from "../protocol/refusal.ts";
import type {
  CallPayment,
  CancelResult,
  CheckResult,
  ClaimResult,
  OpenResult,
  SessionStanding,
  SessionStatus,
  WithdrawResult,
} from "../settlement/backend.ts";
import { type Accounts, available, claimed } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { Exchange } from "./exchange.ts";
import type { Claim, MandateTable } from "./mandate-table.ts";
import type { HeldRow, Payments } from "./payments.ts";
import { type ClaimRow, restOf, type SessionRow, type Sessions } from "./sessions.ts";
import { offTime, type StateTable, takenNonce } from "./state-table.ts";
import { invariant } from "./store.ts";

export class SessionTable {
  readonly #accounts: Accounts;
  readonly #exchange: Exchange;
  readonly #payments: Payments;
  readonly #sessions: Sessions;
  readonly #mandates: MandateTable;
  readonly #nonces: StateTable;
  readonly #clock: Clock;

  constructor(
    accounts: Accounts,
    exchange: Exchange,
    payments: Payments,
    sessions: Sessions,
    mandates: MandateTable,
    nonces: StateTable,
    clock: Clock,
  ) {
    this.#accounts = accounts;
    this.#exchange = exchange;
    this.#payments = payments;
    this.#sessions = sessions;
    this.#mandates = mandates;
    this.#nonces = nonces;
    this.#clock = clock;
  }

  /** Sets the deposit aside. */
  open(session: LedgerSession, now: number): OpenResult {
    const nonce = this.#nonces.current(session.payer, session.nonce, now);
    if (nonce?.state === "session" && nonce.session === session.id) return this.#openAgain(session, now);
    const refused = nonce ? takenNonce(nonce) : this.#obstacle(session, now);
    if (refused) return NEVER.has(refused.code) ? this.#final(refused) : refused;
    const claimDeadline = session.expiresAt + session.withdrawDelay;
    this.#accounts.hold(this.#accounts.read(session.payer), BigInt(session.deposit));
    this.#payments.insertUsed(session, claimDeadline);
    const row = this.#sessions.insert(session, claimDeadline, this.#mandates.openSession(claimOf(session), claimDeadline, now), now);
    return { ok: true, session: standing(row, now) };
  }

  /** What `open` would answer. Writes nothing. */
  check(session: LedgerSession, now: number): CheckResult {
    const { payer, nonce } = session;
    const found = this.#payments.find(payer, nonce);
    const expired = found?.state === "held" && now > found.capture_deadline ? found : undefined;
    const row = expired ? undefined : found;
    if (row?.state !== "session" || row.session !== session.id)
      return (row ? takenNonce(row) : this.#obstacle(session, now, expired)) ?? { ok: true };
    const known = this.#sessions.find(payer, session.id);
    return known && isLive(known, now) ? { ok: true } : refusal("session_closed");
  }

  /** Pays what is above the lanes' marks, all of it or nothing. */
  claim(claim: LedgerClaim, now: number): ClaimResult {
    const { payer, id, claimDigest } = claim;
    const known = this.#sessions.find(payer, id);
    if (!known) return refusal("session_unknown");
    const row = this.#current(known, now);
    const paid = this.#sessions.findClaim(payer, id, claimDigest);
    if (paid) return receipt(row, paid, now);
    if (claim.final) return this.#close(row, claimDigest, now);
    const marks = this.#sessions.marks(claim);
    const above = claim.lanes.filter(({ lane, amount }) => BigInt(amount) > (marks.get(lane) ?? 0n));
    if (above.length === 0) return receipt(row, undefined, now);
    if (row.state === "closed") return this.#final(refusal("session_closed"));
    const value = above.reduce((sum, { lane, amount }) => sum + BigInt(amount) - (marks.get(lane) ?? 0n), 0n);
    const fresh = above.filter(({ lane }) => !marks.has(lane)).length;
    if (value > restOf(row) || row.lanes + fresh > MAX_SESSION_LANES) return refusal("session_exhausted");
    return this.#pay(row, { ...claim, lanes: above }, value, fresh, now);
  }

  /**
   * The payer, or its agent, wants the rest back: the payee has `withdrawDelay` seconds left.
   * @param signedBy unix seconds: whatever was signed before the request was signed by then
   */
  withdraw({ payer, id }: SessionName, now: number, signedBy: number): WithdrawResult {
    const known = this.#sessions.find(payer, id);
    if (!known) return refusal("session_unknown");
    return { ok: true, session: standing(this.#sessions.beginClosing(this.#current(known, now), signedBy), now) };
  }

  /** The payer revokes its nonce. @returns undefined if the session is over */
  cancel(name: SessionName, now: number, signedBy: number): CancelResult | undefined {
    const ended = this.withdraw(name, now, signedBy);
    invariant(ended.ok, "a nonce that has opened a session names it");
    return ended.session.status === "closed" ? undefined : { ok: true, closesAt: ended.session.closesAt };
  }

  status({ payer, id }: SessionName, now: number): SessionStatus {
    const known = this.#sessions.find(payer, id);
    if (!known) return { status: "unknown", at: now };
    return this.#told(this.#current(known, now), now);
  }

  /** The same at a ledger on which nothing more happens. Writes nothing. */
  outcome({ payer, id }: SessionName, now: number): SessionStatus {
    const known = this.#sessions.find(payer, id);
    return known ? this.#told(known, now) : { status: "unknown", at: now };
  }

  /** Which claim paid a call. Writes nothing. */
  paymentOf(call: SessionCallName): CallPayment {
    const { claimed, claim: row } = this.#sessions.claimOfCall(call);
    if (!row) return { claimed };
    const { claim_digest: claim, tx: transaction, seq: entry, value, at, signed } = row;
    return { claimed, claim: { claim, transaction, entry, value, at, ...(signed !== null && { signed }) } };
  }

  /** What a claim was answered that was paid before. Writes nothing. */
  receiptOf({ payer, id, claimDigest }: LedgerClaim, now: number): ClaimResult | undefined {
    const known = this.#sessions.find(payer, id);
    const paid = known && this.#sessions.findClaim(payer, id, claimDigest);
    return known && paid && receipt(known, paid, now);
  }

  /** Gives back what dead sessions hold, and deletes those past their retention, a bounded batch of each. */
  runMaintenance(now: number): { unfinished: boolean; forgot: boolean; next: number } {
    const dead = this.#sessions.dead(now, EXPIRY_BATCH);
    for (const row of dead) this.#end(row, row.ends_at, null);
    const { unfinished, forgot } = this.#sessions.sweep(now);
    return { unfinished: unfinished || dead.length === EXPIRY_BATCH, forgot, next: this.#sessions.nextEnd() + 1 };
  }

  // --- What the events are made of -------------------------------------------------------------------

  /** The same session again, whose nonce is used. */
  #openAgain({ payer, id }: LedgerSession, now: number): OpenResult {
    const known = this.#sessions.find(payer, id);
    const row = known && this.#current(known, now);
    return row && isLive(row, now) ? { ok: true, session: standing(row, now) } : this.#final(refusal("session_closed"));
  }

  /** Returns why a session with an unused nonce cannot be opened; undefined if it can. The money of `expired`, a hold with it, is free. */
  #obstacle(session: LedgerSession, now: number, expired?: HeldRow): Refusal | undefined {
    const { payer, payee, deposit, validAfter } = session;
    const claim = claimOf(session);
    const known = this.#mandates.find(claim);
    // An owner who has revoked everything meant what an agent had signed, too.
    const forbidden =
      this.#mandates.forbids(claim, known, now) ?? this.#mandates.forbids({ payer, value: deposit, validAfter }, undefined, now);
    const off = forbidden ?? offTime(session, now);
    if (off) return refusal(off);
    const exceeded = this.#mandates.exceeds(claim, known, expired, now) ?? this.#beyondSessions(session);
    if (exceeded) return exceeded;
    const funds = available(this.#accounts.read(payer)) + BigInt(expired?.value ?? 0);
    if (funds < BigInt(deposit)) return refusal("insufficient_funds");
    return this.#exchange.isFull(payee) ? refusal("overloaded") : undefined;
  }

  /** What all sessions of its mandate hold together, and how many there are, are limits of their own. */
  #beyondSessions({ payer, deposit, mandate }: LedgerSession): Refusal | undefined {
    if (!mandate) return undefined;
    const others = this.#sessions.notClosed(payer, mandate.digest);
    const held = others.reduce((sum, other) => sum + restOf(other), BigInt(deposit));
    const beyond = held > BigInt(mandate.session.deposit) || others.length + 1 > mandate.session.open;
    return beyond ? { ok: false, code: "mandate_exceeded", limit: "session" } : undefined;
  }

  /** The row as of now: what a dead session holds is given back, before the alarm does so. */
  #current(row: SessionRow, now: number): SessionRow {
    return row.state === "closed" || now <= row.ends_at ? row : this.#end(row, row.ends_at, null);
  }

  /** The payee takes nothing more. */
  #close(row: SessionRow, claimDigest: Digest, now: number): ClaimResult {
    if (row.state !== "closed") return receipt(this.#end(row, now, claimDigest), undefined, now);
    return row.final_claim === claimDigest ? receipt(row, undefined, now) : this.#final(refusal("session_closed"));
  }

  /** → closed: the rest is the payer's again, and its mandate's. */
  #end(row: SessionRow, at: number, finalClaim: Digest | null): SessionRow {
    const rest = restOf(row);
    if (rest > 0n) this.#accounts.hold(this.#accounts.read(row.payer), -rest);
    this.#mandates.endSession(row, rest);
    return this.#sessions.close(row, at, finalClaim);
  }

  /** Marks, sums and both entries, in one transaction. It is never refused because of credits that wait: as with a capture, the goods are gone. */
  #pay(row: SessionRow, claim: LedgerClaim, value: bigint, fresh: number, now: number): ClaimResult {
    const { payer, payee, id, mandate, request_digest } = row;
    const from = this.#accounts.read(payer);
    const paid: ClaimRow = {
      payer,
      session: id,
      number: row.claims + 1,
      claim_digest: claim.claimDigest,
      tx: transactionOf(NETWORK, claim.claimDigest),
      seq: from.journalSeq + 1,
      value: value.toString() as Amount,
      at: now,
      signed: claim.signed ?? null,
    };
    this.#mandates.paySession(row, value);
    const after = this.#sessions.pay(row, paid, claim.lanes, fresh);
    this.#exchange.move(claimed(from, -value), payee, paid.value, {
      authorizationDigest: claim.claimDigest,
      ...(request_digest && { requestDigest: request_digest }),
      ...(mandate && { mandate }),
      transaction: paid.tx,
      cause: "claim",
      session: id,
      at: now,
    });
    return receipt(after, paid, now);
  }

  #told(row: SessionRow, now: number): SessionStatus {
    const claims = this.#sessions.claimsOf(row).map(({ claim_digest: claim, tx: transaction, seq: entry, value, at }) => {
      return { claim, transaction, entry, value, at };
    });
    return {
      ...standing(row, now),
      config: row.config,
      lanes: this.#sessions.lanesOf(row).map(({ lane, claimed }) => ({ lane, claimed })),
      laneCount: row.lanes,
      claims,
      claimCount: row.claims,
    };
  }

  /** Stores the time before an answer that depends on its having passed, so that no restart takes the answer back. */
  #final<T>(answer: T): T {
    this.#clock.persistFinal();
    return answer;
  }
}

/** Refusals that no later time takes back. */
const NEVER: ReadonlySet<ErrorCode> = new Set(["payment_expired", "mandate_expired"]);

/** Vouchers are accepted. */
function isLive({ state, expires_at }: SessionRow, now: number): boolean {
  return state === "open" && now <= expires_at;
}

/** Under a mandate a deposit counts as a payment does. */
function claimOf({ payer, deposit, validAfter, mandate }: LedgerSession): Claim {
  return { payer, value: deposit, validAfter, mandate };
}

function standing(row: SessionRow, now: number): SessionStanding {
  const { id, payer, deposit, claimed, expires_at: expiresAt, ends_at: closesAt, withdraw_requested_at: requested } = row;
  const status = now > closesAt ? "closed" : row.state;
  const since = requested !== null && { withdrawRequestedAt: requested };
  return { id, payer, status, deposit, claimed, expiresAt, closesAt, ...since, at: now };
}

function receipt(row: SessionRow, paid: ClaimRow | undefined, now: number): ClaimResult {
  const moved = paid ? { value: paid.value, transaction: paid.tx } : { value: "0" as const };
  return { ok: true, payee: row.payee, ...moved, session: standing(row, now) };
}
