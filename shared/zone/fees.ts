/** The fee market of LEZ v0.3: what a transaction reserves, what it is charged, and where the base fees go next. Lepta and gas. */

import type { FeeDeclaration } from "./transaction.ts";
import { TRANSFER_BYTES } from "./transfer.ts";

/** Prices of a unit of gas in one block, for computing and for the bytes on the wire. u64. */
export interface BaseFees {
  exec: bigint;
  stor: bigint;
}

interface Market {
  /** Gas of a block that leaves the price as it is. Twice as much is the most that a block takes. */
  readonly target: bigint;
  readonly min: bigint;
  readonly max: bigint;
}

const U64_MAX = 2n ** 64n - 1n;

function market(target: bigint): Market {
  return { target, min: 8n, max: U64_MAX / (2n * target) };
}

export const EXEC_MARKET = market(5_000_000n);
export const STOR_MARKET = market(500_000n);
/** A price moves by this part of itself at most. */
const DAMPING = 8n;

/** The most gas for computing that one block, and so one transaction, can use. */
export const MAX_GAS_EXEC = 2n * EXEC_MARKET.target;
/** The most bytes of transactions in one block, and so of one. */
export const MAX_GAS_STOR = 2n * STOR_MARKET.target;

/** What is taken from the payer before the transaction runs; it must not exceed `maxFee`. @param bytes of the transaction, with its tag */
export function reserve(fee: Pick<FeeDeclaration, "gasLimit" | "tip">, bytes: number, base: BaseFees): bigint {
  return charge(fee, bytes, fee.gasLimit, base);
}

/** What the payer is left without in the end. A native transfer uses no cycles. */
export function charge(fee: Pick<FeeDeclaration, "gasLimit" | "tip">, bytes: number, cycles: bigint, base: BaseFees): bigint {
  const gas = cycles < fee.gasLimit ? cycles : fee.gasLimit;
  return gas * base.exec + BigInt(bytes) * base.stor + fee.tip;
}

/** The price in the block after one that used `used` gas at the price `base`. */
export function nextBaseFee(base: bigint, used: bigint, { target, min, max }: Market): bigint {
  const off = used > target ? used - target : target - used;
  const step = (base * (off < target ? off : target)) / (target * DAMPING);
  if (used > target) return smaller(base + (step > 0n ? step : 1n), max);
  if (used < target) return base - step > min ? base - step : min;
  return base;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/**
 * A `maxFee` that covers a native transfer's reserve for as long as prices can rise.
 * @param ceilings the highest base fees of the next block, from `getFeeState`
 * @param blocks full blocks that may come before the transfer's own
 */
export function maxFeeFor(
  ceilings: BaseFees,
  blocks: number,
  fee: Pick<FeeDeclaration, "gasLimit" | "tip"> = { gasLimit: 0n, tip: 0n },
): bigint {
  let base = ceilings;
  for (let full = 0; full < blocks; full++) {
    base = { exec: nextBaseFee(base.exec, MAX_GAS_EXEC, EXEC_MARKET), stor: nextBaseFee(base.stor, MAX_GAS_STOR, STOR_MARKET) };
  }
  return reserve(fee, TRANSFER_BYTES, base);
}
