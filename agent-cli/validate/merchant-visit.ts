/** Everything that a merchant is asked for a report, and what it answered. Nothing in here judges. */
import { PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import type { Asking, Reply } from "./asking.ts";
import { newNoPayer, type NoPayer, type NoPayment, noPayments } from "./no-payments.ts";
import { type ReadTerms, readTerms } from "./terms-read.ts";

export interface MerchantVisit {
  request: HttpRequest;
  /** The request as it is, without a payment, twice. */
  first: Reply;
  second: Reply;
  terms: ReadTerms;
  secondTerms: ReadTerms;
  head: Reply;
  /** As a browser asks before it lets a page of another origin pay. */
  preflight: Reply;
  crossOrigin: Reply;
  browser: Reply;
  spellings: { url: string; reply: Reply }[];
  /** Empty without --active, or without an offer to accept. */
  attempts: Attempt[];
  headWithPayment: Reply;
  /** The account in the payments that are none. */
  payer: NoPayer;
}

export interface Attempt extends NoPayment {
  reply: Reply;
}

const ORIGIN = "https://app.example";
const BROWSER: [string, string][] = [
  ["accept", "text/html,application/xhtml+xml,*/*;q=0.8"],
  ["user-agent", "Mozilla/5.0 (X11; Linux x86_64) lez-agent-pay-validate"],
];
const unasked = (why: string): Reply => ({ kind: "unasked", why });

export async function visitMerchant(request: HttpRequest, asking: Asking, active: boolean): Promise<MerchantVisit> {
  const ask = (changes: Partial<HttpRequest> = {}, headers: readonly [string, string][] = []) =>
    asking.ask({ ...request, ...changes, headers: [...request.headers, ...headers] });
  const isGet = request.method === "GET";
  const onlyGet = unasked(`${request.method} has no HEAD`);

  const first = await ask();
  // A GET may be asked again and again. Another method that is not priced has just had its effect.
  if (!isGet && first.kind === "answer" && first.status !== 402) asking.stop(`${request.method} is not priced, and may have effects`);
  const terms = readTerms(first);
  const second = await ask();
  const head = isGet ? await ask({ method: "HEAD" }) : onlyGet;
  const { body: _, ...withoutBody } = request;
  const preflight = await asking.ask({
    ...withoutBody,
    method: "OPTIONS",
    headers: [
      ["origin", ORIGIN],
      ["access-control-request-method", request.method],
      ["access-control-request-headers", "access-control-expose-headers,content-type,payment-signature"],
    ],
  });
  const crossOrigin = await ask({}, [["origin", ORIGIN]]);
  const browser = await ask({}, BROWSER);
  const spellings: MerchantVisit["spellings"] = [];
  for (const url of isGet ? otherSpellings(request.url) : []) spellings.push({ url, reply: await ask({ url }) });

  const payer = await newNoPayer();
  const [offer] = terms.offers;
  const attempts: Attempt[] = [];
  const pay = (header: string, changes: Partial<HttpRequest> = {}) => ask(changes, [[PAYMENT_SIGNATURE, header]]);
  if (active && offer) {
    for (const attempt of noPayments(offer, payer, terms.terms?.["resource"])) {
      attempts.push({ ...attempt, reply: await pay(attempt.header) });
    }
  }
  const unsigned = attempts.find(({ kind }) => kind === "unsigned");
  const headWithPayment = !isGet ? onlyGet : unsigned ? await pay(unsigned.header, { method: "HEAD" }) : unasked("no offer to accept");
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

/** The same resource to a lenient router: with a slash behind it, doubled in front, and with its last letter escaped. */
function otherSpellings(url: string): string[] {
  const { origin, pathname, search } = new URL(url);
  const last = pathname.at(-1) ?? "/";
  if (!/[A-Za-z0-9]/.test(last)) return [];
  const escaped = `${pathname.slice(0, -1)}%${last.charCodeAt(0).toString(16)}`;
  return [`${pathname}/`, `/${pathname}`, escaped].map((path) => `${origin}${path}${search}`);
}
