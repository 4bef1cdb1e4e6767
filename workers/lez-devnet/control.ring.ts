import { describe, expect, test } from "vitest";
import { ConfigurationError } from "../../shared/configuration-error.ts";
import { readConfig } from "./config.ts";
import { type Faults, NO_FAULTS, produceBlock, readCommand } from "./control.ts";
import { chainWith, keyOf, transfer } from "./testing/devnet-chain.ts";

const [alice, bob] = [keyOf("alice"), keyOf("bob")];
const fresh = () => chainWith([[alice, 1_000_000n]]);

function run(chain: ReturnType<typeof fresh>, name: string, args: unknown, faults: Faults = NO_FAULTS) {
  const command = readCommand(name, args);
  if (!command.ok) throw new Error(command.problem);
  return command.run(chain, faults, () => 1000);
}

test("fund and mine: money comes with a block [devnet-control]", () => {
  const chain = fresh();
  expect(run(chain, "fund", { account: bob.account, amount: "18446744073709551615" }).result).toBe(true);
  expect(run(chain, "mine", { blocks: 3 }).result).toBe(4);
  expect(chain.account(bob.account).balance).toBe(2n ** 64n - 1n);
});

test("dropNext loses the first transactions of the next blocks, and no more", () => {
  const chain = fresh();
  for (const nonce of [0n, 1n, 2n]) chain.send(transfer(alice, { to: bob.account, nonce, value: 1n }));
  const { faults } = run(chain, "dropNext", { transactions: 2 });
  expect(faults.dropNext).toBe(2);
  const left = produceBlock(chain, faults, 1);
  expect([left.dropNext, chain.waiting, chain.account(alice.account).nonce]).toEqual([0, 0, 0n]);
  const waits = produceBlock(chain, { ...NO_FAULTS, dropNext: 2 }, 2);
  expect(waits.dropNext).toBe(2);
});

test("the faults that only the object acts on are set and taken back", () => {
  const chain = fresh();
  const set = (name: string, args: unknown, faults?: Faults) => run(chain, name, args, faults).faults;
  expect(set("pause", { on: true })).toEqual({ ...NO_FAULTS, paused: true });
  expect(set("pause", { on: false }, { ...NO_FAULTS, paused: true, full: true })).toEqual({ ...NO_FAULTS, full: true });
  expect(set("fill", { on: true }).full).toBe(true);
  expect(set("delay", { millis: 50 }).delay).toBe(50);
  expect(set("loseAnswer", { answers: 2 }).loseAnswers).toBe(2);
  expect(set("reset", {}, { ...NO_FAULTS, paused: true })).toEqual(NO_FAULTS);
});

test("orphan, restart, baseFee and status act on the chain", () => {
  const chain = fresh();
  run(chain, "mine", { blocks: 2 });
  expect(run(chain, "orphan", { blocks: 2 }).result).toBe(2);
  chain.send(transfer(alice, { to: bob.account }));
  expect(run(chain, "restart", {}).result).toBe(1);
  run(chain, "baseFee", { exec: "9", stor: "100" });
  expect(chain.market.base).toEqual({ exec: 9n, stor: 100n });
  expect(run(chain, "status", {}).result).toEqual({ head: 1, genesis: chain.genesis, waiting: 0, faults: NO_FAULTS });
});

describe("what is no command", () => {
  test.each([
    ["fund", { account: "x", amount: "1" }],
    ["fund", { account: bob.account, amount: 1 }],
    ["fund", { account: bob.account, amount: "18446744073709551616" }],
    ["fund", { account: bob.account, amount: "0" }],
    ["mine", { blocks: 101 }],
    ["mine", {}],
    ["pause", { on: 1 }],
    ["delay", { millis: 60_001 }],
    ["baseFee", { exec: "7", stor: "8" }],
    ["restart", { now: true }],
  ])("%s %j", (name, args) => {
    expect(readCommand(name, args)).toMatchObject({ ok: false, problem: expect.any(String) as string });
  });

  test.each(["halt", "constructor", ""])("%j is none at all", (name) => {
    expect(readCommand(name, {})).toEqual({ ok: false, problem: undefined });
  });
});

describe("the configuration", () => {
  test("has a default for everything", () => {
    expect(readConfig({})).toMatchObject({ blockMillis: 2000, finalBlocks: 10, mempool: 10_000, supply: [] });
  });

  test.each([
    { BLOCK_MILLIS: "0" },
    { BLOCK_MILLIS: "2s" },
    { FINAL_BLOCKS: "0" },
    { MEMPOOL: "-1" },
    { SUPPLY: "{}" },
    { SUPPLY: '[["x","1"]]' },
    { SUPPLY: `[["${bob.account}","1"],["${bob.account}","01"]]` },
    { CHANNEL_ID: "ab" },
    { PROGRAM_IDS: '{"token":[1]}' },
    { PRODUCER_KEY: "00".repeat(32) },
  ])("%j is refused by its name", (vars) => {
    const [name = ""] = Object.keys(vars);
    expect(() => readConfig(vars)).toThrow(ConfigurationError);
    expect(() => readConfig(vars)).toThrow(name);
  });
});
