/** The x402 extension `bazaar`: what a merchant says about a route that it wants found, and what a facilitator's catalogue lists. */

import * as z from "zod/mini";
import type { X402_VERSION } from "../lez.ts";
import { MAX_SERVICE_NAME_LENGTH, MAX_TAG_LENGTH, MAX_TAGS } from "../limits.ts";
import { type PaymentRequirements, paymentRequirementsSchema } from "../x402/x402.ts";

export const BAZAAR = "bazaar";

/** How a route is called, in the members of the official `declareDiscoveryExtension`. */
export interface RouteDeclaration {
  /** An example: of the query, or of the body for methods that have one. */
  input?: Record<string, unknown>;
  /** JSON Schema of the input: `properties`, `required`. */
  inputSchema?: Record<string, unknown>;
  /** Default `json`. */
  bodyType?: "json" | "form-data" | "text";
  output?: { example?: unknown };
}

/**
 * The extension in a PaymentRequired. Its schema describes its info, as catalogues of other facilitators demand.
 * @param routeTemplate `/users/:id` where the route has parameters, so that the catalogue has one entry for all of them
 */
export function declareRoute(method: string, { input, inputSchema, bodyType = "json", output }: RouteDeclaration, routeTemplate?: string) {
  const hasBody = ["POST", "PUT", "PATCH"].includes(method);
  const called = hasBody ? { bodyType, body: input ?? {} } : input && { queryParams: input };
  const info = { input: { type: "http", method, ...called }, ...(output && { output: { type: "json", ...output } }) };
  const of = { type: "object", ...inputSchema };
  const properties = {
    type: { const: "http" },
    method: { enum: [method] },
    ...(hasBody ? { bodyType: { enum: [bodyType] }, body: of } : { queryParams: of }),
  };
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { input: { type: "object", properties, required: ["type", "method"] }, output: { type: "object" } },
    required: ["input"],
  };
  return { info, schema, ...(routeTemplate !== undefined && { routeTemplate }) };
}

export function isServiceName(value: unknown): value is string {
  return isPrintable(value, MAX_SERVICE_NAME_LENGTH);
}

/** The tags among these, each once: the first MAX_TAGS. */
export function tagsAmong(value: unknown): string[] {
  const tags: unknown[] = Array.isArray(value) ? value : [];
  return [...new Set(tags.filter((tag) => isPrintable(tag, MAX_TAG_LENGTH)))].slice(0, MAX_TAGS);
}

/** Printable ASCII, so that every reader counts the same characters. */
function isPrintable(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max && /^[\x20-\x7e]+$/.test(value);
}

/**
 * Who described the resource, the least trusted first. `payment`: a caller that settled a payment to this account. `seller`: a caller that the
 * operator lets settle for this account. Neither proves that the account's owner controls the address.
 */
export const PROOFS = ["payment", "seller"] as const;
export type Proof = (typeof PROOFS)[number];

/** An entry of our catalogue. */
export interface ListedResource {
  /** Without the query, and with the names of the path's parameters in place of their values. */
  resource: string;
  type: "http";
  x402Version: typeof X402_VERSION;
  /** As it was last paid. The 402 says what it costs now. */
  accepts: PaymentRequirements[];
  /** RFC 3339: the last payment that renewed it. */
  lastUpdated: string;
  description?: string;
  mimeType?: string;
  serviceName?: string;
  tags?: string[];
  extensions: { bazaar: { info: object; schema?: unknown; routeTemplate?: string } };
  metadata: { proof: Proof };
}

const words = z.optional(z.nullable(z.string()));

/** An entry of the catalogue of any facilitator. */
export const discoveryResourceSchema = z.looseObject({
  resource: z.string(),
  type: z.string(),
  x402Version: z.number(),
  accepts: z.array(paymentRequirementsSchema),
  lastUpdated: z.string(),
  description: words,
  mimeType: words,
  serviceName: words,
  tags: z.optional(z.nullable(z.array(z.string()))),
  extensions: z.optional(z.nullable(z.looseObject({}))),
  metadata: z.optional(z.nullable(z.looseObject({ proof: z.optional(z.literal(PROOFS)) }))),
});
export type DiscoveryResource = z.infer<typeof discoveryResourceSchema>;
