/** The request as a payment for it would be bound: the public URL, and the body where the route's price covers it. */
import type { Context } from "hono";
import type { BoundRequest } from "../../../shared/protocol/binding.ts";
import { readLimited } from "../../../shared/x402/body.ts";
import { bodyDigest } from "../../../shared/crypto/digest.ts";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { MAX_REQUEST_BODY_BYTES } from "../../../shared/limits.ts";
import { configuredUrl } from "./configured-url.ts";
import type { Bind, PaywallEnv } from "./options.ts";

/** undefined when the body is larger than a merchant reads before it can say what the request costs. */
export async function boundRequest(c: Context<PaywallEnv>, bind: Bind): Promise<BoundRequest | undefined> {
  const url = publicUrl(c);
  if (bind === "route") url.search = "";
  // HEAD asks for the price of GET.
  const request: BoundRequest = { method: c.req.method === "HEAD" ? "GET" : c.req.method, url: url.href };
  if (bind !== "body" || c.req.raw.body === null) return request;

  const body = c.req.raw.bodyUsed ? await alreadyRead(c) : await readAndPutBack(c);
  if (!body || body.length > MAX_REQUEST_BODY_BYTES) return undefined;
  return body.length > 0 ? { ...request, bodySha256: bodyDigest(body) } : request;
}

/** The stream is spent then; the handler gets the same bytes again. */
async function readAndPutBack(c: Context): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const body = await readLimited(c.req.raw, MAX_REQUEST_BODY_BYTES);
  if (body) c.req.raw = new Request(c.req.raw, { method: c.req.method, body });
  return body;
}

/** What a validator in front of the paywall has read, Hono keeps. */
async function alreadyRead(c: Context): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await c.req.arrayBuffer());
  } catch {
    throw new ConfigurationError("something in front of the paywall has read the body, not through c.req; put the paywall first");
  }
}

/** The address under which buyers see this request, without fragment and credentials. */
export function publicUrl(c: Context<PaywallEnv>): URL {
  const url = new URL(c.req.url);
  const origin = c.env.PUBLIC_ORIGIN;
  if (origin) {
    const { protocol, host, port } = configuredUrl("PUBLIC_ORIGIN", origin);
    url.protocol = protocol;
    url.host = host;
    if (!port) url.port = "";
  }
  url.hash = "";
  url.username = "";
  url.password = "";
  return url;
}
