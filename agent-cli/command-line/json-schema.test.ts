/** What is derived from the definitions beside help: schemas, completions, tables. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../registry.ts";
import { sandbox } from "../testing/cli.ts";
import { namesOf } from "./argv.ts";
import { commandSchema } from "./json-schema.ts";

const box = sandbox();
const ROOT = path.join(import.meta.dirname, "../..");

describe("--schema", () => {
  test("every command has a schema of its input and its output [schema-every-command]", () => {
    for (const command of COMMANDS) {
      const { input, output } = commandSchema(command);
      expect(input).toMatchObject({ type: "object" });
      expect(Object.keys(input["properties"] ?? {})).toEqual(Object.keys(command.input.shape));
      expect(Object.keys(output).length, command.name).toBeGreaterThan(1);
      expect(JSON.stringify(input)).not.toMatch(/"(positional|short|local)":/);
    }
  });

  test("is printed for what is named, whatever else is missing, and for no other", async () => {
    for (const words of [
      ["approve", "--schema"],
      ["owner", "approve", "--schema"],
      ["--schema", "approve"],
    ])
      expect(JSON.parse((await box.run(words)).stdout)).toMatchObject({ command: "approve", input: { type: "object" } });
    expect((await box.run(["reqest", "--schema"])).exit).not.toBe(0);
  });

  test("of a group, or of everything, has all of its commands", async () => {
    const named = async (...words: string[]) => {
      const { commands } = JSON.parse((await box.run(words)).stdout) as { commands: { command: string }[] };
      return commands.map(({ command }) => command);
    };
    expect(await named("--schema")).toEqual(COMMANDS.map(({ name }) => name));
    expect(await named("owner", "--schema")).toEqual(["owner create", "approve", "decline"]);
  });
});

describe("completions", () => {
  const script = async (shell: string) => (await box.run(["completions", shell])).stdout;

  /** What bash would offer for the words, the last of which is being typed. */
  function offered(source: string, words: string[]): string[] {
    const program = `${source}\nCOMP_WORDS=(lez-agent-pay ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}\n_lez_agent_pay; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", program], { encoding: "utf8" }).trim().split("\n");
  }

  test("bash completes commands, their second words and their flags [completions-bash]", async () => {
    const source = await script("bash");
    expect(offered(source, ["app"])).toEqual(["approve"]);
    expect(offered(source, ["request", ""])).toEqual(["create", "wait", "show", "list", "cancel", "export"]);
    expect(offered(source, ["fetch", "https://x.example/", "--max"])).toEqual(["--max-amount", "--max-body"]);
    expect(offered(source, ["key", "change-passphrase", "--new-passphrase-fi"])).toEqual(["--new-passphrase-file"]);
  });

  test("bash completes the words that a flag or a command takes, and leaves files to readline", async () => {
    const source = await script("bash");
    expect(offered(source, ["completions", ""]).slice(0, 3)).toEqual(["bash", "zsh", "fish"]);
    expect(offered(source, ["decline", "7F3K-9QPD", "--code", "too"])).toEqual(["too_expensive"]);
    expect(offered(source, ["owner", "decline", "--code", "too"])).toEqual(["too_expensive"]);
    expect(offered(source, ["audit", "export", "--format", ""])).toEqual(["jsonl", "csv", "payments"]);
    expect(offered(source, ["audit", "list", "--event", "sent"])).toEqual(["sent"]);
    for (const flag of ["--out", "--keys", "--owner-file"]) expect(offered(source, ["receipt", "verify", flag, ""])).toEqual([""]);
  });

  test("every command is in all three, and a shell that we do not know is refused", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const source = await script(shell);
      for (const name of COMMANDS.flatMap(namesOf)) for (const word of name.split(" ")) expect(source).toContain(word);
    }
    expect((await box.run("completions tcsh")).exit).toBe(2);
    expect((await box.run("completions bash --json")).json.data["script"]).toContain("complete -o default");
  });
});

test("the tables of commands are those of the definitions [command-tables]", () => {
  for (const file of ["docs/commands.md", "SKILL.md"]) {
    const table = readFileSync(path.join(ROOT, file), "utf8").split(/<!-- \/?commands -->/)[1] ?? "";
    const audiences = file === "SKILL.md" ? ["agent", "both"] : ["agent", "both", "owner", "dev"];
    const expected = COMMANDS.filter(({ audience }) => audiences.includes(audience)).map(({ summary }) => summary);
    expect(expected.filter((summary) => !table.includes(summary))).toEqual([]);
  }
  expect(readFileSync(path.join(ROOT, "SKILL.md")).length).toBeLessThan(8192);
});
