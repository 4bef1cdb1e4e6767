/** What a changed audit log is caught by: the owner's signatures under it, and the ledger's debits. */

import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { digest } from "../../shared/crypto/digest.ts";
import { createKeyFile, type KeyFile } from "../keys/key-file.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, type People, people } from "../testing/people.ts";
import type { AuditEntry } from "./audit-log.ts";

type Body = Omit<AuditEntry, "digest">;

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const log = box.path("home/audit.jsonl");
const anchors = box.path("home/anchors.jsonl");
let who: People;
let owner: KeyFile;

const verify = (...words: string[]) => box.run(["audit", "verify", "--offline", ...words]);
const lines = (file = log) => readFileSync(file, "utf8").trimEnd().split("\n");
const entries = () => lines().map((line) => JSON.parse(line) as AuditEntry);
const write = (file: string, content: readonly string[]) => writeFileSync(file, content.map((line) => `${line}\n`).join(""));

async function buy(query: string): Promise<void> {
  const { code } = await who.ask(`${merchant.url}?${query}`, `${query}.json`);
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  expect((await box.run(["pay", code])).exit).toBe(EXIT.ok);
}

/** Writes a log as a forger would who knows the format: every number, link and digest fits. */
function forge(bodies: readonly Body[]): void {
  let previous = "0".repeat(64) as Body["previous"];
  const forged = bodies.map(({ type, at, event, facts }, i) => {
    const linked = { type, at, event, facts, seq: String(i + 1), previous };
    previous = digest("AuditEntry", linked);
    return JSON.stringify({ ...linked, digest: previous });
  });
  write(log, forged);
}
const bodies = (): Body[] => entries();

beforeAll(async () => {
  who = await people(box);
  owner = who.owner;
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
  // requested, shown, approved, sent, settled; twice. Then requested, declined.
  await buy("one");
  await buy("two");
  const { code } = await who.ask(`${merchant.url}?three`, "three.json");
  expect((await box.run(["decline", code, "--code", "other", "--owner-file", "./owner.json"])).exit).toBe(EXIT.ok);
  copyFileSync(log, `${log}.good`);
  copyFileSync(anchors, `${anchors}.good`);
});

beforeEach(() => {
  copyFileSync(`${log}.good`, log);
  copyFileSync(`${anchors}.good`, anchors);
});

describe("the owner's signatures under the audit log", () => {
  test("are made at each decision, and cover all before it [audit-anchors]", async () => {
    const purchase = ["requested", "shown", "approved", "sent", "settled"];
    expect(entries().map(({ event }) => event)).toEqual([...purchase, ...purchase, "requested", "declined"]);
    const { data } = (await verify()).json;
    expect(data).toMatchObject({ entries: 12, signed: { count: 3, upTo: 12 }, notes: [] });
    const shown = await box.run("audit verify --offline", { terminal: true, env: { NO_COLOR: "1" } });
    expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain(`3 times, up to line 12; not anchored before ${data["signed"].since}`);
  });

  const without = (...dropped: number[]) => bodies().filter((_, i) => !dropped.includes(i + 1));
  const edited = (line: number) => bodies().map((body, i) => (i + 1 === line ? { ...body, facts: { ...body.facts, amount: "1" } } : body));
  test.each<[string, () => readonly Body[], string]>([
    ["cut out of it", () => without(6, 7, 8, 9, 10), "the log ends at line 7, and the owner signed line 8"],
    ["cut out before the first signature", () => without(1, 2), "line 3 is not the one that the owner signed"],
    ["edited", () => edited(5), "one of the lines 4 to 8 was edited, cut out or moved"],
    ["edited, in every line", () => bodies().map((_, i) => edited(i + 1)[i] as Body), "one of the lines 1 to 3 was edited"],
    ["reordered", () => bodies().toSpliced(3, 2, ...bodies().slice(3, 5).toReversed()), "one of the lines 4 to 8 was edited"],
    ["truncated", () => bodies().slice(0, 11), "the log ends at line 11, and the owner signed line 12"],
    [
      "written anew",
      () => [{ ...(bodies()[0] as Body), facts: { note: "nothing was bought" } }],
      "the log ends at line 1, and the owner signed line 3",
    ],
    [
      "written anew at the old length",
      () => bodies().map((body) => ({ ...body, event: "cancelled" as const })),
      "line 3 is not the one that the owner signed",
    ],
  ])("show a log that was %s, although its chain fits [audit-anchors-show]", async (_, change, problem) => {
    forge(change());
    rmSync(anchors);
    expect((await verify()).json.error?.message ?? "").not.toContain("does not follow"); // the chain itself fits
    copyFileSync(`${anchors}.good`, anchors);
    const run = await verify();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "audit_differs"]);
    expect(run.json.error.message).toContain(problem);
    expect(run.json.error.message).toMatch(/signed(?: line \d+)? at \d{4}-/);
  });

  test("that were removed are missed: an approval is signed before its payment is handed out", async () => {
    rmSync(anchors);
    const run = await verify();
    expect([run.exit, run.json.error.details?.["problems"]]).toEqual([
      EXIT.differs,
      [3, 8].map(
        (line) => `line ${line} approves a payment that was sent, and no signature of the owner covers it: signatures were removed`,
      ),
    ]);
  });

  test("of another key count for nothing", async () => {
    box.write("other.json", await createKeyFile("owner"));
    const run = await verify("--owner-file", "./other.json");
    expect(run.json.data).toMatchObject({
      signed: { count: 0, upTo: 0 },
      notes: [expect.stringContaining("3 signatures under the log are")],
    });
  });

  test("that were changed are not the owner's", async () => {
    write(anchors, lines(anchors).with(1, (lines(anchors)[1] ?? "").replace(/"count":"\d+"/, '"count":"9"')));
    expect((await verify()).json.error.message).toContain("line 2 of anchors.jsonl is not signed by the owner");
    write(anchors, lines(anchors).with(1, "{}"));
    expect((await verify()).json.error.message).toContain("line 2 of anchors.jsonl cannot be read");
  });

  test("may lack the last decision: a process killed between record and signature leaves a log that verifies [audit-anchors-crash]", async () => {
    const { code } = await who.ask(`${merchant.url}?killed`, "killed.json");
    expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
    for (const torn of ["", '{"version":"1","anch']) {
      writeFileSync(anchors, readFileSync(`${anchors}.good`, "utf8") + torn);
      expect((await verify()).json.data).toMatchObject({ signed: { count: 3, upTo: 12 }, entries: 15 });
    }
    expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok); // it was never handed out, so it is approved again
    expect((await verify()).json.data).toMatchObject({ signed: { count: 4, upTo: 17 } });
  });

  test("are not there in a log of 0.1, which is no error [audit-anchors-of-0-1]", async () => {
    rmSync(anchors);
    copyFileSync(path.join(import.meta.dirname, "../../test/vectors/audit-0.1/audit.jsonl"), log);
    expect((await verify()).json.data).toMatchObject({ entries: 9, signed: { count: 0, upTo: 0 } });
    expect((await box.run("audit verify --offline", { terminal: true })).stdout).toContain("not anchored");
    const { code } = await who.ask(`${merchant.url}?later`, "later.json");
    await approveAsRead(box, code);
    expect((await verify()).json.data).toMatchObject({ entries: 12, signed: { count: 1, upTo: 12 } });
  });

  test("hold for a damaged log that was set aside", async () => {
    appendFileSync(log, "rubbish\n");
    const restarted = await box.run("audit restart");
    expect((await verify()).json.data).toMatchObject({ entries: 1, signed: { count: 0 }, notes: [] });
    rmSync(restarted.json.data["aside"] as string); // its name is the second's, which the next test may need
  });

  test("over a line that a damaged log has lost are missed until the owner signs the next log, which names the old one", async () => {
    write(log, lines().with(11, "rubbish"));
    expect((await box.run("audit restart")).exit).toBe(EXIT.ok);
    expect((await verify()).json.error.message).toContain("the owner signed line 12");
    const { code } = await who.ask(`${merchant.url}?anew`, "anew.json");
    await approveAsRead(box, code);
    expect((await verify()).json.data).toMatchObject({ notes: [expect.stringContaining("the old one lacks 1 line")] });
  });
});

describe("the ledger's debits", () => {
  const settled = () => entries().filter(({ event }) => event === "settled");
  const asked = () => box.run("audit verify");

  beforeEach(() => {
    const hash = "0".repeat(64);
    const debits = settled().map(({ facts }, i) => ({
      account: owner.account,
      seq: String(i + 1),
      kind: "debit",
      counterparty: facts["payTo"],
      value: facts["amount"],
      balanceAfter: "1",
      transaction: facts["transaction"],
      at: "1760000060",
      prevHash: hash,
      hash,
    }));
    facilitator.journals = { [owner.account]: debits };
    facilitator.settlements = Object.fromEntries(
      settled().map(({ facts }) => [facts["nonce"], { status: "settled", transaction: facts["transaction"] }]),
    );
  });

  test("are all in the log", async () => {
    expect((await asked()).json.data).toMatchObject({ checked: 2, unchecked: 0, debits: 2 });
  });

  test("show a payment that was cut out, with its lines and every signature [audit-debits]", async () => {
    const { requestDigest, transaction: paid, payTo } = settled()[0]?.facts ?? {};
    forge(bodies().filter(({ facts }) => facts["requestDigest"] !== requestDigest));
    rmSync(anchors);
    const { message } = (await asked()).json.error;
    expect(message).toContain(`a debit that the log does not know: 0.00001 LGO to ${payTo} at 2025-10-09T08:54:20Z`);
    expect(message).toContain(`transaction ${paid} (entry 1 of ${owner.account})`);
  });

  test("of a whole log that was removed are reported for the owner's key", async () => {
    rmSync(log);
    rmSync(anchors);
    const { message } = (await asked()).json.error;
    expect(message.match(/a debit that the log does not know/g)).toHaveLength(2);
  });

  test("of a ledger that cannot be asked are not compared, and the answer says so", async () => {
    const run = await box.run("audit verify --facilitator-url http://127.0.0.1:1");
    expect(run.json.data).toMatchObject({ debits: 0, notAsked: expect.stringContaining("could not be reached") as string });
  });
});
