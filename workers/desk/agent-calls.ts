/** What a paired agent asks of its owner's desk. Its signature was verified before; whether it is paired, and not replayed, is decided here. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { Asked, DeskAsk, Granted, HandedReceipt } from "../../shared/desk/agent-api.ts";
import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import {
  DESK_CALL_SECONDS,
  DESK_RATE_SECONDS,
  MAX_AGENT_CALLS_PER_MINUTE,
  MAX_ASKS_PER_AGENT,
  MAX_DESK_BYTES,
  MAX_DESK_WAIT_SECONDS,
  MAX_WAITING_REQUESTS,
} from "../../shared/limits.ts";
import { checkAnyRequest } from "../../shared/protocol/any-request.ts";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { noteCall, noteFolded, pairedAgent, unpairAgent } from "./agents.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { openGrants } from "./grants.ts";
import { note } from "./journal.ts";
import { useOnce } from "./logins.ts";
import { keepReceipt } from "./receipts.ts";
import {
  askedSince,
  decisionOf,
  findRequest,
  keepRequest,
  paymentOf,
  requestOf,
  type RequestRow,
  take,
  waitingOf,
  waitingRequests,
} from "./requests.ts";

/** Who calls: the key that signed, and the nonce that it signed with. */
export interface AgentCaller {
  publicKey: string;
  nonce: Digest;
  /** Unix seconds, as signed. */
  at: number;
}

export type AgentWish =
  | { kind: "ask"; ask: DeskAsk }
  | { kind: "look"; digest: Digest; wait: number }
  | { kind: "cancel"; digest: Digest }
  | { kind: "receipt"; digest: Digest; handed: HandedReceipt }
  | { kind: "mandates" }
  | { kind: "unpair" };

/** Calls of the last minute, by key. It is memory alone: an object that starts anew forgets them. */
export type CallCounts = Map<string, { minute: number; calls: number }>;

/** Uses the call up. @returns why it does not count */
export function admit(
  store: DeskContext["store"],
  { publicKey, nonce, at }: AgentCaller,
  counts: CallCounts,
  now: number,
): DeskRefusal | undefined {
  if (!pairedAgent(store, publicKey)) return refused("not_paired");
  if (!useOnce(store, "call", nonce, at + DESK_CALL_SECONDS)) return refused("replayed");
  const minute = Math.floor(now / 60);
  const before = counts.get(publicKey);
  const calls = before?.minute === minute ? before.calls + 1 : 1;
  counts.set(publicKey, { minute, calls });
  if (calls > MAX_AGENT_CALLS_PER_MINUTE) return { ...refused("rate_limited"), retryAfter: 60 - (now % 60) };
  noteCall(store, publicKey, now);
  return undefined;
}

export function answerAgent(desk: DeskContext, { publicKey }: AgentCaller, wish: AgentWish): Promise<Told<unknown>> | Told<unknown> {
  switch (wish.kind) {
    case "ask":
      return ask(desk, publicKey, wish.ask);
    case "look":
      return look(desk, publicKey, wish.digest, wish.wait);
    case "cancel":
      return cancel(desk, publicKey, wish.digest);
    case "receipt":
      return handIn(desk, publicKey, wish.digest, wish.handed);
    case "mandates":
      return tell<Granted>({ mandates: openGrants(desk.store, unixNow(), publicKey).map(({ signed }) => signed) });
    default:
      return unpair(desk, publicKey, "agent");
  }
}

async function ask(desk: DeskContext, publicKey: string, { request, terms }: DeskAsk): Promise<Told<Asked>> {
  const { store } = desk;
  if (request.agent.publicKey !== publicKey) return refused("request_refused", "The request was signed by another agent's key.");
  const digest = requestDigest(request);
  const before = own(store, digest, publicKey);
  if (before) return tell(answerOf(before));
  const tooMany = overRate(store, publicKey, unixNow());
  if (tooMany) return tooMany;
  const checked = await checkAnyRequest(request, unixNow());
  if (!checked.ok)
    return refused(
      checked.code === "request_expired" ? "request_expired" : "request_refused",
      `The desk does not show this request: ${checked.problem}.`,
    );

  // Another copy of the call may have come meanwhile, and the pairing may have ended.
  const now = unixNow();
  const agent = pairedAgent(store, publicKey);
  if (!agent) return refused("not_paired");
  const meanwhile = own(store, digest, publicKey);
  if (meanwhile) return tell(answerOf(meanwhile));
  const late = overRate(store, publicKey, now);
  if (late) return late;
  if (waitingRequests(store, now) >= MAX_WAITING_REQUESTS || store.size() >= MAX_DESK_BYTES)
    return { ...refused("desk_full"), retryAfter: DESK_RATE_SECONDS };
  store.transact(() => {
    keepRequest(store, { digest, request, terms }, now);
    note(store, now, "asked", {
      requestDigest: digest,
      agentKey: publicKey,
      url: request.http.url,
      payTo: request.payment.payTo,
      amount: request.payment.session?.deposit ?? request.payment.amount,
    });
  });
  return tell<Asked>({ state: "pending", requestDigest: digest });
}

/** Counts the request as folded. Nothing of it is kept: its agent is told to ask again. */
function overRate(store: DeskContext["store"], publicKey: string, now: number): DeskRefusal | undefined {
  const { requests, oldest } = askedSince(store, publicKey, now - DESK_RATE_SECONDS);
  if (requests < MAX_ASKS_PER_AGENT) return undefined;
  noteFolded(store, publicKey, now);
  const retryAfter = Math.max(1, oldest + DESK_RATE_SECONDS - now);
  return {
    ...refused(
      "rate_limited",
      `An agent asks its owner at most ${MAX_ASKS_PER_AGENT} times in ${DESK_RATE_SECONDS} seconds.`,
      `Ask again in ${retryAfter} seconds.`,
    ),
    retryAfter,
  };
}

async function look(desk: DeskContext, publicKey: string, digest: Digest, wait: number): Promise<Told<Asked>> {
  const { store, waiters } = desk;
  const now = unixNow();
  const kept = own(store, digest, publicKey);
  if (!kept) return refused("request_not_found");
  if (kept.state !== "pending" || wait <= 0) return tell(answerOf(kept));
  const seconds = Math.min(wait, MAX_DESK_WAIT_SECONDS, kept.expires_at - now + 1);
  const news = waiters.wait(digest, publicKey, seconds);
  if (!news) return { ...refused("rate_limited", "Too many calls of this agent wait already."), retryAfter: MAX_DESK_WAIT_SECONDS };
  await news;
  if (!pairedAgent(store, publicKey)) return refused("not_paired");
  const after = own(store, digest, publicKey);
  return after ? tell(answerOf(after)) : refused("request_not_found");
}

function cancel({ store, waiters }: DeskContext, publicKey: string, digest: Digest): Told<Asked> {
  if (!own(store, digest, publicKey)) return refused("request_not_found");
  const now = unixNow();
  const taken = take(store, digest, "cancel", now);
  if (!taken.ok) return refused(taken.code);
  if (taken.changed) note(store, now, "cancelled", { requestDigest: digest, agentKey: publicKey });
  waiters.wake(digest);
  return tell(answerOf(taken.kept));
}

/** What the merchant answered to an approved payment. It decides nothing, and is checked when the owner looks. */
function handIn({ store }: DeskContext, publicKey: string, digest: Digest, handed: HandedReceipt): Told<Record<string, never>> {
  const kept = own(store, digest, publicKey);
  if (!kept) return refused("request_not_found");
  if (kept.payment === null || requestOf(kept).payment.session)
    return refused(
      "usage",
      "No payment was approved here that this could be the receipt of.",
      "Hand in what was paid with an approval of this desk.",
    );
  if (store.size() >= MAX_DESK_BYTES) return { ...refused("desk_full"), retryAfter: DESK_RATE_SECONDS };
  const now = unixNow();
  if (keepReceipt(store, digest, handed, now)) note(store, now, "receipt_handed_in", { requestDigest: digest, agentKey: publicKey });
  return tell({});
}

/**
 * At once: calls that wait are ended, and what was approved is handed to that key no more. What it still asks is taken back: a yes to it
 * would reach no agent.
 */
export function unpair({ store, waiters }: DeskContext, publicKey: string, by: "agent" | "owner"): Told<Record<string, never>> {
  const now = unixNow();
  store.transact(() => {
    if (!unpairAgent(store, publicKey)) return;
    note(store, now, "unpaired", { agentKey: publicKey, by });
    for (const digest of waitingOf(store, publicKey)) take(store, digest, "cancel", now);
  });
  waiters.endAllOf(publicKey);
  return tell({});
}

/** Of another agent's request no agent learns anything, not even that it is there. */
function own(store: DeskContext["store"], digest: Digest, publicKey: string): RequestRow | undefined {
  const kept = findRequest(store, digest, unixNow());
  return kept?.agent_key === publicKey ? kept : undefined;
}

function answerOf(kept: RequestRow): Asked {
  const { digest: requestDigest, state } = kept;
  const payment = paymentOf(kept);
  const decision = decisionOf(kept);
  if (state === "approved" && payment) return { state, requestDigest, payment };
  if ((state === "declined" || state === "revoked") && decision) return { state, requestDigest, decision };
  if (state === "cancelled" || state === "expired") return { state, requestDigest };
  return { state: "pending", requestDigest };
}
