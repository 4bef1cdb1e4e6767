/** A payment with an identifier, against merchants that keep answers, that keep receipts, and that abuse the extension. */

import { rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OFFER_RECEIPT } from "../../shared/extensions/offer-receipt.ts";
import { PAYMENT_IDENTIFIER } from "../../shared/extensions/payment-identifier.ts";
import { decodeHeader } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_IDENTIFIER_INFO_BYTES, MAX_SIGNED_OFFERS_BYTES } from "../runtime/limits.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", {
  facilitatorUrl: facilitator.url,
  ownerFile: box.path("owner.json"),
  agentFile: box.path("agent.json"),
});

const later = (seconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
afterEach(() => void vi.useRealTimers());

let purchase = 0;
beforeEach(() => {
  merchant.reset();
  merchant.behaviour = { keeps: "offered" };
  facilitator.settlement = { status: "unused" };
  purchase++;
});
const url = () => `${merchant.url}?purchase=${purchase}`;
const buy = (...words: string[]) => box.run(["fetch", url(), "--reason", REASON, ...words]);
const text = (run: Awaited<ReturnType<typeof buy>>) => [run.exit, run.exit === EXIT.ok ? run.json.data["response"].body.text : run.stdout];

/** The code and the digest of a request that was made and approved. */
async function approved(...words: string[]) {
  const asked = await buy();
  const { shortCode: code, requestDigest } = asked.json.error.details as { shortCode: string; requestDigest: string };
  expect((await approveAsRead(box, code, ...words)).exit).toBe(EXIT.ok);
  return { code, requestDigest };
}
/** The extensions of every payment that arrived. */
const sent = () =>
  merchant.presented.map(({ headers }) => {
    const payment = decodeHeader(headers["payment-signature"] as string, paymentPayloadSchema);
    return payment.ok ? payment.value.extensions : undefined;
  });
const answering = (how: (response: ServerResponse) => unknown) => ({ instead: (_: unknown, response: ServerResponse) => !!how(response) });
/** Pays, and loses the answer. */
async function lost(...words: string[]) {
  const made = await approved(...words);
  merchant.behaviour = { ...merchant.behaviour, loseAnswer: true };
  expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
  merchant.behaviour = { keeps: "offered" };
  return made;
}

test.each([
  [0, true],
  [MAX_SIGNED_OFFERS_BYTES, false],
])("the merchant's signed offers go back to it unless they are oversized: %i bytes more [signed-offer-echoed]", async (more, isSent) => {
  const offers = { info: { offers: [{ format: "jws", acceptIndex: 0, signature: `a.b.c${"x".repeat(more)}` }] } };
  merchant.behaviour = { extensions: { [OFFER_RECEIPT]: offers } };
  await approved();
  await buy();
  expect(sent()).toEqual([isSent ? { [OFFER_RECEIPT]: offers } : undefined]);
});

describe("the identifier of a payment", () => {
  test("follows from the request, in the info that was advertised; the payment journal has exactly what left", async () => {
    const { requestDigest, code } = await approved();
    await buy();
    rmSync(box.path("home/answers"), { recursive: true });
    await box.run(["pay", code]);
    const extensions = { [PAYMENT_IDENTIFIER]: { info: { required: false, id: `pay_${requestDigest}` } } };
    expect(sent()).toEqual([extensions, extensions]);
    expect(box.read<{ payload: unknown }>(`home/payments/${requestDigest}.json`).payload).toMatchObject({ extensions });
    expect(merchant.settled.size).toBe(1);
  });

  test("satisfies a merchant that requires one", async () => {
    merchant.behaviour = { keeps: "required" };
    const { requestDigest } = await approved();
    expect((await buy()).exit).toBe(EXIT.ok);
    expect(sent()).toEqual([{ [PAYMENT_IDENTIFIER]: { info: { required: true, id: `pay_${requestDigest}` } } }]);
  });

  test("is sent only where the merchant's terms are stored; elsewhere the error says so", async () => {
    merchant.behaviour = { keeps: "required" };
    const { code, requestDigest } = await approved("--out", "./carried.json");
    box.write("request.json", box.read<{ request: unknown }>(`home/requests/${requestDigest}.json`).request);
    const elsewhere = { env: { LEZ_AGENT_PAY_HOME: box.path("elsewhere") } };
    const refused = await box.run("pay ./carried.json --request-file ./request.json", elsewhere);
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.paymentRejected, "payment_identifier_required"]);
    expect(refused.json.error.hint).toContain("machine that made the request");
    expect(text(await box.run(["pay", code]))).toEqual([EXIT.ok, CONTENT]);
  });

  test("and the signed offers are the only extensions that are echoed", async () => {
    merchant.behaviour = { extensions: { "sign-in-with-x": { info: {} } } };
    await approved();
    expect((await buy()).exit).toBe(EXIT.ok);
    expect(sent()).toEqual([undefined]);
  });

  test("is left out if the merchant advertises more than belongs into a header", async () => {
    merchant.behaviour = {
      extensions: { [PAYMENT_IDENTIFIER]: { info: { required: false, more: "x".repeat(MAX_IDENTIFIER_INFO_BYTES) } } },
    };
    await approved();
    expect((await buy()).exit).toBe(EXIT.ok);
    expect(sent()).toEqual([undefined]);
  });

  test.each([[null], [7]])("does no harm if the merchant advertises %j", async (advertised) => {
    merchant.behaviour = { extensions: { [PAYMENT_IDENTIFIER]: advertised } };
    await approved();
    expect((await buy()).exit).toBe(EXIT.ok);
  });

  test("is not added by http get: a replay stays refused", async () => {
    await approved("--out", "./payment.json");
    const get = () => box.run(["http", "get", "--url", url(), "--payload", "./payment.json"]);
    expect((await get()).exit).toBe(EXIT.ok);
    const again = await get();
    expect([again.exit, again.json.error.code]).toEqual([EXIT.paymentRejected, "nonce_replayed"]);
    expect(sent()).toEqual([undefined, undefined]);
  });
});

describe("an answer that was lost", () => {
  test("is fetched with the same payment", async () => {
    await lost();
    expect(text(await buy())).toEqual([EXIT.ok, CONTENT]);
    expect(new Set(merchant.presented.map(({ headers }) => headers["payment-signature"])).size).toBe(1);
    expect(merchant.settled.size).toBe(1);
  });

  test("is fetched by pay as well, by code and from the file", async () => {
    const { code } = await lost("--out", "./lost.json");
    expect(text(await box.run(["pay", code]))).toEqual([EXIT.ok, CONTENT]);
    expect(text(await box.run("pay ./lost.json"))).toEqual([EXIT.ok, CONTENT]);
    expect(merchant.settled.size).toBe(1);
  });

  test("is fetched when only the payment journal says that it was paid, even long after the payment expired [identifier-answer-fetched-later]", async () => {
    const { code } = await approved("--out", "./paid.json", "--expires-in", "60");
    await buy();
    rmSync(box.path("home/answers"), { recursive: true });
    later(3600);
    for (const run of [await buy(), await box.run(["pay", code]), await box.run("pay ./paid.json")])
      expect(text(run)).toEqual([EXIT.ok, CONTENT]);
    expect(merchant.settled.size).toBe(1);
  });

  test("is fetched when the facilitator says that the expired payment was settled", async () => {
    const { requestDigest } = await lost("--expires-in", "60");
    later(120);
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown); // no facilitator says so yet
    expect(merchant.presented).toHaveLength(1);
    const audit = (await box.run("audit list")).json.data["entries"] as { facts: Record<string, string> }[];
    const transaction = audit.findLast(({ facts }) => facts["requestDigest"] === requestDigest)?.facts["transactionIfSettled"];
    facilitator.settlement = { status: "settled", transaction };
    expect(text(await buy())).toEqual([EXIT.ok, CONTENT]);
    expect(merchant.settled.size).toBe(1);
  });

  test("and was not kept is reported as paid and gone, with the receipt; no word says pay again", async () => {
    const { code } = await lost();
    merchant.behaviour = { keeps: "receipt" };
    for (const run of [await buy(), await box.run(["pay", code]), await buy()]) {
      expect([run.exit, run.json.error.code, run.json.error.retryable]).toEqual([EXIT.httpErrorAfterPayment, "answer_not_stored", false]);
      expect(run.json.error.details).toMatchObject({ paidBefore: true, receipt: { amount: "10000" } });
      expect(run.json.next).toBeUndefined();
    }
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("paid");
    expect(merchant.settled.size).toBe(1);
  });

  test("of a receipt that is not this payment's proves nothing", async () => {
    const { code } = await approved();
    merchant.behaviour = {
      instead: (_, response, paid) => paid && !!response.writeHead(409, { "x-payment-error": "answer_not_stored" }).end(),
    };
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("sent");
  });

  const spoils: [string, () => void, number, string][] = [
    ["has forgotten it", () => merchant.kept.clear(), EXIT.paymentRejected, "nonce_replayed"],
    ["asks more by now", () => Object.assign(merchant.behaviour, { amount: "20000" }), EXIT.paymentRejected, "nonce_replayed"],
    [
      "only asks for payment again",
      () => (merchant.behaviour = answering((response) => response.writeHead(402).end())),
      EXIT.paymentRejected,
      "nonce_replayed",
    ],
    [
      "is down",
      () => (merchant.behaviour = answering((response) => response.writeHead(503).end())),
      EXIT.httpErrorAfterPayment,
      "http_error",
    ],
    ["hangs up", () => (merchant.behaviour = answering((response) => response.destroy())), EXIT.httpErrorAfterPayment, "http_error"],
  ];
  test.each(spoils)("from a merchant that %s stays paid: no word says pay again", async (_, spoil, exit, error) => {
    const { code } = await approved();
    await buy();
    rmSync(box.path("home/answers"), { recursive: true });
    spoil();
    for (const run of [await buy(), await box.run(["pay", code])]) {
      expect([run.exit, run.json.error.code, run.json.error.details?.["paidBefore"]]).toEqual([exit, error, true]);
      expect(run.json.error.hint).toContain("Do not pay again");
    }
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("paid");
    expect(merchant.settled.size).toBe(1);
  });
});

test("an id that the merchant knows under another payment is no proof that nothing was paid [identifier-conflict]", async () => {
  const { code, requestDigest } = await approved();
  merchant.kept.set(`pay_${requestDigest}`, { payment: "another", receipt: { success: true, transaction: "t", network: "n" } });
  for (const run of [await buy(), await box.run(["pay", code])]) {
    expect([run.exit, run.json.error.code]).toEqual([EXIT.paymentRejected, "payment_identifier_conflict"]);
    expect(run.json.error.hint).toContain("Do not pay again");
  }
  expect((await box.run(["request", "show", code])).json.data["state"]).toBe("sent");
  expect(merchant.settled.size).toBe(0);
});
