/** The request that a payment is bound to: its public URL, and its body if the price covers it. */

import type { Context, MiddlewareHandler } from "hono";
import { keepNewest } from "../../../../shared/bounded.ts";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { bodyDigest } from "../../../../shared/crypto/digest.ts";
import { MAX_KNOWN_ORIGINS, MAX_REQUEST_BODY_BYTES } from "../../../../shared/limits.ts";
import type { BoundRequest } from "../../../../shared/protocol/binding.ts";
import { originOf } from "../../../../shared/protocol/origin.ts";
import { readLimited } from "../../../../shared/x402/body.ts";
import { configuredUrl } from "../config.ts";
import type { Bind } from "../options.ts";
import { refuseRequest } from "../responses.ts";
import type { PaywallEnv } from "../types.ts";

/** undefined if the body is too large to be priced. */
export async function readBoundRequest(c: Context<PaywallEnv>, bind: Bind): Promise<BoundRequest | undefined> {
  const url = publicUrl(c);
  if (bind === "route") url.search = "";
  // HEAD shows the price of GET.
  const request: BoundRequest = { method: c.req.method === "HEAD" ? "GET" : c.req.method, url: url.href };
  if (bind !== "body" || c.req.raw.body === null) return request;

  const body = c.req.raw.bodyUsed ? await alreadyRead(c) : await readAndPutBack(c);
  if (!body || body.length > MAX_REQUEST_BODY_BYTES) return undefined;
  return body.length > 0 ? { ...request, bodySha256: bodyDigest(body) } : request;
}

/** Reading consumes the stream, so the handler gets a new request with the same bytes. */
async function readAndPutBack(c: Context): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const body = await readLimited(c.req.raw, MAX_REQUEST_BODY_BYTES);
  if (body) c.req.raw = new Request(c.req.raw, { method: c.req.method, body });
  return body;
}

/**
 * Hono caches a body that a validator in front of the paywall has read through `c.req`. As text it may have lost a byte order mark or
 * invalid UTF-8; as form data it would be encoded anew.
 * @throws {ConfigurationError} when the bytes that were sent are gone
 */
async function alreadyRead(c: Context): Promise<Uint8Array<ArrayBuffer>> {
  const { bodyCache } = c.req;
  const keepsBytes = "arrayBuffer" in bodyCache || "blob" in bodyCache;
  const bytes = await c.req.arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    () => undefined,
  );
  const sent = c.req.header("Content-Length");
  const isChanged = !keepsBytes && ("formData" in bodyCache || (sent !== undefined && Number(sent) !== bytes?.length));
  if (bytes && !isChanged) return bytes;
  const how = bytes
    ? "in a form that lost the bytes that were sent; mount keepBody() before it"
    : "without c.req; mount keepBody() before it";
  throw new ConfigurationError(`middleware in front of the paywall read the body ${how}, or put the paywall first`);
}

/**
 * Middleware that reads the body once and keeps its bytes, so that whatever reads it before the paywall reads a copy. A payment is bound
 * to the bytes that were sent. Mount it in front of validators that parse form data.
 */
export function keepBody(): MiddlewareHandler {
  return async (c, next) => ((await keepBytes(c)) ? next() : refuseRequest({ code: "payload_too_large" }).response);
}

/** Puts the body's bytes where readers get a copy. False if it is too large. */
export async function keepBytes(c: Context): Promise<boolean> {
  if (c.req.raw.body === null || c.req.raw.bodyUsed) return true;
  const body = await readAndPutBack(c);
  if (!body) return false;
  // Hono caches the promise of a body, which its type hides.
  Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(body.buffer) });
  return true;
}

/** The origin of `publicUrl`, which nothing behind the host changes: it is parsed once per host that requests name. */
export function publicOrigin(c: Context<PaywallEnv>): string {
  const sent = `${originOf(c.req.url)} ${c.env.PUBLIC_ORIGIN ?? ""}`;
  const known = origins.get(sent);
  if (known) return known;
  const { origin } = publicUrl(c);
  keepNewest(origins, sent, origin, MAX_KNOWN_ORIGINS);
  return origin;
}

const origins = new Map<string, string>();

/** The URL of this request as buyers see it, without fragment and credentials. */
export function publicUrl(c: Context<PaywallEnv>): URL {
  const url = new URL(c.req.url);
  const origin = c.env.PUBLIC_ORIGIN;
  if (origin) {
    const { protocol, host, port, pathname, search, hash } = configuredUrl("PUBLIC_ORIGIN", origin);
    // A path would be dropped here, and every payment be bound to another address than the buyer asked for.
    if (pathname !== "/" || search || hash) throw new ConfigurationError("PUBLIC_ORIGIN must be an origin, without a path");
    url.protocol = protocol;
    url.host = host;
    if (!port) url.port = "";
  }
  url.hash = "";
  url.username = "";
  url.password = "";
  return url;
}
