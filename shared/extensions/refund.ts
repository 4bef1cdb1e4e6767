/**
 * The x402 extension `refund`, as its proposal describes it: a seller says where buyers ask for their money back, and for how long. It is the
 * seller's word: whether it gives anything back is its own decision.
 */

import { MAX_URL_LENGTH, REFUND_SECONDS } from "../limits.ts";

export const REFUND = "refund";

export interface RefundTerms {
  /** Takes the buyer's request (POST). A facilitator's `/refunds` takes the payee's order, and is no such address. */
  refundEndpoint: string;
  /** Seconds after the settlement; 0: nothing is given back. */
  windowSeconds: number;
  partialRefunds: boolean;
  /** For people. */
  policyUrl?: string | undefined;
}

/** The extension in a PaymentRequired. Window and parts are what the ledger does. */
export function declareRefunds(refundEndpoint: string, policyUrl?: string) {
  const info: RefundTerms = { refundEndpoint, windowSeconds: REFUND_SECONDS, partialRefunds: true, ...(policyUrl && { policyUrl }) };
  const uri = { type: "string", format: "uri" };
  const properties = {
    refundEndpoint: uri,
    windowSeconds: { type: "integer", minimum: 0 },
    partialRefunds: { type: "boolean" },
    ...(policyUrl && { policyUrl: uri }),
  };
  return { info, schema: { type: "object", properties, required: ["refundEndpoint", "windowSeconds", "partialRefunds"] } };
}

/** Whether buyers can be sent there: https, or the same machine. */
export function isRefundAddress(value: unknown): value is string {
  if (typeof value !== "string" || value.length > MAX_URL_LENGTH || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password, hash } = new URL(value);
  const isLocal = protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return (protocol === "https:" || isLocal) && username + password + hash === "";
}
