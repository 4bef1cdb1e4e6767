import { describe, expect, test } from "vitest";
import { GroupCommit } from "./group-commit.ts";

/** A disk whose flushes end when the test says so. `log`: what was written, in order. `groups`: how much of it each transaction wrote. */
function slowDisk() {
  const log: string[] = [];
  const groups: number[] = [];
  const flushes: PromiseWithResolvers<void>[] = [];
  let full = false;
  const sync = () => {
    const flush = Promise.withResolvers<void>();
    flushes.push(flush);
    return flush.promise;
  };
  const commits = new GroupCommit(sync, (movements) => {
    const before = log.length;
    try {
      movements();
      if (full) throw new Error("disk full");
    } catch (error) {
      log.length = before;
      throw error;
    }
    groups.push(log.length - before);
  });
  const settle = async (end: (flush: PromiseWithResolvers<void>) => void) => {
    const flush = flushes.shift();
    if (!flush) throw new Error("no flush was asked for");
    end(flush);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return {
    log,
    groups,
    flushes,
    fill: (is: boolean) => void (full = is),
    write: (name: string) => commits.run(() => (log.push(name), name)),
    poison: () =>
      commits.run(() => {
        throw new Error("poison");
      }),
    flushed: () => settle(({ resolve }) => resolve()),
    broken: () => settle(({ reject }) => reject(new Error("disk full"))),
  };
}

describe("group commit", () => {
  test("writes at once what comes alone", async () => {
    const { write, log, flushed, flushes } = slowDisk();
    expect(await write("a")).toBe("a");
    await flushed();
    expect(await write("b")).toBe("b");
    await flushed();
    expect(log).toEqual(["a", "b"]);
    expect(flushes).toEqual([]);
  });

  test("writes together, in order, what comes while a flush is under way", async () => {
    const { write, log, flushed, flushes } = slowDisk();
    const answers = ["a", "b", "c", "d"].map((name) => write(name));
    expect([log, flushes.length]).toEqual([["a"], 1]);
    await flushed();
    expect([log, flushes.length]).toEqual([["a", "b", "c", "d"], 0]);
    expect(await Promise.all(answers)).toEqual(["a", "b", "c", "d"]);
  });

  test("under load waits for company, and stops waiting when none comes", async () => {
    const { write, log, flushed } = slowDisk();
    const answers = [write("a"), write("b"), write("c")];
    await flushed();
    answers.push(write("d"));
    expect(log).toEqual(["a", "b", "c"]);
    await flushed();
    expect(log).toEqual(["a", "b", "c", "d"]);
    answers.push(write("e"));
    expect(log).toEqual(["a", "b", "c", "d", "e"]);
    expect(await Promise.all(answers)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("one that throws fails alone", async () => {
    const { write, poison, flushed } = slowDisk();
    const answers = Promise.allSettled([write("a"), write("b"), poison(), write("c")]);
    await flushed();
    expect((await answers).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    const alone = Promise.allSettled([poison()]);
    await flushed();
    expect((await alone).map(({ status }) => status)).toEqual(["rejected"]);
    expect(await write("d")).toBe("d");
  });

  test("makes one transaction of several, tells no caller before it is made, and writes each alone if it fails", async () => {
    const { write, log, groups, fill, flushed } = slowDisk();
    const answers = ["a", "b", "c"].map((name) => write(name).then(() => groups.length));
    await flushed();
    expect([log, groups]).toEqual([["a", "b", "c"], [2]]);
    expect(await Promise.all(answers)).toEqual([0, 1, 1]);

    fill(true);
    const alone = ["d", "e", "f"].map((name) => write(name));
    await flushed();
    expect(await Promise.all(alone)).toEqual(["d", "e", "f"]);
    expect([log, groups]).toEqual([["a", "b", "c", "d", "e", "f"], [2]]);
    fill(false);
    const last = write("g");
    await flushed();
    expect(await last).toBe("g");
  });

  test("when a flush fails, every waiting caller is told, nothing of it is written, and no call hangs", async () => {
    const { write, log, broken, flushed } = slowDisk();
    const answers = Promise.allSettled([write("a"), write("b"), write("c")]);
    await broken();
    expect((await answers).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(log).toEqual(["a"]);
    const next = write("d");
    await flushed();
    expect(await next).toBe("d");
    const last = write("e");
    await flushed();
    expect(await last).toBe("e");
    expect(log).toEqual(["a", "d", "e"]);
  });
});
