/** `exact` on LEZ for a merchant who uses the official x402 server. */
export { ExactNativeLezScheme } from "./native-scheme.ts";
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme } from "./scheme.ts";
