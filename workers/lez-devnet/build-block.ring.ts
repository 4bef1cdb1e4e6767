import { expect, test } from "vitest";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import { BRIDGE_ACCOUNT, FEE_ACCOUNTS, type LezAccountId } from "../../shared/zone/account.ts";
import { decodeBlock, encodeBlock, feesOf, type ZoneBlock } from "../../shared/zone/block.ts";
import { verifySchnorr } from "../../shared/zone/schnorr.ts";
import recorded from "../../test/vectors/lez/recorded.json" with { type: "json" };
import upstream from "../../test/vectors/lez/upstream.json" with { type: "json" };
import { buildBlock, buildGenesis, type Opening, producerOf } from "./build-block.ts";
import { type Account, Accounts, closeMarket, type FeeMarket, OPENING_MARKET } from "./chain-state.ts";
import { keyOf } from "./testing/devnet-chain.ts";

/** As block 1 leaves it: nothing was earned. */
const SECOND_MARKET = closeMarket(OPENING_MARKET, { gasExec: 0n, gasStor: 0n, revenueBase: 0n, revenueTip: 0n }).market;

function read(base64: string): ZoneBlock {
  const decoded = decodeBlock(fromBase64(base64) ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error(decoded.problem);
  return decoded.block;
}

/** Builds a recorded block again, from what came before it and what its users sent. */
function again(block: ZoneBlock, balances: Record<LezAccountId, bigint>, market: FeeMarket = SECOND_MARKET) {
  const accounts = new Accounts((account): Account => ({ nonce: 0n, balance: balances[account] ?? 0n }));
  const { id, previousHash, timestamp } = block;
  const opening: Opening = { id, previousHash, timestamp, market, accounts };
  const queue = block.transactions.slice(0, -2).map(({ transaction }, ref) => ({ ref, transaction }));
  const account = feesOf(block)?.producer as LezAccountId;
  // The producer's secret is not ours: the signature differs, and what it signs must not.
  const built = buildBlock(opening, [], queue, { ...keyOf("another producer"), publicKey: block.producer, account });
  return { built, accounts };
}

const liveBlock = recorded.vectors.find(({ name }) => name === "v03-live-block-2")?.base64 ?? "";

test("an empty block of the public testnet is built again to its last byte but the signature", () => {
  const block = read(liveBlock);
  const { built } = again(block, {});
  expect(built.hash).toBe(block.hash);
  const { signature } = block;
  const rebuilt = encodeBlock({ ...block, transactions: built.transactions }, signature, "final");
  expect(rebuilt).toEqual(fromBase64(liveBlock));
});

test("a recorded block with a transfer is built again: its fees, its payout, its hash [devnet-recorded-blocks]", () => {
  const block = read(upstream.ground_truth.live_block_v03.base64);
  const [from, to] = block.transactions[0]?.transaction.selectors.map(({ account }) => account) ?? [];
  if (!from || !to) throw new Error("the vector has a transfer");
  const { built, accounts } = again(block, { [from]: 20_000_000n });
  expect(built.hash).toBe(block.hash);
  expect(built.taken).toEqual([{ ref: 0, outcome: "done" }]);
  const [, escrow, inbox] = FEE_ACCOUNTS;
  const producer = feesOf(block)?.producer as LezAccountId;
  const balances = [from, to, producer, escrow, inbox].map((account) => accounts.get(account as LezAccountId).balance);
  expect(balances).toEqual([20_000_000n - 1_234_567n - 2968n, 1_234_567n, 59n, 2968n - 59n, 0n]);
  expect(accounts.get(from).nonce).toBe(1n);
  expect(built.market.window[2]).toBe(2968n);
});

test("block 1 has deposits and nothing else, and signs its hash", () => {
  const [producer, rich] = [producerOf(keyOf("producer").secretKey), keyOf("rich")];
  const accounts = new Accounts((account) => ({ nonce: 0n, balance: account === BRIDGE_ACCOUNT ? 2n ** 128n - 1n : 0n }));
  const opening = { id: 1n, previousHash: "00".repeat(32), timestamp: 0n, market: OPENING_MARKET, accounts } as Opening;
  const operation = new Uint8Array(32);
  const built = buildGenesis(opening, [{ operation, account: rich.account, amount: 7n }], producer);
  const decoded = decodeBlock(built.bytes);
  expect(decoded).toMatchObject({ ok: true, block: { id: 1n, hash: built.hash, status: "pending" } });
  if (!decoded.ok) return;
  expect(verifySchnorr(decoded.block.signature, built.hash, producer.publicKey)).toBe(true);
  expect(feesOf(decoded.block)).toMatchObject({ summary: { gasStor: 0n, payout: 0n }, producer: producer.account });
  expect(decoded.block.transactions).toHaveLength(3);
  expect(decoded.block.transactions.every(({ signers, transaction }) => signers.length === 0 && !transaction.fee)).toBe(true);
  expect(accounts.get(rich.account).balance).toBe(7n);
  expect(accounts.get(BRIDGE_ACCOUNT).balance).toBe(2n ** 128n - 8n);
});

test("the payout is spread over 50 blocks, and nothing of it is lost", () => {
  let market = OPENING_MARKET;
  let paid = 0n;
  for (let block = 0; block < 60; block++) {
    const closed = closeMarket(market, { gasExec: 0n, gasStor: 371n, revenueBase: block === 0 ? 2968n : 0n, revenueTip: 0n });
    market = closed.market;
    paid += closed.payout;
  }
  expect(paid).toBe(2968n);
  expect(market).toMatchObject({ carry: 0n, height: 60n });
});
