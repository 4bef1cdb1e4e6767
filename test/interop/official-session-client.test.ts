/** `@x402/fetch` with our scheme at a merchant of ours that sells by session, in this process. spec/interop.md. */

import { x402Client } from "@x402/core/client";
import { wrapFetchWithPayment } from "@x402/fetch";
import type { Handler } from "hono";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { receiptOf } from "../../agent-cli/demo/buyer.ts";
import {
  type BatchSettlementConfig,
  BatchSettlementLezScheme,
  registerBatchSettlementLezScheme,
} from "../../shared/batch-settlement/client/index.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { NETWORK } from "../../shared/lez.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { decodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import type { PaywallEnv, PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { createMerchant, ORIGIN } from "../sessions/merchant.ts";

const GOODS: Handler<PaywallEnv> = (c) => c.text("goods");
let merchant: ReturnType<typeof createMerchant>;

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
});

interface Sent {
  type: string;
  voucher: { session: string; lane: string; serial: string; maxClaimableAmount: string };
}

/** The official client with our scheme, and what it sent. `open` holds a deposit of 100 requests. */
async function buyer(
  handler: Handler<PaywallEnv> = GOODS,
  changes: Partial<BatchSettlementConfig["session"]> = {},
  options: Partial<PaywallOptions> = {},
) {
  const send = await merchant.isolate(handler, options);
  const sent: Sent[] = [];
  const signed: string[] = [];
  const overNetwork: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const header = request.headers.get(PAYMENT_SIGNATURE);
    const payment = header === null ? undefined : decodeHeader(header, paymentPayloadSchema);
    if (payment?.ok) sent.push(payment.value.payload as unknown as Sent);
    return send(new URL(request.url).pathname, { method: request.method, headers: request.headers });
  };
  const [owner, agentKey] = await Promise.all([keySigner(generateSecretKey()), keySigner(generateSecretKey())]);
  const signer = { ...owner, sign: (digest: never) => (signed.push(digest), owner.sign(digest)) };
  const session = { origin: ORIGIN, payTo: DEMO_MERCHANT_ACCOUNT, deposit: "1000", seconds: 3600, ...changes };
  const scheme = new BatchSettlementLezScheme({ signer, agentKey, session });
  const client = new x402Client().register(NETWORK, scheme);
  return { fetch: wrapFetchWithPayment(overNetwork, client), sent, signed, owner, scheme };
}

const charged = (response: Response) => (receiptOf(response)?.["extra"] as { chargedAmount?: string } | undefined)?.chargedAmount;

describe("the official client with our scheme", () => {
  test("opens one session with its first request, and pays the others by vouchers [interop-session-fetch]", async () => {
    const { fetch, sent, signed } = await buyer();
    for (let call = 0; call < 4; call++) {
      const response = await fetch(`${ORIGIN}/item/1`);
      expect([response.status, charged(response)]).toEqual([200, "10"]);
    }
    expect(sent.map(({ type }) => type)).toEqual(["deposit", "voucher", "voucher", "voucher"]);
    expect(signed).toHaveLength(1);
    expect(merchant.calls.filter((call) => call === "open")).toHaveLength(1);
  });

  test("signs for what was charged, not for what it could have cost [interop-session-charge]", async () => {
    const { fetch, sent } = await buyer((c) => {
      c.get("payment").charge("3");
      return c.text("goods");
    });
    for (let call = 0; call < 3; call++) expect(charged(await fetch(`${ORIGIN}/item/1`))).toBe("3");
    const [, second, third] = sent.map(({ voucher }) => voucher);
    expect(Number(third?.maxClaimableAmount)).toBe(Number(second?.maxClaimableAmount) + 3);
  });

  test("pays requests at once, each by a voucher of its own [interop-session-parallel]", async () => {
    const { fetch, sent, signed } = await buyer();
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${ORIGIN}/item/1`)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(signed).toHaveLength(1);
    const serials = sent.map(({ voucher: { lane, serial } }) => `${lane}:${serial}`);
    expect(new Set(serials).size).toBe(serials.length);
  });

  test("continues where the merchant is, after its object and isolate started anew [interop-session-corrected]", async () => {
    const { fetch, sent } = await buyer();
    for (let call = 0; call < 3; call++) await fetch(`${ORIGIN}/item/1`);
    const [{ voucher } = { voucher: { session: "" } }] = sent;
    merchant.restart(voucher.session);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
  });

  test("opens no other session than it may, whatever the merchant says [interop-session-limit]", async () => {
    const { fetch, signed } = await buyer(GOODS, { deposit: "20" });
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    await expect(fetch(`${ORIGIN}/item/1`)).rejects.toThrow("session_exhausted");
    expect(signed).toHaveLength(1);
  });

  test("opens another where it may [interop-session-next]", async () => {
    const { fetch, signed } = await buyer(GOODS, { deposit: "20", open: 2 });
    for (let call = 0; call < 4; call++) expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    expect(signed).toHaveLength(2);
    await expect(fetch(`${ORIGIN}/item/1`)).rejects.toThrow("session_exhausted");
  });

  test("signs nothing for another payee than the one it knows [interop-session-payee]", async () => {
    const { fetch, signed, owner } = await buyer(GOODS, {});
    const other = await buyer(GOODS, { payTo: owner.account });
    await expect(other.fetch(`${ORIGIN}/item/1`)).rejects.toThrow("recipient_mismatch");
    expect([...signed, ...other.signed]).toEqual([]);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
  });
});

describe("a stream that is charged while it flows", () => {
  const METERED = { amount: "100", metered: true } as const;
  const words: Handler<PaywallEnv> = (c) => {
    const { charge } = c.get("payment");
    charge("3");
    charge("4");
    return c.body("data: one\n\ndata: two\n\n", 200, { "Content-Type": "text/event-stream" });
  };

  test("is read without its receipt, and the next voucher signs for what it cost [interop-session-metered]", async () => {
    const { fetch, sent, scheme } = await buyer(words, {}, METERED);
    await scheme.metered(await fetch(`${ORIGIN}/item/1`)).response.text();
    for (let call = 0; call < 2; call++) {
      const { response, receipt } = scheme.metered(await fetch(`${ORIGIN}/item/1`));
      expect(await response.text()).toBe("data: one\n\ndata: two\n\n");
      expect((await receipt)?.extra).toMatchObject({ chargedAmount: "7" });
    }
    expect(sent.map(({ voucher }) => voucher.maxClaimableAmount)).toEqual(["100", "100", "107"]);
  });

  test("that is not read may have cost all of its amount", async () => {
    const { fetch, sent, scheme } = await buyer(words, {}, METERED);
    await scheme.metered(await fetch(`${ORIGIN}/item/1`)).response.text();
    const { response, receipt } = scheme.metered(await fetch(`${ORIGIN}/item/1`));
    await response.body?.cancel();
    expect(await receipt).toBeUndefined();
    await fetch(`${ORIGIN}/item/1`);
    expect(sent.map(({ voucher }) => voucher.maxClaimableAmount)).toEqual(["100", "100", "200"]);
  });

  test("of another merchant is not touched", async () => {
    const { scheme } = await buyer();
    const other = new Response("data: one\n\n", { headers: { "Content-Type": "text/event-stream" } });
    expect(scheme.metered(other).response).toBe(other);
  });
});

test("a scheme is not made with one key for two powers, nor with a deposit that is no amount [interop-session-options]", async () => {
  const signer = await keySigner(generateSecretKey());
  const session = { origin: ORIGIN, payTo: DEMO_MERCHANT_ACCOUNT, deposit: "1000", seconds: 3600 };
  const made = (config: BatchSettlementConfig) => () => registerBatchSettlementLezScheme(new x402Client(), config);
  expect(made({ signer, agentKey: signer, session })).toThrow(TypeError);
  const agentKey = await keySigner(generateSecretKey());
  expect(made({ signer, agentKey, session: { ...session, deposit: "0.5" } })).toThrow(TypeError);
});
