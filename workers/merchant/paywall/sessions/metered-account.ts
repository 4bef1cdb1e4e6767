/** Where a call is accounted for while its answer flows: in a lane of this isolate, or in lane 0, which is the object's. */

import type { Context } from "hono";
import type { RunningCall } from "../../../../shared/batch-settlement/lane.ts";
import { HOLD_MARGIN_SECONDS, HOLD_SECONDS, LANE_SECONDS, SLOW_HANDLER_MILLIS, STREAM_REPORT_SECONDS } from "../../../../shared/limits.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import type { PaywallEnv } from "../types.ts";
import type { HeldLane, IsolateSession } from "./isolate-session.ts";
import { report, reportServed } from "./lane-reports.ts";
import { type Reporting, tellFinished } from "./own-completions.ts";

export interface MeteredAccount {
  /** Nothing of the answer went out. */
  fail(): void;
  /** The handler takes a while, or its answer flows: the lease goes on, and what was charged is reported, until the end. */
  keep(): void;
  charge(part: bigint): void;
  /** The answer is over. @param charged in all, in atomic units */
  end(charged: bigint): void;
}

/** Until the object hears of the call again, or thinks that its isolate has died. */
const SILENCE_MILLIS = (HOLD_SECONDS + HOLD_MARGIN_SECONDS) * 1000;

/** In a lane that this isolate has. Each part counts as spent at once. */
export function laneAccount(reporting: Reporting, session: IsolateSession, leased: HeldLane, call: RunningCall): MeteredAccount {
  const { c, object, risk } = reporting;
  const { lane } = leased;
  const beat = heartbeat(c, () => report(c, object, session, leased, { runsFor: LANE_SECONDS * 1000 }));
  leased.flowing++;
  const over = () => {
    beat.stop();
    leased.flowing--;
    // The session was let go of meanwhile, and waits for this.
    if (session.leased !== leased && leased.flowing === 0) keepAlive(c, report(c, object, session, leased, { isLast: true }));
  };
  return {
    keep: () => beat.start(),
    fail() {
      if (call.charged === undefined) lane.fail(call);
      else lane.end(call);
      over();
    },
    charge(part) {
      lane.charge(call, part);
      reportServed(c, object, session, leased, risk);
    },
    end() {
      lane.end(call);
      reportServed(c, object, session, leased, risk);
      over();
    },
  };
}

/** In lane 0: the object is told what it came to so far. */
export function ownAccount({ c, object, risk }: Reporting, serial: number): MeteredAccount {
  let charged = 0n;
  let told = 0n;
  const tell = async () => {
    const sum = charged;
    const call = { serial, charged: String(sum), risk: String(risk), handlerMillis: SILENCE_MILLIS };
    if (
      await withTimeout(
        object()
          .charge(call)
          .then(() => true),
      )
    )
      told = sum > told ? sum : told;
  };
  const beat = heartbeat(c, tell);
  const finish = (charge: bigint | undefined) =>
    tellFinished(object, { serial, risk: String(risk), ...(charge !== undefined && { charge: String(charge) }) });
  return {
    keep: () => beat.start(),
    fail() {
      beat.stop();
      keepAlive(c, finish(undefined));
    },
    charge(part) {
      charged += part;
      if (charged - told < risk) return;
      told = charged; // on its way: not told again by each part
      keepAlive(c, tell());
    },
    end(sum) {
      beat.stop();
      keepAlive(c, finish(sum));
    },
  };
}

/** Calls `beat` soon after its start, and every few seconds from then on, until it is stopped. */
function heartbeat(c: Context<PaywallEnv>, beat: () => Promise<unknown>) {
  const stopped = Promise.withResolvers<void>();
  let isRunning = false;
  let isStopped = false;
  const run = async () => {
    for (let millis = SLOW_HANDLER_MILLIS; ; millis = STREAM_REPORT_SECONDS * 1000) {
      const waited = Promise.withResolvers<void>();
      const timer = setTimeout(waited.resolve, millis);
      await Promise.race([stopped.promise, waited.promise]);
      clearTimeout(timer);
      if (isStopped) return;
      await beat();
    }
  };
  return {
    start() {
      if (isRunning || isStopped) return;
      isRunning = true;
      keepAlive(c, run());
    },
    stop() {
      isStopped = true;
      stopped.resolve();
    },
  };
}
