/** The trace that a buyer quotes: this tool's own, one for all presentations of a payment, and never a server's word. */

import { beforeEach, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, type Run, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
beforeEach(() => merchant.reset());

const THEIRS = "f".repeat(32);
const sent = () => merchant.presented.map(({ headers }) => headers["x-trace-id"]);

async function approved(query: string): Promise<string> {
  const asked = await box.run(["fetch", `${merchant.url}?${query}`, "--reason", REASON]);
  const code = asked.json.error.details?.["shortCode"] as string;
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  return code;
}

test("a payment that is presented again has the trace of its first time [trace-one-payment]", async () => {
  const code = await approved("again");
  merchant.behaviour = { loseAnswer: true };
  const lost = await box.run(["pay", code]);
  const trace = lost.json.meta.trace;
  expect([lost.exit, trace]).toEqual([EXIT.outcomeUnknown, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  merchant.behaviour = { redelivers: true };
  const paid = await box.run(["pay", code]);
  expect([paid.json.data["trace"], paid.json.meta.trace]).toEqual([trace, trace]);
  expect(sent()).toEqual([trace, trace]);
});

test("another purchase has another trace", async () => {
  const [one, two] = [await approved("one"), await approved("two")];
  const runs: Run[] = [await box.run(["pay", one]), await box.run(["pay", two])];
  expect(new Set(runs.map(({ json }) => json.meta.trace)).size).toBe(2);
});

test("a trace that the merchant names is not taken for the payment's", async () => {
  const code = await approved("theirs");
  merchant.behaviour = {
    deliver: (_, response, headers) => void response.writeHead(200, { ...headers, "x-trace-id": THEIRS }).end("goods"),
  };
  const paid = await box.run(["pay", code]);
  expect([paid.json.data["trace"], paid.json.meta.trace]).toEqual([sent()[0], sent()[0]]);
  expect(sent()).not.toContain(THEIRS);
});

test("a refusal shows it to people", async () => {
  const code = await approved("refused");
  merchant.behaviour = { offer: { maxTimeoutSeconds: 1, payTo: "11111111111111111111111111111111" } };
  const refused = await box.run(["pay", code], { terminal: true, env: { NO_COLOR: "1" } });
  expect(refused.exit).toBe(EXIT.paymentRejected);
  expect(refused.stderr).toMatch(new RegExp(String.raw`trace +${sent()[0]}\n`));
});

test("a run that asks no server has none", async () => {
  expect((await box.run("request list")).json.meta.trace).toBeUndefined();
});

test("it cannot be set by -H", async () => {
  const run = await box.run(["quote", merchant.url, "-H", `X-Trace-Id: ${THEIRS}`]);
  expect([run.exit, run.json.error.message]).toEqual([EXIT.usage, "-H X-Trace-Id is set by lez-agent-pay itself."]);
});
