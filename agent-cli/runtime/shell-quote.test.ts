import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { breakLine, shellWord } from "./shell-quote.ts";

const shell = (script: string) => execFileSync("sh", ["-c", script], { encoding: "utf8" });

test("a word for a shell means itself", () => {
  for (const word of ["plain-file.json", "two words", "it's", '$(rm -rf "x")', "", "a;b"]) {
    expect(shell(`printf %s ${shellWord(word)}`)).toBe(word);
  }
});

test("a long command is broken between words, and means the same to a shell", () => {
  const line = `echo --reason "two words, kept" --pay-to somebody --amount 10000 --out file.json`;
  const broken = breakLine(line, 30);
  expect(broken.split("\n").length).toBeGreaterThan(2);
  expect(broken).toContain(`--reason "two words, kept"`);
  expect(shell(broken)).toBe(shell(line));
});
