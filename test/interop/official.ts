/** The official x402 packages as peers: a client, a merchant on a real port, a facilitator, each with our mechanism plugged in. */

import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient, RouteConfig } from "@x402/core/server";
import type { SupportedResponse } from "@x402/core/types";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import { served } from "../../agent-cli/testing/served.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { registerExactLezScheme as registerClient } from "../../shared/exact/client/index.ts";
import type { LezSigner } from "../../shared/exact/client/index.ts";
import { registerExactLezScheme as registerFacilitator } from "../../shared/exact/facilitator/index.ts";
import { registerExactLezScheme as registerServer } from "../../shared/exact/server/index.ts";
import { declareRefunds, REFUND } from "../../shared/extensions/refund.ts";
import { ASSET, NETWORK, SCHEME, UPTO } from "../../shared/lez.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import type { PaymentBackend } from "../../shared/settlement/backend.ts";
import { registerUptoLezScheme as registerUptoClient } from "../../shared/upto/client/index.ts";
import { registerUptoLezScheme as registerUptoFacilitator } from "../../shared/upto/facilitator/index.ts";
import { registerUptoLezScheme as registerUptoServer } from "../../shared/upto/server/index.ts";
import { PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";

export const PRICE = 10_000n;

/** `@x402/fetch` with our schemes and otherwise as it comes, and the payments that it sent. */
export function officialClient(signer: LezSigner) {
  const sent: string[] = [];
  const recording: typeof fetch = (input, init) => {
    const payment = input instanceof Request && input.headers.get(PAYMENT_SIGNATURE);
    if (payment) sent.push(payment);
    return fetch(input, init);
  };
  const client = registerUptoClient(registerClient(new x402Client(), { signer }), { signer });
  return { client, sent, fetch: wrapFetchWithPayment(recording, client) };
}

/** Another try with a payment that was sent before. */
export function replay(url: string, payment: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, headers: { [PAYMENT_SIGNATURE]: payment } });
}

/**
 * `@x402/hono` on a port of its own until the test ends. Its routes cost PRICE and count their runs: /authorization and
 * /upfront in those flows, /bound with the binding of its URL, /failing with a handler that fails. /metered costs at most PRICE, and
 * `?charge` in the form of the official `setSettlementOverrides`. /refundable advertises the extension `refund`.
 */
export async function officialMerchant(facilitator: FacilitatorClient) {
  const runs: string[] = [];
  let app = new Hono();
  const origin = await listen((request) => app.fetch(request));

  const terms = { scheme: SCHEME, network: NETWORK, asset: ASSET, amount: String(PRICE), payTo: DEMO_MERCHANT_ACCOUNT };
  const option = (extra: Record<string, unknown> = {}, scheme: string = SCHEME): RouteConfig => {
    const { payTo, asset, amount } = terms;
    return { accepts: { scheme, network: NETWORK, payTo, price: { asset, amount }, maxTimeoutSeconds: 300, extra } };
  };
  const routes = {
    "GET /authorization": option(),
    "GET /upfront": option({ paymentFlow: "upfront" }),
    "GET /bound": option({ binding: bindingOf({ method: "GET", url: `${origin}/bound` }, terms) }),
    "GET /failing": option(),
    "GET /refundable": { ...option(), extensions: { [REFUND]: declareRefunds("https://shop.example/refunds") } },
    "GET /metered": option({ unit: "call", unitPrice: "1" }, UPTO),
  };
  app = new Hono();
  app.use(paymentMiddleware(routes, registerUptoServer(registerServer(new x402ResourceServer(facilitator)))));
  app.get("/metered", (c) => {
    const charge = c.req.query("charge");
    if (charge !== undefined) setSettlementOverrides(c, { amount: charge });
    runs.push(c.req.path);
    return c.json({ goods: c.req.path });
  });
  app.get("/failing", (c) => c.text("broken", 500));
  app.get("*", (c) => {
    runs.push(c.req.path);
    return c.json({ goods: c.req.path });
  });
  return { origin, runs, url: (path: string) => `${origin}${path}` };
}

/** The official facilitator class with our scheme, as an official merchant uses it without a network between them. */
export async function officialFacilitator(backend: PaymentBackend): Promise<FacilitatorClient> {
  const facilitator = await registerFacilitator(new x402Facilitator(), { backend });
  if (backend.upto) await registerUptoFacilitator(facilitator, { backend });
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    // Registered networks are CAIP-2 names; this class forgets it in its types.
    getSupported: async () => facilitator.getSupported() as SupportedResponse,
  };
}

/** The same over HTTP, as x402's API has it. */
export function facilitatorApi(facilitator: FacilitatorClient): Promise<string> {
  type Envelope = {
    paymentPayload: Parameters<FacilitatorClient["verify"]>[0];
    paymentRequirements: Parameters<FacilitatorClient["verify"]>[1];
  };
  const api = new Hono();
  api.get("/supported", async (c) => c.json(await facilitator.getSupported()));
  for (const call of ["verify", "settle"] as const) {
    api.post(`/${call}`, async (c) => {
      const { paymentPayload, paymentRequirements } = await c.req.json<Envelope>();
      return c.json(await facilitator[call](paymentPayload, paymentRequirements));
    });
  }
  return listen(api.fetch);
}

/** Serves on a free port of 127.0.0.1 until the test ends. */
export async function listen(handler: (request: Request) => Response | Promise<Response>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<AddressInfo>();
  const server = serve({ fetch: handler, hostname: "127.0.0.1", port: 0, overrideGlobalObjects: false }, resolve);
  onTestFinished(() => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(await promise).port}`;
  served(origin);
  return origin;
}
