/** The demo as a person sees it: without the Workers' logs. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { BIN, COMPILED } from "../../agent-cli/testing/built.ts";

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
