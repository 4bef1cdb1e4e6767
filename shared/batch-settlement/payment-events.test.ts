import { describe, expect, test } from "vitest";
import { concatBytes, decodeUtf8, utf8 } from "../crypto/bytes.ts";
import { MAX_STREAM_EVENT_BYTES } from "../limits.ts";
import { isEventStream, paymentEvent, PaymentEvents } from "./payment-events.ts";

/** The stream in pieces of so many bytes. */
function read(text: string, size = Infinity) {
  const bytes = utf8(text);
  const events = new PaymentEvents();
  const content: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) content.push(events.take(bytes.subarray(at, at + size)));
  content.push(events.end());
  return { content: decodeUtf8(concatBytes(content)), receipt: events.receipt, error: events.error };
}

const RECEIPT = `event: payment-receipt\ndata: {"success":true}\n\n`;

describe("the events of a metered stream", () => {
  test.each(["\n", "\r\n", "\r"])("are told apart from its content, in pieces of any size, with lines that end with %j", (end) => {
    const content = "data: one\n\n: ping\n\nevent: token\nid: 7\ndata: zwölf\ndata: 12\n\n".replaceAll("\n", end);
    const error = `event:payment-error\ndata: {"error":"charge_exceeded"}\n\n`.replaceAll("\n", end);
    const text = content + error + RECEIPT.replaceAll("\n", end);
    for (const size of [1, 2, 3, 5, 7, 64, Infinity]) {
      expect(read(text, size)).toEqual({
        content,
        receipt: '{"success":true}',
        error: '{"error":"charge_exceeded"}',
      });
    }
  });

  test("have a receipt at the end alone: what is followed by content is none [stream-receipt-last]", () => {
    expect(read(`${RECEIPT}data: more\n\n`)).toMatchObject({ content: "data: more\n\n", receipt: undefined });
    expect(read(`${RECEIPT}data: mo`)).toMatchObject({ content: "data: mo", receipt: undefined });
    expect(read(`${RECEIPT}\n: ping\n\n`)).toMatchObject({ receipt: '{"success":true}' });
  });

  test("are known behind the byte order mark that readers pass over at a stream's start, and there alone", () => {
    for (const size of [1, Infinity]) {
      expect(read(`\uFEFF${RECEIPT}data: more\n\n`, size)).toMatchObject({ content: "data: more\n\n", receipt: undefined });
      expect(read(`data: a\n\n\uFEFF${RECEIPT}`, size)).toMatchObject({ content: `data: a\n\n\uFEFF${RECEIPT}`, receipt: undefined });
    }
  });

  test("have their name behind their data, too", () => {
    expect(read(`data: {"success":true}\nevent: payment-receipt\n\n`)).toMatchObject({ content: "", receipt: '{"success":true}' });
  });

  test("are content if they are larger than anyone has to hold", () => {
    const large = `data: ${"x".repeat(MAX_STREAM_EVENT_BYTES)}\nevent: payment-receipt\n\n`;
    for (const size of [1000, Infinity]) {
      const { content, receipt } = read(`${large}data: next\n\n`, size);
      expect({ isWhole: content === `${large}data: next\n\n`, receipt }).toEqual({ isWhole: true, receipt: undefined });
    }
  });

  test("are written as they are read", () => {
    const text = decodeUtf8(paymentEvent("payment-receipt", { text: "a\nb" })) ?? "";
    expect(read(text)).toMatchObject({ content: "", receipt: '{"text":"a\\nb"}' });
  });
});

test("a stream of events is known by its type", () => {
  const types = [
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "Text/Event-Stream",
    "text/event-streams",
    "application/json",
    null,
  ];
  expect(types.map(isEventStream)).toEqual([true, true, true, false, false, false]);
});
