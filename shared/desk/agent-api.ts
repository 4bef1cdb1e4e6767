/**
 * What a paired agent asks of a hosted desk. Each call but `pairings` names the owner's account in its path and carries a `SignedDeskCall`
 * as base64url JSON in the header `Desk-Call`, good for a minute and once. spec/desk.md.
 */

import * as z from "zod/mini";
import { publicKeySchema } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { jwsSchema } from "../extensions/signed-jws.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { decisionRecordSchema } from "../protocol/decision-record.ts";
import { signedPairingSchema } from "../protocol/desk.ts";
import { signedMandateSchema } from "../protocol/mandate.ts";
import { paymentRequestSchema } from "../protocol/payment-request.ts";
import { timestampSchema } from "../time.ts";
import { paymentPayloadSchema, paymentRequiredSchema } from "../x402/x402.ts";

/** `/agent/ACCOUNT/requests` and the rest. */
export const AGENT_PATH = "/agent/";
export const DESK_CALL_HEADER = "Desk-Call";

/**
 * `PUT /pairings/ID` opens the place where the agent learns whom it is paired with; `GET /pairings/ID?wait=25` looks into it.
 * ID is `pairingPlace(secret)`: the desk learns the secret when the owner confirms it. Signed by the agent's key as every call.
 */
export const PAIRINGS_PATH = "/pairings/";

export const openPairingSchema = z.strictObject({
  agent: publicKeySchema,
  /** The account that the agent wants to be paired with; any if absent. */
  account: z.optional(accountIdSchema),
});

export const pairingAnswerSchema = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("open"), expiresAt: timestampSchema }),
  /** The owner's proof. The agent verifies it, and that it is over its own key, secret and desk. */
  z.strictObject({ state: z.literal("paired"), pairing: signedPairingSchema }),
]);
export type PairingAnswer = z.infer<typeof pairingAnswerSchema>;

/** `POST /agent/ACCOUNT/requests`. The same request again is no second one. */
export const askSchema = z.strictObject({
  request: paymentRequestSchema,
  /** The 402 that it came from, as the agent received it: a claim until its signature is checked. */
  terms: z.optional(paymentRequiredSchema),
});
export type DeskAsk = z.infer<typeof askSchema>;

/** What both `POST` and `GET /agent/ACCOUNT/requests/DIGEST?wait=25` answer. Only the key that asked is told a decision. */
export const askedSchema = z.discriminatedUnion("state", [
  z.strictObject({ state: z.literal("pending"), requestDigest: digestSchema }),
  z.strictObject({ state: z.literal("approved"), requestDigest: digestSchema, payment: paymentPayloadSchema }),
  z.strictObject({ state: z.literal("declined"), requestDigest: digestSchema, decision: decisionRecordSchema }),
  z.strictObject({ state: z.literal("revoked"), requestDigest: digestSchema, decision: decisionRecordSchema }),
  z.strictObject({ state: z.literal("cancelled"), requestDigest: digestSchema }),
  z.strictObject({ state: z.literal("expired"), requestDigest: digestSchema }),
]);
export type Asked = z.infer<typeof askedSchema>;

/** `POST /agent/ACCOUNT/requests/DIGEST/cancel`, with `{}`: the agent takes its question back. Answered as `askedSchema`. */

/**
 * `POST /agent/ACCOUNT/requests/DIGEST/receipt`: what the merchant answered to the payment that was approved here. A claim of the agent, but for
 * what the merchant has signed. Answered with `{}`.
 */
export const handedReceiptSchema = z.strictObject({
  /** That the merchant says to have settled. */
  transaction: digestSchema,
  /** The merchant's signed receipt. Absent where it signs none. */
  receipt: z.optional(jwsSchema),
});
export type HandedReceipt = z.infer<typeof handedReceiptSchema>;

/** `GET /agent/ACCOUNT/mandates`: what the owner granted this key at the desk and has not revoked there. */
export const grantedSchema = z.strictObject({ mandates: z.array(signedMandateSchema) });
export type Granted = z.infer<typeof grantedSchema>;

/** `POST /agent/ACCOUNT/unpair`, with `{}`: the agent ends the pairing. */

/** Every answer of the desk: `{ ok: true, data }` or `{ ok: false, error: { code, message, hint? } }`. */
