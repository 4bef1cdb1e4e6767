/** The lint rule, as configured, over files that are planted for it. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const directory = mkdtempSync(path.join(tmpdir(), "lez-lint-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// The repository's own configuration; types are of no use to this rule and take seconds.
const config = JSON.parse(readFileSync(path.join(root, ".oxlintrc.json"), "utf8")) as { jsPlugins: string[] };
const here = { ...config, jsPlugins: config.jsPlugins.map((plugin) => path.join(root, plugin)), options: {}, ignorePatterns: [] };
writeFileSync(path.join(directory, ".oxlintrc.json"), JSON.stringify(here));

const PRELUDE = `export interface E { code: string; message: string; problem: string; details?: Record<string, unknown> }
declare const error: E;
declare const warn: (text: string) => void;
`;

/** The lines of a file in that folder that the rule objects to. */
function objections(folder: string, body: string): string[] {
  const file = path.join(directory, folder, "planted.ts");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, PRELUDE + body);
  const argv = [path.join(root, "node_modules/oxlint/bin/oxlint"), "--format", "json", "."];
  const { stdout } = spawnSync(process.execPath, argv, { cwd: directory, encoding: "utf8" });
  rmSync(file);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; labels: { span: { line: number } }[] }[] };
  const lines = (PRELUDE + body).split("\n");
  return diagnostics
    .filter(({ code }) => code.includes("no-money-from-prose"))
    .map(({ labels }) => lines[(labels[0]?.span.line ?? 0) - 1] ?? "");
}

const DECISIONS = [
  'if (error.details?.["paid"]) warn("");',
  'if (error.code === "x" && error.message.includes("paid")) warn("");',
  'export const paid = error.details?.["paid"] === true;',
  'export const said = error.message ? "a" : "b";',
  'export const known = error.problem.startsWith("no answer");',
  "export const matched = /paid/.test(error.message);",
  'while (error["details"]) warn("");',
  'switch (error.problem) { case "a": warn(""); }',
  'export const either = error.problem || "none";',
  "export const none = !error.details;",
  "export const { details } = error; export const open = details?.x === 1;",
];
const REPORTS = [
  "if (error.code) warn(error.message);",
  'export const text = error.code === "x" ? error.message : `${error.problem}.`;',
  "export const shown = { details: { ...error.details }, message: error.message };",
  "export const asked = error.code && error.message;",
];

test("a condition that reads details, message or problem is an error where money is decided about", () => {
  for (const folder of ["agent-cli/purchase", "agent-cli/records", "agent-cli/commands"])
    expect(objections(folder, DECISIONS.join("\n")).toSorted()).toEqual(DECISIONS.toSorted());
});

test("to show them is none, and elsewhere neither is", () => {
  expect(objections("agent-cli/purchase", REPORTS.join("\n"))).toEqual([]);
  expect(objections("agent-cli/prompts", DECISIONS.join("\n"))).toEqual([]);
});
