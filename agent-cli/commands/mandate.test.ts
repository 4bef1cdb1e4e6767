/** Mandates on the owner's and the agent's side: what is shown, what is signed, who gets it. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { NETWORK } from "../../shared/lez.ts";
import { isGenuineMandate, type Mandate, mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { isGenuineRevocation } from "../../shared/protocol/revocation.ts";
import { encodeHeader, PAYMENT_ERROR, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { createKeyFile } from "../keys/key-file.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { LEDGER, startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const { owner, agent, ask } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
await ask(merchant.url, "request.json"); // pins the merchant
const { origin } = new URL(merchant.url);

const PAYEE = DEMO_MERCHANT_ACCOUNT;
const OTHER_AGENT = (await createKeyFile("agent", { name: "Another agent" })).publicKey;
const LIMITS = `--origin ${origin} --per-payment 10000 --total 50000 --per 24h=20000,5 --for 7d`;

afterEach(() => {
  facilitator.ledger = LEDGER;
  facilitator.mandates = {};
});

let drafts = 0;
/** A draft, as its owner wrote it down. */
async function draft(limits = LIMITS) {
  const file = `./draft-${drafts++}.json`;
  const { exit, json, stderr } = await box.run(`mandate grant ${limits} --dry-run --out ${file}`);
  expect(exit, stderr).toBe(EXIT.ok);
  return { file, digest: json.data["mandate"] as string, screen: stderr, data: json.data };
}

async function grant(limits = LIMITS, ...words: string[]) {
  const { file, digest } = await draft(limits);
  const run = await box.run(["mandate", "grant", "--draft", file, "--confirm", digest, ...words]);
  expect(run.exit, run.stderr).toBe(EXIT.ok);
  return { digest, code: run.json.data["shortCode"] as string };
}

const kept = (digest: string) => JSON.parse(readFileSync(box.path(`home/mandates/${digest}.json`), "utf8")) as { signed: SignedMandate };
const answerTo = (limits: string, ...answers: string[]) =>
  box.run(`mandate grant ${limits}`, { answers: answers.map((answer) => ["without asking?", answer] as const) });

describe("mandate grant", () => {
  test("shows the sum first, and signs exactly the draft that was read [mandate-grant]", async () => {
    const { file, digest, screen, data } = await draft();
    expect(screen).toMatch(/Can cost +at most 0\.00005 LGO in all, until /);
    expect(screen.indexOf("Can cost")).toBeLessThan(screen.indexOf("Within that"));
    expect(screen).toContain(PAYEE);
    expect(data).toMatchObject({ worst: { amount: "50000" }, agentKey: agent.publicKey, from: owner.account, origins: [origin] });
    expect(readdirSync(box.path("home")).includes("mandates") && readdirSync(box.path("home/mandates")).includes(`${digest}.json`)).toBe(
      false,
    );

    const granted = await box.run(["mandate", "grant", "--draft", file, "--confirm", digest, "--out", "./mandate.json"]);
    expect(granted.exit, granted.stderr).toBe(EXIT.ok);
    const { signed } = kept(digest);
    expect(signed.mandate).toEqual(box.read<Mandate>(file));
    expect(signed).toEqual(box.read<SignedMandate>("mandate.json"));
    expect(mandateDigest(signed.mandate)).toBe(digest);
    expect(await isGenuineMandate(signed)).toBe(true);
    expect(statSync(box.path(`home/mandates/${digest}.json`)).mode & 0o777).toBe(0o600);
    expect(statSync(box.path("mandate.json")).mode & 0o777).toBe(0o600);
    const { json } = await box.run("audit list --json");
    expect(json.data["entries"].at(-1)).toMatchObject({
      event: "granted",
      facts: { mandate: digest, worst: "50000", agentKey: agent.publicKey },
    });
    expect((await box.run("audit verify")).exit).toBe(EXIT.ok);
  });

  test("takes a y where nothing warns, and signs nothing without it", async () => {
    const before = readdirSync(box.path("home/mandates")).length;
    const https = `--payee ${PAYEE} --origin https://shop.example --per-payment 10 --total 50 --per 24h=20`;
    expect((await answerTo(https, "n")).exit).toBe(EXIT.approvalPending);
    expect(readdirSync(box.path("home/mandates")).length).toBe(before);
    expect((await answerTo(https, "y")).exit).toBe(EXIT.ok);
    expect(readdirSync(box.path("home/mandates")).length).toBe(before + 1);
  });

  test("takes only the typed sum or code where something warns [mandate-typed]", async () => {
    const any = `--payee * --origin * --per-payment 10 --total 5000000000`;
    expect((await answerTo(any, "y", "")).exit).toBe(EXIT.approvalPending);
    const granted = await answerTo(any, "5 LGO");
    expect(granted.exit, granted.stderr).toBe(EXIT.ok);
    expect(granted.stderr).toContain("ANY ACCOUNT");
    expect(granted.stderr).toContain("no limit per period");
  });

  test("without a terminal asks for a draft and its digest, and takes no other digest", async () => {
    const run = await box.run(`mandate grant ${LIMITS}`);
    expect(run.exit).toBe(EXIT.approvalPending);
    expect(run.json.error).toMatchObject({ code: "interaction_required", hint: expect.stringContaining("--draft") as string });
    const { file } = await draft();
    const other = await box.run(["mandate", "grant", "--draft", file, "--confirm", "0".repeat(64)]);
    expect(other.json.error).toMatchObject({ code: "request_differs" });
  });

  test("grants nothing while this machine's clock is far from the facilitator's [mandate-clock]", async () => {
    facilitator.ahead = -7200;
    const run = await box.run(`mandate grant ${LIMITS} --dry-run`);
    facilitator.ahead = 0;
    expect(run.json.error).toMatchObject({ code: "not_set_up", message: expect.stringContaining("Clock skew of 2 h") as string });
  });

  test("lowers what a draft says, and raises nothing [mandate-lowered]", async () => {
    const { file } = await draft();
    const lowered = await box.run(`mandate grant --draft ${file} --total 40000 --per-payment 9000 --per 24h=10000 --for 1d --dry-run`);
    expect(lowered.json.data).toMatchObject({ worst: { amount: "10000" }, total: { amount: "40000" }, perPayment: { amount: "9000" } });
    for (const flag of ["--total 50001", "--per-payment 10001", "--per 24h=20001", "--per 23h=20000,5", "--for 8d", `--origin ${origin}`]) {
      const run = await box.run(`mandate grant --draft ${file} ${flag} --dry-run`);
      expect(run.exit, flag).toBe(EXIT.usage);
    }
  });

  test.each([
    ["no origin", "--per-payment 1 --total 1", "--origin"],
    ["no total", `--origin ${origin} --per-payment 1`, "--total"],
    ["an unknown merchant", "--origin https://new.example --per-payment 1 --total 1", "--payee"],
    ["a URL for an origin", `--origin ${origin}/premium --per-payment 1 --total 1`, "is no origin"],
    ["any origin, and no payee", "--origin * --per-payment 1 --total 1", "--payee"],
    ["no account for a payee", `--origin ${origin} --payee alice --per-payment 1 --total 1`, "not a LEZ account"],
    ["a period below an hour", `--origin ${origin} --per-payment 1 --total 1 --per 59m=1`, "period"],
    ["a limit that is none", `--origin ${origin} --per-payment 1 --total 1 --per 24h`, "24h=0.01LGO"],
    ["more than 90 days", `--origin ${origin} --per-payment 1 --total 1 --for 91d`, "at most"],
    ["no money", `--origin ${origin} --per-payment 0 --total 1`, "atomic units"],
    ["the owner's own key as agent", `--origin ${origin} --per-payment 1 --total 1 --agent ${owner.publicKey}`, "key of the account"],
  ])("refuses %s", async (_, limits, said) => {
    const run = await box.run(`mandate grant ${limits} --dry-run`);
    expect(run.exit, run.stdout).toBe(EXIT.usage);
    expect(`${run.json.error.message} ${run.json.error.hint ?? ""}`).toContain(said);
  });

  test("refuses more payees than a payment's header can carry", async () => {
    const origins = Array.from({ length: 32 }, (_, i) => `--origin https://a-long-name-of-a-shop-number-${i}.somewhere.example`).join(" ");
    const run = await box.run(`mandate grant ${origins} --payee ${PAYEE} --per-payment 1 --total 1 --dry-run`);
    expect(run.json.error.message).toContain("name fewer payees and origins");
  });

  test("a draft of another ledger or another account is refused", async () => {
    const { file } = await draft();
    facilitator.ledger = "2f".repeat(32);
    expect((await box.run(`mandate grant --draft ${file} --dry-run`)).json.error.message).toContain("another ledger");
    facilitator.ledger = LEDGER;
    box.write("other.json", { ...box.read<Mandate>(file), from: PAYEE });
    expect((await box.run("mandate grant --draft ./other.json --dry-run")).json.error.message).toContain("is the key of");
  });

  test("a draft's own words reach the screen as text, and its schemes are shown [mandate-foreign-draft]", async () => {
    const { file } = await draft();
    const written = box.read<Mandate>(file);
    const grantOf = (changes: Partial<Mandate>, ...words: string[]) => {
      box.write("foreign.json", { ...written, ...changes });
      return box.run(["mandate", "grant", "--draft", "./foreign.json", "--dry-run", ...words]);
    };
    for (const changes of [{ network: "\u001B[2Jlez" }, { asset: "usd\u001B[31m" }]) {
      const run = await grantOf(changes);
      expect(run.json.error.code).toBe("unsupported");
      expect(`${run.stderr}${run.json.error.message}`).not.toContain("\u001B");
    }
    expect((await grantOf({ note: "Agreed on Monday" })).stderr).toMatch(/\n {2}Note +Agreed on Monday/);
    expect((await grantOf({ schemes: ["exact", "upto"] })).stderr).toMatch(/\n {2}Schemes +exact, upto/);
    const early = String(Number(written.grantedAt) - 7200);
    const over = await grantOf({ grantedAt: early, validAfter: early }, "--for", "1h");
    expect(over.json.error).toMatchObject({ code: "usage", message: "The draft is over." });
  });

  test("one that was revoked is granted no more, and accepting its file does not open it again [mandate-revoked-draft]", async () => {
    const { file, digest } = await draft();
    const granting = ["mandate", "grant", "--draft", file, "--confirm", digest, "--out", "./revoked.json", "--force"];
    expect((await box.run(granting)).exit).toBe(EXIT.ok);
    const stored = box.path(`home/mandates/${digest}.json`);
    const revokedAt = "2026-01-01T00:00:00Z";
    writeFileSync(stored, JSON.stringify({ ...JSON.parse(readFileSync(stored, "utf8")), revokedAt }));
    const again = await box.run(granting);
    expect([again.exit, again.json.error.message]).toEqual([EXIT.usage, expect.stringContaining(`revoked at ${revokedAt}`)]);
    expect((await box.run("mandate accept ./revoked.json")).exit).toBe(EXIT.ok);
    expect(JSON.parse(readFileSync(stored, "utf8"))).toMatchObject({ revokedAt });
  });

  test("the facilitator of another ledger than the configured one is refused", async () => {
    box.write("home/config.json", { ...box.read<object>("home/config.json"), ledger: "2f".repeat(32) });
    const run = await box.run(`mandate grant ${LIMITS} --dry-run`);
    box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
    expect(run.json.error).toMatchObject({ code: "unsupported", details: { ledger: LEDGER } });
  });
});

describe("refund grant", () => {
  const limits = "--per-refund 2500 --total 50000 --per 24h=10000";

  test("signs a mandate that pays refunds and nothing else, and says what they can cost [refund-grant]", async () => {
    const command = `refund grant --key ${OTHER_AGENT} ${limits} --out ./refunds.json`;
    const granted = await box.run(command, { answers: [["without asking?", "y"]] });
    expect(granted.exit, granted.stderr).toBe(EXIT.ok);
    expect(granted.stderr).toMatch(/Can cost +at most 0\.00005 LGO in all/);
    expect(granted.stderr).toContain("refunds only: to the accounts that paid this one");
    expect(granted.stderr).not.toMatch(/ANY ACCOUNT|Origins/);
    const signed = box.read<SignedMandate>("refunds.json");
    expect(await isGenuineMandate(signed)).toBe(true);
    expect(signed.mandate).toMatchObject({ from: owner.account, agent: OTHER_AGENT, schemes: ["refund"], payees: ["*"], origins: ["*"] });
    const code = shortCode(mandateDigest(signed.mandate));
    const [list, show] = [await box.run("mandate list", { terminal: true }), await box.run(`mandate show ${code}`, { terminal: true })];
    for (const { stdout } of [list, show]) expect(stdout).toContain("refunds only, to the accounts that paid");
    expect(show.stdout).not.toMatch(/origins|any account/);
    // What it can cost counts with all that is open.
    expect((await draft()).screen).toMatch(/With others +\d+ other mandates? (is|are) open here; together at most/);
  });

  test("a draft is granted as it was read, and without a key or a terminal nothing is", async () => {
    const written = await box.run(`refund grant --key ${OTHER_AGENT} ${limits} --dry-run --out ./refund-draft.json`);
    const digest = String(written.json.data["mandate"]);
    expect((await box.run(["mandate", "grant", "--draft", "./refund-draft.json", "--confirm", digest])).exit).toBe(EXIT.ok);
    expect(kept(digest).signed.mandate.schemes).toEqual(["refund"]);
    const asked = await box.run(`refund grant --key ${OTHER_AGENT} ${limits} --out ./none.json`);
    expect([asked.exit, asked.json.error.code]).toEqual([EXIT.approvalPending, "interaction_required"]);
    const neither = await box.run(`refund grant ${limits} --out ./none.json`);
    expect([neither.exit, neither.json.error.message]).toEqual([EXIT.usage, expect.stringContaining("--origin")]);
    expect(existsSync(box.path("none.json"))).toBe(false);
  });
});

describe("mandate propose", () => {
  const reason = ["--reason", "Daily forecasts for the plan that you asked for."];
  const propose = (limits: string, ...words: string[]) => box.run([...`mandate propose ${limits}`.split(" "), ...reason, ...words]);

  test("an agent writes limits down; the owner lowers them and grants what it read [mandate-proposed]", async () => {
    const proposed = await propose(LIMITS, "--account", owner.account, "--out", "./proposed.json");
    expect(proposed.exit, proposed.stdout).toBe(EXIT.ok);
    expect(proposed.json.next).toMatchObject({ by: "owner", argv: expect.arrayContaining(["grant", "--draft"]) as string[] });
    const written = box.read<Mandate>("proposed.json");
    expect(written).toMatchObject({ from: owner.account, agent: agent.publicKey, note: reason[1], total: "50000" });
    const lowered = await box.run("mandate grant --draft ./proposed.json --total 30000 --dry-run --out ./lowered.json");
    expect(lowered.stderr).toContain("at most 0.00003 LGO in all");
    const digest = String(lowered.json.data["mandate"]);
    expect((await box.run(["mandate", "grant", "--draft", "./lowered.json", "--confirm", digest])).exit).toBe(EXIT.ok);
    expect(kept(digest).signed.mandate).toMatchObject({ total: "30000", note: reason[1] });
  });

  test.each([
    ["without a file", LIMITS, "--out"],
    ["without limits", `--origin ${origin} --out ./none.json`, "--total"],
    ["over a file that exists", `${LIMITS} --out ./proposed.json`, "exists already"],
  ])("writes nothing %s", async (_, limits, said) => {
    const run = await propose(limits, "--account", owner.account);
    expect(run.exit).toBe(EXIT.usage);
    expect(run.json.error.message).toContain(said);
  });

  test("needs a reason of 32 visible characters", async () => {
    const run = await box.run(["mandate", "propose", ...LIMITS.split(" "), "--reason", "because", "--out", "./short.json"]);
    expect(run.json.error.message).toContain("32 visible characters");
  });
});

describe("what a mandate has used", () => {
  const usage = { status: "open", settled: "20000", claimed: "5000", period: { used: "15000", payments: 2, endsAt: 1_900_000_000 } };

  test("is a bar, and what is left, for owner and agent", async () => {
    const { digest, code } = await grant();
    facilitator.mandates[digest] = usage;
    const expected = {
      status: "open",
      used: { amount: "25000" },
      left: { amount: "25000" },
      period: { used: { amount: "15000" }, left: { amount: "5000" }, payments: 2, paymentsLeft: 3 },
    };
    expect((await box.run(`mandate show ${code}`)).json.data).toMatchObject({ shortCode: code, usage: expected });
    const { json } = await box.run("mandate list");
    expect((json.data["mandates"] as { mandate: string }[]).find(({ mandate }) => mandate === digest)).toMatchObject({ usage: expected });
    const { stdout } = await box.run("budget", { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain(`${"█".repeat(10)}${"░".repeat(10)}  0.000025 LGO used, 0.000025 LGO left`);
    expect(stdout).toContain(`${"█".repeat(15)}${"░".repeat(5)}  0.000015 LGO used, 0.000005 LGO, 3 payments`);
  });

  test("fits on the screen, with any number of origins", async () => {
    const origins = Array.from({ length: 9 }, (_, i) => `--origin https://shop-${i}.example`).join(" ");
    const { code } = await grant(`${origins} --payee ${PAYEE} --per-payment 10 --total 50`);
    for (const words of [["mandate", "show", code], ["budget"], ["spending"]]) {
      const { stdout } = await box.run(words, { terminal: true, env: { NO_COLOR: "1" } });
      expect(stdout).toContain("https://shop-8.example");
      for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test("is in spending: a bar per open mandate; what its ledger does not say is a line [spending-mandates]", async () => {
    const spent = async () => (await box.run("spending")).json.data["mandates"] as { lines: { mandate: string }[]; more: number };
    const [first, second, revoked] = [await grant(), await grant(), await grant()];
    facilitator.mandates[first.digest] = usage;
    facilitator.mandates[revoked.digest] = { status: "revoked", revokedAt: 1 };
    const lineOf = async ({ digest }: { digest: string }) => (await spent()).lines.find(({ mandate }) => mandate === digest);
    expect(await lineOf(first)).toMatchObject({ usage: { used: { amount: "25000" }, left: { amount: "25000" } } });
    expect(await lineOf(second)).toMatchObject({ usage: { used: { amount: "0" } } });
    expect(await lineOf(revoked)).toBeUndefined();
    const { stdout } = await box.run("spending", { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain(`  ${first.code}  `);
    expect(stdout).toContain(`in all      ${"█".repeat(10)}${"░".repeat(10)}  0.000025 LGO used, 0.000025 LGO left`);
    const silent = await box.run("spending --facilitator-url http://127.0.0.1:1", { terminal: true, env: { NO_COLOR: "1" } });
    expect(silent.exit).toBe(EXIT.ok);
    expect(silent.stdout).toContain("not known: ");
  });

  test("is not known of another ledger, and of a facilitator that knows no mandates", async () => {
    const { code } = await grant();
    facilitator.ledger = "2f".repeat(32);
    const { data } = (await box.run(`mandate show ${code}`)).json;
    expect(data["usage"]).toBeUndefined();
    expect(data["problem"]).toContain("another ledger");
  });

  test("a revocation of all that were granted by then counts for one that was never used", async () => {
    const { digest, code } = await grant();
    facilitator.mandates[digest] = { status: "unused", revokedBefore: Number(kept(digest).signed.mandate.grantedAt) };
    expect((await box.run(`mandate show ${code}`)).json.data["usage"]).toMatchObject({ status: "revoked" });
    facilitator.mandates[digest] = { status: "unused", revokedBefore: Number(kept(digest).signed.mandate.grantedAt) - 1 };
    expect((await box.run(`mandate show ${code}`)).json.data["usage"]).toMatchObject({ status: "open" });
  });

  test.each<object>([
    { status: "revoked", revokedAt: 9e15 },
    { status: "unused", revokedBefore: 9e15 },
    { status: "open", period: { used: "1", payments: 1, endsAt: Number.MAX_SAFE_INTEGER } },
  ])("a time that no calendar has is an unusable answer: %o", async (said) => {
    const { digest } = await grant();
    facilitator.mandates[digest] = said;
    const { exit, json } = await box.run(`mandate show ${digest}`);
    expect(exit).toBe(EXIT.ok);
    expect(json.data["problem"]).toContain("unusable answer");
  });

  test("a mandate whose file was removed, or says that it was revoked, is in the list all the same [mandate-lost]", async () => {
    const removed = await grant();
    const marked = await grant();
    rmSync(box.path(`home/mandates/${removed.digest}.json`));
    const file = `home/mandates/${marked.digest}.json`;
    box.write(file, { ...box.read<object>(file), revokedAt: "2026-01-01T00:00:00Z" });
    const { json } = await box.run("mandate list");
    const lost = (json.data["lost"] as { mandate: string }[]).map(({ mandate }) => mandate);
    expect(lost).toEqual(expect.arrayContaining([removed.digest, marked.digest]));
    const { stdout } = await box.run("mandate list", { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain(`lez-agent-pay mandate revoke ${removed.digest}`);
    expect((await box.run(["mandate", "revoke", removed.digest, "--dry-run"])).json.data["mandates"]).toEqual([removed.code]);
  });

  test("one of an account of several keys is revoked by one of them, with the recovery file [mandate-revoked-policy]", async () => {
    const other = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj";
    const made = await box.run(`policy create --key ${other} --key ${owner.account} --out ./recovery.json --force`);
    const digest = "7c".repeat(32);
    const run = await box.run(["mandate", "revoke", digest, "--recovery", "./recovery.json"]);
    expect(run.exit, run.stderr).toBe(EXIT.ok);
    const signed = facilitator.revoked.at(-1);
    expect(signed?.revocation).toMatchObject({ from: made.json.data["account"], mandate: digest });
    expect(signed && (await isGenuineRevocation(signed))).toBe(true);
  });

  test("a code that no mandate has is named", async () => {
    expect((await box.run("mandate show 0000-0000")).json.error).toMatchObject({ code: "mandate_not_found" });
  });
});

describe("mandate accept, on the agent's machine", () => {
  const elsewhere = sandbox();

  test("takes a mandate for its own key, signed by its account [mandate-accept]", async () => {
    const { digest } = await grant(LIMITS, "--out", "./for-agent.json");
    await elsewhere.run("doctor");
    elsewhere.write("agent.json", box.read<object>("agent.json"));
    elsewhere.write("home/config.json", { facilitatorUrl: facilitator.url, agentFile: "../agent.json" });
    const signed = box.read<SignedMandate>("for-agent.json");
    elsewhere.write("mandate.json", signed);
    const run = await elsewhere.run("mandate accept ./mandate.json");
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    expect(run.json.data).toMatchObject({ mandate: digest, origins: [origin] });
    const { json } = await elsewhere.run("budget");
    expect(json.data["mandates"]).toMatchObject([{ mandate: digest, usage: { left: { amount: "50000" } } }]);
  });

  test.each<[string, (signed: SignedMandate) => object, string]>([
    ["changed by a unit", (signed) => ({ ...signed, mandate: { ...signed.mandate, total: "50001" } }), "invalid_file"],
    ["signed by another key", (signed) => ({ ...signed, publicKey: agent.publicKey }), "invalid_file"],
    [
      "with a limit that this version does not know",
      (signed) => ({ ...signed, mandate: { ...signed.mandate, hours: "9-17" } }),
      "invalid_file",
    ],
    ["without its signature", ({ mandate }) => mandate, "invalid_file"],
  ])("refuses one %s", async (_, changed, code) => {
    elsewhere.write("changed.json", changed(box.read<SignedMandate>("for-agent.json")));
    expect((await elsewhere.run("mandate accept ./changed.json")).json.error.code).toBe(code);
  });

  test("refuses one for another agent's key", async () => {
    await elsewhere.run("agent create --out ./second.json");
    const run = await elsewhere.run("mandate accept ./mandate.json --agent-file ./second.json");
    expect(run.json.error).toMatchObject({ code: "wrong_role" });
  });
});

describe("fetch within a mandate", () => {
  const fetchOf = (query: string, ...words: string[]) =>
    box.run(["fetch", `${merchant.url}?${query}`, "--reason", "The weekly comparison of prices needs this page.", ...words]);
  beforeEach(() => merchant.reset());
  afterEach(async () => {
    for (const name of readdirSync(box.path("home/mandates"))) rmSync(box.path(`home/mandates/${name}`));
  });

  test("a refusal of the ledger asks the owner, once, and no other mandate pays the request [mandate-falls-back]", async () => {
    const { code } = await grant(LIMITS.replace("7d", "1d"));
    await grant();
    let refusals = 0;
    merchant.behaviour = {
      instead(_request, response, paid) {
        if (!paid) return false;
        refusals++;
        const body = { success: false, errorReason: "mandate_exceeded", transaction: "", network: NETWORK, payer: owner.account };
        response.writeHead(402, { [PAYMENT_RESPONSE]: encodeHeader(body), [PAYMENT_ERROR]: "mandate_exceeded" }).end("{}");
        return true;
      },
    };
    const asked = await fetchOf("falls-back");
    expect(asked.exit, asked.stdout).toBe(EXIT.approvalPending);
    expect(asked.stderr).toContain(`Mandate ${code} does not pay this (mandate_exceeded). The owner is asked.`);
    expect((await fetchOf("falls-back")).exit).toBe(EXIT.approvalPending);
    expect(refusals).toBe(1);
    merchant.reset();
    const { shortCode, requestDigest } = asked.json.error.details as { shortCode: string; requestDigest: string };
    expect((await box.run(["approve", shortCode, "--confirm", requestDigest])).exit).toBe(EXIT.ok);
    const bought = await box.run(["fetch", "--resume", shortCode]);
    expect(bought.exit, bought.stdout).toBe(EXIT.ok);
    expect(bought.json.data["mandate"]).toBeUndefined();
  });

  describe("the owner's notifier", () => {
    const told = () => (existsSync(box.path("told")) ? readFileSync(box.path("told"), "utf8") : "");
    const refuseAll = (code = "mandate_exceeded") => {
      merchant.behaviour = {
        instead(_request, response, paid) {
          if (!paid) return false;
          const body = { success: false, errorReason: code, transaction: "", network: NETWORK, payer: owner.account };
          response.writeHead(402, { [PAYMENT_RESPONSE]: encodeHeader(body), [PAYMENT_ERROR]: code }).end("{}");
          return true;
        },
      };
    };
    beforeEach(() => {
      rmSync(box.path("told"), { force: true });
      box.write("notifier.mjs", `import { appendFileSync } from "node:fs"; appendFileSync(${JSON.stringify(box.path("told"))}, "told ");`);
      mkdirSync(box.path("account/.config/lez-agent-pay"), { recursive: true, mode: 0o700 });
      box.write("account/.config/lez-agent-pay/config.json", { onRequest: [process.execPath, box.path("notifier.mjs")] });
    });
    afterAll(() => rmSync(box.path("account"), { recursive: true }));

    test("is told once of a request that a mandate did not pay, in whichever run that is [mandate-told-later]", async () => {
      const { digest } = await grant();
      merchant.behaviour = { instead: (_request, response, paid) => paid && Boolean(response.destroy()) };
      expect((await fetchOf("told-later")).exit).toBe(EXIT.outcomeUnknown);
      expect(told()).toBe("");
      refuseAll();
      const { json } = await fetchOf("told-later");
      expect(json.error.code).toBe("mandate_exceeded");
      facilitator.mandates[digest] = { status: "open", settled: "50000", claimed: "0" };
      expect((await fetchOf("told-later")).exit).toBe(EXIT.approvalPending);
      expect((await fetchOf("told-later")).exit).toBe(EXIT.approvalPending);
      expect(told()).toBe("told ");
    });

    test("is not told with --no-ask, and the request is withdrawn [mandate-no-ask-withdrawn]", async () => {
      await grant();
      refuseAll();
      const run = await fetchOf("no-ask", "--no-ask");
      expect([run.exit, run.json.error.code]).toEqual([EXIT.notAsked, "not_asked"]);
      expect(run.stderr).not.toContain("The owner is asked");
      expect(told()).toBe("");
      const { json } = await box.run("inbox");
      expect((json.data["requests"] as { url: string }[]).filter(({ url }) => url.endsWith("?no-ask"))).toEqual([]);
      // Without the flag it is another request.
      expect((await fetchOf("no-ask")).exit).toBe(EXIT.approvalPending);
    });
  });

  test("an agent that its owner has blocked pays within none, and the owner reads which are open [mandate-blocked]", async () => {
    const { code } = await grant();
    const blocked = await box.run(["inbox", "block", agent.publicKey]);
    expect(blocked.json.data["mandates"]).toEqual([code]);
    const run = await fetchOf("blocked");
    expect((await box.run(["inbox", "allow", agent.publicKey])).exit).toBe(EXIT.ok);
    expect(run.exit).toBe(EXIT.approvalPending);
    expect(merchant.presented).toEqual([]);
  });

  test("withdrawn or decided while merchant and ledger are asked, a request is not paid within it [mandate-decided-meanwhile]", async () => {
    const asked = await fetchOf("meanwhile");
    const { shortCode, requestDigest } = asked.json.error.details as { shortCode: string; requestDigest: string };
    expect((await box.run(["request", "cancel", shortCode])).exit).toBe(EXIT.ok);
    const file = `home/inbox/${requestDigest}.cancelled.json`;
    const cancelled = box.read<object>(file);
    rmSync(box.path(file));
    const { digest } = await grant();
    Object.defineProperty(facilitator.mandates, digest, {
      get() {
        box.write(file, cancelled);
        return { status: "open", settled: "0", claimed: "0" };
      },
    });
    expect((await box.run(["fetch", "--resume", shortCode])).json.error.code).toBe("request_cancelled");
    expect(merchant.presented).toEqual([]);
  });

  test("a dry run says that it would pay within it, and with --no-ask that nothing would", async () => {
    expect((await fetchOf("dry", "--dry-run", "--no-ask")).exit).toBe(EXIT.notAsked);
    const { code } = await grant();
    expect((await fetchOf("dry", "--dry-run", "--no-ask")).json.data["mandate"]).toBe(code);
    const words = ["fetch", `${merchant.url}?dry`, "--reason", "The weekly comparison of prices needs this page.", "--dry-run"];
    const { stdout } = await box.run(words, { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain(`without asking, within mandate ${code}`);
    expect(merchant.presented).toEqual([]);
  });

  test("what was bought within it says so in the lists and in the accounts [mandate-in-lists]", async () => {
    const { code } = await grant();
    const bought = await fetchOf("in-lists");
    expect(bought.exit, bought.stdout).toBe(EXIT.ok);
    const shown = await box.run(["request", "show", String(bought.json.data["shortCode"])]);
    expect(shown.json.data).toMatchObject({ state: "paid", mandate: code });
    const { stdout } = await box.run("request list --state paid", { terminal: true, env: { NO_COLOR: "1" } });
    expect(stdout).toContain(`mandate ${code}`);
    expect((await box.run("audit export --format payments --out ./payments.csv")).exit).toBe(EXIT.ok);
    expect(readFileSync(box.path("payments.csv"), "utf8")).toContain(
      `"${String(bought.json.data["shortCode"])}","${code}","0","","","logos:lez-testnet",""\n`,
    );
  });

  test("a mandate that has nothing left does not keep a request from its owner, whatever the merchant offers by now", async () => {
    expect((await fetchOf("used-up")).exit).toBe(EXIT.approvalPending);
    const { digest } = await grant();
    facilitator.mandates[digest] = { status: "open", settled: "50000", claimed: "0" };
    merchant.behaviour = { amount: "9000" };
    expect((await fetchOf("used-up")).exit).toBe(EXIT.approvalPending);
  });

  test("a run that was killed before it paid asks the merchant again, then pays within it [mandate-resumed]", async () => {
    const asked = await fetchOf("resumed");
    expect(asked.exit).toBe(EXIT.approvalPending);
    const { code } = await grant();
    const bought = await fetchOf("resumed");
    expect(bought.exit, bought.stdout).toBe(EXIT.ok);
    expect(bought.json.data["mandate"]).toMatchObject({ shortCode: code });
  });

  test("a merchant that wants another account, or another price than the request's, is paid nothing [mandate-merchant-changed]", async () => {
    await grant(`--origin ${origin} --payee * --per-payment 10000 --total 50000`);
    merchant.behaviour = { bind: false, offer: { payTo: owner.account } };
    const changed = await fetchOf("changed");
    expect([changed.exit, changed.json.error.code]).toEqual([EXIT.differs, "merchant_changed"]);
    merchant.reset();
    expect((await fetchOf("dearer", "--dry-run")).exit).toBe(EXIT.ok);
    for (const name of readdirSync(box.path("home/mandates"))) rmSync(box.path(`home/mandates/${name}`));
    expect((await fetchOf("dearer")).exit).toBe(EXIT.approvalPending);
    await grant();
    merchant.behaviour = { amount: "9000" };
    const dearer = await fetchOf("dearer");
    expect([dearer.exit, dearer.json.error.code]).toEqual([EXIT.differs, "terms_differ"]);
    expect(merchant.presented).toEqual([]);
  });

  test("a mandate for any payee pays no unknown host, unless it names that host [mandate-any-payee]", async () => {
    const other = await startMerchant();
    const buy = (query: string) =>
      box.run(["fetch", `${other.url}?${query}`, "--reason", "The weekly comparison of prices needs this page."]);
    await grant(`--origin * --payee * --per-payment 10000 --total 50000`);
    expect((await buy("unknown")).exit).toBe(EXIT.approvalPending);
    expect(other.presented).toEqual([]);
    // That request has pinned it.
    expect((await buy("known")).exit).toBe(EXIT.ok);
    const third = await startMerchant();
    await grant(`--origin ${new URL(third.url).origin} --payee * --per-payment 10000 --total 50000 --for 1d`);
    const named = await box.run(["fetch", third.url, "--reason", "The weekly comparison of prices needs this page."]);
    expect(named.exit, named.stdout).toBe(EXIT.ok);
  });

  test("the screen says what is left, and why its agent asks [screen-mandate]", async () => {
    const asked = await fetchOf("screen");
    const { shortCode, requestDigest } = asked.json.error.details as { shortCode: string; requestDigest: string };
    const shown = async (...words: string[]) => {
      const { stderr } = await box.run(["approve", shortCode, "--dry-run", ...words]);
      return stderr.replaceAll(/\s+/g, " ");
    };
    const calls: string[] = [];
    facilitator.mandates = new Proxy({}, { get: (_, digest) => void calls.push(String(digest)) });
    expect(await shown()).not.toContain("Mandate ");
    expect(calls).toEqual([]);
    await grant(`${LIMITS} --agent ${OTHER_AGENT}`);
    expect(await shown()).not.toContain("Mandate ");
    expect(calls).toEqual([]);

    const { digest, code } = await grant();
    facilitator.mandates = { [digest]: { status: "open", settled: "40000", claimed: "5000" } };
    expect(await shown()).toContain(`Mandate ${code}: ██████████████████░░ used, 0.000005 LGO of 0.00005 LGO left, not enough for this`);
    expect(await shown("--offline")).toContain(
      `Mandate ${code}: 0.00005 LGO in all; how much of it is left is not known: it was not asked for`,
    );
    facilitator.ledger = "2f".repeat(32);
    expect(await shown()).toContain("is not known: This facilitator keeps another ledger");
    facilitator.ledger = LEDGER;
    facilitator.mandates = { [digest]: { status: "revoked", revokedAt: 1 } };
    expect(await shown()).not.toContain("Mandate ");
    expect((await box.run(["approve", shortCode, "--confirm", requestDigest])).exit).toBe(EXIT.ok);
  });

  test.each([
    ["dearer than one payment may be", LIMITS.replace("--per-payment 10000", "--per-payment 9999")],
    ["of another payee", `--origin ${origin} --payee ${owner.account} --per-payment 10000 --total 50000`],
    ["of another origin", `--origin https://shop.example --payee ${PAYEE} --per-payment 10000 --total 50000`],
    ["beyond what is left", LIMITS.replace("--total 50000", "--total 9999").replace("--per 24h=20000,5 ", "")],
  ])("a request %s is asked for", async (what, limits) => {
    const { digest } = await grant(limits);
    facilitator.mandates[digest] = { status: "open", settled: "0", claimed: "0" };
    expect((await fetchOf(what.replaceAll(" ", "-"))).exit).toBe(EXIT.approvalPending);
    expect(merchant.presented).toEqual([]);
  });
});
