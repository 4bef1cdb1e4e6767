/** Several requests with one question and one passphrase. */

import { existsSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_BATCH } from "../runtime/limits.ts";
import { PASSPHRASE, REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import type { Batch } from "./batch.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const { agent } = await people(box);
box.write("secret.txt", PASSPHRASE);
await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
await box.run("agent create --out ./other.json");
await box.run("doctor"); // makes the state directory
const configure = (config: object = {}) =>
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../sealed.json", agentFile: "../agent.json", ...config });
beforeEach(() => {
  merchant.reset();
  merchant.behaviour = { amount: priced };
  configure();
});

interface Asked {
  code: string;
  digest: Digest;
}
const priced = (path: string) => /amount=([0-9]+)/.exec(path)?.[1] ?? "10000";
let purchases = 0;
async function ask(amount = "10000", ...words: string[]): Promise<Asked> {
  const url = `${merchant.url}?amount=${amount}&n=${purchases++}`;
  const { json } = await box.run(["request", "create", url, "--reason", REASON, "--inbox", ...words]);
  return { code: json.data["shortCode"] as string, digest: json.data["requestDigest"] as Digest };
}
const stateOf = async ({ code }: Asked) => (await box.run(["request", "show", code])).json.data["state"] as string;
const statesOf = (all: readonly Asked[]) => Promise.all(all.map(stateOf));
const codes = (all: readonly Asked[]) => all.map(({ code }) => code);
const confirmed = (all: readonly Asked[]) => all.flatMap(({ digest }) => ["--confirm", digest]);
const secret = ["--passphrase-file", "./secret.txt"];

describe("on a terminal", () => {
  test("one screen, one question, one passphrase for all of them [batch-one-question]", async () => {
    const all = [await ask(), await ask(), await ask()];
    const run = await box.run(["approve", ...codes(all)], {
      answers: [
        ["Pay 0.00003 LGO for 3 requests?", "y"],
        ["Passphrase of", PASSPHRASE],
      ],
    });
    expect(run.json.data).toMatchObject({ sum: { amount: "30000" }, leftOut: [], spendable: { amount: "1000000" } });
    expect(await statesOf(all)).toEqual(["approved", "approved", "approved"]);
    for (const { code } of all) expect(run.stderr).toContain(`${code}  0.00001 LGO to 127.0.0.1`);
    expect(run.stderr.split(REASON)).toHaveLength(4);
    expect(run.stderr.split("Account")).toHaveLength(4);
    expect(run.stderr).toContain("0.001 LGO; 0.00097 LGO after");
    expect(run.stderr.split("Passphrase of")).toHaveLength(2);
    const { entries } = (await box.run("audit list")).json.data as { entries: { event: string; facts: Record<string, string> }[] };
    const approvals = entries.filter(
      ({ event, facts }) => event === "approved" && all.some(({ digest }) => digest === facts["requestDigest"]),
    );
    expect(approvals.map(({ facts }) => facts["how"])).toEqual(["batch", "batch", "batch"]);
  });

  test("a no signs nothing", async () => {
    const all = [await ask(), await ask()];
    const run = await box.run(["approve", ...codes(all)], { answers: [["for 2 requests?", "n"]] });
    expect([run.exit, run.json.error.code, await statesOf(all)]).toEqual([EXIT.approvalPending, "not_approved", ["pending", "pending"]]);
  });

  test("a sum above the threshold is typed, although each request alone is small [batch-typed-sum]", async () => {
    configure({ approvalThreshold: "15000" });
    const all = [await ask(), await ask()];
    const typed = (...texts: string[]) =>
      box.run(["approve", ...codes(all)], {
        answers: [...texts.map((text) => ["Type the sum", text] as const), ["Passphrase of", PASSPHRASE]],
      });
    expect((await typed("y", "0.00001", "yes")).json.error.code).toBe("not_approved");
    expect(await statesOf(all)).toEqual(["pending", "pending"]);
    expect((await typed("0.00003", "0.00002")).json.ok).toBe(true);
  });

  test("the same thing twice in one list is said [batch-twins]", async () => {
    const first = await ask();
    purchases--;
    const second = await ask();
    const run = await box.run(["approve", first.code, second.code, "--dry-run"]);
    expect(run.stderr.replaceAll(/\s+/g, " ")).toContain(`The same as ${first.code} in this list: it would be bought twice.`);
    expect(await statesOf([first, second])).toEqual(["pending", "pending"]);
  });
});

describe("a request that deserves more than a glance is left out, and stays open", () => {
  test("a large amount, terms that the host does not confirm, a body, a decided one, one that is none [batch-left-out]", async () => {
    configure({ approvalThreshold: "15000" });
    const plain = [await ask(), await ask("10001")] as const;
    const [large, body, declined] = [await ask("20000"), await ask("10000", "-d", "q"), await ask()];
    await box.run(["decline", declined.code, "--code", "other"]);
    merchant.behaviour = {
      amount: priced,
      // The second one is no longer offered by a 402.
      instead: (request, response) => /amount=10001/.test(request.url ?? "") && Boolean(response.writeHead(200).end("free")),
    };
    const words = [...codes(plain), large.code, body.code, declined.code, "0000-0000", plain[0].code];
    const run = await box.run(["approve", ...words, ...confirmed([plain[0]]), ...secret]);
    const { approvals, leftOut } = run.json.data as Batch;
    expect(approvals.map(({ shortCode }) => shortCode)).toEqual([plain[0].code]);
    expect(leftOut.map(({ request, code }) => [request, code])).toEqual([
      ["0000-0000", "request_not_found"],
      [plain[1].code, "typed_confirmation_required"],
      [large.code, "typed_confirmation_required"],
      [body.code, "typed_confirmation_required"],
      [declined.code, "declined"],
    ]);
    expect(await statesOf([plain[1], large, body])).toEqual(["pending", "pending", "pending"]);
    expect(run.stderr).toContain("Left out; they stay open:");
  });

  test("if nothing is left, nothing is asked", async () => {
    const gone = [await ask(), await ask()];
    for (const { code } of gone) await box.run(["request", "cancel", code]);
    const run = await box.run(["approve", ...codes(gone), ...confirmed(gone)]);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.approvalPending, "not_approved"]);
    expect(run.json.error.details?.["leftOut"]).toHaveLength(2);
  });
});

describe("all of one agent", () => {
  test("oldest first, up to a sum, and of no other agent [batch-all-from]", async () => {
    for (const { requestDigest } of (await box.run("inbox")).json.data["requests"] as { requestDigest: string }[])
      await box.run(["request", "cancel", requestDigest]);
    const [first, dear, last, other] = [await ask(), await ask("50000"), await ask(), await ask("10000", "--agent-file", "./other.json")];
    const run = await box.run(["approve", "--all-from", agent.publicKey, "--up-to", "25000", ...confirmed([first, last]), ...secret]);
    const { approvals, leftOut } = run.json.data as Batch;
    expect(approvals.map(({ shortCode }) => shortCode)).toEqual([first.code, last.code]);
    expect(leftOut).toEqual([expect.objectContaining({ request: dear.code, code: "above_sum" })]);
    expect(await statesOf([other, dear])).toEqual(["pending", "pending"]);
    const none = await box.run(["approve", "--all-from", "ab".repeat(32), "--up-to", "1"]);
    expect([none.exit, none.json.error.code]).toEqual([EXIT.notSetUp, "request_not_found"]);
    const blocked = await box
      .run(["inbox", "block", agent.publicKey])
      .then(() => box.run(["approve", "--all-from", dear.code, "--up-to", "50000"]));
    expect(blocked.json.error.details?.["leftOut"]).toEqual([expect.objectContaining({ code: "agent_blocked" })]);
    await box.run(["inbox", "allow", agent.publicKey]);
  });

  test.each([
    ["approve --all-from 7F3K-9QPD", "--up-to"],
    ["approve 7F3K-9QPD --up-to 5", "several requests"],
    ["approve 7F3K-9QPD 2MBX-40TC --out ./x.json", "--out"],
    ["approve 7F3K-9QPD --all-from 7F3K-9QPD --up-to 5", "not both"],
    [`approve ${Array.from({ length: MAX_BATCH + 1 }, (_, i) => `0000-${1000 + i}`).join(" ")}`, `At most ${MAX_BATCH}`],
  ])("%s is refused", async (words, said) => {
    const run = await box.run(words);
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([EXIT.usage, "usage", expect.stringContaining(said)]);
  });
});

describe("without a terminal", () => {
  test("every digest is required, and no other is taken [batch-every-digest]", async () => {
    const all = [await ask(), await ask()] as const;
    const words = ["approve", ...codes(all), ...secret];
    const none = await box.run(words);
    expect([none.exit, none.json.error.code]).toEqual([EXIT.approvalPending, "interaction_required"]);
    const one = await box.run([...words, ...confirmed([all[0]])]);
    expect(one.json.error).toMatchObject({ code: "request_differs", details: { missing: [all[1].digest], foreign: [] } });
    const foreign = await box.run([...words, ...confirmed(all), "--confirm", "ab".repeat(32)]);
    expect(foreign.json.error).toMatchObject({ code: "request_differs", details: { missing: [], foreign: ["ab".repeat(32)] } });
    expect(await statesOf(all)).toEqual(["pending", "pending"]);
    expect((await box.run([...words, ...confirmed(all)])).exit).toBe(EXIT.ok);
  });
});

describe("the account", () => {
  test("must hold the sum, and nothing is asked if it does not [batch-balance]", async () => {
    const all = [await ask("600000"), await ask("600000")];
    const run = await box.run(["approve", ...codes(all), ...confirmed(all), ...secret]);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.notSetUp, "balance_too_low"]);
    expect(run.json.error.details).toEqual({ sum: "1200000", spendable: "1000000" });
    expect(await statesOf(all)).toEqual(["pending", "pending"]);
  });

  test("is said to be unknown if the facilitator does not answer, and that refuses nothing", async () => {
    configure({ facilitatorUrl: "http://127.0.0.1:9" });
    const all = [await ask(), await ask()];
    const run = await box.run(["approve", ...codes(all), ...confirmed(all), ...secret]);
    expect(run.json.data["balanceProblem"]).toContain("could not be reached");
    expect(run.stderr.replaceAll(/\s+/g, " ")).toContain("not known: The facilitator at http://127.0.0.1:9 could not be reached");
    expect(await statesOf(all)).toEqual(["approved", "approved"]);
  });
});

test("one that is decided while the owner reads stops no other, and the result lists every one [batch-one-fails]", async () => {
  const all = [await ask(), await ask(), await ask()] as const;
  const cancel = async () => {
    await box.run(["request", "cancel", all[1].code]);
    return "y";
  };
  const run = await box.run(["approve", ...codes(all)], {
    answers: [
      ["for 3 requests?", cancel],
      ["Passphrase of", PASSPHRASE],
    ],
  });
  expect([run.exit, run.json.error.code]).toEqual([EXIT.approvalPending, "batch_incomplete"]);
  const { approvals, leftOut, sum } = run.json.error.details as unknown as Batch;
  expect(approvals.map(({ shortCode }) => shortCode)).toEqual([all[0].code, all[2].code]);
  expect(leftOut).toEqual([expect.objectContaining({ request: all[1].code, code: "request_cancelled" })]);
  expect([sum.amount, await statesOf(all)]).toEqual(["20000", ["approved", "cancelled", "approved"]]);
  expect(existsSync(box.path(`home/inbox/${all[1].digest}.payment.json`))).toBe(false);
});
