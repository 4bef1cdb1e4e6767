/** Checks a request that a transfer on the chain itself pays: another key signs another object, with another screen. */

import { type PayableOffer, readNativeOffer } from "../zone/offer.ts";
import { checkRequest, type PaymentRequest, type RefusedRequest, refusedFor, type RequestCheck } from "./payment-request.ts";

/** `native`: what the offer asks for on the chain. */
export type NativeRequestCheck = (Extract<RequestCheck, { ok: true }> & { native: PayableOffer }) | RefusedRequest;

/** Offline, as `checkPaymentRequest` does it. @param now unix seconds */
export async function checkNativeRequest(request: PaymentRequest, now: number): Promise<NativeRequestCheck> {
  const { session, network } = request.payment;
  if (session) return refusedFor("unsupported_scheme", `there are no sessions on ${network}`);
  const checked = await checkRequest(request, now, (offer) => {
    const read = readNativeOffer(offer);
    return read.ok ? undefined : refusedFor(read.code, read.problem);
  });
  if (!checked.ok) return checked;
  const read = readNativeOffer(checked.offer);
  return read.ok ? { ...checked, native: read } : refusedFor(read.code, read.problem);
}
