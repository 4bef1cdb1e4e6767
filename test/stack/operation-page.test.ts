/** spec/operation.md beside the code: its events, its metrics, and its `wrangler tail` lines, run over real log lines. */

import { spawnSync } from "node:child_process";
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { logEvent, type LogEvent } from "../../shared/log.ts";
import { TRACE_ID } from "../../shared/x402/headers.ts";
import { readMetrics } from "../prometheus.ts";
import { useStack } from "./stack.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const page = read("spec/operation.md");
const world = useStack({ merchant: "../workerd/counting-merchant.ts" });

const WORKERS = ["merchant", "facilitator", "native", "desk", "lez-devnet", "ledger-do"];
/** As its wrangler.toml says. */
const nameOf = (folder: string) => {
  const configuration = read(folder === "merchant" ? "wrangler.toml" : `workers/${folder}/wrangler.toml`);
  return /^name = "(.+)"$/m.exec(configuration)?.[1] ?? folder;
};
/** What the page lists for each Worker. `wakes`: it should wake a person. */
const LISTED = WORKERS.flatMap((folder) => {
  const [, list = ""] = new RegExp(`^### .*: ${nameOf(folder)}\n(.*?)\n##`, "ms").exec(page) ?? [];
  return [...list.matchAll(/^- (\*\*!\*\* )?([^:]*):/gm)].flatMap(([, mark, names = ""]) =>
    [...names.matchAll(/`([a-z._]+)`/g)].map(([, name]) => ({ folder, name: name as LogEvent, wakes: mark !== undefined })),
  );
});
const listedFor = (folder: string) => LISTED.filter((event) => event.folder === folder);
const sorted = (names: Iterable<string>) => [...new Set(names)].sort((a, b) => a.localeCompare(b));
const quotedIn = (source: string) => [...source.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map(([, name = ""]) => name);

test("the page has every event, and no other [operation-page]", () => {
  const log = read("shared/log.ts");
  const events = quotedIn(log.slice(log.indexOf("export type LogEvent"), log.indexOf("export interface LogFields")));
  expect(events.length).toBeGreaterThan(30);
  expect(sorted(LISTED.map(({ name }) => name))).toEqual(sorted(events));
});

test.each(WORKERS)("the page lists for workers/%s what that Worker logs", (folder) => {
  const sources = globSync(`workers/${folder}/**/*.ts`, { cwd: ROOT }).filter((file) => !/\.(?:test|ring)\.ts$/.test(file));
  const known = new Set<string>(LISTED.map(({ name }) => name));
  const logged = quotedIn(sources.map(read).join("\n")).filter((name) => known.has(name));
  expect(sorted(listedFor(folder).map(({ name }) => name))).toEqual(sorted(logged));
});

test("the page has every metric, and no other", async () => {
  const metrics = readMetrics(await (await fetch(`${world.stack.facilitator}/metrics`)).text());
  expect(sorted([...page.matchAll(/\blez_ledger_[a-z_]+/g)].map(([name]) => name))).toEqual(sorted(Object.keys(metrics)));
});

test("each `wrangler tail` line finds what the page says", async () => {
  const buyer = await world.buyer();
  const owed = { url: `${world.stack.merchant}/owed` };
  const payment = await buyer.approved(owed);
  const answer = await buyer.send(owed, payment);
  await buyer.send({ url: `${world.stack.merchant}/default?other` }, payment);
  const trace = answer.headers.get(TRACE_ID) ?? "";
  const real = () => world.logs.map((line) => JSON.stringify(line)).filter((line) => line.includes('"payment.'));
  await expect.poll(() => real().length).toBeGreaterThanOrEqual(2);
  const run = platform([...real(), ...oneOfEach()]);

  const lines = [...page.matchAll(/^npx wrangler tail .*(?:\n  .*)?$/gm)].map(([line]) =>
    line.replace("4bf92f3577b34da6a3ce929d0e0e4736", trace),
  );
  const [
    ofMerchant = "",
    ofFacilitator = "",
    ofLedger = "",
    wakeMerchant = "",
    wakeLedger = "",
    wakeDesk = "",
    pending = "",
    failed = "",
    ...more
  ] = lines;
  expect(more).toEqual([]);
  expect(run(ofMerchant)).toEqual([expect.objectContaining({ event: "payment.owed", traceId: trace, path: "/owed", status: 503 })]);
  expect([run(ofFacilitator), run(ofLedger)]).toEqual([[], []]); // a payment that succeeds is one line
  const wakers = (folder: string) => listedFor(folder).flatMap(({ name, wakes }) => (wakes ? [name] : []));
  expect(sorted(run(wakeMerchant).map(({ event }) => event))).toEqual(sorted(wakers("merchant")));
  expect(sorted(run(wakeLedger).map(({ event }) => event))).toEqual(sorted(wakers("ledger-do")));
  expect(sorted(run(wakeDesk).map(({ event }) => event))).toEqual(sorted(wakers("desk")));
  expect(wakers("facilitator")).toEqual([]);
  expect(run(pending)).toMatchObject([{ event: "payment.refused", code: "settlement_pending" }]);
  expect(run(failed)).toMatchObject([{ event: "facilitator.failed" }]);
});

/** What a healthy stack does not log, written by the function that logs it. */
function oneOfEach(): string[] {
  const written: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void written.push(line));
  for (const { name } of LISTED) logEvent(name, { traceId: "", path: "/item" });
  logEvent("payment.refused", { traceId: "", path: "/item", status: 402, code: "settlement_pending" });
  log.mockRestore();
  return written;
}

/** Stands in for the platform. @returns runs a line of the page in a shell, in which `npx wrangler tail` prints these lines */
function platform(lines: readonly string[]): (command: string) => { event: string }[] {
  const directory = mkdtempSync(join(tmpdir(), "lez-tail-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const eventOf = (line: string) => (JSON.parse(line) as { event: string }).event;
  for (const folder of WORKERS) {
    const own = lines.filter((line) => listedFor(folder).some(({ name }) => name === eventOf(line)));
    writeFileSync(join(directory, nameOf(folder)), own.map((line) => `  (log) ${line}\n`).join(""));
  }
  // As wrangler prints and filters: --search takes lines that contain the text.
  const script = `#!/bin/sh
[ "$1 $2 $4 $5 \${6:---search}" = "wrangler tail --format pretty --search" ] || exit 64
grep -F -- "\${7:-(log)}" "${directory}/$3"
`;
  writeFileSync(join(directory, "npx"), script);
  chmodSync(join(directory, "npx"), 0o755);
  return (command) => {
    const env = { ...process.env, PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}` };
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { env, encoding: "utf8" });
    expect(stderr).toBe("");
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line.replace("  (log) ", "")) as { event: string });
  };
}
