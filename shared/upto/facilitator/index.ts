/** `upto` on LEZ for an operator of the official x402 facilitator. */
export { registerUptoLezScheme } from "./register.ts";
export { UptoLezScheme } from "./scheme.ts";
