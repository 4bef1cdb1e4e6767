/** The answer to a request without a payment: the terms, with what the seller adds to them. */

import type { Context } from "hono";
import { errorBody, ERRORS } from "../../../shared/errors.ts";
import type { CheckedOptions } from "./options.ts";
import { challengeResponse, refuseRequest } from "./responses.ts";
import { callSeller, logSellerFault } from "./seller-function.ts";
import type { Challenge, PaywallEnv, Refusal, Terms } from "./types.ts";

/** Headers and terms are the protocol's. A page or a body of the seller's that fails leaves ours. */
export function showTerms(c: Context<PaywallEnv>, terms: Terms | Refusal, options: CheckedOptions): Response | Promise<Response> {
  if ("code" in terms) return refuseRequest(terms).response;
  const { challenge } = terms;
  const isBrowser = c.req.header("Accept")?.includes("text/html") ?? false;
  const { page, body } = options;
  if (isBrowser) {
    const ours = () => refuseRequest({ code: "payment_required", challenge, offerAgain: true, html: true }).response;
    return page === undefined ? ours() : orOurs(c, "page", ours, async () => pageOf(c, challenge, page));
  }
  const ours = () => challengeResponse(challenge);
  return body === undefined ? ours() : orOurs(c, "body", ours, async () => bodyOf(c, challenge, body));
}

async function orOurs(c: Context<PaywallEnv>, name: string, ours: () => Response, theirs: () => Promise<Response>): Promise<Response> {
  try {
    return await theirs();
  } catch (error) {
    logSellerFault(c, name, error);
    return ours();
  }
}

async function pageOf(c: Context<PaywallEnv>, challenge: Challenge, page: NonNullable<CheckedOptions["page"]>): Promise<Response> {
  const made = typeof page === "string" ? page : await callSeller("page", () => page(structuredClone(challenge.required), c));
  const html: unknown = Object(made).valueOf(); // `html` of hono/html makes a String object
  if (typeof html !== "string") throw new TypeError("it returned no HTML");
  const headers = new Headers(challenge.headers);
  headers.set("Content-Type", "text/html; charset=utf-8");
  return new Response(html, { status: ERRORS.payment_required.status, headers });
}

async function bodyOf(c: Context<PaywallEnv>, challenge: Challenge, body: NonNullable<CheckedOptions["body"]>): Promise<Response> {
  const extras = typeof body === "function" ? await callSeller("body", () => body(c)) : body;
  if (typeof extras !== "object" || extras === null || Array.isArray(extras)) throw new TypeError("it returned no object");
  const json = JSON.stringify({ ...extras, ...challenge.required, ...errorBody("payment_required") });
  return new Response(json, { status: ERRORS.payment_required.status, headers: challenge.headers });
}
