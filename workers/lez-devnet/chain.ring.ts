import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import {
  BRIDGE_ACCOUNT,
  BRIDGE_PROGRAM,
  builtinProgram,
  CLOCK_ACCOUNTS,
  CLOCK_PROGRAM,
  FEE_ACCOUNTS,
  FEE_PROGRAM,
  NATIVE_PROGRAM,
} from "../../shared/zone/account.ts";
import { decodeBlock, feesOf, NO_BLOCK, type ZoneBlock } from "../../shared/zone/block.ts";
import { ByteWriter, decodeExactly } from "../../shared/zone/borsh.ts";
import { verifySchnorr } from "../../shared/zone/schnorr.ts";
import { type Message, readTransaction } from "../../shared/zone/transaction.ts";
import type { Chain } from "./chain.ts";
import { readConfig } from "./config.ts";
import { chainWith, keyOf, signed, type TestKey, type TestTransfer, transfer, transferMessage } from "./testing/devnet-chain.ts";

const [alice, bob, carol] = [keyOf("alice"), keyOf("bob"), keyOf("carol")];
const CHARGE = 2968n;
const [, , FEE_INBOX = NATIVE_PROGRAM] = FEE_ACCOUNTS;

const idOf = (wire: Uint8Array): Digest => {
  const read = decodeExactly(wire, readTransaction);
  if (!read.ok) throw new Error(read.problem);
  return read.value.id;
};

function blockOf(chain: Chain, id: number): ZoneBlock {
  const decoded = decodeBlock(fromBase64(chain.block(id) ?? "") ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.block;
}

const send = (chain: Chain, from: TestKey, terms: Partial<TestTransfer> = {}): Uint8Array => {
  const wire = transfer(from, { to: bob.account, ...terms });
  expect(chain.send(wire)).toEqual({ ok: true, id: idOf(wire) });
  return wire;
};
const sendMessage = (chain: Chain, message: Message, signers: TestKey[]): Uint8Array => {
  const wire = signed(message, signers);
  expect(chain.send(wire)).toMatchObject({ ok: true });
  return wire;
};
const outcomes = (chain: Chain) => chain.produce(1000).taken.map(({ outcome }) => outcome);
const balance = (chain: Chain, { account }: TestKey) => chain.account(account).balance;

describe("genesis", () => {
  const supply = [
    [alice, 1_000_000n],
    [bob, 5n],
  ] as const;

  test("is the same on every machine for one configuration, and another for another [devnet-genesis]", () => {
    const { genesis } = chainWith(supply);
    expect(genesis).toBe("9e2b0345dd87c2c73a6af27a440ee6557264b8c7c09a84ea3c51cfd7edcbfe67");
    expect(chainWith(supply).genesis).toBe(genesis);
    expect(chainWith([supply[1], supply[0]]).genesis).not.toBe(genesis);
    expect(chainWith(supply, { PRODUCER_KEY: "11".repeat(32) }).genesis).not.toBe(genesis);
  });

  test("issues the supply as unsigned deposits of the bridge", () => {
    const chain = chainWith(supply);
    const block = blockOf(chain, 1);
    expect(block).toMatchObject({ id: 1n, previousHash: NO_BLOCK, timestamp: 0n, status: "pending", hash: chain.genesis });
    const [first] = block.transactions;
    expect(first?.transaction).toMatchObject({ program: BRIDGE_PROGRAM, nonces: [], witnesses: [] });
    expect(first?.transaction.selectors.slice(0, 2)).toEqual([
      { account: BRIDGE_ACCOUNT, program: NATIVE_PROGRAM },
      { account: alice.account, program: NATIVE_PROGRAM },
    ]);
    // `Deposit`, the name of the operation in upstream's genesis, the account, 1,000,000.
    const operation = Buffer.concat([Buffer.from("/LEZ/v0.3/GenesisDeposit"), Buffer.alloc(8)]);
    const instruction = Buffer.from(first?.transaction.instruction ?? []);
    expect(instruction.subarray(0, 33)).toEqual(Buffer.concat([Buffer.of(0), operation]));
    expect(instruction.subarray(65).readBigUInt64LE()).toBe(1_000_000n);
    expect([balance(chain, alice), balance(chain, bob)]).toEqual([1_000_000n, 5n]);
    expect(chain.account(BRIDGE_ACCOUNT).balance).toBe(2n ** 128n - 1n - 1_000_005n);
  });

  test("a chain without a supply begins with fees and clock alone", () => {
    expect(blockOf(chainWith([]), 1).transactions).toHaveLength(2);
  });
});

describe("a block", () => {
  test("follows the one before, is signed, and ends with fees and clock", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    send(chain, alice);
    chain.produce(1_790_779_853_687);
    const block = blockOf(chain, 2);
    expect(block).toMatchObject({ id: 2n, previousHash: chain.genesis, timestamp: 1_790_779_853_687n });
    expect(block.producer).toEqual(readConfig({}).producer.publicKey);
    expect(verifySchnorr(block.signature, block.hash, block.producer)).toBe(true);
    expect(block.transactions.map(({ transaction }) => transaction.program)).toEqual([NATIVE_PROGRAM, FEE_PROGRAM, CLOCK_PROGRAM]);
    expect(feesOf(block)).toEqual({
      summary: { gasExec: 0n, gasStor: 371n, revenueBase: CHARGE, revenueTip: 0n, payout: 59n },
      producer: readConfig({}).producer.account,
    });
  });

  test("is made when nothing waits", () => {
    const chain = chainWith([]);
    expect(chain.produce(5)).toMatchObject({ id: 2, taken: [] });
    expect(blockOf(chain, 2).transactions).toHaveLength(2);
  });

  test("is later than every block before it, whatever the clock says", () => {
    const chain = chainWith([]);
    chain.produce(5000);
    chain.produce(3);
    expect(blockOf(chain, 3).timestamp).toBe(5001n);
  });

  test("takes 20 transactions in the order in which they came; several of one account follow each other", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const wires = Array.from({ length: 21 }, (_, nonce) => send(chain, alice, { nonce: BigInt(nonce), value: 1n }));
    chain.produce(1);
    expect(
      blockOf(chain, 2)
        .transactions.map(({ id }) => id)
        .slice(0, -2),
    ).toEqual(wires.slice(0, 20).map(idOf));
    expect(chain.waiting).toBe(1);
    chain.produce(2);
    expect(chain.transaction(idOf(wires[20] ?? new Uint8Array(0)))?.block).toBe(3);
  });

  test("takes no more gas than a block has, as it was declared; the rest waits", () => {
    const chain = chainWith([
      [alice, 10n ** 12n],
      [carol, 10n ** 12n],
    ]);
    for (const key of [alice, carol]) send(chain, key, { gasLimit: 6_000_000n, maxFee: 10n ** 9n });
    expect(outcomes(chain)).toEqual(["done"]);
    expect(outcomes(chain)).toEqual(["done"]);
  });

  test("is pending, and final under ten others", () => {
    const chain = chainWith([], { FINAL_BLOCKS: "10" });
    for (let block = 0; block < 10; block++) chain.produce(block);
    expect([blockOf(chain, 1).status, blockOf(chain, 2).status]).toEqual(["final", "pending"]);
    chain.produce(11);
    expect(blockOf(chain, 2).status).toBe("final");
  });
});

describe("a transaction that a block carries out", () => {
  test("moves the value, charges 2,968, and uses the nonce", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const wire = send(chain, alice);
    expect(chain.transaction(idOf(wire))).toBeUndefined();
    expect(outcomes(chain)).toEqual(["done"]);
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 1_000_000n - 1000n - CHARGE });
    expect(balance(chain, bob)).toBe(1000n);
    expect(chain.transaction(idOf(wire))).toEqual({ block: 2, wire: toBase64(wire) });
  });

  test("reserves its gas limit and gives the unused part back in the same block; the tip is the producer's", () => {
    const chain = chainWith([[alice, 10_000_000n]]);
    send(chain, alice, { gasLimit: 1_000_000n, tip: 7n, maxFee: 9_000_000n });
    expect(outcomes(chain)).toEqual(["done"]);
    expect(balance(chain, alice)).toBe(10_000_000n - 1000n - CHARGE - 7n);
    expect(chain.account(readConfig({}).producer.account).balance).toBe(7n + CHARGE / 50n);
    expect(chain.account(FEE_INBOX).balance).toBe(0n);
  });

  test("of value 0 uses a nonce and costs the fee", () => {
    const chain = chainWith([[alice, 10_000n]]);
    send(chain, alice, { value: 0n });
    expect(outcomes(chain)).toEqual(["done"]);
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 10_000n - CHARGE });
    expect(chain.account(bob.account)).toEqual({ nonce: 0n, balance: 0n });
  });

  test("with another payer of the fee that signs too, uses both nonces", () => {
    const chain = chainWith([
      [alice, 1000n],
      [carol, 10_000n],
    ]);
    const message = transferMessage(alice, { to: bob.account });
    const fee = { payer: carol.account, gasLimit: 0n, tip: 0n, maxFee: 10_000n };
    sendMessage(chain, { ...message, nonces: [0n, 0n], fee }, [alice, carol]);
    expect(outcomes(chain)).toEqual(["done"]);
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 0n });
    // 112 bytes more than one that pays for itself: a nonce and a witness.
    expect(chain.account(carol.account)).toEqual({ nonce: 1n, balance: 10_000n - 483n * 8n });
  });
});

describe("a transaction that a block includes without its effects: charged, and its nonce is used", () => {
  const transferOf = (change: Partial<Message>) => ({ ...transferMessage(alice, { to: bob.account }), ...change });
  const instruction = new ByteWriter().u8(0).u128(1000n);
  const native = (account = alice.account) => ({ account, program: NATIVE_PROGRAM });

  test.each<[string, Message]>([
    [
      "a value that the balance does not cover once the fee is reserved",
      transferMessage(alice, { to: bob.account, value: 1_000_000n - CHARGE + 1n }),
    ],
    ["a transfer to itself", transferOf({ selectors: [native(), native()] })],
    ["a transfer to itself under two shards", transferOf({ selectors: [native(), { account: alice.account, program: BRIDGE_PROGRAM }] })],
    ["money of an account that did not sign", transferOf({ selectors: [native(carol.account), native(bob.account)] })],
    ["three accounts", transferOf({ selectors: [native(), native(bob.account), native(carol.account)] })],
    ["one account", transferOf({ selectors: [native()] })],
    ["a shard of another program", transferOf({ selectors: [native(), { account: bob.account, program: BRIDGE_PROGRAM }] })],
    ["another instruction", transferOf({ instruction: new ByteWriter().u8(1).u128(1000n).done() })],
    ["a byte too many", transferOf({ instruction: instruction.u8(0).done() })],
  ])("%s", (_, message) => {
    const chain = chainWith([
      [alice, 1_000_000n],
      [carol, 1_000_000n],
    ]);
    const wire = sendMessage(chain, message, [alice]);
    expect(outcomes(chain)).toEqual(["reverted"]);
    const charged = BigInt(wire.length) * 8n;
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 1_000_000n - charged });
    expect([balance(chain, bob), balance(chain, carol)]).toEqual([0n, 1_000_000n]);
    expect(chain.transaction(idOf(wire))).toMatchObject({ block: 2 });
    expect(feesOf(blockOf(chain, 2))?.summary.revenueBase).toBe(charged);
  });

  test("what the balance covers to the last unit is carried out, and no unit more [devnet-reverted]", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    send(chain, alice, { value: 1_000_000n - CHARGE });
    expect(outcomes(chain)).toEqual(["done"]);
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 0n });
  });
});

describe("a transaction that leaves no trace: its nonce stays free", () => {
  const dropped = (chain: Chain, wire: Uint8Array, why: string) => {
    const before = chain.account(alice.account);
    expect(outcomes(chain)).toEqual([why]);
    expect(chain.account(alice.account)).toEqual(before);
    expect(chain.transaction(idOf(wire))).toBeUndefined();
    expect(chain.waiting).toBe(0);
    expect(blockOf(chain, chain.head).transactions).toHaveLength(2);
  };

  test.each([1n, 2n ** 64n, 2n ** 128n - 1n])("nonce %d, which is not the account's", (nonce) => {
    const chain = chainWith([[alice, 1_000_000n]]);
    dropped(chain, send(chain, alice, { nonce }), "nonce");
  });

  test.each([
    ["an unknown program", builtinProgram("token")],
    ["the clock's", CLOCK_PROGRAM],
    ["the bridge's", BRIDGE_PROGRAM],
  ])("a call of %s program", (_, program) => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const message = { ...transferMessage(alice, { to: bob.account }), program };
    dropped(chain, sendMessage(chain, message, [alice]), "unknown_program");
  });

  test.each<[string, Partial<Message>]>([
    ["a nonce too many", { nonces: [0n, 0n] }],
    ["no nonce", { nonces: [] }],
    ["no account", { selectors: [] }],
  ])("%s", (_, change) => {
    const chain = chainWith([[alice, 1_000_000n]]);
    dropped(chain, sendMessage(chain, { ...transferMessage(alice, { to: bob.account }), ...change }, [alice]), "malformed");
  });

  test.each([
    ["the clock", CLOCK_ACCOUNTS[0]],
    ["the fees", FEE_INBOX],
  ])("money for an account of %s", (_, to = bob.account) => {
    const chain = chainWith([[alice, 1_000_000n]]);
    dropped(chain, send(chain, alice, { to }), "system_account");
  });

  test("a reserve that the balance covered when it was sent, and not when the block was built", () => {
    const chain = chainWith([[alice, 7000n]]);
    send(chain, alice, { value: 3000n });
    const second = send(chain, alice, { nonce: 1n, value: 0n });
    expect(outcomes(chain)).toEqual(["done", "reserve"]);
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 7000n - 3000n - CHARGE });
    expect(chain.transaction(idOf(second))).toBeUndefined();
  });

  test("a largest fee that covered the reserve when it was sent, and not at today's prices", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const wire = send(chain, alice, { maxFee: CHARGE });
    chain.setBaseFee({ exec: 8n, stor: 9n });
    dropped(chain, wire, "fee");
  });

  test("a replay: the first inclusion stays findable [devnet-dropped]", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const wire = send(chain, alice);
    chain.produce(1);
    for (const expected of ["nonce", "nonce"]) {
      expect(chain.send(wire)).toEqual({ ok: true, id: idOf(wire) });
      expect(outcomes(chain)).toEqual([expected]);
    }
    expect(chain.transaction(idOf(wire))).toMatchObject({ block: 2 });
    expect(chain.account(alice.account)).toEqual({ nonce: 1n, balance: 1_000_000n - 1000n - CHARGE });
  });

  test("a fee invocation that many blocks have is found in the first", () => {
    const chain = chainWith([]);
    for (let block = 0; block < 3; block++) chain.produce(block);
    const [fee] = blockOf(chain, 4).transactions;
    expect(chain.transaction(fee?.id ?? NO_BLOCK)?.block).toBe(1);
  });

  test("copies in one block, and the same message under another signature: one is carried out", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const message = transferMessage(alice, { to: bob.account });
    const [wire, other] = [signed(message, [alice]), signed(message, [alice], 7)];
    expect(idOf(wire)).not.toBe(idOf(other));
    for (const copy of [wire, wire, other]) expect(chain.send(copy)).toMatchObject({ ok: true });
    expect(outcomes(chain)).toEqual(["done", "nonce", "nonce"]);
    expect(balance(chain, bob)).toBe(1000n);
  });
});

describe("money of the bridge", () => {
  test("comes with the next block, as a deposit before the transactions of users", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    send(chain, alice);
    expect(chain.fund(carol.account, 10n)).toBe(true);
    expect([chain.isFunding(carol.account), balance(chain, carol)]).toEqual([true, 0n]);
    chain.produce(1);
    expect([chain.isFunding(carol.account), balance(chain, carol)]).toEqual([false, 10n]);
    expect(
      blockOf(chain, 2)
        .transactions.map(({ transaction }) => transaction.program)
        .slice(0, 2),
    ).toEqual([BRIDGE_PROGRAM, NATIVE_PROGRAM]);
  });

  test("a user may give it back, and may not call the bridge", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    send(chain, alice, { to: BRIDGE_ACCOUNT });
    expect(outcomes(chain)).toEqual(["done"]);
  });

  test("waits for at most a hundred accounts", () => {
    const chain = chainWith([]);
    for (let grant = 0; grant < 100; grant++) expect(chain.fund(carol.account, 1n)).toBe(true);
    expect(chain.fund(carol.account, 1n)).toBe(false);
    chain.produce(1);
    expect(balance(chain, carol)).toBe(20n);
    expect(chain.fund(carol.account, 1n)).toBe(true);
  });
});

describe("prices", () => {
  test("rise by one, at the least, after a block with more bytes than the target", () => {
    const chain = chainWith([[alice, 10n ** 12n]]);
    const message = transferMessage(alice, { to: bob.account, maxFee: 10n ** 9n });
    sendMessage(chain, { ...message, instruction: new Uint8Array(600_000) }, [alice]);
    expect(outcomes(chain)).toEqual(["reverted"]);
    expect(chain.market.base).toEqual({ exec: 8n, stor: 9n });
  });

  test("fall by an eighth after an empty block, and no lower than 8", () => {
    const chain = chainWith([]);
    chain.setBaseFee({ exec: 16n, stor: 64n });
    chain.produce(1);
    expect(chain.market.base).toEqual({ exec: 14n, stor: 56n });
    for (let block = 0; block < 8; block++) chain.produce(block);
    expect(chain.market.base).toEqual({ exec: 8n, stor: 21n });
  });

  test("of the block that a transaction is in are the prices that the block before left", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    chain.setBaseFee({ exec: 8n, stor: 80n });
    send(chain, alice);
    chain.produce(1);
    expect(balance(chain, alice)).toBe(1_000_000n - 1000n - 371n * 80n);
    expect(chain.market.base.stor).toBe(71n);
  });
});

describe("orphaned blocks", () => {
  test("leave the head as if they had never been; their transactions wait again at the back of the queue", () => {
    const chain = chainWith([[alice, 1_000_000n]]);
    const market = chain.market;
    const wire = send(chain, alice);
    chain.fund(carol.account, 5n);
    const { hash } = chain.produce(1000);
    chain.produce(2000);
    expect(chain.orphan(2)).toBe(2);
    expect([chain.head, chain.waiting, chain.transaction(idOf(wire))]).toEqual([1, 1, undefined]);
    expect(chain.account(alice.account)).toEqual({ nonce: 0n, balance: 1_000_000n });
    expect([balance(chain, bob), balance(chain, carol), chain.isFunding(carol.account)]).toEqual([0n, 0n, true]);
    expect(chain.market).toEqual(market);
    expect(chain.block(2)).toBeUndefined();
    const again = chain.produce(1000);
    expect(again).toMatchObject({ id: 2, taken: [{ outcome: "done" }] });
    expect(again.hash).not.toBe(hash);
    expect(balance(chain, carol)).toBe(5n);
  });

  test("come back in another order than they had, behind what waits", () => {
    const chain = chainWith([
      [alice, 1_000_000n],
      [carol, 1_000_000n],
    ]);
    const first = send(chain, alice);
    chain.produce(1);
    const second = send(chain, carol);
    chain.orphan(1);
    chain.produce(2);
    expect(
      blockOf(chain, 2)
        .transactions.map(({ id }) => id)
        .slice(0, 2),
    ).toEqual([idOf(second), idOf(first)]);
  });

  test("are never final ones, nor block 1", () => {
    const chain = chainWith([], { FINAL_BLOCKS: "3" });
    for (let block = 0; block < 6; block++) chain.produce(block);
    expect(chain.orphan(100)).toBe(3);
    expect(chain.head).toBe(4);
    expect(chainWith([]).orphan(5)).toBe(0);
  });

  test("are lost to a queue that is full", () => {
    const chain = chainWith([[alice, 1_000_000n]], { MEMPOOL: "1" });
    send(chain, alice);
    chain.produce(1);
    send(chain, alice, { nonce: 1n });
    chain.orphan(1);
    expect(chain.waiting).toBe(1);
  });
});

test("a sequencer that starts anew has lost its queue, and nothing else", () => {
  const chain = chainWith([[alice, 1_000_000n]]);
  send(chain, alice);
  expect(chain.restart()).toBe(1);
  expect([outcomes(chain), chain.head]).toEqual([[], 2]);
});

test("a reset is another chain: nonces begin at 0, and what was signed for the old one is valid again", () => {
  const chain = chainWith([[alice, 1_000_000n]]);
  const { genesis } = chain;
  const wire = send(chain, alice);
  chain.produce(1000);
  expect(chain.reset()).not.toBe(genesis);
  expect([chain.head, chain.account(alice.account).nonce, chain.transaction(idOf(wire))]).toEqual([1, 0n, undefined]);
  expect(chain.send(wire)).toMatchObject({ ok: true });
  expect(outcomes(chain)).toEqual(["done"]);
});

test("a queue with no room refuses, and takes again when a block has made some", () => {
  const chain = chainWith([[alice, 1_000_000n]], { MEMPOOL: "1" });
  send(chain, alice);
  const wire = transfer(alice, { to: bob.account, nonce: 1n });
  expect(chain.send(wire)).toEqual({ ok: false, error: { code: -31_900, message: "Mempool is full" } });
  chain.produce(1);
  expect(chain.send(wire)).toMatchObject({ ok: true });
});

test("a queue whose transactions have 8 MiB in all refuses as well", () => {
  const chain = chainWith([[alice, 10n ** 12n]]);
  const message = { ...transferMessage(alice, { to: bob.account, maxFee: 10n ** 9n }), instruction: new Uint8Array(990_000) };
  const wire = signed(message, [alice]);
  const sent = Array.from({ length: 7 }, () => chain.send(wire).ok);
  expect([sent.filter(Boolean).length, sent.at(-1), chain.waiting]).toEqual([6, false, 6]);
  expect(chain.send(transfer(alice, { to: bob.account }))).toMatchObject({ ok: true });
});

test("no money is made or lost: all balances add up to u128's largest", () => {
  const chain = chainWith([[alice, 10_000_000n]]);
  send(chain, alice, { tip: 3n, gasLimit: 5n });
  send(chain, alice, { nonce: 1n, value: 10n ** 9n });
  chain.fund(carol.account, 77n);
  chain.produce(1);
  const accounts = [...FEE_ACCOUNTS, BRIDGE_ACCOUNT, readConfig({}).producer.account, ...[alice, bob, carol].map(({ account }) => account)];
  expect(accounts.reduce((sum, account) => sum + chain.account(account).balance, 0n)).toBe(2n ** 128n - 1n);
});
