/** A shop that sells on the chain itself, over a facilitator whose lanes are a table in memory: it verifies as ours does, and a test says what the chain did. */

import "../../workers/merchant/paywall/native/native.ts";
import { type Context, type Handler, Hono } from "hono";
import { randomBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { ErrorCode } from "../../shared/errors.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import type { SettleCommand, UnverifiedPayment } from "../../shared/settlement/commands.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { type PaymentPayload, type PaymentRequirements, paymentRequiredSchema, type SettleResponse } from "../../shared/x402/x402.ts";
import { BUYER, BUYER_KEY, GENESIS, innerOf, SELLER, signTransfer } from "../../shared/zone/testing/payment.ts";
import { type NativePayment, verifyNative } from "../../shared/zone/verify.ts";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import type { FacilitatorRpc } from "../../workers/merchant/paywall/types.ts";

export const ORIGIN = "https://merchant.example.com";
export const PRICE = "10000";
export const NETWORK: NativeNetwork = "lez:devnet";
export const NATIVE = { amount: PRICE, network: NETWORK, payTo: SELLER as string } as const;

/** What becomes of a payment that was sent. */
export type Fate = "included" | "reverted" | "open";

interface Lane {
  payment: NativePayment;
  collector?: string;
}

export function kindOf(ledger: string, more: object = {}) {
  const extra = { assetTransferMethod: "transaction", paymentFlow: "upfront", ledger, dialect: "v0.3", maxFee: "1000000", blockSeconds: 7 };
  return { x402Version: 2, scheme: "exact", network: NETWORK, extra: { ...extra, finalities: ["head", "depth:2", "final"], ...more } };
}

/** The facilitator: `spec/native-state-table.md` as far as a merchant sees it. */
export function nativeFacilitator() {
  const lanes = new Map<Digest, Lane>();
  const state = { ledger: GENESIS as string, offers: true, fate: "included" as Fate, calls: 0 };
  const failure = (errorReason: ErrorCode, payer: string, transaction = "", extra: object = {}): SettleResponse => ({
    success: false,
    errorReason,
    payer,
    transaction,
    network: NETWORK,
    ...(Object.keys(extra).length > 0 && { extra: { ...extra } }),
  });
  const check = ({ paymentPayload, paymentRequirements }: UnverifiedPayment) =>
    verifyNative(paymentPayload, paymentRequirements, {
      now: unixNow(),
      network: NETWORK,
      ledger: state.ledger as Digest,
      maxFee: 1_000_000n,
      finalities: ["head", "depth:2", "final"],
      expiryIsTheLanes: true,
    });
  return {
    state,
    lanes,
    supported: () => ({ kinds: state.offers ? [kindOf(state.ledger)] : [], extensions: [], signers: {} }),
    verify(unverified: UnverifiedPayment) {
      const verified = check(unverified);
      if (!verified.ok) return { isValid: false, invalidReason: verified.code };
      const { h, payer } = verified.payment;
      const isUsed = lanes.get(h)?.collector !== undefined;
      return isUsed ? { isValid: false, invalidReason: "nonce_replayed", payer } : { isValid: true, payer };
    },
    settle(unverified: UnverifiedPayment, settlementId: string): SettleResponse {
      state.calls++;
      const verified = check(unverified);
      if (!verified.ok) return failure(verified.code, verified.payer ?? "");
      const { payment } = verified;
      const { h, transaction, payer, value } = payment;
      const lane = lanes.get(h) ?? { payment };
      lanes.set(h, lane);
      if (lane.payment.fingerprint !== payment.fingerprint) return failure("nonce_replayed", payer, "", { transaction });
      if (state.fate === "open") return failure("settlement_pending", payer, transaction, { retryAfterSeconds: 7 });
      if (state.fate === "reverted") return failure("transfer_reverted", payer, transaction);
      lane.collector ??= settlementId;
      if (lane.collector !== settlementId) return failure("nonce_replayed", payer, "", { transaction });
      return { success: true, payer, transaction, network: NETWORK, amount: String(value) };
    },
    status: (h: Digest | null) => {
      const lane = h === null ? undefined : lanes.get(h);
      const settled = lane?.collector !== undefined;
      return { network: NETWORK, status: settled ? "settled" : "unknown", ...(settled && { transaction: lane.payment.transaction }) };
    },
  };
}

export function createNativeWorld() {
  const facilitator = nativeFacilitator();
  const rpc = {
    supported: async () => facilitator.supported(),
    settle: async ({ payment, settlementId }: SettleCommand<UnverifiedPayment>) => facilitator.settle(payment, settlementId),
  } as unknown as FacilitatorRpc;
  const memory = isolateDeliveries();
  const env: Record<string, unknown> = { FACILITATOR: rpc, PUBLIC_ORIGIN: "" };
  const shop = (handler: Handler<PaywallEnv>, options: object = NATIVE) => {
    const app = new Hono<PaywallEnv>();
    app.all("/item/*", paywall({ memory: () => memory, ...options } as never), handler);
    app.onError((_error, c: Context) => c.text("broken", 500));
    const get = async (path: string, init: RequestInit = {}) => app.request(`${ORIGIN}${path}`, init, env);
    const terms = async (path = "/item/1") => {
      const required = decodeHeader((await get(path)).headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
      return required.ok ? required.value : undefined;
    };
    return {
      get,
      terms,
      pay: (payment: PaymentPayload, path = "/item/1", headers: Record<string, string> = {}) =>
        get(path, { headers: { ...headers, [PAYMENT_SIGNATURE]: encodeHeader(payment) } }),
      async signed(path = "/item/1", more: Signing = {}): Promise<PaymentPayload> {
        const offer = (await terms(path))?.accepts.find(({ network }) => network === NETWORK);
        if (!offer) throw new Error("the native offer is not there");
        return sign(offer, more);
      },
    };
  };
  return { facilitator, rpc, memory, env, shop };
}

interface Signing {
  nonce?: bigint;
  /** Of the signature: another one is another transaction of the same message. */
  aux?: Uint8Array<ArrayBuffer>;
}

/** A payment of this offer: a transfer and its statement. */
export function sign(offer: PaymentRequirements, { nonce = 7n, aux }: Signing = {}): PaymentPayload {
  const fee = { payer: BUYER, gasLimit: 0n, tip: 0n, maxFee: 26_712n };
  const terms = { from: BUYER, to: offer.payTo as typeof SELLER, value: BigInt(offer.amount), nonce, fee };
  const transfer = signTransfer(terms, BUYER_KEY, aux);
  const { binding, ledger } = (offer.extra ?? {}) as Record<string, Digest>;
  const now = unixNow();
  const inner = innerOf(transfer);
  const messageHash = inner.statement?.messageHash as Digest;
  const statement = { network: offer.network, ledger: ledger as Digest, messageHash, ...(binding && { binding }) };
  const dated = { ...statement, validAfter: String(now), validBefore: String(now + offer.maxTimeoutSeconds) };
  return { x402Version: 2, accepted: offer, payload: { ...innerOf(transfer, dated) } };
}

export const otherAux = () => randomBytes(32);
