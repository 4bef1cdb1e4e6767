/** A signed payment on its way: where it may go, and the outcome of every kind of answer. */

import fs, { existsSync, readFileSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import * as net from "node:net";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { served } from "../testing/served.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
facilitator.settlement = { status: "unused" };
const { ask, approve } = await people(box);
beforeEach(() => merchant.reset());

/** A fresh payment for the URL in payload.json, its request in request.json. */
async function buy(url = merchant.url, extra: string[] = [], options: string[] = []): Promise<void> {
  const { digest } = await ask(url, "request.json", extra);
  const approved = await approve("request.json", "payload.json", ["--confirm", digest, ...options]);
  if (approved.exit !== 0) throw new Error(approved.stdout);
}
const pay = (...words: string[]) => box.run(["pay", "./payload.json", ...words]);
const get = (url: string, ...words: string[]) => box.run(["http", "get", "--url", url, "--payload", "./payload.json", ...words]);

describe("before a byte leaves", () => {
  test("the URL must be the approved one: origin, path and query [pay-other-url]", async () => {
    await buy(`${merchant.url}?x=1`);
    const port = new URL(merchant.url).port;
    for (const url of [merchant.url, `${merchant.url}?x=2`, `${merchant.origin}/other?x=1`, `http://localhost:${port}/premium?x=1`]) {
      const refused = await get(url);
      expect([refused.exit, refused.json.error.code]).toEqual([EXIT.differs, "request_differs"]);
    }
    expect(merchant.presented).toEqual([]);
    expect((await get(`${merchant.url}?x=1#fragment`)).exit).toBe(EXIT.ok);
  });

  test("a payment bound to another request goes nowhere, whatever URL it claims [pay-bound-elsewhere]", async () => {
    await buy();
    const payload = box.read<PaymentPayload>("payload.json");
    box.write("payload.json", { ...payload, resource: { url: `${merchant.origin}/other` } });
    expect((await get(`${merchant.origin}/other`)).exit).toBe(EXIT.differs);
    box.write("payload.json", { ...payload, resource: undefined });
    expect((await get(`${merchant.origin}/other`)).exit).toBe(EXIT.differs);
    expect(merchant.presented).toEqual([]);
    expect((await get(merchant.url)).exit).toBe(EXIT.ok);
  });

  test("a payment without a binding still goes only where it was approved for", async () => {
    merchant.behaviour = { bind: false };
    await buy();
    expect((await get(`${merchant.origin}/other`)).exit).toBe(EXIT.differs);
    expect((await get(`${merchant.url}?x=1`)).exit).toBe(EXIT.differs);
    expect(merchant.presented).toEqual([]);
    expect((await get(merchant.url)).exit).toBe(EXIT.ok);
  });

  test("a payment that does not say what it is for goes nowhere", async () => {
    merchant.behaviour = { bind: false };
    await buy();
    box.write("payload.json", { ...box.read<PaymentPayload>("payload.json"), resource: undefined });
    expect((await get(merchant.url)).exit).toBe(EXIT.differs);
    expect(merchant.presented).toEqual([]);
  });

  test("a payment that was changed goes nowhere", async () => {
    await buy();
    const payload = box.read<PaymentPayload & { payload: { authorization: object; signature: string } }>("payload.json");
    const { authorization } = payload.payload;
    const changes = [
      { ...payload, accepted: { ...payload.accepted, amount: "1" } },
      { ...payload, payload: { ...payload.payload, authorization: { ...authorization, validBefore: "99999999999" } } },
      { ...payload, payload: { ...payload.payload, signature: "0".repeat(128) } },
    ];
    for (const changed of changes) {
      box.write("payload.json", changed);
      expect((await pay()).exit).toBe(EXIT.differs);
      expect((await get(merchant.url)).exit).toBe(EXIT.differs);
    }
    box.write("payload.json", { ...payload, accepted: { ...payload.accepted, network: "eip155:1" } });
    expect((await pay()).exit).toBe(EXIT.unsupported);
    expect(merchant.presented).toEqual([]);
  });

  test("a body is sent with its payment, and no other body is", async () => {
    await buy(`${merchant.origin}/ask`, ["-d", "one"]);
    const elsewhere = { env: { LEZ_AGENT_PAY_HOME: box.path("elsewhere") } };
    const from = (...words: string[]) => box.run(["pay", "./payload.json", ...words], elsewhere);
    expect((await from()).json.error.code).toBe("request_not_found");
    expect((await from("--request-file", "./request.json")).exit).toBe(EXIT.differs);
    expect((await from("--request-file", "./request.json", "-d", "two")).exit).toBe(EXIT.differs);
    expect(merchant.presented).toEqual([]);
    expect((await from("--request-file", "./request.json", "-d", "one")).exit).toBe(EXIT.ok);
  });

  test("a request that the payment was not approved for is not sent", async () => {
    await buy();
    await ask(merchant.url, "other.json");
    expect((await pay("--request-file", "./other.json")).exit).toBe(EXIT.differs);
    expect(merchant.presented).toEqual([]);
  });

  test("an expired approval is reported as expired [pay-approval-expired]", async () => {
    await buy(merchant.url, [], ["--expires-in", "1"]);
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const late = await pay();
    expect([late.exit, late.json.error.code]).toEqual([EXIT.approvalExpired, "payment_expired"]);
    expect(merchant.presented).toEqual([]);
  });

  test("an answer that could not be kept is not bought", async () => {
    await buy();
    box.write("kept", "");
    expect((await pay("--out", "./kept")).json.error.code).toBe("file_exists");
    expect(merchant.presented).toEqual([]);
  });
});

describe("afterwards", () => {
  test("a redirect is reported, and not followed with the payment attached [pay-no-redirect]", async () => {
    const other = await startMerchant();
    await buy();
    merchant.behaviour = { instead: (_, response, paid) => paid && !!response.writeHead(307, { location: other.url }).end() };
    for (const run of [await pay(), await get(merchant.url)]) {
      expect([run.exit, run.json.error.code]).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
      expect(run.json.error.details).toMatchObject({ location: other.url, response: { status: 307 } });
    }
    expect(other.presented).toEqual([]);
  });

  test("a payment that was used before is reported with the transaction that proves it", async () => {
    await buy();
    expect((await pay()).exit).toBe(EXIT.ok);
    const used = async (words: string) => {
      const { stderr, exit } = await box.run(words, { terminal: true });
      expect([exit, stderr]).toEqual([EXIT.paymentRejected, expect.stringMatching(/once[^]*transaction[^]*[0-9a-f]{64}/)]);
    };
    await used(`http get --url ${merchant.url} --payload ./payload.json`);
    expect((await pay()).json.data).toMatchObject({ kept: true, response: { body: { text: CONTENT } } });
    expect(merchant.presented).toHaveLength(2);
    rmSync(box.path("home/answers"), { recursive: true });
    await used("pay ./payload.json");
  });

  test("terms that have changed are a refusal that leads to the new terms", async () => {
    await buy();
    merchant.behaviour = { amount: "20000" };
    const refused = await pay();
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.paymentRejected, "amount_mismatch"]);
    expect(refused.json.error.details?.["response"]).toMatchObject({ paymentRequired: { accepts: [{ amount: "20000" }] } });
    merchant.behaviour = { offer: { maxTimeoutSeconds: 30 } };
    expect((await pay()).json).toMatchObject({
      error: { code: "offer_mismatch" },
      next: { argv: ["lez-agent-pay", "quote", merchant.url] },
    });
  });

  test("a lost answer is unknown, and the next command presents the same payment [pay-lost-answer]", async () => {
    await buy();
    const lose = { instead: (_: unknown, response: { destroy(): unknown }, paid: boolean) => paid && !!response.destroy() };
    merchant.behaviour = lose;
    for (const run of [await pay(), await get(merchant.url)]) {
      expect([run.exit, run.json.error.code, run.json.error.retryable]).toEqual([EXIT.outcomeUnknown, "outcome_unknown", true]);
      expect(run.json.error.message).toContain("may have been made");
    }
    const lost = await pay();
    const [first, second] = [merchant.presented.at(-2), merchant.presented.at(-1)];
    expect(second?.headers["payment-signature"]).toBe(first?.headers["payment-signature"]);
    merchant.behaviour = {};
    const [program, ...argv] = lost.json.next?.argv ?? [];
    expect(program).toBe("lez-agent-pay");
    expect((await box.run(argv)).exit).toBe(EXIT.ok);
    expect(merchant.settled.size).toBe(1);
  });

  test("an answer that broke off after its receipt is paid, and says so [pay-answer-broke-off]", async () => {
    await buy();
    const broken = await breakOffAfterReceipt();
    const run = await pay();
    broken();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.httpErrorAfterPayment, "answer_incomplete"]);
    expect(run.json.error.details).toMatchObject({ receipt: { amount: "10000" }, response: { body: { complete: false, bytes: 4 } } });
    expect(run.json.next).toBeUndefined();
  });

  test("no connection means that nothing was sent [pay-no-connection]", async () => {
    const gone = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => gone.once("listening", resolve));
    const url = `http://127.0.0.1:${(gone.address() as net.AddressInfo).port}/premium`;
    await new Promise((resolve) => gone.close(resolve));
    served(new URL(url).origin);
    const { digest } = await ask(url, "request.json", ["--offline", "--pay-to", "merchant_demo_account", "--amount", "10000"]);
    await approve("request.json", "payload.json", ["--confirm", digest]);
    const run = await pay();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.network, "network"]);
    expect(run.json.error.message).toContain("Nothing was sent");
  });

  test.each([
    ["another payer", { payer: "11111111111111111111111111111112" }],
    ["a larger amount", { amount: "10001" }],
    ["another network", { network: "eip155:8453" }],
    ["no transaction", { transaction: "" }],
    ["a made-up transaction", { transaction: "00".repeat(32) }],
    ["a transaction that draws on the screen", { transaction: "\u001b[2J\u001b[1;1HPaid 0 LGO" }],
  ])("a receipt with %s is not taken for one [pay-false-receipt]", async (_, receipt) => {
    await buy();
    merchant.behaviour = { receipt };
    rmSync(box.path("content"), { force: true });
    const run = await pay("--out", "./content");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "receipt_differs"]);
    expect(readFileSync(box.path("content"), "utf8")).toBe(CONTENT); // what was delivered is kept all the same
  });

  test.each([
    [200, {}, EXIT.differs, "receipt_differs"],
    [307, { location: "/elsewhere" }, EXIT.httpErrorAfterPayment, "http_error"],
    [402, { "x-payment-error": "payment_required" }, EXIT.outcomeUnknown, "payment_required"],
    [402, { "x-payment-error": "nonce_replayed" }, EXIT.paymentRejected, "nonce_replayed"],
  ])("%i %j says nothing of the payment: what comes next asks, wherever the request was made", async (status, headers, exit, code) => {
    await buy();
    merchant.behaviour = { instead: (_, response, paid) => paid && !!response.writeHead(status, headers).end() };
    const run = await pay();
    expect([run.exit, run.json.error.code]).toEqual([exit, code]);
    expect(run.json.error.hint).toContain("Run the next command");
    const { argv = [] } = run.json.next ?? {};
    expect(argv.slice(0, 2)).toEqual(["lez-agent-pay", "status"]);
    const asked = await box.run([...argv.slice(1), "--facilitator-url", facilitator.url]);
    expect(asked.json.data).toMatchObject({ conclusion: "open" });
  });

  test.each([
    [500, {}, EXIT.httpErrorAfterPayment, "http_error"],
    [502, {}, EXIT.outcomeUnknown, "outcome_unknown"],
    [402, { "x-payment-error": "settlement_pending" }, EXIT.outcomeUnknown, "outcome_unknown"],
    [409, { "x-payment-error": "payment_in_progress" }, EXIT.outcomeUnknown, "outcome_unknown"],
    [503, { "x-payment-error": "overloaded" }, EXIT.busy, "overloaded"],
  ])("%i %j can be tried again with the same payment after a pause", async (status, headers, exit, code) => {
    await buy();
    merchant.behaviour = { instead: (_, response, paid) => paid && !!response.writeHead(status, { ...headers, "retry-after": "7" }).end() };
    const run = await pay("--out", "./unbought");
    expect([run.exit, run.json.error.code]).toEqual([exit, code]);
    expect(run.json.next).toMatchObject({
      argv: ["lez-agent-pay", "pay", box.path("payload.json"), "--out", box.path("unbought")],
      afterSeconds: 7,
    });
    expect(existsSync(box.path("unbought"))).toBe(false);
  });

  test("a disk that is full by then causes a warning, and the answer is still shown", async () => {
    await buy();
    const link = fs.linkSync;
    onTestFinished(() => {
      fs.linkSync = link;
      syncBuiltinESMExports();
    });
    merchant.behaviour = {
      instead(_request, _response, paid) {
        if (!paid) return false;
        fs.linkSync = () => {
          throw Object.assign(new Error("ENOSPC: no space left on device, link"), { code: "ENOSPC", path: box.path("home/lock") });
        };
        syncBuiltinESMExports();
        return false;
      },
    };
    const run = await pay();
    expect([run.exit, run.json.data["response"].body.text]).toEqual([EXIT.ok, CONTENT]);
    expect(run.stderr).toContain("! The disk is full");
  });

  test("an answer that cannot be kept is shown all the same, with a warning", async () => {
    await buy();
    rmSync(box.path("home/answers"), { recursive: true, force: true });
    box.write("home/answers", "in the way");
    onTestFinished(() => rmSync(box.path("home/answers")));
    const run = await pay();
    expect([run.exit, run.json.data["response"].body.text]).toEqual([EXIT.ok, CONTENT]);
    expect(run.stderr.replaceAll("\n", "")).toContain("home/answers");
  });

  test("a run that was stopped before it could pay sends nothing", async () => {
    await buy();
    const run = await box.run(["pay", "./payload.json"], { signal: AbortSignal.abort() });
    expect([run.exit, merchant.presented.length, run.json.error.message]).toEqual([
      EXIT.interrupted,
      0,
      "Interrupted. Nothing was sent now.",
    ]);
  });

  test("Ctrl-C while the payment is under way does not claim that it was not paid", async () => {
    await buy();
    const stop = new AbortController();
    merchant.behaviour = { instead: (_request, _response, paid) => paid && (stop.abort(), true) };
    const run = await box.run(["pay", "./payload.json"], { signal: stop.signal });
    expect(run.exit).toBe(EXIT.interrupted);
    expect(run.json).toMatchObject({ error: { code: "interrupted", details: { outcome: "unknown" } }, next: { by: "agent" } });
  });
});

/** From here on the merchant announces more content than it sends. Returns a function that ends this. */
async function breakOffAfterReceipt(): Promise<() => void> {
  const { encodeHeader, PAYMENT_RESPONSE } = await import("../../shared/x402/headers.ts");
  const { authorization } = exactPayloadSchema.parse(box.read<PaymentPayload>("payload.json").payload);
  const { network, from, value } = authorization;
  const transaction = transactionOf(network, authorizationDigest(authorization));
  const receipt = { success: true, transaction, network, payer: from, amount: value };
  merchant.behaviour = {
    instead(_, response, paid) {
      if (!paid) return false;
      response.writeHead(200, { "content-length": "100", [PAYMENT_RESPONSE]: encodeHeader(receipt) });
      response.write("half", () => response.destroy());
      return true;
    },
  };
  return () => merchant.reset();
}
