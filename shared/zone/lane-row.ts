/**
 * One payment in its payer's lane: what the facilitator must not forget about it. Whether money moved is a property of the state, so that
 * no answer can claim more than is known. spec/native-state-table.md.
 */

import type { Digest } from "../crypto/digest.ts";
import type { LezAccountId } from "./account.ts";

/** A block as one chain has it. */
export interface BlockRef {
  /** 1 is the genesis. */
  id: bigint;
  hash: Digest;
}

/** A transaction in a block. */
export interface Inclusion {
  block: BlockRef;
  /** The id under which it was included: one message has many. */
  transaction: Digest;
}

/** A message that used a nonce. */
export interface Usage extends Inclusion {
  /** The message hash. */
  h: Digest;
}

/** One answer of `getAccountView` and the head that it was given at. Lepta. */
export interface AccountRead {
  head: BlockRef;
  nonce: bigint;
  balance: bigint;
}

/** When a receipt is given: at inclusion, with so many blocks on top, or when the layer below has confirmed the block. */
export type Finality = "head" | `depth:${number}` | "final";

/** A payment that was verified offline. */
export interface LanePayment {
  /** The message hash: the identity of the payment. */
  h: Digest;
  /** The id of `wire`. */
  transaction: Digest;
  /** Base64, as `sendTransaction` takes it. No other bytes are ever sent for this payment. */
  wire: string;
  payer: LezAccountId;
  payee: LezAccountId;
  /** Lepta. */
  value: bigint;
  nonce: bigint;
  /** Lepta: the most that the chain takes for the inclusion. */
  maxFee: bigint;
  /** What it buys. Another one is another purchase, and not paid by this payment. */
  fingerprint: string;
  finality: Finality;
  /** Unix seconds. */
  validBefore: number;
}

export type LaneAlert =
  /** The sequencer answered with the id of another transaction. */
  | "foreign_id"
  /** The sequencer refused the form of a payment that was verified. */
  | "refused_form"
  | "scan_incomplete"
  /** Nothing is sent any more. */
  | "gave_up"
  /** Included, but neither paid nor reverted can be proven. A person has to look. */
  | "inconclusive"
  /** The block of a receipt left the chain. */
  | "receipt_undone"
  /** The chain changed a block that it called final. */
  | "final_undone";

/** What is known of a payment from its lease on. */
interface Facts {
  payment: LanePayment;
  /** Every block up to this one was final at the lease: a message with this nonce can only be in a later one. */
  since: bigint;
  /** The read that proves the payment, once it is included (proof.ts). Undefined if a reorganisation took it away. */
  read: AccountRead | undefined;
  /** Unix seconds. */
  leasedAt: number;
  /** Sends that began, those among them that the sequencer refused, and when the last one began, in unix seconds. */
  attempts: { sent: number; refused: number; lastAt: number };
  /** Nothing more is sent: too many attempts, too late, or a sequencer that does not say what it should. */
  stopped: boolean;
  /** The payer revoked it before anything had left. */
  revoked: boolean;
  /** Scans that could not read a block, one after the other. */
  failedScans: number;
  /** What was reported already. */
  alerted: readonly LaneAlert[];
  /** The settlement that was given the receipt. */
  collector: string | undefined;
}

export type LeasedRow = Facts & { state: "leased" };
export type SendingRow = Facts & { state: "sending" };
export type SentRow = Facts & { state: "sent" };
export type IncludedRow = Facts & { state: "included"; inclusion: Inclusion };
export type SettledRow = Facts & { state: "settled"; inclusion: Inclusion; final: boolean; /** Unix seconds. */ settledAt: number };
export type DisplacedRow = Facts & { state: "displaced"; by: Usage };
export type RevertedRow = Facts & { state: "reverted"; inclusion: Inclusion };
export type CancelledRow = Facts & { state: "cancelled" };
export type VoidRow = Facts & { state: "void" };

/** A payment that the lane has a row for. */
export type KnownRow = LeasedRow | SendingRow | SentRow | IncludedRow | SettledRow | DisplacedRow | RevertedRow | CancelledRow | VoidRow;
export type LaneRow = { state: "none" } | KnownRow;
export type LaneState = LaneRow["state"];

/**
 * `unmoved`: nothing of ours has left. `unknown`: the money may have moved, or still move. `moved`: it did. `never`: the nonce is used, or
 * the chain is gone.
 */
export type Money = "unmoved" | "unknown" | "moved" | "never";

export const MONEY = {
  none: "unmoved",
  leased: "unmoved",
  sending: "unknown",
  sent: "unknown",
  included: "unknown",
  settled: "moved",
  displaced: "never",
  reverted: "never",
  cancelled: "unmoved",
  void: "never",
} as const satisfies Record<LaneState, Money>;

type StateWith<M extends Money> = { [S in LaneState]: (typeof MONEY)[S] extends M ? S : never }[LaneState];

/** The rows of which this is known about the money. */
export type RowWith<M extends Money> = Extract<LaneRow, { state: StateWith<M> }>;

/** States in which the payment may still need the lane: at most one row without a receipt is in one of them. */
export type OpenRow = LeasedRow | RowWith<"unknown">;

export function isOpen(row: LaneRow): row is OpenRow {
  return row.state === "leased" || MONEY[row.state] === "unknown";
}
