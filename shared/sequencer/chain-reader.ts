/** Reads a sequencer's blocks and accounts as the rules of a lane need them. A block whose producer did not sign it is not believed. */

import { BadBlock, type ChainReader } from "../zone/account-read.ts";
import type { Dialect } from "../zone/dialect.ts";
import { chainBlockOf } from "../zone/head-chain.ts";
import { verifySchnorr } from "../zone/schnorr.ts";
import type { Sequencer } from "./client.ts";

export function chainReader(sequencer: Sequencer, dialect: Dialect): ChainReader {
  return {
    lastBlockId: () => sequencer.lastBlockId(),
    balanceAndNonce: (account) => sequencer.balanceAndNonce(account),
    block: async (id) => {
      const bytes = await sequencer.block(id);
      if (!bytes) return undefined;
      const decoded = dialect.decodeBlock(bytes);
      if (!decoded.ok) throw new BadBlock(`block ${id}: ${decoded.problem}`);
      const { block } = decoded;
      if (block.id !== id) throw new BadBlock(`block ${block.id} was given for block ${id}`);
      if (!verifySchnorr(block.signature, block.hash, block.producer))
        throw new BadBlock(`block ${id}: its producer's signature is not good`);
      return chainBlockOf(block);
    },
  };
}
