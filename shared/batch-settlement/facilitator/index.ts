/** `batch-settlement` on LEZ for an operator of the official x402 facilitator. */
export { registerBatchSettlementLezScheme } from "./register.ts";
export { BatchSettlementLezScheme } from "./scheme.ts";
