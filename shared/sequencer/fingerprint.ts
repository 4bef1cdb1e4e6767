/**
 * Whether a sequencer runs the release and the chain that the facilitator is configured for. No call of a sequencer says so, so it is read off
 * what v0.3 alone answers and writes. Whatever differs, the network must not be offered.
 */

import type { Digest } from "../crypto/digest.ts";
import { feesOf, GENESIS_BLOCK, type ZoneBlock } from "../zone/block.ts";
import type { Dialect, FeeQuote } from "../zone/dialect.ts";
import { verifySchnorr } from "../zone/schnorr.ts";
import type { Sequencer } from "./client.ts";

/** The chain that is configured. */
export interface ConfiguredChain {
  /** The hash of block 1: after a reset it is another. */
  ledger: Digest;
  channel?: Digest | undefined;
}

/** What the fingerprint is read off. */
export interface NetworkAnswers {
  feeState: FeeQuote;
  genesis: Uint8Array | undefined;
  headId: bigint;
  head: Uint8Array | undefined;
  /** Asked only if one is configured. */
  channel: Digest | undefined;
}

export type Fingerprint = { ok: true; head: Pick<ZoneBlock, "id" | "hash" | "timestamp"> } | { ok: false; problem: string };

/** @throws {SequencerFault} if the sequencer does not answer, or not as this release does */
export async function askNetwork(sequencer: Sequencer, { channel }: ConfiguredChain): Promise<NetworkAnswers> {
  const feeState = await sequencer.feeState();
  const genesis = await sequencer.block(GENESIS_BLOCK);
  const headId = await sequencer.lastBlockId();
  const head = await sequencer.block(headId);
  return { feeState, genesis, headId, head, channel: channel === undefined ? undefined : await sequencer.channelId() };
}

/** Pure. A network of which no answer came has no fingerprint either: the caller treats a fault as a failed one. */
export function fingerprintOf(answers: NetworkAnswers, configured: ConfiguredChain, dialect: Dialect): Fingerprint {
  const failed = (problem: string) => ({ ok: false, problem }) as const;
  const read = (bytes: Uint8Array | undefined, id: bigint) => {
    const decoded = bytes ? dialect.decodeBlock(bytes) : failed("it is not there");
    if (!decoded.ok) return failed(`block ${id}: ${decoded.problem}`);
    return decoded.block.id === id ? decoded : failed(`block ${decoded.block.id} was given for block ${id}`);
  };
  const genesis = read(answers.genesis, GENESIS_BLOCK);
  if (!genesis.ok) return genesis;
  if (genesis.block.hash !== configured.ledger) return failed("block 1 is another than the configured one");
  const head = read(answers.head, answers.headId);
  if (!head.ok) return head;
  const { id, hash, timestamp, signature, producer } = head.block;
  if (!verifySchnorr(signature, hash, producer)) return failed(`block ${id}: its producer's signature is not good`);
  if (!feesOf(head.block)) return failed(`block ${id} does not end with the fee and the clock invocation of v0.3`);
  if (configured.channel !== undefined && answers.channel !== configured.channel)
    return failed("the channel is another than the configured one");
  return { ok: true, head: { id, hash, timestamp } };
}
