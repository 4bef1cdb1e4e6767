/** `batch-settlement` on LEZ for a payer who uses the official x402 client. */
export { registerBatchSettlementLezScheme } from "./register.ts";
export { BatchSettlementLezScheme, type BatchSettlementConfig, type SessionSigner } from "./scheme.ts";
