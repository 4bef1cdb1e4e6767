/** What the facilitator asks of the Worker that settles on the Logos Execution Zone itself. spec/scheme_exact_lez_native.md. */

import * as z from "zod/mini";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import { NATIVE_NETWORKS, type NativeNetwork, type SCHEME, type X402_VERSION } from "../lez.ts";
import { MAX_AMOUNT } from "../limits.ts";
import type { PaymentRefusal } from "../protocol/refusal.ts";
import { isLezAccountId, type LezAccountId } from "../zone/account.ts";
import type { NativeKind } from "../zone/kind.ts";
import type { NativeStatus } from "../zone/lane-table.ts";
import type { NativeCancel } from "../zone/revocation.ts";
import type { NativeRefusal } from "../zone/verify.ts";
import type { SettleCommand, UnverifiedPayment } from "./commands.ts";
import type { Settlement, Validity } from "./outcomes.ts";

const NONCE = "must be a decimal number of 128 bits";

export type NativeSupport = {
  /** None while nothing may be sent to the chain. */
  kinds: { x402Version: typeof X402_VERSION; scheme: typeof SCHEME; network: NativeNetwork; extra: NativeKind }[];
  extensions: string[];
  signers: Record<string, string[]>;
};

export type NativeCancelResult =
  | { ok: true; network: NativeNetwork; payer: LezAccountId; nonce: string }
  | (NativeRefusal & { transaction?: Digest; retryAfterSeconds?: number });

/** Which payment: the nonce is a decimal u128; without `h`, the one with this nonce that has come furthest. */
export const nativeKeySchema = z.strictObject({
  network: z.enum(NATIVE_NETWORKS),
  payer: z.custom<LezAccountId>(isLezAccountId, "must be a LEZ account"),
  // One check: a second one would run on what the first refuses, and a number is read of digits alone.
  nonce: z.string().check(z.refine((nonce) => /^(0|[1-9][0-9]{0,38})$/.test(nonce) && BigInt(nonce) <= MAX_AMOUNT, NONCE)),
  h: z.optional(digestSchema),
});
export type NativeKey = z.infer<typeof nativeKeySchema>;

export type NativeStatusResult =
  | ({ ok: true; network: NativeNetwork; ledger: Digest; payer: LezAccountId; nonce: string } & NativeStatus)
  | NativeRefusal;

/** A payment that was made too late for its purchase, for the operator to give back by hand. */
export type OwedPayment = {
  messageHash: Digest;
  /** The id under which it was included. */
  transaction: Digest;
  payer: LezAccountId;
  payee: LezAccountId;
  /** Lepta. */
  value: string;
  nonce: string;
  /** The number of its block. */
  block: string;
  /** Unix seconds. */
  validBefore: number;
  settledAt: number;
};

/** The oldest first. */
export type OwedPage = {
  network: NativeNetwork;
  ledger: Digest;
  owed: OwedPayment[];
  /** What to ask for next; absent on the last page. */ next?: number;
};

/** Over RPC. Nothing of a payment is checked before it arrives there. */
export interface NativeApi {
  supported(traceId?: string): Promise<NativeSupport>;
  verify(payment: UnverifiedPayment, traceId?: string): Promise<Validity>;
  /** @param waitSeconds after which the answer is `settlement_pending` */
  settle(command: SettleCommand<UnverifiedPayment>, traceId?: string, waitSeconds?: number): Promise<Settlement>;
  cancel(call: NativeCancel, traceId?: string): Promise<NativeCancelResult>;
  status(key: NativeKey, traceId?: string): Promise<NativeStatusResult>;
  /** @param after `next` of the page before */
  owed(after?: number, traceId?: string): Promise<OwedPage | NativeRefusal>;
}

export function isNativeNetwork(network: unknown): network is NativeNetwork {
  return NATIVE_NETWORKS.some((one) => one === network);
}

/** Whether requirements of any shape are for the chain itself. */
export function asksForNative(requirements: unknown): boolean {
  return typeof requirements === "object" && requirements !== null && "network" in requirements && isNativeNetwork(requirements.network);
}

/** The chain knows a transfer and nothing else. */
export function notNative(): PaymentRefusal {
  return {
    ok: false,
    code: "unsupported_scheme",
    detail: "on the chain itself there are payments of `exact` alone, settled at once: no holds, sessions, mandates, refunds or `upto`",
  };
}
