/** An agent and its owner with keys in memory, in one process, without files and prompts. */

import { authorizationFor, signPayload, signWithin } from "../../shared/protocol/approval.ts";
import type { BoundRequest } from "../../shared/protocol/binding.ts";
import type { SignedMandate } from "../../shared/protocol/mandate.ts";
import { checkPaymentRequest, newPaymentRequest, type PaymentRequest, signPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentPayload, PaymentRequirements } from "../../shared/x402/x402.ts";
import { DEFAULT_REQUEST_LIFE_SECONDS } from "../runtime/limits.ts";

export interface People {
  agent: WalletSigner;
  owner: WalletSigner;
}

export async function createPeople(): Promise<People> {
  return { agent: await keySigner(generateSecretKey()), owner: await keySigner(generateSecretKey()) };
}

/** The agent's side: signs a PaymentRequest for `http` on the terms of `offer`. */
export function ask(agent: WalletSigner, http: BoundRequest, offer: PaymentRequirements, reason: string): Promise<PaymentRequest> {
  const named = { publicKey: agent.publicKey, name: "Demo agent" };
  const input = { agent: named, http, offer, reason, merchantName: "Demo merchant", expiresIn: DEFAULT_REQUEST_LIFE_SECONDS };
  return signPaymentRequest(newPaymentRequest(input, unixNow()), agent);
}

/**
 * The owner's side: the checks of the approval screen, then the signature.
 * @throws {Error} with the code, if the request is refused
 */
export async function approve(owner: WalletSigner, request: PaymentRequest): Promise<PaymentPayload> {
  const checked = await check(request);
  const authorization = authorizationFor(request, checked, owner.account, unixNow());
  return signPayload(request, checked, authorization, owner);
}

/**
 * The agent's side within a mandate: the same checks, and its own signature.
 * @throws {Error} with the code, if the request is refused
 */
export async function payWithin(mandate: SignedMandate, agent: WalletSigner, request: PaymentRequest): Promise<PaymentPayload> {
  return signWithin(mandate, request, await check(request), agent, unixNow());
}

async function check(request: PaymentRequest) {
  const checked = await checkPaymentRequest(request, unixNow());
  if (!checked.ok) throw new Error(`${checked.code}: ${checked.problem}`);
  return checked;
}
