/** What the owner is shown and asked: the account, the request behind a no, and the passphrase last of all. */

import { existsSync, readdirSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { PASSPHRASE, REASON, type Run, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("secret.txt", PASSPHRASE);
await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
const configure = (ownerFile: string, facilitatorUrl = facilitator.url) =>
  box.write("home/config.json", { facilitatorUrl, ownerFile: `../${ownerFile}`, agentFile: "../agent.json" });
beforeEach(() => {
  merchant.reset();
  facilitator.settlement = { status: "unused" };
  configure("owner.json");
});

let purchases = 0;
async function ask(): Promise<{ code: string; digest: string }> {
  const { json } = await box.run(["request", "create", `${merchant.url}?${purchases++}`, "--reason", REASON, "--inbox"]);
  return { code: json.data["shortCode"] as string, digest: json.data["requestDigest"] as string };
}
const approve = (digest: string, ...words: string[]) => box.run(["approve", digest, "--confirm", digest, ...words]);
const screenOf = (run: Run) => run.stderr.replaceAll(/\s+/g, " ");

describe("the screen", () => {
  test("has the balance, what is left of it, and what was approved today [screen-balance]", async () => {
    const first = await ask();
    expect(screenOf(await approve(first.digest))).toContain(
      "Balance 0.001 LGO, 0.00099 LGO after this Today you approved nothing before this",
    );
    const second = await ask();
    const screen = screenOf(await approve(second.digest, "--dry-run"));
    expect(screen).toContain("Balance 0.001 LGO, 0.00098 LGO after this and 1 approved before");
    expect(screen).toContain("Today you approved 0.00001 LGO before this, in 1 request");
    merchant.behaviour = { amount: "1000001" };
    const dear = screenOf(await approve((await ask()).digest, "--dry-run"));
    expect(dear).toContain("Balance 0.001 LGO, not enough for this and 1 approved before");
    expect(dear).toContain("! Your account holds less than this payment.");
  });

  test("has a line about a facilitator that cannot be reached, which refuses nothing", async () => {
    configure("owner.json", "http://127.0.0.1:1");
    const { digest } = await ask();
    const run = await approve(digest);
    expect(run.exit).toBe(EXIT.ok);
    expect(screenOf(run)).toContain("Balance not known: The facilitator at http://127.0.0.1:1 could not be reached");
  });
});

describe("a no", () => {
  test("is shown what it is about, before it is asked for [no-shows-request]", async () => {
    const { code, digest } = await ask();
    const answers = [
      ["Number or word:", "other"],
      ["A note for the agent", ""],
    ] as const;
    const shown = new RegExp(
      `PAYMENT REQUEST {2}${code}[^]*Pay +0.00001 LGO[^]*${merchant.origin}[^]*the comparison[^]*Number or word:`,
      "i",
    );
    await approve(digest);
    facilitator.settlement = { status: "cancelled" };
    expect((await box.run(["revoke", code], { answers })).stderr).toMatch(shown);
    expect((await box.run(["decline", code], { answers })).stderr).toMatch(shown);
  });
});

describe("the passphrase is not asked for", () => {
  beforeEach(() => void configure("sealed.json"));

  test("by an approval that was overtaken while the owner read [passphrase-last]", async () => {
    const { code } = await ask();
    const cancel = async () => {
      await box.run(["request", "cancel", code]);
      return "y";
    };
    const run = await box.run(["approve", code], { answers: [["Pay 0.00001 LGO to", cancel]] });
    expect([run.exit, run.json.error.code]).toEqual([EXIT.approvalExpired, "request_cancelled"]);
    expect(run.stderr).not.toContain("Passphrase");
  });

  test("by a refusal that was overtaken", async () => {
    const { code } = await ask();
    const cancel = async () => {
      await box.run(["request", "cancel", code]);
      return "";
    };
    const words = ["decline", code, "--owner-file", "./sealed.json", "--code", "other"];
    const run = await box.run(words, { answers: [["A note for the agent", cancel]] });
    expect([run.json.error.code, run.stderr.includes("Passphrase")]).toEqual(["request_cancelled", false]);
  });

  test("by a revocation that comes too late, or that no facilitator can take", async () => {
    const { code, digest } = await ask();
    await approve(digest, "--passphrase-file", box.path("secret.txt"));
    facilitator.settlement = { status: "settled" };
    const late = await box.run(["revoke", code], { answers: [] });
    expect([late.exit, late.json.error.code]).toEqual([EXIT.paymentRejected, "nonce_replayed"]);
    const gone = await box.run(["revoke", code, "--facilitator-url", "http://127.0.0.1:1"], { answers: [] });
    expect(gone.exit).toBe(EXIT.network);
  });
});

test("an approval that a fetch waits for leaves nothing to be run [approval-awaited]", async () => {
  const buying = box.run(["fetch", `${merchant.url}?waited`, "--reason", REASON, "--wait", "--timeout", "60"]);
  const marked = () => (existsSync(box.path("home/waiting")) ? readdirSync(box.path("home/waiting")) : []);
  while (marked().length === 0) await new Promise((done) => setTimeout(done, 20));
  const [digest = ""] = marked()[0]?.split(".") ?? [];
  const approved = await approve(digest);
  expect(approved.json.data["awaited"]).toBe(true);
  expect(approved.json.next).toBeUndefined();
  expect((await buying).exit).toBe(EXIT.ok);
  expect(marked()).toEqual([]);
  box.write(`home/waiting/${digest}.4194305`, ""); // of a process that was killed; no system gives out that id
  expect((await approve(digest)).json.data["awaited"]).toBeUndefined();
  const later = await ask();
  const alone = await approve(later.digest);
  expect(alone.json.data["awaited"]).toBeUndefined();
  expect(alone.json.next?.argv).toEqual(["lez-agent-pay", "pay", later.code]);
});
