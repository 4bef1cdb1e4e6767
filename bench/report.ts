/** The results as a page: goals first, then the measurements. */

import { table } from "../scripts/markdown.ts";
import { GOALS, verdictOn } from "./goals.ts";
import { ratios, type Results, samples } from "./results.ts";
import type { Rounds } from "./rounds.ts";
import { median } from "./statistics.ts";

/** Pairs with a meaningful ratio. */
const PAIRS: readonly [string, string][] = [
  ["402-ours", "bare"],
  ["402-ours", "middleware"],
  ["402-ours", "402-official"],
  ["upfront", "A"],
  ["upfront", "F"],
  ["upfront-mandate", "upfront"],
  ["session", "F"],
  ["session", "bare"],
  ["session", "upfront"],
  ["session-object", "F"],
  ["authorization", "A"],
  ["upfront", "official-on-memory"],
  ["authorization", "official-on-memory"],
  ["official-on-ours", "official-on-memory"],
  ["settle", "ledger-1"],
  ["ledger-4", "ledger-1"],
];

export function reportOf(results: Results): string {
  const { machine, versions, date, pinned, rounds, syncs, cold, cli, bundles, growth, problems } = results;
  const about = [
    `${machine}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}. ${date}.`,
    "workerd runs production bundles on direct sockets, its JavaScript on one core; the load is a process of its own" +
      `${pinned ? ", each on cores of its own" : ""}. Payments are valid, distinct and signed before the clock starts.`,
  ];
  return (
    [
      "# Measured",
      about.join("\n"),
      ...problems.map((problem) => `- **INVALID**: ${problem}`),
      "## Goals",
      table([["goal", "wanted", "stretch", "measured", "verdict"], ...goalRows(results)]),
      ...(rounds ? roundSections(rounds) : []),
      ...section(
        "Disk syncs per answer",
        syncs?.length === 0
          ? "Not counted: it takes `strace`."
          : "Calls of workerd that `strace` counted, in bursts of their own because it slows them a little.",
        ["path", "clients", "fsync and fdatasync per answer"],
        syncs?.map(({ path, clients, perAnswer }) => [path, String(clients), perAnswer.toFixed(3)]),
      ),
      ...section(
        "Cold start",
        `Medians of ${cold?.starts} starts, over stores that are kept: ms until workerd listens, and ms from the first request to its answer.`,
        ["path", "listens", "first answer"],
        cold?.measured.map(({ path, listening, first }) => [path, String(listening), first.toFixed(1)]),
      ),
      ...section(
        "The CLI",
        `The built CLI, each command a process of its own, the stack on loopback. ${cli?.runs} runs, ms.`,
        ["what", "median", "slowest"],
        cli?.timings.map(({ what, median, slowest }) => [what, String(median), String(slowest)]),
      ),
      ...section(
        "Bundles",
        "What `npm run deploy` uploads, minified.",
        ["Worker", "KiB gzipped"],
        bundles && Object.entries(bundles).map(([name, bytes]) => [name, (bytes / 1024).toFixed(1)]),
      ),
      ...section(
        "Growth",
        "Path `ledger-1`, one client, paid by the account that made all those payments before.",
        ["payments", "accounts paid", "p50 ms"],
        growth?.map(({ payments, accounts, p50 }) => [String(payments), String(accounts), p50.toFixed(2)]),
      ),
    ]
      .map((part) => part.trimEnd())
      .join("\n\n") + "\n"
  );
}

function section(title: string, about: string, header: string[], rows: string[][] | undefined): string[] {
  if (!rows) return [];
  return [`## ${title}`, about, ...(rows.length > 0 ? [table([header, ...rows])] : [])];
}

function goalRows(results: Results): string[][] {
  return GOALS.map((goal) => {
    const value = goal.value(results);
    const sign = goal.at === "least" ? "≥" : "≤";
    return [goal.what, `${sign} ${goal.goal}`, `${sign} ${goal.stretch}`, number(value, value < 0.1 ? 3 : 2), verdictOn(goal, value)];
  });
}

function roundSections(rounds: Rounds): string[] {
  const cases = rounds.paths.flatMap(({ name }) => rounds.clientCounts.map((clients) => ({ name, clients })));
  const rows = cases.map(({ name, clients }) => {
    const own = samples(rounds, name, clients);
    const rates = own.map(({ perSecond }) => perSecond);
    const [p50, p99] = [median(own.map((sample) => sample.p50)), median(own.map((sample) => sample.p99))];
    const cpu = median(own.map((sample) => sample.cpu ?? Number.NaN));
    return [name, String(clients), median(rates).toFixed(0), spread(rates, 0), p50.toFixed(2), p99.toFixed(2), number(cpu, 0)];
  });
  const measured = new Set(rounds.paths.map(({ name }) => name));
  const compared = PAIRS.filter((pair) => pair.every((name) => measured.has(name))).flatMap(([path, other]) =>
    rounds.clientCounts.map((clients) => {
      const each = ratios(rounds, path, other, clients);
      const cpu = ratios(rounds, path, other, clients, ({ cpu }) => cpu ?? Number.NaN);
      return [`${path} / ${other}`, String(clients), median(each).toFixed(2), spread(each, 2), number(median(cpu), 2)];
    }),
  );
  return [
    "## Rates",
    `${rounds.rounds} rounds over fresh stores; in each, for every number of clients, all paths once for ${rounds.seconds} s, in random order. Medians, and from the worst to the best round. CPU: microseconds of workerd per answer.`,
    rounds.paths.map(({ name, what }) => `- **${name}**: ${what}`).join("\n"),
    table([["path", "clients", "answers/s", "spread", "p50 ms", "p99 ms", "CPU µs"], ...rows]),
    ...(compared.length > 0
      ? [
          "## Ratios within a round",
          "Of answers per second, and of processor time per answer: the second says less and is steadier.",
          table([["ratio", "clients", "median", "spread", "CPU"], ...compared]),
        ]
      : []),
  ];
}

/** Empty if nothing was measured. */
function number(value: number, digits: number): string {
  return Number.isNaN(value) ? "" : value.toFixed(digits);
}

function spread(numbers: readonly number[], digits: number): string {
  return `${Math.min(...numbers).toFixed(digits)} … ${Math.max(...numbers).toFixed(digits)}`;
}
