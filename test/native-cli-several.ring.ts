/** Requests on the chain itself among those of the mock ledger: approved with others, decided as they come, declined. */

import { beforeAll, describe, expect, test } from "vitest";
import type { Batch } from "../agent-cli/approval/batch.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../agent-cli/testing/cli.ts";
import { startFacilitator } from "../agent-cli/testing/facilitator.ts";
import { linkIn, TestDeskServer } from "../agent-cli/testing/hosted-desk.ts";
import { startMerchant } from "../agent-cli/testing/merchant.ts";
import { nativeWorld, type NativeWorld } from "../agent-cli/testing/native-world.ts";
import { people } from "../agent-cli/testing/people.ts";
import { requestDigest, shortCode } from "../shared/protocol/payment-request.ts";
import { TestPasskey } from "./passkey.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
let world: NativeWorld;

beforeAll(async () => {
  box.write("secret.txt", `${PASSPHRASE}\n`);
  const made = await box.run("owner create --kind lez --passphrase-file ./secret.txt");
  await box.run("owner create --out ./sealed.json --passphrase-file ./secret.txt");
  world = await nativeWorld([{ account: String(made.json.data["account"]), lepta: 1_000_000_000n }]);
  const sequencers = { "lez:devnet": world.sequencer };
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../sealed.json", agentFile: "../agent.json", sequencers });
});

interface Asked {
  code: string;
  digest: string;
}

let purchases = 0;
async function ask(url: string): Promise<Asked> {
  const made = await box.run(["request", "create", `${url}?${purchases++}`, "--reason", REASON, "--inbox"]);
  expect(made.exit, made.stdout).toBe(EXIT.ok);
  const { shortCode: code, requestDigest: digest } = made.json.data as { shortCode: string; requestDigest: string };
  return { code, digest };
}
const onMock = () => ask(merchant.url);
const onChain = () => ask(world.url);
const stateOf = async ({ code }: Asked) => (await box.run(["request", "show", code])).json.data["state"] as string;
const SECRET = ["--passphrase-file", "./secret.txt"];
const WIDE = { env: { COLUMNS: "160" } };
const read = (...all: Asked[]) => [...all.map(({ code }) => code), ...all.flatMap(({ digest }) => ["--confirm", digest])];
/** Frees the nonce that it holds. */
const decline = ({ code }: Asked) => box.run(["decline", code, "--code", "not_needed"]);

describe("several at once", () => {
  test("those of the mock ledger with one question, then each of the chain's with its own screen [native-batch-alone]", async () => {
    const [chain, first, second] = [await onChain(), await onMock(), await onMock()];
    const run = await box.run(["approve", chain.code, first.code, second.code, ...SECRET], {
      ...WIDE,
      answers: [
        ["Pay 0.00002 LGO for 2 requests?", "y"],
        ["Pay 0.00001 LGO to", "y"],
      ],
    });
    expect(run.exit, run.screen).toBe(EXIT.ok);
    const batch = run.json.data as Batch;
    expect(batch).toMatchObject({ sum: { amount: "20000" }, leftOut: [], native: [{ shortCode: chain.code }] });
    expect(batch.approvals.map(({ shortCode }) => shortCode)).toEqual([first.code, second.code]);
    expect(run.stderr).toContain("NATIVE LEZ TRANSFER (TEST)");
    expect(run.stderr).toMatch(/Fee +at most/);
    expect(await Promise.all([chain, first, second].map(stateOf))).toEqual(["approved", "approved", "approved"]);
    await decline(chain);
  });

  test("of which one on the chain cannot be signed: the others are approved, and it says what to type [native-batch-stops-none]", async () => {
    const [first, busy, mock] = [await onChain(), await onChain(), await onMock()];
    const run = await box.run(["approve", ...read(busy, first, mock), ...SECRET], WIDE);
    expect(run.json.error).toMatchObject({ code: "batch_incomplete", details: { approvals: [{ shortCode: mock.code }] } });
    // An account pays one purchase at a time: the nonce went to the one that was named first.
    expect(run.json.error.details).toMatchObject({
      native: [{ shortCode: busy.code }],
      leftOut: [
        { request: first.code, code: "payer_busy", message: expect.stringContaining(`lez-agent-pay revoke ${busy.code}`) as string },
      ],
    });
    expect(run.json.error.message).toContain("1 approved, 0.00001 LGO in all, 1 approved on the chain itself; 1 could not be.");
    expect(await Promise.all([first, busy, mock].map(stateOf))).toEqual(["pending", "approved", "approved"]);
    await decline(busy);
  });

  test("up to a sum, which is one of the mock's money: what is on the chain is left out, with its command [native-batch-other-money]", async () => {
    const [chain, mock] = [await onChain(), await onMock()];
    const run = await box.run(["approve", "--all-from", mock.code, "--up-to", "100000", "--confirm", mock.digest, ...SECRET], WIDE);
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    const batch = run.json.data as Batch;
    expect(batch.approvals.map(({ shortCode }) => shortCode)).toEqual([mock.code]);
    const message = expect.stringContaining(`lez-agent-pay approve ${chain.code}`) as string;
    expect(batch.leftOut).toContainEqual({ request: chain.code, code: "other_money", message });
    const alone = await box.run(["approve", chain.code, (await onChain()).code, "--up-to", "5", ...SECRET], WIDE);
    expect(alone.json.error).toMatchObject({
      code: "not_approved",
      details: { leftOut: [{ code: "other_money" }, { code: "other_money" }] },
    });
  });

  test("of the chain alone need no key of the mock ledger, and a no leaves one open [native-batch-no-mock]", async () => {
    const [yes, no] = [await onChain(), await onChain()];
    const run = await box.run(["approve", no.code, yes.code, "--owner-file", "./home/lez-owner.json", ...SECRET], {
      ...WIDE,
      answers: [
        ["Pay 0.00001 LGO to", "n"],
        ["Pay 0.00001 LGO to", "y"],
      ],
    });
    expect(run.exit, run.screen).toBe(EXIT.ok);
    expect(run.json.data).toMatchObject({ approvals: [], native: [{ shortCode: yes.code }], leftOut: [{ code: "not_approved" }] });
    expect(run.json.data).not.toHaveProperty("from");
    expect(await stateOf(no)).toBe("pending");
    await decline(yes);
  });

  test("when the mock's cannot be signed, the chain's are still asked about [native-batch-mock-fails]", async () => {
    const [chain, mock] = [await onChain(), await onMock()];
    const run = await box.run(["approve", ...read(chain, mock), "--owner-file", "./nowhere.json", ...SECRET], WIDE);
    // The file that was named is for neither money, so each says so.
    expect(run.json.error.code).toBe("key_not_found");
    expect(run.json.error.details).toMatchObject({ leftOut: [{ request: chain.code, code: "key_not_found" }] });
    const half = await box.run(["approve", chain.code, mock.code, "--confirm", chain.digest, ...SECRET], WIDE);
    expect(half.json.error).toMatchObject({
      code: "batch_incomplete",
      details: { native: [{ shortCode: chain.code }], leftOut: [{ request: mock.code, code: "interaction_required" }] },
    });
    expect(await Promise.all([chain, mock].map(stateOf))).toEqual(["approved", "pending"]);
    await decline(chain);
  });
});

test("inbox --watch --unlock asks about one on the chain with its own screen and passphrase, and goes on [native-watch]", async () => {
  const waiting = await box.run("inbox");
  for (const { shortCode } of waiting.json.data["requests"] as { shortCode: string }[]) await decline({ code: shortCode, digest: "" });
  const chain = await onChain();
  const terminal = box.terminal(["inbox", "--watch", "--unlock", "10m"], { cols: 160 });
  await terminal.answer("Passphrase of", `${PASSPHRASE}\r`);
  await terminal.until("NATIVE LEZ TRANSFER (TEST)");
  await terminal.answer("Pay 0.00001 LGO to", "y");
  await terminal.answer("Passphrase of", `${PASSPHRASE}\r`);
  await terminal.until("Approved: 0.00001 LGO");
  const busy = await onChain();
  await terminal.until(`is given to request ${chain.code}`);
  await terminal.until("lez-agent-pay revoke");
  const mock = await onMock();
  await terminal.until(`PAYMENT REQUEST  ${mock.code}`);
  await terminal.answer("Pay 0.00001 LGO to 127.0.0.1", "y");
  await terminal.until("Approved: 0.00001 LGO");
  terminal.type("\u0003");
  expect(await terminal.exit).toBe(EXIT.interrupted);
  expect(await Promise.all([chain, busy, mock].map(stateOf))).toEqual(["approved", "pending", "approved"]);
  await decline(chain);
});

describe("a decline", () => {
  test("needs no key of the chain: it is unsigned, final, and reaches the agent [native-decline]", async () => {
    const asked = await onChain();
    const named = await box.run(["decline", asked.code, "--code", "not_needed", "--owner-file", "./home/lez-owner.json"]);
    expect(named.json.error).toMatchObject({ code: "wrong_role", hint: expect.stringContaining(`decline ${asked.code}`) as string });
    expect(await stateOf(asked)).toBe("pending");
    const said = await box.run(["decline", asked.code, "--code", "too_expensive"], { terminal: true });
    expect(said.stdout).toContain("no; a decline needs no key of the chain");
    const approved = await box.run(["approve", ...read(asked), ...SECRET]);
    expect(approved.json.error.code).toBe("declined");
    const waited = await box.run(["request", "wait", asked.code]);
    expect([waited.exit, waited.json.error.code]).toEqual([EXIT.declined, "declined"]);
  });

  test("that a key of the mock ledger signs names that key [native-decline-signed]", async () => {
    const asked = await onChain();
    const signed = await box.run(["decline", asked.code, "--code", "policy", "--owner-file", "./sealed.json", ...SECRET]);
    expect(signed.json.data).toMatchObject({ network: "lez:devnet", record: { signed: true } });
  });
});

describe("where the agent is paired with a hosted desk of a passkey's account", () => {
  let desk: TestDeskServer;
  const owner = () => new TestPasskey("localhost", "7a".repeat(32), desk.origin);
  beforeAll(async () => {
    desk = await TestDeskServer.start();
    box.write("home/config.json", { ...box.read<object>("home/config.json"), desk: desk.origin });
    let done = false;
    const heard = (said: string) => {
      if (done || !said.includes("#/pair/")) return;
      done = true;
      void desk.confirm(linkIn(said), owner());
    };
    expect((await box.run(["pair", "--owner", owner().account], { heard })).exit).toBe(EXIT.ok);
  });
  const buy = (...words: string[]) => box.run(["fetch", `${world.url}?${purchases++}`, "--reason", REASON, ...words]);

  test("the desk gets the request; the terminal signs it as any other, and the desk's question is taken back [native-desk-told]", async () => {
    const pending = await buy();
    expect(pending.json.error.details?.["desk"]).toMatchObject({ origin: desk.origin, sentAt: expect.any(String) as string });
    expect(pending.json.error.hint).toContain(`Shown at ${desk.origin}, it is signed at a terminal alone: lez-agent-pay approve`);
    const request = await desk.waiting();
    const asked = { code: shortCode(requestDigest(request)), digest: requestDigest(request) };
    // No other account could pay it, so a yes is enough: it says nothing of a second account.
    const run = await box.run(["approve", asked.code, ...SECRET], { ...WIDE, answers: [["Pay 0.00001 LGO to", "y"]] });
    expect(run.exit, run.screen).toBe(EXIT.ok);
    expect(run.stderr).not.toContain("ANOTHER ACCOUNT decides it");
    expect(desk.asked.get(asked.digest)?.answer.state).toBe("cancelled");
    await decline(asked);
  });

  test("a no at the desk reaches the agent that waits, and is final here [native-desk-declined]", async () => {
    let said = "";
    const running = box.run(["fetch", `${world.url}?${purchases++}`, "--reason", REASON, "--wait"], { heard: (all) => (said = all) });
    const request = await desk.waiting();
    await desk.decline(request);
    const run = await running;
    expect([run.exit, run.json.error.code]).toEqual([EXIT.declined, "declined"]);
    const code = shortCode(requestDigest(request));
    expect(said).toContain(`${code} is shown at ${desk.origin}; the owner signs it with lez-agent-pay approve ${code}`);
    expect((await box.run(["approve", ...read({ code, digest: requestDigest(request) }), ...SECRET])).json.error.code).toBe("declined");
  });

  test("an older desk that refuses it is said, and the inbox of this machine is the place [native-desk-older]", async () => {
    desk.instead = (_, response) => {
      const error = {
        code: "request_refused",
        message: "The desk does not show this request: the offer is not of a scheme that can be paid here.",
      };
      response.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify({ ok: false, error }));
      return true;
    };
    const pending = await buy();
    desk.instead = undefined;
    expect(pending.stderr.replaceAll(/\s+/g, " ")).toContain("The request waits in the inbox of this machine.");
    expect(pending.json.error).toMatchObject({
      code: "approval_pending",
      hint: expect.stringMatching(/^The owner runs: lez-agent-pay approve /) as string,
    });
  });
});
