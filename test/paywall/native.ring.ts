/**
 * The demo merchant sells natively, in workerd: paywall, facilitator, native Worker and devnet, by service binding and over HTTP, and stopped while
 * the chain takes a payment.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { freePort } from "../../scripts/workerd.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { type PaymentPayload, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { BUYER, SELLER } from "../../shared/zone/testing/payment.ts";
import { createNativeWorld, NETWORK, sign } from "./native-world.ts";
import { receiptOf, verdict } from "./world.ts";

const BLOCK_MILLIS = 1000;
const PATIENCE_MILLIS = 60_000;

let persist: string;
let merchantPort: number;
let stack: Stack;
let nonce = 0n;

async function start(): Promise<void> {
  const vars = {
    "lez-devnet": { FAUCET: "on", BLOCK_MILLIS: String(BLOCK_MILLIS) },
    "lez-merchant": { PAY_TO_LEZ: SELLER, LEZ_NETWORK: NETWORK },
  };
  stack = await startStack({ bundles: BUNDLES, persist, lezPort: 0, merchantPort, vars, onLog: () => undefined });
}

beforeAll(async () => {
  persist = await mkdtemp(join(tmpdir(), "native-paywall-"));
  merchantPort = await freePort();
  await start();
  const funded = await fetch(`${stack.lez}/faucet`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ account: BUYER }),
  });
  expect(funded.ok, await funded.text()).toBe(true);
  // The chain is watched from the first question on, and offered once its head is known.
  const offered = async () => (await fetch(`${stack.facilitator}/supported`)).text();
  await vi.waitFor(async () => expect(await offered()).toContain(NETWORK), { timeout: PATIENCE_MILLIS, interval: 500 });
});
afterAll(async () => {
  await stack.stop();
  await rm(persist, { recursive: true, force: true });
});

const premium = (payment?: PaymentPayload) =>
  fetch(`${stack.merchant}/premium`, { headers: payment ? { [PAYMENT_SIGNATURE]: encodeHeader(payment) } : {} });

/** A payment of the native offer, once it is there. */
async function signed(ask: () => Promise<Response> = premium): Promise<PaymentPayload> {
  const end = Date.now() + PATIENCE_MILLIS;
  while (Date.now() < end) {
    const required = decodeHeader((await ask()).headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    const offer = required.ok ? required.value.accepts.find(({ network }) => network === NETWORK) : undefined;
    if (offer) return sign(offer, { nonce: nonce++ });
    await pause(1000);
  }
  throw new Error("the native offer never came");
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

/** Presents copies at once, again and again, until one of them has the goods. @returns all answers that were the goods */
async function buy(
  payment: PaymentPayload,
  copies: number,
  present: (payment: PaymentPayload) => Promise<Response> = premium,
): Promise<Response[]> {
  const end = Date.now() + PATIENCE_MILLIS;
  while (Date.now() < end) {
    const answers = await Promise.all(Array.from({ length: copies }, () => present(payment)));
    const goods = answers.filter(({ status }) => status === 200);
    const others = new Set(answers.filter(({ status }) => status !== 200).map(verdict));
    for (const other of others) {
      expect(["402 settlement_pending", "409 payment_in_progress", "402 nonce_replayed", "503 facilitator_unavailable"]).toContain(other);
    }
    if (goods.length > 0) return goods;
    await pause(BLOCK_MILLIS);
  }
  throw new Error("the goods never came");
}

test("through the binding: twenty copies at once buy once, and again nothing [native-ring-binding]", async () => {
  const payment = await signed();
  const goods = await buy(payment, 20);
  expect(goods).toHaveLength(1);
  expect(receiptOf(goods[0] as Response)).toMatchObject({ success: true, network: NETWORK, payer: BUYER });
  expect(verdict(await premium(payment))).toBe("402 nonce_replayed");
});

test("what was cut off in the middle goes on after a start, and buys once [native-ring-cut]", async () => {
  const payment = await signed();
  const cut = premium(payment).then(verdict, () => "cut");
  await pause(BLOCK_MILLIS / 2);
  await stack.stop();
  await start();
  if ((await cut) !== "200") expect(await buy(payment, 20)).toHaveLength(1);
  expect(verdict(await premium(payment))).toBe("402 nonce_replayed");
});

test("over HTTP an answer that is lost is found again, and copies at once buy once [native-ring-http]", async () => {
  const world = createNativeWorld();
  world.env["FACILITATOR_URL"] = stack.facilitator;
  const handler = vi.fn((c) => c.text("goods"));
  const shop = world.shop(handler);
  const payment = await signed(() => shop.get("/item/1"));
  const real = fetch;
  let lost = 0;
  vi.stubGlobal("fetch", async (url: string, init?: RequestInit) => {
    const answer = await real(url, init);
    const isReceipt = url.endsWith("/settle") && ((await answer.clone().json()) as { success: boolean }).success;
    if (!isReceipt || lost++ > 0) return answer;
    throw new TypeError("the connection was cut");
  });
  try {
    expect(await buy(payment, 20, (each) => shop.pay(each))).toHaveLength(1);
    expect([lost > 0, handler.mock.calls.length]).toEqual([true, 1]);
    expect(verdict(await shop.pay(payment))).toBe("402 nonce_replayed");
  } finally {
    vi.unstubAllGlobals();
  }
});
