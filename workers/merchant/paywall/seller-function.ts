/** Calls functions of the seller's, so that what they do wrong stays theirs: it is logged, and breaks no answer but their own. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { LATE, withDeadline } from "../../../shared/deadline.ts";
import { MAX_LOGGED_CAUSE_LENGTH, SELLER_FUNCTION_SECONDS } from "../../../shared/limits.ts";
import { keepAlive } from "./keep-alive.ts";
import { logOnceAMinute, traceOf } from "./log.ts";
import type { PaywallEnv } from "./types.ts";

/** @throws {ConfigurationError} when it throws or takes too long */
export async function callSeller(name: string, call: () => unknown): Promise<unknown> {
  let cause: string;
  try {
    const value = await withDeadline(Promise.resolve(call()), SELLER_FUNCTION_SECONDS);
    if (value !== LATE) return value;
    cause = `no answer in ${SELLER_FUNCTION_SECONDS} s`;
  } catch (error) {
    cause = shortCause(error);
  }
  throw new ConfigurationError(`the function ${name} failed`, { cause });
}

function shortCause(error: unknown): string {
  return String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH);
}

/** Logs that a function failed which is not needed for the answer. */
export function logSellerFault(c: Context<PaywallEnv>, name: string, error: unknown): void {
  const cause = error instanceof ConfigurationError && typeof error.cause === "string" ? error.cause : shortCause(error);
  logOnceAMinute("paywall.function_failed", name, { traceId: traceOf(c), path: c.req.path, function: name, cause });
}

/** Calls a function once the answer is on its way. */
export function callAfterwards(c: Context<PaywallEnv>, name: string, call: () => unknown): void {
  const soon = new Promise<void>((resolve) => setTimeout(resolve));
  keepAlive(
    c,
    soon.then(call).catch((error: unknown) => logSellerFault(c, name, error)),
  );
}
