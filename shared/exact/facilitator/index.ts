/** `exact` on LEZ for whoever runs the official x402 facilitator. */
export type * from "../../settlement/backend.ts";
export { BackendUnavailable, Facilitator, type PendingSettlements } from "../../settlement/facilitator.ts";
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme } from "./scheme.ts";
