/** `exact` on LEZ for a payer who uses the official x402 client. */
export { mandateFetch, type MandateFetchOptions } from "./mandate-fetch.ts";
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme, PaymentRefused } from "./scheme.ts";
export { askFirst, type LezSigner, OwnerDeclined } from "./signer.ts";
