/** One byte range of an answer, for a buyer whose download broke off. RFC 9110 §14. */

export interface RangeRequest {
  first: number;
  /** Inclusive. */
  last: number;
  /** A strong entity tag: the range is of that representation or not sent. */
  ifRange: string;
}

/** @returns undefined unless the request asks for one range of a representation that it names by a strong entity tag */
export function rangeRequestOf(headers: Headers): RangeRequest | undefined {
  const bytes = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(headers.get("Range") ?? "");
  const ifRange = headers.get("If-Range");
  if (!bytes || !isStrong(ifRange)) return undefined;
  const [, first, last] = bytes;
  return { first: Number(first), last: last === undefined ? Infinity : Number(last), ifRange };
}

/** Whether ranges of this answer can be asked for later. */
export function allowsRanges(response: Response): boolean {
  return response.status === 200 && isStrong(response.headers.get("ETag")) && lengthOf(response) !== undefined;
}

/** @returns the range as 206; undefined if the whole must be sent instead, because it is another representation or its length is unknown */
export function sendRange(response: Response, { first, last, ifRange }: RangeRequest): Response | undefined {
  const length = lengthOf(response);
  if (!allowsRanges(response) || length === undefined || response.headers.get("ETag") !== ifRange) return undefined;
  const end = Math.min(last, length - 1);
  if (first > end || !response.body) return undefined;
  const headers = new Headers(response.headers);
  headers.set("Content-Range", `bytes ${first}-${end}/${length}`);
  headers.set("Content-Length", String(end - first + 1));
  return new Response(response.body.pipeThrough(slice(first, end + 1)), { status: 206, headers });
}

function isStrong(tag: string | null): tag is string {
  return tag !== null && /^"[^"]*"$/.test(tag);
}

function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get("Content-Length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** The bytes from `start` up to `end`, exclusive. Ends the stream there, so that the rest is not produced. */
function slice(start: number, end: number): TransformStream<Uint8Array, Uint8Array> {
  let at = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += chunk.length;
      if (part.length > 0) controller.enqueue(part);
      if (at >= end) controller.terminate();
    },
  });
}
