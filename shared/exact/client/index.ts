/** `exact` on LEZ for a payer who uses the official x402 client. */
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme, PaymentRefused } from "./scheme.ts";
export { askFirst, type LezSigner, OwnerDeclined } from "./signer.ts";
