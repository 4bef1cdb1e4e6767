/** One release of LEZ: how it writes, what its sequencer answers, how it refuses. Pure. */

import type { Digest } from "../crypto/digest.ts";
import type { LezAccountId } from "./account.ts";
import type { DecodedBlock } from "./block.ts";
import type { BaseFees } from "./fees.ts";
import type { DecodedTransfer, NativeTransfer } from "./transfer.ts";

/** One call of a sequencer, and how its result is read. Results come from `parseJsonExact`: long integers are bigints. */
export interface RpcCall<Result> {
  readonly method: string;
  readonly params: readonly unknown[];
  /** Undefined for every result that this release does not give. Members that it does not have are ignored. */
  read(result: unknown): Result | undefined;
}

/** What `getFeeState` says of prices, in lepta for a unit of gas. */
export interface FeeQuote {
  height: bigint;
  base: BaseFees;
  /** The lowest and the highest prices of the next block. */
  floor: BaseFees;
  ceiling: BaseFees;
  maxGasExec: bigint;
  maxGasStor: bigint;
}

export interface RpcError {
  code: number;
  message: string;
}

/** Why a sequencer refused a call. `fee` has five causes that it does not tell apart. */
export type RpcRefusal = "fee" | "signature" | "shape" | "too_large" | "full" | "unknown";

export interface Dialect {
  readonly name: "v0.3";
  decodeTransfer(wire: Uint8Array): DecodedTransfer;
  encodeTransfer(transfer: NativeTransfer): Uint8Array<ArrayBuffer>;
  decodeBlock(bytes: Uint8Array): DecodedBlock;
  readonly rpc: {
    /** Both from one head. An account that was never used has nonce 0 and balance 0. */
    balanceAndNonce(account: LezAccountId): RpcCall<{ balance: bigint; nonce: bigint }>;
    feeState(): RpcCall<FeeQuote>;
    lastBlockId(): RpcCall<bigint>;
    /** The bytes of a block, or null: not there yet. */
    block(id: bigint): RpcCall<Uint8Array | null>;
    /** The id of the channel below, 64 hex digits. */
    channelId(): RpcCall<Digest>;
    /** Of an included transaction, its wire and its block; null also while it waits. */
    transaction(id: Digest): RpcCall<{ wire: Uint8Array; block: bigint } | null>;
    /** Its id, which means no more than that it is queued. @param signedTx base64 */
    send(signedTx: string): RpcCall<Digest>;
  };
  classify(error: RpcError): RpcRefusal;
}
