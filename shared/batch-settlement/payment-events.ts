/**
 * The events of a metered stream that speak of its payment: `payment-receipt`, the last one, and `payment-error` before it, if the stream
 * ended early. Told apart from the content by their names, in server-sent events as HTML's section 9.2 parses them. spec/sessions.md §4.
 */

import { concatBytes, decodeUtf8, utf8 } from "../crypto/bytes.ts";
import { MAX_STREAM_EVENT_BYTES } from "../limits.ts";

export const PAYMENT_RECEIPT_EVENT = "payment-receipt";
export const PAYMENT_ERROR_EVENT = "payment-error";

const CR = 13;
const LF = 10;

/** @param contentType of an answer's header */
export function isEventStream(contentType: string | null | undefined): boolean {
  return /^text\/event-stream *(;|$)/i.test(contentType ?? "");
}

/** @param data becomes one line of JSON */
export function paymentEvent(name: typeof PAYMENT_RECEIPT_EVENT | typeof PAYMENT_ERROR_EVENT, data: object): Uint8Array {
  return utf8(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Passes a stream's content on, and keeps the events about its payment. A merchant puts its handler's stream through it, too. */
export class PaymentEvents {
  /** The data of the receipt that ended the stream. Undefined if anything came after it: then it was not the last event. */
  receipt: string | undefined;
  /** The data of the last error. */
  error: string | undefined;
  /** What arrived of the event that has not ended. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #line: number[] = [];
  #name = "";
  #data: string[] = [];
  /** The event is too large to be held, and is content. */
  #passes = false;
  #wasCr = false;
  #wasDropped = false;
  /** The next line is the stream's first, at which readers pass over a byte order mark. */
  #isFirstLine = true;

  /** Whether a part of an event was passed on that has not ended. */
  get isUnended(): boolean {
    return this.#passes;
  }

  /** @returns the content of which the event has ended with this chunk */
  take(chunk: Uint8Array): Uint8Array {
    const content: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      const endsCr = this.#wasCr && byte === LF;
      this.#wasCr = byte === CR;
      if (endsCr) {
        // The second half of a line's end. Behind an event it goes where the event went.
        if (this.#heldBytes === 0 && from === at && !this.#passes) {
          if (!this.#wasDropped) content.push(chunk.subarray(at, at + 1));
          from = at + 1;
        }
        continue;
      }
      if (byte !== CR && byte !== LF) {
        if (!this.#passes) this.#line.push(byte);
        else this.#line[0] = byte; // only whether the line is empty matters
        continue;
      }
      const isBlank = this.#line.length === 0;
      if (!isBlank && !this.#passes) this.#read();
      this.#line = [];
      this.#isFirstLine = false;
      if (!isBlank) continue;
      this.#hold(chunk.subarray(from, at + 1));
      from = at + 1;
      content.push(...this.#end());
    }
    this.#hold(chunk.subarray(from));
    if (this.#passes || this.#heldBytes > MAX_STREAM_EVENT_BYTES) {
      this.#passes ||= this.#heldBytes > 0;
      content.push(...this.#flush());
    }
    return content.length === 1 ? (content[0] as Uint8Array) : concatBytes(content);
  }

  /** The stream is over. @returns what is left of it: an event that did not end is none, but its bytes are content */
  end(): Uint8Array {
    if (this.#heldBytes > 0) this.receipt = undefined;
    return concatBytes(this.#flush());
  }

  #read(): void {
    const text = decodeUtf8(Uint8Array.from(this.#line)) ?? "";
    const line = this.#isFirstLine ? text.replace(/^\uFEFF/, "") : text;
    const [, field = line, value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#held.push(bytes.slice());
    this.#heldBytes += bytes.length;
  }

  #end(): Uint8Array[] {
    const isHeld = !this.#passes && this.#heldBytes <= MAX_STREAM_EVENT_BYTES;
    const isPayment = isHeld && (this.#name === PAYMENT_RECEIPT_EVENT || this.#name === PAYMENT_ERROR_EVENT);
    const data = this.#data.join("\n");
    const isReceipt = isPayment && this.#name === PAYMENT_RECEIPT_EVENT;
    if (isPayment && !isReceipt) this.error = data;
    // A comment or a blank line is no event.
    if (isReceipt || !isHeld || this.#name !== "" || this.#data.length > 0) this.receipt = isReceipt ? data : undefined;
    this.#name = "";
    this.#data = [];
    this.#passes = false;
    this.#wasDropped = isPayment;
    const held = this.#flush();
    return isPayment ? [] : held;
  }

  #flush(): Uint8Array[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }
}
