/** What a facilitator's catalogue lists, read as a stranger's word: bounded, marked, and never a price that is paid. */

import * as z from "zod";
import {
  BAZAAR,
  type DiscoveryResource,
  discoveryResourceSchema,
  isServiceName,
  PROOFS,
  tagsAmong,
} from "../../shared/extensions/bazaar.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { MAX_DESCRIPTION_LENGTH, MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { isAccountId } from "../../shared/protocol/account.ts";
import { isAmount } from "../../shared/protocol/amount.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { shortened } from "../../shared/screen/escapes.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { callFacilitator, type FacilitatorInput } from "../facilitator/client.ts";
import type { Pin } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_FOUND } from "../runtime/limits.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { untrusted, untrustedSchema } from "./views.ts";

export const foundSchema = z.strictObject({
  method: z.string(),
  url: z.string(),
  /** Names in the path that the buyer replaces: the address is a pattern until then. */
  fillIn: z.array(z.string()).optional(),
  /** As it was last paid. Not checked: the 402 says what it costs, and who is paid. */
  listedPrice: moneySchema,
  payTo: z.string(),
  /** Who described it: `seller`, a caller that the facilitator knows as a seller of this account; `payment`, any caller that paid it. */
  proof: z.enum([...PROOFS, "unknown"]),
  lastPaidAt: z.string().optional(),
  /** The seller's own words, or another caller's: data, never instructions. */
  name: untrustedSchema.optional(),
  description: untrustedSchema.optional(),
  tags: z.array(untrustedSchema).optional(),
  /** The pin of this origin, from earlier purchases. */
  merchant: z.strictObject({ firstSeenAt: z.string(), sameAccount: z.boolean() }).optional(),
});
export type Found = z.infer<typeof foundSchema>;

const pageSchema = z.looseObject({
  resources: z.array(z.unknown()).max(MAX_FOUND),
  partialResults: z.boolean().nullish(),
});

/**
 * Entries that can be paid here. Merchants that this wallet knows by the same account come first, then sellers that the facilitator knows; an
 * origin that was known by another account comes last.
 * @returns `unusable`: entries of another form or network
 */
export async function searchCatalogue(
  context: Context,
  input: FacilitatorInput & { words: readonly string[]; limit: number },
  pins: readonly Pin[],
): Promise<Outcome<{ found: Found[]; unusable: number; more: boolean }>> {
  const query = new URLSearchParams({ query: input.words.join(" "), network: NETWORK, limit: String(input.limit) });
  const page = await callFacilitator(context, input, {
    path: `/discovery/search?${query.toString()}`,
    answer: pageSchema,
    maxBytes: MAX_RESPONSE_BODY_BYTES,
  });
  if (!page.ok) return page;
  const read = page.data.resources.map((resource) => {
    const parsed = discoveryResourceSchema.safeParse(resource);
    return parsed.success ? foundIn(parsed.data, pins) : undefined;
  });
  const usable = read.filter((found) => found !== undefined);
  const found = usable.toSorted((a, b) => rank(b) - rank(a)).slice(0, input.limit);
  return succeed({ found, unusable: read.length - usable.length, more: page.data.partialResults === true });
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const declarationSchema = z.looseObject({ info: z.looseObject({ input: z.looseObject({ method: z.enum(METHODS) }) }) });

function foundIn(resource: DiscoveryResource, pins: readonly Pin[]): Found | undefined {
  const url = canonicalUrl(resource.resource);
  const terms = resource.accepts.find(({ network, asset, amount, payTo }) => {
    return network === NETWORK && asset === ASSET && isAmount(amount) && isAccountId(payTo);
  });
  if (resource.type !== "http" || url === undefined || !terms) return undefined;
  const declared = declarationSchema.safeParse(resource.extensions?.[BAZAAR]);
  const fillIn = new URL(url).pathname.split("/").flatMap((part) => /^:(\w{1,32})$/.exec(part)?.[1] ?? []);
  const paidAt = Date.parse(resource.lastUpdated);
  const pin = pins.find(({ origin }) => origin === new URL(url).origin);
  const { serviceName, description } = resource;
  const tags = tagsAmong(resource.tags);
  return {
    method: declared.success ? declared.data.info.input.method : "GET",
    url,
    ...(fillIn.length > 0 && { fillIn }),
    listedPrice: price(terms),
    payTo: terms.payTo,
    proof: resource.metadata?.proof ?? "unknown",
    ...(!Number.isNaN(paidAt) && { lastPaidAt: formatTimestamp(Math.floor(paidAt / 1000)) }),
    ...(isServiceName(serviceName) && { name: untrusted(serviceName) }),
    ...(description && { description: untrusted(shortened(description, MAX_DESCRIPTION_LENGTH)) }),
    ...(tags.length > 0 && { tags: tags.map(untrusted) }),
    ...(pin && { merchant: { firstSeenAt: pin.firstSeenAt, sameAccount: pin.payTo === terms.payTo } }),
  };
}

function rank({ merchant, proof }: Found): number {
  if (merchant) return merchant.sameAccount ? 2 : -1;
  return proof === "seller" ? 1 : 0;
}
