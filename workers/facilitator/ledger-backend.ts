/** The Durable Object ledger as a PaymentBackend. Every call is safe to repeat, so what may be repeated is. */
import type { PaymentBackend, Refusal } from "../../shared/backend.ts";
import { BackendUnavailable } from "../../shared/facilitator.ts";
import type { Remote } from "../../shared/rpc.ts";
import { LEDGER_ATTEMPTS, LEDGER_RETRY_MILLIS } from "../../shared/limits.ts";
import type { Ledger } from "../ledger-do/ledger.ts";

/** The name of the one object that holds the whole ledger. */
const LEDGER_NAME = "ledger";

export function ledgerBackend(namespace: DurableObjectNamespace<Ledger>, traceId: string): PaymentBackend {
  const call = <T>(operation: (ledger: Remote<Ledger>) => Promise<T>) => persistently(namespace, operation);
  return {
    info: () => call((ledger) => ledger.info()),
    check: (payment) => call((ledger) => ledger.check(traceId, { payment })),
    reserve: (payment, hold) => call((ledger) => ledger.reserve(traceId, { payment, hold })),
    capture: (reservation) => call((ledger) => ledger.capture(traceId, reservation)),
    release: (reservation) => call((ledger) => ledger.release(traceId, reservation)),
    settle: (payment, settlementId) => call((ledger) => ledger.settle(traceId, { payment, settlementId })),
    cancel: (payer, nonce) => call((ledger) => ledger.cancel(traceId, { payer, nonce })),
    status: async (payer, nonce, validBefore) => accepted(await call((ledger) => ledger.status(traceId, { payer, nonce, validBefore }))),
    account: async (account) => accepted(await call((ledger) => ledger.account(traceId, { account }))),
    fund: (account, value, grantId) => call((ledger) => ledger.fund(traceId, { account, value, grantId })),
  };
}

/** Repeats a call that the platform says may be repeated, each time with a fresh stub: a broken one stays broken. */
async function persistently<T>(namespace: DurableObjectNamespace<Ledger>, operation: (ledger: Remote<Ledger>) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(namespace.getByName(LEDGER_NAME) as unknown as Remote<Ledger>);
    } catch (error) {
      const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean };
      if (!retryable || overloaded || attempt === LEDGER_ATTEMPTS) {
        throw new BackendUnavailable("the ledger did not answer", { overloaded, cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, LEDGER_RETRY_MILLIS * 2 ** (attempt - 1)));
    }
  }
}

/** Reads are refused for their shape only, and this side has checked the shape. */
function accepted<T extends object>(answer: T | Refusal): T {
  if ("code" in answer) throw new Error(`the ledger refused a read: ${answer.code}`);
  return answer;
}
