/** `init shop` without a registry: npm is a script here. With the real npm, `npm run starter` runs the shop that it writes. */

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test, vi } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";

const box = sandbox();
const TARBALL = `lez-agent-pay-${packageJson.version}.tgz`;

/** A folder for PATH whose npm runs these lines. `$folder` is where the tarball belongs. */
function npm(name: string, ...lines: string[]): Record<string, string> {
  mkdirSync(box.path(name));
  const file = path.join(box.path(name), "npm");
  writeFileSync(file, ["#!/bin/sh", 'for folder in "$@"; do :; done', ...lines].join("\n"));
  chmodSync(file, 0o755);
  return { PATH: `${box.path(name)}:/usr/bin:/bin` };
}
const packs = npm("packs", `echo package > "$folder/${TARBALL}"`);
const hidden = () => readdirSync(box.directory).filter((name) => name.startsWith("."));

test("writes a whole shop: pinned versions, the package as a file, a name that npm and wrangler take", async () => {
  const run = await box.run(["init", "shop", "./My Shop!"], { env: packs });
  expect(run.exit).toBe(EXIT.ok);
  const folder = box.path("My Shop!");
  expect(run.json).toMatchObject({
    data: { folder, payTo: DEMO_MERCHANT_ACCOUNT },
    next: { argv: ["npm", "install", "--prefix", folder] },
  });
  const written = [
    "index.ts",
    "package.json",
    "README.md",
    "test",
    "tsconfig.json",
    "vendor",
    "vitest.config.ts",
    "worker.ts",
    "wrangler.toml",
  ];
  expect(readdirSync(folder).toSorted()).toEqual([".gitignore", ...written].toSorted());
  const read = (name: string) => readFileSync(path.join(folder, name), "utf8");
  const made = JSON.parse(read("package.json")) as Record<"dependencies" | "devDependencies", Record<string, string>> & { name: string };
  expect(made).toMatchObject({ name: "my-shop", dependencies: { "lez-agent-pay": `file:vendor/${TARBALL}` } });
  const { "lez-agent-pay": _, ...pinned } = { ...made.dependencies, ...made.devDependencies };
  for (const version of Object.values(pinned)) expect(version).toMatch(/^(npm:@[\w/-]+@)?\d+\.\d+\.\d+$/);
  expect(read(`vendor/${TARBALL}`)).toBe("package\n");
  expect(read("wrangler.toml")).toMatch(/^name = "my-shop"\n[^]*PAY_TO = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj"/);
  expect(hidden()).toEqual([]);
});

test("pays the account that is named, and fills a folder that is empty without replacing it", async () => {
  mkdirSync(box.path("empty"));
  symlinkSync("empty", box.path("link"));
  const payTo = "5VKiW8dhLcX7JMKHFSo1Nf6wMN2mLtTMy6GXHTdLbXmm";
  const run = await box.run(`init shop ./link --pay-to ${payTo}`, { env: packs });
  expect([run.exit, run.json.data["payTo"]]).toEqual([EXIT.ok, payTo]);
  expect(readFileSync(box.path("empty/wrangler.toml"), "utf8")).toContain(`PAY_TO = "${payTo}"`);
  expect(hidden()).toEqual([]);
});

describe("refuses, and leaves nothing behind", () => {
  mkdirSync(box.path("full"));
  box.write("full/notes.txt", "mine");
  box.write("file", "mine");
  symlinkSync("nowhere", box.path("dangling"));

  test.each([
    [["./full"], "file_exists", /The folder ".*full" is not empty\.$/],
    [["."], "file_exists", /is not empty\.$/],
    [["./file"], "file_exists", /exists and is not a folder\.$/],
    [["./dangling"], "file_exists", /exists and is not a folder\.$/],
    [["./file/shop"], "file_not_written", /A part of this path is a file/],
    [["./no/such/shop"], "file_not_written", /no such file or directory/],
    [["/proc/shop"], "file_not_written", /proc/],
    [[""], "usage", /^<dir> must not be empty\.$/],
    [[], "usage", /missing required argument 'dir'/i],
    [["./new", "--pay-to", "Private/x"], "usage", /^--pay-to: private LEZ accounts/],
  ])("%j", async (words, code, message) => {
    const before = readdirSync(box.directory);
    const run = await box.run(["init", "shop", ...words], { env: packs });
    expect([run.exit, run.json.error]).toEqual([
      EXIT.usage,
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    ]);
    expect(run.json.error.hint).toMatch(/./);
    expect(readdirSync(box.directory)).toEqual(before);
  });

  test.each([
    ["is not there", { PATH: box.path("full") }, "ENOENT"],
    ["fails", npm("fails", "echo 'npm error code E404' >&2", "exit 1"), "npm error code E404"],
    ["writes nothing", npm("silent"), `it wrote no ${TARBALL}`],
  ])("when npm %s", async (_what, env, reason) => {
    const run = await box.run("init shop ./new", { env });
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([EXIT.notSetUp, "not_set_up", expect.stringContaining(reason)]);
    expect([existsSync(box.path("new")), hidden()]).toEqual([false, []]);
  });

  test("when it is interrupted half way [init-interrupted]", async () => {
    const waits = npm("waits", `touch "${box.path("packing")}"`, "exec sleep 60");
    const stop = new AbortController();
    const run = box.run("init shop ./new", { env: waits, signal: stop.signal });
    await vi.waitFor(() => expect(existsSync(box.path("packing"))).toBe(true), { timeout: 30_000 });
    stop.abort();
    const { exit, json } = await run;
    expect([exit, json.error.code]).toEqual([EXIT.interrupted, "interrupted"]);
    expect([existsSync(box.path("new")), hidden()]).toEqual([false, []]);
  });
});
