/** The requests of an account: what is kept of each, and every change of its state. The rules are shared/desk/request-states.ts. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { DeskCode } from "../../shared/desk/codes.ts";
import { ASKED_STATES, type AskedState, type RequestEvent, stateAt, stepOf } from "../../shared/desk/request-states.ts";
import { CLOCK_SKEW_SECONDS, MAX_DESK_PAST_DECISIONS } from "../../shared/limits.ts";
import type { DecisionRecord } from "../../shared/protocol/decision.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../../shared/row.ts";
import type { PastDecision } from "../../shared/screen/view.ts";
import { formatTimestamp, parseTimestamp } from "../../shared/time.ts";
import type { PaymentPayload, PaymentRequired } from "../../shared/x402/x402.ts";
import type { DeskStore } from "./store.ts";

/** What the ledger said of an approved payment. `opened`: a session. `unpaid`: it can pay nothing any more. */
const OUTCOMES = ["paid", "opened", "unpaid"] as const;
export type LedgerOutcome = (typeof OUTCOMES)[number];

const COLUMNS = {
  seq: integer(),
  digest: text<Digest>(),
  agent_key: text(),
  state: oneOf(...ASKED_STATES),
  request: text(),
  terms: nullable(text()),
  asked_at: integer(),
  expires_at: integer(),
  decided_at: nullable(integer()),
  payment: nullable(text()),
  valid_before: nullable(integer()),
  decision: nullable(text()),
  outcome: nullable(oneOf(...OUTCOMES)),
  transaction_id: nullable(text()),
  charged: nullable(text()),
  asked_ledger_at: nullable(integer()),
  untold: nullable(text()),
};
const asRow = row(COLUMNS);

/** A row whose state is that of now. Its JSON was checked when it was written. */
export type RequestRow = RowOf<typeof COLUMNS>;

export function findRequest(store: DeskStore, digest: string, now: number): RequestRow | undefined {
  const [found] = store.sql("SELECT * FROM request WHERE digest = ?", digest);
  return found && current(asRow(found), now);
}

function current(found: RequestRow, now: number): RequestRow {
  return { ...found, state: stateAt(found.state, found.expires_at, now) };
}

export function requestOf({ request }: Pick<RequestRow, "request">): PaymentRequest {
  return JSON.parse(request) as PaymentRequest;
}

export function paymentOf({ payment }: Pick<RequestRow, "payment">): PaymentPayload | undefined {
  return payment === null ? undefined : (JSON.parse(payment) as PaymentPayload);
}

export function termsOf({ terms }: Pick<RequestRow, "terms">): PaymentRequired | undefined {
  return terms === null ? undefined : (JSON.parse(terms) as PaymentRequired);
}

export function decisionOf({ decision }: Pick<RequestRow, "decision">): DecisionRecord | undefined {
  return decision === null ? undefined : (JSON.parse(decision) as DecisionRecord);
}

/** @param now unix seconds */
export function keepRequest(
  store: DeskStore,
  { digest, request, terms }: { digest: Digest; request: PaymentRequest; terms: PaymentRequired | undefined },
  now: number,
): void {
  store.sql(
    "INSERT INTO request (digest, agent_key, state, request, terms, asked_at, expires_at) VALUES (?, ?, 'pending', ?, ?, ?, ?)",
    digest,
    request.agent.publicKey,
    JSON.stringify(request),
    terms === undefined ? null : JSON.stringify(terms),
    now,
    parseTimestamp(request.expiresAt) ?? 0,
  );
}

/** `changed`: it happened now. Otherwise it had happened before, or does nothing in this state. */
export type Taken = { ok: true; kept: RequestRow; changed: boolean } | { ok: false; code: DeskCode; state: AskedState };

/**
 * Lets an event happen to a request, or says why it cannot. One transaction.
 * @param write what an event keeps beside the state, if it happens
 */
export function take(store: DeskStore, digest: string, event: RequestEvent, now: number, write: Changes = {}): Taken {
  return store.transact(() => {
    const found = findRequest(store, digest, now);
    const state = found?.state ?? "none";
    const step = stepOf(state, event);
    if (step === "stay" && found) return { ok: true, kept: found, changed: false };
    if (typeof step === "string" || !found)
      return { ok: false, code: step === "stay" || typeof step !== "string" ? "request_not_found" : step, state };
    const changes = { ...write, state: step.go, decided_at: now };
    const names = Object.keys(changes);
    store.sql(`UPDATE request SET ${names.map((name) => `${name} = ?`).join(", ")} WHERE digest = ?`, ...Object.values(changes), digest);
    store.sql("DELETE FROM part WHERE request = ?", digest);
    return { ok: true, kept: { ...found, ...changes }, changed: true };
  });
}

type Changes = Partial<Pick<RequestRow, "payment" | "valid_before" | "decision" | "untold">>;

/** Requests of an agent in the last seconds. @returns how many, and when the oldest of them came */
export function askedSince(store: DeskStore, agentKey: string, since: number): { requests: number; oldest: number } {
  const [counted] = store.sql(
    "SELECT count(*) AS requests, coalesce(min(asked_at), 0) AS oldest FROM request WHERE agent_key = ? AND asked_at > ?",
    agentKey,
    since,
  );
  return row({ requests: integer(), oldest: integer() })(counted ?? {});
}

export function waitingRequests(store: DeskStore, now: number): number {
  const [counted] = store.sql("SELECT count(*) AS requests FROM request WHERE state = 'pending' AND expires_at >= ?", now);
  return Number(counted?.["requests"]);
}

/** The digests of what an agent asks, and waits for. */
export function waitingOf(store: DeskStore, agentKey: string): string[] {
  const found = store.sql("SELECT digest FROM request WHERE agent_key = ? AND state = 'pending'", agentKey);
  return found.map(row({ digest: text() })).map(({ digest }) => digest);
}

/**
 * One page of the list: what waits, the first to expire first; or everything, the newest first.
 * @param cursor of the page before
 */
export function listRequests(store: DeskStore, all: boolean, cursor: number | undefined, page: number, now: number): RequestRow[] {
  const found = all
    ? store.sql("SELECT * FROM request WHERE seq < ? ORDER BY seq DESC LIMIT ?", cursor ?? Number.MAX_SAFE_INTEGER, page)
    : store.sql(
        "SELECT * FROM request WHERE state = 'pending' AND expires_at >= ? ORDER BY expires_at, seq LIMIT ? OFFSET ?",
        now,
        page,
        cursor ?? 0,
      );
  return found.map((each) => current(asRow(each), now));
}

/** Approved payments about which the ledger said nothing final, the longest unasked first. */
export function unsettledRequests(store: DeskStore, limit: number): RequestRow[] {
  return store
    .sql(
      "SELECT * FROM request WHERE payment IS NOT NULL AND outcome IS NULL ORDER BY coalesce(asked_ledger_at, 0), seq DESC LIMIT ?",
      limit,
    )
    .map(asRow);
}

/** Revocations that the ledger does not know of, the longest untried first. A payment whose time is over needs none. */
export function untoldRequests(store: DeskStore, limit: number, now: number): RequestRow[] {
  return store
    .sql(
      "SELECT * FROM request WHERE untold IS NOT NULL AND valid_before >= ? ORDER BY coalesce(asked_ledger_at, 0), seq LIMIT ?",
      now - CLOCK_SKEW_SECONDS,
      limit,
    )
    .map(asRow);
}

export function noteOutcome(
  store: DeskStore,
  digest: string,
  { outcome, transaction, charged }: { outcome?: LedgerOutcome; transaction?: string; charged?: string },
  now: number,
): void {
  store.sql(
    "UPDATE request SET outcome = ?, transaction_id = ?, charged = ?, asked_ledger_at = ? WHERE digest = ? AND outcome IS NULL",
    outcome ?? null,
    transaction ?? null,
    charged ?? null,
    now,
    digest,
  );
}

export function noteTold(store: DeskStore, digest: string, problem: string | undefined, now: number): void {
  store.sql("UPDATE request SET untold = ?, asked_ledger_at = ? WHERE digest = ?", problem ?? null, now, digest);
}

/** Of paid requests, the newest first. A session sets money aside, and what of it is paid the desk does not learn. */
export function paidRequests(store: DeskStore, since: number): RequestRow[] {
  return store.sql("SELECT * FROM request WHERE outcome = 'paid' AND decided_at >= ? ORDER BY decided_at DESC, seq DESC", since).map(asRow);
}

const asPast = row({
  digest: text(),
  state: oneOf(...ASKED_STATES),
  decided_at: integer(),
  agent_key: text(),
  url: text(),
  payee: text(),
  amount: text(),
  valid_before: nullable(integer()),
});

/** The newest decisions of this owner, oldest first: what the screen's warnings are made from. */
export function pastDecisions(store: DeskStore, account: string): PastDecision[] {
  const found = store.sql(
    `SELECT digest, state, decided_at, agent_key, valid_before, json_extract(request, '$.http.url') AS url,
            json_extract(request, '$.payment.payTo') AS payee,
            coalesce(json_extract(request, '$.payment.session.deposit'), json_extract(request, '$.payment.amount')) AS amount
       FROM request WHERE state IN ('approved', 'declined', 'revoked') ORDER BY decided_at DESC LIMIT ?`,
    MAX_DESK_PAST_DECISIONS,
  );
  return found
    .map(asPast)
    .toReversed()
    .flatMap(({ digest, state, decided_at, agent_key, url, payee, amount, valid_before }): PastDecision[] => {
      const about = { requestDigest: digest, at: formatTimestamp(decided_at), agentKey: agent_key, url, payTo: payee, amount };
      const approved = { ...about, decision: "approved", from: account, validBefore: String(valid_before ?? 0) } as const;
      if (state === "approved") return [approved];
      return state === "declined" ? [{ ...about, decision: "declined" as const }] : [approved, { ...about, decision: "revoked" as const }];
    });
}

/** What approved payments may still take, but the one of this request. */
export function outstandingBeside(store: DeskStore, digest: string, now: number): { sum: bigint; requests: number } {
  const found = store.sql(
    `SELECT coalesce(json_extract(request, '$.payment.session.deposit'), json_extract(request, '$.payment.amount')) AS amount
       FROM request WHERE state = 'approved' AND outcome IS NULL AND valid_before >= ? AND digest <> ?`,
    now,
    digest,
  );
  const amounts = found.map(row({ amount: text() }));
  return { sum: amounts.reduce((sum, { amount }) => sum + BigInt(amount), 0n), requests: amounts.length };
}
