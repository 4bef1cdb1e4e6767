/** LEZ v0.3.0, which the public testnet has run since 2026-09-30. */

import * as z from "zod/mini";
import { fromBase64, toBase64 } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { NATIVE_PROGRAM } from "./account.ts";
import { decodeBlock } from "./block.ts";
import { decodeExactly } from "./borsh.ts";
import type { Dialect, RpcCall, RpcError, RpcRefusal } from "./dialect.ts";
import { decodeTransfer, encodeTransfer } from "./transfer.ts";

/** An integer of JSON from 0 on, whose digits are exact. A string of digits is none. */
function integer(bits: number) {
  return z.pipe(
    z.union([z.bigint(), z.number().check(z.refine((value) => Number.isSafeInteger(value)))]),
    z.transform((value, context) => {
      const exact = BigInt(value);
      if (exact < 0n || exact >> BigInt(bits) !== 0n) context.issues.push({ code: "custom", message: `must be a u${bits}`, input: value });
      return exact;
    }),
  );
}

const u64 = integer(64);
const u128 = integer(128);

const base64Schema = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const bytes = fromBase64(text);
    if (bytes && toBase64(bytes) === text) return bytes;
    context.issues.push({ code: "custom", message: "must be padded base64", input: text });
    return new Uint8Array(0);
  }),
);

const accountSchema = z.object({ nonce: u128, data: z.object({ shards: z.record(z.string(), z.array(z.number())) }) });

const feeStateSchema = z.object({
  height: u64,
  base_fee_exec: u64,
  base_fee_stor: u64,
  next_base_fee_exec_floor: u64,
  next_base_fee_exec_ceiling: u64,
  next_base_fee_stor_floor: u64,
  next_base_fee_stor_ceiling: u64,
  max_gas_exec: u64,
  max_gas_stor: u64,
});

function call<Result>(method: string, params: readonly unknown[], schema: z.ZodMiniType<Result>): RpcCall<Result> {
  return {
    method,
    params,
    read: (result) => {
      const read = z.safeParse(schema, result);
      return read.success ? read.data : undefined;
    },
  };
}

/** The 16 bytes of a balance. A shard that is there is not zero. */
function balanceOf(shard: readonly number[] | undefined): bigint | undefined {
  if (shard === undefined) return 0n;
  if (shard.some((byte) => !Number.isInteger(byte) || byte < 0 || byte > 255)) return undefined;
  const balance = decodeExactly(Uint8Array.from(shard), (reader) => reader.u128());
  return balance.ok && balance.value > 0n ? balance.value : undefined;
}

export const V03: Dialect = {
  name: "v0.3",
  decodeTransfer,
  encodeTransfer,
  decodeBlock,
  rpc: {
    balanceAndNonce: (account) => {
      const view = call("getAccountView", [{ account_id: account, program_account_id: NATIVE_PROGRAM }], accountSchema);
      return {
        ...view,
        read: (result) => {
          const read = view.read(result);
          const balance = read && balanceOf(read.data.shards[NATIVE_PROGRAM]);
          return read && balance !== undefined ? { balance, nonce: read.nonce } : undefined;
        },
      };
    },
    feeState: () =>
      call(
        "getFeeState",
        [],
        z.pipe(
          feeStateSchema,
          z.transform((state) => ({
            height: state.height,
            base: { exec: state.base_fee_exec, stor: state.base_fee_stor },
            floor: { exec: state.next_base_fee_exec_floor, stor: state.next_base_fee_stor_floor },
            ceiling: { exec: state.next_base_fee_exec_ceiling, stor: state.next_base_fee_stor_ceiling },
            maxGasExec: state.max_gas_exec,
            maxGasStor: state.max_gas_stor,
          })),
        ),
      ),
    lastBlockId: () => call("getLastBlockId", [], u64),
    // A u64 as JSON writes it: `writeJsonExact` spells a bigint by its digits.
    block: (id) => call("getBlock", [id], z.nullable(base64Schema)),
    channelId: () => call("getChannelId", [], digestSchema),
    transaction: (id) =>
      call(
        "getTransaction",
        [id],
        z.nullable(
          z.pipe(
            z.tuple([base64Schema, u64]),
            z.transform(([wire, block]) => ({ wire, block })),
          ),
        ),
      ),
    send: (signedTx) => call("sendTransaction", [signedTx], digestSchema),
  },
  classify,
};

const INVALID_PARAMS = -32602;
const MEMPOOL_FULL = -31900;

/** The sequencer has one code for most refusals: only its words tell them apart. Unknown words are `unknown`. */
function classify({ code, message }: RpcError): RpcRefusal {
  if (code === MEMPOOL_FULL) return "full";
  if (code !== INVALID_PARAMS) return "unknown";
  if (message === "Incorrect fee") return "fee";
  if (message === "Invalid signature(-s)") return "signature";
  if (message === "Invalid params") return "shape";
  return message.startsWith("Transaction too large") ? "too_large" : "unknown";
}
