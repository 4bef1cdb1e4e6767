/**
 * Asks a facilitator for a payment's outcome, and judges the answer. "Settled" can be checked: the transaction follows from
 * what was signed. "Never will be" cannot, and believing it wrongly pays twice. It is believed only from the facilitator in
 * the user's own configuration, for the ledger that was signed, and only while that ledger remembers every approval that
 * there can have been.
 */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { UPTO } from "../../shared/lez.ts";
import { MAX_REQUEST_LIFE_SECONDS, RETENTION_SECONDS } from "../../shared/limits.ts";
import { type Charge, chargeSchema } from "../../shared/protocol/amount.ts";
import { type PaymentWords, settlementOf } from "../../shared/protocol/native-payment.ts";
import { parseTimestamp, unixNow } from "../../shared/time.ts";
import { findRequest } from "../records/request-store.ts";
import type { Config } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, facilitatorUrl } from "./client.ts";
import { otherLedger } from "./other-ledger.ts";

const answerSchema = z.looseObject({
  ledger: digestSchema,
  nonce: z.string(),
  status: z.enum(["unused", "reserved", "settled", "cancelled", "expired", "unknown"]),
  transaction: z.string().optional(),
  charged: z.optional(chargeSchema),
});

/** `not_paid`: it never was and never will be. `open`: it may still be paid. `not_known`: there is no credible answer. */
export const CONCLUSIONS = ["paid", "not_paid", "open", "not_known"] as const;

export interface SettlementStatus {
  facilitator: string;
  ledger: string;
  /** The facilitator's own word. */
  said: z.infer<typeof answerSchema>["status"];
  conclusion: (typeof CONCLUSIONS)[number];
  /** Why its answer is not believed. */
  doubt?: string;
  transaction?: string;
  /** Of scheme `upto`, paid: what was charged, in atomic units. */
  charged?: Charge;
}

export async function askSettlement(
  context: Context,
  input: FacilitatorInput,
  authorization: PaymentWords,
): Promise<Outcome<SettlementStatus>> {
  const config = context.config();
  if (!config.ok) return config;
  const base = facilitatorUrl(context, input);
  if (!base.ok) return base;
  const { network, from, validBefore, native } = authorization;
  const [nonce, more] = native ? [native.nonce, `h=${authorization.nonce}`] : [authorization.nonce, `validBefore=${validBefore}`];
  const path = `/settlements/${encodeURIComponent(network)}/${from}/${nonce}?${more}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema });
  if (!answer.ok) return answer;
  const { ledger, status: said } = answer.data;
  const status = { facilitator: base.data, ledger, said };
  const other = otherLedger(ledger, authorization.ledger);
  if (other) return succeed({ ...status, conclusion: "not_known", doubt: other });
  switch (said) {
    case "settled": {
      const transaction = settlementOf(authorization);
      // Another signature over the same nonce was paid: not this one, and this one never will be.
      if (answer.data.transaction === transaction) {
        const charged = chargedOf(authorization, answer.data.charged);
        return succeed({ ...status, conclusion: "paid", transaction, ...(charged !== undefined && { charged }) });
      }
      return succeed({ ...status, conclusion: "not_known", doubt: "the transaction that it names is not this payment's" });
    }
    case "unused":
    case "reserved":
      return succeed({ ...status, conclusion: "open" });
    case "cancelled":
    case "expired": {
      // Of the chain itself: this facilitator will not send it. Anyone else who holds it still can.
      if (authorization.native && said === "cancelled") return succeed({ ...status, conclusion: "open" });
      const doubt = doubtOf(config.data, base.data, ledger, authorization) ?? tooLateToSay(context, authorization);
      return succeed({ ...status, conclusion: doubt ? "not_known" : "not_paid", ...(doubt && { doubt }) });
    }
    default:
      return succeed({ ...status, conclusion: "not_known" });
  }
}

/** The ledger takes no more than was signed. An answer that says so is not believed, and all that was signed counts. */
function chargedOf({ scheme, value }: PaymentWords, charged: Charge | undefined): Charge | undefined {
  return scheme === UPTO && charged !== undefined && BigInt(charged) <= BigInt(value) ? charged : undefined;
}

function doubtOf(config: Config, asked: string, ledger: string, authorization: PaymentWords): string | undefined {
  if (config.facilitatorUrl === undefined) return `no facilitator is named in ${config.file}`;
  if (withoutSlash(config.facilitatorUrl) !== withoutSlash(asked)) return `it is not the facilitator named in ${config.file}`;
  const believed = authorization.ledger ?? config.ledger;
  if (believed === undefined) return "neither the payment nor the configuration says which ledger it is for";
  // The configured ledger is the mock's. Of the chain itself the payment alone says which one it is.
  return authorization.native === undefined && config.ledger !== undefined && config.ledger !== ledger
    ? "it speaks for another ledger than the configured one"
    : undefined;
}

/**
 * All approvals of one request share one nonce, and this machine may not know them all. The ledger can settle and forget the
 * first while it still answers "not settled" for the last. Its answer covers all of them only while it remembers the earliest
 * possible one, from when the request was made.
 */
function tooLateToSay(context: Context, { requestDigest, validAfter, native }: PaymentWords): string | undefined {
  // On the chain "never" is said once another message has used the nonce, which no time undoes.
  if (requestDigest === undefined || native) return undefined;
  const stored = findRequest(context, requestDigest);
  const madeAt = stored.ok ? parseTimestamp(stored.data.request.createdAt) : undefined;
  const earliest = madeAt ?? Number(validAfter) - MAX_REQUEST_LIFE_SECONDS;
  return unixNow() > earliest + RETENTION_SECONDS
    ? "an earlier approval of the same request may have been paid, too long ago for the ledger to remember"
    : undefined;
}

function withoutSlash(url: string): string {
  return (URL.canParse(url) ? new URL(url).href : url).replace(/\/$/, "");
}
