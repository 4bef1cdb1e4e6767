/** Taking a copy of an answer before it leaves, if it is small and ready; else letting it stream by. */
import { concatBytes } from "../../../shared/crypto/bytes.ts";
import { LATE, withDeadline } from "../../../shared/deadline.ts";
import { ANSWER_PATIENCE_SECONDS, MAX_STORED_ANSWER_BYTES } from "../../../shared/limits.ts";
import type { StoredAnswer } from "./answer-store.ts";

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;

/**
 * `copy` is absent for an answer that is too large, that takes its time, or that is encoded, since nobody can tell later by whom;
 * `response` has all of it either way.
 * @param outer what middleware says of every answer: of the next one it will say that again, and perhaps something else
 */
export async function keepAnswer(response: Response, outer: Headers): Promise<{ response: Response; copy?: StoredAnswer }> {
  const { status } = response;
  if (response.headers.has("Content-Encoding")) return { response };
  const said = new Set([...outer].map(String));
  const own = [...response.headers].filter((header) => !said.has(String(header)));
  if (!response.body) return { response, copy: { status, headers: own, body: new Uint8Array() } };

  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let next: Promise<Read> = reader.read();
  const patience = Date.now() + ANSWER_PATIENCE_SECONDS * 1000;
  while (size <= MAX_STORED_ANSWER_BYTES) {
    const read = await withDeadline(next, Math.max(0, patience - Date.now()) / 1000);
    if (read === LATE) break;
    if (read.done) {
      const body = concatBytes(chunks);
      return { response: new Response(body, response), copy: { status, headers: own, body } };
    }
    chunks.push(read.value);
    size += read.value.length;
    next = reader.read();
  }
  return { response: new Response(replay(chunks, next, reader), response) };
}

/** What was read so far, then the rest as it comes. */
function replay(chunks: Uint8Array[], next: Promise<Read>, reader: ReadableStreamDefaultReader<Uint8Array>): ReadableStream<Uint8Array> {
  let pending: Promise<Read> | undefined = next;
  next.catch(() => undefined); // whoever reads on hears of it; until then the answer waits for its capture
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
