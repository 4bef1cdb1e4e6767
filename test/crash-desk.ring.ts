/**
 * `npm run crash`: kill -9 before a step of a command that goes through the owner's desk, and the same command again. No request is lost or
 * asked twice, no payment is made twice, and nothing waits at the desk that is decided. `DESK_STRIDE=1` kills before every step.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { BIN, preload } from "../agent-cli/testing/built.ts";
import { REASON, sandbox } from "../agent-cli/testing/cli.ts";
import { linkIn, TestDeskServer } from "../agent-cli/testing/hosted-desk.ts";
import { KILL_AT } from "../agent-cli/testing/kill-at.ts";
import { CONTENT, startMerchant } from "../agent-cli/testing/merchant.ts";
import { OwnersDesk } from "../agent-cli/testing/owners-desk.ts";
import { people } from "../agent-cli/testing/people.ts";
import { recoveryFile } from "../shared/desk/recovery-file.ts";
import { type PaymentRequest, requestDigest, shortCode } from "../shared/protocol/payment-request.ts";
import { accountOfPolicy } from "../shared/protocol/policy.ts";
import { policyOf, TestPasskey } from "./passkey.ts";

/** Every third step, from a random one of the first three. */
const STRIDE = Number(process.env["DESK_STRIDE"] ?? 3);
const AT_ONCE = 3;

const box = sandbox();
const merchant = await startMerchant();
const desk = await TestDeskServer.start();
const owners = await OwnersDesk.start();
const { agent, ask, owner: sealed } = await people(box);
const owner = new TestPasskey("localhost", "7c".repeat(32), desk.origin);
const pairFile = box.path(`home/pairings/${agent.publicKey}.json`);
const PAIR = ["pair", "--owner", owner.account];

beforeAll(async () => {
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { agentFile: box.path("agent.json"), ownerFile: box.path("owner.json"), desk: desk.origin });
  merchant.behaviour = { keeps: "required" };
  // Pins the merchant: of two first purchases at once, one is told to run again.
  await box.run(fetching(`${merchant.url}?first`));
});
afterAll(async () => {
  expect((await box.run("audit verify --offline")).exit).toBe(EXIT.ok);
});

/** Runs the executable, and kills it before its n-th step. Resolves to false if it ended before that. */
function killedAt(n: number, words: readonly string[], heard: (said: string) => void = () => undefined): Promise<boolean> {
  const argv = ["--import", preload("kill-at"), BIN, ...words];
  const child = spawn(process.execPath, argv, {
    cwd: box.directory,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...box.env, [KILL_AT]: String(n) },
  });
  let said = "";
  child.stderr.on("data", (chunk) => heard((said += String(chunk))));
  return new Promise((resolve) => child.on("close", (_, signal) => resolve(signal === "SIGKILL")));
}

/** Kills before one step after another until one survives. @returns how many were killed */
async function sweep(atOnce: number, kill: (n: number) => Promise<boolean>): Promise<number> {
  let next = 1 + Math.floor(Math.random() * STRIDE);
  let killed = 0;
  const worker = async () => {
    for (;;) {
      const n = next;
      next += STRIDE;
      if (!(await kill(n))) return;
      killed++;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return killed;
}

/** That the command has so many steps at least. */
function expectSteps(killed: number, steps: number): void {
  expect(killed * STRIDE).toBeGreaterThan(steps - STRIDE);
}

const fetching = (url: string) => ["fetch", url, "--reason", REASON];
const askedFor = (url: string) => [...desk.asked.values()].filter(({ request }) => request.http.url === url);
const presented = (url: string) => merchant.presented.filter((request) => merchant.origin + request.url === url);
const payments = (url: string) => new Set(presented(url).map(({ headers }) => headers["payment-signature"])).size;

/** The one request for this address at the desk. */
function onlyAsk(url: string) {
  const [asked, ...more] = askedFor(url);
  if (!asked || more.length > 0) throw new Error(`${asked ? 1 + more.length : 0} requests for ${url}`);
  return { ...asked, digest: requestDigest(asked.request), code: shortCode(requestDigest(asked.request)) };
}

/** Confirms the link as soon as it is said, once. */
function confirming(): (said: string) => void {
  let done = false;
  return (said) => {
    if (done || !/#\/pair\/\S+\n/.test(said)) return;
    done = true;
    void desk.confirm(linkIn(said), owner);
  };
}
async function ensurePaired(): Promise<void> {
  if (!existsSync(pairFile)) await box.run(PAIR, { heard: confirming() });
  expect(existsSync(pairFile)).toBe(true);
}

test("while it is paired: it is paired in the end, once", async () => {
  const killed = await sweep(1, async (n) => {
    if (existsSync(pairFile)) await box.run("unpair");
    const died = await killedAt(n, PAIR, confirming());
    const again = existsSync(pairFile) ? undefined : await box.run(PAIR, { heard: confirming() });
    expect([n, again?.exit ?? EXIT.ok, existsSync(pairFile)]).toEqual([n, EXIT.ok, true]);
    expect((await box.run("whoami")).json.data["pairing"]).toMatchObject({ account: owner.account, desk: desk.origin });
    expect(desk.paired.has(`${owner.account} ${agent.publicKey}`)).toBe(true);
    return died;
  });
  expectSteps(killed, 2);
});

test("while it is unpaired: it is unpaired in the end, there and here", async () => {
  const killed = await sweep(1, async (n) => {
    await ensurePaired();
    const died = await killedAt(n, ["unpair"]);
    if (existsSync(pairFile)) expect((await box.run("unpair")).exit).toBe(EXIT.ok);
    expect([n, existsSync(pairFile), desk.paired.size]).toEqual([n, false, 0]);
    return died;
  });
  expectSteps(killed, 2);
  await ensurePaired();
});

test("while it asks at the desk: one request is there, and it is paid once [desk-crash-asks]", async () => {
  const killed = await sweep(AT_ONCE, async (n) => {
    const url = `${merchant.url}?asked=${n}`;
    const died = await killedAt(n, fetching(url));
    expect([n, (await box.run(fetching(url))).exit]).toEqual([n, EXIT.approvalPending]);
    const { request, digest } = onlyAsk(url);
    await desk.approve(request, owner);
    const bought = await box.run(fetching(url));
    expect([n, bought.exit, payments(url), desk.receipts.has(digest)]).toEqual([n, EXIT.ok, 1, true]);
    return died;
  });
  expectSteps(killed, 8);
});

test("while it takes the desk's approval, pays and hands in the receipt: for one debit [desk-crash-pays]", async () => {
  const killed = await sweep(AT_ONCE, async (n) => {
    const url = `${merchant.url}?approved=${n}`;
    await box.run(fetching(url));
    await desk.approve(onlyAsk(url).request, owner);
    const died = await killedAt(n, fetching(url));
    const again = await box.run(fetching(url));
    expect([n, again.exit, again.json.data?.["response"]?.body.text, payments(url)]).toEqual([n, EXIT.ok, CONTENT, 1]);
    expect([n, desk.receipts.get(onlyAsk(url).digest)?.transaction]).toEqual([n, again.json.data["receipt"]?.transaction]);
    return died;
  });
  expectSteps(killed, 14);
});

test("while the desk's refusal is taken: it is final", async () => {
  const killed = await sweep(AT_ONCE, async (n) => {
    const url = `${merchant.url}?declined=${n}`;
    await box.run(fetching(url));
    const { request, code } = onlyAsk(url);
    await desk.decline(request, owner);
    const died = await killedAt(n, ["fetch", "--resume", code]);
    const again = await box.run(["fetch", "--resume", code]);
    expect([n, again.exit, presented(url).length]).toEqual([n, EXIT.declined, 0]);
    return died;
  });
  expectSteps(killed, 4);
});

test("while it is approved here and paid: taken back at the desk, and paid once [desk-crash-takes-back]", async () => {
  const killed = await sweep(AT_ONCE, async (n) => {
    const url = `${merchant.url}?here=${n}`;
    await box.run(fetching(url));
    const { digest, code } = onlyAsk(url);
    const approve = ["approve", digest, "--confirm", digest];
    const died = await killedAt(n, approve);
    // A kill behind the approval leaves the question open until the next look.
    const state = (await box.run(["request", "show", code])).json.data["state"] as string;
    if (state === "pending") expect([n, (await box.run(approve)).exit]).toEqual([n, EXIT.ok]);
    const paying = await killedAt(n, ["pay", code]);
    const paid = await box.run(["pay", code]);
    expect([n, paid.exit, payments(url), onlyAsk(url).answer.state]).toEqual([n, EXIT.ok, 1, "cancelled"]);
    return died || paying;
  });
  expectSteps(killed, 8);
});

test("nothing that was decided waits at the desk", () => {
  expect([...desk.asked.values()].filter(({ answer }) => answer.state === "pending")).toEqual([]);
});

test("while a key at a terminal signs its part: one part is at the desk [desk-crash-part]", async () => {
  const policy = policyOf(2, owner, sealed);
  box.write("recovery.json", recoveryFile({ account: accountOfPolicy(policy), policy }));
  const killed = await sweep(1, async (n) => {
    const { digest } = await ask(`${merchant.url}?part=${n}`, "part.json");
    owners.forget();
    owners.request = box.read<PaymentRequest>("part.json");
    const sign = ["desk", "sign", digest, "--desk", owners.origin, "--recovery", "./recovery.json", "--confirm", digest];
    const died = await killedAt(n, box.argv(sign));
    const again = await box.run(sign);
    expect([n, again.exit, owners.partial?.proofs.length, owners.sent["partial"]?.length]).toEqual([n, EXIT.ok, 1, 1]);
    return died;
  });
  expectSteps(killed, 8);
});
