/**
 * `npm run migration`: a ledger of 0.1 with many payments opens under this code. Prints how long that takes, and checks that the
 * books are the same afterwards. Fails above the time that a Durable Object has for its start.
 */

import { parseArgs } from "node:util";
import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import { GENESIS_SUPPLY } from "../shared/limits.ts";
import { growOldLedger } from "../test/old-ledger.ts";

const MAX_SECONDS = 20;

const { values } = parseArgs({ options: { payments: { type: "string", default: "200000" } } });
const payments = Number(values.payments);
if (!Number.isInteger(payments) || payments < 1) {
  console.error("Usage: npm run migration -- [--payments N]");
  process.exit(2);
}

const store = memoryStore();
const genesis = growOldLedger(store, payments);
const began = performance.now();
const rules = new LedgerRules(store, genesis);
const seconds = (performance.now() - began) / 1000;
const { ok, problems, supply } = rules.audit();
console.log(`${payments} payments migrated in ${seconds.toFixed(2)} s; the audit ${ok ? "is exact" : `finds ${problems.join("; ")}`}`);
process.exitCode = ok && BigInt(supply) === GENESIS_SUPPLY && seconds <= MAX_SECONDS ? 0 : 1;
