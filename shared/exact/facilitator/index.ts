/** `exact` on LEZ for an operator of the official x402 facilitator. */
export type * from "../../protocol/ledger-payment.ts";
export type * from "../../protocol/refusal.ts";
export type * from "../../settlement/backend.ts";
export type * from "../../settlement/commands.ts";
export { BackendUnavailable, Facilitator, type PendingSettlements } from "../../settlement/facilitator.ts";
export { registerExactLezScheme } from "./register.ts";
export { ExactLezScheme } from "./scheme.ts";
