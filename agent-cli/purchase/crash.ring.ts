/** `npm run crash`: kill -9 before each step that leaves a trace. The same command, run again, finishes the purchase, paid once. */

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { BIN, preload } from "../testing/built.ts";
import { REASON, type Run, sandbox } from "../testing/cli.ts";
import { KILL_AT } from "../testing/kill-at.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
await people(box);
beforeAll(async () => {
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
});
afterAll(async () => {
  const audit = await box.run("audit verify --offline");
  expect([audit.exit, audit.stdout]).toEqual([EXIT.ok, expect.any(String)]);
});

const words = (url: string) => ["fetch", url, "--reason", REASON];

/** Runs the executable and kills it before its n-th step. Resolves to false if it ended before that. */
function killedAt(n: number, url: string): Promise<boolean> {
  const argv = ["--import", preload("kill-at"), BIN, ...words(url)];
  const child = spawn(process.execPath, argv, { cwd: box.directory, stdio: "ignore", env: { ...box.env, [KILL_AT]: String(n) } });
  return new Promise((resolve) => child.on("exit", (_, signal) => resolve(signal === "SIGKILL")));
}

/** Kills before every step, three runs at a time, until one survives. Resolves to the last step that was killed. */
async function sweep(kill: (n: number) => Promise<boolean>): Promise<number> {
  let next = 1;
  let last = 0;
  const worker = async () => {
    for (let n = next; ; n = next) {
      next += 1;
      if (!(await kill(n))) return;
      last = Math.max(last, n);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  return last;
}

const presented = (url: string) => merchant.presented.filter((request) => merchant.origin + request.url === url);
const codeOf = (run: Run) => run.json.error.details?.["shortCode"] as string;

async function stateOf(url: string): Promise<string | undefined> {
  const { requests } = (await box.run("request list")).json.data as { requests: { url: string; state: string }[] };
  return requests.find((request) => request.url === url)?.state;
}

async function approved(url: string): Promise<void> {
  const code = codeOf(await box.run(words(url)));
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
}

test("while it asks the owner", async () => {
  const last = await sweep(async (n) => {
    const url = `${merchant.url}?asked=${n}`;
    const killed = await killedAt(n, url);
    await approved(url);
    const bought = await box.run(words(url));
    expect([n, bought.exit, presented(url).length]).toEqual([n, EXIT.ok, 1]);
    return killed;
  });
  expect(last).toBeGreaterThanOrEqual(6);
});

test("while it pays a merchant that keeps answers: the answer arrives every time, for one debit [crash-one-debit]", async () => {
  merchant.behaviour = { keeps: "required" };
  const fetched: number[] = [];
  const last = await sweep(async (n) => {
    const url = `${merchant.url}?kept=${n}`;
    await approved(url);
    const killed = await killedAt(n, url);
    const asked = presented(url).length;
    const again = await box.run(words(url));
    expect([n, again.exit, again.json.data?.["response"]?.body.text]).toEqual([n, EXIT.ok, CONTENT]);
    if (asked > 0 && presented(url).length > asked) fetched.push(n);
    const payments = new Set(presented(url).map(({ headers }) => headers["payment-signature"]));
    expect([n, payments.size, await stateOf(url)]).toEqual([n, 1, "paid"]);
    return killed;
  });
  // Even without a trace on this machine the answers can be fetched, for one debit each.
  rmSync(box.path("home/answers"), { recursive: true });
  expect((await box.run(words(`${merchant.url}?kept=1`))).json.data["response"].body.text).toBe(CONTENT);
  expect(last).toBeGreaterThanOrEqual(12);
  expect(fetched.length).toBeGreaterThan(0);
  expect(merchant.settled.size).toBe(new Set(merchant.presented.map(({ url }) => url)).size);
});

test("while it pays a merchant that keeps none: the answer, or the certainty that it is paid", async () => {
  merchant.reset();
  const ends = { answered: 0, paidBefore: 0 };
  const last = await sweep(async (n) => {
    const url = `${merchant.url}?paid=${n}`;
    await approved(url);
    const killed = await killedAt(n, url);
    // A payment that has left is in the payment journal, whenever the process died.
    if (presented(url).length > 0) expect([n, await stateOf(url)]).toEqual([n, expect.stringMatching(/^(sent|paid)$/)]);
    const again = await box.run(words(url));
    if (again.exit === EXIT.ok) {
      ends.answered++;
      expect(again.json.data["response"].body.text).toBe(CONTENT);
    } else {
      // Killed between the settlement and the first byte on disk: the answer is lost, the payment is not. With its head on disk the
      // empty body counts as a part.
      ends.paidBefore++;
      const { error } = again.json;
      expect([n, error.code, error.details?.["paidBefore"]]).toEqual([
        n,
        expect.stringMatching(/^(nonce_replayed|answer_incomplete)$/),
        true,
      ]);
    }
    const payments = new Set(presented(url).map(({ headers }) => headers["payment-signature"]));
    expect([n, payments.size]).toEqual([n, 1]);
    expect([n, await stateOf(url)]).toEqual([n, "paid"]);
    return killed;
  });
  expect(last).toBeGreaterThanOrEqual(12);
  expect(ends.paidBefore).toBeGreaterThan(0);
  expect(ends.answered).toBeGreaterThan(ends.paidBefore);
  expect(merchant.settled.size).toBe(new Set(merchant.presented.map(({ url }) => url)).size);
});
