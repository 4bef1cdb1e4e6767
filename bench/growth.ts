/** Whether payments slow down as a ledger grows: settle on ledgers that differ in size only, side by side. */

import { Course } from "./burst.ts";
import { ON_CORES } from "./cores.ts";
import { PATHS } from "./paths.ts";
import { newPayer, type Payer } from "./payments.ts";
import { benchWorker, driven, postJson, type Site } from "./sites.ts";
import { median, shuffled } from "./statistics.ts";

export interface Growth {
  payments: number;
  accounts: number;
  /** Milliseconds of a settle by the account that made all those payments, with one client: the median of the rounds. */
  p50: number;
}

interface Size {
  payments: number;
  /** Pay a new account each time; else one account. */
  strangers: boolean;
}

export const SIZES: readonly Size[] = [
  { payments: 1000, strangers: false },
  { payments: 100_000, strangers: false },
  { payments: 1_000_000, strangers: false },
  { payments: 100_000, strangers: true },
];

/** In one transaction. */
const BATCH = 5000;

export async function measureGrowth(sizes: readonly Size[], rounds: number, seconds: number, say: (line: string) => void) {
  const [path] = PATHS.filter(({ name }) => name === "ledger-1");
  if (!path) throw new Error("there is no path to the ledger");
  const ledgers: { size: Size; site: Site; course: Course; p50s: number[] }[] = [];
  const problems: string[] = [];
  try {
    for (const size of sizes) {
      const payer = newPayer();
      const site = await growableLedger(payer);
      ledgers.push({ size, site, course: new Course(path, site, [payer]), p50s: [] });
      await grow(site, payer, size);
      say(`a ledger with ${size.payments} payments${size.strangers ? " to as many accounts" : ""}`);
    }
    for (const { course } of ledgers) await course.run(1, seconds); // warm
    for (let round = 0; round < rounds; round++) {
      for (const { course, p50s } of shuffled(ledgers)) {
        const sample = await course.run(1, seconds);
        p50s.push(sample.p50);
        problems.push(...sample.problems);
      }
    }
  } finally {
    for (const { site } of ledgers) await site.stop();
  }
  const growth = ledgers.map(({ size: { payments, strangers }, p50s }): Growth => ({
    payments,
    accounts: strangers ? payments : 1,
    p50: median(p50s),
  }));
  return { growth, problems };
}

async function growableLedger(payer: Payer): Promise<Site> {
  const durableObjects = { LEDGER: { className: "GrowingLedger" } };
  const ledger = await benchWorker("growing-ledger", { bindings: { FAUCET: "on", SHARDS: "1" }, durableObjects });
  return driven(ledger, "GrowingLedger", [payer], ON_CORES.workerd);
}

async function grow({ origin }: Site, { account }: Payer, { payments, strangers }: Size): Promise<void> {
  for (let left = payments; left > 0; left -= BATCH) {
    const batch = Math.min(left, BATCH);
    const { settled } = (await postJson(`${origin}/grow`, { payer: account, payments: batch, strangers })) as { settled: number };
    if (settled !== batch) throw new Error(`of ${batch} payments ${settled} were settled`);
  }
}
