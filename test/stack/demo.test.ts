/** The demo as a person sees it: without the Workers' logs. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { BIN, COMPILED } from "../../agent-cli/testing/built.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";

const box = sandbox();

function demo(words: string[], env: Record<string, string> = {}) {
  return promisify(execFile)(process.execPath, [BIN, "demo", ...words], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...env },
    maxBuffer: 2 ** 24,
  });
}

test("as JSON it is one envelope, and nothing else", async () => {
  const { stdout, stderr } = await demo(["http", "--json"]);
  expect(stdout).toMatch(/^\{.*\}\n$/);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { failed: 0 } });
  expect(stderr).toBe("");
}, 60_000);

test("as a story it is the story; the Workers' logs are for those who debug", async () => {
  const { stdout, stderr } = await demo([], { LEZ_AGENT_PAY_DEBUG: "1" });
  expect(stdout).toMatch(/^Three Workers on loopback/);
  expect(stdout).toMatch(/All \d+ steps went as expected\.\n$/);
  expect(stdout).not.toContain('"event"');
  expect(stderr).toContain('"event":"payment.delivered"');
}, 60_000);

test("an interrupt stops the Workers and leaves no temporary folder", async () => {
  mkdirSync(box.path("tmp"));
  const child = spawn(process.execPath, [BIN, "demo"], { env: { ...process.env, ...box.env, TMPDIR: box.path("tmp") } });
  child.stdout.once("data", () => child.kill("SIGINT"));
  const [exit] = (await once(child, "close")) as [number];
  expect([EXIT.interrupted, EXIT.ok]).toContain(exit); // a fast machine comes to the end of the story
  expect(readdirSync(box.path("tmp"))).toEqual([]);
});
