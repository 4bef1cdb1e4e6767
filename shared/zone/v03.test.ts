import { describe, expect, test } from "vitest";
import type { LezAccountId } from "./account.ts";
import type { RpcCall } from "./dialect.ts";
import { V03 } from "./v03.ts";

const ACCOUNT = "9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4" as LezAccountId;
const NATIVE = "1".repeat(32);
const ID = "ab".repeat(32);
const { rpc } = V03;

const shards = (value: unknown) => ({ nonce: 7, data: { shards: { [NATIVE]: value } } });
const FEES = {
  height: 3,
  base_fee_exec: 8,
  base_fee_stor: 8,
  next_base_fee_exec_floor: 8,
  next_base_fee_exec_ceiling: 9,
  next_base_fee_stor_floor: 8,
  next_base_fee_stor_ceiling: 9,
  max_gas_exec: 10_000_000,
  max_gas_stor: 1_000_000,
};

test("balance and nonce are one call, of one shard", () => {
  const { method, params } = rpc.balanceAndNonce(ACCOUNT);
  expect([method, params]).toEqual(["getAccountView", [{ account_id: ACCOUNT, program_account_id: NATIVE }]]);
});

describe("an answer is read exactly, or not at all", () => {
  const bytes = (first: number) => [first, ...Array.from({ length: 15 }, () => 0)];
  const fees = { base: { exec: 8n, stor: 8n }, floor: { exec: 8n, stor: 8n }, ceiling: { exec: 9n, stor: 9n } };

  test.each<[string, RpcCall<unknown>, unknown, unknown]>([
    ["an account", rpc.balanceAndNonce(ACCOUNT), shards(bytes(5)), { balance: 5n, nonce: 7n }],
    ["an account that was never used", rpc.balanceAndNonce(ACCOUNT), { nonce: 0, data: { shards: {} } }, { balance: 0n, nonce: 0n }],
    [
      "the largest nonce",
      rpc.balanceAndNonce(ACCOUNT),
      { nonce: 2n ** 128n - 1n, data: { shards: {} } },
      { balance: 0n, nonce: 2n ** 128n - 1n },
    ],
    ["a member more", rpc.balanceAndNonce(ACCOUNT), { ...shards(bytes(5)), more: 1 }, { balance: 5n, nonce: 7n }],
    ["the fees", rpc.feeState(), FEES, { height: 3n, ...fees, maxGasExec: 10_000_000n, maxGasStor: 1_000_000n }],
    ["a height", rpc.lastBlockId(), 13_232, 13_232n],
    ["a height beyond 2^53", rpc.lastBlockId(), 2n ** 60n, 2n ** 60n],
    ["no block", rpc.block(2n), null, null],
    ["a block", rpc.block(2n), "AQI=", Uint8Array.of(1, 2)],
    ["a channel", rpc.channelId(), ID, ID],
    ["no transaction", rpc.transaction(ID as never), null, null],
    ["a transaction", rpc.transaction(ID as never), ["AQI=", 9], { wire: Uint8Array.of(1, 2), block: 9n }],
    ["an id", rpc.send("AQI="), ID, ID],
  ])("%s", (_, call, result, expected) => expect(call.read(result)).toEqual(expected));

  test.each<[string, RpcCall<unknown>, unknown]>([
    ["a string for a number", rpc.lastBlockId(), "13232"],
    ["a rounded number", rpc.lastBlockId(), 2 ** 60],
    ["a fraction", rpc.lastBlockId(), 1.5],
    ["a negative number", rpc.lastBlockId(), -1],
    ["a number beyond u64", rpc.lastBlockId(), 2n ** 64n],
    ["a nonce beyond u128", rpc.balanceAndNonce(ACCOUNT), { nonce: 2n ** 128n, data: { shards: {} } }],
    ["nothing", rpc.balanceAndNonce(ACCOUNT), null],
    ["a balance of 15 bytes", rpc.balanceAndNonce(ACCOUNT), shards(bytes(5).slice(1))],
    ["a balance of 17 bytes", rpc.balanceAndNonce(ACCOUNT), shards([...bytes(5), 0])],
    ["a zero that is written down", rpc.balanceAndNonce(ACCOUNT), shards(bytes(0))],
    ["a byte of 256", rpc.balanceAndNonce(ACCOUNT), shards(bytes(256))],
    ["a byte that is a text", rpc.balanceAndNonce(ACCOUNT), shards(["5"])],
    ["fees without one of their nine members", rpc.feeState(), { ...FEES, max_gas_stor: undefined }],
    ["base64 without padding", rpc.block(2n), "AQI"],
    ["base64url", rpc.block(2n), "_w=="],
    ["an id in upper case", rpc.send("AQI="), ID.toUpperCase()],
    ["a transaction of an older release", rpc.transaction(ID as never), "AQI="],
  ])("not %s", (_, call, result) => expect(call.read(result)).toBeUndefined());
});

test.each([
  [-32602, "Incorrect fee", "fee"],
  [-32602, "Invalid signature(-s)", "signature"],
  [-32602, "Invalid params", "shape"],
  [-32602, "Transaction too large: size 5, max 4", "too_large"],
  [-32602, "InvalidSignature", "unknown"],
  [-32602, "Program is sequencer-only and cannot be invoked by a user transaction", "unknown"],
  [-31900, "Mempool is full", "full"],
  [-32603, "Incorrect fee", "unknown"],
  [-32601, "Method not found", "unknown"],
] as const)("%i %s is %s", (code, message, refusal) => expect(V03.classify({ code, message })).toBe(refusal));
