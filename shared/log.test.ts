import { expect, test, vi } from "vitest";
import { isTraceId, logEvent, newTraceId, traceIdFrom } from "./log.ts";

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

test("a caller's trace is its X-Trace-Id, else that of its W3C trace context, else a new one [trace-w3c]", () => {
  const [own, theirs] = ["ab".repeat(16), "4bf92f3577b34da6a3ce929d0e0e4736"];
  const parent = (id: string) => `00-${id}-00f067aa0ba902b7-01`;
  expect(traceIdFrom(own, parent(theirs))).toBe(own);
  expect(traceIdFrom("drop", parent(theirs))).toBe(theirs);
  expect(traceIdFrom(undefined, `${parent(theirs)}-more`)).toBe(theirs); // of a later version
  for (const wrong of ["", theirs, parent("0".repeat(32)), parent(theirs.toUpperCase()), `00-${theirs}-01`, ` ${parent(theirs)}`]) {
    const made = traceIdFrom(undefined, wrong);
    expect([isTraceId(made), made === theirs]).toEqual([true, false]);
  }
});
