/**
 * What the page of the desk asks of what serves it, and is answered. Each call is `POST /api/NAME` with a JSON body; the answer is
 * an `Answered`. Amounts are atomic units in decimal; times are RFC 3339. Text from agents and merchants is as they wrote it: the
 * page shows it with `showUnsafe`.
 */

import type { DECLINE_CODES } from "../protocol/decision.ts";
import type { MandateUsage } from "../screen/mandate-usage.ts";
import type { Money } from "../screen/money.ts";
import type { ApprovalWire } from "./approval-wire.ts";
import type { NativeWire } from "./native-wire.ts";

export const API_PATH = "/api/";

export type DeclineCode = (typeof DECLINE_CODES)[number];

/** Who decides here, and what the account holds. */
export interface DeskState {
  account: string;
  /** Without a seal no passphrase is asked for. */
  sealed: boolean;
  network: string;
  balance?: { spendable: Money; held: Money } | undefined;
  /** Why there is no balance. */
  balanceProblem?: string | undefined;
}

export type RequestState = "pending" | "approved" | "declined" | "cancelled" | "expired" | "revoked" | "sent" | "paid" | "refused";

export interface RequestItem {
  shortCode: string;
  requestDigest: string;
  state: RequestState;
  method: string;
  url: string;
  price: Money;
  charged?: Money | undefined;
  refunded?: Money | undefined;
  session?: { deposit: Money; seconds: number } | undefined;
  payTo: string;
  /** On which money is paid. What is paid on the chain itself is signed at a terminal. */
  network: string;
  /** Of a request on the chain itself, at a hosted desk: decided at a terminal, or taken back by its agent. The desk is not told which. */
  decidedElsewhere?: true | undefined;
  agentKey: string;
  agentRule?: "muted" | "blocked" | undefined;
  reason: string;
  createdAt: string;
  expiresAt: string;
  expiresInSeconds: number;
  decision?: { code: string; note?: string | undefined; decidedAt: string; signed: boolean } | undefined;
  transaction?: string | undefined;
  /** The code of the mandate that paid it: the owner was not asked. */
  mandate?: string | undefined;
  refusal?: string | undefined;
}

export interface RequestList {
  requests: RequestItem[];
  /** One sentence per file that cannot be read. */
  unreadable: string[];
  hidden?: { muted: number; blocked: number } | undefined;
  /** Of a hosted desk: one line per agent that asked faster than it may. These requests were refused, and are not in the list. */
  folded?: { agentKey: string; name: string; requests: number; lastAt: string }[] | undefined;
  nextCursor?: string | undefined;
}

export interface MandateItem {
  shortCode: string;
  mandate: string;
  agentKey: string;
  perPayment: Money;
  total: Money;
  period?: { seconds: number; amount: Money; count?: number | undefined } | undefined;
  payees: string[];
  origins: string[];
  schemes: string[];
  note?: string | undefined;
  expiresAt: string;
  expiresInSeconds: number;
  usage?: MandateUsage | undefined;
  /** Why there is no usage. */
  problem?: string | undefined;
}

export interface MandateList {
  mandates: MandateItem[];
  more: number;
  /** Granted, and without a file here: they can still pay. */
  lost: { shortCode: string; mandate: string; grantedAt: string }[];
  unreadable: { file: string; problem: string }[];
}

export interface HistoryFilter {
  /** The last n days in UTC. */
  days: number;
  agent?: string | undefined;
  merchant?: string | undefined;
  /** `2026-01-31`, in UTC. */
  day?: string | undefined;
}

export interface HistoryPayment {
  at: string;
  agent: string;
  merchant: string;
  method: string;
  url: string;
  reason: string;
  amount: string;
  /** On which money it was paid. Absent where there was the ledger's alone. */
  network?: string | undefined;
  transaction: string;
  /** Its short code; empty for a payment without a request. */
  request: string;
  mandate: string;
}

/** What the calls of one session were charged, in the days and by the filters that were asked for. */
export interface HistorySession {
  /** When the last of them ended. */
  at: string;
  agent: string;
  merchant: string;
  /** Empty where the request is not known here. */
  reason: string;
  /** Atomic units. */
  charged: string;
  calls: number;
  /** Its short code. */
  session: string;
}

export interface HistoryGroup {
  name: string;
  payments: number;
  paid: Money;
}

export interface History {
  /** The first day that counts. */
  since: string;
  today: string;
  /** On the ledger, as the sums and groups that follow. */
  payments: number;
  total: Money;
  refunded: Money;
  /** Days with payments, newest first. */
  days: HistoryGroup[];
  /** Who was paid the most comes first. */
  merchants: { lines: HistoryGroup[]; more: number };
  /** What was paid on the chain itself, by network: in no other sum. */
  chains?: HistoryGroup[] | undefined;
  /** Newest first, on every network, at most a page of them. */
  list: HistoryPayment[];
  more: number;
  /** Calls in sessions, beside the payments: the latest session first. Of a desk that knows of calls. */
  sessions?: { total: Money; list: HistorySession[]; more: number } | undefined;
  /** What the filters can name: everything within the days. */
  known: { agents: string[]; merchants: string[] };
}

export interface Receipt {
  /** What the merchant's answer said, if it was kept. */
  stated?:
    | {
        transaction: string;
        fits: boolean;
        network: string;
        /** The agent handed it to a hosted desk, which did not see the answer. */
        by?: "agent" | undefined;
      }
    | undefined;
  signed: { offer: boolean; receipt: boolean };
  charged?: Money | undefined;
  refunded?: Money | undefined;
  report: {
    verdict: "verified" | "incomplete" | "differs";
    says?:
      | {
          shortCode: string;
          reason: string;
          method: string;
          url: string;
          paid: Money;
          payer: string;
          payTo: string;
          approvedAt?: string | undefined;
          transaction: string;
        }
      | undefined;
    passed: number;
    warned: number;
    failed: number;
    unchecked: number;
    points: { id: string; title: string; verdict: "pass" | "warn" | "fail" | "unchecked"; saw: string }[];
  };
}

export const EXPORT_FORMATS = ["csv", "jsonl", "payments"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The passphrase of the sealed key, for one decision. The page forgets it when it was sent. */
interface WithPassphrase {
  passphrase?: string | undefined;
}

/** Each call: what is asked, and the data of its answer. */
export interface DeskCalls {
  state: [ask: Record<string, never>, answer: DeskState];
  requests: [ask: { all: boolean; cursor?: string | undefined }, answer: RequestList];
  request: [ask: { request: string }, answer: RequestItem];
  /** Asks the host and the facilitator: what is answered is what an approval of this `reading` signs, and nothing else. */
  read: [ask: { request: string; expiresIn?: number | undefined }, answer: { reading: string; view: ApprovalWire }];
  /** The same of a request on the chain itself. Nothing of it can be signed here. */
  readNative: [ask: { request: string }, answer: { view: NativeWire }];
  /** `digest`: what the page has computed from the request's bytes. `typed`: the amount or the short code, where that is needed. */
  approve: [
    ask: { reading: string; digest: string; typed?: string | undefined } & WithPassphrase,
    answer: { shortCode: string; approved: Money; awaited?: boolean | undefined },
  ];
  /** Signed if the passphrase is given. */
  decline: [
    ask: { request: string; code: DeclineCode; note?: string | undefined } & WithPassphrase,
    answer: { shortCode: string; already?: boolean | undefined },
  ];
  /** Withdraws the approval of a request that is not paid yet. Signed, and final. `closing`: of a session that it had opened. */
  takeBack: [
    ask: { request: string; code: DeclineCode; note?: string | undefined } & WithPassphrase,
    answer: { shortCode: string; already?: boolean | undefined; closing?: { atMost: Money; until?: string | undefined } | undefined },
  ];
  mandates: [ask: { all: boolean }, answer: MandateList];
  revokeMandate: [ask: { mandate: string } & WithPassphrase, answer: { mandates: string[]; revokedAt?: string | undefined }];
  history: [ask: HistoryFilter, answer: History];
  receipt: [ask: { request: string }, answer: Receipt];
  export: [ask: { format: ExportFormat }, answer: { name: string; type: string; text: string }];
}

export type CallName = keyof DeskCalls;
export type Ask<Name extends CallName> = DeskCalls[Name][0];
export type Answer<Name extends CallName> = DeskCalls[Name][1];

export type Answered<Data> =
  /** `notes`: sentences for the owner. */
  | { ok: true; data: Data; notes?: string[] | undefined }
  | { ok: false; error: { code: string; message: string; hint?: string | undefined } };
