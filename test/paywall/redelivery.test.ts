/** Goods that are bought once and fetched again: under the buyer's identifier, for a time, whole or from where they broke off. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { MAX_STORED_ANSWER_BYTES, STORED_ANSWER_SECONDS } from "../../shared/limits.ts";
import type { PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { createWorld, memoryAnswers, PRICE, receiptOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
beforeEach(async () => {
  world = await createWorld();
  const object = { ...isolateDeliveries(), ...memoryAnswers(), canOpen: async () => true };
  Object.assign(world.env, { DELIVERIES: { getByName: () => object } });
});

const FLOWS = ["authorization", "upfront"] as const;
const LENGTH = MAX_STORED_ANSWER_BYTES + 1000;
const byteAt = (index: number) => (index * 31) % 251;
const LARGE = Uint8Array.from({ length: LENGTH }, (_, index) => byteAt(index));

/** Streams in chunks of 1000 bytes. */
function streamed(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += 1000)));
    },
  });
}

async function shopOf(options: Partial<PaywallOptions>, headers: Record<string, string> = {}, body = LARGE) {
  const payments: { id: string; redelivery: boolean }[] = [];
  const shop = world.shop(
    (c) => {
      const { id, redelivery } = c.get("payment");
      payments.push({ id, redelivery });
      return new Response(streamed(body), { headers: { "Content-Length": String(body.length), ETag: '"v1"', ...headers } });
    },
    { redeliver: true, ...options },
  );
  const approved = await shop.approved("/item/1");
  const payment = { ...approved, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(undefined, "pay_0123456789abcdef") } };
  const fetched = async (headers: Record<string, string> = {}) => {
    const response = await shop.pay("/item/1", payment, { headers });
    return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
  };
  return { shop, payment, payments, fetched };
}

describe.each(FLOWS)("flow %s", (flow) => {
  test("a large, streamed answer comes again with the same receipt, and is paid once", async () => {
    const { fetched, payments } = await shopOf({ flow });
    const first = await fetched();
    const again = await fetched();
    expect(first.response.headers.get("Accept-Ranges")).toBe("bytes");
    for (const { response, bytes } of [first, again]) {
      expect(verdict(response)).toBe("200");
      expect(bytes).toEqual(LARGE);
      expect(response.headers.get("Cache-Control")).toBe("private, no-store");
    }
    expect(receiptOf(again.response)).toEqual(receiptOf(first.response));
    expect(payments.map(({ redelivery }) => redelivery)).toEqual([false, true]);
    expect(new Set(payments.map(({ id }) => id)).size).toBe(1);
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test.each([
    ["bytes=65000-", 65_000, LENGTH],
    ["bytes=0-", 0, LENGTH],
    ["bytes=10-19", 10, 20],
    [`bytes=${LENGTH - 1}-${LENGTH + 50}`, LENGTH - 1, LENGTH],
  ])("%s of the same representation is 206", async (range, start, end) => {
    const { fetched } = await shopOf({ flow });
    await fetched();
    const { response, bytes } = await fetched({ Range: range, "If-Range": '"v1"' });
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Range")).toBe(`bytes ${start}-${end - 1}/${LENGTH}`);
    expect(response.headers.get("Content-Length")).toBe(String(end - start));
    expect(bytes).toEqual(LARGE.subarray(start, end));
    expect(receiptOf(response)?.success).toBe(true);
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test.each<[string, Record<string, string>, Record<string, string>?]>([
    ["of another representation", { Range: "bytes=9-", "If-Range": '"v0"' }],
    ["without If-Range", { Range: "bytes=9-" }],
    ["by date", { Range: "bytes=9-", "If-Range": new Date().toUTCString() }],
    ["of a weak tag", { Range: "bytes=9-", "If-Range": 'W/"v1"' }, { ETag: 'W/"v1"' }],
    ["of several ranges", { Range: "bytes=0-1,4-5", "If-Range": '"v1"' }],
    ["of a suffix", { Range: "bytes=-5", "If-Range": '"v1"' }],
    ["beyond the end", { Range: `bytes=${LENGTH}-`, "If-Range": '"v1"' }],
  ])("a range %s brings the whole", async (_what, headers, own = {}) => {
    const { fetched } = await shopOf({ flow }, own);
    await fetched();
    const { response, bytes } = await fetched(headers);
    expect([response.status, bytes.length]).toEqual([200, LENGTH]);
  });

  test("a first purchase is never of a part", async () => {
    const { fetched } = await shopOf({ flow });
    const { response, bytes } = await fetched({ Range: "bytes=9-", "If-Range": '"v1"' });
    expect([response.status, bytes.length]).toEqual([200, LENGTH]);
  });

  test("redelivery ends after its time", async () => {
    const { fetched } = await shopOf({ flow, redeliver: 60 });
    await fetched();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 59_000 });
    try {
      expect(verdict((await fetched()).response)).toBe("200");
      vi.setSystemTime(Date.now() + 3000);
      const { response } = await fetched();
      expect(verdict(response)).toBe("409 answer_not_stored");
      expect(receiptOf(response)?.success).toBe(true);
    } finally {
      vi.useRealTimers();
    }
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("without redelivery the receipt alone is left", async () => {
    const { fetched, payments } = await shopOf({ flow, redeliver: false });
    expect((await fetched()).response.headers.has("Accept-Ranges")).toBe(false);
    const { response } = await fetched();
    expect([verdict(response), receiptOf(response)?.success]).toEqual(["409 answer_not_stored", true]);
    expect(payments).toHaveLength(1);
  });

  test("without its identifier the same payment brings nothing", async () => {
    const { fetched, shop, payment, payments } = await shopOf({ flow });
    await fetched();
    const { extensions: _, ...bare } = payment;
    expect(verdict(await shop.pay("/item/1", bare))).toBe("402 nonce_replayed");
    expect(payments).toHaveLength(1);
  });

  test("goods that are a redirect are paid for, and come again as the same address", async () => {
    let signed = 0;
    const shop = world.shop((c) => c.redirect(`https://files.example.com/goods?signature=${++signed}`), {
      flow,
      redeliver: true,
      delivered: (response) => response.ok || response.headers.has("Location"),
    });
    const approved = await shop.approved("/item/1");
    const payment = { ...approved, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(undefined, "pay_0123456789abcdef") } };
    const addresses = [];
    for (let time = 0; time < 3; time++) {
      const response = await shop.pay("/item/1", payment);
      expect([response.status, receiptOf(response)?.success]).toEqual([302, true]);
      addresses.push(response.headers.get("Location"));
    }
    expect(addresses).toEqual(Array(3).fill("https://files.example.com/goods?signature=1"));
    expect(world.spent()).toBe(BigInt(PRICE));
  });

  test("a predicate that throws delivers nothing: nothing is paid, or the goods are owed", async () => {
    const shop = world.shop((c) => c.text("goods"), {
      flow,
      delivered: () => {
        throw new Error("broken");
      },
    });
    expect((await shop.pay("/item/1", await shop.approved("/item/1"))).status).toBe(500);
    expect([world.spent(), world.held()]).toEqual([flow === "upfront" ? BigInt(PRICE) : 0n, "0"]);
  });
});

test("one redelivery at a time: a copy is told to wait", async () => {
  let open = () => {};
  let redeliveries = 0;
  const shop = world.shop(
    async (c) => {
      if (c.get("payment").redelivery && redeliveries++ === 0) await new Promise<void>((resolve) => (open = resolve));
      return new Response(streamed(LARGE));
    },
    { redeliver: true },
  );
  const approved = await shop.approved("/item/1");
  const payment = { ...approved, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(undefined, "pay_0123456789abcdef") } };
  await (await shop.pay("/item/1", payment)).arrayBuffer();
  const first = shop.pay("/item/1", payment);
  await expect.poll(() => redeliveries).toBe(1);
  expect(verdict(await shop.pay("/item/1", payment))).toBe("409 payment_in_progress");
  open();
  expect(verdict(await first)).toBe("200");
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  expect(world.spent()).toBe(BigInt(PRICE));
});

test.each([[-1], [1.5], [STORED_ANSWER_SECONDS + 1], [Number.NaN]])("redeliver: %s is refused at start-up", (redeliver) => {
  expect(() => world.shop((c) => c.text("goods"), { redeliver })).toThrow("redeliver must be");
  expect(() => world.shop((c) => c.text("goods"), { redeliver: true, identifier: "off" })).toThrow("redeliver needs");
});
