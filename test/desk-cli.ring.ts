/** `npm run desk`: the command line through a hosted desk that keeps the contract, and through desks that lie, break and hang. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type * as http from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { REASON, type Run, sandbox } from "../agent-cli/testing/cli.ts";
import { startDesk } from "../agent-cli/testing/desk.ts";
import { linkIn, paymentBy, TestDeskServer } from "../agent-cli/testing/hosted-desk.ts";
import { CONTENT, LEDGER, startMerchant } from "../agent-cli/testing/merchant.ts";
import { people } from "../agent-cli/testing/people.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import type { Asked } from "../shared/desk/agent-api.ts";
import { authorizationFor, signPayload } from "../shared/protocol/approval.ts";
import { recordDecision } from "../shared/protocol/decision.ts";
import type { Pairing } from "../shared/protocol/desk.ts";
import { mandateDigest } from "../shared/protocol/mandate.ts";
import { checkPaymentRequest, type PaymentRequest, requestDigest, shortCode } from "../shared/protocol/payment-request.ts";
import { prove, type ProofSigner } from "../shared/protocol/proof.ts";
import { unixNow } from "../shared/time.ts";
import type { PaymentPayload } from "../shared/x402/x402.ts";
import { TestPasskey } from "./passkey.ts";
import { newMandate } from "./signed.ts";

const box = sandbox();
const merchant = await startMerchant();
const desk = await TestDeskServer.start();
const { agent } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { agentFile: box.path("agent.json"), desk: desk.origin });
const owner = new TestPasskey("localhost", "7a".repeat(32), desk.origin);
const other = new TestPasskey("localhost", "7b".repeat(32), desk.origin);
beforeEach(() => {
  merchant.reset();
  desk.forget();
});
afterEach(() => {
  desk.instead = undefined;
  desk.mandates = [];
});

let purchases = 0;
const url = () => `${merchant.url}?${purchases++}`;
const pairFile = box.path(`home/pairings/${agent.publicKey}.json`);

/** The owner confirms the link as soon as it is printed. */
function confirming(by: ProofSigner, change: Partial<Pairing> = {}): (said: string) => void {
  let done = false;
  return (said) => {
    if (done || !said.includes("#/pair/")) return;
    done = true;
    void desk.confirm(linkIn(said), by, change);
  };
}
const pair = (by: ProofSigner = owner, change: Partial<Pairing> = {}) =>
  box.run(["pair", "--owner", owner.account], { heard: confirming(by, change) });
const isPaired = async () => {
  if (!existsSync(pairFile)) await pair();
};
const unpaired = async () => {
  if (existsSync(pairFile)) await box.run("unpair");
};
const buy = (...words: string[]) => box.run(["fetch", url(), "--reason", REASON, ...words]);
const inOneLine = (text: string) => text.replaceAll(/\s+/g, " ");
const waitingCodes = async () => {
  const { requests } = (await box.run("inbox")).json.data as { requests: { shortCode: string }[] };
  return requests.map(({ shortCode: code }) => code);
};
/** `fetch --wait`, and the code of its request once it is filed on this machine. */
async function buyAndWait(heard: (said: string) => void = () => undefined): Promise<{ running: Promise<Run>; code: string }> {
  const before = await waitingCodes();
  const running = box.run(["fetch", url(), "--reason", REASON, "--wait"], { heard });
  for (;;) {
    const code = (await waitingCodes()).find((each) => !before.includes(each));
    if (code !== undefined) return { running, code };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const codeOf = (request: PaymentRequest) => shortCode(requestDigest(request));

describe("pair", () => {
  beforeEach(unpaired);

  test("pins the account that confirmed the link, and unpair forgets it [agent-desk-pair]", async () => {
    const run = await pair();
    expect(run.json.data).toMatchObject({ account: owner.account, kind: "passkey", desk: desk.origin, agent: agent.publicKey });
    expect(run.stderr).toContain(run.json.data["code"]);
    expect((await box.run("whoami")).json.data["pairing"]).toMatchObject({ account: owner.account, kind: "passkey" });
    const again = await pair();
    expect([again.exit, again.json.error.message]).toEqual([EXIT.usage, expect.stringContaining("is paired already")]);
    const ended = await box.run("unpair");
    expect([ended.json.data["told"], desk.paired.size, existsSync(pairFile)]).toEqual([true, 0, false]);
    expect((await box.run("unpair")).json.error.code).toBe("not_paired");
    expect((await box.run("audit list")).stdout).toMatch(/"unpaired"/);
    expect((await box.run("audit verify --offline")).exit).toBe(EXIT.ok);
  });

  test.each<[string, Partial<Pairing>, ProofSigner, string]>([
    ["another account", {}, other, "--owner names"],
    ["an account that did not sign it", { account: owner.account }, other, "did not sign"],
    ["another desk", { desk: "https://desk.example" }, owner, "another desk"],
    ["another agent", { agent: "8a".repeat(32) }, owner, "another agent's key"],
    ["another link", { secret: "00".repeat(16) }, owner, "another pairing link"],
  ])("takes no proof of %s [agent-desk-pair-differs]", async (_, change, by, says) => {
    // A lying desk puts it where the agent looks.
    const lying = desk.pairings;
    const run = await box.run(["pair", "--owner", owner.account], {
      heard: (said) => {
        if (!said.includes("#/pair/")) return;
        void desk.confirm(linkIn(said), by, change).then(() => {
          const [proof] = [...lying.values()].filter((value) => value !== undefined).slice(-1);
          for (const [place, value] of lying) if (value === undefined) lying.set(place, proof);
        });
      },
    });
    expect([run.exit, run.json.error.code, run.json.error.message]).toEqual([
      EXIT.differs,
      "pairing_differs",
      expect.stringContaining(says),
    ]);
    expect(existsSync(pairFile)).toBe(false);
  });

  test("asks at a terminal whether it is the owner's account; a no pairs nothing, there and here", async () => {
    const asking = (answer: string) =>
      box.run("pair", { heard: confirming(other), answers: [["does the desk show the same code? (y/N)", answer]] });
    const no = await asking("n");
    expect([no.exit, existsSync(pairFile), desk.paired.has(`${other.account} ${agent.publicKey}`)]).toEqual([EXIT.differs, false, false]);
    expect(no.stderr).toContain(other.account);
    const yes = await asking("y");
    expect([yes.exit, existsSync(pairFile)]).toEqual([EXIT.ok, true]);
  });

  test("says what to do without a terminal, without a desk, and with plain http", async () => {
    const bare = await box.run("pair");
    expect([bare.exit, bare.json.error.code, bare.json.error.hint]).toEqual([
      EXIT.usage,
      "interaction_required",
      expect.stringContaining("--owner"),
    ]);
    const plain = await box.run(["pair", "--desk", "http://desk.example", "--owner", owner.account]);
    expect([plain.exit, plain.json.error.code]).toEqual([EXIT.usage, "insecure_url"]);
    const lost = await box.run(["pair", "--desk", "not an origin", "--owner", owner.account]);
    expect(lost.json.error.message).toContain("must be an origin");
  });

  test("a link that the desk has forgotten was not confirmed in time", async () => {
    desk.instead = (request, response) =>
      request.method === "GET" &&
      !!response.writeHead(404).end(JSON.stringify({ ok: false, error: { code: "pairing_not_found", message: "It is gone." } }));
    const run = await box.run(["pair", "--owner", owner.account]);
    expect([run.json.error.code, run.json.error.message]).toEqual(["request_expired", expect.stringContaining("did not confirm")]);
  });

  test("a pairing that the owner ended at the desk is forgotten, and paired anew [agent-desk-pair-anew]", async () => {
    await pair();
    desk.paired.clear();
    const again = await pair();
    expect([again.exit, inOneLine(again.stderr)]).toEqual([EXIT.ok, expect.stringContaining("This machine forgets it.")]);
    const checked = await box.run("doctor");
    expect(JSON.stringify(checked.json)).toContain(`none here; the owner decides at ${desk.origin}`);
    expect(JSON.stringify(checked.json)).not.toContain("owner create");
  });

  test("a desk over plain http in the configuration is refused for the reason that --desk is", async () => {
    box.write("home/config.json", { agentFile: box.path("agent.json"), desk: "http://127.0.0.1:8790" });
    const run = await box.run(["pair", "--owner", owner.account]);
    box.write("home/config.json", { agentFile: box.path("agent.json"), desk: desk.origin });
    expect(run.json.error.message).toContain("anyone on the path could answer in the desk's place");
  });

  test("Ctrl-C while it waits leaves nothing", async () => {
    const stop = new AbortController();
    const run = await box.run(["pair", "--owner", owner.account], {
      signal: stop.signal,
      heard: (said) => said.includes("Waiting") && stop.abort(),
    });
    expect([run.exit, existsSync(pairFile)]).toEqual([EXIT.interrupted, false]);
    expect(run.json.error.message).toContain("An owner who opens it pairs the agent's key at the desk alone");
  });

  test("a pairing that was changed on disk is none, and unpair repairs it", async () => {
    await pair();
    const kept = JSON.parse(readFileSync(pairFile, "utf8")) as { signed: { pairing: Pairing } };
    kept.signed.pairing.account = other.account;
    writeFileSync(pairFile, JSON.stringify(kept));
    const who = await box.run("whoami");
    expect([who.json.error.code, who.json.error.hint]).toEqual(["invalid_file", expect.stringContaining("unpair")]);
    expect((await buy()).exit).toBe(EXIT.approvalPending);
    expect((await box.run("unpair")).json.data["told"]).toBe(false);
    expect(existsSync(pairFile)).toBe(false);
  });
});

describe("a paired agent", () => {
  beforeEach(isPaired);

  test("asks at the desk, waits, and pays what the owner approved there [agent-desk-approved]", async () => {
    const running = buy("--wait");
    const request = await desk.waiting();
    await desk.approve(request, owner);
    const run = await running;
    expect([run.exit, run.json.data["response"]?.body.text, merchant.settled.size]).toEqual([EXIT.ok, CONTENT, 1]);
    expect(run.stderr).toContain(`${codeOf(request)} waits at ${desk.origin}`);
    expect((await box.run(["request", "show", codeOf(request)])).json.data["desk"]).toMatchObject({
      origin: desk.origin,
      account: owner.account,
    });
  });

  test("is refused there, signed or not [agent-desk-declined]", async () => {
    for (const signer of [owner, undefined]) {
      const running = buy("--wait");
      await desk.decline(await desk.waiting(), signer);
      const run = await running;
      expect([run.exit, run.json.error.code, run.json.error.details?.["decision"].signed]).toEqual([
        EXIT.declined,
        "declined",
        signer !== undefined,
      ]);
    }
  });

  test("sends a request once, says where it is, and goes on without --wait [agent-desk-once]", async () => {
    const pending = await buy();
    expect(pending.json.error.details?.["desk"]).toMatchObject({ origin: desk.origin, sentAt: expect.any(String) as string });
    expect(pending.json.error.hint).toContain(`decides at ${desk.origin}`);
    const request = await desk.waiting();
    const code = codeOf(request);
    expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.approvalPending);
    expect([...desk.asked.keys()].filter((digest) => digest === requestDigest(request))).toHaveLength(1);
    await desk.approve(request, owner);
    const paid = await box.run(["fetch", "--resume", code]);
    expect([paid.exit, merchant.settled.size]).toEqual([EXIT.ok, 1]);
  });

  test("request create, wait and cancel go through it [agent-desk-request]", async () => {
    const made = await box.run(["request", "create", url(), "--reason", REASON, "--inbox"]);
    expect(made.json.data["desk"]).toMatchObject({ origin: desk.origin, account: owner.account });
    const request = await desk.waiting();
    const waiting = box.run(["request", "wait", codeOf(request)]);
    await desk.approve(request, owner);
    expect((await waiting).json.data["state"]).toBe("approved");
    await box.run(["request", "create", url(), "--reason", REASON, "--inbox"]);
    const second = await desk.waiting();
    const cancelled = await box.run(["request", "cancel", codeOf(second)]);
    expect([cancelled.json.data["toldDesk"], desk.asked.get(requestDigest(second))?.answer.state]).toEqual([true, "cancelled"]);
  });

  test("the local inbox still decides, and the first decision wins [agent-desk-first-wins]", async () => {
    const running = buy("--wait");
    const request = await desk.waiting();
    const declined = await box.run(["decline", codeOf(request), "--code", "not_needed"]);
    expect(declined.exit).toBe(EXIT.ok);
    expect((await running).exit).toBe(EXIT.declined);
    expect(desk.asked.get(requestDigest(request))?.answer.state).toBe("cancelled");
    await desk.approve(request, owner);
    const after = await box.run(["fetch", "--resume", codeOf(request)]);
    expect([after.exit, merchant.presented]).toEqual([EXIT.declined, []]);
  });

  test("what another account approves here is taken back at the desk, and the owner is warned before [agent-desk-taken-back]", async () => {
    await buy();
    const request = await desk.waiting();
    const digest = requestDigest(request);
    const approve = ["approve", digest, "--owner-file", box.path("owner.json"), "--confirm", digest];
    const asked = await box.run([...approve, "--dry-run"]);
    expect(inOneLine(asked.stderr)).toContain(`ANOTHER ACCOUNT decides it at ${desk.origin}: ${owner.account}. Both could pay.`);
    expect(desk.asked.get(digest)?.answer.state).toBe("pending");
    const batch = await box.run([...approve, codeOf(request), "ZZZZ-ZZZZ", "--dry-run"]);
    expect(JSON.stringify(batch.json.error.details?.["leftOut"])).toContain("another account may pay it at a desk");
    expect((await box.run(approve)).exit).toBe(EXIT.ok);
    expect(desk.asked.get(digest)?.answer.state).toBe("cancelled");
    const paid = await box.run(["fetch", "--resume", codeOf(request)]);
    expect([paid.exit, merchant.settled.size]).toEqual([EXIT.ok, 1]);
  });

  test("a desk that was away when it was decided here is told by the next look, once [agent-desk-told-later]", async () => {
    await buy();
    const request = await desk.waiting();
    const state = () => desk.asked.get(requestDigest(request))?.answer.state;
    await desk.stop();
    const declined = await box.run(["decline", codeOf(request), "--code", "not_needed"]);
    await desk.startAgain();
    expect([declined.exit, inOneLine(declined.stderr), state()]).toEqual([
      EXIT.ok,
      expect.stringContaining("may still wait there"),
      "pending",
    ]);
    expect((await box.run(["request", "wait", codeOf(request)])).exit).toBe(EXIT.declined);
    expect(state()).toBe("cancelled");
    const calls = desk.calls.length;
    expect((await box.run(["fetch", "--resume", codeOf(request)])).exit).toBe(EXIT.declined);
    expect(desk.calls.length).toBe(calls);
  });

  test("pay takes a request back that was approved here while the desk was away [agent-desk-pay-takes-back]", async () => {
    await buy();
    const request = await desk.waiting();
    const digest = requestDigest(request);
    await desk.stop();
    const approved = await box.run(["approve", digest, "--owner-file", box.path("owner.json"), "--confirm", digest]);
    await desk.startAgain();
    expect([approved.exit, desk.asked.get(digest)?.answer.state]).toEqual([EXIT.ok, "pending"]);
    const paid = await box.run(["pay", codeOf(request)]);
    expect([paid.exit, desk.asked.get(digest)?.answer.state, merchant.settled.size]).toEqual([EXIT.ok, "cancelled", 1]);
    // Another account's payment is none of that desk's.
    expect(desk.receipts.size).toBe(0);
  });

  test("what is approved at this machine's own page is taken back [agent-desk-page-takes-back]", async () => {
    await buy();
    const request = await desk.waiting();
    const digest = requestDigest(request);
    const page = await startDesk(box, ["--owner-file", box.path("owner.json")]);
    const read = await page.call("read", { request: digest });
    if (!read.ok) throw new Error(read.error.message);
    const signed = await page.call("approve", { reading: read.data.reading, digest, typed: codeOf(request) });
    await page.stop();
    expect([signed.ok, desk.asked.get(digest)?.answer.state]).toEqual([true, "cancelled"]);
  });

  test("the desk is handed what the merchant answered, once; one that was away gets it at the next look [agent-desk-receipt]", async () => {
    await buy();
    const first = await desk.waiting();
    await desk.approve(first, owner);
    const paid = await box.run(["fetch", "--resume", codeOf(first)]);
    expect([paid.exit, [...desk.receipts]]).toEqual([
      EXIT.ok,
      [[requestDigest(first), { transaction: paid.json.data["receipt"]?.transaction }]],
    ]);
    const calls = desk.calls.length;
    await box.run(["fetch", "--resume", codeOf(first)]);
    expect(desk.calls.length).toBe(calls);

    await buy();
    const second = await desk.waiting();
    await desk.approve(second, owner);
    expect((await box.run(["request", "wait", codeOf(second)])).exit).toBe(EXIT.ok);
    await desk.stop();
    expect((await box.run(["pay", codeOf(second)])).exit).toBe(EXIT.ok);
    await desk.startAgain();
    expect(desk.receipts.has(requestDigest(second))).toBe(false);
    expect((await box.run(["fetch", "--resume", codeOf(second)])).exit).toBe(EXIT.ok);
    expect(desk.receipts.has(requestDigest(second))).toBe(true);
    expect(merchant.settled.size).toBe(2);
  });

  test("budget takes over what the owner granted at the desk, and says when it cannot ask [agent-desk-budget]", async () => {
    const { mandate } = await newMandate(agent, agent, LEDGER, { from: owner.account, origins: ["https://elsewhere.example"] });
    desk.mandates = [{ mandate, ...(await prove(mandateDigest(mandate), owner)) }];
    const listed = await box.run("mandate list");
    expect([listed.json.data["mandates"], listed.json.next?.argv]).toEqual([[], ["lez-agent-pay", "budget"]]);
    await desk.stop();
    const alone = await box.run("budget");
    await desk.startAgain();
    expect([alone.exit, alone.json.data["mandates"], inOneLine(alone.stderr)]).toEqual([
      EXIT.ok,
      [],
      expect.stringContaining("What the owner has granted there since is not shown."),
    ]);
    const budget = await box.run("budget");
    expect(budget.json.data["mandates"]).toMatchObject([{ mandate: mandateDigest(mandate), from: owner.account }]);
    desk.mandates = [];
    expect((await box.run("mandate list")).json.data["mandates"]).toHaveLength(1);
  });

  test("names no desk that refuses as the place where it is decided [agent-desk-no-decision]", async () => {
    desk.instead = (_, response) =>
      !!response.writeHead(403).end(JSON.stringify({ ok: false, error: { code: "desk_refused", message: "No." } }));
    const run = await buy();
    expect(run.json.error.hint).toMatch(/^The desk gives no decision now\. The owner decides here: lez-agent-pay approve/);
  });

  test("two processes that wait for the same approval pay once [agent-desk-two]", async () => {
    const first = await buy();
    const request = await desk.waiting();
    expect(first.exit).toBe(EXIT.approvalPending);
    const both = [1, 2].map(() => box.run(["fetch", "--resume", codeOf(request), "--wait"]));
    await desk.approve(request, owner);
    const runs = await Promise.all(both);
    expect(runs.map(({ exit }) => exit)).toEqual([EXIT.ok, EXIT.ok]);
    expect(merchant.settled.size).toBe(1);
  });

  test("Ctrl-C is heard while the desk holds the question open", async () => {
    const stop = new AbortController();
    const running = box.run(["fetch", url(), "--reason", REASON, "--wait"], { signal: stop.signal });
    const request = await desk.waiting();
    stop.abort();
    const run = await running;
    expect([run.exit, run.json.next?.argv.slice(1, 4)]).toEqual([EXIT.interrupted, ["fetch", "--resume", codeOf(request)]]);
  });

  test("a desk of the configuration that is not the paired one is not asked", async () => {
    const before = desk.calls.length;
    box.write("home/config.json", { agentFile: box.path("agent.json"), desk: "https://desk.example" });
    const run = await buy();
    box.write("home/config.json", { agentFile: box.path("agent.json"), desk: desk.origin });
    expect([run.exit, desk.calls.length]).toEqual([EXIT.approvalPending, before]);
    expect(inOneLine(run.stderr)).toContain("the configuration names the desk https://desk.example");
  });
});

/** What a desk says in place of the owner's approval. */
type Lie = (request: PaymentRequest) => Promise<Asked> | Asked;
const approved = (request: PaymentRequest, payment: PaymentPayload): Asked => ({
  state: "approved",
  requestDigest: requestDigest(request),
  payment,
});

async function signedFor(request: PaymentRequest, change: (request: PaymentRequest) => PaymentRequest): Promise<PaymentPayload> {
  const checked = await checkPaymentRequest(request, unixNow());
  if (!checked.ok) throw new Error("it is not good");
  const authorization = authorizationFor(change(request), checked, owner.account, unixNow());
  return signPayload(request, checked, authorization, owner);
}

describe("a lying desk achieves nothing but silence", () => {
  beforeEach(isPaired);
  const earlier: PaymentRequest[] = [];

  test.each<[string, Lie, string]>([
    ["the approval of another account", async (request) => approved(request, await paymentBy(other, request)), "is of the account"],
    [
      "the approval of another amount",
      async (request) => approved(request, await signedFor(request, (r) => ({ ...r, payment: { ...r.payment, amount: "1" as never } }))),
      "invalid_amount|contradicts itself|differs",
    ],
    [
      "the approval of another payee",
      async (request) => approved(request, await signedFor(request, (r) => ({ ...r, payment: { ...r.payment, payTo: other.account } }))),
      "contradicts itself|differs",
    ],
    [
      "an approval with another digest",
      async (request) => {
        const payment = await paymentBy(owner, request);
        const authorization = { ...(payment.payload["authorization"] as object), requestDigest: "1f".repeat(32) };
        return approved(request, { ...payment, payload: { ...payment.payload, authorization } });
      },
      "contradicts itself",
    ],
    [
      "the approval of an earlier request",
      async (request) => approved(request, await paymentBy(owner, earlier[0] ?? request)),
      "another request",
    ],
    ["an answer about another request", () => ({ state: "cancelled", requestDigest: "2f".repeat(32) as Digest }), "another request"],
    [
      "a refusal that another account signed",
      async (request) => ({
        state: "declined",
        requestDigest: requestDigest(request),
        decision: await recordDecision(
          { requestDigest: requestDigest(request), decision: "declined", code: "policy", decidedAt: "2026-01-31T00:00:00Z" },
          other,
          LEDGER,
        ),
      }),
      "is of the account",
    ],
    [
      "a refusal of an earlier request",
      async (request) => ({
        state: "declined",
        requestDigest: requestDigest(request),
        decision: await recordDecision(
          { requestDigest: requestDigest(earlier[0] ?? request), decision: "declined", code: "policy", decidedAt: "2026-01-31T00:00:00Z" },
          owner,
          LEDGER,
        ),
      }),
      "another request",
    ],
    [
      "a revocation that no one signed",
      (request) => ({
        state: "revoked",
        requestDigest: requestDigest(request),
        decision: {
          decision: { requestDigest: requestDigest(request), decision: "revoked", code: "policy", decidedAt: "2026-01-31T00:00:00Z" },
          signed: false,
        },
      }),
      "revocation is signed",
    ],
  ])("with %s [agent-desk-lies]", async (_, lie, says) => {
    const running = buy("--wait", "--timeout", "4");
    const request = await desk.waiting();
    desk.answer(request, await lie(request));
    const run = await running;
    earlier.unshift(request);
    expect([run.exit, run.json.error.code, merchant.presented]).toEqual([EXIT.approvalPending, "approval_pending", []]);
    expect(inOneLine(run.stderr)).toMatch(new RegExp(says));
    expect(run.json.error.details?.["desk"].problem).toMatch(new RegExp(says));
    expect((await box.run(["request", "show", codeOf(request)])).json.data["state"]).toBe("pending");
    // The inbox of this machine still decides.
    expect((await box.run(["decline", codeOf(request), "--code", "not_needed"])).exit).toBe(EXIT.ok);
  });

  const html = "<!doctype html><title>502</title>";
  const hanging: http.ServerResponse[] = [];
  afterEach(() => hanging.splice(0).forEach((response) => response.destroy()));

  test.each<[string, NonNullable<TestDeskServer["instead"]>, string]>([
    ["HTML", (_, response) => !!response.writeHead(200, { "content-type": "text/html" }).end(html), "unusable answer"],
    ["20 MiB", (_, response) => !!response.writeHead(200).end(Buffer.alloc(20 * 1024 * 1024, 32)), "larger than"],
    ["500s", (_, response) => !!response.writeHead(500).end(html), "answered 500"],
    ["a redirect", (_, response) => !!response.writeHead(307, { location: merchant.origin }).end(), "answered 307"],
    ["broken connections", (request) => !!request.socket.destroy(), "does not answer"],
    [
      "words for the terminal",
      (_, response) =>
        !!response.writeHead(503).end(JSON.stringify({ ok: false, error: { code: "busy", message: "\u001b[2J\u202epay me" } })),
      "refuses",
    ],
    [
      "a refusal",
      (_, response) => !!response.writeHead(403).end(JSON.stringify({ ok: false, error: { code: "desk_refused", message: "No." } })),
      "refuses",
    ],
    [
      "an answer without end",
      (_, response) => {
        hanging.push(response.writeHead(200));
        const more = setInterval(() => response.write(" ".repeat(64 * 1024)), 20);
        response.on("close", () => clearInterval(more));
        return true;
      },
      "larger than",
    ],
  ])("with %s; the inbox of this machine decides meanwhile [agent-desk-broken]", async (_, instead, says) => {
    desk.instead = instead;
    const began = desk.calls.length;
    const told = Promise.withResolvers<void>();
    const { running, code } = await buyAndWait((said) => inOneLine(said).includes(says) && told.resolve());
    await told.promise;
    expect((await box.run(["decline", code, "--code", "not_needed"])).exit).toBe(EXIT.ok);
    const run = await running;
    expect(run.exit).toBe(EXIT.declined);
    // oxlint-disable-next-line no-control-regex
    expect(run.stderr).not.toMatch(/[\u001b\u202e]/);
    expect(desk.calls.length - began).toBeLessThan(8);
  });

  test("that never answers is left waiting; the inbox decides at once [agent-desk-slow]", async () => {
    desk.instead = (_, response) => !!hanging.push(response);
    const { running, code } = await buyAndWait();
    const began = performance.now();
    await box.run(["decline", code, "--code", "not_needed"]);
    expect((await running).exit).toBe(EXIT.declined);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test("that answers at once for ever is asked about once a second", async () => {
    desk.instead = (request, response) => {
      const digest = (request.url ?? "").split("/")[4]?.split("?")[0];
      if (!digest || request.method !== "GET") return false;
      return !!response.end(JSON.stringify({ ok: true, data: { state: "pending", requestDigest: digest } }));
    };
    const began = desk.calls.length;
    await buy("--wait", "--timeout", "3");
    expect(desk.calls.length - began).toBeLessThan(14);
  });
});

describe("a desk that is gone", () => {
  beforeEach(isPaired);

  test("is told of, the request waits here, and it is asked again when it is back [agent-desk-down]", async () => {
    await desk.stop();
    let run: Promise<Run>;
    try {
      const made = await box.run(["request", "create", url(), "--reason", REASON, "--inbox"]);
      expect([made.exit, made.json.data["desk"].problem]).toEqual([EXIT.ok, expect.stringContaining("no server listens there")]);
      expect(made.json.data["desk"].sentAt).toBeUndefined();
      const told = Promise.withResolvers<void>();
      run = box.run(["fetch", "--resume", String(made.json.data["shortCode"]), "--wait"], {
        heard: (said) => inOneLine(said).includes("asks the desk again") && told.resolve(),
      });
      await told.promise;
    } finally {
      await desk.startAgain();
    }
    const request = await desk.waiting();
    await desk.approve(request, owner);
    const paid = await run;
    expect([paid.exit, merchant.settled.size]).toEqual([EXIT.ok, 1]);
    expect(inOneLine(paid.stderr)).toMatch(/does not answer.*waits in the inbox of this machine; this command asks the desk again/);
  });

  test("in the middle of a wait, with a held question [agent-desk-down-midway]", async () => {
    const told = Promise.withResolvers<void>();
    const running = box.run(["fetch", url(), "--reason", REASON, "--wait"], {
      heard: (said) => inOneLine(said).includes("asks the desk again") && told.resolve(),
    });
    const request = await desk.waiting();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await desk.stop();
    await told.promise;
    await desk.startAgain();
    desk.forget(); // a desk that has lost it is sent it again
    const again = await desk.waiting();
    expect(requestDigest(again)).toBe(requestDigest(request));
    await desk.approve(again, owner);
    const paid = await running;
    expect([paid.exit, merchant.settled.size]).toEqual([EXIT.ok, 1]);
    expect(paid.stderr).toContain("answers again");
  });

  test("unpair ends the pairing here, and says that the desk was not told", async () => {
    await desk.stop();
    const ended = await box.run("unpair");
    await desk.startAgain();
    expect([ended.json.data["told"], ended.json.data["problem"]]).toEqual([false, expect.stringContaining("does not answer")]);
    expect(readdirSync(box.path("home/pairings"))).toEqual([]);
  });
});
