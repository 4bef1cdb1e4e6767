/** `batch-settlement` on LEZ for a merchant who uses the official x402 server. */
export type { ClaimReport } from "./claims.ts";
export { registerBatchSettlementLezScheme } from "./register.ts";
export { BatchSettlementLezScheme, type BatchSettlementServerConfig } from "./scheme.ts";
export { MemorySessionStore, type SessionStore } from "./session-store.ts";
export type { StoredSession } from "./stored-session.ts";
