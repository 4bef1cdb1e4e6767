import { describe, expect, test } from "vitest";
import { toBase64, utf8 } from "../crypto/bytes.ts";
import { bodyDigest, type Digest } from "../crypto/digest.ts";
import { MAX_AMOUNT, MAX_SEQUENCER_ANSWER_BYTES } from "../limits.ts";
import { BackendUnavailable } from "../settlement/outcomes.ts";
import type { LezAccountId } from "../zone/account.ts";
import { V03 } from "../zone/v03.ts";
import { type Sequencer, sequencerAt, SequencerFault } from "./client.ts";

const ACCOUNT = "9GfY4u7g67my3mjFQi3Dm8J5kqQ7T4wvi6cPE2ku88j4" as LezAccountId;
const ID = "b7c9697cb30841c70a4b5a9fedf6f06c38c5a1c196cd7b396bf36bd8242d639c" as Digest;

/** A sequencer whose every answer is this text, and the calls that it got. */
function answering(body: string | ReadableStream | Error, init?: ResponseInit) {
  const calls: unknown[] = [];
  const send = (_: unknown, request?: RequestInit): Promise<Response> => {
    calls.push(JSON.parse(request?.body as string));
    return body instanceof Error ? Promise.reject(body) : Promise.resolve(new Response(body, init));
  };
  return { sequencer: sequencerAt("http://sequencer.example", V03, send, 0.05), calls };
}

const result = (json: string) => answering(`{"jsonrpc":"2.0","id":1,"result":${json}}`);
const refusal = (error: unknown) => answering(JSON.stringify({ jsonrpc: "2.0", id: 1, error }));

/** Every method, each with the shortest call. */
const METHODS: Record<string, (sequencer: Sequencer) => Promise<unknown>> = {
  sendTransaction: (sequencer) => sequencer.sendTransaction(utf8("wire")),
  getFeeState: (sequencer) => sequencer.feeState(),
  getBlock: (sequencer) => sequencer.block(7n),
  getLastBlockId: (sequencer) => sequencer.lastBlockId(),
  getTransaction: (sequencer) => sequencer.transaction(ID),
  getAccountView: (sequencer) => sequencer.balanceAndNonce(ACCOUNT),
  getChannelId: (sequencer) => sequencer.channelId(),
};

describe("an answer as v0.3 gives it", () => {
  test("the fee market, recorded; a member that it did not have is ignored", async () => {
    const market = `"height":3,"base_fee_exec":8,"base_fee_stor":8,"next_base_fee_exec_floor":8,"next_base_fee_exec_ceiling":9,
      "next_base_fee_stor_floor":8,"next_base_fee_stor_ceiling":9,"max_gas_exec":10000000,"max_gas_stor":1000000`;
    const { sequencer, calls } = result(`{${market},"new_member":"1"}`);
    expect(await sequencer.feeState()).toEqual({
      height: 3n,
      base: { exec: 8n, stor: 8n },
      floor: { exec: 8n, stor: 8n },
      ceiling: { exec: 9n, stor: 9n },
      maxGasExec: 10_000_000n,
      maxGasStor: 1_000_000n,
    });
    expect(calls).toEqual([{ jsonrpc: "2.0", id: 1, method: "getFeeState", params: [] }]);
  });

  test("balance and nonce of one account, recorded, in one call", async () => {
    const shard = "[225,189,95,78,24,9,0,0,0,0,0,0,0,0,0,0]";
    const { sequencer, calls } = result(`{"nonce":1,"data":{"shards":{"11111111111111111111111111111111":${shard}}}}`);
    expect(await sequencer.balanceAndNonce(ACCOUNT)).toEqual({ nonce: 1n, balance: 9_999_998_762_465n });
    expect(calls).toMatchObject([
      { method: "getAccountView", params: [{ account_id: ACCOUNT, program_account_id: "11111111111111111111111111111111" }] },
    ]);
  });

  test("an account that has nothing has no shard", async () => {
    expect(await result('{"nonce":0,"data":{"shards":{}}}').sequencer.balanceAndNonce(ACCOUNT)).toEqual({ nonce: 0n, balance: 0n });
  });

  test("the largest u128, as nonce and as balance", async () => {
    const shard = `[${Array.from({ length: 16 }, () => 255).join(",")}]`;
    const answer = `{"nonce":${MAX_AMOUNT},"data":{"shards":{"11111111111111111111111111111111":${shard}}}}`;
    expect(await result(answer).sequencer.balanceAndNonce(ACCOUNT)).toEqual({ nonce: MAX_AMOUNT, balance: MAX_AMOUNT });
  });

  test("a block, and none", async () => {
    const { sequencer, calls } = result(`"${toBase64(utf8("block"))}"`);
    expect(await sequencer.block(7n)).toEqual(utf8("block"));
    expect(calls).toMatchObject([{ method: "getBlock", params: [7] }]);
    expect(await result("null").sequencer.block(7n)).toBeUndefined();
  });

  test("a transaction with its block, and none; another one than was asked for is no answer [sequencer-other-transaction]", async () => {
    const wire = utf8("0 what follows the kind");
    const id = bodyDigest(wire.subarray(1));
    const { sequencer, calls } = result(`["${toBase64(wire)}",18446744073709551615]`);
    expect(await sequencer.transaction(id)).toEqual({ wire, block: 2n ** 64n - 1n });
    expect(calls).toMatchObject([{ method: "getTransaction", params: [id] }]);
    await expect(sequencer.transaction(ID)).rejects.toThrow("another transaction than asked for");
    expect(await result("null").sequencer.transaction(ID)).toBeUndefined();
  });

  test("the id of a transaction that was queued; the wire goes out in base64", async () => {
    const { sequencer, calls } = result(`"${ID}"`);
    expect(await sequencer.sendTransaction(utf8("wire"))).toEqual({ ok: true, id: ID });
    expect(calls).toMatchObject([{ method: "sendTransaction", params: [toBase64(utf8("wire"))] }]);
  });

  test("head and channel", async () => {
    expect(await result("13982").sequencer.lastBlockId()).toBe(13_982n);
    expect(await result(`"${ID}"`).sequencer.channelId()).toBe(ID);
  });
});

describe("a refusal of a transaction", () => {
  test.each([
    [-32_602, "Incorrect fee", "fee"],
    [-32_602, "Invalid signature(-s)", "signature"],
    [-32_602, "Transaction too large: size 1048577, max 1046528", "too_large"],
    [-32_602, "Invalid params", "shape"],
    [-32_602, "Program is sequencer-only and cannot be invoked by a user transaction", "unknown"],
    [-31_900, "Mempool is full", "full"],
    [-31_900, "in other words", "full"],
    [-32_602, "InvalidSignature", "unknown"],
    [-32_603, "Incorrect fee", "unknown"],
  ] as const)("%d %s is %s", async (code, message, reason) => {
    const { sequencer, calls } = refusal({ code, message });
    expect(await sequencer.sendTransaction(utf8("wire"))).toEqual({ ok: false, reason, error: { code, message } });
    expect(calls).toHaveLength(1);
  });

  test("with a member that JSON-RPC does not have is not believed", async () => {
    const reason = async (error: object) => {
      const sent = await refusal({ code: -32_602, message: "Incorrect fee", ...error }).sequencer.sendTransaction(utf8("wire"));
      return sent.ok || sent.reason;
    };
    expect([await reason({ data: "payer" }), await reason({ retry: true })]).toEqual(["fee", "unknown"]);
  });
});

const wrong = (json: string) => `{"jsonrpc":"2.0","id":1,"result":${json}}`;

describe("what is no answer [sequencer-no-answer]", () => {
  const endless = () =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(utf8(" ".repeat(65_536))),
    });
  const silent = () => new ReadableStream({ start: (controller) => controller.enqueue(utf8('{"jsonrpc":"2.0",')) });
  const large = () => `"${"A".repeat(MAX_SEQUENCER_ANSWER_BYTES)}"`;

  test.each<[string, () => string | ReadableStream | Error, ResponseInit?]>([
    ["HTML", () => "<!doctype html><title>502</title>"],
    ["HTML with a status", () => "<!doctype html>", { status: 502 }],
    ["a redirect", () => "", { status: 307, headers: { Location: "http://elsewhere.example" } }],
    ["20 MiB", () => wrong(`"${"A".repeat(20 * 1024 * 1024)}"`)],
    ["one byte more than the limit", large],
    ["a length that is larger than the limit", () => "{}", { headers: { "Content-Length": "99999999" } }],
    ["an answer that never ends", endless],
    ["an answer that stops half-way", silent],
    ["a connection that breaks", () => new TypeError("connection reset")],
    ["nothing", () => ""],
    ["an array", () => "[]"],
    ["another version", () => '{"jsonrpc":"1.0","id":1,"result":null}'],
    ["another call's answer", () => '{"jsonrpc":"2.0","id":2,"result":null}'],
    ["an id of another type", () => '{"jsonrpc":"2.0","id":"1","result":null}'],
    ["neither result nor error", () => '{"jsonrpc":"2.0","id":1}'],
    ["both", () => '{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":""}}'],
    ["two results", () => '{"jsonrpc":"2.0","id":1,"result":null,"result":null}'],
    ["an error without a code", () => '{"jsonrpc":"2.0","id":1,"error":{"message":"Incorrect fee"}}'],
    ["a result of another type", () => wrong("true")],
  ])("%s is unavailable, for every method", async (_, body, init) => {
    for (const call of Object.values(METHODS)) {
      const { sequencer, calls } = answering(body(), init);
      const fault: unknown = await call(sequencer).catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(BackendUnavailable);
      expect(fault).toBeInstanceOf(SequencerFault);
      expect(calls).toHaveLength(1);
    }
  });

  test.each(["1e3", "1.0", "-1", "-0", "18446744073709551616", '"7"', "1e999", "null"])("%s is no block's number", async (number) => {
    await expect(result(number).sequencer.lastBlockId()).rejects.toThrow(SequencerFault);
  });

  test.each(["1e3", "-1", "340282366920938463463374607431768211456", '"7"', "9".repeat(50), "null"])("%s is no nonce", async (nonce) => {
    await expect(result(`{"nonce":${nonce},"data":{"shards":{}}}`).sequencer.balanceAndNonce(ACCOUNT)).rejects.toThrow(SequencerFault);
  });

  test.each(["[]", "[256,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "[0]", '"AAAA"', "null"])("%s is no balance", async (shard) => {
    const answer = `{"nonce":0,"data":{"shards":{"11111111111111111111111111111111":${shard}}}}`;
    await expect(result(answer).sequencer.balanceAndNonce(ACCOUNT)).rejects.toThrow(SequencerFault);
  });

  test.each(['"a"', '"Zg"', '"Zg=="x', '"Zm8_"', '"AA==AA=="', '"AB=="'])("%s is no block", async (block) => {
    await expect(result(block).sequencer.block(1n)).rejects.toThrow(SequencerFault);
  });

  test("an answer with another status than 200 is not read", async () => {
    for (const status of [201, 400, 500, 503]) {
      await expect(answering(wrong("7"), { status }).sequencer.lastBlockId()).rejects.toMatchObject({ kind: "unreachable" });
    }
  });

  test("an error to a read is unreadable: no read of v0.3 is refused", async () => {
    const { sequencer } = refusal({ code: -32_601, message: "Method not found" });
    await expect(sequencer.feeState()).rejects.toMatchObject({ kind: "unreadable", message: expect.stringContaining("-32601") as string });
  });

  test("says whether anything came at all", async () => {
    await expect(answering(new Error("reset")).sequencer.lastBlockId()).rejects.toMatchObject({ kind: "unreachable" });
    await expect(answering("<html>").sequencer.lastBlockId()).rejects.toMatchObject({ kind: "unreadable" });
  });
});
