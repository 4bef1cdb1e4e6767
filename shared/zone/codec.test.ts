import { describe, expect, test } from "vitest";
import recorded from "../../test/vectors/lez/recorded.json" with { type: "json" };
import { fromBase64, hexToBytes } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import {
  BRIDGE_ACCOUNT,
  CLOCK_ACCOUNTS,
  FEE_ACCOUNTS,
  isLezAccountId,
  isSystemAccount,
  lezAccountOfBytes,
  NATIVE_PROGRAM,
} from "./account.ts";
import { clockInvocation, decodeBlock, encodeBlock, feeInvocation, feesOf, GENESIS_BLOCK, NO_BLOCK, type ZoneBlock } from "./block.ts";
import { ByteReader, ByteWriter, decodeExactly } from "./borsh.ts";
import { decodesWhatItEncodes, isTotal } from "./testing/codec-properties.ts";
import { accountOfProgram, builtin, u32 } from "./testing/second.ts";
import { encodeTransaction, readTransaction } from "./transaction.ts";
import { decodeTransfer, encodeTransfer, type NativeTransfer } from "./transfer.ts";

const account = (byte: number) => lezAccountOfBytes(new Uint8Array(32).fill(byte));
const TRANSFER: NativeTransfer = {
  from: account(1),
  to: account(2),
  value: 10_000n,
  nonce: 7n,
  fee: { payer: account(1), gasLimit: 0n, tip: 0n, maxFee: 26_712n },
  signature: new Uint8Array(64).fill(3),
  publicKey: new Uint8Array(32).fill(4),
};
const WIRE = encodeTransfer(TRANSFER);
const text = recorded.vectors.find(({ name }) => name === "v03-live-block-2")?.base64 ?? "";
const BLOCK = fromBase64(text) ?? new Uint8Array(0);

/** The wire with another part in place of that at `offset`. */
function spliced(offset: number, removed: number, added: Uint8Array): Uint8Array {
  return Uint8Array.from([...WIRE.subarray(0, offset), ...added, ...WIRE.subarray(offset + removed)]);
}

const problemOf = (wire: Uint8Array) => {
  const decoded = decodeTransfer(wire);
  return decoded.ok ? "none" : `${decoded.fault}: ${decoded.problem}`;
};

test("transfers, transactions and blocks decode to what was encoded [zone-codec-roundtrip]", () => decodesWhatItEncodes(30));

test("random and damaged bytes are refused without an exception, or encode to themselves [zone-codec-total]", () => isTotal(120));

test("every prefix, and every byte more, is refused", () => {
  for (let length = 0; length < WIRE.length; length++) expect(decodeTransfer(WIRE.subarray(0, length)).ok, String(length)).toBe(false);
  for (let length = 0; length < BLOCK.length - 1; length++) expect(decodeBlock(BLOCK.subarray(0, length)).ok, String(length)).toBe(false);
  expect(problemOf(Uint8Array.from([...WIRE, 0]))).toBe("shape: it has 1 bytes too many");
  expect(decodeBlock(Uint8Array.from([...BLOCK, 0]))).toEqual({ ok: false, problem: "the block has 1 bytes too many" });
});

test("a list of 2^32-1 items is refused before anything is allocated [zone-list-length]", () => {
  const most = u32(2 ** 32 - 1);
  const refused = "shape: it lists 4294967295 items, which the rest cannot hold";
  for (const offset of [33, 165, 271]) expect(problemOf(spliced(offset, 4, most)), String(offset)).toBe(refused);
  expect(problemOf(spliced(185, 4, most))).toBe("shape: it ends 4294967113 bytes too early");
  expect(decodeBlock(Uint8Array.from([...BLOCK.subarray(0, 176), ...most, ...BLOCK.subarray(180)]))).toEqual({
    ok: false,
    problem: "the block lists 4294967295 items, which the rest cannot hold",
  });
});

describe("a wire that is no transfer says why [native-no-transfer]", () => {
  const read = decodeExactly(WIRE, readTransaction);
  if (!read.ok) throw new Error(read.problem);
  const { transaction } = read.value;
  const [from, to] = transaction.selectors;
  const [witness] = transaction.witnesses;
  if (!from || !to || !witness) throw new Error("no transfer");
  const { fee: _, ...free } = transaction;
  const token = { ...transaction, program: account(9) };

  test.each<[string, Uint8Array]>([
    ["it is no public transaction but one of kind 1", spliced(0, 1, Uint8Array.of(1))],
    ["it is no public transaction but one of kind 2", spliced(0, 1, Uint8Array.of(2))],
    ["it calls another program than the native token's", encodeTransaction(token)],
    ["it names 1 accounts, not 2", encodeTransaction({ ...transaction, selectors: [from] })],
    ["it names 3 accounts, not 2", encodeTransaction({ ...transaction, selectors: [from, to, to] })],
    [
      "it names a shard that holds no native balance",
      encodeTransaction({ ...transaction, selectors: [from, { ...to, program: account(9) }] }),
    ],
    [
      "it names a shard that holds no native balance",
      encodeTransaction({ ...transaction, selectors: [{ ...from, program: account(9) }, to] }),
    ],
    ["it has 0 nonces, not 1", encodeTransaction({ ...transaction, nonces: [] })],
    ["it has 2 nonces, not 1", encodeTransaction({ ...transaction, nonces: [7n, 7n] })],
    ["it has 0 witnesses, not 1", encodeTransaction({ ...transaction, witnesses: [] })],
    ["it has 2 witnesses, not 1", encodeTransaction({ ...transaction, witnesses: [witness, witness] })],
    ["it declares no fee", encodeTransaction(free)],
    ["it has an option with tag 2", spliced(206, 1, Uint8Array.of(2))],
    ["its instruction has 16 bytes, not 17", encodeTransaction({ ...transaction, instruction: new Uint8Array(16) })],
    ["its instruction has 18 bytes, not 17", encodeTransaction({ ...transaction, instruction: new Uint8Array(18) })],
  ])("%s", (problem, wire) => expect(problemOf(wire)).toBe(`shape: ${problem}`));

  test("an instruction of another kind is told from another shape", () => {
    expect(problemOf(encodeTransaction({ ...transaction, instruction: new Uint8Array(17).fill(1) }))).toBe(
      "instruction: its instruction is no transfer",
    );
  });
});

test("a number that its type does not have is never written", () => {
  expect(() => encodeTransfer({ ...TRANSFER, value: 2n ** 128n })).toThrow(RangeError);
  expect(() => encodeTransfer({ ...TRANSFER, nonce: -1n })).toThrow(RangeError);
  expect(() => new ByteWriter().u64(2n ** 64n)).toThrow(RangeError);
  expect(new ByteReader(new ByteWriter().u128(2n ** 128n - 1n).done()).u128()).toBe(2n ** 128n - 1n);
});

test("8 accounts are the chain's own, and no other", () => {
  const stakes = accountOfProgram(builtin("sequencer_stake"), "/LEZ/v0.3/MinSequencerStake/0000");
  const own = [...CLOCK_ACCOUNTS, ...FEE_ACCOUNTS, BRIDGE_ACCOUNT, lezAccountOfBytes(hexToBytes(stakes))];
  expect(new Set(own.filter(isSystemAccount)).size).toBe(8);
  expect([NATIVE_PROGRAM, account(1)].filter(isSystemAccount)).toEqual([]);
  expect(CLOCK_ACCOUNTS[0]).toBe("4BdcjoXkq786TMWcBGGHqcxeLYMZmn17rL4eM9ZyRWNU");
  expect(["0".repeat(32), "1".repeat(31), "1".repeat(33), "Public/" + account(1)].filter(isLezAccountId)).toEqual([]);
});

describe("a block", () => {
  const producer = hexToBytes("05".repeat(32));
  const summary = { gasExec: 0n, gasStor: 371n, revenueBase: 2968n, revenueTip: 0n, payout: 59n };
  const content = {
    id: GENESIS_BLOCK,
    previousHash: NO_BLOCK,
    timestamp: 1_790_000_000_000n,
    producer,
    transactions: [feeInvocation(summary, account(6)), clockInvocation(GENESIS_BLOCK, 1_790_000_000_000n)],
  };
  const read = (block: Uint8Array): ZoneBlock => {
    const decoded = decodeBlock(block);
    if (!decoded.ok) throw new Error(decoded.problem);
    return decoded.block;
  };

  test("with any byte of what its hash commits to flipped is refused", () => {
    const encoded = encodeBlock(content, new Uint8Array(64), "final");
    for (let at = 0; at < encoded.length - 1; at++) {
      const isSignature = at >= 112 && at < 176;
      expect(decodeBlock(encoded.with(at, (encoded[at] ?? 0) ^ 1)).ok, String(at)).toBe(isSignature);
    }
    expect(decodeBlock(encoded.with(encoded.length - 1, 3))).toEqual({ ok: false, problem: "the block has a status that is none" });
    expect([0, 1, 2].map((byte) => read(encoded.with(encoded.length - 1, byte)).status)).toEqual(["pending", "safe", "final"]);
    expect(read(encoded.subarray(0, -1)).status).toBeUndefined();
  });

  test("says its fees, if it ends as blocks of v0.3 do", () => {
    const [fee, clock] = content.transactions;
    if (!fee || !clock) throw new Error("no tail");
    const ending = (...transactions: (typeof fee)[]) =>
      feesOf(read(encodeBlock({ ...content, transactions }, new Uint8Array(64), "final")));
    expect(ending(fee, clock)).toEqual({ summary, producer: account(6) });
    expect(ending(clock, fee)).toBeUndefined();
    expect(ending(clock)).toBeUndefined();
    expect(ending()).toBeUndefined();
    expect(ending(fee, clockInvocation(2n, content.timestamp))).toBeUndefined();
    expect(ending(fee, clockInvocation(GENESIS_BLOCK, 0n))).toBeUndefined();
    expect(ending({ ...fee, nonces: [0n] }, clock)).toBeUndefined();
    expect(ending({ ...fee, instruction: Uint8Array.from([1, ...fee.instruction.subarray(1)]) }, clock)).toBeUndefined();
    expect(ending({ ...fee, instruction: Uint8Array.from([...fee.instruction, 0]) }, clock)).toBeUndefined();
  });

  test("lists the signers of its transactions", () => {
    const block = read(
      encodeBlock(
        { ...content, transactions: [{ ...clockInvocation(1n, 0n), witnesses: [TRANSFER, TRANSFER] }] },
        new Uint8Array(64),
        "safe",
      ),
    );
    expect(new Set(block.transactions[0]?.signers).size).toBe(1);
    expect(block.transactions[0]?.signers).toHaveLength(2);
    expect(block.previousHash).toBe("00".repeat(32) as Digest);
  });
});
