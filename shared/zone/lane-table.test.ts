import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../test/simulation/random.ts";
import { type LaneRow, MONEY } from "./lane-row.ts";
import { type LaneEvent, statusOf, step } from "./lane-table.ts";
import { CELLS, type Cell, INCLUSION, NOW, PAYMENT, READ, ROWS, STATES, statesIn, worded } from "./testing/lane-table.ts";

const EVENTS: Record<LaneEvent["event"], true> = {
  settle: true,
  dispatch: true,
  answered: true,
  included: true,
  moved: true,
  scanned: true,
  orphaned: true,
  deep: true,
  finalized: true,
  evidence: true,
  tick: true,
  cancel: true,
  reset: true,
};

describe("the state table of a native payment", () => {
  test.each<Cell>(CELLS)("$name", ({ before, event, words: [effects, after] }) => {
    for (const row of before) {
      const done = step(row, event);
      expect(worded(done.effects), row.state).toBe(effects);
      if (after === "as it was") expect(done.row).toEqual(row);
      else if (after.startsWith("the same")) expect([done.row.state, done.row]).toEqual([row.state, expect.not.objectContaining(row)]);
      else expect(done.row.state).toBe(after);
    }
  });

  test("has a cell for every event in every state", () => {
    const pairs = Object.keys(EVENTS).flatMap((event) => STATES.map((state) => `${event}/${state}`));
    const played = new Set(CELLS.flatMap(({ event, before }) => before.map(({ state }) => `${event.event}/${state}`)));
    expect([...played].sort()).toEqual(pairs.sort());
    expect(new Set(CELLS.map(({ name }) => name)).size).toBe(CELLS.length);
  });

  test("is what spec/native-state-table.md says, cell by cell [native-table]", () => {
    const page = readFileSync("spec/native-state-table.md", "utf8");
    const rows = [...page.matchAll(/^\| `(\w+\/\S+\/\S+)` \| (.*) \| (.*) \|$/gm)].map(([, ...row]) => row.join(" | "));
    expect(rows).toEqual(CELLS.map(({ name, words }) => [name, ...words].join(" | ")));
  });

  test("plays each cell from the states that its name says", () => {
    for (const { name, before, event } of CELLS) {
      expect(name.startsWith(`${event.event}/`)).toBe(true);
      if (!name.includes("/others/")) expect(new Set(before.map(({ state }) => state)), name).toEqual(new Set(statesIn(name)));
    }
  });
});

describe("a payment's bytes", () => {
  test("are the same at each send [native-same-bytes]", () => {
    const first = step(ROWS.leased, { event: "dispatch", now: NOW });
    const again = step(first.row, { event: "tick", now: NOW + 30, blockSeconds: 50, read: READ });
    const bytes = { effect: "send", wire: PAYMENT.wire };
    expect([first.effects, again.effects]).toEqual([[bytes], [bytes]]);
    expect(again.row).toMatchObject({ attempts: { sent: 2, refused: 0, lastAt: NOW + 30 } });
  });

  test("leave only after the row that contains them is durable", () => {
    for (const { before, event } of CELLS) {
      for (const row of before) {
        const { row: after, effects } = step(row, event);
        if (effects.some(({ effect }) => effect === "send")) expect(after).toMatchObject({ state: "sending", payment: PAYMENT });
      }
    }
  });
});

describe("what is said about money", () => {
  test("is never more than the state knows [native-money]", () => {
    for (const { before, event } of CELLS) {
      for (const row of before) {
        const done = step(row, event);
        for (const effect of done.effects) {
          if (effect.effect !== "answer" || effect.answer.answer === "taken") continue;
          expect(MONEY[done.row.state]).toBe(effect.answer.money);
        }
      }
    }
  });

  test("names the id under which the payment was included", () => {
    const transaction = ROWS.displaced.by.transaction;
    const included = step(ROWS.sent, { event: "included", inclusion: { ...INCLUSION, transaction } }).row;
    const settled = step(included, { event: "deep", proof: "good", final: false, now: NOW }).row;
    expect(statusOf(settled, PAYMENT)).toEqual({ status: "settled", transaction });
  });

  test("is this, state by state", () => {
    const said = STATES.map((state) => statusOf(ROWS[state], { nonce: 7n, accountNonce: 7n }).status);
    expect(said).toEqual([
      "unused",
      "reserved",
      "reserved",
      "reserved",
      "reserved",
      "settled",
      "expired",
      "expired",
      "cancelled",
      "unknown",
    ]);
    expect(statusOf(ROWS.none, { nonce: 7n, accountNonce: 8n })).toEqual({ status: "unknown" });
    expect(statusOf(ROWS.none, { nonce: 7n })).toEqual({ status: "unknown" });
  });
});

test("whatever happens in whatever order, a receipt needs an inclusion, and only a reorganisation undoes it [native-walk]", () => {
  const random = new Random(1);
  for (let walk = 0; walk < 400; walk++) {
    let row: LaneRow = ROWS.none;
    for (let events = 0; events < 30; events++) {
      const { event } = random.pick(CELLS);
      const done = step(row, event);
      const [from, to] = [row.state, done.row.state];
      if (to === "settled" && from !== "settled") expect([from, event.event]).toEqual(["included", "deep"]);
      if (from === "settled" && to !== "settled" && to !== "none") expect([event.event, to]).toEqual(["orphaned", "included"]);
      if (to === "sending" && from !== "sending") expect(["dispatch", "tick"]).toContain(event.event);
      if (MONEY[from] === "never" && to !== "none") expect(to).toBe(from);
      if (MONEY[from] === "unknown" && MONEY[to] === "unmoved") expect(["answered", "orphaned"]).toContain(event.event);
      row = done.row;
    }
  }
});

test("a lease whose clock runs back ends", () => {
  expect(step(ROWS.leased, { event: "tick", now: NOW - 1, blockSeconds: 50 }).row).toEqual({ state: "none" });
});
