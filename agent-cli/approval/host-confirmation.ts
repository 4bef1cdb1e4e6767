/** Asks the host of a request whether it makes this offer: with a time limit, without a payment, and before any key is opened. */

import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import type { Checked } from "../../shared/protocol/what-is-signed.ts";
import {
  type Confirmation,
  differencesText,
  type HostAnswer,
  isSafeMethod,
  judgeAnswer,
  type OfferSignatureCheck,
} from "../../shared/screen/confirmation.ts";
import { isSecretHeader } from "../../shared/screen/secret-headers.ts";
import type { StoredParts } from "../../shared/screen/sent-request.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { OWN_HEADERS, safeUrl } from "../merchant/curl-request.ts";
import { identify, type Merchant, signedByHost } from "../merchant/merchant-identity.ts";
import { readRequired } from "../merchant/terms.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { partsFor } from "../purchase/sent-with.ts";
import { asAgent, type Context } from "../runtime/context.ts";
import { exchange, type HttpRequest, isRedirect } from "../runtime/exchange.ts";
import { CONFIRM_TIMEOUT_SECONDS, MAX_CONFIRM_BODY_BYTES } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

export interface HostInput {
  /** Ask no host. */
  offline: boolean;
  /** Refuse unless the host confirms. */
  checkTerms: boolean;
  dryRun: boolean;
  allowHttp: boolean;
}

export interface HostCheck {
  host: Confirmation;
  /** The merchant as its own 402 identifies it. Absent if it confirmed nothing. */
  judged?: Merchant | undefined;
}

export async function confirmWithHost(
  context: Context,
  subject: Subject,
  { offer }: Checked,
  input: HostInput,
): Promise<Outcome<HostCheck>> {
  const { method, url } = subject.request.http;
  const answer = await askHost(context, subject, input);
  const alone = judgeAnswer(method, offer, answer, { kind: "unchecked" });
  // The agent's copy of the 402 matters only if the host's own answer does not suffice.
  const judged =
    alone.kind === "unconfirmed" && !input.offline ? judgeAnswer(method, offer, answer, await checkCopy(context, subject, offer)) : alone;
  if (context.io.signal.aborted) return interrupted("Nothing was signed; the request stays open.");
  if (judged.kind === "differs") {
    return fail("terms_differ", `The merchant's own terms are not the ones in this request: ${differencesText(judged.differences)}.`, {
      hint: "Do not approve it. The agent can make a new request from the merchant's terms.",
      details: { requested: offer, ...(answer.kind === "terms" && { offered: answer.required.accepts }) },
    });
  }
  if (judged.kind === "unconfirmed") {
    if (!input.checkTerms) return succeed({ host: judged });
    return fail("terms_unconfirmed", `${new URL(url).host} does not confirm this request: ${judged.why}.`, {
      hint: "Without --check-terms it can be approved with the short code, typed under the screen.",
    });
  }
  const required = judged.by === "signature" && subject.terms ? subject.terms : judged.required;
  const merchant = await identify(context, url, { required, offer });
  return merchant.ok ? succeed({ host: judged, judged: merchant.data }) : merchant;
}

async function askHost(context: Context, subject: Subject, { offline, dryRun, allowHttp }: HostInput): Promise<HostAnswer> {
  const { request } = subject;
  const { method } = request.http;
  if (offline) return none("it was not asked (--offline)");
  if (dryRun && !isSafeMethod(method)) return none(`a dry run sends no ${method}`);
  const url = safeUrl(request.http.url, allowHttp);
  if (!url.ok) return none("it was not asked, because the connection is not encrypted (--allow-http asks it)");
  const question = questionFor(request, url.data, partsFor(context, subject)?.headers ?? []);
  const response = await exchange(asAgent(context), question, {
    timeoutSeconds: CONFIRM_TIMEOUT_SECONDS,
    maxBodyBytes: MAX_CONFIRM_BODY_BYTES,
  });
  if (!response.ok) return none(response.problem);
  if (isRedirect(response.status)) return none(`it answers ${response.status}, a redirect, which is not followed`);
  if (response.status !== 402) return none(`it answers ${response.status}, not 402`);
  const required = readRequired(response, request.http.url);
  return required.ok
    ? { kind: "terms", required: required.data }
    : none("it answers 402 with terms that are not its own or cannot be read");
}

/**
 * The same method. A GET carries the agent's headers, because they may select the resource. Any other method carries no body and
 * no credentials: the owner has not agreed to it yet.
 */
function questionFor({ http }: PaymentRequest, url: string, stored: StoredParts["headers"]): HttpRequest {
  const safe = isSafeMethod(http.method);
  const headers = stored.filter(([name]) => !OWN_HEADERS.has(name.toLowerCase()) && (safe || !(isSecretHeader(name) || aboutBody(name))));
  return { method: http.method, url, headers };
}

function aboutBody(name: string): boolean {
  return /^content-|^(expect|trailer)$/i.test(name);
}

function none(why: string): HostAnswer {
  return { kind: "none", why };
}

/** The signature in the 402 that the agent put beside its request. */
async function checkCopy(context: Context, { request, terms }: Subject, offer: PaymentRequirements): Promise<OfferSignatureCheck> {
  if (!terms) return { kind: "unsigned", why: "the request came without the merchant's terms" };
  return signedByHost(context, request.http.url, { required: terms, offer });
}
