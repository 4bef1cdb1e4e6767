/**
 * What isolates and the object of a session say to each other. Sums are atomic units as decimal strings. Names, arguments and results stay:
 * during a deployment, isolates of one version call the object of another.
 */

import type { Acceptance } from "../../../../shared/batch-settlement/lane.ts";
import type { Session } from "../../../../shared/protocol/session.ts";
import type { SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import type { SessionsNamespace } from "../types.ts";

/** A session and what the ledger said of it. It travels with each call that can give money away: the object may know less. */
export interface KnownSession {
  config: Session;
  standing: SessionStanding;
}

export interface LaneGrant {
  id: string;
  limit: string;
  /** Charged in all other lanes, as far as the object knows. */
  chargedElsewhere: string;
  /** Paid by claims. */
  claimed: string;
}

export interface WireReport {
  id: string;
  spent: string;
  best?: SignedVoucher | undefined;
  /** Milliseconds from now in which a handler may still deliver. */
  runsFor?: number | undefined;
  /** Its isolate lets go of the lane: this is all of it. */
  isLast?: true;
}

export interface ReportAnswer {
  /** What of the lane can be claimed. Less than was reported: it came too late. */
  spent: string;
  /** Undefined: the isolate has to let go of the lane. */
  grant?: LaneGrant | undefined;
}

export interface TakeCall {
  known: KnownSession;
  voucher: SignedVoucher;
  /** The most that the call can cost. */
  amount: string;
  /** The longest that its handler runs. */
  handlerMillis: number;
  /** The id of a lane that the isolate wants for what comes next. */
  newLane?: string | undefined;
  /** Earlier calls of this isolate whose handlers are over. They come before this one. */
  finished?: readonly FinishCall[] | undefined;
}

export type TakenRefusal =
  | { ok: false; code: "voucher_used"; charged: string; spent: string }
  | {
      ok: false;
      code: Exclude<Extract<Acceptance, { ok: false }>["code"], "voucher_used"> | "session_closed" | "facilitator_unavailable";
    };

/** Lane 0, as it stands. */
export interface OwnLaneState {
  spent: string;
  limit: string;
  /** No serial up to here is accepted, unless it is in the window. */
  highest: number;
  best?: SignedVoucher | undefined;
  chargedElsewhere: string;
  claimed: string;
}

export interface TakeAnswer {
  taken: { ok: true } | TakenRefusal;
  own: OwnLaneState;
  lane?: LaneGrant | undefined;
  /** What was `finished` counts. Absent: an object of an earlier version, which did not read it. */
  heard?: true;
}

export interface FinishCall {
  serial: number;
  /** Absent: it did not deliver. */
  charge?: string | undefined;
  /** What the merchant may lose with the object. */
  risk: string;
}

/** What a call of lane 0 has come to whose answer flows. */
export interface ChargeCall {
  serial: number;
  /** In all, so that it counts once however often it is told. */
  charged: string;
  risk: string;
  /** In which it is told again, or is over. */
  handlerMillis: number;
}

export interface LeaseCall {
  known: KnownSession;
  /** The price of a call. */
  amount: string;
  newLane: string;
}

export interface RenewCall {
  known: KnownSession;
  amount: string;
  report: WireReport;
  /** The sum that the lane has to reach. */
  needed: string;
}

/** A Durable Object `Sessions`, as isolates call it. */
export interface SessionsRpc {
  /** False if newer code wrote the tables: nothing is offered then. */
  canOpen(): Promise<boolean>;
  /** Takes a voucher of lane 0. */
  take(call: TakeCall): Promise<TakeAnswer>;
  /** The handler of a voucher of lane 0 is over. */
  finish(call: FinishCall): Promise<void>;
  charge(call: ChargeCall): Promise<void>;
  lease(call: LeaseCall): Promise<LaneGrant | undefined>;
  renew(call: RenewCall): Promise<LaneGrant | undefined>;
  report(report: WireReport): Promise<ReportAnswer>;
  /**
   * The client wants the rest of its money back. Its isolate's own lane is reported and let go of.
   * @returns what the ledger says then: closed, or still open until the lanes of other isolates are over
   */
  close(known: KnownSession, report?: WireReport): Promise<SessionStanding>;
}

/** A new stub for every call: one that broke stays broken. */
export function sessionObject(namespace: SessionsNamespace, id: string): SessionsRpc {
  return namespace.getByName(id) as SessionsRpc;
}

/** An object of no session. Its id is a part of the merchant's key, and it has the schema of the newest version that was deployed. */
export const NAMED_OBJECT = "lez-agent-pay/sessions";
