/** What x402 version 2 and our own design ask of a client, of the CLI and of the scheme for the official client. Each test is named after one line. */

import type { PaymentRequirements } from "@x402/core/types";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { people } from "../../agent-cli/testing/people.ts";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { ExactLezScheme } from "../../shared/exact/client/index.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import type { ExactPayload } from "../../shared/protocol/exact-payload.ts";
import { echoesExtensions } from "../../shared/protocol/offer.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { type PaymentPayload, paymentPayloadSchema, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { offerOf, owner as payer } from "../fixtures.ts";
import { startHostileMerchant } from "../hostile/merchant.ts";
import { OTHER_ACCOUNT, PRICE, transactionFor, type TrickName } from "../hostile/tricks.ts";
import { listen, officialClient } from "../interop/official.ts";

const merchant = await startHostileMerchant();
const box = sandbox();
const { owner, ask, approve, forge } = await people(box);
afterAll(() => merchant.stop());
beforeEach(() => merchant.reset());

const quote = (url: string) => box.run(["quote", url]);
const pay = (signal?: AbortSignal) => box.run(["pay", "./payment.json"], signal ? { signal } : {});
const presented = () => merchant.seen.filter(({ payment }) => payment !== undefined);

/** From the 402 to the owner's signature, in request.json and payment.json. */
async function approved(url: string, ...flags: string[]): Promise<PaymentPayload> {
  const { digest } = await ask(url, "request.json");
  const run = await approve("request.json", "payment.json", ["--confirm", digest, ...flags]);
  if (run.exit !== EXIT.ok) throw new Error(run.stdout);
  return box.read<PaymentPayload>("payment.json");
}
const authorizationOf = ({ payload }: PaymentPayload) => (payload as ExactPayload).authorization;

/** A merchant that asks these terms and gives a receipt for anything. */
async function shop(terms: (url: string) => object, body = "{}") {
  const payments: PaymentPayload[] = [];
  const origin = await listen((request) => {
    const header = request.headers.get(PAYMENT_SIGNATURE);
    if (header === null) return new Response(body, { status: 402, headers: { [PAYMENT_REQUIRED]: encodeHeader(terms(request.url)) } });
    const payment = decodeHeader(header, paymentPayloadSchema);
    if (payment.ok) payments.push(payment.value);
    const transaction = transactionFor(payment.ok ? payment.value : undefined);
    const receipt = { success: true, transaction, network: "logos:lez-testnet" };
    return new Response("goods", { headers: { [PAYMENT_RESPONSE]: encodeHeader(receipt) } });
  });
  return { url: `${origin}/report`, payments };
}
const unbound = { ...offerOf(), extra: {} };
const termsOf =
  (...accepts: object[]) =>
  (url: string) => ({ x402Version: 2, resource: { url }, accepts });

describe("reading the terms", () => {
  test("the header comes first: a body that says otherwise is not read", async () => {
    const { url } = await shop(termsOf(unbound), JSON.stringify(termsOf({ ...unbound, amount: "1" })("https://shop.example/")));
    expect((await quote(url)).json.data["price"]).toMatchObject({ amount: "10000" });
  });

  test.each<[TrickName, number]>([
    ["no-header", EXIT.unsupported],
    ["not-base64", EXIT.unsupported],
    ["not-json", EXIT.unsupported],
    ["header-64k", EXIT.unsupported],
    ["duplicate-keys", EXIT.unsupported],
    ["version-1", EXIT.unsupported],
    ["no-accepts", EXIT.unsupported],
    ["empty-accepts", EXIT.unsupported],
    ["decimal-amount", EXIT.unsupported],
    ["number-amount", EXIT.unsupported],
    ["network-pattern", EXIT.unsupported],
    ["unknown-flow", EXIT.unsupported],
    ["splits", EXIT.unsupported],
    ["other-network", EXIT.unsupported],
    ["other-binding", EXIT.differs],
    ["other-origin", EXIT.differs],
  ])("validated with our own schema, and nothing is asked of the owner: %s", async (trick, exit) => {
    const quoted = await quote(merchant.at(trick));
    const request = [
      "request",
      "create",
      merchant.at(trick),
      "--reason",
      REASON,
      "--agent-file",
      "./agent.json",
      "--out",
      `./${trick}.json`,
    ];
    expect([quoted.exit, (await box.run(request)).exit]).toEqual([exit, exit]);
    expect(() => box.read(`${trick}.json`)).toThrow("ENOENT");
  });

  test("a resource that is free is not paid for", async () => {
    expect((await quote(merchant.at("free"))).json.data).toMatchObject({ priced: false, status: 200 });
    await expect(ask(merchant.at("free"), "request.json")).rejects.toThrow("no_payment_required");
  });

  test("what a merchant says cannot act on the terminal", async () => {
    const { stdout } = await box.run(["quote", merchant.at("hostile-text")], { terminal: true });
    expect(stdout).toContain("⟦U+202E⟧");
    // oxlint-disable-next-line no-control-regex
    expect(stdout.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u200b\u202e\u{e0041}]/u);
  });

  test("https only, loopback excepted", async () => {
    const run = await quote("http://merchant.example/report");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "insecure_url"]);
  });
});

describe("choosing an offer", () => {
  const upfront = { ...unbound, amount: "1", extra: { paymentFlow: "upfront" } };

  test("authorization is preferred to upfront, even where that is cheaper and comes first", async () => {
    const { url } = await shop(termsOf(upfront, unbound));
    expect((await approved(url)).accepted).toMatchObject({ amount: "10000" });
  });

  test("unknown flows, networks, schemes and assets are skipped, and what can be paid is paid", async () => {
    const unknown = [
      { ...unbound, amount: "1", extra: { paymentFlow: "escrow" } },
      { ...unbound, amount: "2", extra: { assetTransferMethod: "transaction" } },
      { ...unbound, amount: "3", network: "eip155:8453" },
      { ...unbound, amount: "4", scheme: "batch-settlement" },
      { ...unbound, amount: "5", asset: "gold" },
    ];
    const { url } = await shop(termsOf(...unknown, unbound));
    expect((await approved(url)).accepted).toEqual(unbound);
  });

  test("a dearer entry before the cheaper one is not the one that is signed", async () => {
    const { accepted } = await approved(merchant.at("expensive-first"));
    expect(accepted.amount).toBe(PRICE);
    expect(authorizationOf(box.read<PaymentPayload>("payment.json")).value).toBe(PRICE);
  });

  test("maxTimeoutSeconds is respected", async () => {
    const { url } = await shop(termsOf({ ...unbound, maxTimeoutSeconds: 60 }));
    const { validAfter, validBefore } = authorizationOf(await approved(url));
    expect(Number(validBefore) - Number(validAfter)).toBeLessThanOrEqual(60);
  });

  test("--max-amount is checked on the very entry that is signed", async () => {
    const before = presented().length;
    const words = ["fetch", merchant.at("expensive-first"), "--reason", `${REASON} Not at any price.`, "--agent-file", "./agent.json"];
    const run = await box.run([...words, "--max-amount", String(BigInt(PRICE) - 1n)]);
    expect(run.exit).toBe(EXIT.differs);
    expect(presented()).toHaveLength(before);
  });

  test("the amount that the caller expects is checked on the very entry that is asked for", async () => {
    const words = ["request", "create", merchant.at("expensive-first"), "--reason", REASON, "--agent-file", "./agent.json"];
    const cheap = await box.run([...words, "--out", "./cheap.json", "--amount", PRICE]);
    expect(JSON.parse(box.read<PaymentRequest>("cheap.json").payment.offer)).toMatchObject({ amount: PRICE });
    expect(cheap.exit).toBe(EXIT.ok);
    expect((await box.run([...words, "--out", "./cheaper.json", "--amount", "9999"])).exit).toBe(EXIT.differs);
  });
});

describe("the echo", () => {
  test("accepted is the offer to the byte, foreign members of extra included; resource and extensions are not altered", async () => {
    const offer = { ...unbound, extra: { memo: "é\u{1F600}", nested: { list: [1, 2.5, null, true] } } };
    const extensions = { "test-extension": { info: { tier: "gold" }, schema: {} } };
    const { url, payments } = await shop((url) => ({ ...termsOf(offer)(url), extensions }));
    await approved(url);
    expect((await pay()).exit).toBe(EXIT.ok);
    const [sent] = payments;
    expect(canonicalJson(sent?.accepted)).toBe(canonicalJson(offer));
    expect(sent?.resource).toMatchObject({ url });
    // Leaving extensions out is allowed; changing one is not.
    expect(echoesExtensions(sent?.extensions, extensions)).toBe(true);
  });
});

describe("approval before signature", () => {
  test("what an agent's commands make has no signature that pays", async () => {
    await ask(merchant.at("honest"), "request.json");
    expect(JSON.stringify(box.read("request.json"))).not.toMatch(/"authorization"|"publicKey":"[0-9a-f]*","signature"/);
    expect((await box.run(["pay", "./request.json"])).exit).toBe(EXIT.usage);
    expect(presented()).toEqual([]);
  });

  test("the approval is for what was shown: offer, method, URL, body, amount, payee and expiry", async () => {
    const authorization = authorizationOf(await approved(merchant.at("honest")));
    const digest = requestDigest(box.read<PaymentRequest>("request.json"));
    expect(authorization).toMatchObject({ requestDigest: digest, nonce: approvalNonce(owner.account, digest) });
    const shown = box.read<PaymentRequest>("request.json");
    const { http, payment } = shown;
    const others: object[] = [
      { payment: { ...payment, offer: payment.offer.replace("900", "901") } },
      { payment: { ...payment, amount: "1" } },
      { payment: { ...payment, payTo: OTHER_ACCOUNT } },
      { http: { ...http, method: "POST" } },
      { http: { ...http, url: merchant.at("always-402") } },
      { http: { ...http, bodySha256: "ab".repeat(32) } },
      { expiresAt: shown.createdAt },
    ];
    for (const other of others) {
      box.write("other.json", shown);
      await forge("other.json", () => other);
      const run = await box.run("pay ./payment.json --request-file ./other.json");
      expect([run.exit, run.json.error.code], JSON.stringify(other)).toEqual([EXIT.differs, "request_differs"]);
    }
    expect(presented()).toEqual([]);
  });

  test("a merchant without our extension is paid, and the people are told that nothing ties the payment to the request", async () => {
    const { url } = await shop(termsOf(unbound));
    expect((await quote(url)).json.data["covers"]).toMatch(/^NOTHING/);
    await approved(url);
    expect((await pay()).exit).toBe(EXIT.ok);
  });
});

describe("the paid request", () => {
  test.each<[TrickName, string]>([
    ["price-rises", "20000"],
    ["payee-changes", PRICE],
  ])("a second 402 with other terms is no word about the payment, and nothing new is signed: %s", async (trick, amount) => {
    await approved(merchant.at(trick), "--offline"); // the host would show its other terms at the approval
    const refused = await pay();
    expect(refused.exit).toBe(EXIT.outcomeUnknown);
    expect(presented()).toHaveLength(1);
    const { response } = refused.json.error.details ?? {};
    const again = paymentRequiredSchema.parse((response as { paymentRequired: unknown }).paymentRequired);
    expect(again.accepts).toMatchObject([{ amount }]);
    const [sent] = presented().map(({ payment }) => decodeHeader(payment ?? "", paymentPayloadSchema));
    expect(sent).toMatchObject({ ok: true, value: { accepted: { amount: PRICE } } });
  });

  test("a merchant that asks forever gets one payment for each command, the same each time", async () => {
    await approved(merchant.at("always-402"));
    for (let i = 0; i < 3; i++) expect((await pay()).exit).toBe(EXIT.outcomeUnknown);
    expect(new Set(presented().map(({ payment }) => payment)).size).toBe(1);
    expect(presented()).toHaveLength(3);
  });

  test.each<TrickName>(["redirect-302", "redirect-307", "redirect-308", "redirect-elsewhere"])(
    "no redirect is followed with a payment: %s",
    async (trick) => {
      await approved(merchant.at(trick));
      const run = await pay();
      expect([run.exit, run.json.error.code]).toEqual([EXIT.httpErrorAfterPayment, "http_error"]);
      expect(run.json.error.details?.["location"]).toContain("/landing");
      expect(merchant.seen.filter(({ at, path }) => at === "elsewhere" || path === "/landing")).toEqual([]);
    },
  );

  test("nothing is sent to another URL than the approved one", async () => {
    await approved(merchant.at("honest"));
    for (const url of [merchant.at("free"), `${merchant.at("honest")}?x=1`, `${merchant.elsewhere}/honest`]) {
      expect((await box.run(["http", "get", "--url", url, "--payload", "./payment.json"])).exit).toBe(EXIT.differs);
    }
    expect(presented()).toEqual([]);
    expect(merchant.seen.filter(({ at }) => at === "elsewhere")).toEqual([]);
  });
});

describe("the receipt", () => {
  test("an honest one is kept: transaction, network, payer, amount", async () => {
    const transaction = transactionFor(await approved(merchant.at("honest")));
    const run = await pay();
    expect(run.exit).toBe(EXIT.ok);
    expect(run.json.data["receipt"]).toMatchObject({ transaction, payer: owner.account, paid: { amount: PRICE } });
  });

  test.each<[TrickName, string]>([
    ["no-receipt", "no receipt"],
    ["receipt-failed", "not paid"],
    ["receipt-payer", "payer"],
    ["receipt-network", "network"],
    ["receipt-amount", "amount"],
    ["receipt-empty", "transaction"],
  ])("is checked against what was approved: %s", async (trick, names) => {
    await approved(merchant.at(trick));
    const run = await pay();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "receipt_differs"]);
    expect(run.json.error.message).toContain(names);
  });

  test("is read on any status: a 500 that says paid is paid", async () => {
    const transaction = transactionFor(await approved(merchant.at("error-with-receipt")));
    const run = await pay();
    expect(run.exit).toBe(EXIT.httpErrorAfterPayment);
    expect(run.json.error.details?.["receipt"]).toMatchObject({ transaction, amount: PRICE });
  });

  test("a body that is larger than the limit does not hide that it is paid", async () => {
    await approved(merchant.at("flood"));
    const run = await box.run(["pay", "./payment.json", "--max-body", "100000"]);
    expect(run.exit).toBe(EXIT.httpErrorAfterPayment);
    expect(run.json.error.details?.["receipt"]).toMatchObject({ amount: PRICE });
  });
});

describe("an answer that is lost", () => {
  test("is an unknown outcome, and the next command presents the same payment", async () => {
    await approved(merchant.at("closes"));
    const lost = await pay();
    expect([lost.exit, lost.json.error.code]).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
    expect((await box.run(lost.json.next?.argv.slice(1) ?? [])).exit).toBe(EXIT.outcomeUnknown);
    expect(presented()).toHaveLength(2);
    expect(new Set(presented().map(({ payment }) => payment)).size).toBe(1);
  });

  test("because the person stopped waiting is unknown as well, and not a refusal", async () => {
    await approved(merchant.at("hangs"));
    const stop = new AbortController();
    const running = pay(stop.signal);
    await expect.poll(() => presented().length).toBe(1);
    stop.abort();
    const { exit, json } = await running;
    expect([exit, json.error.details?.["outcome"]]).toEqual([EXIT.interrupted, "unknown"]);
    expect(json.next?.argv).toContain("pay");
  });

  test("an error without a receipt proves nothing: the same payment is presented again", async () => {
    await approved(merchant.at("error-without-receipt"));
    const run = await pay();
    expect(run.exit).toBe(EXIT.httpErrorAfterPayment);
    expect(run.json.next?.argv).toEqual(["lez-agent-pay", "pay", box.path("payment.json")]);
  });

  test("the payment was on disk before it was on the wire", async () => {
    const payload = await approved(merchant.at("closes"));
    await pay();
    expect(box.read<PaymentPayload>("payment.json")).toEqual(payload);
    expect(decodeHeader(presented()[0]?.payment ?? "", paymentPayloadSchema)).toMatchObject({ value: payload });
  });
});

describe("the scheme for the official client", () => {
  const silent = { ...payer, sign: () => Promise.reject(new Error("asked to sign")) };
  const offersOf = async (trick: TrickName) => {
    const answer = await fetch(merchant.at(trick));
    const header = Buffer.from(answer.headers.get(PAYMENT_REQUIRED) ?? "", "base64").toString();
    return (JSON.parse(header) as { accepts: PaymentRequirements[] }).accepts;
  };

  test.each<[TrickName, string]>([
    ["decimal-amount", "invalid_payload"],
    ["number-amount", "invalid_payload"],
    ["network-pattern", "invalid_network"],
    ["other-network", "invalid_network"],
    ["unknown-flow", "unsupported_extra"],
    ["splits", "unsupported_extra"],
  ])("refuses before its signer is asked: %s", async (trick, code) => {
    for (const offer of await offersOf(trick)) {
      await expect(new ExactLezScheme(silent).createPaymentPayload(2, offer)).rejects.toMatchObject({ name: "PaymentRefused", code });
    }
  });

  test("has findDefaultAsset, without which the official client's spend controls refuse everything", async () => {
    expect(new ExactLezScheme(payer).findDefaultAsset("native", "logos:lez-testnet")).toMatchObject({ decimals: 9 });
    const { fetch: paying, sent } = officialClient(payer);
    expect((await paying(merchant.at("honest"))).status).toBe(200);
    expect(sent).toHaveLength(1);
  });

  test("echoes accepted and resource verbatim, through the official client", async () => {
    const { fetch: paying, sent } = officialClient(payer);
    const [offer] = await offersOf("honest");
    await paying(merchant.at("honest"));
    const payload = decodeHeader(sent[0] ?? "", paymentPayloadSchema);
    expect(payload).toMatchObject({ ok: true, value: { resource: { url: merchant.at("honest") } } });
    expect(payload.ok && canonicalJson(payload.value.accepted)).toBe(canonicalJson(offer));
  });
});
