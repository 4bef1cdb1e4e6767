/** A signed payment in a file, for broadcasting it by hand: verified as a facilitator verifies it, but for its time, which the chain does not know. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import { MAX_AMOUNT } from "../../shared/limits.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { type PaymentPayload, paymentPayloadSchema, resourceInfoSchema } from "../../shared/x402/x402.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import type { NativePayment } from "../../shared/zone/verify.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { readJson } from "../runtime/files.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";

export interface SignedTransfer {
  network: NativeNetwork;
  /** The hash of block 1, as offer and statement name it. */
  genesis: Digest;
  payment: NativePayment;
  /** What it pays for, as the file says. */
  url: string | undefined;
}

export async function readSignedTransfer(context: Context, file: string): Promise<Outcome<SignedTransfer>> {
  const payload = readJson(file, paymentPayloadSchema, { what: "payment payload", named: true }, context.files.read);
  if (!payload.ok) return payload;
  const { accepted } = payload.data;
  const offer = readNativeOffer(accepted);
  if (!offer.ok) return unfit(file, offer.code, offer.problem);
  const { network, ledger, terms } = offer;
  const { verifyNative } = await import("../../shared/zone/verify.ts");
  const verified = verifyNative(payload.data, accepted, {
    now: unixNow(),
    network,
    ledger,
    maxFee: MAX_AMOUNT,
    finalities: [terms.finality],
    expiryIsTheLanes: true,
  });
  if (!verified.ok) return unfit(file, verified.code, verified.detail ?? "it is not what its offer asks for, signed by its payer");
  return succeed({ network, genesis: ledger, payment: verified.payment, url: urlOf(payload.data) });
}

function unfit(file: string, code: string, problem: string) {
  return refuse(code, EXIT.differs, `"${file}" is no payment on the chain itself that can be sent: ${problem}.`, {
    hint: "Nothing was sent. Use the file as lez-agent-pay wrote it.",
  });
}

function urlOf({ resource }: PaymentPayload): string | undefined {
  const info = checkShape(resource, resourceInfoSchema);
  return info.ok ? info.value.url : undefined;
}
