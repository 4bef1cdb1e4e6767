/** What a merchant makes of a facilitator's answers about a refund, over HTTP: certain, or asked for again. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { verifyRefund } from "../../shared/exact/refund.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { refundTransaction, type SignedRefund } from "../../shared/protocol/refund.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { refunderOf } from "../../workers/merchant/paywall/refunder/refunder.ts";
import type { RefundTerms } from "../../workers/merchant/paywall/types.ts";
import { newMandate, newPayer, randomId } from "../signed.ts";

const calls: { path: string; authorization: string | undefined; body: string }[] = [];
let answer: { status: number; body: unknown };
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  calls.push({ path: request.url ?? "", authorization: request.headers.authorization, body: Buffer.concat(chunks).toString() });
  response.writeHead(answer.status, { "content-type": "application/json" });
  response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
});
const ledger = randomId();
let env: Record<string, string>;
let terms: RefundTerms;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const secret = generateSecretKey();
  const [seller, buyer, shop] = [await newPayer(), await newPayer(), await keySigner(secret)];
  const mandate = await newMandate(seller, shop, ledger, { payees: ["*"], origins: ["*"], schemes: ["refund"] });
  env = {
    FACILITATOR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    FACILITATOR_KEY: "key",
    RECEIPT_KEY: bytesToHex(secret),
    REFUND_MANDATE: JSON.stringify(mandate),
  };
  const common = { key: randomId(), transaction: randomId(), nonce: randomId(), amount: "10000", validAfter: unixNow() };
  const places = { asset: ASSET, network: NETWORK, ledger, route: "GET /goods", request: "GET /goods", traceId: "" };
  terms = { ...common, ...places, payer: buyer.account, payee: seller.account };
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const refunder = (changes: Record<string, string> = {}) => refunderOf({ ...env, ...changes });
const sign = async (status: number, body: unknown, changes: Record<string, string> = {}) => {
  answer = { status, body };
  return refunder(changes).sign(terms);
};
const credit = (changes: object = {}) => ({
  transaction: terms.transaction,
  credit: { entry: 7, payer: terms.payer, value: "10000", refunded: "0", at: unixNow(), ...changes },
});

describe("signing", () => {
  test("asks for the credit with the merchant's key, and signs what is left under the mandate", async () => {
    const signing = await sign(200, credit({ refunded: "4000" }));
    expect(calls.at(-1)).toMatchObject({ authorization: "Bearer key" });
    expect(calls.at(-1)?.path).toBe(`/accounts/${terms.payee}/credits/${terms.transaction}?from=${terms.validAfter - 30}`);
    const { signed } = signing as { signed: SignedRefund };
    expect(signed.refund).toMatchObject({ entry: "7", amount: "6000", to: terms.payer, reason: "service_not_delivered" });
    expect(await verifyRefund(signed, ledger)).toMatchObject({ ok: true, refund: { payee: terms.payee, amount: "6000" } });
  });

  test("gives back no more than the buyer signed, whatever the facilitator says it paid", async () => {
    expect(await sign(200, credit({ value: "90000" }))).toMatchObject({ signed: { refund: { amount: "10000" } } });
  });

  test.each<[what: string, status: number, body: unknown, kind: string, code?: string]>([
    ["no credit", 200, {}, "no_credit"],
    ["a credit that went back", 200, { refunded: "10000" }, "made"],
    ["another payer's credit", 200, { payer: "11111111111111111111111111111112" }, "owed", "refund_unknown"],
    ["a credit of before, without its payer", 200, { payer: undefined }, "owed", "refund_unknown"],
    ["a closed book", 401, { error: "unauthorized" }, "owed", "no_access"],
    ["no such path", 404, "nothing here", "owed", "no_facilitator"],
    ["our own 404", 404, { error: "not_found" }, "owed", "no_facilitator"],
    ["a busy ledger", 503, { error: "facilitator_unavailable" }, "later"],
    ["a crash", 500, "oops", "later"],
    ["a page", 200, "<html>", "later"],
    ["a credit of nonsense", 200, { entry: "seven" }, "later"],
  ])("%s", async (_what, status, body, kind, code) => {
    const isCredit = status === 200 && typeof body === "object";
    const sent = !isCredit ? body : kind === "no_credit" ? { transaction: terms.transaction } : credit(body as object);
    expect(await sign(status, sent)).toMatchObject({ kind, ...(code && { code }) });
  });

  test.each<[code: string, changes: Record<string, string>]>([
    ["no_mandate", { REFUND_MANDATE: "" }],
    ["mandate_unusable", { REFUND_MANDATE: "{}" }],
    ["no_receipt_key", { RECEIPT_KEY: "" }],
    ["no_receipt_key", { RECEIPT_KEY: "short" }],
    ["mandate_of_another_key", { RECEIPT_KEY: "2a".repeat(32) }],
    ["no_facilitator", { FACILITATOR_URL: "" }],
  ])("owes with %s", async (code, changes) => {
    expect(await sign(200, credit(), changes)).toMatchObject({ kind: "owed", code });
  });
});

describe("sending", () => {
  let signed: SignedRefund;
  beforeAll(async () => {
    ({ signed } = (await sign(200, credit())) as { signed: SignedRefund });
  });
  const send = async (status: number, body: unknown) => {
    answer = { status, body };
    return refunder().send(signed, "");
  };
  const made = (changes: object = {}) => ({
    success: true,
    transaction: refundTransaction(signed.refund),
    refundOf: terms.transaction,
    to: terms.payer,
    amount: "10000",
    ...changes,
  });

  test("posts the refund as it was signed, and believes a receipt of it", async () => {
    expect(await send(200, made())).toEqual({ kind: "made" });
    expect(calls.at(-1)).toMatchObject({ path: "/refunds", body: JSON.stringify(signed) });
  });

  test.each<[what: string, changes: object]>([
    ["refund", { transaction: randomId() }],
    ["sale", { refundOf: randomId() }],
    ["buyer", { to: "11111111111111111111111111111112" }],
    ["sum", { amount: "9999" }],
  ])("asks again after a receipt of another %s", async (_what, changes) => {
    expect(await send(200, made(changes))).toMatchObject({ kind: "later" });
  });

  test.each([
    [402, "insufficient_funds"],
    [402, "mandate_expired"],
    [402, "mandate_revoked"],
    [402, "mandate_exceeded"],
    [402, "mandate_mismatch"],
    [402, "invalid_signature"],
    [404, "refund_unknown"],
    [409, "refund_exceeded"],
    [410, "refund_expired"],
  ])("is over with %d %s", async (status, code) => {
    expect(await send(status, { error: code })).toMatchObject({ kind: "owed", code });
  });

  test.each<[status: number, body: unknown]>([
    [503, { error: "facilitator_unavailable" }],
    [503, { error: "overloaded" }],
    [429, { error: "rate_limited" }],
    // It may be another ledger's facilitator now, and the refund was made before.
    [402, { error: "ledger_mismatch" }],
    [404, { error: "not_found" }],
    [404, "nothing here"],
    [401, { error: "unauthorized" }],
    [402, { error: "a_word_of_its_own" }],
    [500, { error: "insufficient_funds" }],
    [500, "oops"],
    [200, "{}"],
  ])("is asked for again after %d %j", async (status, body) => {
    expect(await send(status, body)).toMatchObject({ kind: "later" });
  });
});
