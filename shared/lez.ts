/** Networks, asset and schemes. */

/** CAIP-2 name of the mock ledger, which is no network of the Logos Execution Zone: its accounts, keys and money are others. */
export const NETWORK = "logos:lez-testnet";
/** Networks of the Logos Execution Zone itself, whose money this system's ledger does not have. */
export const NATIVE_NETWORKS = ["lez:testnet", "lez:devnet"] as const;
export type NativeNetwork = (typeof NATIVE_NETWORKS)[number];
/** Whether a network is one of the chain itself. */
export function isNativeNetwork(network: string): network is NativeNetwork {
  return NATIVE_NETWORKS.some((name) => name === network);
}
/** Whether an offer, a payment or a kind is of the Logos Execution Zone itself, under whichever name. */
export function isNative({ network }: { network: string }): boolean {
  return network.startsWith("lez:");
}
export const SCHEME = "exact";
/** The payer signs a maximum, and the merchant charges what was used. */
export const UPTO = "upto";
/** The payer sets money aside for one payee, signs a voucher with each request, and the payee claims. */
export const BATCH_SETTLEMENT = "batch-settlement";
export type Scheme = typeof SCHEME | typeof UPTO;
/** The mock's one asset, named like LEZ's native token. */
export const ASSET = "native";
export const ASSET_SYMBOL = "LGO";
/** 1 LGO = 10^9 atomic units, as LEZ v0.3 shows its own: lepta there. */
export const ASSET_DECIMALS = 9;
export const X402_VERSION = 2;
