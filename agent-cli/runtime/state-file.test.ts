/** The tool's records: their formats, those of version 0.1, and what is said of a file that another hand has changed. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";
import { EXIT } from "./exit-codes.ts";
import { readState, writeState } from "./state-file.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const OF_01 = path.join(import.meta.dirname, "../../test/vectors/state-0.1");

const FORMAT = {
  kind: "note",
  what: "note",
  schema: z.strictObject({ text: z.string(), more: z.strictObject({ n: z.number() }).optional() }),
};
const file = box.path("note.json");
const read = (content: string | Buffer) => {
  writeFileSync(file, content, { mode: 0o600 });
  const outcome = readState(file, FORMAT);
  return outcome.ok ? outcome.data : outcome;
};

describe("a state file", () => {
  test("names its format, and is read without it [state-format]", () => {
    writeState(file, FORMAT, { text: "a" });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ format: "lez-agent-pay/note/1", text: "a" });
    expect(readState(file, FORMAT)).toEqual({ ok: true, data: { text: "a" } });
  });

  test("of version 0.1 names none", () => {
    expect(read('{"text": "a"}')).toEqual({ text: "a" });
  });

  test("of a newer version is refused with a sentence, and nothing is to be removed [state-newer]", () => {
    expect(read('{"format": "lez-agent-pay/note/2", "text": "a", "colour": "red"}')).toMatchObject({
      intact: true,
      error: { message: `A newer lez-agent-pay wrote "${file}": the note has format 2, and this version reads 1.` },
    });
  });

  test.each([
    ["of another kind", '{"format": "lez-agent-pay/pin/1", "text": "a"}'],
    ["with a format that is none", '{"format": "note", "text": "a"}'],
    ["with a format that is no text", '{"format": 1, "text": "a"}'],
    ["that is none", "rubbish"],
    ["without what it must have", '{"format": "lez-agent-pay/note/1"}'],
  ])("%s is refused", (_, content) => {
    expect(read(content)).toMatchObject({ error: { code: "invalid_file" } });
    expect(read(content)).not.toHaveProperty("intact");
  });

  test.each([
    ["", '{\n  "text": "a",\n  "colour": "red"\n}', 3, "colour"],
    [" with a format", '{\n  "format": "lez-agent-pay/note/1",\n  "text": "a",\n\n  "colour": "red"\n}', 5, "colour"],
    [" inside", '{"text": "a",\n  "more": {\n    "n": 1, "m": 2}}', 3, "more.m"],
  ])("with an unknown member%s is said with its line, and what to do [state-unknown-member]", (_, content, line, member) => {
    expect(read(content)).toMatchObject({
      intact: true,
      error: {
        message: `"${file}", line ${line}: the note has an unknown member "${member}".`,
        hint: expect.stringContaining("If you added it, remove it") as string,
      },
    });
  });

  test.each([
    ["UTF-8", Buffer.from('\ufeff{"text": "a"}')],
    ["UTF-16", Buffer.from('\ufeff{"text": "a"}', "utf16le")],
  ])("with a byte order mark of %s is said so [state-bom]", (encoding, content) => {
    expect(read(content)).toMatchObject({
      intact: true,
      error: {
        message: `"${file}", line 1: the note begins with the byte order mark of ${encoding}.`,
        hint: "Save it as UTF-8 without a byte order mark.",
      },
    });
  });
});

test("the configuration says its unknown member with line and known names, and its byte order mark", async () => {
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", '{\n  "ledger": "' + "1e".repeat(32) + '",\n  "facilitator": "https://pay.example.com"\n}');
  const run = await box.run("whoami");
  expect(run.json.error.message).toContain('config.json", line 3: the configuration has an unknown member "facilitator".');
  expect(run.json.error.hint).toMatch(/^Correct its name, or remove it\. .*facilitatorUrl/);
  box.write("home/config.json", "\ufeff{}");
  expect((await box.run("whoami")).json.error.hint).toBe("Save it as UTF-8 without a byte order mark.");
});

test("a pin with a member too many is never to be forgotten for that [state-pin-intact]", async () => {
  const home = box.path("pinned");
  const env = { LEZ_AGENT_PAY_HOME: home };
  await people(box);
  const ask = () =>
    box.run(
      ["request", "create", merchant.url, "--reason", "For the comparison that you asked me for.", "--agent-file", box.path("agent.json")],
      { env },
    );
  expect((await ask()).exit).toBe(EXIT.ok);
  const [name = ""] = readdirSync(path.join(home, "pins"));
  const pin = path.join(home, "pins", name);
  const intact = readFileSync(pin, "utf8");
  for (const changed of [intact.replace("{", '{ "colour": "red",'), `\ufeff${intact}`, intact.replace("pin/1", "pin/2")]) {
    writeFileSync(pin, changed);
    const refused = await ask();
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.usage, "invalid_file"]);
    const listed = await box.run("pins list", { env });
    expect(`${refused.stdout}${listed.stdout}`).not.toMatch(/pins forget|rm /);
    expect(listed.json.data["unreadable"]).toMatchObject([{ fix: expect.stringMatching(/remove it|Save it|Update/) as string }]);
  }
});

describe("the state directory of version 0.1", () => {
  const home = box.path("home01");
  const env = { LEZ_AGENT_PAY_HOME: home };
  const run = (words: string | readonly string[]) => box.run(words, { env });
  const json = (name: string) => JSON.parse(readFileSync(path.join(home, name), "utf8")) as Record<string, unknown>;

  // A checkout keeps no modes.
  const copy = (folder: string) => {
    mkdirSync(path.join(home, folder), { recursive: true, mode: 0o700 });
    for (const entry of readdirSync(path.join(OF_01, folder), { withFileTypes: true })) {
      const name = path.join(folder, entry.name);
      if (entry.isDirectory()) copy(name);
      else writeFileSync(path.join(home, name), readFileSync(path.join(OF_01, name)), { mode: 0o600 });
    }
  };
  beforeEach(() => {
    rmSync(home, { recursive: true, force: true });
    copy("");
  });

  test("is read: requests, decisions, payments, answers, pins, log [state-of-0-1]", async () => {
    const list = (await run("request list")).json.data as { requests: { state: string; shortCode: string }[]; unreadable: string[] };
    expect(list.unreadable).toEqual([]);
    const states = list.requests.map(({ state }) => (state === "pending" ? "expired" : state)); // it was open for an hour
    expect(states.sort()).toEqual(["cancelled", "declined", "expired", "paid", "revoked", "sent"]);
    const paid = list.requests.find(({ state }) => state === "paid")?.shortCode ?? "";
    expect((await run(["fetch", "--resume", paid])).json.data).toMatchObject({
      kept: true,
      again: true,
      response: { body: { text: CONTENT } },
    });
    expect((await run("pins list")).json.data).toMatchObject({
      pins: [{ origin: expect.stringContaining("127.0.0.1") as string }],
      unreadable: [],
    });
    expect((await run("audit verify --offline")).json.data).toMatchObject({ signed: { count: 0 } });
    expect((await run("spending --days 3650")).json.data).toMatchObject({ payments: 1, agents: { lines: [{ name: "Research agent" }] } });
  });

  test("is brought to this version file by file, when each is written next [state-upgraded]", async () => {
    const [sent = ""] = readdirSync(path.join(OF_01, "payments")).filter((name) => json(`payments/${name}`)["state"] === "sent");
    expect(json(`payments/${sent}`)).not.toHaveProperty("format");
    const { entries } = (await run("audit list")).json.data as { entries: { event: string; facts: Record<string, string> }[] };
    const transaction = entries.findLast(({ event }) => event === "unknown")?.facts["transactionIfSettled"];
    facilitator.settlement = { status: "settled", transaction };
    expect((await run(["status", sent.replace(".json", ""), "--facilitator-url", facilitator.url])).json.data["conclusion"]).toBe("paid");
    expect(json(`payments/${sent}`)).toMatchObject({ format: "lez-agent-pay/payment/1", state: "settled", attempts: 1, transaction });
    expect((await run("request list --state paid")).json.data["requests"]).toHaveLength(2);
    const others = readdirSync(path.join(home, "payments")).filter((name) => name !== sent);
    for (const name of others) expect(json(`payments/${name}`)).not.toHaveProperty("format");
  });
});

test("every record that this version writes names its format", async () => {
  const { ask } = await people(box);
  box.write("home/config.json", { ownerFile: "../owner.json", agentFile: "../agent.json" });
  const first = await ask(`${merchant.url}?formats`, "formats.json");
  await approveAsRead(box, first.code);
  await box.run(["pay", first.code]);
  const second = await ask(`${merchant.url}?formats-2`, "formats-2.json");
  await box.run(["request", "cancel", second.code]);
  const kinds = { payments: "payment", decisions: "decision", pins: "pin", requests: "stored-request", answers: "answer" };
  for (const [folder, kind] of Object.entries(kinds)) {
    for (const name of readdirSync(box.path(`home/${folder}`)).filter((name) => name.endsWith(".json")))
      expect(box.read(`home/${folder}/${name}`)).toMatchObject({ format: `lez-agent-pay/${kind}/1` });
  }
  expect(box.read(`home/inbox/${second.digest}.cancelled.json`)).toMatchObject({ format: "lez-agent-pay/cancelled/1" });
});
