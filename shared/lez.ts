/** The one network and asset that this system settles, and its schemes. */

/** CAIP-2 name of the Logos Execution Zone testnet. */
export const NETWORK = "logos:lez-testnet";
export const SCHEME = "exact";
/** The payer signs a maximum, and the merchant charges what was used. */
export const UPTO = "upto";
/** The payer sets money aside for one payee, signs a voucher with each request, and the payee claims. */
export const BATCH_SETTLEMENT = "batch-settlement";
export type Scheme = typeof SCHEME | typeof UPTO;
/** LEZ's native token. */
export const ASSET = "native";
export const ASSET_SYMBOL = "LGO";
/** 1 LGO = 10^9 atomic units. */
export const ASSET_DECIMALS = 9;
export const X402_VERSION = 2;
