/** Whether the host of a request confirms it: what it is asked, what counts as a yes, and what the screen says of everything else. */

import { rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import type { PaymentRequest, PaymentRequestBody } from "../../shared/protocol/payment-request.ts";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import { encodeHeader, PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import type { PaymentRequired } from "../../shared/x402/x402.ts";
import { DOCUMENTS, signedExtension } from "../../test/hostile/signing.ts";
import { OTHER_ACCOUNT } from "../../test/hostile/tricks.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask, approve, forge } = await people(box);
beforeEach(() => merchant.reset());

const approved = (...words: string[]) => {
  const digest = requestDigest(box.read<PaymentRequest>("request.json"));
  return approve("request.json", "payment.json", ["--confirm", digest, ...words]);
};
const inOneLine = (text: string) => text.replaceAll(/\s+/g, " ");
const instead = (answer: (response: ServerResponse, request: IncomingMessage) => void) => {
  merchant.behaviour = { instead: (request, response) => (answer(response, request), true) };
};
/** The request as its agent would make it for another payee, on the same host. */
const payeeOfTheAgent = ({ http, payment }: Omit<PaymentRequestBody, never>) => {
  const terms = { network: NETWORK, asset: ASSET, amount: payment.amount, payTo: OTHER_ACCOUNT };
  const offer = { scheme: "exact", ...terms, maxTimeoutSeconds: 900, extra: { binding: bindingOf(http, terms) } };
  return { payment: { ...payment, payTo: OTHER_ACCOUNT, offer: canonicalJson(offer) } };
};

describe("a request with the agent's own account as payee", () => {
  test("is refused if the host answers with its own terms [false-payee-refused]", async () => {
    await ask(merchant.url, "request.json");
    await forge("request.json", payeeOfTheAgent);
    const run = await approved();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "terms_differ"]);
    expect(run.json.error.message).toContain(`payee is "`);
    expect(run.stderr).not.toContain("PAYMENT REQUEST");
  });

  test("is shown as not confirmed, unpinned, and never paid before, if the host cannot be reached [false-payee-shown]", async () => {
    for (const old of ["request.json", "request.terms.json"]) rmSync(box.path(old), { force: true });
    await box.run(
      `request create https://weather.invalid/now --offline --pay-to ${OTHER_ACCOUNT} --amount 80000000 --reason "Your trip tomorrow depends on the weather of today." --agent-file ./agent.json --out ./request.json`,
    );
    const run = await approved("--dry-run");
    const screen = inOneLine(run.stderr);
    expect(screen).toContain("Checked not confirmed by this host: ");
    expect(screen).toMatch(/└─+ Pay 0\.08 LGO To weather\.invalid Account \S+ Terms not confirmed by this host $/);
    expect(screen).toContain("! You never approved a payment to this host.");
    expect(screen).toContain("! First payment to this account.");
    expect(screen).toContain("! No account is pinned for this host");
    expect(run.json.data["confirmedByHost"]).toBe(false);
  });
});

describe("a host that answers with anything but its own 402 is unconfirmed", () => {
  const required = (url: string): PaymentRequired => ({ x402Version: 2, resource: { url }, accepts: [] });
  test.each<[string, (response: ServerResponse) => void, string]>([
    ["goods", (response) => response.end("free"), "it answers 200, not 402"],
    ["a redirect", (response) => response.writeHead(302, { location: "https://shop.example/" }).end(), "a redirect, which is not followed"],
    ["a connection that closes", (response) => response.destroy(), "the connection was closed"],
    ["a 402 without terms", (response) => response.writeHead(402).end(), "terms that are not its own or cannot be read"],
    [
      "another host's terms",
      (response) => response.writeHead(402, { [PAYMENT_REQUIRED]: encodeHeader(required("https://shop.example/")) }).end(),
      "terms that are not its own or cannot be read",
    ],
  ])("%s", async (_, answer, why) => {
    await ask(merchant.url, "request.json");
    instead(answer);
    const run = await approved("--dry-run");
    expect(inOneLine(run.stderr)).toContain(why);
    expect(run.json.data["confirmedByHost"]).toBe(false);
    const strict = await approved("--check-terms");
    expect([strict.exit, strict.json.error.code]).toEqual([EXIT.differs, "terms_unconfirmed"]);
  });
});

describe("the question", () => {
  const seen = async (words: string[], ...approval: string[]) => {
    await ask(merchant.url, "request.json", words);
    const requests: { method: string | undefined; headers: IncomingMessage["headers"]; body: string }[] = [];
    merchant.behaviour = {
      instead: (request) => {
        requests.push({ method: request.method, headers: request.headers, body: "" });
        return false;
      },
    };
    const run = await approved(...approval);
    return { requests, run };
  };
  const headers = ["-H", "Authorization: Bearer abc", "-H", "Cookie: a=b", "-H", "X-Api-Key: abc", "-H", "X-Tone: short"];

  test("of a GET is the request itself", async () => {
    const { requests, run } = await seen(headers);
    expect(requests).toMatchObject([{ method: "GET", headers: { authorization: "Bearer abc", "x-tone": "short" } }]);
    expect(run.json.data["confirmedByHost"]).toBe(true);
  });

  test("of a POST has its method, and neither body nor credentials [question-without-body]", async () => {
    const { requests, run } = await seen([...headers, "-H", "Content-Type: application/json", "-d", '{"transfer":"everything"}']);
    expect(requests).toMatchObject([{ method: "POST", headers: { "x-tone": "short" } }]);
    for (const name of ["authorization", "cookie", "x-api-key", "content-type"]) expect(requests[0]?.headers).not.toHaveProperty(name);
    expect(requests[0]?.headers["content-length"] ?? "0").toBe("0");
    expect(run.json.data["confirmedByHost"]).toBe(true);
  });

  test("of a POST is not asked in a dry run, and none is with --offline", async () => {
    expect((await seen(["-d", "x"], "--dry-run")).requests).toEqual([]);
    const { requests, run } = await seen([], "--offline");
    expect([requests, run.json.data["confirmedByHost"]]).toEqual([[], false]);
    expect((await approved("--offline", "--check-terms")).exit).toBe(EXIT.usage);
  });
});

describe("the 402 that the agent keeps", () => {
  /** A merchant that signs its terms, and sells by the size of the body. */
  const signs = async () => {
    await box.run(["pins", "forget", merchant.origin]);
    merchant.behaviour = {
      instead: (request, response) => {
        if (request.url !== "/.well-known/did.json") return false;
        DOCUMENTS.honest.answer(response, new URL(merchant.origin).host, "");
        return true;
      },
    };
  };
  const signOffer = () => {
    const { payment } = box.read<PaymentRequest>("request.json");
    return signedExtension(merchant.url, JSON.parse(payment.offer) as Parameters<typeof signedExtension>[1]);
  };

  test("lies beside the request's file, and in the inbox", async () => {
    const { digest } = await ask(merchant.url, "request.json");
    for (const file of ["request.terms.json", `home/inbox/${digest}.terms.json`])
      expect(box.read(file)).toMatchObject({ accepts: [{ amount: "10000" }] });
  });

  test("is verified with the key that the host publishes: its signature is a fact, and confirms a price that the body sets", async () => {
    await signs();
    await ask(merchant.url, "request.json", ["-d", "x"]);
    box.write("request.terms.json", { ...box.read<PaymentRequired>("request.terms.json"), extensions: signOffer() });
    expect((await approved()).json.data["confirmedByHost"]).toBe(true);
    merchant.behaviour = { ...merchant.behaviour, amount: "20000" };
    const dearer = await approved();
    expect(dearer.json.data["confirmedByHost"]).toBe(true);
    expect(inOneLine(dearer.stderr)).toContain("it names another price, but it signed this one");
  });

  test("with a false signature, or none, confirms nothing", async () => {
    await signs();
    await ask(merchant.url, "request.json", ["-d", "x"]);
    merchant.behaviour = { ...merchant.behaviour, amount: "20000" };
    expect(inOneLine((await approved("--dry-run")).stderr)).toContain("a dry run sends no POST");
    const unsigned = await approved();
    expect(unsigned.json.data["confirmedByHost"]).toBe(false);
    expect(inOneLine(unsigned.stderr)).toContain("Signed no: it does not sign its terms");
    const terms = box.read<PaymentRequired>("request.terms.json");
    const { "offer-receipt": extension } = signOffer();
    const [offer] = extension.info.offers;
    const forged = { ...extension, info: { offers: [{ ...offer, signature: `${offer?.signature.slice(0, -8)}AAAAAAAA` }] } };
    box.write("request.terms.json", { ...terms, extensions: { "offer-receipt": forged } });
    const run = await approved();
    expect(run.json.data["confirmedByHost"]).toBe(false);
    expect(inOneLine(run.stderr)).toContain("Signed no: the signature was not made with the key that this host publishes");
  });
});

describe("the body of a request", () => {
  test("is on the screen and in request show, if it is the one that was asked for [body-on-screen]", async () => {
    const { code, digest } = await ask(merchant.url, "request.json", ["-d", '{"to":"me"}', "-H", "Authorization: Bearer s3cret"]);
    const shown = await box.run(["request", "show", code]);
    expect(shown.json.data["sends"]).toMatchObject({
      untrusted: true,
      headers: ["Authorization: (hidden)", "content-type: application/x-www-form-urlencoded"],
      body: { kind: "text", bytes: 11, lines: ["{", '  "to": "me"', "}"], whole: true },
    });
    for (const text of [(await approved()).stderr, (await box.run(["request", "show", code], { terminal: true })).stdout]) {
      expect(text).toContain('  "to": "me"');
      expect(text).not.toContain("s3cret");
    }
    const stored = `home/requests/${digest}.json`;
    box.write(stored, { ...box.read<object>(stored), bodyBase64: btoa('{"to":"you"}') });
    const screen = inOneLine((await approved()).stderr);
    expect(screen).toContain("! You approve a body that you cannot read: the agent's copy of it is another one.");
    expect(screen).not.toContain('"you"');
    expect((await box.run(["request", "show", code])).json.data["sends"]).toMatchObject({ body: { kind: "unseen" } });
  });
});
