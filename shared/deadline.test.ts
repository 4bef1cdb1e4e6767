import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LATE, withDeadline } from "./deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Computes for so many microtasks. */
async function compute(turns: number): Promise<string> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  return "done";
}

test("sets no timer for work that is done in a moment, and says nothing of a wait", async () => {
  const onWait = vi.fn();
  const result = withDeadline(compute(8), 1, onWait);
  expect(await result).toBe("done");
  expect(onWait).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test("says when work takes longer, and clears its timer after it", async () => {
  const onWait = vi.fn();
  expect(await withDeadline(compute(100), 1, onWait)).toBe("done");
  expect(onWait).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

test("is late after the seconds, and passes a failure on, soon or later", async () => {
  const late = withDeadline(new Promise(() => undefined), 2);
  await vi.advanceTimersByTimeAsync(2000);
  expect(await late).toBe(LATE);
  const failing = async (turns: number) => {
    await compute(turns);
    throw new Error("broken");
  };
  await expect(withDeadline(failing(0), 1)).rejects.toThrow("broken");
  await expect(withDeadline(failing(100), 1)).rejects.toThrow("broken");
});
