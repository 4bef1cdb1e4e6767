/**
 * What an owner decides. Each carries its proof, which is verified here before anything is read that it changes; the facilitator judges
 * it again. The state of the request is read and written without an await in between: of two decisions at once the first counts.
 */

import { canonicalJson, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { checkAge, checkApproval } from "../../shared/desk/approval-check.ts";
import { refused, type DeskRefusal } from "../../shared/desk/codes.ts";
import type { HostedAnswer } from "../../shared/desk/hosted-api.ts";
import { checkPartObject, partClaim } from "../../shared/desk/part-check.ts";
import { MAX_DESK_TOLD } from "../../shared/limits.ts";
import { deciderOf, verifyDecision } from "../../shared/protocol/decision.ts";
import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { verifyRevocation } from "../../shared/protocol/revocation.ts";
import { withPaymentProof } from "../../shared/protocol/what-is-signed.ts";
import { checkShape } from "../../shared/text/json.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { passkeyRules } from "./env.ts";
import { endGrants, grantObstacle, keepGrant } from "./grants.ts";
import { note } from "./journal.ts";
import { verifyMember } from "./member.ts";
import { keepPart, wholeProofs } from "./parts.ts";
import { endProposals } from "./proposals.ts";
import { findRequest, noteTold, requestOf, type RequestRow, take, type Taken, untoldRequests } from "./requests.ts";
import { askLedger } from "./settlements.ts";

/** A whole payment, proof included: the owner's yes. */
export async function decide(desk: DeskContext, { payment }: AskOf<"decide">): Promise<Told<HostedAnswer<"decide">>> {
  const digest = requestDigestIn(payment);
  const kept = digest && findRequest(desk.store, digest, unixNow());
  if (!kept) return refused("request_not_found");
  const checked = await checkApproval(requestOf(kept), payment, desk.account, passkeyRules(desk.env));
  if (!checked.ok) return differing(checked);
  const now = unixNow();
  const { state, payment: before } = findRequest(desk.store, digest, now) ?? kept;
  // Of a request that is decided, the decision is the better answer.
  const tooOld = state === "pending" ? checkAge(checked, now) : undefined;
  if (tooOld) return differing(tooOld);
  const isAgain = before !== null && canonicalJson(JSON.parse(before)) === canonicalJson(payment);
  return approve(desk, digest, payment, checked.validBefore, isAgain, now);
}

function approve(
  { store, waiters }: DeskContext,
  digest: Digest,
  payment: PaymentPayload,
  validBefore: number,
  isAgain: boolean,
  now: number,
): Told<{ shortCode: string }> {
  const kept = { payment: JSON.stringify(payment), valid_before: validBefore };
  const taken = take(store, digest, isAgain ? "approve again" : "approve", now, kept);
  if (!taken.ok) return decidedBefore(taken);
  if (taken.changed) note(store, now, "approved", factsOf(taken.kept));
  waiters.wake(digest);
  return tell({ shortCode: shortCode(digest) });
}

/**
 * One key's proof over the authorization, or the session, that all keys sign. It pays nothing until there are enough of them: the desk makes the payment
 * of them then. A second object beside one that can still be completed is refused, because each of the two could be paid.
 */
export async function partial(
  desk: DeskContext,
  { request: digest, proof, policy, ...object }: AskOf<"partial">,
): Promise<Told<HostedAnswer<"partial">>> {
  const { account, store } = desk;
  const kept = findRequest(store, digest, unixNow());
  if (!kept) return refused("request_not_found");
  const request = requestOf(kept);
  const proved = await verifyMember(desk, policy, proof, partClaim(object));
  if (!proved.ok) return proved;
  const { key } = proved;
  const checked = await checkPartObject(request, object, account);
  if (!checked.ok) return differing(checked);

  const now = unixNow();
  return store.transact(() => {
    const state = take(store, digest, "part", now);
    if (!state.ok) return decidedBefore(state);
    const tooOld = checkAge(checked, now);
    if (tooOld) return differing(tooOld);
    const part = keepPart(store, digest, { object, key, proof }, now);
    if (!part.ok)
      return refused(
        "decided_meanwhile",
        "Another key of the account has signed this request, at another moment.",
        "Read the request again, and sign the same.",
      );
    note(store, now, "signed_in_part", { ...factsOf(kept), key });
    const proofs = wholeProofs(policy, part.proofs);
    if (!proofs)
      return tell({ shortCode: shortCode(digest), whole: false, missing: Number(policy.threshold) - Object.keys(part.proofs).length });
    const offer = JSON.parse(request.payment.offer) as PaymentPayload["accepted"];
    const payment = withPaymentProof(request, { offer }, object, { proof: { kind: "policy", policy, proofs } });
    const made = approve(desk, digest, payment, checked.validBefore, false, now);
    return made.ok ? tell({ ...made.data, whole: true, missing: 0 }) : made;
  });
}

/** A no. One key of a policy is enough, and the no is final. An approval is revoked by a signed no, which the ledger is told. */
export async function refuse(desk: DeskContext, { record }: AskOf<"refuse">): Promise<Told<HostedAnswer<"refuse">>> {
  const { store, account, waiters } = desk;
  const { requestDigest: digest, decision, code } = record.decision;
  if (decision === "revoked" && !record.signed) return refused("invalid_signature", "A revocation is signed, and this is not.");
  if (record.signed) {
    const proved = deciderOf(record) === account ? await verifyDecision(record, passkeyRules(desk.env)) : { ok: false as const };
    if (!proved.ok) return differing({ code: "invalid_signature", problem: proved.problem ?? "it is not the account's" });
  }
  const now = unixNow();
  const write = { decision: JSON.stringify(record), ...(decision === "revoked" && { untold: "the ledger was not told yet" }) };
  const taken = take(store, digest, decision === "revoked" ? "revoke" : "decline", now, write);
  if (!taken.ok) return decidedBefore(taken);
  if (taken.changed) note(store, now, decision, { ...factsOf(taken.kept), code, signed: record.signed ? "yes" : "no" });
  waiters.wake(digest);
  const already = taken.changed ? {} : { already: true };
  const problem = decision === "revoked" ? await tellLedger(desk, taken.kept, now) : undefined;
  return tell({ shortCode: shortCode(digest), ...already, ...(problem !== undefined && { problem }) });
}

/** Tells the ledger of revocations that it does not know of. One that it refuses does not hold up the others. */
export async function tellUntold(desk: DeskContext, now: number): Promise<void> {
  for (const kept of untoldRequests(desk.store, MAX_DESK_TOLD, now)) await tellLedger(desk, kept, now);
}

/** Tells the ledger of a revocation that it does not know of. @returns why it does not know yet */
async function tellLedger(desk: DeskContext, { digest, decision, untold }: RequestRow, now: number): Promise<string | undefined> {
  if (untold === null || decision === null) return undefined;
  const told = await desk.facilitator.cancel(JSON.parse(decision) as object);
  const tooLate = !told.ok && told.code === "nonce_replayed";
  noteTold(desk.store, digest, told.ok || tooLate ? undefined : told.why, now);
  if (!tooLate) return told.ok ? undefined : told.why;
  await askLedger(desk, [digest]);
  return "it is too late: the payment was made already";
}

/** The end of one allowance, or of all. */
export async function revoke(desk: DeskContext, { revocation: signed }: AskOf<"revoke">): Promise<Told<HostedAnswer<"revoke">>> {
  const { store, account } = desk;
  const { revocation, mandate } = signed;
  const proved = revocation.from === account && !mandate ? await verifyRevocation(signed, passkeyRules(desk.env)) : { ok: false as const };
  if (!proved.ok) return differing({ code: "invalid_signature", problem: proved.problem ?? "it is not the account's" });
  const revokedAt = Number(revocation.revokedAt);
  const ended = endGrants(store, revocation.mandate, revokedAt);
  endProposals(store, revocation.mandate, revokedAt);
  note(store, unixNow(), "mandate_revoked", { mandate: revocation.mandate, ended: String(ended.length) });
  const told = await desk.facilitator.revoke(signed);
  return tell(told.ok ? { revokedAt: formatTimestamp(told.value.revokedAt ?? revokedAt) } : { problem: told.why });
}

/** An allowance for an agent that is paired here. */
export async function grant(desk: DeskContext, { mandate: signed }: AskOf<"grant">): Promise<Told<HostedAnswer<"grant">>> {
  const { store, account } = desk;
  const { mandate, ...proof } = signed;
  const digest = mandateDigest(mandate);
  const claimed = { type: "Mandate", digest, account } as const;
  const proved = mandate.from === account ? await verifyProof(proof, claimed, passkeyRules(desk.env)) : { ok: false as const };
  if (!proved.ok) return differing({ code: "invalid_signature", problem: proved.problem ?? "it is not the account's" });
  const now = unixNow();
  const obstacle = grantObstacle(store, mandate, now);
  if (obstacle) return obstacle;
  if (keepGrant(store, signed)) note(store, now, "granted", { mandate: digest, agentKey: mandate.agent, total: mandate.total });
  return tell({ shortCode: shortCode(digest) });
}

function requestDigestIn({ payload }: PaymentPayload): Digest | undefined {
  const object = (payload["authorization"] ?? payload["channelConfig"] ?? payload["statement"]) as { requestDigest?: unknown } | undefined;
  const named = checkShape(object?.requestDigest, digestSchema);
  return named.ok ? named.value : undefined;
}

function factsOf(kept: RequestRow): Record<string, string> {
  const { agent, http, payment } = requestOf(kept);
  return {
    requestDigest: kept.digest,
    agentKey: agent.publicKey,
    url: http.url,
    payTo: payment.payTo,
    amount: payment.session?.deposit ?? payment.amount,
  };
}

/** Says what it is already. */
function decidedBefore({ code, state }: Extract<Taken, { ok: false }>): DeskRefusal {
  return code === "decided_meanwhile" ? refused(code, `The request is ${state} already. The first decision counts.`) : refused(code);
}

function differing({
  code,
  problem,
}: {
  code: "request_differs" | "invalid_signature" | "payment_expired" | "proof_expired";
  problem: string;
}): DeskRefusal {
  return refused(
    code,
    `${code === "invalid_signature" ? "The proof does not count" : "This is not what the request asks for"}: ${problem}.`,
  );
}
