/** A merchant at a facilitator that is not ours and refuses, and says yes later: the buyer need not wait for a lease to end. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { authorizationDigest, type ExactPayload, transactionOf } from "../../shared/authorization.ts";
import { isolateMemory } from "../../workers/merchant/paywall/memory.ts";
import { createWorld, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
let server: Server;
/** What /settle answers. */
let settled: object;

beforeEach(async () => {
  world = await createWorld();
  const { ledger } = world.ledger.info();
  const kind = { x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger } };
  server = createServer((request, response) => {
    const supported = { kinds: [kind], extensions: [], signers: {} };
    const body = request.url === "/supported" ? supported : request.url === "/verify" ? { isValid: true } : settled;
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  Object.assign(world.env, { FACILITATOR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const refusal = (errorReason: string, transaction?: string) => ({
  success: false,
  errorReason,
  transaction: "",
  network: "logos:lez-testnet",
  ...(transaction && { extra: { transaction } }),
});

test.each(["authorization", "upfront"] as const)(
  "flow %s: refused for want of money, the same payment is good once there is some",
  async (flow) => {
    const memory = isolateMemory();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    settled = refusal("insufficient_funds");
    for (let time = 0; time < 2; time++) expect(verdict(await shop.pay("/item/1", payment))).toBe("402 insufficient_funds");
    settled = { success: true, transaction: "ab".repeat(32), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a nonce that this very payment has used, and nobody got anything for it, is the payment; another's is a replay",
  async (flow) => {
    const memory = isolateMemory();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    const { authorization } = payment.payload as ExactPayload;
    settled = refusal("nonce_replayed", "ab".repeat(32));
    for (let time = 0; time < 2; time++) expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    settled = refusal("nonce_replayed", transactionOf(authorization.network, authorizationDigest(authorization)));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  },
);
