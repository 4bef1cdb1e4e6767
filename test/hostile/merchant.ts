/**
 * A merchant that misbehaves, one trick per route, over real HTTP on loopback. It takes anything that looks like a
 * payment and settles nothing, so a client is on its own here. What it saw, and what reached its other origin, is kept.
 */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { served } from "../../agent-cli/testing/served.ts";
import { PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { type DocumentName, DOCUMENTS } from "./signing.ts";
import { GOODS, type Trick, type TrickName, TRICKS } from "./tricks.ts";

export interface Seen {
  /** `merchant`, or the other origin that a redirect pointed to. */
  at: "merchant" | "elsewhere";
  path: string;
  method: string;
  /** PAYMENT-SIGNATURE as it came. */
  payment?: string;
}

export interface HostileMerchant {
  origin: string;
  /** Where the cross-origin redirect leads. Nothing should ever arrive there. */
  elsewhere: string;
  /** The address of a trick. */
  at(trick: TrickName): string;
  /** What its key document says from now on; `honest` at first. */
  publish(document: DocumentName): void;
  /** Every request, in order; the route's own count starts again when this is emptied by `reset`. */
  seen: Seen[];
  reset(): void;
  stop(): Promise<void>;
}

export async function startHostileMerchant(port = 0): Promise<HostileMerchant> {
  const seen: Seen[] = [];
  const record = (at: Seen["at"], request: IncomingMessage) => {
    const payment = request.headers[PAYMENT_SIGNATURE.toLowerCase()];
    const one = { at, path: request.url ?? "/", method: request.method ?? "GET", ...(typeof payment === "string" && { payment }) };
    seen.push(one);
    return one;
  };
  const other = createServer((request, response) => {
    record("elsewhere", request);
    response.end(GOODS);
  });
  const elsewhere = await listen(other, 0);
  let document: DocumentName = "honest";
  const server = createServer((request, response) => {
    const times = seen.filter(({ path }) => path === request.url).length;
    const { path, payment } = record("merchant", request);
    const name = path.slice(1).replace(/\?.*$/, "");
    if (path === "/.well-known/did.json") return DOCUMENTS[document].answer(response, new URL(origin).host, elsewhere);
    const trick: Trick | undefined = Object.hasOwn(TRICKS, name) ? TRICKS[name as TrickName] : undefined;
    request.resume();
    if (trick) trick.answer({ request, response, url: `${origin}${path}`, elsewhere, payment, times });
    else response.writeHead(404).end();
  });
  const origin = await listen(server, port);
  served(origin);
  return {
    origin,
    elsewhere,
    at: (trick) => `${origin}/${trick}`,
    publish: (name) => void (document = name),
    seen,
    reset: () => void (seen.length = 0),
    stop: async () => void (await Promise.all([server, other].map(close))),
  };
}

async function listen(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
