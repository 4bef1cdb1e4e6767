/** `npm run budget`: fails when a Worker's bundle or the first buyer's wait after a deployment exceeds its budget. */

import { bundleSizes } from "../scripts/bundle-sizes.ts";
import { measureColdStarts } from "./cold.ts";
import { PATHS } from "./paths.ts";

/**
 * KiB per upload, minified and gzipped. Of the facilitator's, 2 are keyed books: the signed read, its revocation, base64, and one
 * payment's entry; of the ledger's, a half is that and the money that the operator pays out, and 3.5 count mandates, remember them
 * and audit what they count; of the merchant's, a third is a memory that deletes itself and doubts a wrong clock. Another 3.25 of the merchant's are
 * options that sellers asked for: 2.25 terms by request and several offers, for which a JWS of its own is verified and a payment is
 * compared before it takes money; 1 free requests, own pages and hooks. An option is a property, so no bundler can leave its code out.
 * Retiring, exporting and restoring a ledger are 2.5 of the ledger's and half a KiB of the facilitator's: the objects themselves check
 * every row. Half a KiB of the ledger's are causes: why money moved, and who paid a batch. 2.5 are refunds and what was charged of `upto`, with
 * their audit. Mandates are 3.5 of merchant and facilitator each:
 * their strict schema, the checks and their error codes. Counting for the operator is a quarter of the merchant's, and half a KiB of each of
 * the others. Refunds are 1.25 of the facilitator's: their schema, their checks and the words about them; their four error codes
 * are a quarter of the merchant's. Webhooks are 4.5 of the demo merchant's: the object that queues, signs and sends; a shop that does not
 * export it has half a KiB of that. Of the facilitator's, 4 are the catalogue: its table and what makes room in it,
 * entries made of strangers' words, two reads; three quarters of the merchant's declare and list routes. The register of sales
 * is 2.25 of the merchant's: its table and its record beside each answer, and, half of it and only where it is mounted, the reads and
 * orders of the seller; the facilitator's word on who may read is a quarter of a KiB. `upto` is 2 of the merchant's, a quarter of it the demo's
 * route: its options, the charge and its usage with their checks, and the charge beside each capture; 0.75 of the facilitator's are its second
 * scheme, with the usage that an offer may price.
 */
const BUNDLE_KIB: Record<string, number> = { "lez-merchant": 59.5, "lez-facilitator": 44.5, "lez-ledger-do": 37 };
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
  const sizes = await bundleSizes();
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
