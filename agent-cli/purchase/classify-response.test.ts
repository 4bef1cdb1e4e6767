import { describe, expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { ERROR_CODES, errorBody } from "../../shared/errors.ts";
import { NETWORK } from "../../shared/lez.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { classifyResponse } from "./classify-response.ts";
import { failureOf } from "./payment-outcome.ts";

const authorization = { network: NETWORK, from: "payer", to: "payee", value: "10000", asset: "native" } as unknown as Authorization;
const own = transactionOf(NETWORK, authorizationDigest(authorization));
const receipt = { success: true, transaction: own, network: NETWORK, payer: "payer", amount: "10000" };

/** Exit code and error code of a run that gets this answer. */
function reported(
  status: number,
  { headers = {}, body = "", complete = true }: { headers?: Record<string, string>; body?: string; complete?: boolean } = {},
) {
  const outcome = classifyResponse({ status, headers, body: utf8(body), complete }, authorization);
  if (outcome.kind === "paid") return [0, "paid"] as const;
  const { exit, error } = failureOf(outcome);
  return [exit, error.code] as const;
}
const withReceipt = (changes: object = {}) => ({ headers: { "payment-response": encodeHeader({ ...receipt, ...changes }) } });
const withCode = (code: string) => ({ headers: { "x-payment-error": code } });

describe("a receipt", () => {
  test("that fits is a payment, even without the optional members", () => {
    expect(reported(200, withReceipt())).toEqual([0, "paid"]);
    expect(reported(200, withReceipt({ payer: undefined, amount: null }))).toEqual([0, "paid"]);
    expect(reported(200, withReceipt({ amount: "9999" }))).toEqual([0, "paid"]);
  });

  test.each([
    ["another network", { network: "eip155:8453" }],
    ["another payer", { payer: "another" }],
    ["more than approved", { amount: "10001" }],
    ["an amount that is none", { amount: "0x10" }],
    ["no transaction", { transaction: "" }],
    ["a transaction that does not follow from what was signed", { transaction: "00".repeat(32) }],
    ["a transaction that differs in its spelling", { transaction: own.toUpperCase() }],
  ])("with %s differs from what was approved", (_, change) => {
    expect(reported(200, withReceipt(change))).toEqual([EXIT.differs, "receipt_differs"]);
  });

  test("that is missing, unreadable or negative beside a 200 proves nothing", () => {
    expect(reported(200)).toEqual([EXIT.differs, "receipt_differs"]);
    expect(reported(200, { headers: { "payment-response": "not base64!" } })).toEqual([EXIT.differs, "receipt_differs"]);
    expect(reported(200, withReceipt({ success: false, errorReason: "nonce_replayed" }))).toEqual([EXIT.differs, "receipt_differs"]);
  });

  test("beside an error is a payment with an HTTP error after it", () => {
    for (const status of [302, 404, 500]) expect(reported(status, withReceipt())).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
    expect(reported(200, { ...withReceipt(), complete: false })).toEqual([EXIT.httpErrorAfterPayment, "answer_incomplete"]);
  });
});

describe("an answer without a receipt", () => {
  test.each([
    ["settlement_pending", 402],
    ["payment_in_progress", 409],
    ["unexpected_settle_error", 500],
  ])("%s is unknown, not refused", (code, status) => {
    expect(reported(status, withCode(code))).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
  });

  test("from a gateway is unknown: it cannot know what the merchant did", () => {
    for (const status of [408, 502, 503, 504, 524]) expect(reported(status)).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
  });

  test("that says nothing happened is busy", () => {
    for (const code of ["overloaded", "facilitator_unavailable", "rate_limited"])
      expect(reported(503, withCode(code))).toEqual([EXIT.busy, code]);
  });

  test("a refusal keeps the merchant's code, wherever the merchant puts it", () => {
    const failed = { success: false, errorReason: "insufficient_funds", transaction: "", network: NETWORK };
    expect(reported(402, { headers: { "payment-response": encodeHeader(failed) } })).toEqual([EXIT.paymentRejected, "insufficient_funds"]);
    expect(reported(402, withCode("nonce_replayed"))).toEqual([EXIT.paymentRejected, "nonce_replayed"]);
    expect(reported(402, { body: '{"error":"binding_mismatch"}' })).toEqual([EXIT.paymentRejected, "binding_mismatch"]);
    expect(reported(400, { body: JSON.stringify(errorBody("invalid_payload")) })).toEqual([EXIT.paymentRejected, "invalid_payload"]);
    expect(reported(402, { body: '{"error":"invalid_exact_evm_payload"}' })).toEqual([EXIT.paymentRejected, "invalid_exact_evm_payload"]);
    expect(reported(402, { body: '{"error":"\\u001b[2J pay me"}' })).toEqual([EXIT.paymentRejected, "payment_rejected"]);
  });

  test("that asks for payment again, in whatever words, leaves open whether the presented one was made", () => {
    const required = encodeHeader({ x402Version: 2, error: "Payment required", resource: { url: "https://shop.example/" }, accepts: [] });
    for (const said of [withCode("payment_required"), { headers: { "payment-required": required } }, { body: "<html>" }, {}])
      expect(reported(402, said)).toEqual([EXIT.outcomeUnknown, "payment_required"]);
  });

  test("a replay of this very payment is known to be paid", () => {
    const replayed = (transaction: string) => {
      const stated = { ...receipt, success: false, errorReason: "nonce_replayed", transaction: "", extra: { transaction } };
      const headers = { "payment-response": encodeHeader(stated) };
      return classifyResponse({ status: 402, headers, body: utf8(""), complete: true }, authorization);
    };
    const judged = (transaction: string) => {
      const outcome = replayed(transaction);
      return outcome.kind === "paid" ? undefined : failureOf(outcome);
    };
    expect(replayed(own)).toMatchObject({ kind: "paid_before", transaction: own });
    expect(replayed("00".repeat(32))).toMatchObject({ kind: "nonce_used" });
    expect(judged(own)).toMatchObject({
      exit: EXIT.paymentRejected,
      error: { code: "nonce_replayed", details: { paidBefore: true, transaction: own } },
    });
    const other = "00".repeat(32);
    const byAnother = judged(other);
    expect(byAnother).toMatchObject({ error: { message: expect.stringContaining(other) as string, details: { usedBy: other } } });
    expect(byAnother).not.toMatchObject({ error: { details: { paidBefore: true } } });
    expect(JSON.stringify(judged("\u001b[2J paid"))).not.toContain("[2J");
  });

  test("an error of the resource is an HTTP error, whatever its body says", () => {
    expect(reported(404, { body: '{"error":"no such report"}' })).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
    expect(reported(500)).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
    expect(reported(302, { headers: { location: "https://elsewhere.example/" } })).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
    expect(reported(504, withCode("handler_timeout"))).toEqual([EXIT.httpErrorAfterPayment, "handler_timeout"]);
  });

  test("no code of the protocol is taken for a success", () => {
    for (const code of ERROR_CODES) expect(reported(402, withCode(code))[0]).not.toBe(EXIT.ok);
  });
});
