/** A seller from nothing: the commands of docs/selling.md, as they stand there, in an empty home with the real npm and registry. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { spawn } from "@lydell/node-pty";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { Terminal } from "../agent-cli/testing/cli.ts";
import { packSources } from "./pack.ts";

const ROOT = dirname(import.meta.dirname);
const COMMANDS = 5;
const SECONDS = 180;
const run = promisify(execFile);

let temp: string;
let home: string;
let env: NodeJS.ProcessEnv;
/** The tarball of the package, beside the home. */
let tarball: string;

beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), "lez-starter-"));
  home = join(temp, "home");
  await mkdir(home);
  tarball = (await packSources(temp)).filename;
  await rename(join(temp, tarball), join(home, tarball));
  const prefix = join(home, ".local");
  env = {
    // Certificates and proxies of this machine, and nothing of the npm that runs this.
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|xdg_|vitest|wrangler)/i.test(name))),
    HOME: home,
    PATH: `${prefix}/bin:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
    LANG: "C.UTF-8",
    TERM: "dumb",
    CI: "1", // wrangler and vitest ask nothing
    npm_config_prefix: prefix,
    WRANGLER_SEND_METRICS: "false",
  };
});
afterAll(() => rm(temp, { recursive: true, force: true }));

/** The commands of the page's first section, which begin in the home and go on in the shop. */
async function documented(): Promise<string[]> {
  const page = await readFile(join(ROOT, "docs/selling.md"), "utf8");
  const [, block = ""] = /^## From nothing\n[^]*?```sh\n([^`]*)```/m.exec(page) ?? [];
  return block.trim().split("\n");
}

/** Runs a line in a shell, and says where it ends. */
async function shell(line: string, cwd: string): Promise<{ output: string; cwd: string }> {
  const place = join(temp, "cwd");
  const { stdout, stderr } = await run("bash", ["-c", `${line} && pwd > "${place}"`], { cwd, env, timeout: SECONDS * 1000 });
  return { output: stripVTControlCharacters(stdout + stderr), cwd: (await readFile(place, "utf8")).trim() };
}

test("from an empty home to a shop that tests buy from and wrangler would deploy [starter-from-nothing]", async () => {
  const lines = await documented();
  expect(lines.length).toBeLessThanOrEqual(COMMANDS);
  const outputs: string[] = [];
  let cwd = home;
  let sum = 0;
  for (const line of lines) {
    const began = performance.now();
    const ran = await shell(line, cwd);
    const seconds = (performance.now() - began) / 1000;
    sum += seconds;
    process.stdout.write(`${seconds.toFixed(1).padStart(6)} s  ${line}\n`);
    outputs.push(ran.output);
    cwd = ran.cwd;
  }
  process.stdout.write(`${sum.toFixed(1).padStart(6)} s  in ${lines.length} commands\n`);
  const tested = outputs[lines.indexOf("npm test")];
  for (const project of ["node", "workerd"]) expect(tested).toContain(project);
  expect(tested).toMatch(/Tests +\d+ passed/);
  expect(outputs.at(-1)).toContain("--dry-run: exiting now");
  expect(sum).toBeLessThan(SECONDS);
  // The types that the package declares fit the shop.
  expect((await shell("npx tsc", cwd)).output).toBe("");
});

test("a shop's own installation makes another shop, with the same package, in a folder that is empty", async () => {
  const [shop, second] = [join(home, "my-shop"), join(home, "second")];
  await mkdir(second);
  await shell(`${join(shop, "node_modules/.bin/lez-agent-pay")} init shop .`, second);
  const [original, first, again] = await Promise.all(
    [join(home, tarball), join(shop, "vendor", tarball), join(second, "vendor", tarball)].map((file) => filesOf(file)),
  );
  expect(first).toEqual(original);
  expect(again).toEqual(original);
  expect((await readdir(second)).toSorted()).toEqual((await readdir(shop)).filter((name) => !MADE_BY_NPM.has(name)).toSorted());
});

const MADE_BY_NPM = new Set(["node_modules", "package-lock.json", ".wrangler"]);

/** Names and contents. */
async function filesOf(tarball: string): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(temp, "unpacked-"));
  await run("tar", ["-xzf", tarball, "-C", folder]);
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const contents = names.map(async (entry) => {
    const file = join(entry.parentPath, entry.name);
    return [relative(folder, file), await readFile(file, "utf8")] as const;
  });
  return new Map(await Promise.all(contents));
}

test("Ctrl-C half way leaves nothing", async () => {
  const before = await readdir(home);
  const terminal = new Terminal(
    spawn(join(home, ".local/bin/lez-agent-pay"), ["init", "shop", "third"], { cols: 80, rows: 30, cwd: home, env }),
  );
  await vi.waitFor(async () => expect((await readdir(home)).some((name) => name.startsWith(".third."))).toBe(true), {
    timeout: 60_000,
    interval: 5,
  });
  terminal.type("\u0003");
  expect(await terminal.exit, terminal.text).toBe(EXIT.interrupted);
  expect(await readdir(home)).toEqual(before);
});
