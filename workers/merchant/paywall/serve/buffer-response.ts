/** Copies an answer before it goes out if it is small and ready; otherwise lets it stream through. */

import { concatBytes } from "../../../../shared/crypto/bytes.ts";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { ANSWER_TIMEOUT_SECONDS, MAX_STORED_ANSWER_BYTES } from "../../../../shared/limits.ts";
import type { StoredAnswer } from "../memory/idempotency-store.ts";

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;

/**
 * `response` is complete either way. `copy` is absent if the answer is too large, too slow, or encoded: an encoding may have been
 * chosen for this client only.
 * @param outer the headers that middleware sets on every answer; the copy leaves them out, since middleware will set them again
 */
export async function bufferResponse(response: Response, outer: Headers): Promise<{ response: Response; copy?: StoredAnswer }> {
  const { status } = response;
  if (response.headers.has("Content-Encoding")) return { response };
  const outerHeaders = new Set([...outer].map(String));
  const headers = [...response.headers].filter((header) => !outerHeaders.has(String(header)));
  if (!response.body) return { response, copy: { status, headers, body: new Uint8Array() } };

  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let next: Promise<Read> = reader.read();
  const timeout = Date.now() + ANSWER_TIMEOUT_SECONDS * 1000;
  while (size <= MAX_STORED_ANSWER_BYTES) {
    const read = await withDeadline(next, Math.max(0, timeout - Date.now()) / 1000);
    if (read === LATE) break;
    if (read.done) {
      const body = concatBytes(chunks);
      return { response: new Response(body, response), copy: { status, headers, body } };
    }
    chunks.push(read.value);
    size += read.value.length;
    next = reader.read();
  }
  return { response: new Response(replay(chunks, next, reader), response) };
}

/** The chunks read so far, then the rest of the stream. */
function replay(chunks: Uint8Array[], next: Promise<Read>, reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  let pending: Promise<Read> | undefined = next;
  next.catch(() => undefined); // the client's read reports the error; until then the answer waits for its capture
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks.shift();
      if (chunk) return controller.enqueue(chunk);
      const read = await (pending ?? reader.read());
      pending = undefined;
      if (read.done) return controller.close();
      controller.enqueue(read.value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
