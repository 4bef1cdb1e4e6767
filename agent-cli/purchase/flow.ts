/** What a run of one purchase is given, and what it comes to. */

import type { FacilitatorInput } from "../facilitator/client.ts";
import type { KeptMandate } from "../records/mandates.ts";
import type { Destination, Paid } from "./paid-report.ts";
import type { Purchase } from "./purchase.ts";

export interface FlowInput extends FacilitatorInput, Destination {
  wait: boolean;
  /** Pay within a mandate or not at all. */
  noAsk: boolean;
  agentFile?: string | undefined;
  timeout?: number | undefined;
  maxAmount?: string | undefined;
  dryRun: boolean;
}

export type Bought = Paid & { shortCode: string };

/** A purchase, and what this run has learned about it. */
export interface Underway extends Purchase {
  /** The mandate that covers it, if this run has looked for one. */
  found?: { mandate: KeptMandate | undefined };
}
