/** Claims of a session: made, signed, and presented to the facilitator. */

import type { ClaimPayload } from "../../../../shared/batch-settlement/payload.ts";
import { MAX_CLAIMED_LANES } from "../../../../shared/limits.ts";
import { logEvent, newTraceId } from "../../../../shared/log.ts";
import type { Amount } from "../../../../shared/protocol/amount.ts";
import { type Claim, claimDigest } from "../../../../shared/protocol/claim.ts";
import { type Session, sessionId } from "../../../../shared/protocol/session.ts";
import { voucherDigest } from "../../../../shared/protocol/voucher.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { logOnceAMinute } from "../log.ts";
import type { SessionRpc } from "../types.ts";
import type { Claimable } from "./book.ts";
import type { HeldVoucher } from "./held-voucher.ts";
import type { ReceiverKeys } from "./receiver-key.ts";
import { standingFrom } from "./standing.ts";
import type { PaidClaim } from "./tell-claim.ts";

export type Claimed =
  | { ok: true; lanes: { lane: string; amount: bigint }[]; standing: SessionStanding }
  /** `standing` is set if the ledger has closed the session: what was not claimed is the payer's. */
  | { ok: false; standing?: SessionStanding | undefined };

/** Takes money out of a session. Nothing here throws: what failed is tried again by the next alarm. */
export interface Claimant {
  /** Claims as many lanes as fit into one claim. */
  claim(session: Session, claims: readonly Claimable<HeldVoucher>[]): Promise<Claimed>;
  /** The final claim: the rest is the payer's at once. */
  close(session: Session): Promise<SessionStanding | undefined>;
  standing(session: Session): Promise<SessionStanding | undefined>;
}

/**
 * @param keysOf the merchant's keys at an origin
 * @param onPaid told of each claim that moved money; of one that is made again, once more
 */
export function claimant(
  rpc: Partial<SessionRpc>,
  keysOf: (origin: string) => Promise<ReceiverKeys>,
  onPaid: (paid: PaidClaim) => void,
): Claimant {
  const signerOf = async ({ origin, receiver }: Session) =>
    (await keysOf(origin)).signerOf(receiver) ?? "no key of this merchant is the session's receiver: set RECEIPT_KEY_BEFORE";
  const present = async (session: Session, claims: readonly Claimable<HeldVoucher>[]) => {
    const id = sessionId(session);
    const lanes = claims.map(({ lane, amount, voucher }) => ({
      lane,
      amount: String(amount) as Amount,
      voucher: voucherDigest(voucher.signed.voucher),
    }));
    const claim: Claim = { version: "1", ledger: session.ledger, session: id, lanes, final: lanes.length === 0 ? "yes" : "no" };
    const traceId = newTraceId();
    const signer = await signerOf(session).catch((error: unknown) => String(error));
    if (typeof signer === "string" || !rpc.claim) {
      const message = typeof signer === "string" ? signer : "the facilitator knows no sessions";
      logOnceAMinute("session.claim_failed", message, { traceId, session: id, message });
      return undefined;
    }
    const signature = await signer(claimDigest(claim));
    const payload: ClaimPayload = {
      type: "claim",
      claim,
      signature,
      channelConfig: session,
      vouchers: claims.map(({ voucher }) => voucher.signed),
    };
    const answer = await withTimeout(rpc.claim(payload, traceId));
    if (answer?.ok) {
      const { value: amount, transaction, session: standing } = answer;
      const { at } = standing;
      if (transaction) onPaid({ session, id, claim: claimDigest(claim), transaction, amount, at, traceId });
      logEvent("session.claimed", { traceId, session: id, amount, lanes: lanes.length, final: claim.final, transaction });
      return { ok: true as const, standing: standingFrom(standing) };
    }
    const code = answer?.code ?? "facilitator_unavailable";
    logOnceAMinute("session.claim_failed", `${id} ${code}`, { traceId, session: id, code });
    return { ok: false as const, code };
  };
  const standing = async (session: Session): Promise<SessionStanding | undefined> => {
    const name = { payer: session.from, id: sessionId(session) };
    const status = await withTimeout(rpc.session?.(name, newTraceId()) ?? Promise.resolve(undefined));
    return status && "deposit" in status ? standingFrom(status) : undefined;
  };
  return {
    async claim(session, claims) {
      const some = claims.slice(0, MAX_CLAIMED_LANES);
      const answer = await present(session, some);
      if (answer?.ok) return { ok: true, lanes: some.map(({ lane, amount }) => ({ lane, amount })), standing: answer.standing };
      return { ok: false, standing: answer?.code === "session_closed" ? await standing(session) : undefined };
    },
    async close(session) {
      const answer = await present(session, []);
      return answer?.ok ? answer.standing : standing(session);
    },
    standing,
  };
}
