import { describe, expect, test } from "vitest";
import { BadBlock, type ChainReader, readAccount } from "./account-read.ts";
import { FEE_ACCOUNTS } from "./account.ts";
import { type ChainAlert, ChainFollower, type FollowerMemory, isHeadYoung } from "./chain-follower.ts";
import { readFollowerMemory, writeFollowerMemory } from "./follower-text.ts";
import type { ChainBlock, ChainTransaction } from "./head-chain.ts";
import type { BlockRef } from "./lane-row.ts";
import { blockAt, named, PAYEE, PAYER, PAYMENT, READ } from "./testing/lane-table.ts";

const CREDIT: ChainTransaction = {
  h: named("credit"),
  transaction: named("credit id"),
  nonces: [{ account: PAYEE, nonce: 3n }],
  accounts: [PAYEE, PAYER],
};

/** A sequencer whose blocks a test sets by hand. */
class Blocks implements ChainReader {
  readonly blocks: ChainBlock[] = [];
  /** What it gives for a block that is asked for: an error is thrown. */
  readonly lies = new Map<bigint, ChainBlock | Error>();

  constructor(height: number) {
    this.mine(height);
  }

  /** @param fork in the names of the blocks */
  mine(count: number, fork = "", transactions: readonly ChainTransaction[] = []): void {
    for (; count > 0; count--) {
      const id = BigInt(this.blocks.length + 1);
      const previousHash = this.blocks.at(-1)?.hash ?? named("no block");
      this.blocks.push({ ...blockAt(id, fork), previousHash, timestamp: id * 50_000n, final: id === 1n, transactions });
    }
  }

  finalize(id: number): void {
    for (const block of this.blocks.slice(0, id)) block.final = true;
  }

  get genesis() {
    return this.at(1n).hash;
  }

  at(id: bigint): ChainBlock {
    const block = this.blocks[Number(id) - 1];
    if (!block) throw new Error(`no block ${id}`);
    return block;
  }

  lastBlockId = () => Promise.resolve(BigInt(this.blocks.length));
  balanceAndNonce = () => Promise.resolve({ balance: 0n, nonce: 0n });

  block = (id: bigint) => {
    const lie = this.lies.get(id);
    return lie instanceof Error ? Promise.reject(lie) : Promise.resolve(lie ?? this.blocks[Number(id) - 1]);
  };
}

/** A follower, what it reported, and what it left on the disk. */
function following(blocks: Blocks, memory?: FollowerMemory) {
  const alerts: ChainAlert[] = [];
  const disk: { text?: string } = {};
  const follower = new ChainFollower(blocks, blocks.genesis, {
    memory,
    keep: (kept) => void (disk.text = writeFollowerMemory(kept)),
    report: (alert) => void alerts.push(alert),
  });
  const poll = () => follower.poll().catch(() => undefined);
  const isFresh = async () => (await follower.view({ ...QUERY, fresh: blocks.blocks.at(-1) ?? blockAt(1n) }))?.isFresh;
  return { follower, alerts, disk, poll, isFresh };
}

const QUERY = { h: PAYMENT.h, payer: PAYER, nonce: 7n };
const readAt = ({ id, hash }: BlockRef) => ({ ...READ, head: { id, hash } });

describe("a bad block is not applied, an alert is given, and three in a row fail closed [native-bad-block]:", () => {
  const unlinked = (blocks: Blocks, id: bigint): ChainBlock => ({
    ...blockAt(id, "lie"),
    previousHash: named("elsewhere"),
    timestamp: blocks.at(id).timestamp,
    final: false,
    transactions: [],
  });

  test.each<[string, (blocks: Blocks) => ChainBlock | Error]>([
    ["its hash, its bytes or its producer's signature are wrong", () => new BadBlock("it is not signed")],
    ["it does not follow the block below it", (blocks) => unlinked(blocks, 6n)],
  ])("%s", async (_, lie) => {
    const blocks = new Blocks(5);
    const { follower, alerts, poll, isFresh } = following(blocks);
    await poll();
    blocks.mine(1);
    blocks.lies.set(6n, lie(blocks));
    for (const state of ["following", "following", "distrusted", "distrusted"]) {
      await poll();
      expect([follower.state, (await follower.view(QUERY))?.head]).toEqual([state, blockAt(5n)]);
    }
    expect(alerts).toEqual(["bad_block", "bad_block", "bad_block", "distrusted", "bad_block"]);
    expect(await follower.view({ ...QUERY, fresh: blockAt(5n) })).toMatchObject({ isFresh: false });
    blocks.lies.clear();
    await poll();
    expect([follower.state, await isFresh()]).toEqual(["following", true]);
  });

  test("a good one between them starts the count again", async () => {
    const blocks = new Blocks(5);
    const { follower, poll } = following(blocks);
    await poll();
    for (let id = 6n; id < 12n; id++) {
      blocks.mine(1);
      blocks.lies.set(id, new BadBlock("it is not signed"));
      await poll();
      await poll();
      blocks.lies.clear();
      await poll();
      expect([follower.state, (await follower.view(QUERY))?.head.id]).toEqual(["following", id]);
    }
  });

  test("a sequencer that does not answer is not one that lies", async () => {
    const blocks = new Blocks(5);
    const { follower, alerts, poll } = following(blocks);
    await poll();
    blocks.mine(1);
    blocks.lies.set(6n, new Error("timeout"));
    for (let polls = 0; polls < 5; polls++) await poll();
    expect([follower.state, alerts]).toEqual(["following", []]);
  });

  test("one that denies a final block is no proof that the block was replaced", async () => {
    const blocks = new Blocks(5);
    blocks.finalize(5);
    const { follower, poll } = following(blocks);
    await poll();
    blocks.mine(1);
    blocks.lies.set(6n, unlinked(blocks, 6n));
    await poll();
    blocks.lies.clear();
    await poll();
    expect([follower.state, (await follower.view(QUERY))?.head]).toEqual(["following", blockAt(6n)]);
  });
});

describe("a final block that was replaced, and a chain that was reset, are reported:", () => {
  test("while it follows, and it stops", async () => {
    const blocks = new Blocks(5);
    blocks.finalize(4);
    const { follower, alerts, poll, isFresh } = following(blocks);
    await poll();
    blocks.blocks.length = 3;
    blocks.mine(4, "b");
    await poll();
    expect([follower.state, alerts, await isFresh()]).toEqual(["contradicted", ["contradicted"], undefined]);
  });

  test("after a restart too, and the chain is followed as it is [native-final-undone]", async () => {
    const blocks = new Blocks(5);
    blocks.finalize(4);
    const before = following(blocks);
    await before.poll();
    blocks.blocks.length = 3;
    blocks.mine(4, "b");
    blocks.finalize(6);
    const after = following(blocks, readFollowerMemory(before.disk.text ?? ""));
    await after.poll();
    expect([after.follower.state, after.alerts]).toEqual(["following", ["contradicted"]]);
  });

  test("a new chain that is lower than every block that is kept [native-reset-below]", async () => {
    const blocks = new Blocks(9);
    blocks.finalize(8);
    const { follower, alerts, poll } = following(blocks);
    await poll();
    blocks.blocks.length = 0;
    blocks.mine(1, "new");
    await poll();
    expect([follower.state, alerts]).toEqual(["reset", ["reset"]]);
  });

  test("a block 1 of another hash, and it stops", async () => {
    const blocks = new Blocks(5);
    const { follower, alerts, poll } = following(blocks);
    await poll();
    blocks.blocks.length = 0;
    blocks.mine(3, "new");
    await poll();
    expect([follower.state, alerts]).toEqual(["reset", ["reset"]]);
  });
});

describe("an answer of a node that is behind, or of another chain meanwhile:", () => {
  test("a head below every block that is kept is no contradiction [native-old-head]", async () => {
    const blocks = new Blocks(9);
    blocks.finalize(8);
    const { follower, alerts, poll } = following(blocks);
    await poll();
    blocks.lastBlockId = () => Promise.resolve(3n);
    await poll();
    expect([follower.state, alerts, (await follower.view(QUERY))?.head.id]).toEqual(["following", [], 9n]);
  });

  test("a read below the head is not fresh: its balance may be of another head", async () => {
    const blocks = new Blocks(5);
    const { follower, poll } = following(blocks);
    await poll();
    const isFresh = async (id: bigint) => (await follower.view({ ...QUERY, fresh: blocks.at(id) }))?.isFresh;
    expect([await isFresh(4n), await isFresh(5n)]).toEqual([false, true]);
  });

  test("a head with a block above it is not read from", async () => {
    const blocks = new Blocks(5);
    expect(await readAccount(blocks, PAYER)).toMatchObject({ head: blockAt(5n) });
    blocks.lastBlockId = () => Promise.resolve(4n);
    expect(await readAccount(blocks, PAYER)).toBeUndefined();
  });

  test("a credit in a block that came and left during the read is not in it [native-read-undone]", async () => {
    const blocks = new Blocks(5);
    const balances = [5n, 9n, 5n]; // the second while the block is there; the head is the same before it and after it
    blocks.balanceAndNonce = () => Promise.resolve({ balance: balances.shift() ?? 5n, nonce: 0n });
    expect(await readAccount(blocks, PAYER)).toEqual({ head: blockAt(5n), nonce: 0n, balance: 5n });
    let answers = 0;
    blocks.balanceAndNonce = () => Promise.resolve({ balance: BigInt(answers++), nonce: 0n });
    expect(await readAccount(blocks, PAYER)).toBeUndefined();
  });

  test("a chain that stands still is noticed after ten blocks' time, whatever its producer's clock did before [native-head-age]", async () => {
    const ages = [];
    for (const jump of [0n, 3_600_000n, -3_600_000n]) {
      const blocks = new Blocks(5);
      const { follower, poll } = following(blocks);
      await poll();
      blocks.mine(1);
      const head = blocks.at(6n);
      blocks.lies.set(6n, { ...head, timestamp: head.timestamp + jump });
      await poll();
      const { headAt, blockSeconds } = follower;
      expect([follower.state, headAt]).toEqual(["following", Number(6n * 50_000n + jump) / 1000]);
      const limit = 10 * blockSeconds;
      expect([limit, limit + 1].map((age) => isHeadYoung(headAt, blockSeconds, headAt + age))).toEqual([true, false]);
      ages.push(limit);
    }
    expect(ages).toEqual([500, 1200, 50]);
  });

  test("a chain that is reset while it is first read is not taken for the old one [native-reset-at-start]", async () => {
    const blocks = new Blocks(5);
    const { genesis } = blocks;
    const follower = new ChainFollower(blocks, genesis);
    const { block } = blocks;
    let reads = 0;
    blocks.block = (id) => {
      if (++reads === 2) {
        blocks.blocks.length = 0;
        blocks.mine(9, "new");
      }
      return block(id);
    };
    await follower.poll();
    expect(["unread", "reset"]).toContain(follower.state);
    await follower.poll();
    expect(follower.state).toBe("reset");
  });
});

describe("what it remembers over a restart [native-follower-memory]", () => {
  /** The block of the read leaves the chain, before the restart or while it is down. @returns what the read is worth afterwards */
  async function evidence(transactions: readonly ChainTransaction[], isDown: boolean, forgets = false) {
    const blocks = new Blocks(5);
    const before = following(blocks);
    blocks.mine(1, "", transactions);
    const read = readAt(blocks.at(6n));
    await before.poll();
    blocks.blocks.length = 5;
    blocks.mine(2, "b");
    if (!isDown) await before.poll();
    const after = following(blocks, forgets ? undefined : readFollowerMemory(before.disk.text ?? ""));
    await after.poll();
    return (await after.follower.view({ ...QUERY, read }))?.evidence;
  }

  test("is the block of a read that left the chain, so that the read still proves", async () => {
    const moved = { kind: "moved", read: readAt(blockAt(5n)) };
    expect([await evidence([], false), await evidence([], true)]).toEqual([moved, moved]);
    expect(await evidence([], true, true)).toEqual({ kind: "lost" });
  });

  test("and which accounts it named", async () => {
    expect([await evidence([CREDIT], false), await evidence([CREDIT], true)]).toEqual([{ kind: "lost" }, { kind: "lost" }]);
  });

  test("is written without the accounts of the chain, and read as it was written", async () => {
    const blocks = new Blocks(2);
    blocks.mine(1, "", [{ ...CREDIT, accounts: [...FEE_ACCOUNTS, PAYEE] }]);
    const { poll, disk } = following(blocks);
    await poll();
    const memory = readFollowerMemory(disk.text ?? "");
    expect(memory.seen.map(({ id, accounts }) => ({ id, accounts }))).toEqual([
      { id: 2n, accounts: [] },
      { id: 3n, accounts: [PAYEE] },
    ]);
    expect(writeFollowerMemory(memory)).toBe(disk.text);
  });

  test("has a form that is read for ever", () => {
    const stored = '{"final":{"id":"90","hash":"aa"},"seen":[{"id":"91","hash":"bb","previousHash":"aa","accounts":["p"]}]}';
    expect(readFollowerMemory(stored)).toEqual({
      final: { id: 90n, hash: "aa" },
      seen: [{ id: 91n, hash: "bb", previousHash: "aa", accounts: ["p"] }],
    });
  });
});
