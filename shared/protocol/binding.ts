/**
 * The binding ties a payment to one request: method, URL, body and terms. The merchant puts it into its offer, the
 * payer signs it, and the merchant computes it again on the paid request. spec/protocol.md §3.
 */

import * as z from "zod/mini";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { MAX_URL_LENGTH } from "../limits.ts";
import type { PaymentRequirements } from "../x402/x402.ts";

/** The request as it is bound: an uppercase method, a canonical URL, the digest of a body that is not empty. */
export const boundRequestSchema = z.strictObject({
  method: z.string().check(z.regex(/^[A-Z]{1,16}$/, "must be an uppercase HTTP method")),
  url: z.custom<string>(
    (value) => typeof value === "string" && canonicalUrl(value) === value,
    "must be a canonical http(s) URL without fragment and credentials",
  ),
  bodySha256: z.optional(digestSchema),
});
export type BoundRequest = z.infer<typeof boundRequestSchema>;

/** Returns the WHATWG serialisation without fragment; undefined for anything but an http(s) URL without credentials. */
export function canonicalUrl(input: string): string | undefined {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.username || url.password) return undefined;
  url.hash = "";
  return url.href.length <= MAX_URL_LENGTH ? url.href : undefined;
}

export type BoundTerms = Pick<PaymentRequirements, "network" | "asset" | "amount" | "payTo">;

/** HEAD is bound as GET: it asks for the same resource. */
export function bindingOf(request: BoundRequest, terms: BoundTerms): Digest {
  return digest("Binding", {
    method: request.method === "HEAD" ? "GET" : request.method,
    url: request.url,
    bodySha256: request.bodySha256,
    network: terms.network,
    asset: terms.asset,
    amount: terms.amount,
    payTo: terms.payTo,
  });
}

/** How much of a request an offer's binding covers. `none`: the merchant does not tie the payment to the request. */
export type BindingScope = "none" | "route" | "query" | "route+body" | "query+body";

/**
 * Recomputes which part of `request` the offer's binding covers: the whole request, or its route alone (the URL without
 * query), with or without the body. undefined: the binding is for another request.
 */
export function bindingScope(request: BoundRequest, offer: PaymentRequirements): BindingScope | undefined {
  const binding = offer.extra?.["binding"];
  if (binding === undefined || binding === null) return "none";
  const { method, url, bodySha256 } = request;
  const route = url.replace(/\?.*$/, "");
  const scopes: [BindingScope, BoundRequest][] = [
    ["query+body", request],
    ["query", { method, url }],
    ["route+body", { method, url: route, bodySha256 }],
    ["route", { method, url: route }],
  ];
  return scopes.find(([, candidate]) => bindingOf(candidate, offer) === binding)?.[0];
}
