/** A request paid within an open session: one voucher, sent unasked where the offer is known. */

import { randomBytes } from "node:crypto";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { bytesOf } from "../command-line/fields.ts";
import { askTerms } from "../merchant/terms.ts";
import { interrupted } from "../prompts/prompts.ts";
import { lacksRoom } from "../records/kept-answer.ts";
import { type NewCall, takeVoucher } from "../records/session-calls.ts";
import { callLock, type KeptSession, keptSessions, type SessionCall } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { MAX_OPEN_CALLS, MAX_PAID_BODY_BYTES, MIN_SESSION_LEFT_SECONDS } from "../runtime/limits.ts";
import { holding, isHolding } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Agent } from "./create-request.ts";
import { checkOut } from "./paid-report.ts";
import { type PresentedCall, presentVoucher } from "./session-exchange.ts";
import { isOfSession, knownOffer, learn } from "./session-offers.ts";
import { bought, type Call, type CallInput, type CallOutcome, settle, type Settled } from "./session-settle.ts";

/** Open sessions of this agent at this origin, those that end first first. */
export function sessionsAt(context: Context, origin: string, agentKey: string, now: number): Outcome<KeptSession[]> {
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  return succeed(
    kept.data.sessions.filter(({ state, signed: { channelConfig: session } }) => {
      const lasts = now + MIN_SESSION_LEFT_SECONDS <= Number(session.expiresAt);
      return state === "open" && lasts && session.origin === origin && session.signer === agentKey;
    }),
  );
}

export async function callInSession(
  context: Context,
  input: CallInput,
  http: HttpRequest,
  session: KeptSession,
  agent: Agent,
): Promise<CallOutcome> {
  const writable = checkOut(context, input);
  if (!writable.ok) return bought(writable);
  const full = lacksRoom(context);
  if (full !== undefined)
    return bought(fail("file_not_written", `Nothing was sent: ${full}.`, { hint: "Free some space, then try again." }));
  if (context.io.signal.aborted) return bought(interrupted("Nothing was sent now."));
  const same = input.again ? [] : session.calls.filter((call) => isOf(call, http));
  for (const call of same) {
    const joined = context.background?.join<Outcome<PresentedCall | undefined>>(call.id);
    if (joined) return follow(context, input, await settle(context, input, { http, session, agent }, call, await joined));
    const lock = callLock(context, call.id);
    if (!lock.ok) return bought(lock);
    // Of calls that are under way elsewhere another one is made: two processes may want the same answer.
    if (!isHolding(lock.data)) return present(context, input, { http, session, agent }, call);
  }
  if (session.calls.length >= MAX_OPEN_CALLS) return { kind: "otherwise", why: "too many of its calls are unanswered" };
  const offer = knownOffer(session, http);
  return offer ? attempt(context, input, { http, session, agent }, offer) : atTerms(context, input, { http, session, agent });
}

/** Asks the merchant first: it may have made this offer never before. */
async function atTerms(context: Context, input: CallInput, call: Call): Promise<CallOutcome> {
  const asked = await askTerms(context, call.http, { network: NETWORK });
  if (!asked.ok) return bought(asked);
  if (!asked.data.priced) return { kind: "free", response: asked.data.response };
  const { sessions, required } = asked.data.terms;
  const offer = sessions.find((each) => isOfSession(each, call.session));
  if (!offer) return { kind: "otherwise", why: "the merchant does not sell this in the session" };
  const known = await learn(context, call, offer, required);
  return known.ok ? attempt(context, input, call, offer) : bought(known);
}

/** Signs a voucher for an offer, and presents it. */
async function attempt(context: Context, input: CallInput, call: Call, offer: PaymentRequirements): Promise<CallOutcome> {
  const { http, session, agent } = call;
  const { maxAmount } = input;
  if (maxAmount !== undefined && BigInt(offer.amount) > BigInt(maxAmount)) return bought(tooDear(http.url, offer, maxAmount));
  const asked = newCall(context, http, offer);
  const taken = await takeVoucher(context, session.id, asked, offer.extra?.["binding"] as Digest | undefined, agent.signer);
  if (!taken.ok) return bought(taken);
  if (!taken.data) return { kind: "otherwise", why: "the rest of its deposit does not cover this" };
  return present(context, input, call, taken.data);
}

/** What a voucher is to be signed for. */
export function newCall(context: Context, http: HttpRequest, offer: PaymentRequirements): NewCall {
  return {
    id: randomBytes(16).toString("hex"),
    amount: offer.amount as SessionCall["amount"],
    method: http.method,
    url: http.url,
    ...(http.body && { bodySha256: bodyDigest(http.body) }),
    offer,
    trace: context.trace.send(),
  };
}

/** Presents a voucher that is on disk: the first of a session, too, which goes along with it as long as it is not open. */
export async function present(context: Context, input: CallInput, call: Call, waiting: SessionCall): Promise<CallOutcome> {
  const lock = callLock(context, waiting.id);
  if (!lock.ok) return bought(lock);
  const maxBody = bytesOf(input.maxBody) ?? MAX_PAID_BODY_BYTES;
  const carry = (context: Context) =>
    holding(lock.data, { seconds: 0, signal: context.io.signal }, presentedElsewhere, () =>
      presentVoucher(context, call.http, call.session, waiting, maxBody),
    );
  const { background } = context;
  if (!background) return follow(context, input, await settle(context, input, call, waiting, await carry(context)));
  const carried = await background.run(waiting.id, (signal) => {
    const { background: _, waitUntil: __, ...rest } = context;
    return carry({ ...rest, io: { ...context.io, signal }, progress: () => undefined });
  });
  return follow(context, input, await settle(context, input, call, waiting, carried));
}

/** Each repetition is noted in its call, which bounds their number. */
function follow(context: Context, input: CallInput, settled: Settled): Promise<CallOutcome> | CallOutcome {
  return settled.kind === "repeat" ? attempt(context, input, settled.call, settled.offer) : settled;
}

function presentedElsewhere(holder: number | undefined): Failure {
  return fail("busy", `Another lez-agent-pay (process ${holder ?? "unknown"}) is making this call.`, {
    hint: "Run the same command later.",
  });
}

function tooDear(url: string, { amount }: PaymentRequirements, maxAmount: string): Failure {
  return fail("above_max_amount", `${url} costs ${amount} units, more than --max-amount ${maxAmount}. Nothing was paid.`, {
    hint: "Ask the person who set the maximum, or do without.",
    details: { amount, maxAmount },
  });
}

/** Whether a call was made of this very request. */
function isOf({ method, url, bodySha256 }: SessionCall, http: HttpRequest): boolean {
  return method === http.method && url === http.url && bodySha256 === (http.body && bodyDigest(http.body));
}
