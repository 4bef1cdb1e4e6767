/** `npm run mutants`: the simulation finds every fault that is put into a copy of the rules of native payments. */

import { describe, expect, test } from "vitest";
import * as genuineScreen from "../../shared/screen/native-facts.ts";
import type { NativeView } from "../../shared/screen/view.ts";
import type { ChainTransaction } from "../../shared/zone/head-chain.ts";
import { draftPayment } from "../../shared/zone/pay.ts";
import { blockAt, named, PAYEE, PAYER, PAYMENT, READ } from "../../shared/zone/testing/lane-table.ts";
import { BUYER, NOW, OFFER } from "../../shared/zone/testing/payment.ts";
import { loadMutant } from "../mutated-source.ts";
import { loadZone, type ZoneCode, type ZoneMutant } from "./code.ts";
import { BRANCH_MUTANT, HEAD_MUTANT, SCREEN_MUTANT, UNDONE_MUTANTS, ZONE_MUTANTS } from "./mutants.ts";
import { GENUINE, simulateZone } from "./run.ts";

const MOST_SEEDS = 3000;

describe("the simulated sequencer finds the fault:", () => {
  test.each<ZoneMutant>(ZONE_MUTANTS)("$fault [native-mutants]", async (mutant) => {
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
    const balances = [5n, 5n, 7n];
    const reader = {
      lastBlockId: async () => 100n,
      block: async (id: bigint) => (id === 100n ? next() : undefined),
      balanceAndNonce: async () => ({ nonce: 7n, balance: balances.shift() ?? 7n }),
    };
    return (await readAccount(reader, PAYER))?.balance;
  };
  expect([await read(GENUINE), await read(await loadZone(HEAD_MUTANT))]).toEqual([7n, 5n]);
});

test.each<ZoneMutant>(UNDONE_MUTANTS)("a credit that comes and leaves finds that $fault", async (mutant) => {
  const head = { ...blockAt(100n), previousHash: blockAt(99n).hash, timestamp: 100n, final: false, transactions: [] };
  const read = async ({ readAccount }: ZoneCode, during: bigint[]) => {
    const reader = {
      lastBlockId: async () => 100n,
      block: async (id: bigint) => (id === 100n ? head : undefined),
      balanceAndNonce: async () => ({ nonce: 7n, balance: during.shift() ?? 5n }),
    };
    return (await readAccount(reader, PAYER))?.balance;
  };
  const code = await loadZone(mutant);
  const [before, after] = [
    [9n, 5n],
    [5n, 9n],
  ];
  expect([await read(GENUINE, [...before]), await read(GENUINE, [...after])]).toEqual([5n, 5n]);
  expect([await read(code, [...before]), await read(code, [...after])]).toContain(9n);
});

test(`two drafts by hand find that ${SCREEN_MUTANT.fault} [native-screen-mutant]`, async () => {
  const read = ({ nativePriceFacts }: typeof genuineScreen, gasLimit: bigint) => {
    const drafted = draftPayment({ offer: OFFER, from: BUYER, nonce: 7n, maxFee: 26_712n, gasLimit, now: NOW });
    if (!drafted.ok) throw new Error(drafted.problem);
    const { draft } = drafted;
    const view: NativeView = { draft, read: { balance: 1n, head: { id: 1n, at: NOW } }, charge: 2968n, now: NOW, payeeOnMock: false };
    return JSON.stringify(nativePriceFacts(view));
  };
  const isShown = (screen: typeof genuineScreen) => read(screen, 0n) !== read(screen, 50_000n);
  const mutant = await loadMutant(["shared/screen"], SCREEN_MUTANT, (load) => load<typeof genuineScreen>("shared/screen/native-facts.ts"));
  expect([isShown(genuineScreen), isShown(mutant)]).toEqual([true, false]);
});
