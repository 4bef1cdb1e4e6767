/** The bindings of the ledger Worker. */

import type { Batch, Received } from "../../shared/ledger/stream.ts";
import type { MetricsDataset } from "../../shared/metrics.ts";
import type { LedgerInfo } from "../../shared/settlement/backend.ts";

export interface LedgerEnv {
  /** "on": `fund` grants test money. */
  FAUCET?: string;
  /** The number of objects that the ledger is spread over; 1 by default. A ledger is created with it, and opens with no other. */
  SHARDS?: string;
  /** Secret: the seed of an Ed25519 key as 64 hex digits. Without it no checkpoint is signed, and no journal is pruned. */
  CHECKPOINT_KEY?: string;
  /** Secret: SHA-256 of the operator's bearer key, as in the facilitator. Without it no caller sets the clock or pays out money. */
  OPERATOR_KEY_SHA256?: string;
  /** The most that the operator may pay out of the treasury in all, in atomic units; FUNDING_CAP by default. */
  FUNDING_CAP?: string;
  /** Counts events in an Analytics Engine dataset. */
  PAYMENT_METRICS?: MetricsDataset;
  /** The namespace of the ledger's own class: its other shards. */
  LEDGER?: DurableObjectNamespace;
}

/** What one shard calls on another. */
export interface PeerShard {
  info(): LedgerInfo;
  receive(batch: Batch, clock: number): Received;
}
