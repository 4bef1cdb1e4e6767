/** The demo as a program reads it; test/picture.ring.ts has it as a person sees it, without the Workers' logs. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { BIN, COMPILED } from "../../agent-cli/testing/built.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";

const box = sandbox();

function demo(words: string[], env: Record<string, string>) {
  return promisify(execFile)(process.execPath, [BIN, "demo", ...words], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...env },
    maxBuffer: 2 ** 24,
  });
}

test("as JSON it is one envelope, and nothing else; the Workers' logs are for those who debug", async () => {
  const { stdout, stderr } = await demo(["http", "--json"], { LEZ_AGENT_PAY_DEBUG: "1" });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  const { data } = JSON.parse(stdout) as { data: { failed: number; steps: { step: string; seen: string }[] } };
  expect(data.failed).toBe(0);
  // The chapter on mandates: its purchases, its refusal, and its end while a payment is held.
  const seen = data.steps.map(({ seen }) => seen);
  expect(seen).toEqual(expect.arrayContaining(["402 mandate_exceeded", "1 payment under way", "402 mandate_revoked"]));
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
