/** Parses a 402's terms in stages, so that a report can name the stage that fails. */

import * as z from "zod";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { parseJson } from "../../shared/text/json.ts";
import { PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import type { Reply } from "./probe.ts";

export type Members = Record<string, unknown>;

export interface ReadTerms {
  header?: string;
  /** Absent if the header is not base64. */
  bytes?: Uint8Array;
  /** Why the bytes are not JSON, or not unambiguous JSON. */
  problem?: string;
  terms?: Members;
  /** The entries of `accepts` that are objects. */
  offers: Members[];
}

export const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value);

export function readTerms(reply: Reply): ReadTerms {
  const header = reply.kind === "answer" ? reply.headers[PAYMENT_REQUIRED.toLowerCase()] : undefined;
  if (header === undefined) return { offers: [] };
  const bytes = fromBase64(header.trim());
  if (!bytes) return { header, offers: [] };
  // Twice the limit of clients: the report should name other defects of large terms, too.
  const json = parseJson(bytes, 2 * MAX_FOREIGN_HEADER_BYTES, z.unknown());
  if (!json.ok) return { header, bytes, problem: json.problem, offers: [] };
  if (!isMembers(json.value)) return { header, bytes, problem: "not a JSON object", offers: [] };
  const { accepts } = json.value;
  return { header, bytes, terms: json.value, offers: Array.isArray(accepts) ? accepts.filter(isMembers) : [] };
}

/** The prices of all offers, to compare. */
export function pricesOf({ offers }: ReadTerms): string {
  return JSON.stringify(offers.map(({ scheme, network, asset, amount }) => [scheme, network, asset, amount]));
}

/** The payees of all offers, to compare. */
export function payeesOf({ offers }: ReadTerms): string {
  return JSON.stringify(offers.map(({ network, payTo }) => [network, payTo]));
}
