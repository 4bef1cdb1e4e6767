/**
 * A payment on the chain itself in the words of an Authorization, which nothing signs: who pays whom, how much, until when, for which request.
 * Whatever shows, files or compares payments needs no second set of words.
 */

import { fromBase64 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { ASSET } from "../lez.ts";
import { checkShape } from "../text/json.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import { nativePayloadSchema, type NativeStatement } from "../zone/statement.ts";
import { decodeTransfer, type TransferTerms } from "../zone/transfer.ts";
import type { AccountId } from "./account.ts";
import type { Amount } from "./amount.ts";
import { type Authorization, authorizationDigest, transactionOf } from "./authorization.ts";

/** What only a payment on the chain has. */
export interface OnChain {
  /** The id by which a sequencer finds the signed bytes. Other signatures of the same message have others. */
  transaction: Digest;
  /** Of the payer's account, u128 in decimal. */
  nonce: string;
  /** The most that the chain may charge, in lepta. */
  maxFee: string;
}

/**
 * What was signed: an Authorization, or the same of a payment on the chain itself, whose `nonce` is H, the message hash: it is known by that.
 */
export interface PaymentWords extends Authorization {
  native?: OnChain;
}

/** The id of the settlement of what was signed. Anyone computes the same one, before or after it settles. */
export function settlementOf({ native, ...authorization }: PaymentWords): Digest {
  return native?.transaction ?? transactionOf(authorization.network, authorizationDigest(authorization));
}

/** @returns undefined for what is no payment on the chain itself, or has no statement. Checks no signature */
export function wordsOfNative({ payload }: PaymentPayload): PaymentWords | undefined {
  const shape = checkShape(payload, nativePayloadSchema);
  if (!shape.ok || !shape.value.statement) return undefined;
  const decoded = decodeTransfer(fromBase64(shape.value.signedTx) ?? new Uint8Array());
  if (!decoded.ok) return undefined;
  const { transfer, id: transaction } = decoded;
  const native = { transaction, nonce: transfer.nonce.toString(), maxFee: transfer.fee.maxFee.toString() };
  return { ...wordsOfTransfer(transfer, shape.value.statement), native };
}

/** The same of what is about to be signed. An account of the chain has the form of the mock's, and is shown with its network. */
export function wordsOfTransfer({ from, to, value }: TransferTerms, statement: NativeStatement): Authorization {
  const { network, ledger, messageHash, validAfter, validBefore, binding, requestDigest } = statement;
  return {
    network,
    asset: ASSET,
    from: from as string as AccountId,
    to: to as string as AccountId,
    value: value.toString() as Amount,
    validAfter,
    validBefore,
    nonce: messageHash,
    ...(binding && { binding }),
    ledger,
    ...(requestDigest && { requestDigest }),
  };
}
