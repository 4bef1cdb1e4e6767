/** What the watch tells a lane about one payment, and which event that is for the payment's row. Pure. */

import type { Digest } from "../crypto/digest.ts";
import type { LezAccountId } from "./account.ts";
import type { HeadChain } from "./head-chain.ts";
import { type AccountRead, type BlockRef, type Inclusion, isOpen, type KnownRow, type Usage } from "./lane-row.ts";
import type { LaneEvent } from "./lane-table.ts";
import { isDeep, type Proof, provesPayment, rebaseRead } from "./proof.ts";

/** What a lane asks of a payment. */
export interface LaneQuery {
  h: Digest;
  payer: LezAccountId;
  nonce: bigint;
  /** Absent of a payment that is not leased yet. */
  since?: bigint;
  /** The read that is to prove the payment. */
  read?: AccountRead;
  /** The head of a fresh read. */
  fresh?: BlockRef;
}

/** `stands`: the chain has its block. `unsure`: the watch has not come that far. `lost`: it is of no use on this chain. */
export type Evidence = { kind: "stands" | "unsure" | "lost" } | { kind: "moved"; read: AccountRead };

export interface LaneView {
  head: BlockRef;
  /** Seconds from block to block. */
  blockSeconds: number;
  /** The newest final block's id. */
  final: bigint;
  /** Below it the watch knows no block; all of those are final. */
  floor: bigint;
  /** Every block after the query's `since` was read. */
  complete: boolean;
  inclusion?: Inclusion;
  /** Another message that used the nonce. */
  used?: Usage;
  evidence: Evidence;
  /** The head of the fresh read is the chain's: an older one may be the answer of a node that is behind, and the read another's. */
  isFresh: boolean;
}

/** What the chain says of a payment. */
export function viewOf(chain: HeadChain, { h, payer, nonce, since, read, fresh }: LaneQuery, blockSeconds: number): LaneView {
  const { id, hash } = chain.head;
  const inclusion = chain.inclusionOf(h);
  const usage = chain.usageOf(payer, nonce);
  return {
    head: { id, hash },
    blockSeconds,
    final: chain.final,
    floor: chain.floor.id,
    complete: since === undefined || chain.floor.id <= since + 1n,
    ...(inclusion && { inclusion }),
    ...(usage && usage.h !== h && { used: usage }),
    evidence: evidenceOf(chain, payer, read),
    isFresh: fresh?.hash === hash,
  };
}

function evidenceOf(chain: HeadChain, payer: LezAccountId, read: AccountRead | undefined): Evidence {
  if (!read) return { kind: "lost" };
  if (chain.has(read.head)) return { kind: "stands" };
  const fork = chain.forkOf(read.head);
  // A block that the watch has never seen is not below the floor only if the sequencer told of it first.
  if (!fork) return { kind: read.head.id < chain.floor.id || read.head.id > chain.head.id ? "unsure" : "lost" };
  const rebased = rebaseRead(read, fork.fork, fork.orphaned, payer);
  return rebased ? { kind: "moved", read: rebased } : { kind: "lost" };
}

/** The next event that the view is for this row; undefined if it says nothing new. */
export function observe(row: KnownRow, view: LaneView, now: number): LaneEvent | undefined {
  const { inclusion, used, evidence, complete } = view;
  if (row.state === "included" || (row.state === "settled" && !row.final)) {
    const stands = row.inclusion.block.id < view.floor || row.inclusion.block.hash === inclusion?.block.hash;
    if (!stands) return { event: "orphaned" };
  }
  if (row.read && (isOpen(row) || row.state === "cancelled")) {
    if (evidence.kind === "moved") return { event: "evidence", read: evidence.read };
    if (evidence.kind === "lost") return { event: "evidence", read: undefined };
  }
  switch (row.state) {
    case "leased":
    case "cancelled":
      return inclusion && { event: "included", inclusion };
    case "sending":
    case "sent":
      if (inclusion) return { event: "included", inclusion };
      if (used) return { event: "scanned", scan: complete ? { complete, used, final: used.block.id <= view.final } : { complete } };
      return undefined;
    case "included": {
      if (!isDeep(row.payment.finality, row.inclusion, view.head, view.final) || (row.read && evidence.kind === "unsure")) return undefined;
      return { event: "deep", proof: proofOf(row, view), final: row.inclusion.block.id <= view.final, now };
    }
    case "settled":
      return !row.final && row.inclusion.block.id <= view.final ? { event: "finalized" } : undefined;
    case "displaced":
    case "reverted":
    case "void":
      return undefined;
  }
}

function proofOf({ read, payment, inclusion }: KnownRow & { inclusion: Inclusion }, { evidence }: LaneView): Proof {
  const holds = read && provesPayment(read, payment, inclusion, () => evidence.kind === "stands");
  return holds ? "good" : "inconclusive";
}
