/** What one isolate knows of sessions, in memory: what the ledger said, and the lane that it has. A bounded number of them. */

import { Lane } from "../../../../shared/batch-settlement/lane.ts";
import { keepNewest } from "../../../../shared/bounded.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { DigestVerifier } from "../../../../shared/crypto/ed25519.ts";
import { FACILITATOR_TIMEOUT_SECONDS, MAX_KNOWN_SESSIONS, UNKNOWN_SESSION_SECONDS } from "../../../../shared/limits.ts";
import type { Session } from "../../../../shared/protocol/session.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import type { HeldVoucher } from "./held-voucher.ts";
import { OwnCompletions } from "./own-completions.ts";
import type { LaneGrant } from "./rpc.ts";
import { type LeasedLane, type Standing, usableUntil } from "./voucher-rule.ts";

/** A lane as its isolate has it. The calls that run in it keep it, even when the isolate has let go of it. */
export interface HeldLane extends LeasedLane<HeldVoucher> {
  /** What the object knows, and what is on its way there. */
  reported: bigint;
  reporting: bigint;
  /** A request waits, to report what others spend meanwhile. Milliseconds; 0: none. */
  reportsSince: number;
  /** Answers that flow, and are charged meanwhile. */
  flowing: number;
}

export class IsolateSession {
  readonly id: Digest;
  readonly config: Session;
  /** Of the key that signs its vouchers. */
  readonly signer: DigestVerifier;
  /** The lane that requests use. */
  leased: HeldLane | undefined;
  /** What the object has yet to hear of lane 0. */
  readonly completions = new OwnCompletions();
  /** Charged in all other lanes, as the object said last. */
  chargedElsewhere = 0n;
  #standing: SessionStanding;
  #view: Standing;
  /** A request has asked for a lane. Milliseconds; 0: none. */
  #asksForLaneSince = 0;

  constructor(id: Digest, config: Session, standing: SessionStanding) {
    this.id = id;
    this.config = config;
    this.signer = new DigestVerifier(config.signer);
    this.#standing = standing;
    this.#view = viewOf(config, standing);
  }

  get standing(): SessionStanding {
    return this.#standing;
  }

  /** What the rule reads of it. */
  get view(): Standing {
    return this.#view;
  }

  learn(standing: SessionStanding): void {
    if (standing.at < this.#standing.at) return;
    this.#standing = standing;
    this.#view = viewOf(this.config, standing);
  }

  /** Whether a request waits for a lane. One that waits for longer than a call lasts has died. */
  isAskingForLane(now: number): boolean {
    return now - this.#asksForLaneSince < FACILITATOR_TIMEOUT_SECONDS * 1000;
  }

  /** @returns when it was asked for, in milliseconds */
  askForLane(): number {
    this.#asksForLaneSince = Date.now();
    return this.#asksForLaneSince;
  }

  hasAskedForLane(): void {
    this.#asksForLaneSince = 0;
  }

  /** @param askedAt when the isolate asked for it, in milliseconds */
  adopt({ id, limit, chargedElsewhere }: LaneGrant, askedAt: number): void {
    this.chargedElsewhere = BigInt(chargedElsewhere);
    const { leased } = this;
    if (leased?.id === id) {
      if (BigInt(limit) > leased.limit) leased.limit = BigInt(limit);
      leased.usableUntil = Math.max(leased.usableUntil, usableUntil(askedAt));
    } else if (!leased) {
      const lane = new Lane<HeldVoucher>();
      const usable = usableUntil(askedAt);
      this.leased = { id, lane, limit: BigInt(limit), usableUntil: usable, reported: 0n, reporting: 0n, reportsSince: 0, flowing: 0 };
    }
  }
}

function viewOf({ withdrawDelay }: Session, { status, expiresAt, at }: SessionStanding): Standing {
  return { status, expiresAt, at, withdrawDelay: Number(withdrawDelay) };
}

export class IsolateSessions {
  readonly #known = new Map<string, IsolateSession>();
  /** Ids that the ledger did not know, each until when that is believed, in milliseconds. */
  readonly #unknown = new Map<string, number>();

  get(id: string): IsolateSession | undefined {
    return this.#known.get(id);
  }

  /** What the ledger said, or the facilitator when it opened the session. */
  remember(id: Digest, config: Session, standing: SessionStanding): IsolateSession {
    const known = this.#known.get(id);
    if (known) {
      known.learn(standing);
      return known;
    }
    this.#unknown.delete(id);
    const session = new IsolateSession(id, config, standing);
    // Of the oldest, each call that was not reported has a request that will.
    keepNewest(this.#known, id, session, MAX_KNOWN_SESSIONS);
    return session;
  }

  rememberUnknown(id: string, now: number): void {
    keepNewest(this.#unknown, id, now + UNKNOWN_SESSION_SECONDS * 1000, MAX_KNOWN_SESSIONS);
  }

  isUnknown(id: string, now: number): boolean {
    return (this.#unknown.get(id) ?? 0) > now;
  }
}
