/** `exact` on LEZ for whoever runs the official x402 facilitator. */
export type * from "../../backend.ts";
export { BackendUnavailable, Facilitator, type PendingSettlements } from "../../facilitator.ts";
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme } from "./scheme.ts";
