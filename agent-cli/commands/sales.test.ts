/** What a seller sees of its sales, over a journal that a ledger of four shards has written. */

import { readFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { csvRows } from "../../shared/text/csv.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { MARCH, type SalesWorld, salesWorld } from "../testing/sales-world.ts";

const box = sandbox();
const facilitator = await startFacilitator();
const DAY = 86_400;
/** Of the payments that are entries of their own. */
const transactions: string[] = [];
let world: SalesWorld;
let account: readonly string[];

beforeAll(async () => {
  world = await salesWorld();
  const { seller, buyers, ledger } = world;
  const [far = seller, near = seller] = buyers;
  for (const day of [0, 1, 1, 2]) transactions.push(world.pay(near, seller, 1000n + BigInt(day), MARCH + day * DAY));
  for (const value of [50n, 60n]) world.pay(far, seller, value, MARCH + 2 * DAY);
  await world.bring(MARCH + 2 * DAY);
  Object.assign(facilitator, { ledger, journals: { [seller]: world.shardFor(seller).journal(seller, 0, 100) } });
  account = ["--account", seller, "--facilitator-url", facilitator.url];
});

const run = (...words: string[]) => box.run(["sales", ...words, ...account]);

describe("sales list", () => {
  test("has the newest first, and says what it does not know", async () => {
    const { data } = (await run("list")).json;
    expect(data["sales"]).toMatchObject([
      { at: "2026-03-03T00:00:00Z", amount: { amount: "110" }, payments: 2, amountFrom: "sum", route: "route not recorded" },
      { amount: { amount: "1002" }, transaction: transactions[3], payer: world.buyers[1], delivery: "unknown", amountFrom: "ledger" },
      { amount: { amount: "1001" }, transaction: transactions[2] },
      { amount: { amount: "1001" } },
      { amount: { amount: "1000" }, refunded: { amount: "0" } },
    ]);
    expect((await run("list", "--limit", "2")).json.data).toMatchObject({ sales: [{ payments: 2 }, {}], more: 3 });
  });

  test("is limited to days, whose end counts, to times and to routes", async () => {
    const count = async (...words: string[]) => ((await run("list", ...words)).json.data["sales"] as unknown[]).length;
    expect(await count("--from", "2026-03-02", "--to", "2026-03-02")).toBe(2);
    expect(await count("--to", "2026-03-02")).toBe(3);
    expect(await count("--from", "2026-03-02T00:00:01Z")).toBe(2);
    expect(await count("--route", "/premium")).toBe(0);
    expect((await run("list", "--from", "yesterday")).json.error).toMatchObject({ code: "usage" });
  });
});

describe("sales summary", () => {
  test("has the same sums as the journal, per day and route, down to the balance [sales-summary]", async () => {
    const { data } = (await run("summary")).json;
    expect(data).toMatchObject({
      payments: 6,
      sold: { amount: "4114" },
      days: { lines: [{ name: "2026-03-03", payments: 3, sold: { amount: "1112" } }, { name: "2026-03-02" }, { name: "2026-03-01" }] },
      routes: { lines: [{ name: "route not recorded", payments: 6 }] },
      notRecorded: 6,
      statement: { opening: { amount: "0" }, movements: { sale: { payments: 6 } }, closing: { amount: "4114" } },
    });
  });

  test("draws bars on a terminal, within its width, without colour if asked [sales-plot]", async () => {
    const { stdout } = await box.run(["sales", "summary", ...account], { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toMatch(/^ {2}2026-03-03 {2}█{12}░{8} {2}0\.000001112 LGO in 3$/m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).not.toContain("\u001B[");
  });
});

describe("sales export", () => {
  test("is the file that sales reconcile finds nothing wrong with [sales-export]", async () => {
    const out = box.path("sales.csv");
    expect((await run("export", "--out", out)).json.data).toMatchObject({ sales: 6, sold: { amount: "4114" }, refunds: 0 });
    const rows = [...csvRows(readFileSync(out, "utf8"))].map((row) => row?.cells);
    expect(rows).toHaveLength(6);
    expect(rows[1]).toEqual([
      "sale",
      "2026-03-01T00:00:00Z",
      "route not recorded",
      "1000",
      "0.000001",
      "0",
      "unknown",
      world.buyers[1],
      transactions[0],
      "",
      "1",
      "ledger",
      "1",
    ]);
    expect((await run("export", "--out", out)).json.error.code).toBe("file_exists");
    const lines = box.path("sales.jsonl");
    await run("export", "--out", lines, "--format", "jsonl");
    expect(
      readFileSync(lines, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([{ kind: "sale" }, {}, {}, {}, { payments: 2 }]);
  });
});

describe("sales reconcile", () => {
  /** The batch's two payments have no amounts in the journal, so the seller names them. */
  const inBatch = () => world.shardFor(world.seller).journal(world.seller, 4, 1)[0]?.transactions ?? [];
  const orders = () => [...transactions.map((id, i) => [id, [1000, 1001, 1001, 1002][i]]), ...inBatch().map((id, i) => [id, [50, 60][i]])];
  const file = (rows: (string | number | undefined)[][]) => {
    const path = box.path("orders.csv");
    writeFileSync(path, ["order,payment_id,units", ...rows.map(([id, units], i) => `"No. ""${i}""",${id},${units}`)].join("\r\n"));
    return path;
  };

  test("proves that the journal leads to the balance, and that every order is a sale", async () => {
    expect((await run("reconcile")).json.data).toMatchObject({ statement: { closing: { amount: "4114" }, entries: 5 } });
    expect(await run("reconcile", file(orders()))).toMatchObject({ exit: 0, json: { data: { matched: 6 } } });
    const jsonl = box.path("orders.jsonl");
    writeFileSync(
      jsonl,
      orders()
        .map(([id, amount]) => JSON.stringify({ id, amount }))
        .join("\n"),
    );
    expect(await run("reconcile", jsonl)).toMatchObject({ exit: 0, json: { data: { matched: 6 } } });
  });

  test("names every line that is missing, extra or different, with an exit code of its own [sales-reconcile]", async () => {
    const [first = [], second = [], ...rest] = orders();
    const changed = [[first[0], 999], ...rest, [rest[0]?.[0], 1001], ["ff".repeat(32), 5]];
    const { exit, json, stderr } = await run("reconcile", file(changed));
    expect([exit, json.error.code]).toEqual([24, "orders_differ"]);
    expect(json.error.details).toMatchObject({
      matched: 4,
      differences: [
        { kind: "different", line: 2, id: first[0], ordered: "999", sold: "1000" },
        { kind: "missing", id: second[0], sold: "1001" },
        { kind: "extra", line: 7, id: rest[0]?.[0], ordered: "1001" },
        { kind: "extra", line: 8, id: "ff".repeat(32), ordered: "5" },
      ],
    });
    expect(stderr).toContain(`missing   not in the file, sold 0.000001001 LGO, ${second[0]}`);
  });

  test("compares a batch that is not itemised with the sum of its orders", async () => {
    const all = orders();
    const { exit, json } = await run("reconcile", file([...all.slice(0, 5), [all[5]?.[0], 61]]));
    expect(exit).toBe(24);
    expect(json.error.details?.["differences"]).toMatchObject([{ kind: "different", ordered: "111", sold: "110" }]);
  });

  test.each([
    ["no header that it knows", "a,b\n1,2\n", "line 1: the header names no id"],
    ["a row with a cell too many", "id,units\nx,1,2\n", "line 2: it has 3 cells, the header has 2"],
    ["a quote that never ends", 'id,units\n"x,1\n', "line 2: it is no row of a CSV"],
    ["an amount that is none", "id,LGO\nx,1e9\n", 'line 2: "1e9" is no amount'],
    ["a row without an id", "id,units\n,1\n", "line 2: it names no payment"],
    ["JSON that is none", '{"id":"x","amount":1}\n{"id"\n', "line 2: "],
  ])("refuses a file with %s", async (_what, content, problem) => {
    const path = box.path("bad.csv");
    writeFileSync(path, content);
    const { exit, json } = await run("reconcile", path);
    expect([exit, json.error.code]).toEqual([2, "invalid_file"]);
    expect(json.error.message).toContain(problem);
  });

  test("refuses a journal that does not add up", async () => {
    const { seller } = world;
    const whole = facilitator.journals[seller] ?? [];
    facilitator.journals[seller] = whole.map((entry) => (entry.seq === "2" ? { ...entry, at: "1" } : entry));
    expect(await run("reconcile")).toMatchObject({ exit: 23, json: { error: { code: "journal_differs" } } });
    facilitator.journals[seller] = whole;
  });
});
