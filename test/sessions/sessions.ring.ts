/** `npm run sessions`: a shop that sells by session, over real Workers: four of the merchant's, the facilitator, and the ledger. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { UNREPORTED_MILLIS } from "../../shared/limits.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { decodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { sessionFacilitatorOf } from "../../workers/merchant/paywall/sessions/facilitator.ts";
import { SessionClient } from "./client.ts";
import { ORIGIN, type SessionStack, startSessionStack } from "./stack.ts";

let stack: SessionStack;
beforeAll(async () => {
  stack = await startSessionStack(4);
});
afterAll(async () => stack.stop());

/** A buyer with money, whose requests go where `route` says: the number of a Worker. */
async function buyer(path = "/item/1", route: (request: number) => number = () => 0) {
  const [owner, agent] = await Promise.all([keySigner(generateSecretKey()), keySigner(generateSecretKey())]);
  await stack.fund(owner.account);
  let requests = 0;
  const send = (path: string, init: RequestInit) => fetch(`${stack.merchants[route(requests++) % 4]}${path}`, init);
  return { owner, client: new SessionClient(send, path, { owner, agent }) };
}

/** The words of a stream, and what its last event says. */
async function heard(response: Response) {
  const text = await response.text();
  const [, receipt = "{}"] = /event: payment-receipt\ndata: (.*)\n\n$/.exec(text) ?? [];
  const { extra } = JSON.parse(receipt) as { extra?: { chargedAmount: string } };
  return { words: text.match(/data: word/g)?.length, charged: extra?.chargedAmount };
}

const sentWords = async () => ((await (await fetch(`${stack.merchants[0]}/words`)).json()) as { words: number }).words;

const earned = async () => (await stack.account(DEMO_MERCHANT_ACCOUNT)).balance;

describe("over real Workers", () => {
  test("a session is opened, serves 50 calls, and is closed: exactly what was served moves", async () => {
    const before = await earned();
    const { owner, client } = await buyer();
    const { balance } = await stack.account(owner.account);
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
    expect(await stack.account(owner.account)).toEqual({ balance, held: 1000n });
    for (let call = 0; call < 50; call++) expect(verdict(await client.pay())).toBe("200");
    const closed = await client.close();
    expect(await closed.json()).toMatchObject({ status: "closed", claimed: "510" });
    expect(await stack.account(owner.account)).toEqual({ balance: balance - 510n, held: 0n });
    expect((await earned()) - before).toBe(510n);
    expect(verdict(await client.pay())).toBe("402 session_closed");
  });

  test("one voucher, sent to all four Workers at once, runs the handler once", async () => {
    const { client } = await buyer();
    await client.open("1000", ORIGIN);
    await client.pay();
    const runs = await stack.runs();
    const voucher = await client.sign();
    const payload = { type: "voucher", from: client.session?.from, ...voucher };
    const copies = await Promise.all(
      Array.from({ length: 16 }, async (_, copy) => {
        const elsewhere = new SessionClient((path, init) => fetch(`${stack.merchants[copy % 4]}${path}`, init), "/item/1", {} as never);
        return verdict(await elsewhere.present(payload));
      }),
    );
    expect(copies.filter((each) => each === "200")).toHaveLength(1);
    expect((await stack.runs()) - runs).toBe(1);
  });

  test("64 calls of one client at once, over four Workers: each is served once, and no unit is claimed that was not served", async () => {
    const before = await earned();
    const { owner, client } = await buyer("/item/1", (request) => request);
    await client.open("10000", ORIGIN);
    const runs = await stack.runs();
    const verdicts = (await Promise.all(Array.from({ length: 64 }, () => client.pay()))).map(verdict);
    const served = verdicts.filter((each) => each === "200").length;
    expect((await stack.runs()) - runs).toBe(served);
    expect(served).toBeGreaterThan(32);
    expect(client.charged).toBe(BigInt(served + 1) * 10n);
    // Other Workers' lanes are not over yet, so the merchant closes a little later.
    await new Promise((resolve) => setTimeout(resolve, UNREPORTED_MILLIS + 500));
    await client.close();
    await vi.waitFor(async () => expect((await stack.account(owner.account)).held).toBe(0n), { timeout: 60_000, interval: 1000 });
    expect((await earned()) - before).toBe(client.charged);
  });

  test("a handler charges what it used, and the receipt says of what", async () => {
    const { client } = await buyer("/metered");
    const response = await client.open("1000", ORIGIN);
    expect(receiptOf(response)?.extra).toMatchObject({ chargedAmount: "7", usage: [{ unit: "word", quantity: "7", price: "1" }] });
    for (let call = 0; call < 10; call++) await client.pay();
    expect(await (await client.close()).json()).toMatchObject({ claimed: "77" });
  });

  test("a call that takes two seconds is reported while it runs, and claimed", async () => {
    const { client } = await buyer("/slow");
    await client.open("1000", ORIGIN);
    expect(verdict(await client.pay())).toBe("200");
    await new Promise((resolve) => setTimeout(resolve, UNREPORTED_MILLIS + 200));
    expect(await (await client.close()).json()).toMatchObject({ claimed: "20" });
  });

  test("the facilitator says the same of a session over HTTP, and opens it once", async () => {
    const sent: RequestInit[] = [];
    const [owner, agent] = await Promise.all([keySigner(generateSecretKey()), keySigner(generateSecretKey())]);
    await stack.fund(owner.account);
    const send = (path: string, init: RequestInit) => (sent.push(init), fetch(`${stack.merchants[0]}${path}`, init));
    const client = new SessionClient(send, "/item/1", { owner, agent });
    expect(verdict(await client.open("1000", ORIGIN))).toBe("200");
    const header = new Headers(sent.at(-1)?.headers).get(PAYMENT_SIGNATURE) ?? "";
    const payment = decodeHeader(header, paymentPayloadSchema);
    if (!payment.ok) throw new Error(payment.problem);
    const http = sessionFacilitatorOf({ FACILITATOR_URL: stack.facilitator });
    const deposit = { paymentPayload: payment.value, paymentRequirements: payment.value.accepted };
    expect(await http?.open(deposit, "")).toMatchObject({ ok: true, session: { id: client.id, status: "open", deposit: "1000" } });
    expect(await http?.session({ payer: owner.account, id: client.id }, "")).toMatchObject({
      status: "open",
      config: expect.stringContaining(owner.account),
    });
    expect(await http?.session({ payer: owner.account, id: "5e".repeat(32) as Digest }, "")).toMatchObject({ status: "unknown" });
    const claim = { version: "1", ledger: client.session?.ledger, session: client.id, lanes: [], final: "yes" };
    const forged = { type: "claim", claim, signature: "00".repeat(64), channelConfig: client.session, vouchers: [] };
    expect(await http?.claim(forged as never, "")).toEqual({ ok: false, code: "invalid_signature" });
    expect((await stack.account(owner.account)).held).toBe(1000n);
  });

  test("a stream is charged while it flows, and its last event says what it came to", async () => {
    const { client } = await buyer("/words/20");
    expect(await heard(await client.open("100000", ORIGIN))).toMatchObject({ words: 20, charged: "40" });
    expect(await heard(await client.pay())).toMatchObject({ words: 20, charged: "40" });
    expect(await (await client.close()).json()).toMatchObject({ claimed: "80" });
  });

  test("a stream whose buyer hangs up stops its handler, and costs what flowed", async () => {
    const { owner, client } = await buyer("/words/500");
    for (const pay of [() => client.open("100000", ORIGIN), () => client.pay()]) {
      const before = await sentWords();
      const response = await pay();
      const reader = response.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const sent = (await sentWords()) - before;
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect((await sentWords()) - before).toBe(sent);
      expect(sent).toBeLessThan(100);
    }
    const gone = stack.logs.filter((line) => line["gone"] === true).map(({ amount }) => BigInt(String(amount)));
    expect(gone).toHaveLength(2);
    expect(await (await client.close()).json()).toMatchObject({
      status: "closed",
      claimed: String(gone.reduce((sum, each) => sum + each)),
    });
    await vi.waitFor(async () => expect((await stack.account(owner.account)).held).toBe(0n), { timeout: 60_000, interval: 1000 });
  });

  test("a stream whose Worker is killed costs what was reported: less than risk and what was under way", async () => {
    const before = await earned();
    const { owner, client } = await buyer("/words/500");
    await (await client.open("100000", ORIGIN)).text();
    const reader = (await client.pay()).body?.getReader();
    let words = 0;
    while (words < 100) {
      const { value, done } = (await reader?.read()) ?? { done: true };
      if (done) break;
      words += new TextDecoder().decode(value).match(/data: word/g)?.length ?? 0;
    }
    await stack.kill();
    await expect(reader?.read()).rejects.toThrow();
    expect(await (await client.close()).json()).toMatchObject({ session: client.id });
    await vi.waitFor(async () => expect((await stack.account(owner.account)).held).toBe(0n), { timeout: 90_000, interval: 1000 });
    const paid = (await earned()) - before - 1000n;
    expect(paid).toBeLessThanOrEqual(BigInt(words + 10) * 2n);
    expect(paid).toBeGreaterThan(BigInt(words) * 2n - 60n);
  });

  test("no secret and no signature is in the log", () => {
    const text = JSON.stringify(stack.logs);
    expect(text).toContain("payment.delivered");
    expect(text).not.toMatch(/[0-9a-f]{128}/);
  });
});
