/**
 * The catalogue's entry for a settled payment. All of it but the account and the price is a stranger's word: cut, made harmless and never
 * fetched, and its schema is never compiled. It keeps nothing of what this buyer asked for: no query, no parameter of the path, no binding.
 */

import * as z from "zod/mini";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { BAZAAR, isServiceName, type ListedResource, type Proof, tagsAmong } from "../../shared/extensions/bazaar.ts";
import { X402_VERSION } from "../../shared/lez.ts";
import { MAX_DECLARATION_BYTES, MAX_DESCRIPTION_LENGTH, MAX_LISTED_ADDRESS_LENGTH, MAX_NAME_LENGTH } from "../../shared/limits.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { shortened, showUnsafe } from "../../shared/screen/escapes.ts";
import { isPublicName } from "../../shared/text/public-name.ts";
import { type PaymentRequirements, paymentRequirementsSchema } from "../../shared/x402/x402.ts";

export interface CatalogueEntry {
  /** Method, address, payee and scheme: two payees at one address have two entries. */
  key: string;
  payTo: string;
  scheme: string;
  proof: Proof;
  /** What a search compares, in lower case. */
  words: string;
  item: Omit<ListedResource, "lastUpdated">;
}

const anything = z.optional(z.unknown());

/** The payment of a seller that opted in. Whatever else the members are, they are checked one by one. */
const optedInSchema = z.object({
  /** The offer. What /settle is asked to charge of an `upto` is less. */
  accepted: paymentRequirementsSchema,
  resource: z.object({
    url: z.string(),
    description: anything,
    mimeType: anything,
    serviceName: anything,
    tags: anything,
  }),
  extensions: z.object({
    [BAZAAR]: z.object({
      info: z.looseObject({
        input: z.looseObject({ type: z.literal("http"), method: z.literal(["GET", "POST", "PUT", "PATCH", "DELETE"]) }),
      }),
      schema: anything,
      routeTemplate: z.optional(z.nullable(z.string())),
    }),
  }),
});

/**
 * @param paymentPayload of a payment that was verified and settled
 * @param isLocal also lists addresses that only this machine or its network reaches
 * @returns undefined for a payment whose seller did not opt in, and for one whose address cannot be listed
 */
export function catalogueEntry(paymentPayload: unknown, proof: Proof, isLocal: boolean): CatalogueEntry | undefined {
  const payload = z.safeParse(optedInSchema, paymentPayload);
  if (!payload.success) return undefined;
  const { accepted, resource, extensions } = payload.data;
  const { info, schema, routeTemplate } = extensions[BAZAAR];
  const address = addressOf(resource.url, routeTemplate ?? undefined, isLocal);
  if (address === undefined) return undefined;
  const { payTo, scheme } = accepted;
  const { method } = info.input;
  const description = harmless(resource.description, MAX_DESCRIPTION_LENGTH);
  const mimeType = harmless(resource.mimeType, MAX_NAME_LENGTH);
  const serviceName = isServiceName(resource.serviceName) ? resource.serviceName : undefined;
  const tags = tagsAmong(resource.tags);
  const item: CatalogueEntry["item"] = {
    resource: address,
    type: "http",
    x402Version: X402_VERSION,
    accepts: [listedTerms(accepted)],
    ...(description && { description }),
    ...(mimeType && { mimeType }),
    ...(serviceName && { serviceName }),
    ...(tags.length > 0 && { tags }),
    extensions: { [BAZAAR]: { ...declaration(info, schema), ...(routeTemplate && { routeTemplate }) } },
    metadata: { proof },
  };
  const words = [serviceName, ...tags, description, address].join("\n").toLowerCase();
  return { key: `${method} ${address} ${payTo} ${scheme}`, payTo, scheme, proof, words, item };
}

/** Origin and path, or the route's template in the path's place. A template that does not fit the path that was paid lists nothing. */
function addressOf(url: string, template: string | undefined, isLocal: boolean): string | undefined {
  const canonical = canonicalUrl(url);
  if (canonical === undefined) return undefined;
  const { origin, pathname, protocol, hostname } = new URL(canonical);
  if (!isLocal && !(protocol === "https:" && isPublicName(hostname))) return undefined;
  if (template !== undefined && !fits(template, pathname)) return undefined;
  const address = `${origin}${template ?? pathname}`;
  return address.length <= MAX_LISTED_ADDRESS_LENGTH ? address : undefined;
}

/** Whether the template names this path, part by part, and at least one part by its own word: `/:any` would stand for every page. */
function fits(template: string, pathname: string): boolean {
  const [parts, named] = [pathname.split("/"), template.split("/")];
  const isParameter = (part: string) => /^:[A-Za-z_][A-Za-z0-9_]{0,31}$/.test(part);
  return (
    parts.length === named.length &&
    named.every((part, index) => part === parts[index] || (isParameter(part) && parts[index] !== "")) &&
    named.some((part) => part !== "" && !isParameter(part))
  );
}

/** Without a binding: it is of one buyer's request. */
function listedTerms({ scheme, network, asset, amount, payTo, maxTimeoutSeconds, extra }: PaymentRequirements): PaymentRequirements {
  const { ledger, paymentFlow } = extra ?? {};
  const kept = { ...(ledger !== undefined && { ledger }), ...(paymentFlow !== undefined && { paymentFlow }) };
  return { scheme, network, asset, amount, payTo, maxTimeoutSeconds, extra: kept };
}

/** How the route is called. The parameters of the path are this buyer's. */
function declaration(info: z.infer<typeof optedInSchema>["extensions"][typeof BAZAAR]["info"], schema: unknown) {
  const { type, method, pathParams: _, ...called } = info.input;
  const input = { type, method };
  const whole = showUnsafe(JSON.stringify({ info: { ...info, input: { ...input, ...called } }, schema }));
  return utf8(whole).length <= MAX_DECLARATION_BYTES ? (JSON.parse(whole) as { info: object; schema?: unknown }) : { info: { input } };
}

/** A stranger's text for other strangers. */
function harmless(text: unknown, max: number): string {
  return typeof text === "string" ? showUnsafe(shortened(text, max)) : "";
}
