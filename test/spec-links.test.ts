/** What the documents point to exists, what they quote as JSON parses, and what they compute by hand comes out. */

import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { base58, bytesToHex, hexToBytes, utf8 } from "../shared/crypto/bytes.ts";

const ROOT = path.join(import.meta.dirname, "..");
const DOCUMENTS = globSync(["*.md", "{docs,spec}/**/*.md", "test/hostile/README.md"], { cwd: ROOT }).map((name) => ({
  name,
  text: readFileSync(path.join(ROOT, name), "utf8"),
}));

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** Examples in fences are the reader's files and commands, not ours. */
function prose(text: string): string {
  return text.replace(FENCE, "");
}

function fences(text: string, language: string): string[] {
  return [...text.matchAll(FENCE)].filter(([, tag]) => tag === language).map(([, , body = ""]) => body);
}

/** Where the heading's `#fragment` points on the usual forges. */
function anchors(text: string): string[] {
  const headings = [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-"));
}

/** Not the implementation under test: the documents are to be right on their own. */
function sha256(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
}

describe.each(DOCUMENTS)("$name", ({ name, text }) => {
  test("every relative link leads somewhere", () => {
    const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    for (const link of links.filter((target) => !/^[a-z]+:/.test(target))) {
      const [file = "", fragment] = link.split("#");
      const target = file === "" ? path.join(ROOT, name) : path.join(ROOT, path.dirname(name), file);
      expect(existsSync(target), link).toBe(true);
      if (fragment !== undefined) expect(anchors(readFileSync(target, "utf8")), link).toContain(fragment);
    }
  });

  test("every file that it names exists", () => {
    const named = [...prose(text).matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.(?:ts|js|json|md|toml))`/g)].map(([, file = ""]) => file);
    expect(named.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
  });

  test("every example in JSON parses", () => {
    for (const example of fences(text, "json")) expect(() => JSON.parse(example) as unknown, example).not.toThrow();
  });
});

test("there are documents to look at", () => {
  expect(DOCUMENTS.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["AGENTS.md", "spec/protocol.md", "spec/design/lez-integration.md"]),
  );
});

describe("the bytes in spec/design/lez-integration.md", () => {
  const text = DOCUMENTS.find(({ name }) => name === "spec/design/lez-integration.md")?.text ?? "";
  const prefixes = [...text.matchAll(/`(\/[\w./]+\/)`\. Hex:\s+`([0-9a-f]{64})`/g)].map(([, ascii = "", hex = ""]) => ({
    ascii,
    hex,
  }));
  const [message = "", results = ""] = fences(text.split("### Worked example")[1] ?? "", "text");
  const tx = hexToBytes([...message.matchAll(/ ([0-9a-f]+)$/gm)].map(([, hex = ""]) => hex).join(""));

  const result = (label: string) => new RegExp(`^${label} +(\\w+)$`, "m").exec(results)?.[1] ?? "";
  const prefix = (name: string) => hexToBytes(prefixes.find(({ ascii }) => ascii.includes(name))?.hex ?? "");

  test("every prefix is its text, filled with zeros to 32 bytes", () => {
    expect(prefixes).toHaveLength(3);
    for (const { ascii, hex } of prefixes) expect(hex).toBe(bytesToHex(utf8(ascii.padEnd(32, "\0"))));
  });

  test("the worked example's message is 270 bytes and has the hash that is signed", () => {
    expect(tx).toHaveLength(270);
    expect(bytesToHex(sha256(prefix("Message/Public"), tx))).toBe(result("message hash"));
  });

  test("the worked example's payer is the account of its key", () => {
    const account = sha256(prefix("AccountId"), hexToBytes(result("public key")));
    expect(base58.encode(account)).toBe(result("account"));
    expect(message.match(new RegExp(bytesToHex(account), "g"))).toHaveLength(2);
  });

  test("the worked example's transaction id covers message, signature and key", () => {
    const oneWitness = hexToBytes("01000000");
    const signed = [tx, oneWitness, hexToBytes(result("signature")), hexToBytes(result("public key"))];
    expect(bytesToHex(sha256(...signed))).toBe(result("transaction"));
  });
});
