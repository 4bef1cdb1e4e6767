/** `npm run budget`: fails when a Worker's bundle or the first buyer's wait after a deployment exceeds its budget. */

import { workers } from "../scripts/build-workers.ts";
import { bundleSizes } from "../scripts/bundle-sizes.ts";
import { measureColdStarts } from "./cold.ts";
import { PATHS } from "./paths.ts";

/**
 * KiB per upload, minified and gzipped. What each part costs, so that a raise has its reason here:
 *
 * - Merchant. The demo's exports every optional entry, so a shop's own is nearer to `paywall` below: automatic refunds add 7.25 to it,
 *   sessions 15.75 (metered streams 2.25, a facilitator over HTTP three quarters), webhooks 3.75, the delivery memory 4.5, the seller's page 13
 *   (its look and its words 6; 7 to read the account's journal, check it and compare), the register of sales and the OpenAPI
 *   document 1 each, and payments on the chain itself 3.5: an offer's options, what is read of a transfer, settling and asking again. Hono, the demo's pages and products are the rest.
 * - Paywall: what every shop has. Options that sellers asked for, 3.25: terms by request and several offers, free requests, own pages and
 *   hooks; an option is a property, so no bundler leaves its code out. Mandates 3.5. Proofs 2: their shapes, and their verification. What is
 *   owed and given back, 2. `upto` 2. Recording sales 1. Routes declared and listed for discovery three quarters. Telling webhooks half a
 *   KiB, offering sessions a third. A memory that doubts a wrong clock a third. Payments on
 *   the chain itself 1: their codes, offers that come and go with the chain, and what the merchant must know of either kind of payment.
 *   Saying what size a malformed member must have a tenth.
 * - Facilitator. Sessions 5: their objects, what is checked of a deposit, a claim and a withdrawal, and their addresses. The catalogue 4: its
 *   table, entries made of strangers' words, two reads. Mandates 3.5: their strict schema, checks and codes. Keyed books 2. Refunds 1.75, with
 *   the credits that merchants ask for. Proofs 2.5: passkeys, policies, P-256. `upto` 0.75. Exports and restores, transfers, and counting for
 *   the operator, half a KiB each. Giving out the
 *   explorer, whose page is a Worker of its own, a quarter. Telling a caller that left from a body that is too large, a twentieth.
 *   Forwarding what is for the chain itself 1.75: which calls, the shape of a key, the words of its refusals.
 * - Ledger. Sessions 5.25: deposits, claims and ends, what mandates count of them, and their audit. Mandates 3.5: it counts, remembers and
 *   audits them. Refunds, and what was charged of `upto`, 2.75 with their audit. Exporting and restoring 2.5: the objects check every row.
 *   Groups of payments three quarters. Causes of entries, money that the operator pays out, and counting, half a KiB each.
 * - Desk. Its code: the page in it has a budget of its own (workers/desk/page/page.test.ts). Notices 5.5: encryption and tokens for push
 *   services, the forms of webhooks, what waits to be told. What several keys sign one by one 1, by checks that an owner's tool shares; telling the others of it 0.75. Receipts 6:
 *   the checks of evidence, those of mandates among them. Counting strangers by their network a fifth. Requests on the chain itself 1.5: what is
 *   read of their offers, and their own call, answer and words. zod and the protocol's shapes and
 *   checks are half of the rest.
 * - Native facilitator. The curve 10, with SHA-256; lanes, the watch and what is read of a block 12; zod 8; the sequencer's client 1.5.
 */
const BUNDLE_KIB: Record<string, number> = {
  "lez-merchant": 105.25,
  paywall: 59,
  "lez-facilitator": 55.5,
  "lez-ledger-do": 43.75,
  "lez-desk": 66.5,
  "lez-native-facilitator": 50,
};
const DESK = { name: "lez-desk", main: "workers/desk/index.ts" };
const NATIVE = { name: "lez-native-facilitator", main: "workers/native/index.ts" };
const PAYWALL = { name: "paywall", main: "workers/merchant/paywall/index.ts" };
/** The first 402 of a fresh workerd, as a multiple of bare Hono's first answer, measured side by side. */
const COLD_RATIO = 15;

const STARTS = 5;
/** A busy machine gets another chance. */
const ATTEMPTS = 3;
const LARGEST = 10;

const complaints = [...(await overweight()), ...(await slowToWake())];
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;

async function overweight(): Promise<string[]> {
  const sizes = await bundleSizes([...workers(), PAYWALL, DESK, NATIVE]);
  return sizes.flatMap(({ name, bytes, parts }) => {
    const [kib, budget = 0] = [bytes / 1024, BUNDLE_KIB[name]];
    console.log(`${name}: ${kib.toFixed(1)} of ${budget} KiB`);
    if (kib <= budget) return [];
    const largest = parts.slice(0, LARGEST).map(([part, bytes]) => `  ${String(bytes).padStart(6)} ${part}`);
    return [
      `${name} is ${kib.toFixed(1)} KiB gzipped, its budget is ${budget}. Minified bytes of its largest parts:\n${largest.join("\n")}`,
    ];
  });
}

async function slowToWake(): Promise<string[]> {
  const ratios: string[] = [];
  while (ratios.length < ATTEMPTS) {
    const ratio = await coldRatio();
    console.log(`first 402 after a start: ${ratio.toFixed(1)} of ${COLD_RATIO} times bare Hono's first answer`);
    if (ratio <= COLD_RATIO) return [];
    ratios.push(ratio.toFixed(1));
  }
  return [`The first 402 after a start takes ${ratios.join(", ")} times as long as bare Hono's first answer; its budget is ${COLD_RATIO}.`];
}

async function coldRatio(): Promise<number> {
  const paths = PATHS.filter(({ name }) => ["bare", "402-ours"].includes(name));
  const { cold, problems } = await measureColdStarts(paths, [], STARTS);
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const first = (name: string) => cold.find(({ path }) => path === name)?.first ?? Number.NaN;
  return first("402-ours") / first("bare");
}
