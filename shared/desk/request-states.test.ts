/** The table of spec/desk.md, cell by cell. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ASKED_STATES, type AskedState, REQUEST_EVENTS, type RequestEvent, stateAt, stepOf } from "./request-states.ts";

const X = "request_not_found";
const D = "decided_meanwhile";
const O = "request_expired";

/** By state: what each event does. A name of a state: it goes there. `-`: nothing. Else the refusal. */
const CELLS: Record<AskedState, Record<RequestEvent, string>> = {
  none: row("pending", X, X, X, X, X, X, "-"),
  pending: row("-", "approved", "approved", "-", "declined", "request_differs", "cancelled", "expired"),
  approved: row("-", D, "-", D, D, "revoked", "-", "-"),
  declined: row("-", D, D, D, "-", D, "-", "-"),
  revoked: row("-", D, D, D, D, "-", "-", "-"),
  cancelled: row("-", D, D, D, D, D, "-", "-"),
  expired: row("-", O, O, O, O, O, "-", "-"),
};

function row(...cells: string[]) {
  return Object.fromEntries(REQUEST_EVENTS.map((event, i) => [event, cells[i] ?? ""])) as Record<RequestEvent, string>;
}

function cellOf(state: AskedState, event: RequestEvent): string {
  const step = stepOf(state, event);
  if (step === "stay") return "-";
  return typeof step === "string" ? step : step.go;
}

describe.each(ASKED_STATES)("a request that is %s", (state) => {
  test.each(REQUEST_EVENTS)("%s", (event) => expect(cellOf(state, event)).toBe(CELLS[state][event]));
});

test("no decision is undone but an approval by its owner's revocation [desk-states-final]", () => {
  const moves = ASKED_STATES.flatMap((from) => REQUEST_EVENTS.map((event) => [from, cellOf(from, event)] as const));
  const out = moves.filter(([from, to]) => !["none", "pending"].includes(from) && (ASKED_STATES as readonly string[]).includes(to));
  expect(out).toEqual([["approved", "revoked"]]);
});

test("a request ends with its last second, whether or not an alarm rang", () => {
  expect([stateAt("pending", 100, 100), stateAt("pending", 100, 101), stateAt("approved", 100, 101)]).toEqual([
    "pending",
    "expired",
    "approved",
  ]);
});

test("the table of spec/desk.md says the same [desk-states-page]", () => {
  const page = readFileSync(join(import.meta.dirname, "../../spec/desk.md"), "utf8");
  const codes: Record<string, string> = { N: X, D, E: O, R: "request_differs" };
  const rows = [...page.matchAll(/^\| (\w+) \|(.*)\|$/gm)].map(([, state = "", cells = ""]) => {
    const steps = cells.split("|").map((cell) => codes[cell.trim()] ?? cell.trim());
    return [state, Object.fromEntries(REQUEST_EVENTS.map((event, i) => [event, steps[i]]))];
  });
  expect(Object.fromEntries(rows.filter(([state]) => state !== "state"))).toEqual(CELLS);
});
