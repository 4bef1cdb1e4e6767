/** What buyer, owner and a third party can see of a call that a session paid, over the real stack: before its claim and after it. */

import { copyFileSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { REASON, type Run, type Sandbox, sandbox } from "../../agent-cli/testing/cli.ts";
import { people } from "../../agent-cli/testing/people.ts";
import { DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import type { CallEvidence } from "../../shared/evidence/call-evidence.ts";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import { useStack } from "./stack.ts";

const CHECKPOINT_KEY = "0d".repeat(32);
const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY }, "lez-ledger-do": { CHECKPOINT_KEY } } });
/** The agent's machine, and the owner's. */
const [here, there] = [sandbox(), sandbox()];

async function moveIn(box: Sandbox): Promise<void> {
  await people(box);
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
}

const quoted = (of: string, ...words: string[]) => here.run(["fetch", `${world.stack.merchant}/quote?of=${of}`, ...words]);
const sessionOf = ({ json }: Run) => json.data["session"] as { session: string; shortCode: string; commitment: string };
const passes = (run: Run) => expect(run.exit, run.stdout + run.stderr).toBe(EXIT.ok);

/** The public keys that a stranger can look up, and whom it has to know anyway. */
async function publicKeys(): Promise<object> {
  const { checkpointKey } = (await (await fetch(`${world.stack.facilitator}/health`)).json()) as { checkpointKey: string };
  return {
    ledgers: { [world.stack.ledger]: [checkpointKey] },
    owners: [there.read<{ account: string }>("owner.json").account],
    agents: [here.read<{ publicKey: string }>("agent.json").publicKey],
  };
}

beforeAll(async () => {
  await moveIn(here);
  await moveIn(there);
  passes(await there.run("faucet"));
  // The agent's machine has no key of the owner's: it pays by what comes back from the other one.
  const { facilitator, ledger } = world.stack;
  here.write("home/config.json", { facilitatorUrl: facilitator, ledger, agentFile: "../agent.json" });
});

describe("a session that an owner approves on another machine", () => {
  let first: Run;

  test("is opened by the agent that imports the decision [two-machines-session]", async () => {
    const asked = await quoted("A", "--session", "5000", "--reason", REASON);
    expect(asked.exit, asked.stdout).toBe(EXIT.approvalPending);
    const code = asked.json.error.details?.["shortCode"] as string;
    passes(await here.run(["request", "export", code, "--out", "./request.json"]));
    copyFileSync(here.path("request.json"), there.path("request.json"));
    const { request } = there.read<{ request: Parameters<typeof requestDigest>[0] }>("request.json");
    const words = ["--confirm", requestDigest(request), "--request-file", "./request.json", "--out", "./decision.json"];
    passes(await there.run(["approve", ...words]));
    copyFileSync(there.path("decision.json"), here.path("decision.json"));
    const imported = await here.run("decision import ./decision.json");
    passes(imported);
    expect(imported.json.data).toMatchObject({ shortCode: code, decision: "approved" });
    expect((await here.run("decision import ./decision.json")).json.data).toMatchObject({ already: true });
    first = await here.run(["fetch", "--resume", code]);
    passes(first);
    expect(sessionOf(first)).toBeDefined();
    // The request's code names the session's first call.
    expect((await here.run(["status", code])).json.data).toMatchObject({ conclusion: "served", session: { serial: "1", lane: "0" } });
  });

  test("is set aside on the owner's account, and shown there [accounts-set-aside]", async () => {
    const { balance, held } = (await there.run("balance")).json.data as Record<string, { amount: string }>;
    expect([balance?.amount, held?.amount]).toEqual(["1000000", "5000"]);
    const accounts = (await there.run("accounts")).json.data["accounts"] as { balance: { held: object; spendable: object } }[];
    expect(accounts).toMatchObject([{ balance: { held: { amount: "5000" }, spendable: { amount: "995000" } } }]);
    expect((await there.run("balance", { terminal: true })).stdout).toMatch(/held.*0\.000005/);
    expect((await there.run("accounts", { terminal: true })).stdout).toMatch(/set aside.*0\.000005/);
  });

  test("before the claim a call is served and promised, and nothing has moved [session-call-served]", async () => {
    const called = await quoted("B");
    passes(called);
    const { commitment } = sessionOf(called);
    const asked = await here.run(["status", commitment]);
    passes(asked);
    expect(asked.json.data).toMatchObject({ conclusion: "served", said: "open", session: { commitment, claimed: { amount: "0" } } });
    expect((await here.run(["receipt", "show", commitment])).json.data["report"]).toMatchObject({ call: { state: "promised" } });
    const refused = await here.run(["receipt", "export", commitment]);
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.notSetUp, "evidence_incomplete"]);
    expect(refused.json.error.message).toContain("nothing has moved");
    const partial = await here.run(["receipt", "export", commitment, "--out", "./promised.json", "--partial"]);
    passes(partial);
    expect(partial.json.data).toMatchObject({ missing: [{ part: "claim" }, { part: "ledger" }], report: { call: { state: "promised" } } });
    const verified = await here.run("receipt verify ./promised.json --partial");
    expect(verified.exit).toBe(EXIT.notSetUp);
  });

  test("after it a third party verifies the call from the owner's signature to the ledger's entry [session-call-evidence]", async () => {
    const called = await quoted("C");
    const { session, commitment } = sessionOf(called);
    passes(await here.run(["session", "close", session]));
    const calls = (await here.run(["session", "show", session])).json.data["recent"] as { shortCode: string; commitment: string }[];
    writeFileSync(there.path("keys.json"), JSON.stringify(await publicKeys()));
    for (const { shortCode, commitment: named } of calls) {
      const status = await here.run(["status", shortCode]);
      expect(status.json.data).toMatchObject({ conclusion: "paid", said: "claimed", session: { commitment: named } });
      passes(await here.run(["receipt", "export", named, "--out", `./${shortCode}.json`]));
      copyFileSync(here.path(`${shortCode}.json`), there.path(`${shortCode}.json`));
      // The verifier has no network: its facilitator does not exist.
      const verified = await there.run(["receipt", "verify", `./${shortCode}.json`, "--keys", "./keys.json"]);
      passes(verified);
      expect(verified.json.data).toMatchObject({
        verdict: "verified",
        failed: 0,
        call: { state: "claimed", commitment: named, reason: REASON },
      });
      expect(verified.json.data["call"]).toMatchObject({ transaction: status.json.data["transaction"] });
      const file = here.read<CallEvidence>(`${shortCode}.json`);
      there.write("forged.json", { ...file, call: { ...file.call, amount: "1" } });
      const forged = await there.run("receipt verify ./forged.json --keys ./keys.json");
      expect([forged.exit, forged.json.error.code]).toEqual([EXIT.differs, "evidence_differs"]);
    }
    expect(calls.map((call) => call.commitment)).toContain(commitment);
  });
});

describe("what an owner revokes", () => {
  /** Asks for a session on one machine, and approves it on the same one. */
  async function approved(of: string): Promise<string> {
    const asked = await quoted(of, "--session", "5000", "--reason", REASON, "--again");
    expect(asked.exit, asked.stdout).toBe(EXIT.approvalPending);
    const code = asked.json.error.details?.["shortCode"] as string;
    passes(await here.run(["request", "export", code, "--out", `./${code}.json`]));
    copyFileSync(here.path(`${code}.json`), there.path(`${code}.json`));
    const { request } = there.read<{ request: Parameters<typeof requestDigest>[0] }>(`${code}.json`);
    const words = ["--confirm", requestDigest(request), "--request-file", `./${code}.json`, "--out", `./${code}.yes.json`];
    passes(await there.run(["approve", ...words]));
    copyFileSync(there.path(`${code}.yes.json`), here.path(`${code}.yes.json`));
    passes(await here.run(["decision", "import", `./${code}.yes.json`]));
    return code;
  }
  const revoke = (code: string) =>
    there.run(["revoke", "--request-file", `./${code}.json`, "--code", "other", "--out", `./${code}.no.json`]);
  const held = async () => ((await there.run("balance")).json.data as { held: { amount: string } }).held.amount;

  test("a session that is approved and not open is never opened [session-revoked-unopened]", async () => {
    const code = await approved("D");
    const revoked = await revoke(code);
    passes(revoked);
    expect(revoked.json.data).not.toHaveProperty("closing");
    const paid = await here.run(["fetch", "--resume", code]);
    expect([paid.exit, paid.json.error.code, await held()]).toEqual([EXIT.paymentRejected, "payment_revoked", "0"]);
  });

  test("a session that is open begins to close, and how much can still be claimed is said [session-revoked-open]", async () => {
    const code = await approved("E");
    passes(await here.run(["fetch", "--resume", code]));
    expect(await held()).toBe("5000");
    const revoked = await revoke(code);
    passes(revoked);
    expect(revoked.json.data["closing"]).toMatchObject({ status: "closing", atMost: { amount: "5000" }, until: expect.any(String) });
    passes(await here.run("session list --all"));
    const next = await quoted("F", "--no-ask", "--reason", REASON);
    expect(next.exit, next.stdout).toBe(EXIT.notAsked);
  });

  test("a mandate with a session open: the worst case, and the second after which it is zero [mandate-revoked-session]", async () => {
    copyFileSync(there.path("owner.json"), here.path("owner.json"));
    const { facilitator, ledger, merchant } = world.stack;
    here.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
    const limits = "--per-payment 10000 --total 100000 --session 5000";
    const { json } = await here.run(`mandate grant --origin ${new URL(merchant).origin} ${limits} --dry-run --out ./draft.json`);
    passes(await here.run(["mandate", "grant", "--draft", "./draft.json", "--confirm", String(json.data["mandate"])]));
    passes(await quoted("G", "--session", "5000", "--reason", REASON, "--no-ask"));
    const revoked = await here.run(["mandate", "revoke", String(json.data["mandate"])], { terminal: true });
    expect(revoked.stdout).toMatch(/1 session, at most 0\.000005 LGO, zero after \d{4}-/);
  });
});
