/** The examples are read as strangers would read them: from the files, through the schemas. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type * as z from "zod/mini";
import { NATIVE_POINTS } from "../agent-cli/evidence/native-receipt.ts";
import { examples } from "../scripts/examples.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { knownKeysSchema } from "../shared/evidence/keys.ts";
import { signedOfferOf, signedReceiptOf } from "../shared/evidence/parts.ts";
import { CALL_CHECKS, EVIDENCE_CHECKS, verifyEvidence } from "../shared/evidence/verify.ts";
import { verifyExact } from "../shared/exact/verify.ts";
import { MAX_FILE_BYTES, MAX_HEADER_BYTES } from "../shared/limits.ts";
import { approvalNonce } from "../shared/protocol/authorization.ts";
import { decisionRecordSchema } from "../shared/protocol/decision-record.ts";
import { isGenuineDecision } from "../shared/protocol/decision.ts";
import { exactPayloadSchema } from "../shared/protocol/exact-payload.ts";
import { checkPaymentRequest, paymentRequestSchema, requestDigest } from "../shared/protocol/payment-request.ts";
import { parseJson } from "../shared/text/json.ts";
import { parseTimestamp } from "../shared/time.ts";
import { encodeHeader } from "../shared/x402/headers.ts";
import { paymentPayloadSchema, paymentRequiredSchema, settleResponseSchema } from "../shared/x402/x402.ts";

function read<Schema extends z.core.$ZodType>(file: string, schema: Schema): z.output<Schema> {
  const parsed = parseJson(readFileSync(new URL(`../examples/${file}.json`, import.meta.url)), MAX_FILE_BYTES, schema);
  if (!parsed.ok) throw new Error(`${file}: ${parsed.problem}`);
  return parsed.value;
}

const required = read("payment-required", paymentRequiredSchema);
const request = read("payment-request", paymentRequestSchema);
const payload = read("payment-payload", paymentPayloadSchema);
const exact = exactPayloadSchema.parse(payload.payload);
const declined = read("decision-declined", decisionRecordSchema);
const response = read("payment-response", settleResponseSchema);

const [offer] = required.accepts;
const approvedAt = Number(exact.authorization.validAfter);
const context = { now: approvedAt + 5, ledger: offer?.extra?.["ledger"] as Digest };

describe("the story of the examples", () => {
  test("the merchant asks 10000 for the premium page", () => {
    expect(required).toMatchObject({ error: "payment_required", resource: { url: "https://merchant.example.com/premium" } });
    expect(required.accepts).toMatchObject([{ amount: "10000", payTo: DEMO_MERCHANT_ACCOUNT }]);
  });

  test("the agent asks its owner for exactly that, and the whole request is bound", async () => {
    expect(await checkPaymentRequest(request, approvedAt)).toMatchObject({ ok: true, offer, scope: "query+body" });
    expect(parseTimestamp(request.createdAt)).toBeLessThan(approvedAt);
  });

  test("the owner's payment is the approval of that request", () => {
    const digest = requestDigest(request);
    expect(exact.authorization).toMatchObject({ requestDigest: digest, nonce: approvalNonce(exact.authorization.from, digest) });
    expect(payload.accepted).toEqual(offer);
  });

  test("the payment verifies at its time, and no more a quarter of an hour later", async () => {
    expect(await verifyExact(payload, offer, context)).toMatchObject({ ok: true, transaction: response.transaction });
    expect(await verifyExact(payload, offer, { ...context, now: approvedAt + 901 })).toMatchObject({ code: "payment_expired" });
  });

  test("the receipt names the payer and the amount", () => {
    expect(response).toMatchObject({ success: true, payer: exact.authorization.from, amount: "10000", network: payload.accepted.network });
  });

  test("the evidence is verified with the keys beside it, and fits the other examples", async () => {
    const bytes = readFileSync(new URL("../examples/evidence.json", import.meta.url));
    const report = await verifyEvidence(bytes, read("evidence-keys", knownKeysSchema));
    expect(report.points.filter(({ verdict }) => verdict !== "pass")).toEqual([]);
    expect(report).toMatchObject({ verdict: "verified", evidence: { request, payment: payload.payload } });
    const offer = await signedOfferOf(required, payload.accepted, new URL(request.http.url), []);
    expect(report.evidence).toMatchObject({ offer, receipt: signedReceiptOf(response) });
  });

  test.each(["mandate", "refund", "session"])("the evidence of a payment with a %s is verified with the same keys", async (name) => {
    const bytes = readFileSync(new URL(`../examples/evidence-${name}.json`, import.meta.url));
    const report = await verifyEvidence(bytes, read("evidence-keys", knownKeysSchema));
    expect(report.points.filter(({ verdict }) => verdict !== "pass")).toEqual([]);
    expect(report.verdict).toBe("verified");
  });

  test("the declined request is another one, and the owner signed the refusal", async () => {
    expect(declined.decision).toMatchObject({ decision: "declined", code: "duplicate" });
    expect(declined.decision.requestDigest).not.toBe(requestDigest(request));
    expect(declined).toMatchObject({ signed: true, publicKey: exact.publicKey });
    expect(await isGenuineDecision(declined)).toBe(true);
  });

  test("everything that travels in a header fits one", () => {
    for (const value of [required, payload, response]) expect(encodeHeader(value).length).toBeLessThan(MAX_HEADER_BYTES);
  });
});

/** The points that a page lists, in their order. */
function pointsOn(page: string): string[] {
  return [...page.matchAll(/^- ((?:`[a-z]+\.[a-z-]+`(?:, )?)+): /gm)]
    .flatMap(([, ids = ""]) => ids.replaceAll("`", "").split(", "))
    .filter((id) => !/\.(entries|checkpoint)$/.test(id));
}

test("spec/evidence.md has an entry for every point of evidence, in their order", () => {
  const page = readFileSync(new URL("../spec/evidence.md", import.meta.url), "utf8");
  const [ofFiles = "", ofTheChain = ""] = page.split("## A payment on the chain itself");
  // A point of a call that is one of a payment, too, has the payment's entry.
  const ofPayments = EVIDENCE_CHECKS.map(({ id }) => id);
  const ofCalls = CALL_CHECKS.map(({ id }) => id).filter((id) => !ofPayments.includes(id));
  expect(pointsOn(ofFiles)).toEqual(["file.read", "file.spelling", ...ofPayments, ...ofCalls]);
  expect(pointsOn(ofTheChain)).toEqual(NATIVE_POINTS);
});

test("what is committed is what the code makes", async () => {
  for (const [file, content] of Object.entries(await examples())) {
    expect(readFileSync(new URL(`../${file}`, import.meta.url), "utf8"), file).toBe(content);
  }
});
