import { expect, test } from "vitest";
import { utf8 } from "../crypto/bytes.ts";
import { readLimited } from "./body.ts";

const ADDRESS = "https://example.com/";
const post = (body: string | ReadableStream, headers: Record<string, string> = {}) =>
  new Request(ADDRESS, { method: "POST", body, headers, duplex: "half" });

/** A stream of parts that records its cancellation. */
function streamed(parts: string[]) {
  let cancelled = false;
  const body = new ReadableStream({
    pull(controller) {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(utf8(part));
    },
    cancel() {
      cancelled = true;
    },
  });
  return { body, cancelled: () => cancelled };
}

test.each([
  ["with its length", () => post("four", { "Content-Length": "4" })],
  ["of parts, without one", () => post(streamed(["fo", "ur"]).body)],
  ["in parts, with a length that does not count what is read", () => post("four", { "Content-Length": "2", "Content-Encoding": "x" })],
])("a body %s is read up to the limit and not beyond", async (_what, request) => {
  expect(await readLimited(request(), 4)).toEqual(utf8("four"));
  expect(await readLimited(request(), 3)).toBeUndefined();
});

test("no body is no bytes", async () => expect(await readLimited(new Request(ADDRESS), 4)).toEqual(new Uint8Array()));

test("a length over the limit is believed before anything is read, and nothing is waited for", async () => {
  const { body, cancelled } = streamed(["fo", "ur"]);
  expect(await readLimited(post(body, { "Content-Length": "5" }), 4)).toBeUndefined();
  expect(cancelled()).toBe(true);
});

test("a length that was too small does not let more in", async () =>
  expect(await readLimited(post("four", { "Content-Length": "2" }), 3)).toBeUndefined());

test("a stream is left as soon as there is too much of it", async () => {
  const { body, cancelled } = streamed(["a", "b", "c", "d"]);
  expect(await readLimited(post(body), 2)).toBeUndefined();
  expect(cancelled()).toBe(true);
});

test("a request that is cut short is none; an answer that breaks off is an error, because what it said is not known", async () => {
  const broken = () => new ReadableStream({ pull: (controller) => controller.error(new Error("Network connection lost.")) });
  for (const headers of [{}, { "Content-Length": "4" }]) {
    expect(await readLimited(post(broken(), headers), 4)).toBeUndefined();
    await expect(readLimited(new Response(broken(), { headers }), 4)).rejects.toThrow("Network connection lost.");
  }
});
