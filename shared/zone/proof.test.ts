import { describe, expect, test } from "vitest";
import { lezAccountOfKey } from "./account.ts";
import { decodeBlock, encodeBlock } from "./block.ts";
import { decodeExactly } from "./borsh.ts";
import { type ChainBlock, chainBlockOf, HeadChain, seenOf } from "./head-chain.ts";
import type { AccountRead, BlockRef, KnownRow, LanePayment } from "./lane-row.ts";
import { type LaneView, observe, viewOf } from "./lane-view.ts";
import { isDeep, provesPayment, rebaseRead } from "./proof.ts";
import { blockAt, INCLUSION, named, NOW, PAYEE, PAYER, PAYMENT, READ, ROWS } from "./testing/lane-table.ts";
import { readTransaction } from "./transaction.ts";
import { encodeTransfer } from "./transfer.ts";

/** A block on a fork: the ones of the main chain have no name. */
function block(id: bigint, transactions: ChainBlock["transactions"] = [], fork = "", parent = fork): ChainBlock {
  return { ...blockAt(id, fork), previousHash: blockAt(id - 1n, parent).hash, timestamp: id * 50_000n, final: false, transactions };
}

const PAID = { h: PAYMENT.h, transaction: PAYMENT.transaction, nonces: [{ account: PAYER, nonce: 7n }], accounts: [PAYER, PAYEE] };
const OTHER = { ...PAID, h: named("other h"), transaction: named("other transaction") };
const CREDIT = { h: named("credit"), transaction: named("credit id"), nonces: [{ account: PAYEE, nonce: 3n }], accounts: [PAYEE, PAYER] };

/** Final at 90, with a head at 101. */
function chainTo101(transactions: Record<number, ChainBlock["transactions"]> = {}): HeadChain {
  const chain = new HeadChain(block(90n));
  for (let id = 91n; id <= 101n; id++) expect(chain.extend(block(id, transactions[Number(id)]))).toBe(true);
  return chain;
}

function query(read: AccountRead | undefined = READ) {
  return { h: PAYMENT.h, payer: PAYER, nonce: 7n, since: 90n, ...(read && { read }) };
}

describe("a read proves an included payment [native-proof]", () => {
  const on = () => true;

  test("that its nonce and its balance let pass, whatever is charged", () => {
    expect(provesPayment(READ, PAYMENT, INCLUSION, on)).toBe(true);
  });

  test.each<[string, Partial<AccountRead>]>([
    ["the balance covers the value and not the highest fee", { balance: PAYMENT.value + PAYMENT.maxFee - 1n }],
    ["the nonce is another", { nonce: 6n }],
    ["it was made at the block of the inclusion", { head: INCLUSION.block }],
    ["it was made above the inclusion", { head: blockAt(103n) }],
  ])("not if %s", (_, difference) => {
    expect(provesPayment({ ...READ, ...difference }, PAYMENT, INCLUSION, on)).toBe(false);
  });

  test("not if the chain does not have the read's block", () => {
    expect(provesPayment(READ, PAYMENT, INCLUSION, () => false)).toBe(false);
  });
});

describe("when a reorganisation takes the read's block away", () => {
  const forked = (transactions: ChainBlock["transactions"] = []) => {
    const chain = chainTo101({ 100: transactions });
    chain.cut(98n);
    for (const next of [block(99n, [], "b", ""), block(100n, [PAID], "b"), block(101n, [], "b")]) expect(chain.extend(next)).toBe(true);
    return chain;
  };

  test("it holds at the fork if the account occurs in no block that was taken", () => {
    expect(viewOf(forked(), query(), 50).evidence).toEqual({ kind: "moved", read: { ...READ, head: blockAt(98n) } });
  });

  test("it is lost if the account was credited in one of them [native-lost-credit]", () => {
    expect(viewOf(forked([CREDIT]), query(), 50).evidence).toEqual({ kind: "lost" });
    expect(rebaseRead(READ, blockAt(98n), [block(99n), block(100n, [CREDIT])].map(seenOf), PAYER)).toBeUndefined();
  });

  test("it is lost if the watch has not seen its block, and unsure if it cannot have", () => {
    const evidenceAt = (head: BlockRef) => viewOf(chainTo101(), query({ ...READ, head }), 50).evidence.kind;
    expect([evidenceAt(blockAt(99n, "c")), evidenceAt(blockAt(102n)), evidenceAt(blockAt(80n)), evidenceAt(blockAt(99n))]).toEqual([
      "lost",
      "unsure",
      "unsure",
      "stands",
    ]);
  });
});

test("depth counts the blocks on top, and final asks the layer below [native-depth]", () => {
  const at = { ...INCLUSION, block: blockAt(100n) };
  const deep = (finality: LanePayment["finality"], head: bigint, final = 90n) => isDeep(finality, at, blockAt(head), final);
  expect([deep("head", 100n), deep("depth:2", 101n), deep("depth:2", 102n)]).toEqual([true, false, true]);
  expect([deep("final", 200n, 99n), deep("final", 200n, 100n)]).toEqual([false, true]);
});

describe("what a chain remembers", () => {
  test("is where a message is and what used a nonce, until the block is cut", () => {
    const chain = chainTo101({ 100: [PAID] });
    expect([chain.inclusionOf(PAID.h), chain.usageOf(PAYER, 7n)?.h]).toEqual([
      { block: blockAt(100n), transaction: PAID.transaction },
      PAID.h,
    ]);
    chain.cut(99n);
    expect([chain.inclusionOf(PAID.h), chain.usageOf(PAYER, 7n), chain.head.id]).toEqual([undefined, undefined, 99n]);
  });

  test("takes no block that does not link, above or below", () => {
    const chain = chainTo101();
    expect([chain.extend(block(102n, [], "b")), chain.extend(block(103n)), chain.deepen(block(88n))]).toEqual([false, false, false]);
    expect(chain.deepen(block(89n))).toBe(true);
    expect(chain.floor.id).toBe(89n);
  });

  test("keeps its final blocks", () => {
    const chain = chainTo101();
    for (let id = 91n; id <= 95n; id++) chain.finalizeNext();
    chain.cut(80n);
    expect([chain.head.id, chain.final]).toEqual([95n, 95n]);
    chain.prune(2);
    expect([chain.floor.id, chain.has(blockAt(94n)), chain.at(93n)]).toEqual([94n, true, undefined]);
  });
});

describe("what a view means for a payment", () => {
  const view = (chain: HeadChain): LaneView => viewOf(chain, query(), 50);
  const seen = (row: KnownRow, chain: HeadChain) => observe(row, view(chain), NOW);

  test("before anyone has seen it: nothing", () => {
    expect(seen(ROWS.sent, chainTo101())).toBeUndefined();
  });

  test("in a block: included, deep, proven; gone again: orphaned", () => {
    const inclusion = { block: blockAt(101n), transaction: PAID.transaction };
    const chain = chainTo101({ 101: [PAID] });
    const included: KnownRow = { ...ROWS.included, inclusion };
    const settled: KnownRow = { ...ROWS.settled, inclusion };
    expect(seen(ROWS.sent, chain)).toEqual({ event: "included", inclusion });
    expect(seen(included, chain)).toEqual({ event: "deep", proof: "good", final: false, now: NOW });
    expect(seen({ ...included, payment: { ...PAYMENT, finality: "depth:1" } }, chain)).toBeUndefined();
    chain.cut(100n);
    expect([seen(included, chain), seen(settled, chain)]).toEqual([{ event: "orphaned" }, { event: "orphaned" }]);
  });

  test("its nonce used by another message: displaced, once every block after the lease was read", () => {
    const chain = chainTo101({ 101: [OTHER] });
    const used = { h: OTHER.h, transaction: OTHER.transaction, block: blockAt(101n) };
    expect(seen(ROWS.sent, chain)).toEqual({ event: "scanned", scan: { complete: true, used, final: false } });
    const gap = viewOf(chain, { ...query(), since: 80n }, 50);
    expect(observe(ROWS.sent, gap, NOW)).toEqual({ event: "scanned", scan: { complete: false } });
  });

  test("final: a receipt that no block takes away", () => {
    const chain = chainTo101({ 91: [PAID] });
    chain.finalizeNext();
    const settled: KnownRow = { ...ROWS.settled, inclusion: { block: blockAt(91n), transaction: PAID.transaction } };
    expect(seen(settled, chain)).toEqual({ event: "finalized" });
  });
});

test("a decoded block keeps who used which nonce, every account it names, and whether it is final [native-chain-block]", () => {
  const publicKey = new Uint8Array(32).fill(4);
  const from = lezAccountOfKey(publicKey);
  const fee = { payer: from, gasLimit: 0n, tip: 0n, maxFee: 30_000n };
  const transfer = { from, to: PAYEE, value: 10_000n, nonce: 7n, fee, signature: new Uint8Array(64), publicKey };
  const read = decodeExactly(encodeTransfer(transfer), readTransaction);
  if (!read.ok) throw new Error(read.problem);
  const content = { id: 2n, previousHash: named("1"), timestamp: 5n, producer: new Uint8Array(32), transactions: [read.value.transaction] };
  const decoded = decodeBlock(encodeBlock(content, new Uint8Array(64), "final"));
  if (!decoded.ok) throw new Error(decoded.problem);
  const { h, id: transaction } = read.value;
  expect(chainBlockOf(decoded.block)).toEqual({
    id: 2n,
    hash: decoded.block.hash,
    previousHash: named("1"),
    timestamp: 5n,
    final: true,
    transactions: [{ h, transaction, nonces: [{ account: from, nonce: 7n }], accounts: [from, PAYEE] }],
  });
});
