/** The body of an answer that is charged while it flows: the handler's events, and after them what they came to. spec/sessions.md §4. */

import { PaymentEvents } from "../../../../shared/batch-settlement/payment-events.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";

export interface MeteredBody {
  body: ReadableStream<Uint8Array>;
  /** Ends it early: the handler is told to stop, and the buyer why. */
  stop: (code: ErrorCode) => void;
}

export interface StreamEnd {
  /** The last events. Called once, when nothing more can be charged. @param code why it ended early; undefined: it is whole */
  last: (code: ErrorCode | undefined) => Promise<Uint8Array>;
  /** Called once, when it is over, whether or not the last events can be sent. */
  over: () => void;
  /** The buyer went before the end: there are no last events. */
  gone: () => void;
}

const BETWEEN = new TextEncoder().encode("\n\n");

/**
 * @param source what the handler sends. Events of its own under the names of the last ones are left out: no text that it passes on can
 *   pass for a receipt
 */
export function meteredBody(source: ReadableStream<Uint8Array>, { last, over, gone }: StreamEnd): MeteredBody {
  const reader = source.getReader();
  const events = new PaymentEvents();
  let stopped: ErrorCode | undefined;
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    over();
  };
  const stop = (code: ErrorCode) => {
    if (stopped || isOver) return;
    stopped = code;
    finish();
    reader.cancel().catch(() => undefined);
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      for (;;) {
        const read = await reader.read().catch(() => undefined);
        if (read && !read.done && !stopped) {
          const content = events.take(read.value);
          if (content.length === 0) continue;
          return controller.enqueue(content);
        }
        const isWhole = read?.done === true && !stopped;
        finish();
        // An event that did not end is none (HTML, section 9.2.6). Of one that was too large to be held a part is out already.
        if (events.isUnended) controller.enqueue(BETWEEN);
        controller.enqueue(await last(isWhole ? undefined : (stopped ?? "internal_error")));
        return controller.close();
      }
    },
    cancel(reason) {
      finish();
      gone();
      reader.cancel(reason).catch(() => undefined);
    },
  });
  return { body, stop };
}
