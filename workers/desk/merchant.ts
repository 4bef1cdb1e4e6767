/**
 * Asks the host of a request whether it makes this offer: without a payment, and only where a desk may connect. A request that changes
 * something is not sent: an agent named the address, and its owner has not agreed yet. What the host signed counts for it then.
 */

import { DID_DOCUMENT_PATH, type DidDocument, readDidDocument } from "../../shared/extensions/did-document.ts";
import { copiedSignatures, signedByPublished } from "../../shared/extensions/offer-signatures.ts";
import { DESK_FETCH_SECONDS, MAX_DID_DOCUMENT_BYTES, MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { type HostAnswer, isSafeMethod, judgeAnswer, type Judgement, type OfferSignatureCheck } from "../../shared/screen/confirmation.ts";
import { unixNow } from "../../shared/time.ts";
import { readLimited } from "../../shared/x402/body.ts";
import { decodeHeader, PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { type PaymentRequired, type PaymentRequirements, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import type { DeskEnv } from "./env.ts";
import { merchantAddress } from "./notices/outgoing.ts";

/** @param terms the 402 as the agent received it: a claim until its signature is checked */
export async function askMerchant(
  env: DeskEnv,
  { http }: PaymentRequest,
  offer: PaymentRequirements,
  terms: PaymentRequired | undefined,
): Promise<Judgement> {
  const answer = await askHost(env, http);
  const alone = judgeAnswer(http.method, offer, answer, { kind: "unchecked" });
  if (alone.kind !== "unconfirmed") return alone;
  return judgeAnswer(http.method, offer, answer, await checkCopy(env, http.url, offer, terms));
}

async function askHost(env: DeskEnv, { method, url }: PaymentRequest["http"]): Promise<HostAnswer> {
  const address = merchantAddress(url, env);
  if (!address.ok) return none(`this desk does not ask it: ${address.problem}`);
  if (!isSafeMethod(method)) return none(`this desk sends no ${method}`);
  const answer = await ask(address.url, method);
  if (!answer) return none("it does not answer");
  await answer.body?.cancel();
  if (answer.status !== 402) return none(`it answers ${answer.status}, not 402`);
  const required = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema, MAX_FOREIGN_HEADER_BYTES);
  const own = required.ok && URL.parse(required.value.resource.url)?.host === address.url.host;
  return own ? { kind: "terms", required: required.value } : none("it answers 402 with terms that are not its own or cannot be read");
}

/** The signature in the agent's copy, by the keys that the host publishes now. */
async function checkCopy(
  env: DeskEnv,
  url: string,
  offer: PaymentRequirements,
  terms: PaymentRequired | undefined,
): Promise<OfferSignatureCheck> {
  if (!terms) return { kind: "unsigned", why: "the request came without the merchant's terms" };
  const found = copiedSignatures(terms, offer, url, unixNow());
  if (found.kind !== "signed") return { kind: "unsigned", why: found.kind === "unsigned" ? found.why : found.problem };
  const published = await publishedKeys(env, url);
  if (!published.ok) return { kind: "unsigned", why: published.problem };
  const signed = await signedByPublished(found.signatures, published.keys);
  if (signed.kind === "made") return { kind: "signed", publicKey: signed.publicKey };
  return {
    kind: "unsigned",
    why: signed.kind === "none" ? signed.why : "the signature was not made with the key that this host publishes",
  };
}

/** The keys that the host of an address publishes now. `problem` is a clause. */
export async function publishedKeys(env: DeskEnv, url: string): Promise<DidDocument> {
  const { origin, host } = new URL(url);
  const address = merchantAddress(`${origin}${DID_DOCUMENT_PATH}`, env);
  if (!address.ok) return { ok: false, problem: `its key document was not asked for: ${address.problem}` };
  const answer = await ask(address.url, "GET");
  if (answer?.status !== 200) return { ok: false, problem: "its key document cannot be had" };
  const body = await readLimited(answer, MAX_DID_DOCUMENT_BYTES).catch(() => undefined);
  const document = body && readDidDocument(body, host);
  if (document?.ok) return document;
  return { ok: false, problem: `its key document cannot be used: ${document?.problem ?? "it is too large, or broke off"}` };
}

/** @returns undefined if there is no answer in time. A redirect is an answer: it is not followed. */
function ask(url: URL, method: string): Promise<Response | undefined> {
  const init: RequestInit = { method, redirect: "manual", signal: AbortSignal.timeout(DESK_FETCH_SECONDS * 1000) };
  return fetch(url, init).catch(() => undefined);
}

function none(why: string): HostAnswer {
  return { kind: "none", why };
}
