/** payment-identifier end to end, over real HTTP and a merchant's own Durable Object: paid once, delivered as often as it is asked for. */

import { describe, expect, test } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { MAX_STORED_ANSWER_BYTES } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { useForeignMerchant } from "./merchant.ts";
import { receiptOf, useStack, verdict } from "./stack.ts";

const world = useStack({ merchant: "../workerd/counting-merchant.ts" });
const at = (path: string) => ({ url: `${world.stack.merchant}${path}` });
const runs = async () => (await ((await fetch(at("/runs").url)).json() as Promise<{ total: number }>)).total;
const ID = "pay_0123456789abcdef";

const named = (payment: PaymentPayload, id: string, required = false): PaymentPayload => ({
  ...payment,
  extensions: { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required } }, id) },
});
async function bought(path: string, id = ID) {
  const buyer = await world.buyer();
  const payment = named(await buyer.approved(at(path)), id);
  return { buyer, payment, send: () => buyer.send(at(path), payment) };
}

test("the challenge offers it, and does not require it", async () => {
  const challenge = (await (await fetch(at("/slow").url)).json()) as { extensions: Record<string, unknown> };
  expect(challenge.extensions).toMatchObject({ [PAYMENT_IDENTIFIER]: { info: { required: false }, schema: { type: "object" } } });
});

test("goods that are too large to store come again, whole or from where they broke off, for one debit [redelivery-range]", async () => {
  const { buyer, payment, send } = await bought("/redelivered");
  const whole = await (await send()).text();
  expect(whole).toHaveLength(200_000);
  const headers = { [PAYMENT_SIGNATURE]: encodeHeader(payment), Range: "bytes=150005-", "If-Range": '"report-1"' };
  const rest = await fetch(at("/redelivered").url, { headers });
  expect([rest.status, rest.headers.get("Content-Range")]).toEqual([206, "bytes 150005-199999/200000"]);
  expect(await rest.text()).toBe(whole.slice(150_005));
  expect(await (await send()).text()).toBe(whole);
  expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
});

describe.each([
  ["authorization", "/slow"],
  ["upfront", "/archive"],
])("flow %s", (_flow, path) => {
  test("same id, same payment: the stored answer with the same receipt, and the handler does not run again [identifier-stored-answer]", async () => {
    const { buyer, send } = await bought(path);
    const before = await runs();
    const first = await send();
    const again = [await send(), await send()];
    for (const answer of again) {
      expect(verdict(answer)).toBe("200");
      expect(receiptOf(answer)).toEqual(receiptOf(first));
      expect(await answer.text()).toBe("goods");
      expect(answer.headers.get("Cache-Control")).toBe("private, no-store");
    }
    expect(await runs()).toBe(before + 1);
    expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
  });

  test("fifty copies at once: one run, one debit; those that wait get the answer too", async () => {
    const { buyer, send } = await bought(path);
    const before = await runs();
    const verdicts = (await Promise.all(Array.from({ length: 50 }, send))).map(verdict);
    expect(verdicts.every((each) => each === "200" || each === "409 payment_in_progress")).toBe(true);
    expect(verdict(await send())).toBe("200");
    expect(await runs()).toBe(before + 1);
    expect((await buyer.balances()).owner.balance).toBe(990_000n);
  });

  test("same id, another payment: 409, and that payment is not spent", async () => {
    const { buyer, send } = await bought(path);
    await send();
    const other = named(await buyer.approved(at(path)), ID);
    expect(verdict(await buyer.send(at(path), other))).toBe("409 payment_identifier_conflict");
    expect((await buyer.balances()).owner.balance).toBe(990_000n);
  });
});

test("a client that lost its answer fetches it, even after hanging up in the middle", async () => {
  const { buyer, payment, send } = await bought("/slow");
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  await buyer.send(at("/slow"), payment, abort.signal).catch(() => undefined);
  await expect.poll(async () => verdict(await send()), { timeout: 5000 }).toBe("200");
  expect((await buyer.balances()).owner.balance).toBe(990_000n);
});

test("an id belongs to a route and a payer: others may use the same", async () => {
  const { buyer, send } = await bought("/slow");
  expect(verdict(await send())).toBe("200");
  expect(verdict(await buyer.send(at("/archive"), named(await buyer.approved(at("/archive")), ID)))).toBe("200");
  expect(verdict(await (await bought("/slow")).send())).toBe("200");
});

test("a run that fails frees the id", async () => {
  const { send } = await bought("/second-time");
  expect((await send()).status).toBe(503);
  expect(verdict(await send())).toBe("200");
  expect(verdict(await send())).toBe("200");
});

test.each(["/throws", "/breaks-off"])("so does one that fails without an answer, %s, and it costs nothing", async (path) => {
  const { buyer, send } = await bought(path);
  expect((await send()).status).toBe(500);
  expect(verdict(await send())).toBe("200");
  expect((await buyer.balances()).owner).toEqual({ balance: 990_000n, held: 0n });
});

test("a forged payment takes no id from anybody", async () => {
  const { buyer, payment, send } = await bought("/slow");
  const forged = { ...payment, payload: { ...payment.payload, signature: "ab".repeat(64) } };
  expect(verdict(await buyer.send(at("/slow"), forged))).toBe("402 invalid_signature");
  expect(verdict(await send())).toBe("200");
});

describe("bad ids", () => {
  test.each([
    ["of 15 characters", "a".repeat(15)],
    ["of 129 characters", "a".repeat(129)],
    ["with other characters", "pay_0123456789abcde!"],
  ])("%s are 400", async (_what, id) => {
    const { buyer, send } = await bought("/slow", id);
    expect(verdict(await send())).toBe("400 invalid_payload");
    expect((await buyer.balances()).owner.balance).toBe(1_000_000n);
  });
  test.each([
    ["of 16", "a".repeat(16)],
    ["of 128", "A-_".repeat(42) + "aa"],
  ])("%s are fine", async (_what, id) => {
    expect(verdict(await (await bought("/slow", id)).send())).toBe("200");
  });
  test("required and missing is 400", async () => {
    const buyer = await world.buyer();
    const payment = await buyer.approved(at("/required"));
    expect(verdict(await buyer.send(at("/required"), payment))).toBe("400 payment_identifier_required");
    expect(verdict(await buyer.send(at("/required"), named(payment, ID, true)))).toBe("200");
  });
  test("an echo that changes what was advertised is refused", async () => {
    const buyer = await world.buyer();
    const payment = await buyer.approved(at("/required"));
    expect(verdict(await buyer.send(at("/required"), named(payment, ID, false)))).toBe("402 extension_echo_mismatch");
  });
});

describe("what cannot be kept", () => {
  test.each([
    ["an answer of one byte more than the limit", "/large"],
    ["a stream", "/stream"],
  ])("%s is delivered once; later the receipt alone", async (_what, path) => {
    const { buyer, send } = await bought(path);
    const first = await send();
    expect(verdict(first)).toBe("200");
    const text = await first.text();
    expect(text.length).toBe(path === "/large" ? MAX_STORED_ANSWER_BYTES + 1 : "one two three".length);
    const again = await send();
    expect(verdict(again)).toBe("409 answer_not_stored");
    expect(receiptOf(again)).toEqual(receiptOf(first));
    expect((await buyer.balances()).owner.balance).toBe(990_000n);
  });
  test("an answer of exactly the limit is kept", async () => {
    const { send } = await bought("/largest-kept");
    await send();
    expect((await (await send()).text()).length).toBe(MAX_STORED_ANSWER_BYTES);
  });
});

describe("when the settlement's answer is lost", () => {
  const merchant = useForeignMerchant(() => world.stack.facilitator);

  test.each(["reset", "loses-answer"] as const)("%s: it is finished by the capture alone, the handler does not run again", async (mode) => {
    const buyer = await merchant.buyer(world.stack);
    const slow = { url: `${merchant.url}/slow` };
    const payment = named(await buyer.approved(slow), ID);
    const before = await merchant.runs();
    merchant.facilitator.misbehave(mode, "/settle");
    expect(verdict(await buyer.send(slow, payment))).toBe("402 settlement_pending");
    merchant.facilitator.misbehave("honest");
    await expect.poll(async () => verdict(await buyer.send(slow, payment)), { timeout: 5000 }).toBe("200");
    expect((await merchant.runs()).total).toBe(before.total + 1);
    expect((await buyer.balances()).owner.balance).toBe(990_000n);
  });
});

test("headers that say nothing of an id are served as before: the replay is refused", async () => {
  const buyer = await world.buyer();
  const payment = await buyer.approved(at("/slow"));
  expect(verdict(await buyer.send(at("/slow"), payment))).toBe("200");
  const replay = await fetch(at("/slow").url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } });
  expect(verdict(replay)).toBe("402 nonce_replayed");
});
