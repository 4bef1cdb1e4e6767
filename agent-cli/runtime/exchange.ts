/** One HTTP exchange: bounded, timed, never redirected. It reports whether the server can have read the request. */
import * as http from "node:http";
import * as https from "node:https";
import { MAX_FOREIGN_HEADER_BYTES, MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { HTTP_TIMEOUT_SECONDS } from "./limits.ts";

export interface HttpRequest {
  method: string;
  url: string;
  headers: readonly (readonly [string, string])[];
  /** Absent if empty. */
  body?: Uint8Array;
}

export interface HttpResponse {
  status: number;
  /** Lowercase names; repeated headers are joined with a comma. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  /** False if the body broke off, or exceeds the limit. */
  complete: boolean;
}

export type Exchange =
  | ({ ok: true } & HttpResponse)
  /** `reached`: there was a connection, so the server may have read the request. Otherwise not a byte of it was sent. */
  | { ok: false; reached: boolean; /** Nothing came in time. */ timedOut: boolean; problem: string };

export function exchange(
  request: HttpRequest,
  signal: AbortSignal,
  timeoutSeconds = HTTP_TIMEOUT_SECONDS,
  maxBodyBytes = MAX_RESPONSE_BODY_BYTES,
): Promise<Exchange> {
  const { promise, resolve } = Promise.withResolvers<Exchange>();
  const secure = request.url.startsWith("https:");
  const deadline = AbortSignal.timeout(timeoutSeconds * 1000);
  let reached = false;
  const broke = (error: Error) => {
    const problem = deadline.aborted ? `no answer within ${timeoutSeconds} s` : signal.aborted ? "interrupted" : describeError(error);
    resolve({ ok: false, reached, timedOut: deadline.aborted, problem });
  };
  const outgoing = (secure ? https : http).request(request.url, {
    method: request.method,
    headers: headersOf(request),
    agent: false, // a new connection: a kept one could close under the request and hide whether the server read it
    maxHeaderSize: 2 * MAX_FOREIGN_HEADER_BYTES,
    signal: AbortSignal.any([signal, deadline]),
  });
  outgoing.on("socket", (socket) => socket.once(secure ? "secureConnect" : "connect", () => (reached = true)));
  outgoing.on("error", broke);
  outgoing.on("response", (incoming) => void readResponse(incoming, maxBodyBytes).then((response) => resolve({ ok: true, ...response })));
  outgoing.end(request.body);
  return promise;
}

async function readResponse(incoming: http.IncomingMessage, maxBodyBytes: number): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let length = 0;
  let complete = true;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBodyBytes) {
        complete = false;
        break; // destroys the connection
      }
      chunks.push(chunk);
    }
  } catch {
    complete = false;
  }
  const headers = Object.entries(incoming.headersDistinct).map(([name, values]) => [name, (values ?? []).join(", ")] as const);
  return { status: incoming.statusCode ?? 0, headers: Object.fromEntries(headers), body: Buffer.concat(chunks), complete };
}

/** Our defaults first, so that the caller's headers win. `identity`: the bytes that are paid for are the bytes that are kept. */
function headersOf({ headers, body }: HttpRequest): Record<string, string | number> {
  const merged: Record<string, string | number> = { accept: "*/*", "accept-encoding": "identity", "user-agent": "lez-agent-pay" };
  for (const [name, value] of headers) merged[name.toLowerCase()] = value;
  if (body) merged["content-length"] = body.length;
  return merged;
}

function describeError(error: Error & { code?: string }): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused: no server listens there";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "unknown host name";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was closed";
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "the server does not speak TLS; its address may be http:, not https:";
    case "HPE_HEADER_OVERFLOW":
      return "its headers are too large";
    default:
      // An AggregateError of several connection attempts has no message of its own.
      return error.message || error.code || "the connection failed";
  }
}

export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304;
}
