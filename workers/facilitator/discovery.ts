/** Discovery, as x402's `bazaar` describes it: settled payments of sellers that opted in are listed, and every caller reads the list. */

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import { keepNewest } from "../../shared/bounded.ts";
import { BAZAAR, type Proof } from "../../shared/extensions/bazaar.ts";
import { REFUND } from "../../shared/extensions/refund.ts";
import { NETWORK, X402_VERSION } from "../../shared/lez.ts";
import {
  CATALOGUE_REFRESH_SECONDS,
  DISCOVERY_PAGE,
  MAX_CATALOGUE_ENTRIES,
  MAX_DISCOVERY_PAGE,
  MAX_FRESH_ENTRIES,
  MAX_SEARCH_LENGTH,
  MAX_SEARCH_WORDS,
} from "../../shared/limits.ts";
import { logEvent } from "../../shared/log.ts";
import type { Remote } from "../../shared/rpc.ts";
import { BackendUnavailable } from "../../shared/settlement/facilitator.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { malformed, problemResponse } from "./api.ts";
import { type CatalogueEntry, catalogueEntry } from "./catalogue-entry.ts";
import type { Catalogue } from "./catalogue.ts";
import type { Api, FacilitatorEnv } from "./env.ts";

const word = z.optional(z.string());
const count = z.optional(z.string().check(z.regex(/^[0-9]{1,9}$/, "must be a whole number")));

/** The members of the official client's queries. */
const filters = { type: word, payTo: word, scheme: word, network: word, extensions: word, limit: count };
const listSchema = z.object({ ...filters, offset: count });
const searchSchema = z.object({
  ...filters,
  query: z.string().check(z.maxLength(MAX_SEARCH_LENGTH, `must have at most ${MAX_SEARCH_LENGTH} characters`)),
  cursor: z.optional(z.string().check(z.regex(/^[01]\.[0-9]{1,15}$/, "must be the cursor of a page"))),
});

/** All that is listed has these. */
const LISTED = { type: "http", network: NETWORK, extensions: BAZAAR };

export function addDiscoveryRoutes(api: Hono<Api>): void {
  api.get("/discovery/resources", async (c) => {
    const query = checkShape(c.req.query(), listSchema);
    if (!query.ok) return malformed(c, query);
    if (!c.env.CATALOGUE) return listsNothing(c);
    const { payTo, scheme } = query.value;
    const [limit, offset] = [pageOf(query.value), atMost(query.value.offset, MAX_CATALOGUE_ENTRIES) ?? 0];
    const { items, total } = excludesAll(query.value)
      ? { items: [], total: 0 }
      : await ask(c.env.CATALOGUE, (catalogue) => catalogue.list({ limit, offset, payTo, scheme }));
    return c.json({ x402Version: X402_VERSION, items, pagination: { limit, offset, total } });
  });

  api.get("/discovery/search", async (c) => {
    const query = checkShape(c.req.query(), searchSchema);
    if (!query.ok) return malformed(c, query);
    if (!c.env.CATALOGUE) return listsNothing(c);
    const { cursor, payTo, scheme } = query.value;
    const limit = pageOf(query.value);
    const words = [...new Set(query.value.query.toLowerCase().split(/\s+/).filter(Boolean))].slice(0, MAX_SEARCH_WORDS);
    const found = excludesAll(query.value)
      ? { resources: [] }
      : await ask(c.env.CATALOGUE, (catalogue) => catalogue.search({ limit, cursor, payTo, scheme, words }));
    const pagination = { limit, cursor: found.cursor ?? null };
    return c.json({ x402Version: X402_VERSION, resources: found.resources, partialResults: pagination.cursor !== null, pagination });
  });
}

/** What /supported names. */
export function extensionsOf({ CATALOGUE }: FacilitatorEnv): string[] {
  return [...(CATALOGUE ? [BAZAAR] : []), REFUND];
}

/** Until when this isolate knows an entry to be fresh. */
const freshUntil = new Map<string, number>();

/**
 * The entry that this payment would have if it was settled.
 * @returns undefined if there is nothing to write: its seller did not opt in, or another payment wrote the same within the hour
 */
export function dueEntry(env: FacilitatorEnv, paymentPayload: unknown, proof: Proof): CatalogueEntry | undefined {
  if (!env.CATALOGUE) return undefined;
  const entry = catalogueEntry(paymentPayload, proof, env.DISCOVERY === "local");
  return entry && (freshUntil.get(freshKey(entry)) ?? 0) <= unixNow() ? entry : undefined;
}

/** Lists a settled payment. A failure is logged and changes no answer. */
export async function recordEntry({ CATALOGUE }: FacilitatorEnv, entry: CatalogueEntry, traceId: string): Promise<void> {
  try {
    keepNewest(freshUntil, freshKey(entry), unixNow() + CATALOGUE_REFRESH_SECONDS, MAX_FRESH_ENTRIES);
    await CATALOGUE?.getByName(CATALOGUE_NAME).record(entry);
  } catch (error) {
    logEvent("discovery.failed", { traceId, message: String(error) });
  }
}

const CATALOGUE_NAME = "catalogue";

function freshKey({ key, proof }: CatalogueEntry): string {
  return `${proof} ${key}`;
}

async function ask<T extends object>(
  namespace: DurableObjectNamespace<Catalogue>,
  question: (catalogue: Remote<Catalogue>) => Promise<T>,
): Promise<T> {
  try {
    return { ...(await question(namespace.getByName(CATALOGUE_NAME) as unknown as Remote<Catalogue>)) }; // copied: an RPC result holds the call open
  } catch (error) {
    throw new BackendUnavailable("the catalogue did not answer", { overloaded: false, cause: error });
  }
}

function excludesAll(filter: { [Name in keyof typeof LISTED]?: string | undefined }): boolean {
  return Object.entries(LISTED).some(([name, value]) => (filter[name as keyof typeof LISTED] ?? value) !== value);
}

function pageOf({ limit }: { limit?: string | undefined }): number {
  return atMost(limit, MAX_DISCOVERY_PAGE) ?? DISCOVERY_PAGE;
}

function atMost(digits: string | undefined, max: number): number | undefined {
  return digits === undefined ? undefined : Math.min(Number(digits), max);
}

function listsNothing(c: Context<Api>) {
  return problemResponse(c, "not_found", { message: "This facilitator lists nothing.", hint: "Ask a seller for its address." });
}
