/** A key that stays open is wiped at each of its ends. */

import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { verifyDigest } from "../../shared/crypto/ed25519.ts";
import { UNLOCK_JUMP_MILLIS } from "../runtime/limits.ts";
import { createKeyFile, unlockKey } from "./key-file.ts";
import { UnlockedKey } from "./unlocked-key.ts";

const DIGEST = "ab".repeat(32) as Digest;

async function unlocked(seconds = 600, stop = new AbortController().signal) {
  const opened = await unlockKey(await createKeyFile("owner"), "owner");
  if (!opened.ok) throw new Error(opened.error.message);
  const signer = opened.data;
  const { promise: locked, resolve } = Promise.withResolvers<string>();
  const key = new UnlockedKey(signer, seconds, stop, resolve);
  onTestFinished(() => key.lock("The test is over."));
  const signs = async () => verifyDigest(await signer.sign(DIGEST), DIGEST, signer.publicKey);
  return { key, signer, locked, signs };
}

test("it signs until it is wiped, and its bytes are gone then", async () => {
  const { key, signer, locked, signs } = await unlocked();
  expect([key.signer, await signs()]).toEqual([signer, true]);
  key.lock("Done.");
  key.lock("Done again.");
  expect([key.signer, await signs(), await locked]).toEqual([undefined, false, "Done."]);
});

describe("it is wiped", () => {
  test("after the period [unlock-period]", async () => {
    const { key, locked, signs } = await unlocked(0.05);
    await locked;
    expect([key.signer, await signs()]).toEqual([undefined, false]);
  });

  test("at Ctrl-C", async () => {
    const stop = new AbortController();
    const { key, locked } = await unlocked(600, stop.signal);
    stop.abort();
    expect([key.signer, await locked]).toEqual([undefined, "Interrupted."]);
  });

  test("when the process goes on after it was stopped", async () => {
    const { key, locked } = await unlocked();
    process.kill(process.pid, "SIGCONT");
    expect([await locked, key.signer]).toEqual([expect.stringContaining("suspended"), undefined]);
  });

  test.each([1, -1])("when the clock jumps, before any timer has seen it (%i)", async (direction) => {
    const { key, signs } = await unlocked();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + direction * (UNLOCK_JUMP_MILLIS + 1000) });
    onTestFinished(() => void vi.useRealTimers());
    expect([key.signer, await signs()]).toEqual([undefined, false]);
  });

  test("and leaves no listener behind", async () => {
    const count = () => process.listenerCount("SIGTSTP") + process.listenerCount("SIGCONT");
    const before = count();
    const { key } = await unlocked();
    expect(count()).toBe(before + 2);
    key.lock("Done.");
    expect(count()).toBe(before);
  });
});
