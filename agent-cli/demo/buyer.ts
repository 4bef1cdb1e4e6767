/** A buyer over HTTP: agent and owner against a running stack, without files and prompts. */

import * as z from "zod";
import { bytesToHex, randomBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import type { BoundRequest } from "../../shared/protocol/binding.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import {
  type PaymentPayload,
  type PaymentRequirements,
  paymentRequiredSchema,
  type SettleResponse,
  settleResponseSchema,
} from "../../shared/x402/x402.ts";
import { approve, ask, createPeople, type People } from "./people.ts";
import type { Stack } from "./stack.ts";

export const REASON = "I need this to answer the question that you asked me this morning.";

/** A resource to buy. The method defaults to GET, or POST with a body. */
export interface Purchase {
  url: string;
  method?: string;
  body?: string;
}

const accountSchema = z.object({ balance: z.string(), held: z.string() });

export class Buyer {
  readonly people: People;
  readonly #stack: Stack;

  private constructor(stack: Stack, people: People) {
    this.#stack = stack;
    this.people = people;
  }

  static async create(stack: Stack): Promise<Buyer> {
    return new Buyer(stack, await createPeople());
  }

  /** Test money from the faucet, into the owner's account. */
  async fund(amount?: string): Promise<Response> {
    const grant = { account: this.people.owner.account, id: bytesToHex(randomBytes(32)), ...(amount && { amount }) };
    return fetch(`${this.#stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify(grant) });
  }

  /** The merchant's offer. */
  async offer(purchase: Purchase): Promise<PaymentRequirements> {
    const [offer] = offersOf(await this.send(purchase));
    if (!offer) throw new Error(`${purchase.url} makes no offer`);
    return offer;
  }

  /** Fetches the merchant's offer and makes a request from it. */
  async request(purchase: Purchase, reason: string = REASON): Promise<PaymentRequest> {
    return ask(this.people.agent, bound(purchase), await this.offer(purchase), reason);
  }

  /** Offer, request and approval in one step. */
  async approved(purchase: Purchase): Promise<PaymentPayload> {
    return approve(this.people.owner, await this.request(purchase));
  }

  /** As {@link send}. */
  readonly send = send;

  /** The balances of owner and merchant, in atomic units. */
  async balances(): Promise<{ owner: Balance; merchant: Balance }> {
    return { owner: await this.#balance(this.people.owner.account), merchant: await this.#balance(this.#stack.payTo) };
  }

  async #balance(account: string): Promise<Balance> {
    const response = await fetch(`${this.#stack.facilitator}/accounts/${account}`);
    const { balance, held } = z.parse(accountSchema, await response.json());
    return { balance: BigInt(balance), held: BigInt(held) };
  }
}

export interface Balance {
  balance: bigint;
  held: bigint;
}

function bound({ url, method, body }: Purchase): BoundRequest {
  return {
    method: method ?? (body === undefined ? "GET" : "POST"),
    url: new URL(url).href,
    ...(body && { bodySha256: bodyDigest(utf8(body)) }),
  };
}

/** One HTTP request, with or without a payment. Redirects are not followed. */
export function send({ url, method, body }: Purchase, payment?: PaymentPayload, signal?: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    redirect: "manual",
    ...(signal && { signal }),
    ...(body !== undefined && { body }),
    ...(payment && { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } }),
  });
}

/** The offers of a 402. */
export function offersOf(response: Response): PaymentRequirements[] {
  const required = decodeHeader(response.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  return required.ok ? required.value.accepts : [];
}

/** `402 nonce_replayed`, `200`: status and error code. */
export function verdict(response: Response): string {
  return `${response.status} ${response.headers.get(PAYMENT_ERROR) ?? ""}`.trim();
}

export function receiptOf(response: Response): SettleResponse | undefined {
  const receipt = decodeHeader(response.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
  return receipt.ok ? receipt.value : undefined;
}
