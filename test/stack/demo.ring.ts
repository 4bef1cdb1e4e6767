/** The demo as a program reads it; test/picture.ring.ts has it as a person sees it, without the Workers' logs. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { test } from "vitest";
import type { StoryData } from "../../agent-cli/demo/story.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { BIN, COMPILED } from "../../agent-cli/testing/built.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";

const box = sandbox();

type Printed = Record<"stdout" | "stderr", string>;

/** What it printed, also if it fails. */
function demo(words: string[], env: Record<string, string>): Promise<Printed> {
  return promisify(execFile)(process.execPath, [BIN, "demo", ...words], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...env },
    maxBuffer: 2 ** 24,
  }).catch((failed: Printed) => failed);
}

/** @throws {Error} with what went wrong, if no story came of it */
function storyIn(stdout: string): StoryData {
  const { data, error } = JSON.parse(stdout) as { data?: StoryData; error?: { message: string; details?: StoryData } };
  const story = data ?? error?.details;
  if (!story) throw new Error(error?.message);
  return story;
}

function temporaryFolder(name: string): string {
  mkdirSync(box.path(name));
  return box.path(name);
}

test.concurrent("as JSON it is one envelope, and nothing else; the Workers' logs are for those who debug", async ({ expect }) => {
  const { stdout, stderr } = await demo(["http", "--json"], { LEZ_AGENT_PAY_DEBUG: "1" });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  const { steps } = storyIn(stdout);
  expect(steps.filter(({ ok }) => !ok)).toEqual([]);
  // The chapter on mandates: its purchases, its refusal, and its end while a payment is held.
  const seen = steps.map(({ seen }) => seen);
  expect(seen).toEqual(expect.arrayContaining(["402 mandate_exceeded", "1 payment under way", "402 mandate_revoked"]));
  expect(stderr).toContain('"event":"payment.delivered"');
}, 60_000);

test.concurrent("on the chain: signed, paid, taken back, lost and burnt, as the chain itself says [demo-lez]", async ({ expect }) => {
  const TMPDIR = temporaryFolder("lez");
  const { stdout } = await demo(["http", "--lez", "--json"], { TMPDIR });
  expect(stdout).toMatch(/^\{.*\}\n$/);
  const { steps } = storyIn(stdout);
  expect(steps.filter(({ ok }) => !ok)).toEqual([]);
  const chapters = Map.groupBy(steps, ({ chapter }) => chapter);
  expect(Object.fromEntries([...chapters].map(([chapter, all]) => [chapter, all.map(({ seen }) => seen)]))).toMatchObject({
    "The owner has money on the chain, the agent has none": ["10 LGO, nonce 0"],
    "The owner signs, and nothing is sent": ["402 payment_required", "0.00001 LGO", "in no block, 0 in the queue, nonce 0"],
    "A block pays the merchant": [
      "402 settlement_pending",
      "in no block, 1 in the queue, nonce 0",
      "200",
      expect.stringMatching(/^[0-9a-f]{64}$/),
      "the same bytes",
      "0.00001 LGO",
    ],
    "The chain takes the block back": [
      "in no block, 1 in the queue, nonce 0",
      "0.00001 LGO",
      "another block",
      "merchant 0.00001 LGO, owner 9.999987032 LGO, nonce 1",
      "402 nonce_replayed",
    ],
    "The chain loses a transfer": ["in no block, 0 in the queue, nonce 1", "200", "the same bytes", "receipt_undone"],
    "The owner ends a payment that has left": [
      "in no block, 1 in the queue, nonce 2",
      "settlement_pending",
      "in no block, 0 in the queue, nonce 2",
      "in a block, nonce 3, 0 lepta to the merchant",
      "402 nonce_replayed",
      expect.stringMatching(/^[0-9a-f]{64}$/),
      "in no block, 0 in the queue, nonce 3",
    ],
    "The books, as the chain has them": ["0.00002 LGO", "0.000028904 LGO"],
  });
  const screens = steps.flatMap(({ screen = [] }) => screen);
  expect(screens).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^PAYMENT REQUEST .* NATIVE LEZ TRANSFER \(TEST\)$/),
      expect.stringMatching(/^BURN A NONCE /),
    ]),
  );
  expect(readdirSync(TMPDIR)).toEqual([]);
}, 180_000);

test.concurrent("an interrupt stops the Workers and leaves no temporary folder", async ({ expect }) => {
  const TMPDIR = temporaryFolder("interrupted");
  const child = spawn(process.execPath, [BIN, "demo"], { env: { ...process.env, ...box.env, TMPDIR } });
  child.stdout.once("data", () => child.kill("SIGINT"));
  const [exit] = (await once(child, "close")) as [number];
  expect([EXIT.interrupted, EXIT.ok]).toContain(exit); // a fast machine comes to the end of the story
  expect(readdirSync(TMPDIR)).toEqual([]);
});

test.concurrent("Ctrl-C, which ends the Workers too, is no fault of the story, and leaves no wallet", async ({ expect }) => {
  const TMPDIR = temporaryFolder("ctrl-c");
  const terminal = box.terminal("demo --lez", { env: { TMPDIR } });
  await terminal.until("A block pays the merchant");
  terminal.type("\u0003");
  expect(await terminal.exit, terminal.text).toBe(EXIT.interrupted);
  expect(readdirSync(TMPDIR)).toEqual([]);
});
