/** Every check can fail: an endpoint that passes them all, spoiled in one place, is named by the check for that place. */

import { expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../../agent-cli/validate/checks.ts";
import { isMembers, type Members } from "../../agent-cli/validate/terms-read.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { LEDGER, offerOf } from "../fixtures.ts";
import { MODES } from "../hostile/facilitator.ts";
import { TRICKS } from "../hostile/tricks.ts";
import { listen } from "../interop/official.ts";
import { validation } from "./validation.ts";

const box = sandbox();

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Asked {
  method: string;
  path: string;
  /** PAYMENT-SIGNATURE, and whether it is one. */
  payment: "none" | "malformed" | "well-formed";
  browser: boolean;
}

interface Spoil {
  terms?: (terms: Members) => void;
  offer?: (offer: Members) => void;
  answer?: (answer: Answer, asked: Asked) => void;
}

const extra = (offer: Members): Members => (isMembers(offer["extra"]) ? offer["extra"] : {});
const resource = (terms: Members): Members => (isMembers(terms["resource"]) ? terms["resource"] : {});
const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "PAYMENT-SIGNATURE, Content-Type, Access-Control-Expose-Headers",
  "Access-Control-Expose-Headers": "PAYMENT-REQUIRED, PAYMENT-RESPONSE",
};

/** A merchant without fault, but for the spoil. It settles nothing, so it refuses every payment. */
async function merchant({ terms: spoilTerms, offer: spoilOffer, answer: spoilAnswer }: Spoil): Promise<string> {
  const origin = await listen((request) => {
    const { pathname: path } = new URL(request.url);
    const header = request.headers.get(PAYMENT_SIGNATURE);
    const wellFormed = header !== null && decodeHeader(header, paymentPayloadSchema).ok;
    const asked: Asked = {
      method: request.method,
      path,
      payment: header === null ? "none" : wellFormed ? "well-formed" : "malformed",
      browser: request.headers.get("accept")?.startsWith("text/html") === true,
    };
    const url = `${origin}${path}`;
    const offer: Members = offerOf();
    offer["extra"] = { ledger: LEDGER, binding: bindingOf({ method: "GET", url }, offerOf()) };
    spoilOffer?.(offer);
    const terms: Members = { x402Version: 2, error: "payment_required", resource: { url }, accepts: [offer] };
    spoilTerms?.(terms);
    const challenge = { [PAYMENT_REQUIRED]: encodeHeader(terms), "Cache-Control": "no-store" };
    const answer: Answer =
      path !== "/report"
        ? { status: 404, headers: {}, body: "" }
        : request.method === "OPTIONS"
          ? { status: 204, headers: { ...CORS }, body: "" }
          : {
              status: asked.payment === "malformed" ? 400 : 402,
              headers: { ...CORS, ...challenge, "Content-Type": asked.browser ? "text/html" : "application/json" },
              body: asked.browser ? "<p>pay</p>" : JSON.stringify(terms),
            };
    spoilAnswer?.(answer, asked);
    return new Response(answer.body === "" ? null : answer.body, answer);
  });
  return `${origin}/report`;
}

const unpaid = (spoil: (answer: Answer) => void): Spoil => ({
  answer: (answer, { method, path, payment, browser }) => {
    if (method === "GET" && path === "/report" && payment === "none" && !browser) spoil(answer);
  },
});
const paid = (spoil: (answer: Answer) => void, kind?: Asked["payment"]): Spoil => ({
  answer: (answer, { method, payment }) => {
    if (method === "GET" && payment !== "none" && (kind === undefined || payment === kind)) spoil(answer);
  },
});
const on = (when: Partial<Asked>, spoil: (answer: Answer) => void): Spoil => ({
  answer: (answer, asked) => {
    if (Object.entries(when).every(([key, value]) => asked[key as keyof Asked] === value)) spoil(answer);
  },
});
const gives = (receipt?: object) => (answer: Answer) => {
  answer.status = 200;
  if (receipt) answer.headers[PAYMENT_RESPONSE] = encodeHeader(receipt);
};

/** An offer on another network, as it should be. */
const EVM = {
  network: "eip155:84532",
  asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  payTo: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
  extra: { name: "USDC", version: "2" },
};

const MERCHANT: Record<string, Spoil> = {
  "challenge.once": unpaid(({ headers }) => (headers[PAYMENT_REQUIRED] = `${headers[PAYMENT_REQUIRED]}, ${headers[PAYMENT_REQUIRED]}`)),
  "challenge.room": { terms: (terms) => (resource(terms)["url"] += `?${"x".repeat(4600)}`) },
  "challenge.v1": unpaid(({ headers }) => (headers["X-PAYMENT-RESPONSE"] = "e30=")),
  "challenge.cdn-cache": unpaid(({ headers }) => (headers["CDN-Cache-Control"] = "max-age=60")),
  "challenge.compact": { terms: (terms) => (terms["padding"] = "x".repeat(9000)) },
  "challenge.alphabet": unpaid(({ headers }) => {
    // Ten more bytes: one of the two needs padding.
    const [terms, longer] = [headers[PAYMENT_REQUIRED] ?? "", encodeHeader({ ...decodeTerms(headers[PAYMENT_REQUIRED]), pad: "x" })];
    headers[PAYMENT_REQUIRED] = (terms.endsWith("=") ? terms : longer).replaceAll("=", "");
  }),
  "challenge.body": unpaid((answer) => (answer.body = "{}")),
  "challenge.cache": unpaid(({ headers }) => (headers["Cache-Control"] = "max-age=60")),
  "challenge.no-receipt": unpaid(({ headers }) => (headers[PAYMENT_RESPONSE] = "e30=")),
  "gate.head": on({ method: "HEAD" }, (answer) => (answer.status = 200)),
  "gate.head-terms": on({ method: "HEAD" }, ({ headers }) => delete headers[PAYMENT_REQUIRED]),
  "gate.spelling": { answer: (answer, { path }) => void (path === "/report/" && (answer.status = 200)) },
  "browser.status": on({ browser: true }, (answer) => (answer.status = 200)),
  "browser.page": on({ browser: true }, ({ headers }) => (headers["Content-Type"] = "application/json")),
  "cors.preflight": on({ method: "OPTIONS" }, (answer) => (answer.status = 402)),
  "cors.expose": { answer: ({ headers }) => delete headers["Access-Control-Expose-Headers"] },
  "terms.resource": { terms: (terms) => (terms["resource"] = {}) },
  "terms.resource-url": { terms: (terms) => (terms["resource"] = { url: `${String(resource(terms)["url"])}/v2` }) },
  "terms.resource-info": { terms: (terms) => (resource(terms)["tags"] = ["a", "b", "c", "d", "e", "f"]) },
  "terms.error": { terms: (terms) => (terms["error"] = { code: 402 }) },
  "terms.extensions": { terms: (terms) => (terms["extensions"] = { bazaar: {} }) },
  "terms.accepts-few": { terms: (terms) => (terms["accepts"] = Array.from({ length: 33 }, () => (terms["accepts"] as unknown[])[0])) },
  "offer.no-more": { offer: (offer) => (offer["description"] = "cheap") },
  "offer.price": { offer: (offer) => (offer["amount"] = "0") },
  "offer.scheme": { offer: (offer) => (offer["scheme"] = "exakt") },
  "offer.payee": { offer: (offer) => Object.assign(offer, EVM, { payTo: offerOf().payTo }) },
  "offer.asset": { offer: (offer) => Object.assign(offer, EVM, { asset: "native" }) },
  "offer.scheme-members": { offer: (offer) => (extra(offer)["feePayer"] = offerOf().payTo) },
  "offer.timeout": { offer: (offer) => (offer["maxTimeoutSeconds"] = 1.5) },
  "offer.transfer-method": { offer: (offer) => (extra(offer)["assetTransferMethod"] = "default") },
  "lez.scheme": { offer: (offer) => (offer["scheme"] = "batch-settlement") },
  "lez.offer": { offer: (offer) => (offer["asset"] = "gold") },
  "lez.bound": { offer: (offer) => delete extra(offer)["binding"] },
  "lez.ledger": { offer: (offer) => delete extra(offer)["ledger"] },
  "lez.timeout": { offer: (offer) => (offer["maxTimeoutSeconds"] = 86_400) },
  "payment.malformed-refused": paid(gives(), "malformed"),
  "payment.malformed-400": paid((answer) => (answer.status = 402), "malformed"),
  "payment.unsigned-402": paid((answer) => (answer.status = 403), "well-formed"),
  "payment.tampered-refused": paid(gives(), "well-formed"),
  "payment.fresh-terms": paid(({ headers }) => delete headers[PAYMENT_REQUIRED]),
  "payment.same-terms": paid(({ headers }) => {
    const terms = decodeTerms(headers[PAYMENT_REQUIRED]);
    headers[PAYMENT_REQUIRED] = encodeHeader({ ...terms, accepts: [{ ...(terms["accepts"] as Members[])[0], amount: "10001" }] });
  }),
  "payment.code": paid((answer) => {
    const sentence = { ...decodeTerms(answer.headers[PAYMENT_REQUIRED]), error: "Please pay first." };
    answer.headers[PAYMENT_REQUIRED] = encodeHeader(sentence);
    answer.body = JSON.stringify(sentence);
  }),
  "payment.v1": paid(({ headers }) => (headers["X-PAYMENT-RESPONSE"] = "e30=")),
  "payment.cache": paid(({ headers }) => (headers["Cache-Control"] = "public, max-age=60")),
  "payment.head": on({ method: "HEAD", payment: "well-formed" }, (answer) => (answer.status = 200)),
};

function decodeTerms(header = ""): Members {
  return JSON.parse(Buffer.from(header, "base64").toString()) as Members;
}

test("a merchant without fault has no fault, and of the receipts nothing is known", async () => {
  const { exit, wrong, skipped } = await validation(box, await merchant({}), "--active", "--strict");
  expect(wrong).toEqual([]);
  expect(exit).toBe(EXIT.ok);
  expect(skipped.map(({ id }) => id)).toEqual([
    "offer.cheapest-first",
    "receipt.present",
    "receipt.success",
    "receipt.network",
    "receipt.payer",
    "receipt.amount",
  ]);
});

test.each(Object.entries(MERCHANT))("%s", async (id, spoil) => {
  const { checks } = await validation(box, await merchant(spoil), "--active");
  expect(checks[id]).toMatchObject({
    verdict: MERCHANT_CHECKS.find((check) => check.id === id)?.severity,
    change: expect.any(String) as string,
  });
});

test("a merchant that is not set up to sell is named by the code that it sends", async () => {
  const spoil = unpaid((answer) => Object.assign(answer, { status: 500, headers: { [PAYMENT_ERROR]: "internal_error" } }));
  const { checks } = await validation(box, await merchant(spoil));
  expect(checks["challenge.status"]).toMatchObject({ verdict: "fail", saw: '500, "internal_error"' });
});

interface FacilitatorSpoil {
  supported?: (support: Members) => void;
  /** The answer to a payment that can be read. */
  answer?: (answer: { status: number; body: Members }) => void;
  /** The answer to everything else. */
  refusal?: (answer: { status: number; body: Members }) => void;
}

async function facilitator({ supported, answer, refusal }: FacilitatorSpoil): Promise<string> {
  return listen(async (request) => {
    const path = new URL(request.url).pathname;
    if (path === "/supported") {
      const kind: Members = { x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger: LEDGER } };
      const support: Members = { kinds: [kind], extensions: [], signers: {} };
      supported?.(support);
      return Response.json(support);
    }
    const text = await request.text();
    const refused = (code: string): Members =>
      path === "/verify"
        ? { isValid: false, invalidReason: code }
        : { success: false, errorReason: code, transaction: "", network: "logos:lez-testnet" };
    const readable = text.startsWith("{") && text !== "{}" && text.length <= MAX_FACILITATOR_BODY_BYTES;
    const made = readable ? { status: 200, body: refused("invalid_signature") } : { status: 400, body: refused("invalid_payload") };
    (readable ? answer : refusal)?.(made);
    return Response.json(made.body, { status: made.status });
  });
}

const SUPPORTED: Record<string, FacilitatorSpoil> = {
  "supported.kinds": { supported: (support) => (support["kinds"] = []) },
  "supported.networks": { supported: (support) => (support["kinds"] = [{ x402Version: 2, scheme: "exact", network: "logos:*" }]) },
  "supported.extensions": { supported: (support) => delete support["extensions"] },
  "supported.signers": { supported: (support) => (support["signers"] = { "logos:*": "nobody" }) },
  "supported.ledger": { supported: (support) => (support["kinds"] = [{ x402Version: 2, scheme: "exact", network: "logos:lez-testnet" }]) },
};
const CALL: Record<string, FacilitatorSpoil> = {
  status: { answer: (answer) => (answer.status = 400) },
  shape: { answer: (answer) => (answer.body = { ok: false }) },
  refused: { answer: ({ body }) => Object.assign(body, { isValid: true, success: true }) },
  reason: { answer: ({ body }) => Object.assign(body, { invalidReason: "the signature is wrong", errorReason: "the signature is wrong" }) },
  garbage: { refusal: (answer) => (answer.body = { error: "invalid_payload" }) },
  "codes-only": { refusal: ({ body }) => (body["invalidMessage"] = "<h1>Bad gateway</h1>") },
  compact: { answer: ({ body }) => (body["extra"] = { log: "x".repeat(MAX_FACILITATOR_BODY_BYTES) }) },
  bounded: { refusal: (answer) => (answer.status = 200) },
};
const FACILITATOR = {
  ...SUPPORTED,
  ...Object.fromEntries(["verify", "settle"].flatMap((call) => Object.entries(CALL).map(([id, spoil]) => [`${call}.${id}`, spoil]))),
};

test("a facilitator without fault has no fault", async () => {
  const { exit, wrong, skipped } = await validation(box, "--facilitator", await facilitator({}), "--active", "--strict");
  expect([exit, wrong, skipped]).toEqual([EXIT.ok, [], []]);
});

test.each(Object.entries(FACILITATOR))("%s", async (id, spoil) => {
  const { checks } = await validation(box, "--facilitator", await facilitator(spoil), "--active");
  expect(checks[id]).toMatchObject({
    verdict: FACILITATOR_CHECKS.find((check) => check.id === id)?.severity,
    change: expect.any(String) as string,
  });
});

test("every check is here, or named by a trick of the hostile peers", () => {
  const named = [...Object.values(TRICKS), ...Object.values(MODES)].flatMap((peer) =>
    "caughtBy" in peer ? [peer.caughtBy as string] : [],
  );
  const covered = new Set([...Object.keys(MERCHANT), ...Object.keys(FACILITATOR), ...named]);
  const all = [...MERCHANT_CHECKS, ...FACILITATOR_CHECKS].map(({ id }) => id);
  expect(all.filter((id) => !covered.has(id))).toEqual([]);
});
