/** The command line against the real stack: what the facilitator really says of purchases, revocations and the audit log. */

import { rmSync, writeFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { useStack } from "./stack.ts";

const world = useStack();
const box = sandbox();

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
});

const url = (query = "") => `${world.stack.merchant}/premium${query}`;
async function asked(query: string): Promise<string> {
  const run = await box.run(["fetch", url(query), "--reason", REASON]);
  expect(run.exit).toBe(EXIT.approvalPending);
  return run.json.error.details?.["shortCode"] as string;
}
const approve = (code: string, ...words: string[]) => approveAsRead(box, code, ...words);

test("doctor finds everything in place", async () => {
  expect((await box.run("doctor")).exit).toBe(EXIT.ok);
});

test("a purchase is paid, and everybody says so: status, audit log, ledger", async () => {
  const code = await asked("?paid");
  expect((await approve(code, "--check-terms")).exit).toBe(EXIT.ok);
  expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "open", said: "unused" });
  const bought = await box.run(["fetch", "--resume", code]);
  expect([bought.exit, bought.json.data["response"].status]).toEqual([EXIT.ok, 200]);
  const { transaction } = bought.json.data["receipt"] as { transaction: string };
  expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "paid", transaction });
  expect((await box.run("audit verify")).json.data).toMatchObject({ checked: 1, unchecked: 0, debits: 1, signed: { count: 1, upTo: 3 } });
});

/** The names of the events that the Workers logged under a trace. */
const eventsUnder = (trace: string) => world.logs.filter(({ traceId }) => traceId === trace).map(({ event }) => event);

test("a purchase has one trace: buyer, merchant, facilitator and ledger name the same [trace-quoted]", async () => {
  const code = await asked("?traced");
  expect((await approve(code, "--out", "./traced.json")).exit).toBe(EXIT.ok);
  const bought = await box.run(["fetch", "--resume", code]);
  const { trace } = bought.json.data as { trace: string };
  expect(trace).toMatch(/^[0-9a-f]{32}$/);
  await expect.poll(() => eventsUnder(trace)).toEqual(["payment.delivered"]);
  expect([bought.json.meta.trace, bought.json.data["response"].headers["x-trace-id"]]).toEqual([trace, [trace]]);

  // Every later look at the purchase names it, and a refused copy is found under it in all three Workers.
  for (const command of ["status", "receipt show", "request show", "fetch --resume"]) {
    expect((await box.run([...command.split(" "), code])).json.data, command).toMatchObject({ trace });
  }
  const copy = await box.run(["http", "get", "--url", url("?traced"), "--payload", "./traced.json"]);
  expect(copy.json.meta.trace).toBe(trace);
  await expect.poll(() => eventsUnder(trace)).toEqual(expect.arrayContaining(["payment.refused", "facilitator.reserve", "ledger.reserve"]));
});

test("a revoked approval buys nothing, is known to be unpaid, and stays so", async () => {
  const code = await asked("?revoked");
  await approve(code, "--out", "./payment.json");
  const revoked = await box.run(["revoke", code, "--code", "other"]);
  expect([revoked.exit, revoked.json.data["ledger"]]).toEqual([EXIT.ok, world.stack.ledger]);
  expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "not_paid", said: "cancelled" });
  const presented = await box.run("pay ./payment.json");
  expect([presented.exit, presented.json.error.code]).toEqual([EXIT.paymentRejected, "payment_revoked"]);
  expect((await box.run("audit verify")).json.data).toMatchObject({ unchecked: 0 });
});

test("what is paid cannot be revoked", async () => {
  const code = await asked("?too-late");
  await approve(code);
  await box.run(["pay", code]);
  const late = await box.run(["revoke", code, "--code", "other"]);
  expect([late.exit, late.json.error.code]).toEqual([EXIT.paymentRejected, "nonce_replayed"]);
});

test("a payment that was cut out of the audit log is found at the ledger [audit-debits-stack]", async () => {
  const before = await box.run("audit verify");
  expect([before.exit, before.json.data["debits"]]).toEqual([EXIT.ok, 3]);
  rmSync(box.path("home/anchors.jsonl"));
  writeFileSync(box.path("home/audit.jsonl"), "");
  const cut = await box.run("audit verify");
  expect([cut.exit, cut.json.error.message.match(/a debit that the log does not know/g)]).toEqual([
    EXIT.differs,
    [expect.anything(), expect.anything(), expect.anything()],
  ]);
});
