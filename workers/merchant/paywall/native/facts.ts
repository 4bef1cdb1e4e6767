/** What the merchant reads of a payment on the chain itself. It checks no signature: the facilitator does, before it answers. */

import * as z from "zod/mini";
import { CLOCK_SKEW_SECONDS } from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { checkShape } from "../../../../shared/text/json.ts";
import { unixNow } from "../../../../shared/time.ts";
import type { PaymentPayload } from "../../../../shared/x402/x402.ts";
import { LANE_RETENTION_SECONDS } from "../../../../shared/zone/lane-table.ts";
import { type PeekedTransfer, peekTransfer } from "../../../../shared/zone/peek.ts";
import { type NativeStatement, nativeStatementSchema } from "../../../../shared/zone/statement.ts";
import type { PaymentFacts } from "../types.ts";

const payloadSchema = z.looseObject({ signedTx: z.string(), statement: z.optional(nativeStatementSchema) });

export interface ReadPayload {
  transfer: PeekedTransfer;
  statement: NativeStatement | undefined;
}

/** undefined if it is no such payload. */
export function readNativePayload({ payload }: PaymentPayload): ReadPayload | undefined {
  const shape = checkShape(payload, payloadSchema);
  const transfer = shape.ok ? peekTransfer(shape.value.signedTx) : undefined;
  return shape.ok && transfer ? { transfer, statement: shape.value.statement } : undefined;
}

/**
 * The memory's key is H: the same for every signature of one message, of which the chain takes one. A delivery is remembered for as long as the
 * payer's lane is: until then the facilitator gives the receipt again.
 */
export function nativeFacts(payment: PaymentPayload): PaymentFacts | undefined {
  const read = readNativePayload(payment);
  if (!read) return undefined;
  const { transfer, statement } = read;
  const now = unixNow();
  const { binding } = statement ?? {};
  return {
    // Its form is that of an account of our ledger; which it is, the network says.
    payer: transfer.payer as string as AccountId,
    key: transfer.h,
    transaction: transfer.id,
    nonce: transfer.h,
    amount: String(transfer.value),
    validAfter: statement ? Number(statement.validAfter) : now,
    validBefore: statement ? Number(statement.validBefore) : now + payment.accepted.maxTimeoutSeconds,
    ...(binding && { binding }),
    retention: LANE_RETENTION_SECONDS + CLOCK_SKEW_SECONDS,
  };
}
