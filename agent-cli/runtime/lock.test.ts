/** The lock of the state directory: among many, without hard links, and after a death at any moment. */

import fs, { existsSync, readdirSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Sandbox } from "../testing/cli.ts";
import { contextFor } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { processIo } from "./io.ts";
import { exclusively, holding } from "./lock.ts";
import { fail, succeed } from "./outcome.ts";
import { stateHome } from "./state-directory.ts";

let box: Sandbox;
let said: string[];
const io = processIo();
const context = () => ({ ...contextFor({ ...io, env: box.env }, [], true), progress: (state: string) => void said.push(state) });
const lock = () => box.path("home/lock");
beforeEach(() => {
  box = new Sandbox();
  said = [];
  stateHome(context());
  return () => box.remove();
});

const { linkSync } = fs;
afterEach(() => {
  fs.linkSync = linkSync;
  syncBuiltinESMExports();
  vi.restoreAllMocks();
});

function withoutHardLinks(): void {
  fs.linkSync = () => {
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  };
  syncBuiltinESMExports();
}

/** Each look at the clock is so many milliseconds after the one before. */
function hurry(step: number): void {
  let now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (now += step));
}

/** So many changes at once: the most that ran at the same time. */
async function crowd(count: number): Promise<{ done: number; most: number }> {
  let [inside, most] = [0, 0];
  const change = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 2));
    inside--;
    return succeed(undefined);
  };
  const all = await Promise.all(Array.from({ length: count }, () => exclusively(context(), change)));
  return { done: all.filter(({ ok }) => ok).length, most };
}

describe("twelve at once", () => {
  test.each([
    ["with hard links", () => undefined],
    ["without hard links [lock-no-hard-links]", withoutHardLinks],
  ])("all get it, one after the other, %s", async (_, prepare) => {
    prepare();
    expect(await crowd(12)).toEqual({ done: 12, most: 1 });
    expect(readdirSync(box.path("home"))).toEqual([]);
  });
});

describe("a lock whose owner lives", () => {
  beforeEach(() => writeFileSync(lock(), String(process.ppid)));

  test("is waited for, and the wait says who has it", async () => {
    hurry(1000);
    const waiting = exclusively(
      { ...context(), progress: (state) => (said.push(state), said.length === 5 ? fs.rmSync(lock()) : undefined) },
      () => succeed("done"),
    );
    expect(await waiting).toEqual(succeed("done"));
    expect(said[0]).toBe(`Waiting for process ${process.ppid}, which is changing the state directory`);
  });

  test("is reported as busy in the end [lock-busy]", async () => {
    hurry(5000);
    const held = await exclusively(context(), () => succeed(undefined));
    expect(held).toMatchObject({ ok: false, exit: EXIT.busy, error: { code: "busy", retryable: true } });
    expect(JSON.stringify(held)).toContain(`process ${process.ppid}`);
    expect(existsSync(lock())).toBe(true);
  });
});

describe("without hard links, a lock whose maker died before it wrote its pid", () => {
  beforeEach(withoutHardLinks);

  test("is broken after a while", async () => {
    writeFileSync(lock(), "");
    hurry(100);
    expect(await exclusively(context(), () => succeed("done"))).toEqual(succeed("done"));
    writeFileSync(box.path("home/long.lock"), "");
    const busy = () => fail("busy", "busy");
    const work = () => Promise.resolve("done");
    expect(await holding(box.path("home/long.lock"), { seconds: 60, signal: io.signal }, busy, work)).toBe("done");
  });

  test("is given up by a maker that was slow, since others may have broken it", async () => {
    // The maker looks twice at the clock: the first time it took a second.
    let [now, looks] = [0, 0];
    vi.spyOn(performance, "now").mockImplementation(() => (now += ++looks <= 4 ? 1000 : 1));
    expect(await exclusively(context(), () => succeed("done"))).toEqual(succeed("done"));
    expect(looks).toBeGreaterThan(4);
  });
});
