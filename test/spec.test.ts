/** What spec/protocol.md says in numbers and names is what the code has. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as cliLimits from "../agent-cli/runtime/limits.ts";
import { isErrorCode } from "../shared/errors.ts";
import * as limits from "../shared/limits.ts";
import { DECLINE_CODES } from "../shared/protocol/decision.ts";

const values = new Map<string, unknown>(Object.entries({ ...limits, ...cliLimits }));
const protocol = readFileSync(new URL("../spec/protocol.md", import.meta.url), "utf8");

test("every limit in the protocol has the value it has in the code", () => {
  const rows = [...protocol.matchAll(/^\| `([A-Z_]+)` +\| (\d+) +\|/gm)];
  expect(rows.length).toBeGreaterThan(20);
  for (const [, name = "", value] of rows) expect(String(values.get(name)), name).toBe(value);
});

test("every code that a rule or a case leads to is in the error table", () => {
  const local = ["origin_mismatch", "request_expired", "request_too_long"];
  const cells = [...protocol.matchAll(/(?:\| |→\s+)((?:`[a-z0-9_]+`(?:,\s+)?)+)(?: \||$)/gm)].map(([, cell = ""]) => cell);
  const codes = cells
    .flatMap((cell) => [...cell.matchAll(/`([a-z0-9_]+)`/g)].map(([, code = ""]) => code))
    .filter((code) => code.includes("_"));
  expect(codes.length).toBeGreaterThan(30);
  expect(codes.filter((code) => !isErrorCode(code) && !local.includes(code))).toEqual([]);
});

test("the reasons to decline are all named", () => {
  for (const code of DECLINE_CODES) expect(protocol).toContain(`\`${code}\``);
});

test.each([
  ["merchant", "merchant/paywall/types.ts"],
  ["facilitator", "facilitator/env.ts"],
  ["ledger", "ledger-do/env.ts"],
])("every variable and secret of the %s is in the list for its operator", (worker, file) => {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const declared = [...read(`workers/${file}`).matchAll(/^ {2}([A-Z0-9_]+)\?: string;/gm)].map(([, name = ""]) => name);
  expect(declared.length).toBeGreaterThan(2);
  const rows = read("spec/architecture.md")
    .split("\n")
    .filter((line) => line.startsWith(`- ${worker}, `));
  for (const name of declared)
    expect(
      rows.filter((row) => row.split(": ")[0]?.includes(`\`${name}\``)),
      name,
    ).toHaveLength(1);
});
