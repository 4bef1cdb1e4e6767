import { expect, test, vi } from "vitest";
import { isTraceId, logEvent, newTraceId } from "./log.ts";

test("an event is one line of JSON with its name first", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  logEvent("payment.delivered", { traceId: "ab".repeat(16), line: "a\nb", ms: 3, absent: undefined });
  expect(log.mock.calls).toEqual([[`{"event":"payment.delivered","traceId":"${"ab".repeat(16)}","line":"a\\nb","ms":3}`]]);
  log.mockRestore();
});

test("a new trace id is a trace id, and another one each time", () => {
  expect([newTraceId(), newTraceId()].every(isTraceId)).toBe(true);
  expect(newTraceId()).not.toBe(newTraceId());
});

test("nothing else from outside is", () => {
  const id = "ab".repeat(16);
  expect(["", id.toUpperCase(), `${id}0`, `${id}\n`, id.slice(1), null, 5, [id]].filter(isTraceId)).toEqual([]);
});
