/** The tricks of the hostile merchant, by route: what each does, and what is said about it in the table in README.md. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../../shared/lez.ts";
import { MAX_FOREIGN_HEADER_BYTES, MAX_RESPONSE_BODY_BYTES } from "../../shared/limits.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import type { PaymentPayload, PaymentRequired, PaymentRequirements, SettleResponse } from "../../shared/x402/x402.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { HOSTILE_CHARACTERS } from "../spellings.ts";
import { FIRST_KEY, SECOND_KEY, signedExtension } from "./signing.ts";

/** What every trick sells for. */
export const PRICE = "10000";
export const GOODS = "the goods";
/** A third party's account. */
export const OTHER_ACCOUNT = "US517G5965aydkZ46HS38QLi7UQiSojurfbQfKCELFx";
const LEDGER = "1e".repeat(32);
const OTHER_NETWORK = "logos:lez-mainnet";

export interface Visit {
  request: IncomingMessage;
  response: ServerResponse;
  /** The URL that was asked. */
  url: string;
  /** The route's other origin. */
  elsewhere: string;
  /** PAYMENT-SIGNATURE as it came. */
  payment: string | undefined;
  /** How often this route was asked before. */
  times: number;
}

export interface Trick {
  /** What it does, in a line of the table in README.md. */
  does: string;
  /** The check of `validate` that names it; none where only a real payment brings it to light, or nothing is wrong. */
  caughtBy?: string;
  answer: (visit: Visit) => void;
}

function offerFor({ request, url }: Visit, changes: Partial<PaymentRequirements> = {}): PaymentRequirements {
  const terms = { network: NETWORK, asset: ASSET, amount: PRICE, payTo: DEMO_MERCHANT_ACCOUNT, ...changes };
  const binding = bindingOf({ method: request.method ?? "GET", url }, terms);
  return { scheme: SCHEME, ...terms, maxTimeoutSeconds: 900, ...changes, extra: { binding, ledger: LEDGER, ...changes.extra } };
}

function termsFor(visit: Visit, ...accepts: PaymentRequirements[]): PaymentRequired {
  const resource = { url: visit.url, description: "The report", mimeType: "text/plain" };
  return { x402Version: X402_VERSION, error: "payment_required", resource, accepts: accepts.length > 0 ? accepts : [offerFor(visit)] };
}

/** A 402 as it should be, but for the header's value. */
function challenge({ response }: Visit, header: string, body = "{}"): void {
  response.writeHead(402, { "Content-Type": "application/json", "Cache-Control": "no-store", [PAYMENT_REQUIRED]: header }).end(body);
}

function ask(visit: Visit, terms: object = termsFor(visit)): void {
  challenge(visit, encodeHeader(terms), JSON.stringify(terms));
}

/** Terms of this kind to everybody, with or without a payment. */
const asks =
  (terms: (visit: Visit) => object): Trick["answer"] =>
  (visit) =>
    ask(visit, terms(visit));

/** An honest 402, and this for a payment. */
const onPayment =
  (answer: Trick["answer"]): Trick["answer"] =>
  (visit) => {
    if (visit.payment === undefined) ask(visit);
    else answer(visit);
  };

/** The transaction of a payment, as it follows from what was signed; of what is no payment, any. */
export function transactionFor(payment: PaymentPayload | undefined): string {
  const exact = exactPayloadSchema.safeParse(payment?.payload);
  return exact.success ? transactionOf(NETWORK, authorizationDigest(exact.data.authorization)) : "ab".repeat(32);
}

/** The receipt that an honest merchant would give for what was presented. */
function receiptFor({ payment }: Visit): SettleResponse {
  const read = decodeHeader(payment ?? "", paymentPayloadSchema);
  const { authorization } = (read.ok ? read.value.payload : {}) as { authorization?: { from?: string } };
  const payer = authorization?.from;
  const transaction = transactionFor(read.ok ? read.value : undefined);
  return { success: true, transaction, network: NETWORK, ...(payer && { payer }), amount: PRICE };
}

function give({ response }: Visit, receipt: SettleResponse | undefined, body: string | Uint8Array = GOODS, status = 200): void {
  response.writeHead(status, { "Content-Type": "text/plain", ...(receipt && { [PAYMENT_RESPONSE]: encodeHeader(receipt) }) }).end(body);
}

const givesReceipt = (changes: Partial<SettleResponse>) => onPayment((visit) => give(visit, { ...receiptFor(visit), ...changes }));
const redirects = (status: number, to: (visit: Visit) => string) =>
  onPayment((visit) => visit.response.writeHead(status, { Location: to(visit) }).end());
/** One offer that differs from an honest one. */
const offers = (changes: Partial<PaymentRequirements>) => asks((visit) => termsFor(visit, offerFor(visit, changes)));

/** Terminal controls, a hyperlink, and one of each character that moves, hides or imitates text. */
const HOSTILE_TEXT = `\u001B[2J\u001B]8;;https://evil.example\u0007free\u001B]8;;\u0007 ${HOSTILE_CHARACTERS.map(([, char]) => char).join("a")}`;

/** A 402 whose offer is signed, as `how` says; an honest one by the first key. */
const signs = (how: (visit: Visit) => Parameters<typeof signedExtension>[2] | "not" = () => ({})) =>
  asks((visit) => {
    const [offer, signing] = [offerFor(visit), how(visit)];
    return { ...termsFor(visit, offer), ...(signing !== "not" && { extensions: signedExtension(visit.url, offer, signing) }) };
  });

const LARGE_BODY = new Uint8Array(MAX_RESPONSE_BODY_BYTES + 1).fill(0x20);

/** By route. */
export const TRICKS = {
  honest: {
    does: "the 402 as it should be; takes any payment and gives the right receipt",
    caughtBy: "payment.unsigned-refused",
    answer: givesReceipt({}),
  },
  "no-header": {
    does: "402 with the terms in the body only",
    caughtBy: "challenge.header",
    answer: (visit) => void visit.response.writeHead(402).end(JSON.stringify(termsFor(visit))),
  },
  "not-base64": {
    does: "terms that are JSON, not base64",
    caughtBy: "challenge.base64",
    answer: (visit) => challenge(visit, JSON.stringify(termsFor(visit))),
  },
  "not-json": {
    does: "base64 of a page",
    caughtBy: "challenge.json",
    answer: (visit) => challenge(visit, toBase64(utf8("<html>pay here</html>"))),
  },
  "header-64k": {
    does: "terms of more than 64 KiB",
    caughtBy: "challenge.size",
    answer: asks((visit) => ({ ...termsFor(visit), padding: "x".repeat(MAX_FOREIGN_HEADER_BYTES) })),
  },
  "duplicate-keys": {
    does: "an amount twice in one offer: one for the eye, one for the key",
    caughtBy: "challenge.json",
    answer: (visit) => challenge(visit, toBase64(utf8(JSON.stringify(termsFor(visit)).replace('"amount"', '"amount":"1","amount"')))),
  },
  "version-1": { does: "x402Version 1", caughtBy: "terms.version", answer: asks((visit) => ({ ...termsFor(visit), x402Version: 1 })) },
  "no-accepts": {
    does: "terms without accepts",
    caughtBy: "terms.accepts",
    answer: asks((visit) => ({ ...termsFor(visit), accepts: undefined })),
  },
  "empty-accepts": { does: "accepts is []", caughtBy: "terms.accepts", answer: asks((visit) => ({ ...termsFor(visit), accepts: [] })) },
  "expensive-first": {
    does: "the same thing for a hundred times the price, offered first",
    caughtBy: "offer.cheapest-first",
    answer: asks((visit) => termsFor(visit, offerFor(visit, { amount: `${PRICE}00` }), offerFor(visit))),
  },
  "decimal-amount": { does: "a price of 0.01", caughtBy: "offer.amount", answer: offers({ amount: "0.01" }) },
  "number-amount": {
    does: "a price that is a JSON number",
    caughtBy: "offer.members",
    answer: asks((visit) => termsFor(visit, { ...offerFor(visit), amount: 10_000 as never })),
  },
  "network-pattern": { does: "network logos:*", caughtBy: "offer.network", answer: offers({ network: "logos:*" }) },
  "unknown-flow": { does: "paymentFlow subscription", caughtBy: "offer.flow", answer: offers({ extra: { paymentFlow: "subscription" } }) },
  splits: {
    does: "splits: half of it goes to a third party",
    caughtBy: "lez.extra",
    answer: offers({ extra: { splits: [{ payTo: OTHER_ACCOUNT, amount: "5000" }] } }),
  },
  "other-network": {
    does: "an offer on a network that this system does not know; for others nothing is wrong with it",
    answer: offers({ network: OTHER_NETWORK }),
  },
  "other-binding": {
    does: "an offer bound to another request than the one that was made",
    caughtBy: "lez.binding",
    answer: asks((visit) => termsFor(visit, offerFor({ ...visit, url: "https://shop.example/cheap" }))),
  },
  "other-origin": {
    does: "terms for a resource of another origin",
    caughtBy: "terms.resource-host",
    answer: asks((visit) => ({ ...termsFor(visit), resource: { url: "https://shop.example/report" } })),
  },
  "hostile-text": {
    does: "a description with terminal escapes, a hyperlink, bidirectional, invisible and tag characters",
    caughtBy: "terms.text",
    answer: asks((visit) => ({ ...termsFor(visit), resource: { url: visit.url, description: HOSTILE_TEXT } })),
  },
  "price-rises": {
    does: "each 402 asks more than the one before",
    caughtBy: "stable.price",
    answer: asks((visit) => termsFor(visit, offerFor(visit, { amount: String(BigInt(PRICE) * BigInt(visit.times + 1)) }))),
  },
  "payee-changes": {
    does: "every other 402 names another payee",
    caughtBy: "stable.payee",
    answer: asks((visit) => termsFor(visit, offerFor(visit, visit.times % 2 === 1 ? { payTo: OTHER_ACCOUNT } : {}))),
  },
  free: { does: "200 without a payment", caughtBy: "challenge.status", answer: (visit) => give(visit, undefined) },
  "redirect-302": {
    does: "302 to another path for the paid request",
    caughtBy: "payment.no-redirect",
    answer: redirects(302, () => "/landing"),
  },
  "redirect-307": {
    does: "307 to another path for the paid request",
    caughtBy: "payment.no-redirect",
    answer: redirects(307, () => "/landing"),
  },
  "redirect-308": {
    does: "308 to another path for the paid request",
    caughtBy: "payment.no-redirect",
    answer: redirects(308, () => "/landing"),
  },
  "redirect-elsewhere": {
    does: "307 to another origin for the paid request",
    caughtBy: "payment.no-redirect",
    answer: redirects(307, ({ elsewhere }) => `${elsewhere}/landing`),
  },
  "no-receipt": { does: "the goods without a receipt", caughtBy: "receipt.present", answer: onPayment((visit) => give(visit, undefined)) },
  "receipt-payer": { does: "a receipt of another payer", caughtBy: "receipt.payer", answer: givesReceipt({ payer: OTHER_ACCOUNT }) },
  "receipt-network": {
    does: "a receipt of another network",
    caughtBy: "receipt.network",
    answer: givesReceipt({ network: OTHER_NETWORK }),
  },
  "receipt-amount": {
    does: "a receipt for more than was approved",
    caughtBy: "receipt.amount",
    answer: givesReceipt({ amount: `${PRICE}0` }),
  },
  "receipt-empty": { does: "a receipt without a transaction", caughtBy: "receipt.success", answer: givesReceipt({ transaction: "" }) },
  "receipt-failed": {
    does: "the goods with a receipt that says that nothing was paid",
    caughtBy: "receipt.success",
    answer: givesReceipt({ success: false }),
  },
  silent: { does: "never answers anything", caughtBy: "challenge.status", answer: () => undefined },
  hangs: { does: "reads the payment and never answers", caughtBy: "payment.answered", answer: onPayment(() => undefined) },
  closes: {
    does: "reads the payment and closes the connection",
    caughtBy: "payment.answered",
    answer: onPayment(({ response }) => response.destroy()),
  },
  flood: {
    does: "bodies larger than a client reads, of the 402 and of the goods",
    caughtBy: "challenge.body-ends",
    answer: (visit) => {
      if (visit.payment === undefined) challenge(visit, encodeHeader(termsFor(visit)), Buffer.from(LARGE_BODY).toString());
      else give(visit, receiptFor(visit), LARGE_BODY);
    },
  },
  "always-402": {
    does: "takes the payment and asks again, forever; what it took shows on the ledger only",
    answer: asks((visit) => termsFor(visit)),
  },
  "error-with-receipt": {
    does: "500, with a receipt that says that it was paid",
    caughtBy: "payment.receipt",
    answer: onPayment((visit) => give(visit, receiptFor(visit), "broken", 500)),
  },
  signed: { does: "an honest 402, signed", answer: signs() },
  "key-changes": {
    does: "each 402 after the first is signed with another key",
    answer: signs(({ times }) => ({ key: times === 0 ? FIRST_KEY : SECOND_KEY })),
  },
  "signature-vanishes": {
    does: "the first 402 is signed, those after it are not",
    answer: signs(({ times }) => (times === 0 ? {} : "not")),
  },
  "signature-appears": {
    does: "the first 402 is not signed, those after it are",
    answer: signs(({ times }) => (times === 0 ? "not" : {})),
  },
  "signed-price": { does: "a signature under another price", answer: signs(() => ({ changes: { amount: "1" } })) },
  "signed-payee": { does: "a signature under another payee", answer: signs(() => ({ changes: { payTo: OTHER_ACCOUNT } })) },
  "signed-resource": {
    does: "a signature under another resource",
    answer: signs(() => ({ changes: { resourceUrl: "https://shop.example/" } })),
  },
  "signed-long-ago": { does: "a signature that was valid until 2020", answer: signs(() => ({ changes: { validUntil: 1_600_000_000 } })) },
  "signed-elsewhere": { does: "a signature with the key of another host", answer: signs(() => ({ host: "shop.example" })) },
  "signed-falsely": {
    does: "a signature of the second key that says it is the first's",
    answer: signs(() => ({ key: { ...SECOND_KEY, name: FIRST_KEY.name } })),
  },
  "error-without-receipt": {
    does: "500 for every payment",
    caughtBy: "payment.no-crash",
    answer: onPayment((visit) => give(visit, undefined, "broken", 500)),
  },
} as const satisfies Record<string, Trick>;

export type TrickName = keyof typeof TRICKS;
export const TRICK_NAMES = Object.keys(TRICKS) as TrickName[];
