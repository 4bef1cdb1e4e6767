import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "../../shared/crypto/bytes.ts";
import { decodeBlock } from "../../shared/zone/block.ts";
import recorded from "../../test/vectors/lez/recorded.json" with { type: "json" };
import type { Chain } from "./chain.ts";
import { readConfig } from "./config.ts";
import { answerRpc, type RpcChain } from "./rpc.ts";
import { chainWith, keyOf, transfer } from "./testing/devnet-chain.ts";

const [alice, bob] = [keyOf("alice"), keyOf("bob")];
const config = readConfig({});
const fresh = () => chainWith([[alice, 1_000_000n]]);
const chain = fresh();

const answer = (body: string, of: RpcChain = chain) => answerRpc(body, of, config);
const call = (method: string, params?: unknown, of: RpcChain = chain) =>
  JSON.parse(answer(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), of) ?? "null") as { result?: unknown; error?: unknown };
const result = (method: string, params?: unknown, of: RpcChain = chain) => call(method, params, of).result;
const fault = (code: number, message: string, id: unknown = null) => JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });
const PARSE_ERROR = fault(-32_700, "Parse error");
const INVALID_REQUEST = fault(-32_600, "Invalid request");

describe("JSON-RPC", () => {
  test("echoes an id in its type, and every digit of it", () => {
    for (const id of ["1", '"1"', '""', "null", "0", "18446744073709551615", '"ü"']) {
      expect(answer(`{"jsonrpc":"2.0","id":${id},"method":"checkHealth"}`)).toBe(`{"jsonrpc":"2.0","id":${id},"result":null}`);
    }
  });

  test.each(["-1", "1.5", "1e3", "true", "[]", "{}", "18446744073709551616"])("%s is no id", (id) => {
    expect(answer(`{"jsonrpc":"2.0","id":${id},"method":"checkHealth"}`)).toBe(INVALID_REQUEST);
  });

  test.each(["", "{", "nonsense", "[1,]", "{'a':1}"])("%j is no JSON", (body) => expect(answer(body)).toBe(PARSE_ERROR));

  test("bytes that are no UTF-8 are no JSON", () => {
    expect(answerRpc(Uint8Array.of(0x22, 0xff, 0x22), chain, config)).toBe(PARSE_ERROR);
  });

  test.each(["1", '"a"', "null", "{}", "[]", '{"jsonrpc":"1.0","method":"checkHealth"}', '{"jsonrpc":"2.0","method":1}', '{"a":1,"a":2}'])(
    "%s is no call",
    (body) => expect(answer(body)).toBe(INVALID_REQUEST),
  );

  test("a wrong call keeps its id", () => {
    expect(answer('{"id":7,"method":"checkHealth"}')).toBe(fault(-32_600, "Invalid request", 7));
    expect(answer('{"jsonrpc":"2.0","id":7,"method":"checkHealth","params":1}')).toBe(fault(-32_600, "Invalid request", 7));
  });

  test.each(["getProof", "constructor", "__defineGetter__", "GETBLOCK", "eth_blockNumber"])("there is no method %s", (method) => {
    expect(answer(JSON.stringify({ jsonrpc: "2.0", id: 3, method }))).toBe(fault(-32_601, "Method not found", 3));
  });

  test("a batch is answered in its order, without its notifications", () => {
    const one = '{"jsonrpc":"2.0","id":1,"method":"getLastBlockId"}';
    const notification = '{"jsonrpc":"2.0","method":"checkHealth"}';
    const body = `[${one},${notification},{"jsonrpc":"2.0","id":"x","method":"no"},7]`;
    const wrong = `${fault(-32_601, "Method not found", "x")},${INVALID_REQUEST}`;
    expect(answer(body)).toBe(`[{"jsonrpc":"2.0","id":1,"result":1},${wrong}]`);
    expect(answer(`[${notification}]`)).toBeUndefined();
    expect(answer(notification)).toBeUndefined();
    expect(answer(`[${Array.from({ length: 1001 }, () => one).join(",")}]`)).toBe(INVALID_REQUEST);
  });

  test("parameters are taken by place and by name, in both spellings", () => {
    const block = chain.block(1);
    for (const params of [[1], [1, 2], { block_id: 1 }, { blockId: 1 }]) expect(result("getBlock", params)).toBe(block);
    for (const params of [
      { start_block_id: 1, end_block_id: 1 },
      { startBlockId: 1, endBlockId: 9 },
    ]) {
      expect(result("getBlockRange", params)).toEqual([block]);
    }
  });
});

describe("parameters that are wrong", () => {
  const data = (method: string, params: unknown) => call(method, params).error;
  const invalid = (text: string) => ({ code: -32_602, message: "Invalid params", data: text });

  test("a bad character of an account, in the words that were recorded [devnet-rpc]", () => {
    const { json } = recorded.vectors.find(({ name }) => name === "v03-error-bad-account") ?? {};
    expect(answer('{"jsonrpc":"2.0","id":1,"method":"getAccount","params":["notvaXid1!"]}')).toBe(json);
  });

  test("too few, and none", () => {
    for (const params of [[], undefined]) expect(data("getBlock", params)).toEqual(invalid("No more params"));
    expect(data("getBlockRange", [1])).toEqual(invalid("No more params"));
    expect(data("getBlock", { id: 1 })).toEqual(invalid("missing field `block_id`"));
  });

  test.each<[string, unknown, string]>([
    ["getBlock", ["1"], 'invalid type: string "1", expected u64 at line 1 column 3'],
    ["getBlock", [-1], "invalid value: integer `-1`, expected u64 at line 1 column 2"],
    ["getBlock", [null], "invalid type: null, expected u64"],
    ["getAccount", [7], "invalid type: integer `7`, expected a string at line 1 column 1"],
    ["getAccount", ["1111"], "invalid length: expected 32 bytes, got 4 at line 1 column 6"],
    ["getAccountView", ["1111"], 'invalid type: string "1111", expected struct'],
    ["getAccountsNonces", ["1111"], 'invalid type: string "1111", expected a sequence at line 1 column 6'],
    ["getTransaction", ["ab"], "invalid hash: Invalid string length at line 1 column 4"],
    ["sendTransaction", ["not base64"], "invalid base64 at line 1 column 12"],
  ])("%s %j", (method, params, text) => expect(data(method, params)).toEqual(invalid(text)));

  test("a private account's name", () => expect(data("getAccount", [`Private/${alice.account}`])).toMatchObject({ code: -32_602 }));
});

describe("accounts", () => {
  const NATIVE = "11111111111111111111111111111111";
  const view = (account: string, program = NATIVE) => result("getAccountView", [{ account_id: account, program_account_id: program }]);

  test("as they were recorded: a nonce, and the balance as 16 bytes", () => {
    const genesis = recorded.vectors.find(({ name }) => name === "v03-getAccount-genesis")?.json ?? "";
    const of: RpcChain = { ...plain(chain), account: () => ({ nonce: 1n, balance: 9_999_998_762_465n }) };
    expect(answer(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "getAccount", params: [alice.account] }), of)).toBe(
      `{"jsonrpc":"2.0","id":1,"result":${genesis}}`,
    );
  });

  test("u128 are bare integers of every digit", () => {
    const largest = 2n ** 128n - 1n;
    const of: RpcChain = { ...plain(chain), account: () => ({ nonce: largest, balance: largest }) };
    const body = (method: string, params: unknown) => answer(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), of);
    expect(body("getAccountBalance", [alice.account])).toBe(`{"jsonrpc":"2.0","id":1,"result":${largest}}`);
    expect(body("getAccountsNonces", [[alice.account, bob.account]])).toBe(`{"jsonrpc":"2.0","id":1,"result":[${largest},${largest}]}`);
    expect(body("getAccount", [alice.account])).toContain(`{"nonce":${largest},"data"`);
  });

  test("one that was never used has nonce 0 and no shard, and is no error", () => {
    const nothing = { nonce: 0, data: { shards: {} } };
    expect([result("getAccount", [bob.account]), view(bob.account)]).toEqual([nothing, nothing]);
    expect([result("getAccountBalance", [bob.account]), result("getAccountsNonces", [[bob.account]])]).toEqual([0, [0]]);
  });

  test("a view has the asked program's shard alone", () => {
    const of = fresh();
    of.produce(1);
    expect(view(alice.account)).toEqual(result("getAccount", [alice.account]));
    expect(view(alice.account, bob.account)).toEqual({ nonce: 0, data: { shards: {} } });
  });
});

describe("blocks and transactions", () => {
  test("a range ends where the chain ends, and has at most 1,024 blocks", () => {
    const of = fresh();
    for (let block = 0; block < 3; block++) of.produce(block);
    const blocks = [1, 2, 3, 4].map((id) => of.block(id));
    expect(result("getBlockRange", [1, 1024], of)).toEqual(blocks);
    expect(result("getBlockRange", [3, 3], of)).toEqual([blocks[2]]);
    expect(result("getBlockRange", [5, 9], of)).toEqual([]);
    for (const range of [
      [2, 1],
      [1, 1025],
    ]) {
      expect(call("getBlockRange", range, of).error).toMatchObject({
        code: -32_602,
        message: expect.stringMatching(/^Invalid block range/) as string,
      });
    }
    expect(result("getLastBlockId", [], of)).toBe(4);
  });

  test("an answer has at most 10 MiB: a range, and a batch, that is larger is refused", () => {
    const of: RpcChain = { ...plain(chain), block: () => "A".repeat(1_400_000) };
    expect(call("getBlockRange", [1, 7], of).result).toHaveLength(7);
    expect(call("getBlockRange", [1, 8], of).error).toMatchObject({ code: -32_008, message: "Response is too big" });
    const one = { jsonrpc: "2.0", id: 1, method: "getBlock", params: [1] };
    const batch = (calls: number) => answer(JSON.stringify(Array.from({ length: calls }, () => one)), of) ?? "";
    expect(batch(7)).toMatch(/^\[/);
    expect(JSON.parse(batch(8))).toMatchObject({ id: null, error: { code: -32_011 } });
  });

  test("a block that is not there is null, also the largest number's", () => {
    for (const id of [0, 2, Number.MAX_SAFE_INTEGER]) expect(result("getBlock", [id])).toBeNull();
    expect(answer('{"jsonrpc":"2.0","id":1,"method":"getBlock","params":[18446744073709551615]}')).toContain('"result":null');
    expect(decodeBlock(fromBase64(result("getBlock", [1]) as string) ?? new Uint8Array(0))).toMatchObject({ ok: true });
  });

  test("a transaction is null until a block has it, then its bytes and the block's number", () => {
    const of = fresh();
    const wire = toBase64(transfer(alice, { to: bob.account }));
    const id = result("sendTransaction", [wire], of);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(result("getTransaction", [id], of)).toBeNull();
    of.produce(1);
    expect(result("getTransaction", [id], of)).toEqual([wire, 2]);
  });

  test("a refusal of a transaction is the sequencer's error", () => {
    const poor = toBase64(transfer(bob, { to: alice.account }));
    expect(call("sendTransaction", [poor]).error).toEqual({ code: -32_602, message: "Incorrect fee" });
  });
});

test("the fee market, with the band in which the next block's prices are", () => {
  expect(result("getFeeState")).toEqual({
    height: 1,
    base_fee_exec: 8,
    base_fee_stor: 8,
    next_base_fee_exec_floor: 8,
    next_base_fee_exec_ceiling: 9,
    next_base_fee_stor_floor: 8,
    next_base_fee_stor_ceiling: 9,
    max_gas_exec: 10_000_000,
    max_gas_stor: 1_000_000,
  });
});

test("channel and programs are the configuration's", () => {
  expect(result("getChannelId")).toBe(config.channel);
  expect(result("getProgramIds")).toEqual({ privacy_preserving_circuit: [0, 0, 0, 0, 0, 0, 0, 0] });
});

test("there are no private accounts: no proofs, and the root of the set that upstream begins with", () => {
  const root = "6b09832211001015 0b2aa032bd85d1b7 3cf254eefe257b1a 5aacc00d5fe95429".replaceAll(" ", "");
  const commitment = Array.from({ length: 32 }, () => 1);
  expect(result("getProofsAndRoot", [[commitment, commitment]])).toEqual([[null, null], [...Buffer.from(root, "hex")]]);
  expect(call("getProofsAndRoot", [[[1, 2]]]).error).toMatchObject({ code: -32_602 });
});

/** Its getters as values, to be replaced one by one. */
function plain(of: Chain): RpcChain {
  return {
    head: of.head,
    market: of.market,
    block: (id) => of.block(id),
    transaction: (id) => of.transaction(id),
    account: (id) => of.account(id),
    send: (wire) => of.send(wire),
  };
}
