/** Collects the evidence of a call that a session paid: what this machine has, and what the ledger shows of its claim. */

import type { CallEvidence } from "../../shared/evidence/call-evidence.ts";
import { canonicalUrl } from "../../shared/protocol/binding.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { voucherDigest } from "../../shared/protocol/voucher.ts";
import { askCallPayment } from "../facilitator/call-payment.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import { commitmentOf } from "../purchase/classify-voucher.ts";
import { type FoundCall, voucherNamed } from "../purchase/find-call.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Missing } from "./source.ts";

export const NOT_CLAIMED = "the merchant has not claimed it yet: it has the agent's signed promise, and nothing has moved";

/** What this machine has of it, or why there is no evidence of it. */
export function localCallEvidence(context: Context, { session, call }: FoundCall): Outcome<CallEvidence> {
  const { voucher, voucherSignature, method, url, bodySha256, amount } = call;
  const code = shortCode(voucherDigest(voucher));
  if (call.outcome === "unanswered") {
    return fail("outcome_unknown", `The outcome of call ${code} is unknown.`, {
      next: { argv: ["lez-agent-pay", "status", commitmentOf(voucher)], by: "agent", why: "ask whether the merchant has claimed it" },
    });
  }
  if (call.outcome === "refused")
    return refuse(call.code ?? "payment_rejected", EXIT.paymentRejected, `Call ${code} was refused. It paid nothing.`);
  const { requestDigest } = session.signed.channelConfig;
  const stored = requestDigest && findRequest(context, requestDigest);
  return succeed({
    version: "2",
    ...(stored?.ok && { request: stored.data.request }),
    session: session.signed,
    call: { method, url: canonicalUrl(url) ?? url, ...(bodySha256 && { bodySha256 }), amount },
    voucher: { voucher, voucherSignature },
  });
}

/** The same with the claim that paid it, as far as the ledger shows one. */
export async function claimedCallEvidence(
  context: Context,
  input: FacilitatorInput,
  found: FoundCall,
  local: CallEvidence,
): Promise<Outcome<{ evidence: CallEvidence; missing: Missing[] }>> {
  const { lane, maxClaimableAmount } = found.call.voucher;
  const { signed: session } = found.session;
  // A claim that reaches the voucher's own sum proves the most.
  const whole = await askCallPayment(context, input, session, { lane, reach: maxClaimableAmount });
  const asked = whole.ok && !whole.data.claim ? await askCallPayment(context, input, session, { lane, reach: found.reach }) : whole;
  if (!asked.ok) return asked;
  const { claim, book } = asked.data;
  const signed = claim?.signed;
  const missing: Missing[] = local.request ? [] : [{ part: "request", why: "this machine does not have the request" }];
  if (!signed) missing.push({ part: "claim", why: claim?.doubt ?? NOT_CLAIMED });
  if (!signed || !book) {
    const why = claim ? "the ledger signs no checkpoints, or has pruned the entry" : "before a claim the ledger has no entry";
    return succeed({ evidence: signed ? { ...local, claim: signed } : local, missing: [...missing, { part: "ledger", why }] });
  }
  const named = signed.claim.lanes.find((each) => each.lane === lane)?.voucher;
  const isOwn = named === voucherDigest(found.call.voucher);
  const covering = named === undefined || isOwn ? undefined : voucherNamed(found, named);
  if (!isOwn && !covering) missing.push({ part: "claim", why: "this machine does not have the voucher that it names" });
  return succeed({ evidence: { ...local, claim: { ...signed, ...(covering && { voucher: covering }) }, ledger: book }, missing });
}
