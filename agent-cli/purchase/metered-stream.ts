/**
 * A stream that is charged while it flows: its last event is the receipt, which no reader of the goods sees. spec/sessions.md §4.
 */

import { isEventStream, PaymentEvents } from "../../shared/batch-settlement/payment-events.ts";
import { isErrorCode } from "../../shared/errors.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { parseJson } from "../../shared/text/json.ts";
import { decodeHeader, encodeHeader, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { settleResponseSchema } from "../../shared/x402/x402.ts";
import { type Ending, headersByName, type ResponseHead } from "../runtime/exchange.ts";

export interface MeteredStream {
  /** @returns the goods in it */
  take(chunk: Uint8Array): Uint8Array;
  /** @returns the head with the receipt that ended the stream, and whether the goods are whole */
  end(received: ResponseHead & Ending): { head: ResponseHead; ending: Ending };
}

/** @returns undefined if the head does not announce one */
export function meteredStream(head: ResponseHead): MeteredStream | undefined {
  if (!isEventStream(head.headers["content-type"]) || !announcesReceipt(head)) return undefined;
  const events = new PaymentEvents();
  return {
    take: (chunk) => events.take(chunk),
    end(received) {
      events.end();
      const { receipt, error } = events;
      const read = receipt === undefined ? undefined : parseJson(receipt, MAX_FOREIGN_HEADER_BYTES, settleResponseSchema);
      const ending: Ending = !received.complete
        ? received
        : error === undefined
          ? { complete: true }
          : { complete: false, problem: endedBy(error) };
      if (!read?.ok) return { head, ending: received.complete ? { complete: false, problem: "its receipt did not come" } : ending };
      const fields = head.fields.filter(([name]) => name.toLowerCase() !== PAYMENT_RESPONSE.toLowerCase());
      const all = [...fields, [PAYMENT_RESPONSE, encodeHeader(read.value)] as const];
      return { head: { ...head, fields: all, headers: headersByName(all) }, ending };
    },
  };
}

/** Whether PAYMENT-RESPONSE says what was charged before the stream, and that the receipt follows. */
export function announcesReceipt({ headers }: Pick<ResponseHead, "headers">): boolean {
  const header = headers[PAYMENT_RESPONSE.toLowerCase()] ?? "";
  const begun = decodeHeader(header, settleResponseSchema, MAX_FOREIGN_HEADER_BYTES);
  return begun.ok && begun.value.success && begun.value.extra?.["metered"] === true;
}

function endedBy(error: string): string {
  const said = (() => {
    try {
      return (JSON.parse(error) as { error?: unknown }).error;
    } catch {
      return undefined;
    }
  })();
  return `the merchant ended it (${isErrorCode(said) ? said : "without a code that is known"})`;
}
