/** Data points for Analytics Engine, where a Worker has the binding PAYMENT_METRICS. spec/operation.md has the columns, and queries. */

import type { ErrorCode } from "./errors.ts";

/** The binding. Writing to it never waits. */
export interface MetricsDataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** What one point measures. Never a payer, an address or a trace: each value of a column must occur often. */
export interface Measured {
  code?: ErrorCode | undefined;
  /** Atomic units. */
  amount?: string | undefined;
  millis?: number;
}

let dataset: MetricsDataset | undefined;

/** @param bound the Worker's binding; without one, points go nowhere */
export function measureInto(bound: MetricsDataset | undefined): void {
  if (bound) dataset = bound;
}

export function measure(event: string, { code = "" as ErrorCode, amount = "0", millis = 0 }: Measured): void {
  try {
    dataset?.writeDataPoint({ indexes: [event], blobs: [event, code], doubles: [Number(amount), millis] });
  } catch {
    // Too many points for one call. Counting is no reason to fail a payment.
  }
}
