/** `npm run mutants`: the simulation finds every fault that is put into a copy of the rules of native payments. */

import { describe, expect, test } from "vitest";
import type { ChainTransaction } from "../../shared/zone/head-chain.ts";
import { blockAt, named, PAYEE, PAYER, PAYMENT, READ } from "../../shared/zone/testing/lane-table.ts";
import { loadZone, type ZoneCode, type ZoneMutant } from "./code.ts";
import { BRANCH_MUTANT, HEAD_MUTANT, ZONE_MUTANTS } from "./mutants.ts";
import { GENUINE, simulateZone } from "./run.ts";

const MOST_SEEDS = 3000;

describe("the simulated sequencer finds the fault:", () => {
  test.each<ZoneMutant>(ZONE_MUTANTS)("$fault", async (mutant) => {
    const code = await loadZone(mutant);
    if (mutant.seed !== undefined && (await simulateZone(mutant.seed, code)).violations.length > 0) return;
    for (let seed = 1; seed <= MOST_SEEDS; seed++) if ((await simulateZone(seed, code)).violations.length > 0) return;
    expect.unreachable(`${MOST_SEEDS} seeds without a violation`);
  });
});

test(`a chain by hand finds that ${BRANCH_MUTANT.fault}`, async () => {
  const credit = { h: named("credit"), transaction: named("credit id"), nonces: [], accounts: [PAYER, PAYEE] };
  const block = (id: bigint, transactions: readonly ChainTransaction[] = [], fork = "", parent = fork) => ({
    ...blockAt(id, fork),
    previousHash: blockAt(id - 1n, parent).hash,
    timestamp: id,
    final: false,
    transactions,
  });
  const evidence = ({ HeadChain, viewOf }: ZoneCode) => {
    const chain = new HeadChain(block(98n));
    for (const next of [block(99n), block(100n, [credit])]) chain.extend(next);
    chain.cut(98n);
    for (const next of [block(99n, [], "b", ""), block(100n, [], "b")]) chain.extend(next);
    return viewOf(chain, { h: PAYMENT.h, payer: PAYER, nonce: 7n, read: READ }, 50).evidence.kind;
  };
  expect([evidence(GENUINE), evidence(await loadZone(BRANCH_MUTANT))]).toEqual(["lost", "stands"]);
});

test(`a sequencer by hand finds that ${HEAD_MUTANT.fault}`, async () => {
  const replaced = blockAt(100n);
  const head = { ...blockAt(100n, "b"), previousHash: blockAt(99n).hash, timestamp: 100n, final: false, transactions: [] };
  const read = async ({ readAccount }: ZoneCode) => {
    // Its head is replaced by another of the same height while the balance is asked.
    const blocks = [{ ...head, ...replaced }, head, head, head];
    const next = () => (blocks.length > 1 ? blocks.shift() : head);
    const balances = [5n, 7n];
    const reader = {
      lastBlockId: async () => 100n,
      block: async (id: bigint) => (id === 100n ? next() : undefined),
      balanceAndNonce: async () => ({ nonce: 7n, balance: balances.shift() ?? 7n }),
    };
    return (await readAccount(reader, PAYER))?.balance;
  };
  expect([await read(GENUINE), await read(await loadZone(HEAD_MUTANT))]).toEqual([7n, 5n]);
});
