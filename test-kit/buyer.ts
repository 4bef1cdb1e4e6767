/** A buyer in a shop's tests: reads the terms, checks them as agents do, signs with a key of its own, and presents the payment. */

import { bodyDigest } from "../shared/crypto/digest.ts";
import { LezScheme } from "../shared/exact/client/scheme.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../shared/extensions/payment-identifier.ts";
import { NETWORK, SCHEME, type Scheme, UPTO, X402_VERSION } from "../shared/lez.ts";
import { bindingScope, type BoundRequest } from "../shared/protocol/binding.ts";
import { generateSecretKey, keySigner } from "../shared/protocol/signer.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE } from "../shared/x402/headers.ts";
import {
  type PaymentPayload,
  type PaymentRequired,
  paymentRequiredSchema,
  type PaymentRequirements,
  type SettleResponse,
  settleResponseSchema,
} from "../shared/x402/x402.ts";
import type { Balance } from "./ledger.ts";

/** `init` is as for the global `fetch`. To `sign` for a body and `present` it later, send text or bytes: a form is encoded anew each time. */
export interface TestBuyer {
  readonly account: string;
  /** Buys: asks, pays what the shop asks for, and returns the shop's answer. An answer that asks for no payment is returned as it is. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /**
   * What the shop asks for this request.
   * @throws {Error} if it asks for nothing, or for something that agents refuse to pay
   */
  offer(path: string, init?: RequestInit): Promise<PaymentRequirements>;
  /** Signs a payment for what the shop asks, and presents it to no one. */
  sign(path: string, init?: RequestInit): Promise<PaymentPayload>;
  /** Presents a payment: a second time, changed, or with another request than it was signed for. */
  present(payment: PaymentPayload, path: string, init?: RequestInit): Promise<Response>;
  balance(): Promise<Balance>;
}

/** How a buyer reaches the shop, and sees what it owns. */
interface Shop {
  request(path: string, init: RequestInit): Request;
  send(request: Request): Promise<Response>;
  balance(account: string): Promise<Balance>;
}

interface Terms {
  required: PaymentRequired;
  offer: PaymentRequirements;
}

export async function createBuyer(shop: Shop): Promise<TestBuyer> {
  const signer = await keySigner(generateSecretKey());
  const schemeOf = ({ scheme }: PaymentRequirements) => new LezScheme(scheme as Scheme, signer); // which `offerFor` chose

  /** Asks without paying. */
  async function ask(path: string, init: RequestInit): Promise<{ answer: Response; terms?: Terms }> {
    const answer = await shop.send(shop.request(path, init));
    const header = answer.status === 402 ? answer.headers.get(PAYMENT_REQUIRED) : null;
    if (header === null) return { answer };
    const required = decodeHeader(header, paymentRequiredSchema);
    if (!required.ok) throw new Error(`no buyer can read this ${PAYMENT_REQUIRED}: ${required.problem}`);
    const offer = offerFor(await boundRequest(shop.request(path, init)), required.value);
    return { answer, terms: { required: required.value, offer } };
  }

  async function termsOf(path: string, init: RequestInit): Promise<Terms> {
    const { answer, terms } = await ask(path, init);
    if (!terms) throw new Error(`${path} asks for no payment: it answers ${answer.status}`);
    return terms;
  }

  async function pay({ required, offer }: Terms): Promise<PaymentPayload> {
    const requirements = { ...offer, extra: offer.extra ?? {} } as Parameters<LezScheme["createPaymentPayload"]>[1];
    const { payload } = await schemeOf(offer).createPaymentPayload(X402_VERSION, requirements);
    return { x402Version: X402_VERSION, resource: required.resource, accepted: offer, payload, ...identified(required) };
  }

  function present(payment: PaymentPayload, path: string, init: RequestInit = {}): Promise<Response> {
    const request = shop.request(path, init);
    request.headers.set(PAYMENT_SIGNATURE, encodeHeader(payment));
    return shop.send(request);
  }

  return {
    account: signer.account,
    async fetch(path, init = {}) {
      const sent = await readBody(shop.request(path, init));
      const { answer, terms } = await ask(path, sent);
      return terms ? present(await pay(terms), path, sent) : answer;
    },
    offer: async (path, init = {}) => (await termsOf(path, init)).offer,
    sign: async (path, init = {}) => pay(await termsOf(path, init)),
    present,
    balance: () => shop.balance(signer.account),
  };
}

/** The receipt of an answer; undefined if it has none. */
export function receiptOf(answer: Response): SettleResponse | undefined {
  const receipt = decodeHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
  return receipt.ok ? receipt.value : undefined;
}

/** The offer that our agents would pay. */
function offerFor(request: BoundRequest, { accepts }: PaymentRequired): PaymentRequirements {
  const offer = accepts.find(({ scheme, network }) => (scheme === SCHEME || scheme === UPTO) && network === NETWORK);
  if (!offer) throw new Error(`the shop makes no offer of scheme ${SCHEME} or ${UPTO} on ${NETWORK}`);
  if (bindingScope(request, offer)) return offer;
  const { method, url } = request;
  throw new Error(`the offer is bound to another request than ${method} ${url}; agents refuse to pay it. Is PUBLIC_ORIGIN right?`);
}

/** The same request for any number of times, with the bytes that a form or a stream comes to. */
async function readBody(request: Request): Promise<RequestInit> {
  const { method, headers } = request;
  const body = new Uint8Array(await request.arrayBuffer());
  return { method, headers, ...(body.length > 0 && { body }) };
}

async function boundRequest(request: Request): Promise<BoundRequest> {
  const body = new Uint8Array(await request.arrayBuffer());
  return { method: request.method, url: request.url, ...(body.length > 0 && { bodySha256: bodyDigest(body) }) };
}

/** An id for the extension `payment-identifier`, where the shop sells to no one without. */
function identified({ extensions }: PaymentRequired): Pick<PaymentPayload, "extensions"> {
  const advertised = extensions?.[PAYMENT_IDENTIFIER] as { info?: { required?: boolean } } | undefined;
  if (!advertised?.info?.required) return {};
  return { extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(advertised, `pay_${crypto.randomUUID()}`) } };
}
