/** What the merchant says of a session: in PAYMENT-RESPONSE, and in a corrective 402. */

import type { ChannelState, Correction, LaneOffer, VoucherReceiptExtra, VoucherState } from "../../../../shared/batch-settlement/state.ts";
import type { Charge } from "../../../../shared/protocol/amount.ts";
import type { Usage } from "../../../../shared/protocol/usage.ts";
import { FIRST_LANE, type SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import type { Challenge, PresentedPayment } from "../types.ts";
import type { HeldLane, IsolateSession } from "./isolate-session.ts";
import type { OwnLaneState } from "./rpc.ts";

export function channelState({ id, config, standing }: IsolateSession, charged: bigint): ChannelState {
  return {
    channelId: id,
    balance: config.deposit,
    totalClaimed: standing.claimed as Charge,
    withdrawRequestedAt: standing.withdrawRequestedAt ?? 0,
    chargedCumulativeAmount: String(charged) as Charge,
  };
}

/** Nothing moved, so `transaction` and `amount` are empty. */
export function voucherReceipt(
  session: IsolateSession,
  { voucher: { lane, serial } }: SignedVoucher,
  { amount, usage }: { amount: string; usage?: Usage | undefined },
  next: LaneOffer,
  charged: bigint,
): SettleResponse {
  const { id, config } = session;
  const extra: VoucherReceiptExtra = {
    commitmentId: `${id}:${lane}:${serial}`,
    chargedAmount: amount as Charge,
    lane: next,
    channelState: channelState(session, charged),
    ...(usage && { usage }),
  };
  return { success: true, payer: config.from, transaction: "", network: config.network, amount: "", extra };
}

/** The lane that the client should use with this isolate. */
export function nextLane({ leased }: IsolateSession, own: Pick<OwnLaneState, "limit" | "highest"> | undefined): LaneOffer {
  if (leased) return { id: leased.id, limit: String(leased.limit) as Charge, afterSerial: leased.lane.highest };
  return { id: FIRST_LANE, limit: (own?.limit ?? "0") as Charge, ...(own && { afterSerial: own.highest }) };
}

/** The same terms, with what the client has to know to sign the next voucher. */
export function corrected(challenge: Challenge, { offer }: PresentedPayment, correction: Correction): Challenge {
  const index = challenge.offers.indexOf(offer);
  const accepts = challenge.required.accepts.map((entry, at) =>
    at === index ? { ...entry, extra: { ...entry.extra, ...correction } } : entry,
  );
  return { ...challenge, required: { ...challenge.required, accepts } };
}

/** The lane of this isolate, by the client's own signature. */
export function stateOfLane({ id, lane }: HeldLane): VoucherState | undefined {
  return voucherState(id, lane.best?.signed, lane.spent);
}

export function voucherState(lane: string, best: SignedVoucher | undefined, charged: bigint): VoucherState | undefined {
  if (!best) return undefined;
  const { voucher, voucherSignature: signature } = best;
  const { serial, maxClaimableAmount: signedMaxClaimable, binding } = voucher;
  return {
    lane,
    serial,
    signedMaxClaimable,
    ...(binding && { binding }),
    signature,
    charged: String(charged) as Charge,
  };
}
