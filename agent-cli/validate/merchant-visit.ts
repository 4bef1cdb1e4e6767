/** All requests to a merchant for one report, with its responses. Nothing here judges them. */

import { PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { newDecoyPayer, type DecoyPayer, type Decoy, decoysFor } from "./decoys.ts";
import type { Probe, Reply } from "./probe.ts";
import { type ReadTerms, readTerms } from "./terms-read.ts";

export interface MerchantVisit {
  request: HttpRequest;
  /** The unpaid request, twice. */
  first: Reply;
  second: Reply;
  terms: ReadTerms;
  secondTerms: ReadTerms;
  head: Reply;
  /** What a browser sends before a page of another origin may pay. */
  preflight: Reply;
  crossOrigin: Reply;
  browser: Reply;
  spellings: { url: string; reply: Reply }[];
  /** Decoys and their replies; empty without --active or without an offer. */
  attempts: Attempt[];
  headWithPayment: Reply;
  /** The account in the decoys. */
  payer: DecoyPayer;
}

export interface Attempt extends Decoy {
  reply: Reply;
}

const ORIGIN = "https://app.example";
const BROWSER: [string, string][] = [
  ["accept", "text/html,application/xhtml+xml,*/*;q=0.8"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) lez-agent-pay-validate"],
];
const unsent = (why: string): Reply => ({ kind: "unsent", why });

export async function visitMerchant(request: HttpRequest, probe: Probe, active: boolean): Promise<MerchantVisit> {
  const send = (changes: Partial<HttpRequest> = {}, headers: readonly [string, string][] = []) =>
    probe.send({ ...request, ...changes, headers: [...request.headers, ...headers] });
  const isGet = request.method === "GET";
  const notGet = unsent(`${request.method} has no HEAD`);

  const first = await send();
  // A GET is safe to repeat. Another method that is not priced has just had its effect.
  if (!isGet && first.kind === "answer" && first.status !== 402) probe.stop(`${request.method} is not priced, and may have effects`);
  const terms = readTerms(first);
  const second = await send();
  const head = isGet ? await send({ method: "HEAD" }) : notGet;
  const { body: _, ...withoutBody } = request;
  const preflight = await probe.send({
    ...withoutBody,
    method: "OPTIONS",
    headers: [
      ["origin", ORIGIN],
      ["access-control-request-method", request.method],
      ["access-control-request-headers", "access-control-expose-headers,content-type,payment-signature"],
    ],
  });
  const crossOrigin = await send({}, [["origin", ORIGIN]]);
  const browser = await send({}, BROWSER);
  const spellings: MerchantVisit["spellings"] = [];
  for (const url of isGet ? otherSpellings(request.url) : []) spellings.push({ url, reply: await send({ url }) });

  const payer = await newDecoyPayer();
  const [offer] = terms.offers;
  const attempts: Attempt[] = [];
  const pay = (header: string, changes: Partial<HttpRequest> = {}) => send(changes, [[PAYMENT_SIGNATURE, header]]);
  if (active && offer) {
    for (const attempt of decoysFor(offer, payer, terms.terms?.["resource"])) {
      attempts.push({ ...attempt, reply: await pay(attempt.header) });
    }
  }
  const unsigned = attempts.find(({ kind }) => kind === "unsigned");
  const headWithPayment = !isGet ? notGet : unsigned ? await pay(unsigned.header, { method: "HEAD" }) : unsent("no offer to accept");
  return {
    request,
    first,
    second,
    terms,
    secondTerms: readTerms(second),
    head,
    preflight,
    crossOrigin,
    browser,
    spellings,
    attempts,
    headWithPayment,
    payer,
  };
}

/** Paths that a lenient router takes for the same: a slash at the end, two at the start, the last letter escaped. */
function otherSpellings(url: string): string[] {
  const { origin, pathname, search } = new URL(url);
  const last = pathname.at(-1) ?? "/";
  if (!/[A-Za-z0-9]/.test(last)) return [];
  const escaped = `${pathname.slice(0, -1)}%${last.charCodeAt(0).toString(16)}`;
  return [`${pathname}/`, `/${pathname}`, escaped].map((path) => `${origin}${path}${search}`);
}
