/** Reading a body of unknown size without holding more of it than a limit. */
import { concatBytes } from "./bytes.ts";

/** The bytes of `body`, or undefined as soon as there are more than `maxBytes`. */
export async function readLimited(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBytes) return undefined; // leaving the loop cancels the stream
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
