/** A small merchant on 127.0.0.1 that speaks our 402, settles in memory, and misbehaves when told to. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { bodyDigest, canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ERRORS, type ErrorCode, errorBody } from "../../shared/errors.ts";
import { verifyPayment } from "../../shared/exact/verify.ts";
import { identifierOf, PAYMENT_IDENTIFIER, paymentIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { ASSET, NETWORK, SCHEME, type Scheme } from "../../shared/lez.ts";
import { bindingOf, type BoundRequest } from "../../shared/protocol/binding.ts";
import { echoesExtensions } from "../../shared/protocol/offer.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { unixNow } from "../../shared/time.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import { paymentPayloadSchema, type PaymentRequirements, type SettleResponse } from "../../shared/x402/x402.ts";
import { served } from "./served.ts";

export const LEDGER = "1e".repeat(32) as Digest;
export const CONTENT = "the paid content";

interface Behaviour {
  /** A function of the path prices each resource for itself. */
  amount: string | ((path: string) => string);
  /** Whether the offer is tied to the request. */
  bind: boolean;
  description: string;
  /** More offers, put before its own. */
  accepts: PaymentRequirements[];
  offer: Partial<PaymentRequirements>;
  /** More members in `extra`. */
  extra: Record<string, unknown>;
  /** Overrides members of the receipt. */
  receipt: Partial<SettleResponse>;
  /** Settles, and closes the connection instead of answering. */
  loseAnswer: boolean;
  /** Delivers in place of CONTENT; the headers carry the receipt. */
  deliver: (request: http.IncomingMessage, response: http.ServerResponse, headers: Record<string, string>) => void;
  /** Delivers again, at no further cost, what a payment bought. */
  redelivers: boolean;
  /** Offers or requires a `payment-identifier`, and gives a paid answer again under it; `receipt` gives the receipt alone. */
  keeps: "offered" | "required" | "receipt";
  /** Extensions of its 402. */
  extensions: Record<string, unknown>;
  /** Answers in place of the merchant; `paid` says whether a payment came along. True when it did. */
  instead: (request: http.IncomingMessage, response: http.ServerResponse, paid: boolean) => boolean;
}

export interface TestMerchant {
  url: string;
  origin: string;
  /** May be changed at any time; `reset` brings the defaults back. */
  behaviour: Partial<Behaviour>;
  /** Requests that came with a payment, and what settled. */
  presented: http.IncomingMessage[];
  settled: Set<string>;
  /** What was sold under an id. */
  kept: Map<string, { payment: string; receipt: SettleResponse }>;
  reset(): void;
}

/** Listens until the test file is over. */
export async function startMerchant(): Promise<TestMerchant> {
  const server = http.createServer((request, response) => void answer(merchant, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served(origin);
  const merchant: TestMerchant = {
    origin,
    url: `${origin}/premium`,
    behaviour: {},
    presented: [],
    settled: new Set(),
    kept: new Map(),
    reset() {
      merchant.behaviour = {};
      merchant.presented = [];
      merchant.settled = new Set();
      merchant.kept = new Map();
    },
  };
  return merchant;
}

async function answer(merchant: TestMerchant, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { behaviour } = merchant;
  const header = request.headers[PAYMENT_SIGNATURE.toLowerCase()];
  if (header !== undefined) merchant.presented.push(request);
  if (behaviour.instead?.(request, response, header !== undefined)) return;

  const offer = offerFor(merchant, request, Buffer.concat(chunks));
  if (typeof header !== "string") return respondRefused(merchant, request, response, offer, "payment_required");
  const payload = decodeHeader(header, paymentPayloadSchema);
  if (!payload.ok) return respondRefused(merchant, request, response, offer, payload.code);
  const context = { now: unixNow(), ledger: LEDGER, expiryIsTheLedgers: !!behaviour.keeps, ...FACILITATOR_DECIDES };
  const verified = await verifyPayment(payload.value, offer, context, offer.scheme as Scheme);
  if (!verified.ok) return respondRefused(merchant, request, response, offer, verified.code);
  const sent = behaviour.keeps ? identifierOf(payload.value.extensions) : undefined;
  const id = sent?.ok ? sent.id : undefined;
  if (behaviour.keeps === "required" && id === undefined)
    return respondRefused(merchant, request, response, offer, "payment_identifier_required");
  if (!echoesExtensions(payload.value.extensions, advertised(merchant)))
    return respondRefused(merchant, request, response, offer, "extension_echo_mismatch");
  const payment = canonicalJson(payload.value.payload);
  const kept = id === undefined ? undefined : merchant.kept.get(id);
  if (kept && kept.payment !== payment) return respondRefused(merchant, request, response, offer, "payment_identifier_conflict");
  if (kept && behaviour.loseAnswer) return void response.destroy();
  if (kept && behaviour.keeps === "receipt") return give(merchant, request, response, kept.receipt, "answer_not_stored");
  if (kept) return give(merchant, request, response, kept.receipt);
  if (verified.payment.validBefore < unixNow()) return respondRefused(merchant, request, response, offer, "payment_expired");
  if (merchant.settled.has(verified.payment.nonce) && !behaviour.redelivers) {
    return respondRefused(merchant, request, response, offer, "nonce_replayed", verified.transaction);
  }
  merchant.settled.add(verified.payment.nonce);
  const receipt = {
    success: true,
    transaction: verified.transaction,
    network: NETWORK,
    payer: verified.payment.payer,
    amount: verified.payment.value,
    ...behaviour.receipt,
  };
  if (id !== undefined) merchant.kept.set(id, { payment, receipt });
  if (behaviour.loseAnswer) return void response.destroy();
  give(merchant, request, response, receipt);
}

function give(
  { behaviour: { deliver } }: TestMerchant,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  receipt: SettleResponse,
  error?: ErrorCode,
): void {
  if (deliver && !error) return deliver(request, response, { [PAYMENT_RESPONSE]: encodeHeader(receipt) });
  const headers = { "content-type": "text/plain", [PAYMENT_RESPONSE]: encodeHeader(receipt), ...(error && { [PAYMENT_ERROR]: error }) };
  response.writeHead(error ? ERRORS[error].status : 200, headers).end(error ? "" : CONTENT);
}

function advertised({ behaviour: { keeps, extensions } }: TestMerchant): Record<string, unknown> {
  return { ...(keeps && { [PAYMENT_IDENTIFIER]: paymentIdentifier(keeps === "required") }), ...extensions };
}

function offerFor({ behaviour, origin }: TestMerchant, request: http.IncomingMessage, body: Buffer): PaymentRequirements {
  const { amount: priced = "10000" } = behaviour;
  const amount = typeof priced === "string" ? priced : priced(request.url ?? "");
  const terms = { network: NETWORK, asset: ASSET, amount, payTo: DEMO_MERCHANT_ACCOUNT };
  const bound: BoundRequest = {
    method: request.method ?? "GET",
    url: `${origin}${request.url}`,
    ...(body.length > 0 && { bodySha256: bodyDigest(body) }),
  };
  const binding = behaviour.bind === false ? {} : { binding: bindingOf(bound, terms) };
  return {
    scheme: SCHEME,
    ...terms,
    maxTimeoutSeconds: 900,
    extra: { ...binding, ledger: LEDGER, ...behaviour.extra },
    ...behaviour.offer,
  };
}

function respondRefused(
  merchant: TestMerchant,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  offer: PaymentRequirements,
  code: ErrorCode,
  used?: string,
): void {
  const { behaviour, origin } = merchant;
  const required = {
    x402Version: 2,
    error: code,
    resource: { url: `${origin}${request.url}`, ...(behaviour.description && { description: behaviour.description }) },
    accepts: [...(behaviour.accepts ?? []), offer],
    extensions: advertised(merchant),
  };
  response.writeHead(ERRORS[code].status, {
    "content-type": "application/json",
    [PAYMENT_REQUIRED]: encodeHeader(required),
    [PAYMENT_ERROR]: code,
    ...(used && {
      [PAYMENT_RESPONSE]: encodeHeader({
        success: false,
        errorReason: code,
        transaction: "",
        network: NETWORK,
        extra: { transaction: used },
      }),
    }),
  });
  response.end(JSON.stringify({ ...required, ...errorBody(code) }));
}
