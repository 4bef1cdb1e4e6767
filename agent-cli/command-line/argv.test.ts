/** The command line is parsed into the command that its words name, and the options that are its own. */

import { expect, test } from "vitest";
import { PROGRAM } from "../registry.ts";
import { parseArgv } from "./argv.ts";

const parsed = (line: string) => {
  const parse = parseArgv(line.split(" "), PROGRAM);
  return parse.kind === "run" ? [parse.command.name, parse.raw] : parse.kind;
};

test.each([
  ["refund grant --total 2 --dry-run", ["refund grant", { total: "2", dryRun: true }]],
  ["refund --dry-run 1e --reason overcharge", ["refund", { dryRun: true, reason: "overcharge" }]],
  ["demo http --json", ["demo http", {}]],
  ["accounts --json --recent 3", ["accounts", { recent: "3" }]],
])("%s: an option is the last named command's, also where a group is a command itself", (line, [command, raw = {}]) => {
  expect(parsed(line)).toMatchObject([command, raw]);
});
