/** `upto` on LEZ for a merchant who uses the official x402 server. */
export { registerUptoLezScheme } from "./register.ts";
export { UptoLezScheme } from "./scheme.ts";
