/** The 402 as an HTTP response: status, header, caching, and the same terms for a second or a different request. */

import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { type Finding, right, skipped, wrong } from "../../shared/checklist/check.ts";
import { MAX_FOREIGN_HEADER_BYTES, MAX_HEADER_BYTES, MAX_RESPONSE_BODY_BYTES, MAX_SIGNED_PART_BYTES } from "../../shared/limits.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { parseJson } from "../../shared/text/json.ts";
import { encodeHeader, PAYMENT_ERROR } from "../../shared/x402/headers.ts";
import { isRedirect } from "../runtime/exchange.ts";
import { type ConformanceCheck, defects } from "./check.ts";
import { oldHeaders, storedByCdn } from "./headers.ts";
import type { MerchantVisit } from "./merchant-visit.ts";
import { isServed, type Reply, replyText } from "./probe.ts";
import { isMembers, payeesOf, pricesOf } from "./terms-read.ts";

const STANDARD_BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const NO_HEADER = skipped("there is no PAYMENT-REQUIRED header");

/** For checks of the first response. */
function onAnswer(judge: (reply: Reply & { kind: "answer" }, visit: MerchantVisit) => Finding): (visit: MerchantVisit) => Finding {
  return (visit) => (visit.first.kind === "answer" ? judge(visit.first, visit) : skipped(replyText(visit.first)));
}

function onHeader(judge: (header: string, visit: MerchantVisit) => Finding): (visit: MerchantVisit) => Finding {
  return (visit) => (visit.terms.header === undefined ? NO_HEADER : judge(visit.terms.header, visit));
}

export const CHALLENGE_CHECKS: readonly ConformanceCheck<MerchantVisit>[] = [
  {
    id: "challenge.status",
    title: "an unpaid request is answered 402",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "fail",
    change: "Answer every unpaid request for this resource with 402, in the code that guards the handler.",
    judge({ first }) {
      if (first.kind !== "answer") return wrong(replyText(first));
      if (first.status === 402) return right("402");
      if (isRedirect(first.status)) return wrong(`${first.status} to ${quote(first.headers["location"])}, which was not followed`);
      if (isServed(first)) return wrong(`${first.status}: the resource was served`);
      const code = first.headers[PAYMENT_ERROR.toLowerCase()];
      return wrong(code === undefined ? `${first.status}` : `${first.status}, ${quote(code)}`);
    },
  },
  {
    id: "challenge.header",
    title: "the terms are in the PAYMENT-REQUIRED header",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "fail",
    change: "Send PAYMENT-REQUIRED: base64 of the JSON PaymentRequired. Terms in the body alone are x402 version 1.",
    judge: onAnswer((_, { terms }) => (terms.header === undefined ? wrong("no such header") : right(`${terms.header.length} bytes`))),
  },
  {
    id: "challenge.once",
    title: "there is one PAYMENT-REQUIRED header",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "fail",
    change: "Keep one paywall in front of the handler, and no proxy that adds another: a payment is for one of them.",
    judge: onHeader((header) => (header.includes(",") ? wrong(`${header.split(",").length}`) : right("one"))),
  },
  {
    id: "challenge.size",
    title: `the header is at most ${MAX_FOREIGN_HEADER_BYTES} bytes`,
    clause: "spec/protocol.md §8",
    severity: "fail",
    change: "Shorten descriptions, make fewer offers, and keep only what buyers need to pay.",
    judge: onHeader(({ length }) => (length <= MAX_FOREIGN_HEADER_BYTES ? right(`${length} bytes`) : wrong(`${length} bytes`))),
  },
  {
    id: "challenge.compact",
    title: `the header is below ${MAX_HEADER_BYTES} bytes`,
    clause: "spec/protocol.md §8",
    severity: "warn",
    change: "Node refuses answers with more than 16 KiB of headers in all, and proxies refuse less. Shorten the terms.",
    judge: onHeader(({ length }) => (length <= MAX_HEADER_BYTES ? right(`${length} bytes`) : wrong(`${length} bytes`))),
  },
  {
    id: "challenge.room",
    title: `a payment with these terms fits into ${MAX_HEADER_BYTES} bytes`,
    clause: "spec/protocol.md §8",
    severity: "warn",
    change: "Shorten the address, the description or the extensions: a payment repeats them, beside what is signed, in one header.",
    judge: onHeader((_, { terms: { terms, offers } }) => {
      if (!terms || offers.length === 0) return skipped("there is no offer");
      const { x402Version, resource, extensions } = terms;
      const largest = Math.max(...offers.map((accepted) => encodeHeader({ x402Version, resource, extensions, accepted }).length));
      const bytes = largest + MAX_SIGNED_PART_BYTES;
      return bytes <= MAX_HEADER_BYTES ? right(`about ${bytes} bytes`) : wrong(`about ${bytes} bytes`);
    }),
  },
  {
    id: "challenge.v1",
    title: "the response has no header of x402 version 1",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "warn",
    change: "Send PAYMENT-REQUIRED and PAYMENT-RESPONSE. Buyers of version 2 do not read X-PAYMENT headers.",
    judge: onAnswer(({ headers }) => defects(oldHeaders(headers), "none")),
  },
  {
    id: "challenge.base64",
    title: "the header is base64",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "fail",
    change: "Encode the UTF-8 bytes of the JSON with standard base64, with padding, in one line.",
    judge: onHeader((header, { terms }) => (terms.bytes ? right("base64") : wrong(`not base64: ${quote(header.slice(0, 60))}`))),
  },
  {
    id: "challenge.alphabet",
    title: "the base64 is the standard alphabet, padded",
    clause: "spec/protocol.md §8",
    severity: "warn",
    change: "The official client reads the standard alphabet only. Do not send base64url, and keep the padding.",
    judge: onHeader((header, { terms }) => {
      if (!terms.bytes) return skipped("the header is not base64");
      return STANDARD_BASE64.test(header) ? right("standard and padded") : wrong("URL-safe letters, or no padding");
    }),
  },
  {
    id: "challenge.json",
    title: "the header holds one unambiguous JSON object",
    clause: "x402 v2 §5.1, spec/protocol.md §1",
    severity: "fail",
    change: "Send UTF-8 JSON from a serializer: no duplicate keys, no lone surrogates, no deep nesting.",
    judge: onHeader((_, { terms }) => {
      if (!terms.bytes) return skipped("the header is not base64");
      return terms.terms ? right("a JSON object") : wrong(quote(terms.problem));
    }),
  },
  {
    id: "challenge.body",
    title: "the body has the same terms as the header",
    clause: "spec/protocol.md §9",
    severity: "warn",
    change:
      "x402 does not define the body. Put the PaymentRequired there, too, for people with curl and for buyers behind proxies that strip headers.",
    judge: onAnswer(({ body }, { terms }) => {
      if (!terms.terms) return skipped("there are no terms to compare with");
      const json = parseJson(body, MAX_FOREIGN_HEADER_BYTES, z.unknown());
      if (!json.ok) return wrong(`the body: ${json.problem}`);
      const same = isMembers(json.value) && isDeepStrictEqual(json.value["accepts"], terms.terms["accepts"]);
      return same ? right("the same offers") : wrong("a body without these offers");
    }),
  },
  {
    id: "challenge.body-ends",
    title: `the body is complete and at most ${MAX_RESPONSE_BODY_BYTES} bytes`,
    clause: "spec/protocol.md §11",
    severity: "warn",
    change: "Send a small body, and end it.",
    judge: onAnswer(({ complete, body }) =>
      complete ? right(`${body.length} bytes`) : wrong(`broke off, or longer, after ${body.length} bytes`),
    ),
  },
  {
    id: "challenge.cache",
    title: "the 402 is not stored: Cache-Control no-store",
    clause: "spec/protocol.md §9",
    severity: "warn",
    change: "Send Cache-Control: no-store, so that no cache answers with old terms, or answers a payment with terms.",
    judge: onAnswer(({ headers }) => {
      const cache = headers["cache-control"] ?? "";
      return /(^|[\s,])no-store([\s,]|$)/i.test(cache) ? right(quote(cache)) : wrong(cache === "" ? "no Cache-Control" : quote(cache));
    }),
  },
  {
    id: "challenge.cdn-cache",
    title: "no header lets a CDN store the 402",
    clause: "RFC 9213 §2, spec/protocol.md §9",
    severity: "warn",
    change: "Take these headers off, or set them to no-store: at a CDN they outrank Cache-Control.",
    judge: onAnswer(({ headers }) => defects(storedByCdn(headers), "none")),
  },
  {
    id: "challenge.no-receipt",
    title: "the response to an unpaid request has no receipt",
    clause: "x402 v2, HTTP: Settlement Response Delivery",
    severity: "fail",
    change: "Send PAYMENT-RESPONSE only in response to a payment.",
    judge: onAnswer(({ headers }) =>
      headers["payment-response"] === undefined ? right("none") : wrong("PAYMENT-RESPONSE without a payment"),
    ),
  },
  {
    id: "stable.price",
    title: "a second request gets the same price",
    clause: "x402 v2 §5.2 (accepted)",
    severity: "warn",
    change: "A payment accepts one exact offer. Honour an offer for its maxTimeoutSeconds, or you refuse buyers who agreed to your price.",
    judge: sameTwice(pricesOf),
  },
  {
    id: "stable.payee",
    title: "a second request gets the same payee",
    clause: "x402 v2 §5.2 (accepted)",
    severity: "warn",
    change: "Careful buyers remember the payee. If each payment needs an address of its own, also accept the ones already offered.",
    judge: sameTwice(payeesOf),
  },
  {
    id: "gate.head",
    title: "HEAD is not served without a payment",
    clause: "RFC 9110 §9.3.2, spec/protocol.md §9",
    severity: "warn",
    change: "Guard HEAD like GET: many frameworks answer HEAD with the GET handler, which would then run unpaid.",
    judge({ head }) {
      if (head.kind !== "answer") return skipped(replyText(head));
      return isServed(head) ? wrong(`${replyText(head)} without a payment`) : right(replyText(head));
    },
  },
  {
    id: "gate.head-terms",
    title: "HEAD shows the terms of GET",
    clause: "RFC 9110 §9.3.2, spec/protocol.md §9",
    severity: "warn",
    change: "Answer HEAD with 402 and the same PAYMENT-REQUIRED.",
    judge({ head }) {
      if (head.kind === "unsent") return skipped(head.why);
      const has = head.kind === "answer" && head.status === 402 && head.headers["payment-required"] !== undefined;
      return has ? right("402 with terms") : wrong(`${replyText(head)}, no terms`);
    },
  },
  {
    id: "gate.spelling",
    title: "no other spelling of the path is served without a payment",
    clause: "x402 v2 §2",
    severity: "warn",
    change: "Put the paywall on the handler itself, not on a path that a router may interpret in another way.",
    judge({ first, spellings }) {
      if (spellings.length === 0) return skipped("this URL has no other spelling to try");
      if (first.kind !== "answer" || first.status !== 402) return skipped("the URL itself is not priced");
      const given = spellings.filter(({ reply }) => isServed(reply)).map(({ url }) => quote(new URL(url).pathname));
      return given.length > 0 ? wrong(`served: ${given.join(", ")}`) : right(`${spellings.length} tried`);
    },
  },
  {
    id: "browser.status",
    title: "a browser gets 402 with the same header",
    clause: "x402 v2, HTTP: Payment Required Signaling",
    severity: "fail",
    change: "Send a page for people with status 402 and PAYMENT-REQUIRED, like every other response.",
    judge({ browser }) {
      if (browser.kind === "unsent") return skipped(browser.why);
      const has = browser.kind === "answer" && browser.status === 402 && browser.headers["payment-required"] !== undefined;
      return has
        ? right("402 with terms")
        : wrong(`${replyText(browser)}, ${browser.kind === "answer" && browser.headers["payment-required"] ? "with" : "no"} terms`);
    },
  },
  {
    id: "browser.page",
    title: "a browser gets an HTML page",
    clause: "spec/protocol.md §9",
    severity: "warn",
    change: "For Accept: text/html send a small page that names the goods and the price, and explains how agents pay.",
    judge({ browser }) {
      if (browser.kind !== "answer") return skipped(replyText(browser));
      const type = browser.headers["content-type"] ?? "";
      return type.startsWith("text/html") ? right(quote(type)) : wrong(type === "" ? "no Content-Type" : quote(type));
    },
  },
  {
    id: "cors.preflight",
    title: "OPTIONS is free, and allows PAYMENT-SIGNATURE from another origin",
    clause: "spec/protocol.md §9, Fetch §4.8",
    severity: "warn",
    change:
      "Handle CORS before the paywall. Allow PAYMENT-SIGNATURE, Content-Type and Access-Control-Expose-Headers: the official browser client sends them.",
    judge({ preflight }) {
      if (preflight.kind === "unsent") return skipped(preflight.why);
      if (!isServed(preflight) || preflight.kind !== "answer") return wrong(replyText(preflight));
      const allowed = listOf(preflight.headers["access-control-allow-headers"]);
      const missing = ["payment-signature", "access-control-expose-headers"].filter((name) => !allowed.has(name) && !allowed.has("*"));
      if (preflight.headers["access-control-allow-origin"] === undefined) return wrong(`${preflight.status}, no origin allowed`);
      return missing.length > 0 ? wrong(`${preflight.status}, not allowed: ${missing.join(", ")}`) : right(`${preflight.status}`);
    },
  },
  {
    id: "cors.expose",
    title: "a page of another origin may read the terms and the receipt",
    clause: "spec/protocol.md §9",
    severity: "warn",
    change: "Send Access-Control-Expose-Headers: PAYMENT-REQUIRED, PAYMENT-RESPONSE.",
    judge({ crossOrigin }) {
      if (crossOrigin.kind !== "answer") return skipped(replyText(crossOrigin));
      const exposed = listOf(crossOrigin.headers["access-control-expose-headers"]);
      const missing = ["payment-required", "payment-response"].filter((name) => !exposed.has(name) && !exposed.has("*"));
      return missing.length > 0 ? wrong(`not exposed: ${missing.join(", ")}`) : right("both exposed");
    },
  },
];

function sameTwice(part: typeof pricesOf): (visit: MerchantVisit) => Finding {
  return ({ terms, secondTerms }) => {
    if (!terms.terms || !secondTerms.terms) return skipped("there are no terms to compare");
    const [before, after] = [part(terms), part(secondTerms)];
    return before === after ? right("the same") : wrong(`${quote(JSON.parse(before))}, then ${quote(JSON.parse(after))}`);
  };
}

function listOf(header: string | undefined): Set<string> {
  return new Set((header ?? "").split(",").map((name) => name.trim().toLowerCase()));
}
