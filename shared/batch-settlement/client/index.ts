/** `batch-settlement` on LEZ for a payer who uses the official x402 client. */
export { mandateSessionFetch, type MandateSessionOptions } from "./mandate-sessions.ts";
export { registerBatchSettlementLezScheme } from "./register.ts";
export { type ClientSessionStore, type StoredClientSession, storedClientSessionSchema } from "./session-store.ts";
export { BatchSettlementLezScheme, type BatchSettlementConfig, type SessionSigner } from "./scheme.ts";
