/** Finds the merchant's signature under the chosen offer, by the offer's fields and never by its position. */

import * as z from "zod/mini";
import { CLOCK_SKEW_SECONDS, MAX_ACCEPTS } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import { formatTimestamp } from "../time.ts";
import type { PaymentRequired, PaymentRequirements } from "../x402/x402.ts";
import type { PublishedKey } from "./did-document.ts";
import { nameUnder } from "./did-web.ts";
import { OFFER_RECEIPT, type OfferPayload, SIGNED_TERMS } from "./offer-receipt.ts";
import { offerPayloadSchema, type ReadJws, readJws, signedJwsSchema } from "./signed-jws.ts";

const extensionSchema = z.looseObject({ info: z.looseObject({ offers: z.array(z.unknown()).check(z.maxLength(MAX_ACCEPTS)) }) });

export interface OfferSignature {
  jws: ReadJws<OfferPayload>;
  /** The name of the key in the merchant's own document. */
  fragment: string;
}

export type OfferSignatures =
  /** One or more, for as many keys of this host. Not verified yet. */
  | { kind: "signed"; signatures: [OfferSignature, ...OfferSignature[]] }
  /** No signature covers this offer. */
  | { kind: "unsigned"; why: string }
  /** The merchant signed other terms than it offers. */
  | { kind: "differs"; problem: string };

/** @param now unix seconds */
export function offerSignatures(required: PaymentRequired, offer: PaymentRequirements, host: string, now: number): OfferSignatures {
  const extension = checkShape(required.extensions?.[OFFER_RECEIPT], extensionSchema);
  if (!extension.ok) return { kind: "unsigned", why: "it does not sign its terms" };
  const read = extension.value.info.offers.flatMap((item) => {
    const jws = checkShape(item, signedJwsSchema);
    const signed = jws.ok ? readJws(jws.value, offerPayloadSchema) : undefined;
    return signed ? [signed] : [];
  });
  if (read.length === 0) return { kind: "unsigned", why: "its signature is of an unknown kind" };
  const about = (candidate: PaymentRequirements) => read.filter(({ payload }) => isAbout(payload, candidate, required.resource.url));
  const ours = about(offer);
  if (ours.length === 0) {
    const others = required.accepts.flatMap(about);
    if (read.some((signed) => !others.includes(signed))) return { kind: "differs", problem: "it has signed other terms than it offers" };
    return { kind: "unsigned", why: "it signs other offers of the same list, but not this one" };
  }
  const current = ours.filter(({ payload }) => payload.validUntil + CLOCK_SKEW_SECONDS >= now);
  if (current.length === 0) {
    const until = Math.max(...ours.map(({ payload }) => payload.validUntil));
    return { kind: "differs", problem: `its signed terms were valid until ${isTime(until) ? formatTimestamp(until) : "long ago"}` };
  }
  const [first, ...rest] = current.flatMap((jws) => {
    const fragment = nameUnder(host, jws.kid)?.fragment;
    return fragment === undefined ? [] : [{ jws, fragment }];
  });
  return first
    ? { kind: "signed", signatures: [first, ...rest] }
    : { kind: "unsigned", why: "the key it signs with is not its own host's" };
}

function isAbout(payload: OfferPayload, offer: PaymentRequirements, resourceUrl: string): boolean {
  return payload.resourceUrl === resourceUrl && SIGNED_TERMS.every((member) => payload[member] === offer[member]);
}

function isTime(unixSeconds: number): boolean {
  return unixSeconds >= 0 && unixSeconds < 1e11;
}

/** `made`: by this key of those that the host publishes. `false`: a published key is named, and did not sign. */
export type SignedBy = { kind: "made"; kid: string; publicKey: string } | { kind: "false" } | { kind: "none"; why: string };

/** Which of a host's own keys signed. @param keys as the host publishes them now */
export async function signedByPublished(signatures: readonly OfferSignature[], keys: readonly PublishedKey[]): Promise<SignedBy> {
  let named = false;
  for (const { jws, fragment } of signatures) {
    for (const { publicKey } of keys.filter((key) => key.asserts && key.fragment === fragment)) {
      named = true;
      if (await jws.isSignedBy(publicKey)) return { kind: "made", kid: jws.kid, publicKey };
    }
  }
  return named ? { kind: "false" } : { kind: "none", why: "it signs with a key that it does not publish" };
}

/** The signatures under an offer in a 402 that may come from an agent: its resource must be the one at `url`. @param now unix seconds */
export function copiedSignatures(required: PaymentRequired, offer: PaymentRequirements, url: string, now: number): OfferSignatures {
  const { host, pathname } = new URL(url);
  const resource = URL.parse(required.resource.url);
  if (resource?.host !== host || resource.pathname !== pathname)
    return { kind: "unsigned", why: "the 402 that the agent has is for another resource" };
  return offerSignatures(required, offer, host, now);
}
