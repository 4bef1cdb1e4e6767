/**
 * `npm run bench`: our paths beside the bare runtime and the official stack, in one run, rounds interleaved in random order.
 * Machines differ and are noisy, so ratios are what counts. Writes bench/results.md. Exits 1 when an answer was not the expected
 * one, or when the ledger's transfers are not the answers that were paid for.
 *
 *   npm run bench -- [--quick] [--rounds N] [--seconds N] [--json FILE]
 */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { newPayer, type Payer, paymentHeader } from "./payments.ts";
import { insert, offerOf, ours, plain, type Target } from "./targets.ts";

interface Path {
  name: string;
  what: string;
  start(payers: readonly Payer[]): Promise<Target>;
  paid: boolean;
  expected: string;
}

const PATHS: Path[] = [
  { name: "bare", what: "bare Hono, 200", start: () => plain("bare"), paid: false, expected: "200" },
  { name: "402 ours", what: "our challenge", start: () => ours("/item", []), paid: false, expected: "402" },
  { name: "402 official", what: "the official middleware's challenge", start: () => plain("official"), paid: false, expected: "402" },
  { name: "A", what: "merchant → facilitator → object, one INSERT", start: insert, paid: false, expected: "200" },
  { name: "upfront", what: "ours: settled, then served", start: (payers) => ours("/upfront", payers), paid: true, expected: "200" },
  { name: "authorization", what: "ours: held, served, captured", start: (payers) => ours("/item", payers), paid: true, expected: "200" },
  { name: "F", what: "official, paid, verified twice, nothing stored", start: () => plain("official"), paid: true, expected: "200" },
];
const RATIOS: [string, string][] = [
  ["402 ours", "bare"],
  ["402 ours", "402 official"],
  ["upfront", "A"],
  ["upfront", "F"],
  ["authorization", "A"],
];
const PAYERS = 64;

interface Sample {
  path: string;
  clients: number;
  perSecond: number;
  p50: number;
  p99: number;
  requests: number;
  statuses: Record<string, number>;
}

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, rounds: { type: "string" }, seconds: { type: "string" }, json: { type: "string" } },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 1 : 10));
const clientCounts = values.quick ? [1, 32] : [1, 32, 128];

const payers = Array.from({ length: PAYERS }, newPayer);
const samples: Sample[] = [];
const problems: string[] = [];
for (let round = 1; round <= rounds; round++) {
  for (const path of shuffled(PATHS)) await measure(path, round);
}
const report = reportOf(samples);
console.log(report);
await writeFile(new URL("results.md", import.meta.url), report);
if (values.json) await writeFile(values.json, JSON.stringify({ rounds, seconds, samples, problems }, null, 2));
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

async function measure(path: Path, round: number): Promise<void> {
  const target = await path.start(path.paid ? payers : []);
  try {
    await load(target, path, 8, 1); // warm
    for (const clients of clientCounts) {
      const before = await target.transfers();
      const sample = await load(target, path, clients, seconds);
      samples.push({ path: path.name, clients, ...sample });
      console.error(
        `round ${round} ${path.name.padEnd(14)} ${String(clients).padStart(3)} clients ${String(sample.perSecond).padStart(6)}/s`,
      );
      const others = Object.entries(sample.statuses).filter(([status]) => status !== path.expected);
      for (const [status, count] of others) problems.push(`${path.name}, ${clients} clients: ${count} answers ${status}`);
      const after = await target.transfers();
      const answered = sample.statuses[path.expected] ?? 0;
      if (path.paid && before !== undefined && after !== undefined && after - before !== answered) {
        problems.push(`${path.name}, ${clients} clients: ${answered} answers for ${after - before} transfers`);
      }
    }
  } finally {
    await target.stop();
  }
}

/** One burst from a process of its own, with as many payments as could possibly be needed. */
async function load(target: Target, path: Path, clients: number, duration: number): Promise<Omit<Sample, "path" | "clients">> {
  const offer = path.paid ? await offerOf(target.url) : undefined;
  const wanted = offer ? Math.ceil(duration * (clients === 1 ? 2500 : 4000)) : 0;
  const headers = Array.from({ length: wanted }, (_, i) => {
    const payer = payers[i % PAYERS];
    return payer && offer ? paymentHeader(payer, offer) : "";
  });
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("load.ts", import.meta.url)), target.url, String(clients), String(duration)],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  child.stdin.end(headers.join("\n"));
  let out = "";
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) out += chunk.toString("utf8");
  return JSON.parse(out) as Omit<Sample, "path" | "clients">;
}

function reportOf(all: Sample[]): string {
  const rows = PATHS.flatMap(({ name, what }) =>
    clientCounts.map((clients) => {
      const own = all.filter((sample) => sample.path === name && sample.clients === clients);
      const rates = own.map(({ perSecond }) => perSecond);
      return `| ${name} | ${what} | ${clients} | ${median(rates)} | ${Math.min(...rates)} … ${Math.max(...rates)} | ${median(own.map(({ p50 }) => p50))} | ${median(own.map(({ p99 }) => p99))} |`;
    }),
  );
  const ratios = RATIOS.flatMap(([a, b]) =>
    clientCounts.map((clients) => {
      const rate = (path: string) =>
        all.filter((sample) => sample.path === path && sample.clients === clients).map(({ perSecond }) => perSecond);
      const each = rate(a).map((value, round) => value / (rate(b)[round] ?? Number.NaN));
      return `| ${a} / ${b} | ${clients} | ${median(each).toFixed(2)} | ${each.map((value) => value.toFixed(2)).join(" ")} |`;
    }),
  );
  const [cpu] = cpus();
  return [
    "# Measured",
    "",
    `${cpus().length} × ${cpu?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}. ${rounds} interleaved rounds of ${seconds} s per path and number of clients, order random; medians. workerd runs JavaScript on one core.`,
    "",
    "| path | what | clients | requests/s | spread | p50 ms | p99 ms |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "| ratio | clients | median | per round |",
    "| --- | --- | --- | --- |",
    ...ratios,
    "",
  ].join("\n");
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
