/** Work that goes on when its client is gone. */

import type { Context } from "hono";

/** Keeps `work` running after the client disconnects. */
export function keepAlive(c: Context, work: Promise<unknown>): void {
  try {
    c.executionCtx.waitUntil(work);
  } catch {
    // Outside Workers there is no execution context, and promises keep running anyway.
  }
}
