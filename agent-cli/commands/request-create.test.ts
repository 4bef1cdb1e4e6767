import { existsSync, rmSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { checkPaymentRequest, type PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { LEDGER, startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { served } from "../testing/served.ts";

const box = sandbox();
const merchant = await startMerchant();
await people(box);
beforeEach(() => merchant.reset());

const create = (...words: string[]) => {
  for (const old of ["request.json", "request.terms.json"]) rmSync(box.path(old), { force: true });
  return box.run(["request", "create", ...words, "--agent-file", "./agent.json", "--out", "./request.json"]);
};
const stranger = "2YsX1x4ZkHiWwUXgQvXKyCvcVXSjCmc3ZkDmNVUPqtoC";

describe("terms from the merchant", () => {
  test("become the request, to the byte, and pass the owner's own check", async () => {
    const made = await create(`${merchant.url}?x=1`, "--reason", REASON);
    expect(made.exit).toBe(EXIT.ok);
    const request = box.read<PaymentRequest>("request.json");
    expect(await checkPaymentRequest(request, unixNow())).toMatchObject({
      ok: true,
      digest: made.json.data["requestDigest"],
      scope: "query+body",
    });
    expect(JSON.parse(request.payment.offer)).toMatchObject({ payTo: DEMO_MERCHANT_ACCOUNT, extra: { ledger: LEDGER } });
    const payment = box.path(`payment-${made.json.data["shortCode"] as string}.json`);
    expect(made.json.next).toMatchObject({
      by: "owner",
      argv: ["lez-agent-pay", "owner", "approve", "--request-file", box.path("request.json"), "--out", payment],
    });
  });

  test.each([
    ["the amount", ["--amount", "9999"], [{ flag: "--amount", asked: "9999", offered: "10000" }]],
    ["the asset", ["--asset", "usdc"], [{ flag: "--asset", asked: "usdc", offered: "native" }]],
    ["the payee", ["--pay-to", stranger], [{ flag: "--pay-to", asked: stranger, offered: DEMO_MERCHANT_ACCOUNT }]],
    [
      "all of them",
      ["--amount", "1", "--asset", "x", "--pay-to", stranger],
      [{ flag: "--amount" }, { flag: "--asset" }, { flag: "--pay-to" }],
    ],
  ])("that contradict the flags in %s are refused, naming the difference", async (_, flags, differences) => {
    const refused = await create("--merchant-url", merchant.url, "--reason", REASON, ...flags);
    expect(refused.exit).toBe(EXIT.differs);
    expect(refused.json.error.code).toBe("terms_differ");
    expect(refused.json.error.details?.["differences"]).toMatchObject(differences);
    for (const { flag } of differences) expect(refused.json.error.message).toContain(flag);
  });

  test("that agree with the flags are taken, however the account is written", async () => {
    for (const account of ["merchant_demo_account", DEMO_MERCHANT_ACCOUNT, `Public/${DEMO_MERCHANT_ACCOUNT}`]) {
      const made = await create(
        "--merchant-url",
        merchant.url,
        "--reason",
        REASON,
        "--pay-to",
        account,
        "--amount",
        "10000",
        "--asset",
        "native",
      );
      expect(made.exit).toBe(EXIT.ok);
    }
    expect((await create(merchant.url, "--reason", REASON, "--pay-to", `Private/${DEMO_MERCHANT_ACCOUNT}`)).exit).toBe(EXIT.usage);
  });

  test("offer the cheapest of several first, and skip what cannot be paid here", async () => {
    const offer = { scheme: "exact", network: "logos:lez-testnet", asset: "native", amount: "5", payTo: stranger, maxTimeoutSeconds: 60 };
    merchant.behaviour = {
      accepts: [
        { ...offer, amount: "999999" },
        { ...offer, network: "eip155:8453", amount: "1" },
        { ...offer, amount: "2", extra: { splits: [{ to: stranger }] } },
        { ...offer, amount: "3", extra: { paymentFlow: "upfront" } },
        offer,
      ],
    };
    const quoted = await box.run(["quote", merchant.url]);
    expect(quoted.json.data).toMatchObject({ priced: true, price: { amount: "5" }, offers: 4 });
    expect((await create(merchant.url, "--reason", REASON, "--amount", "10000")).json.data).toMatchObject({ payTo: DEMO_MERCHANT_ACCOUNT });
  });

  test("bound to another request are refused", async () => {
    merchant.behaviour = { offer: { extra: { binding: "ab".repeat(32) } } };
    for (const words of [
      ["quote", merchant.url],
      ["request", "create", merchant.url, "--reason", REASON, "--agent-file", "./agent.json", "--inbox"],
    ]) {
      const refused = await box.run(words);
      expect([refused.exit, refused.json.error.code]).toEqual([EXIT.differs, "binding_mismatch"]);
    }
  });

  test("on another network, or not readable, are unsupported [request-unsupported-terms]", async () => {
    merchant.behaviour = { offer: { network: "eip155:8453" } };
    const foreign = await create(merchant.url, "--reason", REASON);
    expect([foreign.exit, foreign.json.error.code]).toEqual([EXIT.unsupported, "unsupported"]);
    expect(foreign.json.error.details).toMatchObject({ offered: [{ network: "eip155:8453" }] });
    for (const headers of [{}, { "payment-required": "%%%" }, { "payment-required": "e30=" }]) {
      merchant.behaviour = { instead: (_, response) => !!response.writeHead(402, headers).end() };
      expect((await create(merchant.url, "--reason", REASON)).exit).toBe(EXIT.unsupported);
    }
  });

  test("of another host's resource are refused", async () => {
    const { origin } = merchant;
    merchant.origin = "http://127.0.0.2:1";
    const refused = await create(merchant.url, "--reason", REASON);
    merchant.origin = origin;
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.differs, "terms_differ"]);
  });

  test("are not looked for behind a redirect, and are missing from a free resource", async () => {
    for (const [status, code] of [
      [302, "no_payment_required"],
      [200, "no_payment_required"],
      [503, "network"],
    ] as const) {
      merchant.behaviour = { instead: (_, response) => !!response.writeHead(status, { location: "http://127.0.0.1:1/" }).end() };
      expect((await create(merchant.url, "--reason", REASON)).json.error.code).toBe(code);
    }
    merchant.behaviour = { instead: (_, response) => !!response.writeHead(302, { location: "/other" }).end() };
    expect((await box.run(["quote", merchant.url])).json.data).toEqual({
      priced: false,
      method: "GET",
      url: merchant.url,
      status: 302,
      location: "/other",
    });
  });
});

describe("offline", () => {
  const flags = ["--pay-to", "merchant_demo_account", "--amount", "10000", "--asset", "native", "--reason", REASON, "--offline"];

  test("the offer is built from the flags, with a binding of its own and no ledger", async () => {
    const made = await create("--merchant-name", "Shop", "--merchant-url", "https://shop.example/premium", ...flags);
    expect(made.json.data).toMatchObject({ termsFrom: "flags", covers: "exactly this request: method, address and query" });
    const request = box.read<PaymentRequest>("request.json");
    expect(request.merchant).toEqual({ name: "Shop", url: "https://shop.example/premium" });
    const offer = JSON.parse(request.payment.offer) as { maxTimeoutSeconds: number; extra: object };
    expect(offer.maxTimeoutSeconds).toBe(900);
    expect(Object.keys(offer.extra)).toEqual(["binding"]);
  });

  test("an unreachable merchant is a network failure whose hint names --offline", async () => {
    served("http://127.0.0.1:1");
    const failed = await create("--merchant-url", "http://127.0.0.1:1/x", ...flags.slice(0, -1));
    expect(failed.exit).toBe(EXIT.network);
    expect(failed.json.error).toMatchObject({ retryable: true, hint: expect.stringContaining("--offline") as string });
  });

  test("needs the flags for the terms", async () => {
    expect((await create("https://shop.example/", "--reason", REASON, "--offline")).exit).toBe(EXIT.usage);
  });
});

describe("input", () => {
  test("http: is for this machine, unless allowed", async () => {
    const flags = ["--pay-to", "merchant_demo_account", "--amount", "1", "--reason", REASON, "--offline"];
    for (const host of ["shop.example", "localhost.example.com", "127.0.0.1.example.com", "0.0.0.0"]) {
      const refused = await create(`http://${host}/`, ...flags);
      expect([refused.exit, refused.json.error.code]).toEqual([EXIT.usage, "insecure_url"]);
      expect((await create(`http://${host}/`, ...flags, "--allow-http")).exit).toBe(EXIT.ok);
    }
    for (const host of ["localhost", "127.0.0.1", "[::1]"]) expect((await create(`http://${host}:9/`, ...flags)).exit).toBe(EXIT.ok);
    for (const url of ["ftp://shop.example/", "https://good.example@evil.example/", "shop.example", ""]) {
      expect((await create(url, ...flags)).exit).toBe(EXIT.usage);
    }
  });

  test("`next` allows an unencrypted address again", async () => {
    const flags = ["--pay-to", "merchant_demo_account", "--amount", "1", "--reason", REASON, "--offline", "--allow-http"];
    const { json } = await create("http://0.0.0.0:1/", ...flags);
    const { shortCode, requestDigest } = json.data as Record<string, string>;
    const words = [...(json.next?.argv ?? []).slice(1), "--confirm", requestDigest ?? "", "--owner-file", "./owner.json"];
    for (const run of [await box.run(words), await box.run(["request", "wait", shortCode ?? ""])]) {
      const { argv = [] } = run.json.next ?? {};
      expect(argv.slice(0, 2)).toEqual(["lez-agent-pay", "pay"]);
      expect((await box.run(argv.slice(1))).json.error.message).toContain("http://0.0.0.0:1 is not on the public internet (0.0.0.0)");
    }
  });

  test("a reason must have content, in any script [request-reason]", async () => {
    for (const reason of ["too short", "\u200b".repeat(40), "x".repeat(2001)])
      expect((await create(merchant.url, "--reason", reason)).exit).toBe(EXIT.usage);
    await create(merchant.url, "--reason", `${REASON} Cafe\u0301`);
    expect(box.read<PaymentRequest>("request.json").reason.endsWith("Caf\u00e9")).toBe(true);
  });

  test("a malformed header, or one that we set, is refused", async () => {
    for (const header of ["no colon", "Bad Name: x", "X: a\r\nY: b", "Payment-Signature: x", "Content-Length: 1"]) {
      expect((await create(merchant.url, "--reason", REASON, "-H", header)).exit).toBe(EXIT.usage);
    }
  });

  test("an owner's key makes no request", async () => {
    const refused = await box.run(["request", "create", merchant.url, "--reason", REASON, "--agent-file", "./owner.json"]);
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.notSetUp, "wrong_role"]);
  });

  test("an existing file is kept, and no owner is asked", async () => {
    let asked = false;
    merchant.behaviour = { instead: () => ((asked = true), false) };
    box.write("mine.json", "mine");
    const refused = await box.run([
      "request",
      "create",
      merchant.url,
      "--reason",
      REASON,
      "--agent-file",
      "./agent.json",
      "--out",
      "./mine.json",
    ]);
    expect([refused.json.error.code, asked, existsSync(box.path("mine.json"))]).toEqual(["file_exists", false, true]);
  });
});
