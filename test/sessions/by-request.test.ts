/** Sessions where the price depends on the request, and where the facilitator is reached over HTTP. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Handler } from "hono";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";
import { UNREPORTED_MILLIS } from "../../shared/limits.ts";
import type { SettleResponse } from "../../shared/x402/x402.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { sessionFacilitatorOf } from "../../workers/merchant/paywall/sessions/facilitator.ts";
import type { SessionRpc } from "../../workers/merchant/paywall/types.ts";
import { memoryAnswers, termsOf } from "../paywall/world.ts";
import { createClient, createMerchant, ORIGIN } from "./merchant.ts";

const GOODS: Handler<PaywallEnv> = (c) => c.text("goods");
let merchant: ReturnType<typeof createMerchant>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
});

describe("a price by request", () => {
  let price = "10";
  beforeEach(() => (price = "10"));
  const shop = (handler = GOODS) => merchant.isolate(handler, { amount: () => price });

  test("is what a voucher of that request signs for [session-by-request]", async () => {
    const send = await shop();
    const client = await createClient(send);
    expect((await client.offer()).extra).toMatchObject({ minDeposit: "1000" });
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
    for (let call = 0; call < 3; call++) expect(receiptOf(await client.pay())?.extra).toMatchObject({ chargedAmount: "10" });
  });

  test("that has changed buys nothing, and the new terms are told; what was bought before is told, too [session-price-changed]", async () => {
    const handler = vi.fn(GOODS);
    const client = await createClient(await shop(handler));
    await client.open("1000", ORIGIN);
    const served = await client.sign();
    expect(verdict(await client.presentVoucher(served))).toBe("200");
    const voucher = await client.sign();
    price = "25";
    const refused = await client.presentVoucher(voucher);
    expect(verdict(refused)).toBe("402 amount_mismatch");
    expect(termsOf(refused)?.accepts.map(({ amount }) => amount)).toEqual(["25", "25"]);
    expect(verdict(await client.presentVoucher(served))).toBe("409 voucher_used");
    expect(handler).toHaveBeenCalledTimes(2);
    price = "10";
    expect(verdict(await client.presentVoucher(voucher))).toBe("200");
  });

  test("that has changed opens nothing", async () => {
    const client = await createClient(await shop());
    await client.offer();
    price = "25";
    expect(verdict(await client.open("1000", ORIGIN))).toBe("402 amount_mismatch");
    expect(merchant.calls).not.toContain("open");
  });

  test("is asked of a voucher of lane 0, too, and gives no lane away", async () => {
    const client = await createClient(await shop());
    await client.open("1000", ORIGIN);
    const elsewhere = await createClient(await shop());
    elsewhere.session = client.session;
    await elsewhere.offer();
    const voucher = await client.sign({ lane: "0", serial: "2" });
    price = "25";
    expect(verdict(await elsewhere.present({ type: "voucher", from: client.session?.from, ...voucher }))).toBe("402 amount_mismatch");
    price = "10";
    expect(verdict(await elsewhere.present({ type: "voucher", from: client.session?.from, ...voucher }))).toBe("200");
  });
});

describe("a facilitator over HTTP", () => {
  let server: Server | undefined;
  afterEach(() => void server?.close());

  /** x402's addresses in front of the ledger in memory. */
  async function listen(answer: (said: SettleResponse) => SettleResponse = (said) => said): Promise<string> {
    const { rpc } = merchant.ledger;
    const settled = (result: Awaited<ReturnType<SessionRpc["open"]>> | Awaited<ReturnType<SessionRpc["claim"]>>): SettleResponse => {
      if (!result.ok) return { success: false, errorReason: result.code, transaction: "", network: "logos:lez-testnet" };
      const { id, payer, deposit, claimed } = result.session;
      const channelState = { channelId: id, balance: deposit, totalClaimed: claimed, withdrawRequestedAt: 0 };
      const amount = "value" in result ? result.value : "";
      return { success: true, payer, transaction: "", network: "logos:lez-testnet", amount, extra: { channelState } };
    };
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const reply = (value: unknown) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
      if (request.url === "/supported") return reply(await merchant.env.FACILITATOR.supported(""));
      const [, , , payer, id] = (request.url ?? "").split("/");
      if (request.method === "GET") {
        const status = await rpc.session({ payer, id } as never, "");
        return reply("config" in status ? { ...status, channelConfig: JSON.parse(status.config) as unknown } : status);
      }
      const { paymentPayload, paymentRequirements } = JSON.parse(Buffer.concat(chunks).toString()) as never as {
        paymentPayload: { payload: { type: string } };
        paymentRequirements: never;
      };
      const isClaim = paymentPayload.payload.type === "claim";
      const result = isClaim
        ? await rpc.claim(paymentPayload.payload as never, "")
        : await rpc.open({ paymentPayload, paymentRequirements }, "");
      return reply(answer(settled(result)));
    });
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function overHttp(answer?: (said: SettleResponse) => SettleResponse) {
    const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
    Object.assign(merchant.env, { FACILITATOR_URL: await listen(answer), DELIVERIES: { getByName: () => object } });
    const client = await createClient(await merchant.isolate(GOODS));
    return client;
  }

  test("opens sessions, pays claims, and is asked about sessions that an isolate does not know [session-http]", async () => {
    const client = await overHttp();
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
    for (let call = 0; call < 5; call++) expect(verdict(await client.pay())).toBe("200");
    const elsewhere = await createClient(await merchant.isolate(GOODS));
    elsewhere.session = client.session;
    const voucher = await client.sign({ lane: "0", serial: "9" });
    expect(verdict(await elsewhere.present({ type: "voucher", from: client.session?.from, ...voucher }))).toBe("200");
    await vi.advanceTimersByTimeAsync(UNREPORTED_MILLIS + 100);
    expect(await (await client.close()).json()).toMatchObject({ claimed: "70" });
    expect(merchant.ledger.claimed(client.id)).toBe(70n);
    expect(merchant.calls).toEqual([]);
  });

  test("whose answer is a refusal opens nothing; whose outcome is unknown is asked again with the same deposit", async () => {
    let said: Partial<SettleResponse> | undefined = { success: false, errorReason: "insufficient_funds" };
    const client = await overHttp((settled) => ({ ...settled, ...said }));
    expect(verdict(await client.open("1000", ORIGIN))).toBe("402 insufficient_funds");
    said = { success: false, errorReason: "settlement_pending" };
    expect(verdict(await client.open("1000", ORIGIN))).toBe("503 facilitator_unavailable");
    said = { success: false, errorReason: "a word of its own" };
    expect(verdict(await client.open("1000", ORIGIN))).toBe("402 facilitator_refused");
    said = undefined;
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
  });
});

test("a Worker that names no facilitator, or one from before sessions, has none for sessions", () => {
  expect([sessionFacilitatorOf({}), sessionFacilitatorOf({ FACILITATOR: {} as never })]).toEqual([undefined, undefined]);
});
