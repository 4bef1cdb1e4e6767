/** The repository's own lint configuration, on files planted in empty rooms. `npm run check` runs the same configuration. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");
const planted = mkdtempSync(path.join(tmpdir(), "lez-agent-pay-lint-"));
afterAll(() => rmSync(planted, { recursive: true }));

const uses = (specifier: string) => `import { name } from "${specifier}";\nexport const copied = name;\n`;
const passesOn = (specifier: string) => `export type { Name } from "${specifier}";\n`;
const CODE = 'export const name = "name";\nexport type Name = string;\n';

/** Each line decides by prose in another way. */
const DECIDES = `declare const error: { code: string; message: string; problem: string; details?: Record<string, unknown> };
declare const warn: (text: string) => void;
declare const asks: (text: string) => boolean;
if (error.details?.["paid"]) warn("");
if (error.code === "x" && error.message.includes("paid")) warn("");
export const paid = error.details?.["paid"] === true;
export const said = error.message ? "a" : "b";
export const known = error.problem.startsWith("no answer");
export const matched = /paid/.test(error.message);
while (error["details"]) warn("");
switch (error.problem) { case "a": warn(""); }
switch ("a" as string) { case error.problem: warn(""); }
do warn(""); while (error.message);
for (; error.problem; ) warn("");
if (asks(error.message)) warn("");
if (error.details ?? error.code) warn("");
export const sure = Boolean(error.details);
export const either = error.problem || "none";
export const none = !error.details;
const { details } = error; export const open = details?.["x"] === 1;
export const some = [error].some(({ problem }) => problem === "gone");
`;
const SHOWS = `declare const error: { code: string; message: string; problem: string; details?: Record<string, unknown> };
declare const warn: (text: string) => void;
if (error.code === "x") warn(error.message);
export const text = error.code === "x" ? error.message : \`\${error.problem}.\`;
export const shown = { details: { ...error.details }, message: error.message };
export const asked = error.code && error.message;
`;

const FILES = {
  "agent-cli/purchase/code.ts": CODE,
  "agent-cli/runtime/code.ts": CODE,
  "agent-cli/mcp/code.ts": CODE,
  "agent-cli/attic/code.ts": CODE,
  "agent-cli/testing/code.ts": CODE,
  "shared/x402/code.ts": CODE,
  "workers/ledger-do/code.ts": CODE,

  "agent-cli/runtime/neighbour.ts": uses("./code.ts"),
  "agent-cli/purchase/downward.ts": uses("../runtime/code.ts"),
  "agent-cli/runtime/upward.ts": uses("../purchase/code.ts"),
  "agent-cli/runtime/upward-later.ts": 'export const load = () => import("../purchase/code.ts");\n',
  "shared/crypto/upward-type.ts": passesOn("../x402/code.ts"),
  "agent-cli/validate/beside.ts": uses("../mcp/code.ts"),
  "agent-cli/commands/homeless.ts": uses("../attic/code.ts"),
  "agent-cli/commands/test-code.ts": uses("../testing/code.ts"),
  "agent-cli/commands/free.test.ts": uses("../testing/code.ts"),
  "shared/text/outward.ts": uses("../../agent-cli/runtime/code.ts"),
  "workers/facilitator/type.ts": passesOn("../ledger-do/code.ts"),
  "workers/facilitator/value.ts": uses("../ledger-do/code.ts"),
  "agent-cli/purchase/decides.ts": DECIDES,
  "agent-cli/records/decides.ts": DECIDES,
  "agent-cli/commands/decides.ts": DECIDES,
  "agent-cli/commands/decides.test.ts": DECIDES,
  "agent-cli/prompts/decides.ts": DECIDES,
  "agent-cli/purchase/shows.ts": SHOWS,
  "shared/zone/schnorr.ts": uses("@noble/curves/secp256k1.js"),
  "shared/zone/curve.ts": uses("@noble/curves/secp256k1.js"),
  "shared/ledger/schnorr.ts": uses("../zone/schnorr.ts"),
  "workers/merchant/schnorr.ts": uses("../../shared/zone/schnorr.ts"),
  "workers/merchant/verify.ts": uses("../../shared/zone/verify.ts"),
  "workers/facilitator/schnorr.ts": uses("../../shared/zone/schnorr.ts"),
  "workers/facilitator/curve.ts": uses("@noble/curves/secp256k1.js"),
  "agent-cli/keys/curve.ts": uses("@noble/curves/secp256k1.js"),
  "workers/desk/page/curve.ts": uses("@noble/curves/secp256k1.js"),
  "test-kit/curve.ts": uses("@noble/curves/secp256k1.js"),
  "shared/protocol/circle-a.ts": 'import type { Name } from "./circle-b.ts";\nexport type { Name };\n',
  "shared/protocol/circle-b.ts": 'import type { Name } from "./circle-a.ts";\nexport type { Name };\n',
};

let problems: string[];
beforeAll(() => {
  for (const name of [".oxlintrc.json", "tsconfig.json"]) copyFileSync(path.join(ROOT, name), path.join(planted, name));
  for (const name of ["node_modules", "scripts"]) symlinkSync(path.join(ROOT, name), path.join(planted, name));
  for (const [file, content] of Object.entries(FILES)) {
    mkdirSync(path.dirname(path.join(planted, file)), { recursive: true });
    writeFileSync(path.join(planted, file), content);
  }
  const argv = [path.join(ROOT, "node_modules/oxlint/bin/oxlint"), "--format", "unix", ...Object.keys(FILES)];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { cwd: planted, encoding: "utf8" });
  if (!/^\d+ problems$/m.test(stdout)) throw new Error(`oxlint did not run: ${stdout}${stderr}`);
  problems = stdout.split("\n").filter((line) => /^\S+:\d+:\d+: /.test(line));
});

/** The problems of one planted file. */
function of(file: keyof typeof FILES): string[] {
  return problems.filter((line) => line.startsWith(`${file}:`)).map((line) => line.replace(/^\S+ /, "").replace(/ \[.*/, ""));
}

test("a room imports from its own files and from the rooms below", () => {
  expect([...of("agent-cli/runtime/neighbour.ts"), ...of("agent-cli/purchase/downward.ts")]).toEqual([]);
});

test("an import from a room above is an error: of a value, of a type, and a lazy one", () => {
  const message = "runtime does not import purchase, which stands above it in agent-cli/.";
  expect([of("agent-cli/runtime/upward.ts"), of("agent-cli/runtime/upward-later.ts")]).toEqual([[message], [message]]);
  expect(of("shared/crypto/upward-type.ts")).toEqual(["crypto does not import x402, which stands above it in shared/."]);
});

test("an import from a room on the same floor is an error", () => {
  expect(of("agent-cli/validate/beside.ts")).toEqual(["validate does not import mcp, which stands beside it in agent-cli/."]);
});

test("shared/ imports nothing of ours; a Worker takes types of its neighbour and nothing else", () => {
  expect(of("shared/text/outward.ts")).toEqual(["shared/ imports nothing of ours."]);
  expect(of("workers/facilitator/type.ts")).toEqual([]);
  expect(of("workers/facilitator/value.ts")).toEqual(["workers/facilitator/ imports shared and types of workers/ledger-do."]);
});

test("a file that is in no room is an error", () => {
  expect(of("agent-cli/commands/homeless.ts")).toEqual(['agent-cli/attic/code is in no room: add it to "house/rooms" in .oxlintrc.json.']);
});

test("shipped code does not import test code; tests do", () => {
  expect(of("agent-cli/commands/test-code.ts")).toEqual(["agent-cli/testing/code.ts is test code: nothing that ships imports it."]);
  expect(of("agent-cli/commands/free.test.ts")).toEqual([]);
});

test("an import circle is an error, also one of types alone", () => {
  expect([...of("shared/protocol/circle-a.ts"), ...of("shared/protocol/circle-b.ts")]).toContain("Dependency cycle detected");
});

test("a condition that reads details, message or problem is an error where money is decided about, and only there", () => {
  const rooms = ["purchase", "records", "commands"] as const;
  const decisions = DECIDES.split("\n").flatMap((line, i) => (line === "" || line.startsWith("declare") ? [] : [i + 1]));
  for (const room of rooms) {
    const lines = problems.filter((line) => line.startsWith(`agent-cli/${room}/decides.ts:`) && line.includes("which is prose"));
    expect(lines.map((line) => Number(line.split(":")[1])).toSorted((a, b) => a - b)).toEqual(decisions);
  }
  for (const file of ["agent-cli/commands/decides.test.ts", "agent-cli/prompts/decides.ts", "agent-cli/purchase/shows.ts"] as const)
    expect(of(file).join()).not.toContain("which is prose");
});

test("one file imports the curve, and no merchant and no ledger imports that file [curve-in-one-file]", () => {
  for (const file of ["shared/zone/schnorr.ts", "workers/facilitator/schnorr.ts"] as const) expect(of(file), file).toEqual([]);
  for (const room of ["shared/zone", "workers/facilitator", "agent-cli/keys", "workers/desk/page", "test-kit"] as const) {
    expect(of(`${room}/curve.ts`), room).toEqual(["'@noble/curves/secp256k1.js' import is restricted from being used by a pattern."]);
  }
  for (const file of ["workers/merchant/schnorr.ts", "workers/merchant/verify.ts", "shared/ledger/schnorr.ts"] as const) {
    expect(of(file), file).toEqual([expect.stringContaining("import is restricted from being used by a pattern.")]);
  }
});
