/** What an account of the chain itself holds, as its sequencer says. An account that was never used and one of another chain look the same. */

import * as z from "zod";
import { ASSET, NATIVE_NETWORKS, type NativeNetwork, isNativeNetwork } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import { readLezKeyFile } from "../keys/lez-key-file.ts";
import { findLezOwner } from "../keys/lez-owner.ts";
import type { Context } from "../runtime/context.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { openChain, readAccountAt, type SequencerInput } from "./open-chain.ts";

/** An account that the chain does not know is never shown as one that holds 0. */
const NEVER_USED = "never used, or not on this chain";

export const chainBalanceSchema = z.strictObject({
  account: z.string(),
  kind: z.literal("lez"),
  network: z.enum(NATIVE_NETWORKS),
  balance: moneySchema,
  /** The next that the chain takes of this account. */
  nonce: z.string(),
  /** The block at which both were read. */
  block: z.string(),
  /** False: it has never been used, or it is an account of another chain. */
  used: z.boolean(),
});
export type ChainBalance = z.infer<typeof chainBalanceSchema>;

/** Pins nothing: to look is not to use. */
export async function chainBalance(
  context: Context,
  network: NativeNetwork,
  account: LezAccountId,
  input: SequencerInput = {},
): Promise<Outcome<ChainBalance>> {
  const chain = await openChain(context, network, input, { pins: false });
  if (!chain.ok) return chain;
  const read = await readAccountAt(context, chain.data, account);
  if (!read.ok) return read;
  const { balance, nonce, head } = read.data;
  return succeed({
    account,
    kind: "lez",
    network,
    balance: money(balance.toString(), ASSET),
    nonce: nonce.toString(),
    block: head.id.toString(),
    used: nonce > 0n || balance > 0n,
  });
}

/** What was read on one network, or why nothing was. */
export const holdingSchema = z.strictObject({
  network: z.enum(NATIVE_NETWORKS),
  ...chainBalanceSchema.pick({ balance: true, nonce: true, block: true, used: true }).partial().shape,
  problem: z.string().optional(),
});
export type Holding = z.infer<typeof holdingSchema>;

/** On each network whose sequencer is configured. */
export async function holdingsOf(context: Context, account: LezAccountId): Promise<Holding[]> {
  const config = context.config();
  if (!config.ok) return [];
  const networks = NATIVE_NETWORKS.filter((network) => config.data.sequencers[network] !== undefined);
  return Promise.all(
    networks.map(async (network) => {
      const read = await chainBalance(context, network, account);
      if (!read.ok) return { network, problem: read.error.message };
      const { balance, nonce, block, used } = read.data;
      return { network, balance, nonce, block, used };
    }),
  );
}

/** One line for a person. */
export function holdingText({ network, balance, nonce, block, used, problem }: Holding): string {
  if (problem !== undefined) return `${network}: ${problem}`;
  return `${network}: ${used ? `${balance?.display}, nonce ${nonce}` : NEVER_USED}, at block ${block}`;
}

export function chainBalanceLines({ account, network, balance, nonce, block, used }: ChainBalance, layout: Layout): string[] {
  return [
    layout.ink("bold", used ? balance.display : NEVER_USED),
    ...field(layout, "account", account),
    ...field(layout, "kind", `LEZ account, on ${network}`),
    ...field(layout, "nonce", `${nonce}, read at block ${block}`),
  ];
}

export interface ChainAccountInput extends SequencerInput {
  network?: string | undefined;
  account?: string | undefined;
  ownerFile?: string | undefined;
}

/** The account of the chain itself that is meant, by --network or by the key's file; undefined if one of the mock ledger is. */
export function chainAccount(
  context: Context,
  { network, account, ownerFile }: ChainAccountInput,
): Outcome<{ network: NativeNetwork; account: LezAccountId }> | undefined {
  const named = network !== undefined && isNativeNetwork(network) ? network : undefined;
  const isLezFile = account === undefined && ownerFile !== undefined && readLezKeyFile(ownerFile).ok;
  if (named === undefined && !(isLezFile && network === undefined)) return undefined;
  const on = named === undefined ? onlyNetwork(context) : succeed(named);
  if (!on.ok) return on;
  if (account !== undefined)
    return isLezAccountId(account)
      ? succeed({ network: on.data, account })
      : fail("usage", "--account: must be a LEZ account, base58 of 32 bytes.");
  const owner = findLezOwner(context, ownerFile);
  return owner.ok ? succeed({ network: on.data, account: owner.data.key.account }) : owner;
}

/** The one network whose sequencer is configured. */
export function onlyNetwork(context: Context): Outcome<NativeNetwork> {
  const config = context.config();
  if (!config.ok) return config;
  const [only, ...others] = NATIVE_NETWORKS.filter((network) => config.data.sequencers[network] !== undefined);
  if (only !== undefined && others.length === 0) return succeed(only);
  return only === undefined
    ? fail("not_set_up", "No sequencer is configured.", {
        hint: `Name one in "${config.data.file}": "sequencers": { "lez:testnet": "https://…" }`,
      })
    : fail("usage", `The key may be used on ${NATIVE_NETWORKS.join(" or ")}: name one with --network.`);
}
