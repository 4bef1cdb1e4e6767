/**
 * `fetch`: buys what a URL sells, in one command. Killed anywhere and run again, it continues: every step is on disk before
 * it counts, and nothing is paid twice.
 */

import * as z from "zod";
import { isNativeNetwork } from "../../shared/lez.ts";
import { MAX_REQUEST_LIFE_SECONDS, MAX_RESPONSE_BODY_BYTES, MAX_SESSION_SECONDS } from "../../shared/limits.ts";
import { requestDigest, shortCode } from "../../shared/protocol/payment-request.ts";
import { reasonSchema } from "../../shared/protocol/reason.ts";
import { sessionTermsOf } from "../../shared/protocol/session-terms.ts";
import { coverageText } from "../../shared/screen/coverage.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { defineCommand } from "../command-line/command.ts";
import {
  agentFileField,
  amountField,
  downloadField,
  dryRunField,
  includeField,
  maxBodyField,
  periodField,
  retiredForceField,
  secondsField,
  textField,
} from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { networkField } from "../merchant/choose-money.ts";
import { curlFields, httpRequest } from "../merchant/curl-request.ts";
import { identify, merchantSchema, type MerchantView, rememberMerchant } from "../merchant/merchant-identity.ts";
import { askTerms, notPriced, refuseUnsafe } from "../merchant/terms.ts";
import { aboveMaxAmount, goOn, isOver, notAsked } from "../purchase/advance.ts";
import { type CreatedRequest, createRequest, fileRequest, openAgent } from "../purchase/create-request.ts";
import { findInInbox } from "../purchase/find-request.ts";
import type { Bought } from "../purchase/flow.ts";
import { checkOut, paidSchema, renderPaid } from "../purchase/paid-report.ts";
import type { PurchaseOutcome } from "../purchase/payment-outcome.ts";
import { fetchResult, resultUrl, untilReady } from "../purchase/pending-answer.ts";
import { type Purchase, purchaseOf } from "../purchase/purchase.ts";
import { callInSession, sessionsAt } from "../purchase/session-call.ts";
import { knownPrice } from "../purchase/session-offers.ts";
import { mandateFor } from "../purchase/under-mandate.ts";
import { renderResponse, responseSchema, responseView } from "../purchase/views.ts";
import { asksOwner, timeoutField } from "../purchase/wait-for-decision.ts";
import { agentRules } from "../records/agent-rules.ts";
import { look } from "../records/inbox.ts";
import { findLike, type StoredRequest, storeRequest } from "../records/request-store.ts";
import { sumsOf } from "../records/session-lanes.ts";
import { keptSessions } from "../records/sessions.ts";
import { type Context, warn } from "../runtime/context.ts";
import type { HttpRequest, HttpResponse } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { DEFAULT_REQUEST_LIFE_SECONDS, DEFAULT_SESSION_SECONDS, MAX_SESSIONS_TRIED } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const input = z.strictObject({
  url: z.string().optional().meta({ positional: true, description: "the resource" }),
  reason: textField(reasonSchema).optional().meta({ description: "why, for the owner: at least 32 visible characters" }),
  maxAmount: amountField.optional().meta({ value: "amount", description: "ask for no more, and pay no more: 1.5LGO, or atomic units" }),
  wait: z.boolean().default(false).meta({ description: "wait for the owner, then pay" }),
  ...timeoutField,
  session: amountField.optional().meta({
    value: "amount",
    description: "set so much aside for further calls at this merchant, if it sells by session; else pay for this one",
  }),
  sessionFor: periodField(MAX_SESSION_SECONDS)
    .optional()
    .meta({ value: "period", description: "how long the session lasts, up to 7d; 1d" }),
  noAsk: z.boolean().default(false).meta({ description: "pay within a mandate or a session, or not at all; the owner is not asked" }),
  resume: z.string().optional().meta({ value: "request", description: "continue this request, by its code" }),
  again: z.boolean().default(false).meta({ description: "buy it again, although it was bought before" }),
  ...networkField,
  ...curlFields,
  agentFile: agentFileField,
  expiresIn: secondsField
    .max(MAX_REQUEST_LIFE_SECONDS, `must be at most ${MAX_REQUEST_LIFE_SECONDS}`)
    .default(DEFAULT_REQUEST_LIFE_SECONDS)
    .meta({ value: "seconds", description: "the owner's time to decide; 3600" }),
  out: downloadField("file for the body of the answer"),
  ...includeField,
  ...maxBodyField,
  ...facilitatorFields,
  ...dryRunField,
  ...retiredForceField,
});
type FetchInput = z.output<typeof input>;

const freeSchema = z.strictObject({ paid: z.literal(false), request: paidSchema.shape.request, response: responseSchema });
const boughtSchema = paidSchema.extend({
  shortCode: z.string(),
  /** The merchant's identity, in the run that asked it. */
  merchant: merchantSchema.optional(),
});
const triedSchema = z.strictObject({
  dryRun: z.literal(true),
  request: paidSchema.shape.request,
  price: moneySchema,
  payTo: z.string(),
  covers: z.string(),
  merchant: merchantSchema,
  /** The code of the mandate that would pay it. Absent if the owner would be asked. */
  mandate: z.string().optional(),
  /** What a session would set aside. */
  deposit: moneySchema.optional(),
});
const callableSchema = z.strictObject({
  dryRun: z.literal(true),
  request: paidSchema.shape.request,
  /** The code of the open session that would pay it, its most, and what is left of the deposit. */
  session: z.string(),
  price: moneySchema,
  left: moneySchema,
});

export const fetchCommand = defineCommand({
  name: "fetch",
  audience: "agent",
  tool: { title: "Buy what a URL sells", destructive: true, openWorld: true },
  summary: "buy what a URL sells: ask the owner, wait, pay, show it",
  description:
    "If it stops, run it again, or with --resume: it continues where it was and never pays twice. The same URL with the same reason is the same purchase; --again makes it another.",
  input,
  output: z.union([boughtSchema, freeSchema, triedSchema, callableSchema]),
  examples: [
    {
      says: "ask, wait for the owner, pay, save the answer",
      argv: 'fetch https://api.example.com/premium --reason "The comparison you asked for needs this report." --max-amount 20000 --wait --out report.pdf',
    },
    { says: "continue after an interruption", argv: "fetch --resume 7F3K-9QPD --wait" },
    {
      says: "set money aside for many calls at one merchant",
      argv: 'fetch https://api.example.com/quote?of=LGO --session 0.005LGO --reason "The chart you asked for needs a quote each minute." --wait',
    },
  ],
  async run(context, input) {
    const writable = checkOut(context, input);
    if (!writable.ok) return writable;
    if (input.resume !== undefined) return resume(context, input, input.resume);
    const http = await wanted(context, input);
    if (!http.ok) return http;
    const like = input.reason === undefined ? succeed([]) : findLike(context, http.data, input.reason);
    if (!like.ok) return like;
    const [newest] = like.data;
    const earlier = newest ? await purchaseMade(context, http.data, newest) : succeed(undefined);
    if (!earlier.ok) return earlier;
    // --again repeats a purchase that was paid. It gets around neither a decline nor a payment that may have settled. A request that has
    // opened its session has bought what it was for: the next call is another.
    const isDone = earlier.data?.state === "paid" && (input.again || earlier.data.session !== undefined);
    if (earlier.data && !isDone) {
      const went = await goOn(context, input, earlier.data);
      if (!isOver(went)) return went;
    }
    const called = await inSession(context, input, http.data);
    if (called) return called;
    return start(context, input, http.data, like.data);
  },
  render(data, layout) {
    if ("dryRun" in data && "session" in data) {
      const { price, request, session, left } = data;
      return [
        `Nothing was paid. It would pay ${price.display} for ${request.method} ${request.url} in session ${session}, of ${left.display}`,
      ];
    }
    if ("dryRun" in data) {
      const { price, request, mandate } = data;
      const what = `${price.display} for ${request.method} ${request.url}`;
      return [
        mandate === undefined
          ? `The owner was not asked. It would ask for ${data.deposit ? `a session with ${data.deposit.display}, to pay ${what}` : what}`
          : `Nothing was paid. It would pay ${what} without asking, within mandate ${mandate}`,
        ...field(layout, "pay to", data.payTo),
        ...field(layout, "pays for", data.covers),
      ];
    }
    if ("receipt" in data) return renderPaid(data, layout);
    return [`${data.request.method} ${data.request.url} asks for no payment.`, ...renderResponse(data.response, layout)];
  },
});

async function wanted(context: Context, input: FetchInput): Promise<Outcome<HttpRequest>> {
  if (input.url === undefined) return fail("usage", "Which URL? Give <url>, or --resume with a request.");
  return httpRequest(context, { ...input, url: input.url });
}

async function resume(context: Context, input: FetchInput, word: string) {
  const item = await findInInbox(context, word);
  if (!item.ok) return item;
  const asked = input.url === undefined ? undefined : await wanted(context, input);
  if (asked && !asked.ok) return asked;
  const { url } = item.data.request.http;
  if (asked && asked.data.url !== url) return fail("usage", `Request ${word} is for ${url}, not for ${asked.data.url}. Leave the URL out.`);
  const purchase = purchaseOf(context, item.data, unixNow());
  return purchase.ok ? goOn(context, input, purchase.data) : purchase;
}

/** Pays within an open session of this origin; undefined if none pays it. Nothing has been paid then. */
async function inSession(context: Context, input: FetchInput, http: HttpRequest) {
  const { origin } = new URL(http.url);
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  if (!kept.data.sessions.some(({ state, signed }) => state === "open" && signed.channelConfig.origin === origin)) return undefined;
  const [agent, rules] = [await openAgent(context, input.agentFile), agentRules(context)];
  if (!agent.ok) return agent;
  if (!rules.ok) return rules;
  const { publicKey } = agent.data.signer;
  if (rules.data.get(publicKey) === "blocked") return undefined;
  const sessions = sessionsAt(context, origin, publicKey, unixNow());
  if (!sessions.ok) return sessions;
  for (const session of sessions.data.slice(0, MAX_SESSIONS_TRIED)) {
    if (input.dryRun) {
      const offer = knownPrice(session, http);
      if (!offer) continue;
      const left = money(sumsOf(session).left.toString(), offer.asset);
      return succeed({
        dryRun: true as const,
        request: { method: http.method, url: http.url },
        session: session.shortCode,
        price: price(offer),
        left,
      });
    }
    const went = await callInSession(context, input, http, session, agent.data);
    if (went.kind === "bought") return went.outcome;
    if (went.kind === "free") return given(context, input, http, went.response);
    context.progress(`Session ${session.shortCode} does not pay this: ${went.why}`);
  }
  return undefined;
}

/** The purchase of a stored request. If an earlier run was killed before it filed the request, it is filed now. */
async function purchaseMade(context: Context, http: HttpRequest, { request, required }: StoredRequest): Promise<Outcome<Purchase>> {
  const digest = requestDigest(request);
  const item = await look(context, digest);
  if (!item.ok) return item;
  const filed = item.data ? succeed(undefined) : await fileRequest(context, { request, digest, required }, http);
  return filed.ok ? purchaseOf(context, item.data ?? { digest, request, ...(required && { terms: required }) }, unixNow()) : filed;
}

/** Stores the request, unless another process has stored the same since `before` was read: then returns the other one. */
function storeOnce(
  context: Context,
  { request, required }: CreatedRequest,
  http: HttpRequest,
  before: readonly StoredRequest[],
): Promise<Outcome<StoredRequest | undefined>> {
  const known = new Set(before.map((stored) => requestDigest(stored.request)));
  return exclusively(context, () => {
    const like = findLike(context, http, request.reason);
    if (!like.ok) return like;
    const other = like.data.find((stored) => !known.has(requestDigest(stored.request)));
    if (other) return succeed(other);
    const stored = storeRequest(context, request, http, required);
    return stored.ok ? succeed(undefined) : stored;
  });
}

/** The session that --session asks for, as far as the merchant's terms go; undefined if it asks for none, or these terms open none. */
function wantedSession({ session: deposit, sessionFor }: FetchInput, offer: PaymentRequirements | undefined) {
  const terms = offer && sessionTermsOf(offer);
  if (deposit === undefined || !terms || BigInt(deposit) < BigInt(offer.amount)) return undefined;
  return { deposit, seconds: Math.min(sessionFor ?? DEFAULT_SESSION_SECONDS, terms.maxSessionSeconds) };
}

/** What the chain itself has not: there each payment is a transfer that its owner signs. */
function beyondNative({ session, noAsk }: FetchInput, network: string): Failure | undefined {
  const what = session !== undefined ? "sessions" : noAsk ? "mandates" : undefined;
  if (what === undefined) return undefined;
  return refuse(
    "unsupported_scheme",
    EXIT.unsupported,
    `There are no ${what} on ${network}: the owner signs each payment. Nothing was asked.`,
    {
      hint: `Leave ${what === "sessions" ? "--session" : "--no-ask"} out, and let the owner decide.`,
    },
  );
}

/** Asks the merchant for its terms and, if it wants money, the owner. */
async function start(context: Context, input: FetchInput, http: HttpRequest, before: readonly StoredRequest[]) {
  const unsafe = input.dryRun ? refuseUnsafe(http, "A dry run") : undefined;
  if (unsafe) return unsafe;
  const asked = await askTerms(context, http, input);
  if (!asked.ok) return asked;
  const { method, url } = http;
  if (!asked.data.priced) {
    const { response } = asked.data;
    return given(context, input, http, input.wait ? await untilReady(context, url, response, input.timeout) : response);
  }
  const { offers, sessions, required } = asked.data.terms;
  const unheard = isNativeNetwork(offers[0].network) ? beyondNative(input, offers[0].network) : undefined;
  if (unheard) return unheard;
  const session = wantedSession(input, sessions[0]);
  const [offer] = session && sessions[0] ? [sessions[0]] : offers;
  if (input.session !== undefined && !session) warn(context, `${new URL(url).host} opens no such session. This request is paid for alone.`);
  const dear = aboveMaxAmount(offer, input.maxAmount, url, "The owner was not asked.");
  if (dear) return dear;
  if (input.reason === undefined) {
    return fail("usage", `${url} costs ${price(offer).display}: --reason must say why the owner should pay.`);
  }
  const agent = await openAgent(context, input.agentFile);
  if (!agent.ok) return agent;
  const made = await createRequest(context, agent.data, { ...input, reason: input.reason, http, offer, required, session });
  if (!made.ok) return made;
  // Identified after the request is made, so that a new pin is not older than the request.
  const merchant = await identify(context, url, { required, offer });
  if (!merchant.ok) return merchant;
  const { request, digest, scope } = made.data;
  const mandate = await mandateFor(context, input, request, merchant.data);
  if (!mandate.ok) return mandate;
  if (!mandate.data && input.noAsk) return notAsked(url);
  if (input.dryRun) {
    const covers = coverageText(scope, request.http);
    return succeed({
      dryRun: true as const,
      request: { method, url },
      price: price(offer),
      payTo: offer.payTo,
      covers,
      merchant: merchant.data.view,
      ...(mandate.data && { mandate: mandate.data.shortCode }),
      ...(session && { deposit: money(session.deposit, offer.asset) }),
    });
  }
  const pinned = await rememberMerchant(context, merchant.data);
  if (!pinned.ok) return pinned;
  const other = await storeOnce(context, made.data, http, before);
  if (!other.ok) return other;
  if (other.data) {
    const purchase = await purchaseMade(context, http, other.data);
    return purchase.ok ? goOn(context, input, purchase.data) : purchase;
  }
  const filed = await fileRequest(context, made.data, http, mandate.data !== undefined);
  if (!filed.ok) return filed;
  if (!mandate.data) context.progress(asksOwner(context, shortCode(digest)));
  return withMerchant(
    await goOn(context, input, { digest, request, terms: required, state: "pending", found: { mandate: mandate.data } }),
    merchant.data.view,
  );
}

/** Reports a free answer. An error page, a redirect and an incomplete body are failures and are never written to --out. */
async function given(context: Context, input: FetchInput, { method, url }: HttpRequest, answer: HttpResponse) {
  const { status, complete } = answer;
  const whole = status >= 200 && status < 300 && complete;
  const response = await responseView(context, answer, {
    ...input,
    out: whole && resultUrl(url, answer) === undefined ? input.out : undefined,
  });
  if (!response.ok) return response;
  const next = fetchResult(url, answer, input.out);
  if (whole) return succeed({ paid: false as const, request: { method, url }, response: response.data }, next);
  const failure = complete
    ? notPriced(answer)
    : fail("network", `The answer of ${new URL(url).host} broke off, or is larger than ${MAX_RESPONSE_BODY_BYTES} bytes.`, {
        hint: "It costs nothing: if it is too large, fetch it without this tool.",
      });
  // Of an incomplete body only the length is shown: it can be as large as the limit.
  const shown = complete ? { response: response.data } : { status, bytes: answer.body.length };
  return { ...failure, error: { ...failure.error, details: { ...failure.error.details, ...shown } }, ...(next && { next }) };
}

/** Adds the merchant's identity, however far this run came. */
function withMerchant(went: PurchaseOutcome<Bought>, merchant: MerchantView): PurchaseOutcome<Bought & { merchant: MerchantView }> {
  if (went.ok) return { ...went, data: { ...went.data, merchant } };
  return { ...went, error: { ...went.error, details: { ...went.error.details, merchant } } };
}
