/** What x402 v2 asks of a resource server, line by line, over real HTTP: a merchant Worker at a facilitator that can be watched. */

import { request as httpRequest } from "node:http";
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from "@x402/core/http";
import { beforeEach, describe, expect, test } from "vitest";
import { MAX_HEADER_BYTES } from "../../shared/limits.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { useForeignMerchant } from "../stack/merchant.ts";
import { receiptOf, useStack, verdict } from "../stack/stack.ts";

const world = useStack();
const merchant = useForeignMerchant(() => world.stack.facilitator);
const watched = () => merchant.facilitator;
beforeEach(() => void (watched().seen.length = 0));

const at = (path: string) => ({ url: `${merchant.url}${path}` });
const runs = async () => (await merchant.runs()).total;
const newBuyer = () => merchant.buyer(world.stack);
const challenge = async (path = "/slow") => decodePaymentRequiredHeader((await fetch(at(path).url)).headers.get(PAYMENT_REQUIRED) ?? "");
const accepting = (payment: PaymentPayload, accepted: Record<string, unknown>) => ({
  ...payment,
  accepted: { ...payment.accepted, ...accepted },
});

describe("the challenge", () => {
  test("is 402 with PAYMENT-REQUIRED in standard padded base64 under 8 KiB, the same JSON in the body, and no-store", async () => {
    const response = await fetch(at("/slow").url);
    const header = response.headers.get(PAYMENT_REQUIRED) ?? "";
    expect(response.status).toBe(402);
    expect(header).toMatch(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/);
    expect(header.length).toBeLessThan(MAX_HEADER_BYTES);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await response.json()).toMatchObject(decodePaymentRequiredHeader(header));
  });
  test("has x402Version 2, the public URL, and offers of exactly the six fields and extra", async () => {
    const { x402Version, resource, accepts } = await challenge();
    expect(x402Version).toBe(2);
    expect(resource.url).toBe(at("/slow").url);
    expect(accepts).toHaveLength(1);
    expect(Object.keys(accepts[0] ?? {}).toSorted()).toEqual([
      "amount",
      "asset",
      "extra",
      "maxTimeoutSeconds",
      "network",
      "payTo",
      "scheme",
    ]);
    expect(Number.isInteger(accepts[0]?.maxTimeoutSeconds)).toBe(true);
  });
  test("names the payment flow for upfront, and never a transfer method", async () => {
    expect((await challenge("/archive")).accepts[0]?.extra).toMatchObject({ paymentFlow: "upfront" });
    for (const path of ["/slow", "/archive"]) expect((await challenge(path)).accepts[0]?.extra).not.toHaveProperty("assetTransferMethod");
    expect((await challenge("/slow")).accepts[0]?.extra).not.toHaveProperty("paymentFlow");
  });
});

describe("accepted is matched exactly", () => {
  test("core fields deep-equal, no additional fields", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    const codes: [Record<string, unknown>, string][] = [
      [{ amount: 10_000 }, "400 invalid_payload"],
      [{ amount: "10000.0" }, "402 amount_mismatch"],
      [{ description: "free" }, "402 offer_mismatch"],
      [{ maxTimeoutSeconds: 901 }, "402 offer_mismatch"],
    ];
    for (const [change, expected] of codes) expect(verdict(await buyer.send(at("/slow"), accepting(payment, change)))).toBe(expected);
  });
  test("extra is a superset; absent, null and {} are the same where the offer has none", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    expect(verdict(await buyer.send(at("/slow"), accepting(payment, { extra: null })))).toBe("402 ledger_mismatch");
    expect(verdict(await buyer.send(at("/slow"), accepting(payment, { extra: { ...payment.accepted.extra, mine: 1 } })))).toBe("200");
  });
  test.each(["escrow", "upfront"])("a payment that says paymentFlow %s to an authorization offer is refused", async (paymentFlow) => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    const changed = accepting(payment, { extra: { ...payment.accepted.extra, paymentFlow } });
    expect(verdict(await buyer.send(at("/slow"), changed))).toBe("402 offer_mismatch");
  });
});

describe("extensions", () => {
  const echo = (info: unknown) => ({ "test-extension": { info } });
  test("what was advertised must be echoed; members may be added, not changed", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/extended"));
    const sent = (extensions: Record<string, unknown>) => buyer.send(at("/extended"), { ...payment, extensions });
    expect(verdict(await sent(echo({ tier: "silver", options: { a: 1 } })))).toBe("402 extension_echo_mismatch");
    expect(verdict(await sent(echo({ tier: "gold" })))).toBe("402 extension_echo_mismatch");
    expect(verdict(await sent(echo({ tier: "gold", options: { a: 1, b: 2 }, id: "mine" })))).toBe("200");
  });
  test("none sent, and unknown ones, are tolerated", async () => {
    const buyer = await newBuyer();
    expect(verdict(await buyer.send(at("/extended"), await buyer.approved(at("/extended"))))).toBe("200");
    const payment = await buyer.approved(at("/slow"));
    expect(verdict(await buyer.send(at("/slow"), { ...payment, extensions: { unheard: { info: {} } } }))).toBe("200");
  });
});

describe("the facilitator", () => {
  test("gets the payload as it was received and the merchant's own offer, the same for verify and settle", async () => {
    const buyer = await newBuyer();
    const payment = { ...(await buyer.approved(at("/slow"))), unknownMember: { kept: true } };
    expect(verdict(await buyer.send(at("/slow"), payment))).toBe("200");
    const [verify, settle] = watched().seen.filter(({ path }) => path !== "/supported");
    expect([verify?.path, settle?.path]).toEqual(["/verify", "/settle"]);
    expect(verify?.body).toBe(settle?.body);
    const { accepts } = await challenge();
    expect(JSON.parse(verify?.body ?? "")).toEqual({ x402Version: 2, paymentPayload: payment, paymentRequirements: accepts[0] });
  });
  test("is asked to verify before the handler runs and to settle after; upfront settles first and verifies never", async () => {
    const buyer = await newBuyer();
    const order = (path: string) =>
      buyer.approved(at(path)).then(async (payment) => {
        watched().seen.length = 0;
        await buyer.send(at(path), payment);
        return watched().seen.map((each) => each.path);
      });
    expect(await order("/slow")).toEqual(["/verify", "/settle"]);
    expect(await order("/archive")).toEqual(["/settle"]);
  });
  test.each([
    ["/redirect", 302],
    ["/not-modified", 304],
    ["/broken", 500],
  ])("does not settle what answers %s", async (path, status) => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at(path));
    watched().seen.length = 0;
    expect((await buyer.send(at(path), payment)).status).toBe(status);
    expect(watched().seen.map((each) => each.path)).toEqual(["/verify"]);
    expect((await buyer.balances()).owner.balance).toBe(1_000_000n);
  });
});

describe("the receipt", () => {
  test("relays success, transaction, network and payer, and has no errorReason on success", async () => {
    const buyer = await newBuyer();
    const paid = await buyer.send(at("/slow"), await buyer.approved(at("/slow")));
    const receipt = decodePaymentResponseHeader(paid.headers.get(PAYMENT_RESPONSE) ?? "");
    expect(receipt).toMatchObject({ success: true, network: "logos:lez-testnet", payer: buyer.people.owner.account });
    expect(receipt.transaction).toMatch(/^[0-9a-f]{64}$/);
    expect(receipt).not.toHaveProperty("errorReason");
    expect(paid.headers.get("Cache-Control")).toBe("private, no-store");
    expect(paid.headers.get("EXTENSION-RESPONSES")).toBeNull();
  });
  test("of a refused settlement says why, and the resource is withheld", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    watched().misbehave("valid-never-settles");
    const refused = await buyer.send(at("/slow"), payment);
    expect(verdict(refused)).toBe("402 insufficient_funds");
    expect(receiptOf(refused)).toMatchObject({ success: false, errorReason: "insufficient_funds" });
    expect(refused.headers.get(PAYMENT_REQUIRED)).toBeNull();
    expect(await refused.text()).not.toContain("goods");
  });
  test("of a pending settlement keeps transaction and network, with no new challenge", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    watched().misbehave("loses-answer", "/settle");
    const pending = await buyer.send(at("/slow"), payment);
    expect(verdict(pending)).toBe("402 settlement_pending");
    expect(receiptOf(pending)).toMatchObject({ errorReason: "settlement_pending", network: "logos:lez-testnet" });
    expect(receiptOf(pending)?.transaction).toMatch(/^[0-9a-f]{64}$/);
    expect(pending.headers.get(PAYMENT_REQUIRED)).toBeNull();
    watched().misbehave("honest");
    expect((await buyer.balances()).owner.balance).toBe(990_000n);
  });
});

test("the client's resource is not trusted: a payment that names a cheaper resource pays what this one costs", async () => {
  const buyer = await newBuyer();
  const payment = { ...(await buyer.approved(at("/slow"))), resource: { url: "https://elsewhere.example.com/free" } };
  expect(verdict(await buyer.send(at("/slow"), payment))).toBe("200");
  expect((await buyer.balances()).owner.balance).toBe(990_000n);
});

test("a paid answer streams: its first part arrives before its last is made", async () => {
  const buyer = await newBuyer();
  const response = await buyer.send(at("/stream"), await buyer.approved(at("/stream")));
  const reader = response.body?.getReader();
  const times: number[] = [];
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) times.push(Date.now());
  expect(response.headers.get(PAYMENT_RESPONSE)).not.toBeNull();
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(20);
});

describe("no spelling of a path reaches a paid handler unpaid", () => {
  /** Bytes as they are: fetch would tidy them up. */
  const raw = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(merchant.url);
      httpRequest({ hostname, port, method, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end();
    });
  test.each([
    "/slow/",
    "//slow",
    "/SLOW",
    "/%73low",
    "/slow%2f",
    "/%2fslow",
    "/./slow",
    "/x/../slow",
    "/slow;v=1",
    "/slow%00",
    "/slow%0a",
    "/slow%0d%0a",
    "/slow%E2%80%A8",
    "/slow?",
    "/slow#x",
    "/slow%20",
    "/runs/../slow",
    "/slow/..%2fruns",
    "/%2e/slow",
  ])("%s", async (path) => {
    const before = await runs();
    for (const method of ["GET", "HEAD", "POST", "OPTIONS", "PUT"]) expect([204, 400, 402, 404, 405]).toContain(await raw(method, path));
    expect(await raw("GET", path, { "X-HTTP-Method-Override": "HEAD" })).not.toBe(200);
    expect(await runs()).toBe(before);
  });
});

describe("methods", () => {
  test("HEAD shows the terms and never charges", async () => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    const head = await fetch(at("/slow").url, { method: "HEAD", headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } });
    expect(head.status).toBe(400);
    expect((await buyer.balances()).owner.balance).toBe(1_000_000n);
    expect((await fetch(at("/slow").url, { method: "HEAD" })).headers.get(PAYMENT_REQUIRED)).not.toBeNull();
  });
  test("a preflight as the official browser client sends it is free and allowed", async () => {
    const preflight = await fetch(at("/slow").url, {
      method: "OPTIONS",
      headers: {
        Origin: "https://app.example.com",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "access-control-expose-headers,payment-signature",
      },
    });
    expect(preflight.status).toBe(204);
    const allowed = preflight.headers.get("Access-Control-Allow-Headers")?.toLowerCase().split(",") ?? [];
    expect(allowed).toEqual(
      expect.arrayContaining(["payment-signature", "access-control-expose-headers", "sign-in-with-x", "content-type"]),
    );
    const answer = await fetch(at("/slow").url, { headers: { Origin: "https://app.example.com" } });
    expect(answer.headers.get("Access-Control-Expose-Headers")).toBe(
      "PAYMENT-REQUIRED,PAYMENT-RESPONSE,X-Payment-Error,X-Trace-Id,Retry-After",
    );
  });
  test("a browser gets a page, with the same header", async () => {
    const page = await fetch(at("/slow").url, { headers: { Accept: "text/html", "User-Agent": "Mozilla/5.0" } });
    expect(page.status).toBe(402);
    expect(page.headers.get("Content-Type")).toContain("text/html");
    expect(decodePaymentRequiredHeader(page.headers.get(PAYMENT_REQUIRED) ?? "").accepts).toHaveLength(1);
  });
});

describe("a client that disconnects", () => {
  test.each([0, 10, 30, 60, 90])("after %i ms leaves the payment spent once or not at all, and nothing held", async (millis) => {
    const buyer = await newBuyer();
    const payment = await buyer.approved(at("/slow"));
    const before = await runs();
    const abort = new AbortController();
    const sent = buyer.send(at("/slow"), payment, abort.signal).catch(() => undefined);
    setTimeout(() => abort.abort(), millis);
    await sent;
    // Sent again, it brings the goods or says that they were paid for; never a second debit.
    await expect.poll(async () => verdict(await buyer.send(at("/slow"), payment)), { timeout: 8000 }).toMatch(/^(200|402 nonce_replayed)$/);
    expect(await buyer.balances()).toMatchObject({ owner: { balance: 990_000n, held: 0n } });
    expect((await runs()) - before).toBe(1);
  });
});
