/** Follows one request at a hosted desk while its decision is waited for: what the owner decides there arrives in the inbox. */

import { setTimeout as sleep } from "node:timers/promises";
import type { DeskTrouble } from "../hosted-desk/trouble.ts";
import type { InboxItem } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { DESK_PAUSE_MILLIS, MAX_DESK_PAUSE_MILLIS } from "../runtime/limits.ts";
import { awaitDesk, sendToDesk } from "./ask-desk.ts";
import { takeGranted } from "./granted-mandates.ts";
import type { PairedDesk } from "./paired-desk.ts";

/** What a follower has found out, for those who wait. */
export interface DeskNews {
  trouble: DeskTrouble;
  /** The owner has granted a mandate since, which may pay the request. */
  granted: boolean;
}

/**
 * Asks until there is a decision, or the signal ends it. A desk that is silent, or says what does not hold, is asked again ever less
 * often; each new problem is said once, and so is its end.
 * @param signal ends it at once; it then returns
 */
export async function followDesk(context: Context, desk: PairedDesk, item: InboxItem, news: DeskNews, signal: AbortSignal): Promise<void> {
  const held: Context = { ...context, io: { ...context.io, signal } };
  let pause = DESK_PAUSE_MILLIS;
  let knows = false;
  while (!signal.aborted) {
    const began = Date.now();
    const word = await (knows ? awaitDesk(held, desk, item.digest) : sendToDesk(held, desk, item));
    if (signal.aborted || word.kind === "decided" || word.kind === "over") return;
    if (word.kind === "pending") {
      news.trouble.end(context, desk.desk);
      [knows, pause] = [true, DESK_PAUSE_MILLIS];
      const granted = await takeGranted(held, desk);
      if (granted.ok && granted.data > 0) news.granted = true;
    } else {
      const then = word.kind === "silent" ? "; this command asks the desk again" : "";
      news.trouble.hear(context, word.failure.error.message, `The request waits in the inbox of this machine${then}.`);
      if (word.kind === "refused") return;
      // It may have lost the request.
      knows = false;
    }
    // A desk that answers at once is not asked more often than one that is silent.
    const rest = pause - (word.kind === "pending" ? Date.now() - began : 0);
    if (word.kind === "silent") pause = Math.min(2 * pause, MAX_DESK_PAUSE_MILLIS);
    if (rest > 0) await sleep(rest, undefined, { signal }).catch(() => undefined);
  }
}
