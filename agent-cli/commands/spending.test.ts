/** What was paid, once per payment: for the owner as bars, for accounts as a CSV. */

import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { digest } from "../../shared/crypto/digest.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { GENESIS, record } from "../records/audit-log.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const codes: string[] = [];
const host = new URL(merchant.url).host;

beforeAll(async () => {
  const { ask } = await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { ownerFile: "../owner.json", agentFile: "../agent.json" });
  for (const [i, amount] of ["10000", "30000"].entries()) {
    merchant.behaviour = { amount };
    const { code } = await ask(`${merchant.url}?${i}`, `${i}.json`);
    await approveAsRead(box, code);
    expect((await box.run(["pay", code])).exit).toBe(0);
    codes.push(code);
  }
});

describe("spending", () => {
  test("is summed per day, agent and merchant [spending-sums]", async () => {
    const { data } = (await box.run("spending")).json;
    const line = { payments: 2, paid: { amount: "40000", display: "0.00004 LGO" } };
    expect(data).toMatchObject({
      payments: 2,
      total: { amount: "40000" },
      days: { lines: [{ name: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string, ...line }], more: 0 },
      agents: { lines: [{ name: "Research agent", ...line }], more: 0 },
      merchants: { lines: [{ name: host, ...line }], more: 0 },
    });
  });

  test("has a bar per line, within the screen", async () => {
    const { stdout } = await box.run("spending", { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain("0.00004 LGO in 2 payments since ");
    expect(stdout).toMatch(new RegExp(`^ {2}${host} +█{20} {2}0\\.00004 LGO in 2$`, "m"));
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("counts the last days only", async () => {
    const home = box.path("years");
    mkdirSync(home, { mode: 0o700 });
    const facts = { url: "https://shop.example/", amount: "1", transaction: "1" };
    const at = `${new Date().getUTCFullYear() - 2}-01-01T00:00:00Z`;
    const entry = { type: "AuditEntry", seq: "1", at, event: "settled", facts, previous: GENESIS };
    writeFileSync(path.join(home, "audit.jsonl"), `${JSON.stringify({ ...entry, digest: digest("AuditEntry", entry) })}\n`);
    const run = (days: string) => box.run(["spending", "--days", days], { env: { LEZ_AGENT_PAY_HOME: home } });
    expect((await run("1")).json.data).toMatchObject({ payments: 0, days: { lines: [] } });
    expect((await run("3650")).json.data).toMatchObject({ payments: 1 });
    expect((await run("0")).json.error.code).toBe("usage");
  });

  test("sums the chain's money on its own, in the answer and in the accounts' CSV [spending-native]", async () => {
    const home = box.path("chains");
    mkdirSync(home, { mode: 0o700 });
    const env = { LEZ_AGENT_PAY_HOME: home };
    const context = contextFor({ ...processIo(), env }, [], true);
    const facts = { url: "https://shop.example/", amount: "10000" };
    await record(context, "settled", { ...facts, transaction: "1" });
    for (const transaction of ["2", "3"])
      await record(context, "settled", { ...facts, network: "lez:devnet", accountNonce: "0", maxFee: "26712", transaction });
    const ran = await box.run("spending", { env });
    expect(ran.json.data).toMatchObject({
      payments: 1,
      total: { amount: "10000" },
      merchants: { lines: [{ payments: 1, paid: { amount: "10000" } }] },
      chains: [{ network: "lez:devnet", payments: 2, paid: { amount: "20000" }, feesAtMost: { amount: "53424" } }],
    });
    const { stdout } = await box.run("spending", { env, terminal: true });
    expect(stdout).toContain("0.00002 LGO in 2 payments on lez:devnet itself");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    const exported = await box.run("audit export --out ./chains.csv --format payments", { env });
    expect(exported.json.data).toMatchObject({
      total: { amount: "10000" },
      chains: [{ network: "lez:devnet", total: { amount: "20000" } }],
    });
    const rows = readFileSync(box.path("chains.csv"), "utf8").trim().split("\n").slice(-2);
    expect(rows).toEqual([
      '"total","","","","10000","0.00001","","","","0","","","logos:lez-testnet",""',
      '"total","","","","20000","0.00002","","","","0","","","lez:devnet",""',
    ]);
  });

  test("says how many lines are left out, and shows a hostile name as text", async () => {
    const home = box.path("many");
    mkdirSync(home, { mode: 0o700 });
    const env = { LEZ_AGENT_PAY_HOME: home };
    const context = contextFor({ ...processIo(), env }, [], true);
    for (let i = 0; i < 103; i++) {
      const facts = {
        url: "https://shop.example/",
        amount: "1",
        agent: `agent \u202e${i}`,
        requestDigest: String(i),
        transaction: String(i),
      };
      await record(context, "settled", facts);
    }
    const { data } = (await box.run("spending", { env })).json;
    expect([data["payments"], data["agents"].lines.length, data["agents"].more]).toEqual([103, 100, 3]);
    const { stdout } = await box.run("spending", { env, terminal: true });
    expect(stdout).toContain("and 3 more, which are not shown");
    expect(stdout).not.toContain("\u202e");
  });
});

test("the accounts get one row per payment, and a total [audit-export-payments]", async () => {
  const { reason } = box.read<PaymentRequest>("0.json");
  // A log of 0.1 has `settled` again for each time that the answer was fetched.
  const settled = readFileSync(box.path("home/audit.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.includes('"event":"settled"'));
  appendFileSync(box.path("home/audit.jsonl"), `${settled[0]}\n`);
  const run = await box.run("audit export --out ./payments.csv --format payments");
  expect(run.json.data).toMatchObject({ entries: 2, total: { amount: "40000" } });
  const [head, first = "", second = "", total] = readFileSync(box.path("payments.csv"), "utf8").split("\n");
  expect(head).toBe(
    '"time","agent","merchant","reason","units","LGO","transaction","request","mandate","refunded_units","session","calls","network","most_fee_units"',
  );
  expect(first).toMatch(
    new RegExp(
      `^"[\\dTZ:-]{20}","Research agent","${host}","${reason}","10000","0.00001","[0-9a-f]{64}","${codes[0]}","","0","","","logos:lez-testnet",""$`,
    ),
  );
  expect(second).toContain(`"30000","0.00003",`);
  expect(total).toBe('"total","","","","40000","0.00004","","","","0","","","logos:lez-testnet",""');
});

test("what came back of a payment stands beside it: in spending, receipt show and the accounts' CSV [refund-shown]", async () => {
  const paid = (code: string) => box.run(["request", "show", code]).then(({ json }) => json.data["transaction"] as string);
  const [first = "", second = ""] = await Promise.all(codes.map(paid));
  const context = contextFor({ ...processIo(), env: box.env }, [], true);
  const note = (transaction: string, refundOf: string, amount: string) =>
    record(context, "refund_received", { transaction, refundOf, amount, at: "2026-01-31T12:00:00Z" });
  await note("a".repeat(64), first, "2500");
  await note("b".repeat(64), second, "30000");
  // The same refund once more, and one of a payment that this machine did not make.
  await note("b".repeat(64), second, "30000");
  await note("c".repeat(64), "d".repeat(64), "7");

  expect((await box.run("spending")).json.data).toMatchObject({ total: { amount: "40000" }, refunded: { amount: "32500" } });
  const shown = (words: string) => box.run(words, { terminal: true, env: { NO_COLOR: "1" } });
  expect((await shown("spending")).stdout).toContain("0.0000325 LGO of it was refunded, as far as status has asked");
  expect((await box.run(["receipt", "show", codes[0] ?? ""])).json.data["refunded"]).toMatchObject({ amount: "2500" });
  expect((await shown(`receipt show ${codes[1]}`)).stdout).toMatch(/refunded +0\.00003 LGO, as the payer's journal said/);
  expect((await box.run(["request", "show", codes[0] ?? ""])).json.data["refunded"]).toMatchObject({ amount: "2500" });
  expect((await shown(`request show ${codes[1]}`)).stdout).toMatch(/refunded +0\.00003 LGO, as the payer's journal said/);
  const { requests } = (await box.run("request list --state paid")).json.data as { requests: { refunded?: { amount: string } }[] };
  expect(new Set(requests.map(({ refunded }) => refunded?.amount))).toEqual(new Set(["2500", "30000"]));
  expect((await shown("request list --state paid")).stdout).toContain(", 0.0000025 LGO refunded");
  expect((await box.run(["pay", codes[0] ?? ""])).json.data).toMatchObject({ again: true, refunded: { amount: "2500" } });
  expect((await shown(`pay ${codes[0]}`)).stdout).toMatch(/refunded +0\.0000025 LGO, as the payer's journal said/);
  expect((await box.run("audit list")).json.data["refunded"]).toMatchObject({ [first]: { amount: "2500" }, [second]: { amount: "30000" } });
  const listed = (await shown("audit list")).stdout;
  expect(listed).toMatch(/settled +0\.00001 LGO, 0\.0000025 LGO refunded/);
  expect(listed).toMatch(new RegExp(`refund_received +0\\.0000025 LGO of ${first}`));
  await box.run("audit export --out ./refunded.csv --format payments");
  const rows = readFileSync(box.path("refunded.csv"), "utf8").trim().split("\n");
  expect(rows.slice(1).map((row) => row.split(",").at(-5))).toEqual(['"2500"', '"30000"', '"32500"']);
});
