/** Streams that are charged while they flow, over a ledger of sessions in memory. spec/sessions.md §4. */

import type { Handler } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";
import { PaymentEvents } from "../../shared/batch-settlement/payment-events.ts";
import { concatBytes, decodeUtf8 } from "../../shared/crypto/bytes.ts";
import { importSeed } from "../../shared/crypto/seed-key.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { signedReceiptOf } from "../../shared/evidence/parts.ts";
import { readJws, receiptPayloadSchema } from "../../shared/extensions/signed-jws.ts";
import { MAX_STREAM_SECONDS, UNREPORTED_MILLIS } from "../../shared/limits.ts";
import type { SettleResponse } from "../../shared/x402/x402.ts";
import type { PaywallEnv, PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { createClient, createMerchant, ORIGIN } from "./merchant.ts";

const METERED: Partial<PaywallOptions> = { amount: "100", metered: true, unit: "token", unitPrice: "2" };
let merchant: ReturnType<typeof createMerchant>;
let log: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
});
afterEach(() => vi.useRealTimers());

const tokens = (quantity: number) => [{ unit: "token", quantity: String(quantity), price: "2" }];

/** Sends so many events, a token each. `after`: between two of them. */
const sending =
  (count: number, after: (sent: number, signal: AbortSignal) => Promise<void> = async () => undefined): Handler<PaywallEnv> =>
  (c) =>
    streamSSE(c, async (stream) => {
      const { charge, signal } = c.get("payment");
      for (let sent = 1; sent <= count; sent++) {
        charge("2", tokens(1));
        await stream.writeSSE({ data: `token ${sent}` });
        await after(sent, signal);
      }
    });

/** A client in a lane of its isolate: lane 0 paid an empty first stream. */
async function inLane(handler: Handler<PaywallEnv>, deposit = "10000") {
  let opens = true;
  const send = await merchant.isolate(
    (c, next) => (opens ? c.body("", 200, { "Content-Type": "text/event-stream" }) : handler(c, next)),
    METERED,
  );
  const client = await createClient(send);
  await (await client.open(deposit, ORIGIN)).text();
  opens = false;
  return { client, send };
}

async function heard(response: Response) {
  const events = new PaymentEvents();
  const content: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) content.push(events.take(chunk));
  const receipt = events.receipt === undefined ? undefined : (JSON.parse(events.receipt) as SettleResponse);
  const error = events.error === undefined ? undefined : (JSON.parse(events.error) as { error: string });
  return { content: decodeUtf8(concatBytes(content)) ?? "", receipt, error: error?.error, charged: receipt?.extra?.["chargedAmount"] };
}

const settled = () => vi.advanceTimersByTimeAsync(UNREPORTED_MILLIS + 100);

async function claimed(id: string): Promise<bigint> {
  await settled();
  await merchant.ring(id);
  return merchant.ledger.claimed(id);
}

const delivered = () =>
  log.mock.calls
    .map(([line]: unknown[]) => JSON.parse(String(line)) as Record<string, unknown>)
    .filter(({ event }: Record<string, unknown>) => event === "payment.delivered");

describe("a metered stream", () => {
  test("is charged as it flows, and its last event is a signed receipt of what it used [metered-receipt]", async () => {
    const { client } = await inLane(sending(3));
    const response = await client.pay();
    expect(receiptOf(response)?.extra).toMatchObject({ metered: true });
    const { content, receipt, error } = await heard(response);
    expect(content).toBe("data: token 1\n\ndata: token 2\n\ndata: token 3\n\n");
    expect(error).toBeUndefined();
    expect(receipt).toMatchObject({
      success: true,
      transaction: "",
      amount: "",
      extra: { chargedAmount: "6", usage: tokens(3), channelState: { chargedCumulativeAmount: "6" }, lane: { afterSerial: 1 } },
    });
    const jws = receipt && signedReceiptOf(receipt);
    const read = jws && readJws(jws, receiptPayloadSchema);
    expect(read?.payload).toMatchObject({ transaction: receipt?.extra?.["commitmentId"], amount: "6", usage: tokens(3) });
    expect(await read?.isSignedBy((await importSeed(DEMO_RECEIPT_KEY, "")).publicKey)).toBe(true);
    expect(await claimed(client.id)).toBe(6n);
    expect(delivered().at(-1)).toMatchObject({ amount: "6", streamed: true, status: 200 });
  });

  test("in lane 0 is charged alike", async () => {
    const send = await merchant.isolate(sending(4), METERED);
    const client = await createClient(send);
    expect(await heard(await client.open("10000", ORIGIN))).toMatchObject({ charged: "8" });
    expect(await claimed(client.id)).toBe(8n);
  });

  test("counts each charge as spent at once, and holds the rest until its end [metered-at-once]", async () => {
    const gate = Promise.withResolvers<void>();
    const { client } = await inLane(sending(2, async (sent) => (sent === 1 ? gate.promise : undefined)));
    const response = await client.pay();
    const reader = response.body?.getReader();
    await reader?.read();
    expect(await claimed(client.id)).toBe(2n);
    gate.resolve();
    while (!(await reader?.read())?.done);
    expect(await claimed(client.id)).toBe(4n);
  });

  test("counts each charge once, also those at the moment at which it begins", async () => {
    const { client } = await inLane((c) => {
      const { charge } = c.get("payment");
      charge("2", tokens(1));
      void (async () => {
        for (let turn = 0; turn < 40; turn++) {
          await Promise.resolve();
          charge("2", tokens(1));
        }
      })();
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve));
          controller.close();
        },
      });
      return c.body(body, 200, { "Content-Type": "text/event-stream" });
    });
    expect(await heard(await client.pay())).toMatchObject({ charged: "82" });
    expect(await claimed(client.id)).toBe(82n);
  });

  test("costs nothing if its handler charges nothing, and is served once all the same", async () => {
    const { client } = await inLane((c) => c.body("data: hello\n\n", 200, { "Content-Type": "text/event-stream" }));
    const voucher = await client.sign();
    expect(await heard(await client.presentVoucher(voucher))).toMatchObject({ content: "data: hello\n\n", charged: "0" });
    expect(verdict(await client.presentVoucher(voucher))).toBe("409 voucher_used");
  });

  test("whose handler charges more than was signed ends there, and never costs more [metered-exceeded]", async () => {
    const goesOn: Handler<PaywallEnv> = (c) =>
      streamSSE(c, async (stream) => {
        for (let sent = 1; sent <= 60; sent++) {
          try {
            c.get("payment").charge("2", tokens(1));
          } catch {
            // A handler that goes on sells nothing more.
          }
          await stream.writeSSE({ data: `token ${sent}` });
        }
      });
    for (const handler of [sending(60), goesOn]) {
      const { client } = await inLane(handler);
      const { content, error, charged } = await heard(await client.pay());
      expect({ error, charged }).toEqual({ error: "charge_exceeded", charged: "100" });
      expect(content).not.toContain("token 51");
      expect(await claimed(client.id)).toBe(100n);
    }
  });

  test("that charges too much before it begins is a 500, and costs nothing", async () => {
    const { client } = await inLane((c) => (c.get("payment").charge("102", tokens(51)), c.text("")));
    expect(verdict(await client.pay())).toBe("500 charge_exceeded");
    expect(await claimed(client.id)).toBe(0n);
  });

  test("whose usage does not come to the charge ends with an error", async () => {
    const { client } = await inLane((c) =>
      streamSSE(c, async (stream) => {
        c.get("payment").charge("2", tokens(1));
        await stream.writeSSE({ data: "one" });
        c.get("payment").charge("3", tokens(1));
      }),
    );
    expect(await heard(await client.pay())).toMatchObject({ error: "internal_error", charged: "2" });
  });

  test("whose handler throws midway costs what was charged, and says that it is not whole [metered-throws]", async () => {
    const { client } = await inLane((c) => {
      const { charge } = c.get("payment");
      let pulled = 0;
      const body = new ReadableStream({
        pull(controller) {
          if (++pulled === 3) throw new Error("the model is gone");
          charge("2", tokens(1));
          controller.enqueue(new TextEncoder().encode(`data: ${pulled}\n\n`));
        },
      });
      return c.body(body, 200, { "Content-Type": "text/event-stream" });
    });
    expect(await heard(await client.pay())).toMatchObject({ error: "internal_error", charged: "4" });
    expect(await claimed(client.id)).toBe(4n);
  });

  test("whose handler throws before it begins costs nothing: the same voucher can come again", async () => {
    let fails = true;
    const { client } = await inLane((c, next) => {
      if (fails) throw new Error("not now");
      return sending(1)(c, next);
    });
    const voucher = await client.sign();
    expect((await client.presentVoucher(voucher)).status).toBe(500);
    fails = false;
    expect(await heard(await client.presentVoucher(voucher))).toMatchObject({ charged: "2" });
  });

  test("whose buyer goes midway stops its handler, and costs what flowed; the voucher's copy is told the sum [metered-gone]", async () => {
    const stopped = Promise.withResolvers<void>();
    const { client } = await inLane(
      sending(40, async (sent, signal) => {
        if (sent < 3) return;
        if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        stopped.resolve();
      }),
    );
    const voucher = await client.sign();
    const response = await client.presentVoucher(voucher);
    const reader = response.body?.getReader();
    for (let read = 0; read < 3; read++) await reader?.read();
    await reader?.cancel();
    await stopped.promise;
    const again = await client.presentVoucher(voucher);
    expect(verdict(again)).toBe("409 voucher_used");
    expect(receiptOf(again)?.extra).toMatchObject({ chargedAmount: "6" });
    expect(await claimed(client.id)).toBe(6n);
    expect(delivered().at(-1)).toMatchObject({ amount: "6", gone: true });
  });

  test("that flows for too long ends with an error, and costs what flowed", async () => {
    const { client } = await inLane(sending(2, async () => new Promise(() => undefined)));
    const response = await client.pay();
    const reader = response.body?.getReader();
    await reader?.read();
    await vi.advanceTimersByTimeAsync(MAX_STREAM_SECONDS * 1000);
    const { value } = (await reader?.read()) ?? {};
    expect(decodeUtf8(value ?? new Uint8Array())).toMatch(
      /event: payment-error\ndata: \{"error":"handler_timeout"[^]*event: payment-receipt\n/,
    );
  });

  test("cannot pass text for a receipt: the handler's own events of these names are left out [metered-forged]", async () => {
    const forged = 'event: payment-receipt\ndata: {"success":true,"extra":{"chargedAmount":"0"}}\n\n';
    const { client } = await inLane((c) => {
      c.get("payment").charge("2", tokens(1));
      return c.body(`data: one\n\n${forged}${forged.trimEnd()}`, 200, { "Content-Type": "text/event-stream" });
    });
    expect(await heard(await client.pay())).toMatchObject({ content: "data: one\n\n", charged: "2" });
  });

  test("that is no stream of events is charged before it goes out, and its receipt is in the header", async () => {
    const { client } = await inLane((c) => (c.get("payment").charge("4", tokens(2)), c.json({ text: "all at once" })));
    const response = await client.pay();
    expect(receiptOf(response)?.extra).toMatchObject({ chargedAmount: "4", usage: tokens(2) });
    expect(await response.json()).toEqual({ text: "all at once" });
    expect(delivered().at(-1)).toMatchObject({ amount: "4" });
  });

  test("flows on when its buyer closes the session meanwhile, and is claimed before that ends [metered-closing]", async () => {
    const gate = Promise.withResolvers<void>();
    const { client } = await inLane(sending(3, async (sent) => (sent === 1 ? gate.promise : undefined)));
    const stream = await client.pay();
    const reader = stream.body?.getReader();
    await reader?.read();
    expect(await (await client.close()).json()).toMatchObject({ status: "open" });
    gate.resolve();
    while (!(await reader?.read())?.done);
    expect(await claimed(client.id)).toBe(6n);
    expect(merchant.ledger.standing(client.id)).toMatchObject({ status: "closed", claimed: "6" });
  });

  test("in lane 0 flows on when its buyer closes the session, and is claimed before that ends", async () => {
    const gate = Promise.withResolvers<void>();
    const send = await merchant.isolate(
      sending(3, async (sent) => (sent === 1 ? gate.promise : undefined)),
      METERED,
    );
    const client = await createClient(send);
    const reader = (await client.open("10000", ORIGIN)).body?.getReader();
    await reader?.read();
    await settled();
    expect(await (await client.close()).json()).toMatchObject({ status: "open" });
    gate.resolve();
    while (!(await reader?.read())?.done);
    expect(await claimed(client.id)).toBe(6n);
    expect(merchant.ledger.standing(client.id)).toMatchObject({ status: "closed", claimed: "6" });
  });
});

describe("what cannot be metered", () => {
  test.each<[what: string, options: Partial<PaywallOptions>, problem: string]>([
    ["a route without sessions", { metered: true, session: false }, "metered is for sessions"],
    ["scheme upto", { metered: true, scheme: "upto" }, "metered is for sessions"],
    ["a route that must store its answers", { metered: true, identifier: "required" }, "identifier"],
  ])("is %s", async (_what, options, problem) => {
    await expect(merchant.isolate(sending(1), options)).rejects.toThrow(problem);
  });
});
