/** `lez-agent-pay/testing/pool`: what the configuration of a workers pool needs, so that `testShop` finds a ledger inside workerd. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINDING } from "./binding.ts";

const WORKER = "lez-test-ledgers";
const CLASS = "TestLedgers";

/** Beside the library, or in the repository's dist/. */
const PLACES = ["../../test-kit/ledgers.js", "../dist/test-kit/ledgers.js"].map((place) => join(import.meta.dirname, place));

/** A part of the pool's `miniflare` options. */
export type TestLedgerOptions = {
  durableObjects: Record<string, { className: string; scriptName: string; useSQLite: true }>;
  workers: {
    name: string;
    modules: true;
    script: string;
    compatibilityDate: string;
    durableObjects: Record<string, { className: string; useSQLite: true }>;
  }[];
};

/**
 * Adds the Durable Object with the test ledgers.
 *
 * @example
 * cloudflareTest({ wrangler: { configPath: "./wrangler.toml" }, miniflare: testLedger() })
 */
export function testLedger(): TestLedgerOptions {
  const file = PLACES.find((place) => existsSync(place));
  if (!file) throw new Error("the test ledger is not built; run npm run build in the clone");
  return {
    durableObjects: { [BINDING]: { className: CLASS, scriptName: WORKER, useSQLite: true } },
    workers: [
      {
        name: WORKER,
        modules: true,
        script: readFileSync(file, "utf8"),
        compatibilityDate: "2026-10-23",
        durableObjects: { [BINDING]: { className: CLASS, useSQLite: true } },
      },
    ],
  };
}
