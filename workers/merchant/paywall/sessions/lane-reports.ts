/**
 * Tells the object what a lane has spent, beside the answers: from within a request's own `waitUntil`, so that nothing is shared between
 * requests but memory.
 */

import type { Context } from "hono";
import { REPORT_ATTEMPTS, REPORTER_LOST_MILLIS, UNREPORTED_MILLIS } from "../../../../shared/limits.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { logOnceAMinute, traceOf } from "../log.ts";
import type { PaywallEnv } from "../types.ts";
import type { HeldLane, IsolateSession } from "./isolate-session.ts";
import type { SessionsRpc, WireReport } from "./rpc.ts";
import { usableUntil } from "./voucher-rule.ts";

/** Reports a call that was served: at once if there is more at risk than the merchant wants, soon otherwise. */
export function reportServed(
  c: Context<PaywallEnv>,
  object: () => SessionsRpc,
  session: IsolateSession,
  lane: HeldLane,
  risk: bigint,
): void {
  const sent = lane.reporting > lane.reported ? lane.reporting : lane.reported;
  if (lane.lane.spent - sent >= risk) return keepAlive(c, report(c, object, session, lane));
  const now = Date.now();
  if (now - lane.reportsSince < REPORTER_LOST_MILLIS) return;
  lane.reportsSince = now;
  const soon = new Promise<void>((resolve) => setTimeout(resolve, UNREPORTED_MILLIS));
  keepAlive(
    c,
    soon.then(() => {
      lane.reportsSince = 0;
      return lane.lane.spent > lane.reported ? report(c, object, session, lane) : undefined;
    }),
  );
}

/** Beside what was spent. `runsFor`: milliseconds in which a handler may still deliver: the lease lasts for so long. */
type More = Pick<WireReport, "runsFor" | "isLast">;

export async function report(
  c: Context<PaywallEnv>,
  object: () => SessionsRpc,
  session: IsolateSession,
  lane: HeldLane,
  more: More = {},
): Promise<void> {
  for (let attempt = 0; attempt < REPORT_ATTEMPTS; attempt++) {
    const askedAt = Date.now();
    const { spent } = lane.lane;
    lane.reporting = spent;
    const answer = await withTimeout(object().report(reportOf(lane, more)));
    if (!answer) continue;
    if (spent > lane.reported) lane.reported = spent;
    if (BigInt(answer.spent) < spent) logLost(c, session, spent - BigInt(answer.spent));
    if (answer.grant && more.runsFor) lane.usableUntil = Math.max(lane.usableUntil, usableUntil(askedAt));
    if (!answer.grant && session.leased === lane) session.leased = undefined;
    return;
  }
  lane.reporting = lane.reported;
  logLost(c, session, lane.lane.spent - lane.reported);
}

export function reportOf({ id, lane }: HeldLane, more: More = {}): WireReport {
  const best = lane.best?.signed;
  return { id, spent: String(lane.spent), ...(best && { best }), ...more };
}

function logLost(c: Context<PaywallEnv>, { id }: IsolateSession, amount: bigint): void {
  if (amount > 0n) logOnceAMinute("session.not_reported", id, { traceId: traceOf(c), session: id, amount: String(amount) });
}
