/**
 * Reads a voucher as clients send it, without its schema, which takes some 13 µs, a thirtieth of what a call of a session costs. What is not
 * read here is the schema's to judge: it may be good, and the schema has the words for what is wrong.
 */

import { isAccountId } from "../protocol/account.ts";
import { isAmount } from "../protocol/amount.ts";
import { FIRST_LANE, type Voucher } from "../protocol/voucher.ts";
import type { VoucherPayload } from "./payload.ts";

const HEX_16 = /^[0-9a-f]{32}$/;
const HEX_32 = /^[0-9a-f]{64}$/;
const HEX_64 = /^[0-9a-f]{128}$/;
const SERIAL = /^[1-9][0-9]{0,15}$/;

/**
 * @param payload parsed JSON
 * @returns what `voucherPayloadSchema` makes of it, without members of other readers; undefined if that has to be asked
 */
export function readPlainVoucher(payload: Record<string, unknown>): VoucherPayload | undefined {
  const { type, from, voucher, voucherSignature } = payload;
  if (type !== "voucher" || !isText(voucherSignature, HEX_64) || !isPlainVoucher(voucher) || !isAccountId(from)) return undefined;
  return { type, from, voucher, voucherSignature };
}

/** Strict, as the schema is: a member that it does not know makes a voucher unusable. */
function isPlainVoucher(value: unknown): value is Voucher {
  if (typeof value !== "object" || value === null) return false;
  const { session, lane, serial, maxClaimableAmount, binding } = value as Record<string, unknown>;
  if (Object.keys(value).length !== (binding === undefined ? 4 : 5)) return false;
  return (
    isText(session, HEX_32) &&
    (lane === FIRST_LANE || isText(lane, HEX_16)) &&
    isText(serial, SERIAL) &&
    Number(serial) <= Number.MAX_SAFE_INTEGER &&
    isAmount(maxClaimableAmount) &&
    (binding === undefined || isText(binding, HEX_32))
  );
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}
