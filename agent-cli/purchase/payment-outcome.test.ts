/** The table of spec/cli.md, "What became of the payment", row by row. */

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { NETWORK } from "../../shared/lez.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import { fail } from "../runtime/outcome.ts";
import { classifyResponse, classifySilence } from "./classify-response.ts";
import { conclusionOf, failureOf, neverPaid, type PaymentOutcome, type Presented, type Rest, type Sender } from "./payment-outcome.ts";

const URL_SOLD = "https://shop.example/premium";
const authorization = { network: NETWORK, from: "payer", to: "payee", value: "10000", asset: "native" } as unknown as Authorization;
const transaction = transactionOf(NETWORK, authorizationDigest(authorization));
const receipt = { transaction, network: NETWORK, payer: "payer", amount: "10000" };
const sender: Sender = { argv: ["pay", "x"], url: URL_SOLD, paymentKey: "11".repeat(32) as Sender["paymentKey"], identified: false };

function answered(status: number, headers: Record<string, string> = {}, complete = true): Presented {
  return classifyResponse({ status, headers, body: utf8(""), complete }, authorization);
}
const withReceipt = (changes: object = {}) => ({ "payment-response": encodeHeader({ success: true, ...receipt, ...changes }) });
const replay = { ...withReceipt({ success: false, errorReason: "nonce_replayed", transaction: "", extra: { transaction } }) };
const withCode = (code: string) => ({ "x-payment-error": code });
const broken = (rest: Rest): Presented => ({ kind: "answer_incomplete", receipt, problem: "it broke off", rest });

/** The row, an outcome of it, the facts that it carries, and whether the payment has an identifier. */
const EXAMPLES: [row: string, outcome: PaymentOutcome, facts: object, identified?: boolean][] = [
  ["paid", answered(200, withReceipt()), { kind: "paid", receipt }],
  ["paid_no_answer: HTTP error", answered(500, withReceipt()), { kind: "paid_no_answer", receipt, status: 500 }],
  ["paid_no_answer: redirect", answered(307, withReceipt()), { kind: "paid_no_answer", receipt, status: 307 }],
  ["answer_incomplete: gone", answered(200, withReceipt(), false), { kind: "answer_incomplete", receipt, rest: "gone" }],
  ["answer_incomplete: larger than the limit", broken("too_large"), {}],
  ["answer_incomplete: resumable", broken("resume"), {}],
  ["answer_incomplete: with an identifier", broken("again"), {}],
  ["paid_not_kept", answered(409, { ...withReceipt(), ...withCode("answer_not_stored") }), { kind: "paid_not_kept", receipt }],
  ["paid_before", answered(402, replay), { kind: "paid_before", transaction }],
  ["under_way", { kind: "under_way", shortCode: "7F3K-9QPD" }, {}],
  ["paid_answer_later", { kind: "paid_answer_later", transaction, said: "busy" }, { transaction }],
  ["paid_answer_gone", { kind: "paid_answer_gone", what: "This purchase", transaction }, { transaction }],
  ["receipt_differs", answered(200, withReceipt({ payer: "other" })), { kind: "receipt_differs", fields: ["payer"] }],
  ["receipt_missing", answered(200), { kind: "receipt_missing", found: "no receipt" }],
  ["payment_required", answered(402), { kind: "payment_required" }],
  ["nonce_used", answered(402, withCode("nonce_replayed")), { kind: "nonce_used", usedBy: undefined }],
  ["given_back", answered(410, withCode("payment_refunded")), { kind: "given_back", status: 410 }],
  ["identifier_conflict", answered(409, withCode("payment_identifier_conflict")), { kind: "identifier_conflict" }],
  ["unknown", answered(502), { kind: "unknown", retryAfter: undefined }],
  ["unknown", answered(402, { ...withCode("settlement_pending"), "retry-after": "7" }), { kind: "unknown", retryAfter: 7 }],
  ["unknown", classifySilence({ reached: true, problem: "closed" }, URL_SOLD, false), { kind: "unknown" }],
  ["busy", answered(503, { ...withCode("overloaded"), "retry-after": "7" }), { kind: "busy", code: "overloaded", retryAfter: 7 }],
  ["resource_failed: HTTP error", answered(404), { kind: "resource_failed", code: undefined, status: 404 }],
  ["resource_failed: a code of the protocol", answered(504, withCode("handler_timeout")), { code: "handler_timeout" }],
  ["redirected", answered(302, { location: "https://other.example/" }), { kind: "redirected", location: "https://other.example/" }],
  ["refused: curable by time", answered(402, withCode("insufficient_funds")), { kind: "refused", code: "insufficient_funds" }],
  ["refused: curable by a new payment", answered(402, withCode("offer_mismatch")), { kind: "refused", code: "offer_mismatch" }],
  ["refused: curable by a new payment", answered(400, withCode("payment_identifier_required")), { kind: "refused" }],
  ["refused: final, or a foreign code", answered(402, withCode("amount_mismatch")), { kind: "refused", code: "amount_mismatch" }],
  ["refused: final, or a foreign code", answered(402, withCode("wrong_moon")), { kind: "refused", code: "wrong_moon" }],
  ["not_sent", classifySilence({ reached: false, problem: "gone" }, URL_SOLD, false), { kind: "not_sent", host: "shop.example" }],
  ["interrupted", classifySilence({ reached: true, problem: "" }, URL_SOLD, true), { kind: "interrupted", reached: true }],
  // An interruption before the connection stood does not prove that nothing left.
  ["interrupted", classifySilence({ reached: false, problem: "" }, URL_SOLD, true), { kind: "interrupted", reached: false }],
];

const spec = readFileSync(path.join(import.meta.dirname, "../../spec/cli.md"), "utf8");
const [, section = ""] = /\n## What became of the payment\n([^]*?)\n## /.exec(spec) ?? [];
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .slice(2)
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** The cells of an outcome's row, from the code. */
function cellsOf(outcome: PaymentOutcome, identified: boolean): string[] {
  if (outcome.kind === "paid") return [conclusionOf(outcome).state, "0", "–", "–"];
  if (outcome.kind === "never_paid") return [];
  const { exit, error, next } = failureOf(outcome, { ...sender, identified });
  const journal =
    outcome.kind === "under_way" || outcome.kind === "paid_answer_later" || outcome.kind === "paid_answer_gone"
      ? "–"
      : conclusionOf(outcome).state;
  const said = "code" in outcome && outcome.code === error.code ? "the merchant's" : error.code;
  const [, word] = next?.argv ?? [];
  return [journal, String(exit), said, word === "pay" ? "repeat" : (word ?? "–")];
}

describe("an outcome", () => {
  test.each(EXAMPLES)("%s: journal, exit code, error code and next [payment-outcome-table]", (row, outcome, facts, identified = false) => {
    expect(outcome).toMatchObject(facts);
    expect(cellsOf(outcome, identified)).toEqual(rows.find(([name]) => name === row)?.slice(1));
  });

  test("of every row of the table has an example, and every kind a row", () => {
    expect(new Set(rows.map(([name]) => name))).toEqual(new Set(EXAMPLES.map(([row]) => row)));
  });

  test("travels with its failure, outside the envelope", () => {
    const outcome = answered(402, withCode("insufficient_funds"));
    if (outcome.kind === "paid") throw new Error("paid");
    const failure = failureOf(outcome, sender);
    expect(failure.payment).toBe(outcome);
    expect(JSON.stringify(failure.error)).not.toContain("kind");
  });

  test("that is never paid says so in the envelope, too", () => {
    const failure = neverPaid(fail("request_expired", "It expired.", { details: { shortCode: "x" } }));
    expect(failure).toMatchObject({ payment: { kind: "never_paid" }, error: { details: { shortCode: "x", over: true } } });
  });

  test("repeats after as long as the merchant asked for, else after the usual pause", () => {
    const next = (headers: Record<string, string>) => {
      const outcome = answered(503, { ...withCode("overloaded"), ...headers });
      return outcome.kind === "paid" ? undefined : failureOf(outcome, sender).next;
    };
    expect(next({ "retry-after": "30" })).toMatchObject({ argv: ["lez-agent-pay", "pay", "x"], by: "agent", afterSeconds: 30 });
    for (const odd of [{}, { "retry-after": "soon" }, { "retry-after": "99999" }])
      expect(next(odd)?.afterSeconds).toBe(RETRY_AFTER_SECONDS);
  });
});
