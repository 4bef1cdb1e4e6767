/** What calls in sessions came to: one line per session, however many calls it paid. */

import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { findRequest } from "./request-store.ts";
import { type CallLine, callsOf } from "./session-calls.ts";
import { type KeptSession, keptSessions } from "./sessions.ts";

export interface CalledSession {
  session: KeptSession;
  /** Those that were charged, in order. */
  calls: CallLine[];
  /** What they were charged, in atomic units. */
  charged: bigint;
  /** RFC 3339: when the last of them ended. */
  at: string;
  /** What asked for the session: the agent's name, else its key, and its reason. Empty where the request is not known here. */
  agent: string;
  reason: string;
}

/** Sessions with a call that was charged. A file with unreadable lines counts as far as it can be read. @param counts which calls do */
export function sessionsCalled(context: Context, counts: (call: CallLine) => boolean = () => true): Outcome<CalledSession[]> {
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  const called: CalledSession[] = [];
  for (const session of kept.data.sessions) {
    const list = callsOf(context, session);
    if (!list.ok) return list;
    const calls = list.data.calls.filter((call) => call.outcome !== "refused" && counts(call));
    const last = calls.at(-1);
    if (!last) continue;
    const { requestDigest, signer } = session.signed.channelConfig;
    const stored = requestDigest && findRequest(context, requestDigest);
    const request = stored?.ok ? stored.data.request : undefined;
    called.push({
      session,
      calls,
      charged: calls.reduce((sum, { charged }) => sum + BigInt(charged), 0n),
      at: last.at,
      agent: request?.agent.name ?? signer,
      reason: request?.reason ?? "",
    });
  }
  return succeed(called);
}
