/** The audit log: complete under races, and visibly broken by every change. */

import { execFile } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { bodyDigest, digest } from "../../shared/crypto/digest.ts";
import { contextFor } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { processIo } from "../runtime/io.ts";
import { exclusively } from "../runtime/lock.ts";
import { succeed } from "../runtime/outcome.ts";
import { REASON, type Sandbox, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { RACER } from "../testing/race.ts";
import { type AuditEntry, GENESIS, readAudit, record } from "./audit-log.ts";

const outer = sandbox();
let box: Sandbox;
let log: string;
let number = 0;
beforeEach(() => {
  box = outer;
  const home = outer.path(`home-${number++}`);
  mkdirSync(home, { mode: 0o700 });
  log = path.join(home, "audit.jsonl");
});
const env = () => ({ LEZ_AGENT_PAY_HOME: path.dirname(log) });
const io = processIo();
const context = () => contextFor({ ...io, env: env() }, [], true);
const write = async (count: number) => {
  for (let i = 0; i < count; i++) await record(context(), "requested", { i: String(i), url: "https://shop.example/" });
};
const verify = (...words: string[]) => box.run(["audit", "verify", "--offline", ...words], { env: env() });
const lines = () => readFileSync(log, "utf8").trimEnd().split("\n");

describe("the chain", () => {
  test("is intact as it was written, and its head can be noted [audit-log-chain]", async () => {
    await write(3);
    const first = await verify();
    expect(first.json.data).toMatchObject({ entries: 3, unchecked: 0 });
    await write(2);
    expect((await verify("--head", first.json.data["head"] as string)).json.data["entries"]).toBe(5);
    expect(JSON.parse(lines()[0] ?? "")).toMatchObject({ seq: "1", previous: GENESIS });
  });

  test.each<[string, (all: string[]) => string[], string]>([
    ["a changed fact", (all) => all.with(1, (all[1] ?? "").replace('"i":"1"', '"i":"7"')), "line 2 was changed"],
    ["a dropped line", (all) => all.toSpliced(1, 1), "line 2 does not follow"],
    ["two lines swapped", ([a = "", b = "", c = ""]) => [a, c, b], "line 2 does not follow"],
    ["a line twice", ([a = "", b = "", c = ""]) => [a, b, b, c], "line 3 does not follow"],
    ["a line that is none", (all) => all.with(1, "{}"), "line 2 cannot be read"],
    ["no first line", (all) => all.slice(1), "line 1 does not follow"],
  ])("shows %s", async (_, change, problem) => {
    await write(3);
    writeFileSync(log, `${change(lines()).join("\n")}\n`);
    const run = await verify();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "audit_differs"]);
    expect(run.json.error.message).toContain(problem);
  });

  test("shows an end that was cut off only against a head that was noted before [audit-log-cut-end]", async () => {
    await write(3);
    const head = (await verify()).json.data["head"] as string;
    writeFileSync(log, `${lines().slice(0, 2).join("\n")}\n`);
    expect((await verify()).exit).toBe(EXIT.ok);
    expect((await verify("--head", head)).json.error.message).toContain("cut off");
  });

  test("goes on after a line that a dying process left half written", async () => {
    await write(2);
    appendFileSync(log, `{"seq":"3","at":"${"x".repeat(2000)}`); // longer than what is written next
    expect((await verify()).json.error.message).toContain("line 3 is not complete");
    await write(1);
    expect((await verify()).json.data["entries"]).toBe(3);
  });

  test("is not continued behind a last line that cannot be read", async () => {
    await write(2);
    appendFileSync(log, "rubbish\n");
    expect(await record(context(), "requested", {})).toMatchObject({ ok: false, error: { code: "invalid_file" } });
    truncateSync(log, readFileSync(log).length - "rubbish\n".length);
    await write(1);
    expect((await verify()).exit).toBe(EXIT.ok);
  });
});

describe("a log", () => {
  const begun = readFileSync(path.join(import.meta.dirname, "../../test/vectors/audit-0.1/audit.jsonl"), "utf8");
  const digestAs = (type: "AuditEntry" | "JournalEntry", line: string) => {
    const { digest: _, ...body } = JSON.parse(line) as AuditEntry;
    return digest(type, body);
  };
  const relined = (line: string, change: (body: Record<string, unknown>) => object, type: "AuditEntry" | "JournalEntry") => {
    const { digest: _, ...body } = JSON.parse(line) as Record<string, string>;
    const changed = change(body);
    return JSON.stringify({ ...changed, digest: digest(type, changed as Record<string, string>) });
  };

  test("begun by version 0.1 goes on in the same file [audit-log-of-0-1]", async () => {
    writeFileSync(log, begun);
    expect((await verify()).json.data["entries"]).toBe(9);
    await write(2);
    expect(readFileSync(log, "utf8").startsWith(begun)).toBe(true);
    const [last01 = "", first = "", second = ""] = lines().slice(8);
    expect(JSON.parse(last01)).not.toHaveProperty("type");
    expect(JSON.parse(last01)).toMatchObject({ seq: "9", digest: digestAs("JournalEntry", last01) });
    for (const line of [first, second])
      expect(JSON.parse(line)).toMatchObject({ type: "AuditEntry", digest: digestAs("AuditEntry", line) });
    expect((await verify()).json.data["entries"]).toBe(11);
    const { entries } = (await box.run("audit list", { env: env() })).json.data as { entries: { type?: string }[] };
    expect(entries.map(({ type }) => type)).toEqual([...Array(9).fill(undefined), "AuditEntry", "AuditEntry"]);
    await box.run("audit export --out ./both.jsonl --force", { env: env() });
    expect(readFileSync(box.path("both.jsonl"), "utf8")).toBe(readFileSync(log, "utf8"));
  });

  test("names the type of every line that it begins with", async () => {
    await write(2);
    for (const line of lines()) expect(JSON.parse(line)).toMatchObject({ type: "AuditEntry", digest: digestAs("AuditEntry", line) });
  });

  test("that switches back to lines without a type is damaged, even when their digests fit", async () => {
    writeFileSync(log, begun);
    await write(2);
    const [last = ""] = lines().slice(-1);
    const untyped = (body: Record<string, unknown>) => Object.fromEntries(Object.entries(body).filter(([member]) => member !== "type"));
    const old = relined(last, untyped, "JournalEntry");
    writeFileSync(log, `${[...lines().slice(0, -1), old].join("\n")}\n`);
    const run = await verify();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "audit_differs"]);
    expect(run.json.error.details?.["problems"]).toEqual(["line 11 names no type, although an earlier line does"]);
  });

  test.each([
    ["under the other type", (body: object) => body, "JournalEntry", "line 1 was changed"],
    ["with a type that is none", (body: object) => ({ ...body, type: "Checkpoint" }), "AuditEntry", "line 1 cannot be read"],
  ] as const)("with a line digested %s is damaged", async (_, change, type, problem) => {
    await write(1);
    writeFileSync(log, `${relined(lines()[0] ?? "", change, type)}\n`);
    expect((await verify()).json.error.message).toContain(problem);
  });

  test("of version 0.1 is not taken for one of this version by adding the type", async () => {
    const [first = ""] = begun.split("\n");
    writeFileSync(log, `${JSON.stringify({ type: "AuditEntry", ...(JSON.parse(first) as object) })}\n`);
    expect((await verify()).json.error.message).toContain("line 1 was changed");
  });
});

describe("a log that cannot be continued", () => {
  const damage = async () => {
    await write(2);
    appendFileSync(log, "rubbish\n");
  };

  test("stops a command before it has stored anything [audit-log-damaged-stops]", async () => {
    await damage();
    await people(box);
    const merchant = await startMerchant();
    const words = [merchant.url, "--reason", REASON, "--agent-file", "./agent.json"];
    for (const command of [
      ["request", "create", ...words, "--out", "./never.json"],
      ["fetch", ...words],
    ]) {
      const run = await box.run(command, { env: env() });
      expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
      expect(run.json.error.hint).toContain("lez-agent-pay audit restart");
    }
    const left = ["inbox", "requests", "pins"].flatMap((name) => {
      const directory = path.join(path.dirname(log), name);
      return existsSync(directory) ? readdirSync(directory) : [];
    });
    expect([left, existsSync(box.path("never.json"))]).toEqual([[], false]);
  });

  test("is found by doctor", async () => {
    await damage();
    const { checks } = (await box.run("doctor", { env: env() })).json.error.details as { checks: { check: string }[] };
    expect(checks.find(({ check }) => check === "audit log")).toMatchObject({
      verdict: "bad",
      detail: expect.stringContaining("line 3 cannot be read") as string,
      fix: expect.stringContaining("audit restart") as string,
    });
  });

  test("is set aside by its owner, byte for byte, and the next one names it", async () => {
    await damage();
    const old = readFileSync(log);
    expect((await box.run("audit restart --dry-run", { env: env() })).json.data["problems"]).toEqual([
      expect.stringContaining("line 3 cannot be read"),
    ]);
    expect(readFileSync(log)).toEqual(old);
    const { aside, sha256 } = (await box.run("audit restart", { env: env() })).json.data as { aside: string; sha256: string };
    expect([readFileSync(aside), sha256]).toEqual([old, bodyDigest(old)]);
    expect(JSON.parse(lines()[0] ?? "")).toMatchObject({
      seq: "1",
      event: "restarted",
      facts: { file: path.basename(aside), sha256 },
      previous: GENESIS,
    });
    await write(1);
    expect((await verify()).json.data["entries"]).toBe(2);
    expect((await box.run("audit restart", { env: env() })).exit).toBe(EXIT.usage); // it holds
    appendFileSync(aside, "more\n");
    expect((await verify()).json.error.message).toContain("which was changed since");
  });
});

describe("several processes at once", () => {
  test("lose nothing and keep the chain [audit-log-concurrent]", async () => {
    const race = (name: string) =>
      promisify(execFile)(process.execPath, [RACER, name, "40"], { env: { ...process.env, ...outer.env, ...env() } });
    await Promise.all(["a", "b", "c"].map(race));
    const read = readAudit(context());
    if (!read.ok) throw new Error(read.error.message);
    expect(read.data.problems).toEqual([]);
    expect(read.data.entries).toHaveLength(120);
    for (const name of ["a", "b", "c"]) {
      const own = read.data.entries.filter(({ facts }) => facts["by"] === name).map(({ facts }) => Number(facts["i"]));
      expect(own).toEqual(Array.from({ length: 40 }, (_, i) => i));
    }
  });

  test("a lock whose owner is dead is broken by exactly one of those who wait", async () => {
    const lock = path.join(path.dirname(log), "lock");
    const { pid = 0 } = await new Promise<{ pid?: number | undefined }>((resolve) => {
      const child = execFile("true", () => resolve(child));
    });
    writeFileSync(lock, String(pid));
    let inside = 0;
    let most = 0;
    const enter = () =>
      exclusively(context(), () => {
        most = Math.max(most, ++inside);
        inside--;
        return succeed(undefined);
      });
    const entered = await Promise.all(Array.from({ length: 10 }, enter));
    expect([entered.every(({ ok }) => ok), most, existsSync(lock)]).toEqual([true, 1, false]);
  });
});

describe("export", () => {
  test("is the log, line by line, or a table that no spreadsheet runs [audit-export]", async () => {
    await write(1);
    await record(context(), "declined", { url: "=cmd()", note: 'say "no"' });
    await box.run("audit export --out ./a.jsonl --force", { env: env() });
    expect(readFileSync(box.path("a.jsonl"), "utf8")).toBe(readFileSync(log, "utf8"));
    await box.run("audit export --out ./a.csv --format csv --force", { env: env() });
    const [header, , second] = readFileSync(box.path("a.csv"), "utf8").split("\n");
    expect(header).toBe('"seq","at","event","i","url","note","previous","digest"');
    expect(second).toContain(`"'=cmd()","say ""no"""`);
  });

  test.each(["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=1", "＝1"])("defuses a cell that begins as %j", async (text) => {
    await record(context(), "declined", { note: text });
    await box.run("audit export --out ./b.csv --format csv --force", { env: env() });
    expect(readFileSync(box.path("b.csv"), "utf8")).toContain(`"'${text}"`);
  });
});
