/** The one network, scheme and asset that this system settles. */

/** CAIP-2 name of the Logos Execution Zone testnet. */
export const NETWORK = "logos:lez-testnet";
export const SCHEME = "exact";
/** LEZ's native token. */
export const ASSET = "native";
export const ASSET_SYMBOL = "LGO";
/** 1 LGO = 10^9 atomic units. */
export const ASSET_DECIMALS = 9;
export const X402_VERSION = 2;
