/** One payment is one `settled` in the audit log, however often its answer is asked for, and a second look says that it is one. */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
let number = 0;

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
});
beforeEach(() => merchant.reset());

async function approved(): Promise<string> {
  const asked = await box.run(["fetch", `${merchant.url}?${number++}`, "--reason", REASON]);
  const code = asked.json.error.details?.["shortCode"] as string;
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  return code;
}
async function bought(): Promise<string> {
  const code = await approved();
  const paid = await box.run(["pay", code]);
  expect([paid.exit, paid.json.data["again"]]).toEqual([EXIT.ok, undefined]);
  return code;
}
const digestOf = async (code: string) => (await box.run(["request", "show", code])).json.data["requestDigest"] as string;
async function eventsOf(code: string) {
  const digest = await digestOf(code);
  const { entries } = (await box.run("audit list --last 1000")).json.data as {
    entries: { event: string; facts: Record<string, string> }[];
  };
  return entries.filter(({ facts }) => facts["requestDigest"] === digest).slice(3); // after requested, shown, approved
}
const names = async (code: string) => (await eventsOf(code)).map(({ event }) => event);
const forgetAnswers = () => rmSync(box.path("home/answers"), { recursive: true, force: true });

describe("a payment that was settled", () => {
  test("is shown again from the saved answer, and says so [again-kept]", async () => {
    const code = await bought();
    for (const command of [
      ["pay", code],
      ["fetch", "--resume", code],
    ]) {
      const { data } = (await box.run(command)).json;
      expect(data).toMatchObject({ again: true, kept: true, paidAt: expect.stringMatching(/^\d{4}-/) as string });
      const shown = await box.run(command, { terminal: true });
      expect(shown.stdout).toContain(`Already paid at ${data["paidAt"]}; the saved answer; nothing more was paid.`);
    }
    expect(await names(code)).toEqual(["sent", "settled"]);
  });

  test("is settled once and answered again when the merchant gives its answer again [again-answered]", async () => {
    merchant.behaviour = { keeps: "offered" };
    const code = await bought();
    const { data: first } = (await box.run(["pay", code])).json;
    forgetAnswers();
    const { data } = (await box.run(["pay", code])).json;
    expect(data).toMatchObject({ again: true, kept: false, paidAt: first["paidAt"], response: { body: { text: CONTENT } } });
    forgetAnswers();
    expect((await box.run(["pay", code], { terminal: true })).stdout).toContain("the merchant answered again; nothing more was paid.");
    expect(await names(code)).toEqual(["sent", "settled", "sent", "answered_again", "sent", "answered_again"]);
  });

  test("is settled once and refused when the merchant refuses the copy [again-refused]", async () => {
    const code = await bought();
    forgetAnswers();
    const run = await box.run(["pay", code]);
    expect([run.exit, run.json.error.details]).toEqual([EXIT.paymentRejected, expect.objectContaining({ paidBefore: true })]);
    const events = await eventsOf(code);
    expect(events.map(({ event }) => event)).toEqual(["sent", "settled", "sent", "refused"]);
    expect(events.at(-1)?.facts["code"]).toBe("nonce_replayed");
  });

  test("is settled in the log by the next answer if a process died between journal and log", async () => {
    const code = await bought();
    const log = box.path("home/audit.jsonl");
    writeFileSync(log, readFileSync(log, "utf8").replace(/[^\n]+\n$/, "")); // the line was not written yet
    forgetAnswers();
    await box.run(["pay", code]);
    expect(await names(code)).toEqual(["sent", "sent", "settled"]);
  });
});

test("what the facilitator says is an entry once [again-told]", async () => {
  const code = await approved();
  merchant.behaviour = { loseAnswer: true };
  await box.run(["pay", code]);
  const sent = (await eventsOf(code))[0]?.facts ?? {};
  facilitator.settlements = { [sent["nonce"] ?? ""]: { status: "settled", transaction: sent["transactionIfSettled"] } };
  for (let i = 0; i < 2; i++) expect((await box.run(["status", code])).json.data["conclusion"]).toBe("paid");
  const events = await eventsOf(code);
  expect(events.map(({ event }) => event)).toEqual(["sent", "unknown", "settled"]);
  expect(events.at(-1)?.facts["transaction"]).toBe(sent["transactionIfSettled"]);
});
