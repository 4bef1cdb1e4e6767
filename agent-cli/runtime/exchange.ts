/**
 * One HTTP exchange: over a connection of its own, bounded in time, never redirected. It reports whether the server can have
 * read the request, and hands over everything that came before a break.
 */

import type * as http from "node:http";
import { isIP } from "node:net";
import { MAX_FOREIGN_HEADER_BYTES, MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { TRACE_ID } from "../../shared/x402/headers.ts";
import { certificateRefused } from "./certificate-refused.ts";
import { admit, type Egress, EgressDenied, lookupWithin } from "./egress.ts";
import type { Io } from "./io.ts";
import { HTTP_TIMEOUT_SECONDS } from "./limits.ts";
import type { Failure, Outcome } from "./outcome.ts";
import { begin, peerOf, routeFor } from "./route.ts";
import type { Trace } from "./trace.ts";

export interface HttpRequest {
  method: string;
  url: string;
  headers: readonly (readonly [string, string])[];
  /** Absent if empty. */
  body?: Uint8Array;
}

export interface ResponseHead {
  status: number;
  /** Every header as it was sent, in order. A name may occur more than once. */
  fields: readonly (readonly [name: string, value: string])[];
  /** The same by lowercase name. Values of a repeated header are joined with a comma; `fields` keeps them apart. */
  headers: Readonly<Record<string, string>>;
}

/** How a body ended: whole, or why it broke off. */
export type Ending = { complete: true } | { complete: false; problem: string };

export type HttpResponse = ResponseHead & Ending & { body: Uint8Array };

/** There was no answer. */
export interface Silence {
  ok: false;
  /** There was a connection, so the server may have read the request. Otherwise not a byte of it was sent. */
  reached: boolean;
  /** Nothing came in time. */
  timedOut: boolean;
  problem: string;
  /** The exchange was not made, for this reason. */
  refused?: Failure;
}

export type Exchange = ({ ok: true } & HttpResponse) | Silence;

/** What an exchange needs of its command's context. */
export interface Network {
  io: Pick<Io, "signal" | "env">;
  /** Which addresses it may reach. Absent: every one. */
  egress?: () => Outcome<Egress>;
  /** The run's trace, which is sent along. */
  trace?: Trace;
}

/** Takes an answer as it arrives. Either function may return why the rest is not wanted, which ends the exchange. */
export interface Receiver {
  head(head: ResponseHead): string | undefined;
  /** Synchronous, so that nothing that arrived is lost when the connection breaks. */
  take(chunk: Uint8Array): string | undefined;
}

/** `total`: the whole exchange. `idle`: without a byte from the server; an answer that keeps coming is never cut. */
export type TimeLimit = { total: number } | { idle: number };

/** An exchange whose answer is small and must come in time. */
export async function exchange(
  network: Network,
  request: HttpRequest,
  { timeoutSeconds = HTTP_TIMEOUT_SECONDS, maxBodyBytes = MAX_RESPONSE_BODY_BYTES } = {},
): Promise<Exchange> {
  const receiver = new MemoryReceiver(maxBodyBytes);
  const received = await receive(network, request, receiver, { total: timeoutSeconds });
  return received.ok ? { ...received, body: receiver.body() } : received;
}

/** Collects a body in memory, up to a limit. */
export class MemoryReceiver implements Receiver {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  head(): undefined {
    return undefined;
  }

  take(chunk: Uint8Array): string | undefined {
    if (this.#length + chunk.length > this.#maxBytes) return `it is larger than ${this.#maxBytes} bytes`;
    this.#length += chunk.length;
    this.#chunks.push(chunk);
    return undefined;
  }

  body(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

/** Sends the request and hands the answer to the receiver, whatever its size. */
export function receive(
  network: Network,
  request: HttpRequest,
  receiver: Receiver,
  limit: TimeLimit,
): Promise<({ ok: true } & ResponseHead & Ending) | Silence> {
  const { promise, resolve } = Promise.withResolvers<({ ok: true } & ResponseHead & Ending) | Silence>();
  const { signal } = network.io;
  const egress = network.egress?.();
  if (egress && !egress.ok) return Promise.resolve(notMade(egress));
  const url = new URL(request.url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  try {
    // A literal address is not looked up.
    if (egress && isIP(host)) admit(egress.data, url.origin, host);
  } catch (error) {
    if (error instanceof EgressDenied) return Promise.resolve(notMade(error.failure));
    throw error;
  }
  const route = routeFor(url, network.io.env);
  if (!route.ok) return Promise.resolve(notMade(route));
  const late = new AbortController();
  const clock = setTimeout(() => late.abort(), ("idle" in limit ? limit.idle : limit.total) * 1000);
  const heard = () => void ("idle" in limit && clock.refresh());
  const why = (error?: Error) => {
    if (signal.aborted) return "interrupted";
    if (!late.signal.aborted) return error ? describeError(error) : "the connection was closed";
    return "idle" in limit ? `nothing came for ${limit.idle} s` : `no answer within ${limit.total} s`;
  };
  let reached = false;
  let answered = false;
  const outgoing = begin(
    url,
    route.data,
    {
      method: request.method,
      headers: headersOf(request, network.trace),
      maxHeaderSize: 2 * MAX_FOREIGN_HEADER_BYTES,
      signal: AbortSignal.any([signal, late.signal]),
      // The proxy, where there is one, decides the address of a name.
      ...(egress && !route.data.proxy && { lookup: lookupWithin(egress.data, url.origin) }),
    },
    () => {
      reached = true;
      heard();
    },
  );
  outgoing.on("information", heard);
  outgoing.on("error", (error) => {
    const refused =
      error instanceof EgressDenied ? error.failure : reached ? undefined : certificateRefused(error, peerOf(error, url, route.data));
    if (refused) resolve(notMade(refused));
    else if (!answered) resolve({ ok: false, reached, timedOut: late.signal.aborted, problem: why(error) });
  });
  outgoing.on("response", (incoming) => {
    answered = true;
    const head = headOf(incoming);
    let unwanted: string | undefined;
    const refuse = (problem: string | undefined) => {
      unwanted ??= problem;
      if (unwanted !== undefined) incoming.destroy();
    };
    const end = (error?: Error) => {
      const whole = incoming.complete && unwanted === undefined;
      resolve({ ok: true, ...head, ...(whole ? { complete: true } : { complete: false, problem: unwanted ?? why(error) }) });
    };
    incoming.on("error", end);
    incoming.on("end", end);
    incoming.on("close", end);
    heard();
    refuse(receiver.head(head));
    if (unwanted === undefined)
      incoming.on("data", (chunk: Uint8Array) => {
        heard();
        if (unwanted === undefined) refuse(receiver.take(chunk));
      });
  });
  outgoing.end(request.body);
  return promise.finally(() => clearTimeout(clock));
}

function notMade(refused: Failure): Silence {
  return { ok: false, reached: false, timedOut: false, problem: refused.error.message.replace(/\.$/, ""), refused };
}

function headOf({ statusCode, rawHeaders }: http.IncomingMessage): ResponseHead {
  const fields = Array.from({ length: rawHeaders.length / 2 }, (_, i) => [rawHeaders[2 * i] ?? "", rawHeaders[2 * i + 1] ?? ""] as const);
  return { status: statusCode ?? 0, fields, headers: headersByName(fields) };
}

export function headersByName(fields: ResponseHead["fields"]): Record<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(headers);
}

/** Our defaults first, so that the caller's headers win. `identity`: the bytes that are paid for are the bytes that are kept. */
function headersOf({ headers, body }: HttpRequest, trace: Trace | undefined): Record<string, string | number> {
  const merged: Record<string, string | number> = { accept: "*/*", "accept-encoding": "identity", "user-agent": "lez-agent-pay" };
  for (const [name, value] of headers) merged[name.toLowerCase()] = value;
  if (body) merged["content-length"] = body.length;
  if (trace) merged[TRACE_ID.toLowerCase()] = trace.send();
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
