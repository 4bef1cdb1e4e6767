/** `upto` on LEZ for a payer who uses the official x402 client. Within a mandate, `mandateFetch` of `/exact/client` pays by it, too. */
export { registerUptoLezScheme, type UptoLezClientConfig } from "./register.ts";
export { UptoLezScheme } from "./scheme.ts";
