/** Reads a body of unknown size and never holds more than a limit. */

import { concatBytes } from "../crypto/bytes.ts";

/**
 * @returns undefined as soon as the body is, or claims to be, larger than `maxBytes`; for a request also if its sender left in the middle
 * of it, which is no fault of this service
 * @throws if the body of a response breaks off: what it answered is not known then
 */
export async function readLimited(message: Request | Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const read = readWithin(message, maxBytes);
  return message instanceof Request ? read.catch(() => undefined) : read;
}

async function readWithin(message: Request | Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const stated = message.headers.get("Content-Length");
  if (Number(stated) > maxBytes) {
    await message.body?.cancel();
    return undefined;
  }
  // HTTP enforces Content-Length, so such a body is read in one go, which is much cheaper.
  if (stated !== null && !message.headers.has("Content-Encoding")) {
    const bytes = new Uint8Array(await message.arrayBuffer());
    return bytes.length > maxBytes ? undefined : bytes;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (message.body as ReadableStream<Uint8Array> | null) ?? []) {
    size += chunk.length;
    if (size > maxBytes) return undefined; // leaving the loop cancels the stream
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
