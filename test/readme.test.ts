/** The README's commands, as they stand there, on a real terminal against a real stack. Only addresses and paths are this test's own. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { spawn } from "@lydell/node-pty";
import { beforeAll, describe, expect, test } from "vitest";
import { namesOf } from "../agent-cli/command-line/argv.ts";
import { COMMANDS } from "../agent-cli/registry.ts";
import { CHEAP_CLI } from "../agent-cli/testing/built.ts";
import { PASSPHRASE, sandbox, Terminal } from "../agent-cli/testing/cli.ts";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { useStack } from "./stack/stack.ts";

/** `npx lez-agent-pay`, built, with a cheap scrypt. */
const CLI = [process.execPath, ...CHEAP_CLI].map((word) => `"${word}"`).join(" ");
const ROOT = path.join(import.meta.dirname, "..");
const README = readFileSync(path.join(ROOT, "README.md"), "utf8");
const packageJson = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> } & Record<
  string,
  unknown
>;

/** The lines of the shell blocks under a heading. */
function shellLines(heading: string): string[] {
  const section = README.split(/^## /m).find((each) => each.startsWith(heading)) ?? "";
  return [...section.matchAll(/```sh\n([^`]*)```/g)].flatMap(([, block = ""]) => block.trim().split("\n"));
}

describe("by hand", () => {
  const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY } } }); // as `npm run stack` does
  const box = sandbox();
  const lines = shellLines("By hand").filter((line) => line !== "npm run stack");
  let run: (line: string) => Terminal;
  beforeAll(() => {
    const { merchant, facilitator } = world.stack;
    const local = (line: string) =>
      line
        .replaceAll("npx lez-agent-pay", CLI)
        .replaceAll("npx node", `"${process.execPath}"`)
        .replaceAll("http://127.0.0.1:8787", merchant)
        .replaceAll("http://127.0.0.1:8788", facilitator);
    run = (line) => {
      const env = { ...process.env, ...box.env, LEZ_FACILITATOR_URL: facilitator };
      return new Terminal(spawn("bash", ["-c", local(line)], { cols: 120, rows: 50, cwd: box.directory, env }));
    };
  });

  const outcomes: Record<string, { exit?: number; says?: string; type?: [string, string][] }> = {
    "owner create": {
      type: [
        ["Passphrase for the new owner key", `${PASSPHRASE}\r`],
        ["The same passphrase again", `${PASSPHRASE}\r`],
      ],
    },
    "owner approve": {
      says: "Approved",
      type: [
        ["Pay 0.00001 LGO", "y"],
        ["Passphrase of", `${PASSPHRASE}\r`],
      ],
    },
    "quote http": { says: "0.00001 LGO" },
    "pay wallet": { says: "Paid 0.00001 LGO" },
    balance: { says: "0.00099 LGO" },
    "receipt export": { says: "Evidence written to wallet/evidence.json" },
    "http get --url": { exit: 20, says: "nonce_replayed" },
    "curl -i": { says: "402 Payment Required" },
    "npx node": { says: "logos:lez-testnet" },
    "curl -s http://127.0.0.1:8788/supported": { says: '"kinds"' },
  };
  test("has every step that is checked here", () => {
    for (const part of Object.keys(outcomes)) expect(lines.join("\n")).toContain(part);
  });

  test.each(lines)("%s", async (line) => {
    const [, outcome] = Object.entries(outcomes).find(([key]) => line.includes(key)) ?? ["", {}];
    const terminal = run(line);
    for (const [question, keys] of outcome.type ?? []) await terminal.answer(question, keys);
    expect(await terminal.exit, terminal.text).toBe(outcome.exit ?? 0);
    expect(terminal.text).toContain(outcome.says ?? "");
  });
});

test.each(shellLines("Showing that it was paid"))("%s", async (line) => {
  const command = line.replace("npx lez-agent-pay", CLI);
  const terminal = new Terminal(spawn("bash", ["-c", command], { cols: 120, rows: 50, cwd: ROOT }));
  expect(await terminal.exit, terminal.text).toBe(0);
  expect(terminal.text).toContain("Verified: ");
});

test("no agent is set up to fetch a name from npm that is not ours", () => {
  const agents = readFileSync(path.join(ROOT, "spec/agents.md"), "utf8");
  const run = agents.split("\n").filter((line) => /mcpServers|claude mcp add/.test(line));
  expect(run).toHaveLength(3);
  expect(run.filter((line) => line.includes("npx") && !line.includes("--no-install"))).toEqual([]);
  for (const page of [README, agents]) expect(page).toContain("npm ci && npm pack && npm install --global ./lez-agent-pay-*.tgz");
});

describe("what the README names exists", () => {
  test("every npm script", () => {
    const named = [...README.matchAll(/npm run ([a-z:]+)/g)].map(([, name = ""]) => name);
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(packageJson.scripts).toHaveProperty([name]);
  });

  test("every command of the CLI, and no other", () => {
    const section = README.split(/^## /m).find((each) => each.startsWith("Commands")) ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    const named = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`([a-z][a-z -]*?)(?: <[^`]*)?`/g)].map(([, name = ""]) => name),
    );
    expect(named.toSorted()).toEqual(COMMANDS.flatMap(namesOf).toSorted());
  });

  test("every dependency has its reason", () => {
    const section = README.split(/^## /m).find((each) => each.startsWith("Dependencies")) ?? "";
    const toolchain = JSON.parse(readFileSync(path.join(ROOT, "toolchain/package.json"), "utf8")) as typeof packageJson;
    const names = ["dependencies", "peerDependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
      [packageJson, toolchain].flatMap((from) => Object.keys((from[kind] as object | undefined) ?? {})),
    );
    for (const name of names) expect(section).toContain(name);
  });
});
