import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { sequencerAt } from "../../shared/sequencer/client.ts";
import { askNetwork, fingerprintOf, type NetworkAnswers } from "../../shared/sequencer/fingerprint.ts";
import { blockHash, encodeBlock, type ZoneBlock } from "../../shared/zone/block.ts";
import { signSchnorr } from "../../shared/zone/schnorr.ts";
import { V03 } from "../../shared/zone/v03.ts";
import { Chain } from "../../workers/lez-devnet/chain.ts";
import { readConfig } from "../../workers/lez-devnet/config.ts";
import { answerRpc } from "../../workers/lez-devnet/rpc.ts";
import recorded from "../vectors/lez/recorded.json" with { type: "json" };

const config = readConfig({});
const chain = new Chain(memoryStore(), config);
const made = chain.produce(1_790_779_853_687);
const send: typeof fetch = (_, init) => Promise.resolve(new Response(answerRpc(init?.body as string, chain, config)));
const sequencer = sequencerAt("http://devnet.example", V03, send);

const configured = { ledger: chain.genesis, channel: config.channel };
const answers = await askNetwork(sequencer, configured);
const of = (change: Partial<NetworkAnswers>, chain = configured) => fingerprintOf({ ...answers, ...change }, chain, V03);
const failed = (problem: RegExp) => ({ ok: false, problem: expect.stringMatching(problem) as string });

/** The head with something else in it, under a hash that fits. */
function headWith(change: (block: ZoneBlock) => Partial<Omit<ZoneBlock, "transactions">> & { drop?: number }): Uint8Array {
  const decoded = V03.decodeBlock(answers.head ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error(decoded.problem);
  const { drop = 0, signature = decoded.block.signature, ...changed } = change(decoded.block);
  const transactions = decoded.block.transactions.map(({ transaction }) => transaction).slice(drop);
  return encodeBlock({ ...decoded.block, ...changed, transactions }, signature, "pending");
}

test("the devnet is v0.3, over its own JSON-RPC; the head is what it says", () => {
  expect(of({})).toEqual({ ok: true, head: { id: 2n, hash: made.hash, timestamp: 1_790_779_853_687n } });
});

test("so is a recorded block of the public testnet, and one without the byte of its status", () => {
  const head = fromBase64(recorded.vectors.find(({ name }) => name === "v03-live-block-2")?.base64 ?? "");
  expect(of({ head })).toMatchObject({ ok: true, head: { id: 2n } });
  expect(of({ head: head?.subarray(0, -1) })).toMatchObject({ ok: true });
});

describe("whatever differs fails [sequencer-other-release]", () => {
  test.each<[string, Partial<NetworkAnswers>, RegExp]>([
    ["no block 1", { genesis: undefined }, /^block 1: it is not there/],
    ["another block for block 1", { genesis: answers.head }, /block 2 was given for block 1/],
    ["no last block", { head: undefined }, /^block 2: it is not there/],
    ["another block than the last", { head: answers.genesis }, /block 1 was given for block 2/],
    ["a byte too many", { head: Uint8Array.of(...(answers.head ?? []), 0, 0) }, /^block 2/],
    ["a status that is none", { head: answers.head?.map((byte, i, all) => (i === all.length - 1 ? 3 : byte)) }, /^block 2/],
    ["a hash that is not the block's", { head: answers.head?.map((byte, i) => (i === 50 ? byte ^ 1 : byte)) }, /^block 2/],
    ["a signature of another block", { head: headWith(() => ({ timestamp: 5n })) }, /signature|invocation/],
    ["another channel", { channel: "00".repeat(32) as Digest }, /channel/],
    ["no channel", { channel: undefined }, /channel/],
  ])("%s", (_, change, problem) => expect(of(change)).toEqual(failed(problem)));

  test("a signature that is not the producer's, in a block that is as it should be", () => {
    expect(of({ head: headWith(({ signature }) => ({ signature: signature.map((byte) => byte ^ 1) })) })).toEqual(failed(/signature/));
  });

  test("a block that ends with other transactions", () => {
    const decoded = V03.decodeBlock(headWith(() => ({ drop: 1 })));
    if (!decoded.ok) throw new Error(decoded.problem);
    const content = { ...decoded.block, transactions: decoded.block.transactions.map(({ transaction }) => transaction) };
    const signature = signSchnorr(blockHash(content), config.producer.secretKey);
    expect(of({ head: headWith(() => ({ drop: 1, signature })) })).toEqual(failed(/does not end with/));
  });

  test("another genesis than the configured one: the chain was reset [sequencer-other-chain]", () => {
    expect(of({}, { ...configured, ledger: "00".repeat(32) as Digest })).toEqual(failed(/block 1 is another/));
  });
});

test("where no channel is configured none is asked for", async () => {
  const { ledger } = configured;
  const asked = await askNetwork({ ...sequencer, channelId: () => Promise.reject(new Error("asked")) }, { ledger });
  expect(fingerprintOf(asked, { ledger }, V03)).toMatchObject({ ok: true });
});
