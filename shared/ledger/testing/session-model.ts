/** The sessions of the second ledger: what was claimed of each lane is a list of claims, and what is held is what they leave. Knows no SQL. */

import type { Digest } from "../../crypto/digest.ts";
import type { AccountId } from "../../protocol/account.ts";
import type { LedgerClaim, LedgerSession, SessionName } from "../../protocol/ledger-session.ts";
import { claimTx } from "./session-table.ts";

export type SessionEvent =
  | { event: "open" | "look"; session: LedgerSession }
  | { event: "claim"; claim: LedgerClaim }
  | ({ event: "withdraw" | "session" } & SessionName);

/** What was paid of a claim. */
interface Taken {
  claim: LedgerClaim;
  value: bigint;
  at: number;
}

export class ModelSession {
  readonly session: LedgerSession;
  /** What counts under its mandate. */
  readonly counted: { settled: bigint; claimed: bigint } | undefined;
  readonly taken: Taken[] = [];
  state: "open" | "closing" | "closed" = "open";
  requestedAt: number | undefined;
  final: Digest | undefined;
  /** The last second in which anything can be paid, whatever its payer wants; and in which something is. */
  deadline: number;
  end: number;

  constructor(session: LedgerSession, counted?: ModelSession["counted"]) {
    this.session = session;
    this.counted = counted;
    this.deadline = session.expiresAt + session.withdrawDelay;
    this.end = this.deadline;
  }

  get claimed(): bigint {
    return this.taken.reduce((sum, { value }) => sum + value, 0n);
  }

  get rest(): bigint {
    return this.state === "closed" ? 0n : BigInt(this.session.deposit) - this.claimed;
  }

  isLive(now: number): boolean {
    return this.state === "open" && now <= this.session.expiresAt;
  }

  /** What the lane has ever paid. */
  mark(lane: string): bigint {
    const amounts = this.taken.flatMap(({ claim }) => claim.lanes.flatMap((entry) => (entry.lane === lane ? BigInt(entry.amount) : [])));
    return amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);
  }

  above({ lanes }: LedgerClaim): bigint {
    return lanes.reduce((sum, { lane, amount }) => {
      const more = BigInt(amount) - this.mark(lane);
      return more > 0n ? sum + more : sum;
    }, 0n);
  }

  take(claim: LedgerClaim, value: bigint, at: number): void {
    this.taken.push({ claim, value, at });
    if (!this.counted) return;
    this.counted.settled += value;
    this.counted.claimed -= value;
  }

  /** @param at when it ended */
  close(at: number, final?: Digest): void {
    if (this.counted) this.counted.claimed = 0n;
    this.state = "closed";
    this.end = at;
    this.final = final;
  }

  beginClosing(at: number): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.requestedAt = at;
    this.end = Math.min(this.deadline, at + this.session.withdrawDelay);
  }

  standing(now: number): Record<string, unknown> {
    const { id, payer, deposit, expiresAt } = this.session;
    return {
      id,
      payer,
      status: this.state,
      deposit,
      claimed: this.claimed.toString(),
      expiresAt,
      closesAt: this.end,
      ...(this.requestedAt !== undefined && { withdrawRequestedAt: this.requestedAt }),
      at: now,
    };
  }

  /** Sums, lanes and claims, without the numbers of the journal's entries. */
  told(now: number): Record<string, unknown> {
    const lanes = [...new Set(this.taken.flatMap(({ claim }) => claim.lanes.map(({ lane }): string => lane)))].toSorted();
    return {
      ...this.standing(now),
      config: this.session.config,
      lanes: lanes.map((lane) => ({ lane, claimed: this.mark(lane).toString() })),
      laneCount: lanes.length,
      claims: this.taken
        .map(({ claim, value, at }) => ({ claim: claim.claimDigest, transaction: claimTx(claim), value: value.toString(), at }))
        .toReversed(),
      claimCount: this.taken.length,
    };
  }

  receipt(now: number, taken?: Taken): Record<string, unknown> {
    const moved = taken ? { value: taken.value.toString(), transaction: claimTx(taken.claim) } : { value: "0" };
    return { ok: true, payee: this.session.payee, ...moved, session: this.standing(now) };
  }
}

export class ModelSessions {
  readonly #all = new Map<string, ModelSession>();

  find({ payer, id }: SessionName): ModelSession | undefined {
    return this.#all.get(`${payer} ${id}`);
  }

  add(session: ModelSession): ModelSession {
    this.#all.set(`${session.session.payer} ${session.session.id}`, session);
    return session;
  }

  delete({ session: { payer, id } }: ModelSession): void {
    this.#all.delete(`${payer} ${id}`);
  }

  get all(): ModelSession[] {
    return [...this.#all.values()];
  }

  get open(): ModelSession[] {
    return this.all.filter(({ state }) => state !== "closed");
  }

  of(payer: AccountId, mandate: Digest | "*"): ModelSession[] {
    const own = this.open.filter(({ session }) => session.payer === payer);
    return mandate === "*" ? own : own.filter(({ session }) => session.mandate?.digest === mandate);
  }

  held(payer: AccountId): bigint {
    return this.of(payer, "*").reduce((sum, { rest }) => sum + rest, 0n);
  }

  /** No claim could be made meanwhile. */
  prolong(seconds: number): void {
    for (const session of this.open) {
      session.end += seconds;
      session.deadline += seconds;
    }
  }
}
