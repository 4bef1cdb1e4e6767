/**
 * Calls of lane 0 that delivered and that the object has not heard of: this isolate's next call of the session tells it, or a request that
 * waits for that. Until then the object counts them as running: their money stays reserved, and the session does not close.
 */

import type { Context } from "hono";
import { REPORT_ATTEMPTS, REPORTER_LOST_MILLIS, UNREPORTED_MILLIS } from "../../../../shared/limits.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import type { PaywallEnv } from "../types.ts";
import type { FinishCall, SessionsRpc } from "./rpc.ts";

/** What telling the object needs of a request. */
export interface Reporting {
  c: Context<PaywallEnv>;
  object: () => SessionsRpc;
  /** What the merchant may lose, in atomic units. */
  risk: bigint;
}

export class OwnCompletions {
  #untold: FinishCall[] = [];
  /** When a request began to wait, to tell what others complete meanwhile. Milliseconds; 0: none. */
  #waitsSince = 0;

  /** A call that costs all that the object reserved for it. Of another one the object is told at once: clients know its price already. */
  add({ c, object, risk }: Reporting, call: FinishCall): void {
    this.#untold.push(call);
    const sum = this.#untold.reduce((sum, { charge = "0" }) => sum + BigInt(charge), 0n);
    if (sum >= risk) return keepAlive(c, this.tell(object));
    const now = Date.now();
    if (now - this.#waitsSince < REPORTER_LOST_MILLIS) return;
    this.#waitsSince = now;
    const soon = new Promise<void>((resolve) => setTimeout(resolve, UNREPORTED_MILLIS));
    keepAlive(
      c,
      soon.then(() => {
        this.#waitsSince = 0;
        return this.tell(object);
      }),
    );
  }

  /** What the caller tells from here on. */
  take(): FinishCall[] {
    const taken = this.#untold;
    this.#untold = [];
    return taken;
  }

  /** Tells what no call has told. Twice told counts once. */
  async tell(object: () => SessionsRpc, calls = this.take()): Promise<void> {
    await Promise.all(calls.map((call) => tellFinished(object, call)));
  }
}

/** Tells the object that the handler of a call of lane 0 is over. */
export async function tellFinished(object: () => SessionsRpc, call: FinishCall): Promise<void> {
  const told = () =>
    object()
      .finish(call)
      .then(() => true);
  for (let attempt = 0; attempt < REPORT_ATTEMPTS; attempt++) if (await withTimeout(told())) return;
}
