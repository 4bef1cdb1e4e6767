/**
 * The stack as it is deployed: Workers with the origins https://shop.example, https://pay.shop.example and https://desk.shop.example, behind
 * a proxy that ends TLS.
 * No name is resolved: the CLI reaches them through an HTTPS proxy, as the HTTPS_PROXY of a user's network.
 */

import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { CERTIFICATE as SELF_SIGNED, KEY as SELF_SIGNED_KEY } from "../../agent-cli/testing/tls.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { NO_LIMITS } from "../stack/stack.ts";
import { CERTIFICATE, EXPIRED, KEY } from "./certificates.ts";

export const SHOP = "https://shop.example";
export const FACILITATOR = "https://pay.shop.example";
export const DESK = "https://desk.shop.example";

/** What the shop shows of itself. Every other name shows the good one. */
export const CERTIFICATES = {
  good: createSecureContext({ cert: CERTIFICATE, key: KEY }),
  expired: createSecureContext({ cert: EXPIRED, key: KEY }),
  "self-signed": createSecureContext({ cert: SELF_SIGNED, key: SELF_SIGNED_KEY }),
} as const satisfies Record<string, SecureContext>;

export interface Deployment {
  /** The proxy for HTTPS_PROXY. */
  proxy: string;
  /** The port on this machine at which TLS ends. */
  port: number;
  /** Of the shop, from the next connection on. */
  certificate: keyof typeof CERTIFICATES;
  /** Requests that reached a Worker. */
  requests: string[];
  stop(): Promise<void>;
}

/**
 * @param operatorKey its SHA-256, in hex
 * @param ledgerName the facilitator's LEDGER_NAME: another name is another ledger
 */
export async function deployed(operatorKey: string, ledgerName = "ledger"): Promise<Deployment> {
  const operator = { OPERATOR_KEY_SHA256: operatorKey };
  const vars = {
    "lez-merchant": { ...operator, PUBLIC_ORIGIN: SHOP, RECEIPT_KEY: DEMO_RECEIPT_KEY },
    "lez-facilitator": { ...operator, BOOKS: "keyed", LEDGER_NAME: ledgerName },
    "lez-ledger-do": operator,
    "lez-desk": { DESK_ORIGIN: DESK, FAUCET: "off", DESK_EGRESS: "" },
  };
  const stack = await startStack({ bundles: BUNDLES, vars, limits: NO_LIMITS, onLog: () => undefined });
  const sockets = new Set<Socket>();
  const deployment: Deployment = { proxy: "", port: 0, certificate: "good", requests: [], stop };
  const front = http2
    .createSecureServer({
      allowHTTP1: true,
      cert: CERTIFICATE,
      key: KEY,
      SNICallback: (name, done) => done(null, CERTIFICATES[name === new URL(SHOP).hostname ? deployment.certificate : "good"]),
    })
    .on("request", (request, response) => forward(stack, deployment, request, response));
  const proxy = http.createServer().on("connect", (_request, client: Socket) => tunnel(client, front));
  const servers: Server[] = [front, proxy];
  for (const server of servers) {
    server.on("connection", (socket: Socket) => sockets.add(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  return Object.assign(deployment, { proxy: `http://127.0.0.1:${portOf(proxy)}`, port: portOf(front) });

  async function stop(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await stack.stop();
  }
}

/** HTTP/1.1 and h2, as a content delivery network sends it on: in plain HTTP, with the host that the buyer named. */
function forward(stack: Stack, deployment: Deployment, request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
  const host = request.authority || (request.headers.host ?? "");
  deployment.requests.push(`${request.method} https://${host}${request.url}`);
  const backend = { [new URL(FACILITATOR).host]: stack.facilitator, [new URL(DESK).host]: stack.desk }[host] ?? stack.merchant;
  const named = Object.entries(request.headers).filter(([name]) => !name.startsWith(":") && name !== "connection");
  const headers = { ...Object.fromEntries(named), host, "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7" };
  const onward = http.request(new URL(request.url, backend), { method: request.method, headers, agent: false });
  onward.on("error", () => response.writeHead(502).end());
  onward.on("response", (answer) => {
    const { connection: _, "keep-alive": __, "transfer-encoding": ___, ...kept } = answer.headers;
    answer.pipe(response.writeHead(answer.statusCode ?? 502, kept));
  });
  request.pipe(onward);
}

function tunnel(client: Socket, front: Server): void {
  const onward = connect(portOf(front), "127.0.0.1", () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"));
  onward.pipe(client).pipe(onward);
  for (const end of [onward, client]) end.on("error", () => undefined);
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;
