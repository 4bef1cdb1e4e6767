/** Reading PAYMENT-SIGNATURE and holding it against the offer, before anybody else is asked. */
import type { ErrorCode } from "../../../shared/errors.ts";
import { isOtherVersion } from "../../../shared/exact/verify.ts";
import { decodeHeader } from "../../../shared/x402/headers.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { compareOffer, echoesExtensions } from "../../../shared/protocol/offer.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../../shared/x402/x402.ts";
import * as z from "zod/mini";
import type { Challenge } from "./challenge.ts";

/** What it is is decided step by step, so that the code says which step it failed at. */
const anything = z.unknown();

export type ReadPayment =
  | { ok: true; payment: PaymentPayload }
  /** `payment`: it could be read, and does not fit the offer. */
  | { ok: false; code: ErrorCode; detail?: string; payment?: PaymentPayload };

export function readPayment(header: string, { offer, advertised }: Challenge): ReadPayment {
  const json = decodeHeader(header, anything);
  if (!json.ok) return { ok: false, code: json.code, detail: json.problem };
  if (isOtherVersion(json.value)) return { ok: false, code: "invalid_x402_version" };
  const payment = checkShape(json.value, paymentPayloadSchema);
  if (!payment.ok) return { ok: false, code: payment.code, detail: payment.problem };
  const code = compareOffer(payment.value.accepted, offer);
  if (code) return { ok: false, code, payment: payment.value };
  if (!echoesExtensions(payment.value.extensions, advertised)) {
    return { ok: false, code: "extension_echo_mismatch", payment: payment.value };
  }
  return { ok: true, payment: payment.value };
}
