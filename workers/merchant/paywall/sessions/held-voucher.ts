/** A voucher as acceptors hold it: what the rule reads of it, and the signed text that a claim needs. */

import type { LaneVoucher } from "../../../../shared/batch-settlement/lane.ts";
import type { SignedVoucher } from "../../../../shared/protocol/voucher.ts";

export interface HeldVoucher extends LaneVoucher {
  readonly signed: SignedVoucher;
}

/** @param signed of a checked shape */
export function heldVoucher(signed: SignedVoucher): HeldVoucher {
  const { serial, maxClaimableAmount } = signed.voucher;
  return { serial: Number(serial), maxClaimable: BigInt(maxClaimableAmount), signed };
}
