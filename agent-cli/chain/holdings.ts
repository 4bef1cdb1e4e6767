/** What an account holds on each network of the chain itself whose sequencer is configured. */

import * as z from "zod";
import { ASSET, NATIVE_NETWORKS } from "../../shared/lez.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { Context } from "../runtime/context.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { openChain, readAccountAt } from "./open-chain.ts";

export const holdingSchema = z.strictObject({
  network: z.string(),
  balance: moneySchema.optional(),
  /** The account's next, in decimal. */
  nonce: z.string().optional(),
  /** The block at which both were read. */
  block: z.string().optional(),
  /** Whether the chain knows the account: one that holds nothing and has signed nothing may be one of another chain. */
  known: z.boolean().optional(),
  /** Why nothing was read. */
  problem: z.string().optional(),
});
export type Holding = z.infer<typeof holdingSchema>;

/** Pins nothing: to look is not to use. */
export async function holdingsOf(context: Context, account: LezAccountId): Promise<Holding[]> {
  const config = context.config();
  if (!config.ok) return [];
  const networks = NATIVE_NETWORKS.filter((network) => config.data.sequencers[network] !== undefined);
  return Promise.all(
    networks.map(async (network) => {
      const chain = await openChain(context, network, {}, { pins: false });
      const read = chain.ok ? await readAccountAt(context, chain.data, account) : chain;
      if (!read.ok) return { network, problem: read.error.message };
      const { balance, nonce, head } = read.data;
      const known = balance > 0n || nonce > 0n;
      return { network, balance: money(balance.toString(), ASSET), nonce: nonce.toString(), block: head.id.toString(), known };
    }),
  );
}

/** One line for a person. An account that the chain does not know is never shown as one that holds 0. */
export function holdingText({ network, balance, nonce, block, known, problem }: Holding): string {
  if (problem !== undefined) return `${network}: ${problem}`;
  const read = `at block ${block}`;
  return known ? `${network}: ${balance?.display}, nonce ${nonce}, ${read}` : `${network}: never used, or not on this chain; ${read}`;
}
