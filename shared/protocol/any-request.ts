/** Checks a request, however it is paid: for who shows it, lists it, or tells its owner. What signs asks for its own kind alone. */

import { checkNativeRequest, type NativeRequestCheck } from "./native-request.ts";
import { isNativeRequest, type PaymentRequest, type RequestCheck, type SessionRequestCheck } from "./payment-request.ts";
import { checkForApproval } from "./what-is-signed.ts";

/** Offline. @param now unix seconds */
export function checkAnyRequest(request: PaymentRequest, now: number): Promise<RequestCheck | SessionRequestCheck | NativeRequestCheck> {
  return (isNativeRequest(request) ? checkNativeRequest : checkForApproval)(request, now);
}
