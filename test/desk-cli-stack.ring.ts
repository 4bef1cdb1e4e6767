/** `npm run desk`: the command line and a real desk: paired, asked, approved with a passkey in software, paid; and `pair` on a real terminal. */

import { describe, expect, test } from "vitest";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, type Run, sandbox } from "../agent-cli/testing/cli.ts";
import { linkIn } from "../agent-cli/testing/hosted-desk.ts";
import { people } from "../agent-cli/testing/people.ts";
import { served } from "../agent-cli/testing/served.ts";
import { fromBase64url } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { readApproval } from "../shared/desk/approval-wire.ts";
import { pairingCode } from "../shared/desk/pairing-place.ts";
import { recoveryFile } from "../shared/desk/recovery-file.ts";
import { type SignElsewhere, signElsewhereText } from "../shared/desk/sign-elsewhere.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { authorizationDigest } from "../shared/protocol/authorization.ts";
import { type Pairing, pairingDigest, type SignedDeskSetting, type SignedLogin, type SignedPairing } from "../shared/protocol/desk.ts";
import { mandateDigest } from "../shared/protocol/mandate.ts";
import { shortCode } from "../shared/protocol/payment-request.ts";
import { policySigner } from "../shared/protocol/policy-signer.ts";
import type { Policy } from "../shared/protocol/policy.ts";
import { prove } from "../shared/protocol/proof.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import type { PaymentPayload } from "../shared/x402/x402.ts";
import { Page, passkeyAt } from "./desk/people.ts";
import { useDesk } from "./desk/world.ts";
import { policyOf, type TestPasskey } from "./passkey.ts";
import { newMandate } from "./signed.ts";

const world = useDesk();
const box = sandbox();
const { agent } = await people(box);

/** What the link asks the page to confirm. */
function pairingOf(page: Page, link: string): Pairing {
  const [key = "", secret = ""] = new URL(link).hash.slice("#/pair/".length).split(".");
  return { desk: world.desk, account: page.account, agent: key, secret };
}

/** The page confirms the link that the agent has printed. */
async function confirm(page: Page, link: string): Promise<void> {
  const pairing = pairingOf(page, link);
  await page.call("pair", { pairing: { pairing, ...(await prove(pairingDigest(pairing), page.signer)) }, name: "Research agent" });
}

async function configure(): Promise<void> {
  served(world.stack.merchant);
  await box.run("doctor");
  box.write("home/config.json", { agentFile: box.path("agent.json"), desk: world.desk, facilitatorUrl: world.stack.facilitator });
}

/** A signed-in owner with money, paired with the agent of the sandbox. */
async function paired(): Promise<Page> {
  await configure();
  await box.run("unpair");
  const page = new Page(world.desk, world.passkey());
  await page.signIn();
  await world.fund(page.account);
  await pairAgent(page, (link) => confirm(page, link));
  return page;
}

/** Runs `pair`, and confirms its link. */
async function pairAgent(page: Page, confirmed: (link: string) => Promise<void>): Promise<void> {
  const once = { done: false };
  const run = await box.run(["pair", "--owner", page.account], {
    heard: (said) => {
      if (once.done || !said.includes("#/pair/")) return;
      once.done = true;
      void confirmed(linkIn(said));
    },
  });
  expect(run.json.data).toMatchObject({ account: page.account, desk: world.desk });
}

/** What a command prints for the page's field. */
const printed = (text: unknown): unknown => JSON.parse(Buffer.from(fromBase64url(text as string) ?? []).toString());

/** What waits at the desk, as its page lists it. */
async function waiting(page: Page): Promise<Digest> {
  const listed = async () => (await page.call("requests", { all: false })).requests[0]?.requestDigest;
  await expect.poll(listed, { timeout: 30_000 }).toBeDefined();
  return (await listed()) as Digest;
}
const buy = (): Promise<Run> => box.run(["fetch", world.url(), "--reason", REASON, "--wait"]);

describe("an agent whose owner has a passkey", () => {
  test("is paired, asks, and gets what it paid for [agent-desk-whole-way]", async () => {
    const page = await paired();
    expect((await box.run("doctor")).json.data["checks"]).toContainEqual(expect.objectContaining({ check: "desk", verdict: "good" }));
    const running = buy();
    expect((await page.approve(await waiting(page))).verdict).toBe("ok");
    const run = await running;
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    expect(run.json.data["response"].status).toBe(200);
    const [listed] = (await page.call("requests", { all: true })).requests;
    expect(listed).toMatchObject({ state: "paid" });
    const receipt = await page.call("receipt", { request: listed?.requestDigest ?? "" });
    expect(receipt).toMatchObject({ stated: { fits: true, by: "agent" }, signed: { receipt: true }, report: { verdict: "verified" } });
    expect((await box.run("audit verify --offline")).exit).toBe(EXIT.ok);
  });

  test("withdraws a request, and the desk's list has it no more", async () => {
    const page = await paired();
    const made = await box.run(["request", "create", world.url(), "--reason", REASON, "--inbox"]);
    expect((await waiting(page)) === made.json.data["requestDigest"]).toBe(true);
    const cancelled = await box.run(["request", "cancel", String(made.json.data["shortCode"])]);
    expect([cancelled.json.data["toldDesk"], (await page.call("requests", { all: false })).requests]).toEqual([true, []]);
  });

  test("is told when its owner ends the pairing there", async () => {
    const page = await paired();
    expect((await page.set("agent.unpair", { publicKey: agent.publicKey })).verdict).toBe("ok");
    const run = await box.run(["fetch", world.url(), "--reason", REASON]);
    expect([run.exit, run.stderr.replaceAll(/\s+/g, " ")]).toEqual([EXIT.approvalPending, expect.stringContaining("refuses")]);
    expect((await box.run("doctor")).json.error.message).toContain("desk");
  });
});

describe("the owner of an Ed25519 key", () => {
  test("signs in with what `desk sign-in` prints, and pairs and changes a setting with what `desk sign` prints, and decides a saved request [desk-sign-in]", async () => {
    await configure();
    box.write("secret.txt", PASSPHRASE);
    await box.run(["owner", "create", "--out", "./sealed.json", "--passphrase-file", "./secret.txt"]);
    const secretKey = new Uint8Array(32).fill(7);
    const signer = await keySigner(secretKey);
    box.write("plain.json", {
      format: "lez-agent-pay/key/1",
      role: "owner",
      account: signer.account,
      publicKey: signer.publicKey,
      createdAt: "2026-01-31T00:00:00Z",
      secretKey: "07".repeat(32),
    });
    const page = new Page(world.desk, signer);
    const words = ["--desk", world.desk, "--owner-file", "./plain.json"];
    const { nonce } = await page.call("loginNonce", { account: page.account });
    const signedIn = await box.run(["desk", "sign-in", nonce, ...words]);
    expect((await page.signIn(printed(signedIn.json.data["signedLogin"]) as SignedLogin)).verdict).toBe("ok");
    await world.fund(page.account);

    const sign = (what: SignElsewhere) => box.run(["desk", "sign", signElsewhereText(what), ...words]);
    await box.run("unpair");
    await pairAgent(page, async (link) => {
      const object = pairingOf(page, link);
      const run = await sign({ type: "Pairing", object });
      expect(run.stderr).toContain(pairingCode(object));
      await page.call("pair", { pairing: printed(run.json.data["signed"]) as SignedPairing, name: "Research agent" });
    });
    const { deskSetting } = await page.signedSetting("notices.say-more", { on: true });
    const changed = await sign({ type: "DeskSetting", object: deskSetting });
    const setting = printed(changed.json.data["signed"]) as SignedDeskSetting;
    expect((await page.call("set", { setting })).noticesSayMore).toBe(true);

    const running = buy();
    const digest = await waiting(page);
    const { text } = await page.call("file", { request: digest });
    box.write("from-desk.json", text);
    const files = "--request-file ./from-desk.json --owner-file ./plain.json --out ./decided.json";
    expect((await box.run(`approve ${files} --confirm ${digest}`)).exit).toBe(EXIT.ok);
    await page.send("decide", { payment: box.read<PaymentPayload>("decided.json") });
    expect((await running).exit).toBe(EXIT.ok);
  });
});

describe("a policy of two of three, with two of its keys at terminals", async () => {
  /** One sealed, one plain, and a passkey on a phone. */
  const accounts: string[] = [];
  for (const name of ["sealed", "second"]) {
    box.write("secret.txt", PASSPHRASE);
    const made = await box.run(["owner", "create", "--out", `./${name}-part.json`, "--passphrase-file", "./secret.txt"]);
    accounts.push(String(made.json.data["account"]));
  }

  async function together(): Promise<{ page: Page; phone: TestPasskey; policy: Policy }> {
    await configure();
    await box.run("unpair");
    const phone = passkeyAt(world.desk);
    const policy = policyOf(2, phone, ...accounts.map((account) => ({ account: account as AccountId })));
    const page = new Page(world.desk, policySigner(policy, [phone]));
    await page.signIn();
    await world.fund(page.account);
    await pairAgent(page, (link) => confirm(page, link));
    box.write("recovery.json", recoveryFile({ account: page.account, policy }));
    return { page, phone, policy };
  }

  const signAt = (key: string, code: string, ...words: string[]) =>
    box.run(
      ["desk", "sign", code, "--desk", world.desk, "--recovery", "./recovery.json"].concat(
        ["--owner-file", `./${key}-part.json`, "--passphrase-file", "./secret.txt"],
        words,
      ),
    );
  /** What the phone's page sends: its part of what another key has signed, or else of what it makes. */
  async function signOnPhone({ page, phone, policy }: Awaited<ReturnType<typeof together>>, digest: Digest) {
    const { view, partial } = await page.call("read", { request: digest });
    const reading = await readApproval(view);
    if (!reading.ok || partial?.session) throw new Error("no payment");
    const authorization = partial?.authorization ?? reading.view.authorization;
    const proof = phone.assert(authorizationDigest(authorization));
    return page.call("partial", { request: digest, authorization, policy, proof });
  }

  test("the phone first, then a sealed key: its owner reads what the phone has signed, and the agent pays [desk-part-after-phone]", async () => {
    const all = await together();
    const running = buy();
    const digest = await waiting(all.page);
    expect(await signOnPhone(all, digest)).toMatchObject({ whole: false, missing: 1 });
    const unread = await signAt("sealed", shortCode(digest));
    expect([unread.exit, unread.json.error.code]).toEqual([EXIT.approvalPending, "interaction_required"]);
    const run = await signAt("sealed", shortCode(digest), "--confirm", digest);
    expect(run.json.data).toMatchObject({ what: "request", did: "signed", whole: true, missing: 0, account: all.page.account });
    for (const fact of ["PAYMENT REQUEST", shortCode(digest), `Signed by   ${all.phone.account}`, "is number 2 of the 2"])
      expect(run.stderr).toContain(fact);
    expect((await running).exit).toBe(EXIT.ok);
    const again = await signAt("sealed", shortCode(digest), "--confirm", digest);
    expect([again.exit, again.json.error.code]).toEqual([EXIT.differs, "decided_meanwhile"]);
  });

  test("a terminal first, once however often it signs, then the phone [desk-part-before-phone]", async () => {
    const all = await together();
    const running = buy();
    const digest = await waiting(all.page);
    expect((await signAt("sealed", digest, "--confirm", digest)).json.data).toMatchObject({ whole: false, missing: 1 });
    const again = await signAt("sealed", digest, "--confirm", digest);
    expect(again.json.data).toMatchObject({ whole: false, missing: 1, already: true });
    expect(await signOnPhone(all, digest)).toMatchObject({ whole: true });
    expect((await running).exit).toBe(EXIT.ok);
  });

  test("two terminals at once make one payment [desk-part-two-terminals]", async () => {
    const { page } = await together();
    const running = buy();
    const digest = await waiting(page);
    const runs = await Promise.all(["sealed", "second"].map((key) => signAt(key, digest, "--confirm", digest)));
    expect(new Set(runs.map(({ json }) => json.data["whole"]))).toEqual(new Set([false, true]));
    expect((await running).exit).toBe(EXIT.ok);
  });

  test("one key's no is the account's, and is told once more [desk-part-declines]", async () => {
    const { page } = await together();
    const running = buy();
    const digest = await waiting(page);
    const no = () => signAt("second", digest, "--decline", "--code", "too_expensive");
    expect((await no()).json.data).toMatchObject({ did: "declined", digest });
    expect((await no()).json.data).toMatchObject({ did: "declined", already: true });
    expect((await running).exit).toBe(EXIT.declined);
  });

  test("a key at a terminal completes an allowance that the phone proposes, or drops it [desk-part-allowance]", async () => {
    const { page, phone, policy } = await together();
    const limits = {
      from: page.account,
      origins: [world.stack.merchant],
      payees: [world.stack.payTo as AccountId],
      agent: agent.publicKey,
      total: "10000" as Amount,
    };
    for (const drops of [true, false]) {
      const { mandate } = await newMandate(agent, agent, world.stack.ledger as Digest, limits);
      const digest = mandateDigest(mandate);
      await page.call("grantPart", { mandate, policy, proof: phone.assert(digest) });
      const words = drops ? ["--decline"] : ["--confirm", digest];
      const run = await signAt("sealed", shortCode(digest), ...words);
      expect(run.json.data).toMatchObject(
        drops ? { what: "allowance", did: "declined" } : { what: "allowance", did: "signed", whole: true },
      );
    }
    expect((await buy()).json.data["mandate"]).toBeDefined();
  });
});

describe("pair on a real terminal", () => {
  const narrow = 40;
  test.each([
    [80, "xterm", true],
    [narrow, "xterm", false],
    [80, "dumb", false],
  ])("of %i columns that is %s: a QR code: %s; the operator confirms the account [agent-desk-terminal]", async (cols, term, shown) => {
    await configure();
    await box.run("unpair");
    const page = new Page(world.desk, world.passkey());
    await page.signIn();
    const terminal = box.terminal("pair", { cols, env: { TERM: term } });
    await terminal.until("Waiting for the owner");
    await confirm(page, linkIn(terminal.text));
    const plain = terminal.text.replaceAll("\n", "");
    expect(/[▀▄█]/.test(plain)).toBe(shown);
    await terminal.answer("Is this the owner's", term === "dumb" ? "y\r" : "y");
    expect(await terminal.exit, terminal.text).toBe(EXIT.ok);
    expect((await box.run("whoami")).json.data["pairing"]).toMatchObject({ account: page.account });
  });

  test("Ctrl-C at the question pairs nothing, and tells the desk", async () => {
    await configure();
    await box.run("unpair");
    const page = new Page(world.desk, world.passkey());
    await page.signIn();
    const terminal = box.terminal("pair");
    await terminal.until("Waiting for the owner");
    await confirm(page, linkIn(terminal.text));
    await terminal.answer("does the desk show the same code?", "\u0003");
    expect(await terminal.exit).toBe(EXIT.interrupted);
    expect((await page.call("settings", {})).agents).toEqual([]);
    expect((await box.run("whoami")).json.data["pairing"]).toBeUndefined();
  });
});

// Last: what it grants pays for every test after it.
describe("an agent whose owner grants it an allowance", () => {
  test("pays within a mandate that the owner grants in place of an approval [agent-desk-granted]", async () => {
    const page = await paired();
    const running = buy();
    await waiting(page);
    // As much as one purchase takes: no later test is paid for.
    const limits = { from: page.account, origins: [world.stack.merchant], payees: [world.stack.payTo as AccountId] };
    const { mandate } = await newMandate(agent, agent, world.stack.ledger as Digest, limits);
    await page.call("grant", { mandate: { mandate, ...(await prove(mandateDigest(mandate), page.signer)) } });
    const run = await running;
    expect([run.exit, run.json.data["mandate"]]).toEqual([EXIT.ok, expect.objectContaining({ mandate: mandateDigest(mandate) })]);
  });
});
