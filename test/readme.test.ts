/**
 * The commands of README.md and docs/, as they stand there, on a real terminal against a real stack.
 * Only addresses, paths and the short code are this test's own.
 */

import { globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { spawn } from "@lydell/node-pty";
import { describe, expect, test } from "vitest";
import { namesOf } from "../agent-cli/command-line/argv.ts";
import { COMMANDS } from "../agent-cli/registry.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { CHEAP_CLI } from "../agent-cli/testing/built.ts";
import { PASSPHRASE, sandbox, type Sandbox, Terminal } from "../agent-cli/testing/cli.ts";
import { DEMO_RECEIPT_KEY } from "../shared/demo.ts";
import { useStack } from "./stack/stack.ts";

/** `npx lez-agent-pay`, built, with a cheap scrypt. */
const CLI = [process.execPath, ...CHEAP_CLI].map((word) => `"${word}"`).join(" ");
const ROOT = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const README = read("README.md");
const DOCS = globSync("docs/*.md", { cwd: ROOT });
const packageJson = JSON.parse(read("package.json")) as { scripts: Record<string, string> } & Record<string, unknown>;

/** The section under a heading of the second level. */
function section(file: string, heading: string): string {
  const found = read(file)
    .split(/^## /m)
    .find((each) => each.startsWith(`${heading}\n`));
  if (found === undefined) throw new Error(`${file} has no section ${heading}`);
  return found;
}

/** The commands in the shell blocks of a text; a line that ends in a backslash goes on. */
function shellLines(text: string): string[] {
  return [...text.matchAll(/```sh\n([^`]*)```/g)].flatMap(([, block = ""]) =>
    block
      .trim()
      .replaceAll(/ \\\n +/g, " ")
      .split("\n"),
  );
}

/** Runs a line of a page in the sandbox, against the stack. */
function runIn({ directory, env }: Sandbox) {
  return (line: string): Terminal => {
    const { merchant, facilitator } = world.stack;
    const local = line
      .replaceAll("npx lez-agent-pay", CLI)
      .replaceAll("npx node", `"${process.execPath}"`)
      .replaceAll("http://127.0.0.1:8787", merchant)
      .replaceAll("http://127.0.0.1:8788", facilitator);
    // Under `npx vitest` the CLI would say `npx lez-agent-pay`.
    const { npm_command: _, ...inherited } = process.env;
    const variables = { ...inherited, ...env, LEZ_FACILITATOR_URL: facilitator };
    return new Terminal(spawn("bash", ["-c", local], { cols: 120, rows: 50, cwd: directory, env: variables }));
  };
}

interface Outcome {
  exit?: number;
  says?: string;
  type?: [string, string][];
}

async function expectOutcome(terminal: Terminal, { exit = 0, says = "", type = [] }: Outcome): Promise<void> {
  for (const [question, keys] of type) await terminal.answer(question, keys);
  expect(await terminal.exit, terminal.text).toBe(exit);
  expect(terminal.text).toContain(says);
}

const NEW_PASSPHRASE: [string, string][] = [
  ["Passphrase for the new owner key", `${PASSPHRASE}\r`],
  ["The same passphrase again", `${PASSPHRASE}\r`],
];
const APPROVAL: [string, string][] = [
  ["Pay 0.00001 LGO", "y"],
  ["Passphrase of", `${PASSPHRASE}\r`],
];

/** As `npm run stack`, but for the books: closed, as on a deployment, where each command must work as well. */
const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY }, "lez-facilitator": { BOOKS: "keyed" } } });

describe("README: buy and approve", () => {
  const box = sandbox();
  const [owner = "", agent = "", faucet = "", allow = "", fetch = "", ...afterwards] = shellLines(section("README.md", "Buy"));
  const [grant = "", revoke = "", ...approve] = shellLines(section("README.md", "Approve"));

  test("two keys, money, a fetch that waits, and an approval in another terminal, with keyed books [readme-keyed]", async () => {
    const run = runIn(box);
    await expectOutcome(run(owner), { type: NEW_PASSPHRASE });
    await expectOutcome(run(agent), {});
    await expectOutcome(run(faucet), { says: "0.001 LGO" });
    await expectOutcome(run(allow), { says: "Open to agents" });
    const buying = run(fetch);
    await buying.until("waits: the owner types lez-agent-pay approve");
    const [code = ""] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(buying.text) ?? [];
    const withCode = (line: string) => line.replace("7F3K-9QPD", code);
    expect(approve.map((line) => line.split(" ")[2])).toEqual(["inbox", "approve"]);
    await expectOutcome(run(approve[0] ?? ""), { says: code });
    await expectOutcome(run(withCode(approve[1] ?? "")), { type: APPROVAL, says: "Approved" });
    await expectOutcome(buying, { says: "Paid 0.00001 LGO" });
    const says: Record<string, string> = {
      "receipt show": "0.00001 LGO",
      "receipt export": "Evidence written to evidence.json",
      balance: "0.00099 LGO",
    };
    expect(afterwards.map((line) => line.replace(/^npx lez-agent-pay ([a-z]+( [a-z]+)?).*/, "$1"))).toEqual(Object.keys(says));
    // Its merchant is known by now. That the stack has no https is a warning, which is typed over.
    const unlock: [string, string] = ["Passphrase of", `${PASSPHRASE}\r`];
    await expectOutcome(run(grant), { type: [["without asking?", "0.0005\r"], unlock], says: "Granted" });
    await expectOutcome(run(revoke), { type: [unlock], says: "nothing: no payment can be made any more" });
    for (const [index, line] of afterwards.entries()) await expectOutcome(run(withCode(line)), { says: Object.values(says)[index] ?? "" });
  }, 120_000);
});

describe("docs/by-hand.md", () => {
  const box = sandbox();
  const lines = ["One purchase", "The wire"]
    .flatMap((heading) => shellLines(section("docs/by-hand.md", heading)))
    .filter((line) => line !== "npm run stack");
  const run = runIn(box);

  const outcomes: Record<string, Outcome> = {
    "owner create": { type: NEW_PASSPHRASE },
    "owner approve": { says: "Approved", type: APPROVAL },
    "quote http": { says: "0.00001 LGO" },
    "pay wallet": { says: "Paid 0.00001 LGO" },
    balance: { says: "0.00099 LGO" },
    "receipt export": { says: "Evidence written to wallet/evidence.json" },
    "http get --url": { exit: 20, says: "nonce_replayed" },
    "curl -i": { says: "402 Payment Required" },
    "npx node": { says: "logos:lez-testnet" },
    "curl -s http://127.0.0.1:8788/supported": { says: '"kinds"' },
  };
  test("has every step that is checked here [readme-by-hand]", () => {
    for (const part of Object.keys(outcomes)) expect(lines.join("\n")).toContain(part);
  });

  test.each(lines)("%s", async (line) => {
    const [, outcome] = Object.entries(outcomes).find(([key]) => line.includes(key)) ?? ["", {}];
    await expectOutcome(run(line), outcome);
  });
});

test.each(shellLines(section("docs/by-hand.md", "Showing that it was paid")))("%s", async (line) => {
  const command = line.replace("npx lez-agent-pay", CLI);
  const terminal = new Terminal(spawn("bash", ["-c", command], { cols: 120, rows: 50, cwd: ROOT }));
  await expectOutcome(terminal, { says: "Verified: " });
});

test("no page tells an agent to fetch a name from npm that is not ours", () => {
  const agents = read("spec/agents.md");
  const run = agents.split("\n").filter((line) => /mcpServers|claude mcp add/.test(line));
  expect(run).toHaveLength(3);
  expect(run.filter((line) => line.includes("npx") && !line.includes("--no-install"))).toEqual([]);
  for (const page of [read("docs/install.md"), agents])
    expect(page).toContain("npm ci && npm pack && npm install --global ./lez-agent-pay-*.tgz");
});

describe("the README", () => {
  test("has the two commands and the picture on its first screen, and ends after two more", () => {
    const lines = README.split("\n");
    const first = lines.slice(0, 20).join("\n");
    for (const part of ["npm ci && npm run demo", "npm ci && npm test", "(docs/demo.svg)"]) expect(first).toContain(part);
    expect(lines.length).toBeLessThan(131);
  });

  test("links every page in docs/ and spec/", () => {
    const pages = [...DOCS, ...globSync("spec/{*,design/*}.md", { cwd: ROOT })];
    expect(pages.filter((page) => !new RegExp(`\\(${page}[)#]`).test(README))).toEqual([]);
  });
});

describe("what the README and docs/ name exists", () => {
  test("every npm script", () => {
    const named = ["README.md", "AGENTS.md", ...DOCS].flatMap((page) =>
      [...read(page).matchAll(/npm run ([a-z:]+)/g)].map(([, name = ""]) => name),
    );
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect(packageJson.scripts).toHaveProperty([name]);
  });

  test("every command of the CLI, and no other", () => {
    const rows = read("docs/commands.md")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    const named = rows.flatMap((row) =>
      [...(row.split("|")[1] ?? "").matchAll(/`([a-z][a-z -]*?)(?: <[^`]*)?`/g)].map(([, name = ""]) => name),
    );
    expect(named.toSorted()).toEqual(COMMANDS.flatMap(namesOf).toSorted());
  });

  test("every exit code", () => {
    const codes = [...read("docs/commands.md").matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });

  test("every dependency has its reason", () => {
    const reasons = read("docs/dependencies.md");
    const toolchain = JSON.parse(read("toolchain/package.json")) as typeof packageJson;
    const names = ["dependencies", "peerDependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
      [packageJson, toolchain].flatMap((from) => Object.keys((from[kind] as object | undefined) ?? {})),
    );
    for (const name of names) expect(reasons).toContain(name);
  });
});
