/** The receipt that a merchant signed for a call of a session, beside what this machine knows of the call and of the merchant's key. */

import { isResource } from "../../shared/evidence/parts.ts";
import { nameUnder } from "../../shared/extensions/did-web.ts";
import { readJws, receiptPayloadSchema } from "../../shared/extensions/signed-jws.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { commitmentOf } from "../purchase/classify-voucher.ts";
import type { FoundCall } from "../purchase/find-call.ts";

export type CallReceipt =
  | { kind: "none" }
  /** A known key of the merchant signed it, and it is this call's. */
  | { kind: "signed" }
  /** No key of the merchant is known. */
  | { kind: "unknown_key"; kid: string }
  | { kind: "wrong"; problem: string };

/** @param merchantKeys public keys of the session's merchant that this user knows */
export async function judgeCallReceipt({ session, call }: FoundCall, merchantKeys: readonly string[]): Promise<CallReceipt> {
  if (!("charged" in call) || call.receipt === undefined) return { kind: "none" };
  const read = readJws({ format: "jws", signature: call.receipt }, receiptPayloadSchema);
  if (!read) return { kind: "wrong", problem: "it is no signed receipt" };
  const { kid, payload } = read;
  const { origin, from, network } = session.signed.channelConfig;
  if (!nameUnder(new URL(origin).host, kid)) return { kind: "wrong", problem: "it is signed in the name of another host" };
  const isOurs =
    payload.transaction === commitmentOf(call.voucher) &&
    payload.payer === from &&
    payload.network === network &&
    payload.amount === call.charged &&
    isResource(payload.resourceUrl, new URL(canonicalUrl(call.url) ?? call.url));
  if (!isOurs) return { kind: "wrong", problem: "it is for another call, or another charge" };
  for (const key of merchantKeys) if (await read.isSignedBy(key)) return { kind: "signed" };
  return merchantKeys.length > 0 ? { kind: "wrong", problem: "no known key of the merchant signed it" } : { kind: "unknown_key", kid };
}
