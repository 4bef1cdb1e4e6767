/** Finds the merchant's signature under the chosen offer, by the offer's fields and never by its position. */

import * as z from "zod";
import { SIGNED_TERMS } from "../../shared/evidence/parts.ts";
import { nameUnder } from "../../shared/extensions/did-web.ts";
import { OFFER_RECEIPT, type OfferPayload } from "../../shared/extensions/offer-receipt.ts";
import { offerPayloadSchema, type ReadJws, readJws, signedJwsSchema } from "../../shared/extensions/signed-jws.ts";
import { CLOCK_SKEW_SECONDS, MAX_ACCEPTS } from "../../shared/limits.ts";
import { checkShape } from "../../shared/text/json.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";

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
