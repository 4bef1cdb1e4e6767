/** The hosted desk in a real browser, for owners of every kind, and with a desk or strangers that lie. */

import { readFileSync } from "node:fs";
import type { Page, Route } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { fromBase64url, hexToBytes, toBase64url, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Granted } from "../../shared/desk/agent-api.ts";
import type { DeskSettings } from "../../shared/desk/hosted-api.ts";
import { pairingLink } from "../../shared/desk/pairing-place.ts";
import { recoveryFile } from "../../shared/desk/recovery-file.ts";
import { readSignElsewhere } from "../../shared/desk/sign-elsewhere.ts";
import { authorizationDigest } from "../../shared/protocol/authorization.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { loginDigest, pairingDigest, type SignedLogin } from "../../shared/protocol/desk.ts";
import { FACILITATOR_DECIDES, type PasskeyProof } from "../../shared/protocol/passkey.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import { prove, type ProofSigner, verifyProof } from "../../shared/protocol/proof.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { checkForApproval, signed, toSign } from "../../shared/protocol/what-is-signed.ts";
import { ATTACKS } from "../../shared/screen/testing/hostile-text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { Agent, passkeyAt, Page as DeskPage } from "../desk/people.ts";
import { policyOf } from "../passkey.ts";
import {
  approve,
  go,
  makeFirstKey,
  makeKeyFile,
  NARROW,
  openAccount,
  type Owner,
  PHONE,
  press,
  readyToPay,
  shown,
  sound,
  useHostedDesk,
} from "./hosted-world.ts";

const { world, open, signedIn, fund, pair, ask, pay } = useHostedDesk();

/** Of a passkey and a key file, with an agent. */
let owner: Owner;
let agent: Agent;
let recovery: string;
beforeAll(async () => {
  const { page, context, authenticator } = await open("#/", PHONE);
  await makeFirstKey(page);
  await makeKeyFile(page);
  const account = await openAccount(page);
  const [saved] = await Promise.all([page.waitForEvent("download"), press(page, "Save the recovery file")]);
  recovery = readFileSync(await saved.path(), "utf8");
  agent = await pair(page, "Research agent");
  await fund(account);
  owner = { account, credentials: await authenticator.credentials() };
  await context.close();
});

test("an account of two passkeys that sign together: the second is made on another device, and joins what the first has signed [hosted-two-of-two]", async () => {
  const first = await open("#/", { ...PHONE, colorScheme: "dark" });
  await makeFirstKey(first.page);
  await first.page.getByLabel("A key that I made elsewhere").check();
  await sound(first.page);
  const second = await open("#/key", NARROW);
  await second.page.getByLabel("Your name for the device").fill("Old phone");
  await press(second.page, "Make a passkey");
  await shown(second.page, "Give this text to the device");
  await sound(second.page);
  const text = (await second.page.locator(".command code").textContent()) ?? "";
  await first.page.getByLabel("What the other device shows").fill("nonsense");
  await press(first.page, "Take this key");
  await shown(first.page, "This is neither an account nor the text");
  await first.page.getByLabel("What the other device shows").fill(text);
  await press(first.page, "Take this key");
  await shown(first.page, "Old phone");
  const compared = (await second.page.locator(".id").textContent()) ?? "-";
  expect(await first.page.locator(".facts").textContent()).toContain(compared);
  await first.page.getByLabel(/^Both together/).check();
  await sound(first.page);
  const account = await openAccount(first.page);
  await fund(account);
  const own = await pair(first.page, "Office agent");

  const { digest, request, code, at } = await ask(own, { account });
  await go(first.page, at);
  await approve(first.page, code);
  await shown(first.page, "1 of 2 keys have signed this.");
  expect(await own.look(account, digest)).toMatchObject({ state: "pending" });

  await second.page.goto(`${world.desk}/#/account/${account}`);
  await second.page.reload();
  await press(second.page, "Sign in with my passkey");
  await shown(second.page, "Inbox");
  await go(second.page, at);
  await shown(second.page, "1 of 2 keys have signed this.");
  await sound(second.page);
  await approve(second.page, code);
  await shown(second.page, "You approved it.");
  expect(await pay(own, { account }, digest, request.http.url)).toBe(200);

  const granted = async () => ((await own.send("GET", own.at(account, "mandates"))).body.data as Granted).mandates.length;
  const sign = async (page: Page) => {
    const typed = page.getByLabel("Type the short code of the allowance");
    if ((await typed.count()) > 0) await typed.fill((await page.locator(".codes .code").textContent()) ?? "");
    await press(page, "Grant it with my passkey");
  };
  await go(second.page, (await ask(own, { account })).at);
  await second.page.getByRole("link", { name: "Grant an allowance instead" }).click();
  await press(second.page, "Read it before you sign");
  await shown(second.page, "at most 0.0002 LGO in all");
  await sign(second.page);
  await shown(second.page, "It is granted once 1 more of the account's keys");
  await sound(second.page);
  expect(await granted()).toBe(0);
  await go(first.page, "#/allowances");
  await shown(first.page, "An allowance waits for more keys.");
  await sound(first.page);
  await first.page.getByRole("link", { name: "Read it" }).click();
  await shown(first.page, "1 of the account's keys has signed this.");
  await shown(first.page, "at most 0.0002 LGO in all");
  await sound(first.page);
  await sign(first.page);
  await shown(first.page, "✓ Granted.");
  expect(await granted()).toBe(1);
});

/** What a command prints for the page. */
const printed = (value: object) => toBase64url(utf8(JSON.stringify(value)));

/** What the sheet asks, signed as `desk sign` does. */
async function signedElsewhere(page: Page, signer: ProofSigner, flags = ""): Promise<string> {
  const command = (await page.locator("dialog .command code").textContent()) ?? "";
  const [, text = "", origin] = /^lez-agent-pay desk sign (\S+) --desk (\S+)/.exec(command) ?? [];
  expect([origin, command.endsWith(`${world.desk}${flags}`)]).toEqual([world.desk, true]);
  const asked = readSignElsewhere(text);
  if (!asked.ok) throw new Error(asked.problem);
  return printed({ [asked.read.member]: asked.read.object, ...(await prove(asked.read.digest, signer)) });
}

const handOver = async (page: Page, text: string) => {
  await page.getByLabel("What it prints").fill(text);
  await press(page, "Hand it over");
};

test("an owner whose key is a file on another machine signs in, pairs and decides there [hosted-terminal]", async () => {
  const key = await keySigner(generateSecretKey());
  const { page } = await open(`#/account/${key.account}`, { ...NARROW, acceptDownloads: true });
  const command = page.locator(".command code");
  await command.waitFor();
  await sound(page);
  const [, nonce = "", origin] = /^lez-agent-pay desk sign-in (\w{64}) --desk (\S+)$/.exec((await command.textContent()) ?? "") ?? [];
  expect(origin).toBe(world.desk);
  const login = { version: "1", origin: world.desk, account: key.account, nonce: nonce as Digest, issuedAt: String(unixNow()) } as const;
  const proof: SignedLogin = { login, publicKey: key.publicKey, signature: await key.sign(loginDigest(login)) };
  await page.getByLabel("What the command prints").fill(printed(proof));
  await press(page, "Sign in");
  await shown(page, "Inbox");
  await go(page, "#/settings");
  await shown(page, "No agent is paired.");
  await press(page, "Say the reason and the address too");
  const setting = await signedElsewhere(page, key);
  await sound(page);
  await handOver(page, "nonsense");
  await shown(page, "This is not what the command prints.");
  await handOver(page, setting);
  await shown(page, "Say less");

  const own = await Agent.create(world.desk);
  await own.openPairing();
  await go(page, new URL(pairingLink(world.desk, own.signer.publicKey, own.secret)).hash);
  await page.getByLabel("Your name for the agent").fill("Research agent");
  await press(page, "Pair this agent");
  await handOver(page, setting);
  await shown(page, "This is not what the command prints.");
  const other = { desk: world.desk, account: key.account, agent: "8a".repeat(32), secret: own.secret };
  await handOver(page, printed({ pairing: other, ...(await prove(pairingDigest(other), key)) }));
  await shown(page, "is not what this page asked for");
  await handOver(page, await signedElsewhere(page, key));
  await shown(page, "Paired at this desk");
  await fund(key.account);
  for (const yes of [true, false]) {
    const { digest, request, code, at } = await ask(own, key);
    await go(page, at);
    await shown(page, "Decide where your key is");
    await shown(page, `lez-agent-pay desk sign ${code} --desk ${world.desk}`);
    await sound(page);
    await shown(page, `--request-file request-${code}.json --out decision-${code}.json`);
    const [file] = await Promise.all([page.waitForEvent("download"), press(page, "Save the request as a file")]);
    const bundle = JSON.parse(readFileSync(await file.path(), "utf8")) as { request: PaymentRequest };
    const checked = await checkForApproval(bundle.request, unixNow());
    if (!checked.ok) throw new Error(checked.problem);
    const no = { requestDigest: digest, decision: "declined", code: "not_needed", decidedAt: formatTimestamp(unixNow()) } as const;
    const decision = yes
      ? await signed(bundle.request, checked, toSign(bundle.request, checked, key.account, unixNow()), key)
      : await recordDecision(no, key);
    const handOver = (text: string) => ({ name: "decision.json", mimeType: "application/json", buffer: Buffer.from(text) });
    const field = page.getByLabel("3. Hand over the decision");
    await field.setInputFiles(handOver("{}"));
    await shown(page, "This file is no signed decision.");
    await field.setInputFiles(handOver(JSON.stringify(decision)));
    await shown(page, yes ? "You approved it." : "You declined it.");
    if (yes) expect(await pay(own, key, digest, request.http.url)).toBe(200);
    else expect(await own.look(key.account, digest)).toMatchObject({ state: "declined", decision: { signed: true } });
  }
});

test("one key of several signs in at a new desk with the recovery file, and tells it of the keys [hosted-recovery-terminal]", async () => {
  const key = await keySigner(generateSecretKey());
  const policy = policyOf(1, key, passkeyAt("https://desk.example"));
  const signer = policySigner(policy, [key]);
  const { page } = await open("#/", NARROW);
  const text = JSON.stringify(recoveryFile({ account: signer.account, policy }));
  const file = { name: "recovery.json", mimeType: "application/json", buffer: Buffer.from(text) };
  await page.getByLabel("Or its recovery file").setInputFiles(file);
  const command = page.locator(".command code");
  await command.waitFor();
  const words = /^lez-agent-pay desk sign-in (\w{64}) --desk \S+ --recovery recovery.json$/.exec((await command.textContent()) ?? "");
  const nonce = words?.[1] as Digest;
  const login = { version: "1", origin: world.desk, account: signer.account, nonce, issuedAt: String(unixNow()) } as const;
  await page.getByLabel("What the command prints").fill(printed({ login, ...(await prove(loginDigest(login), signer)) }));
  await press(page, "Sign in");
  await shown(page, "Keep the account's keys at this desk");
  await sound(page);
  await handOver(page, await signedElsewhere(page, signer, " --recovery recovery.json"));
  await shown(page, "Inbox");
  await page.reload();
  await go(page, "#/settings");
  await shown(page, "1 of its 2 keys signs.");
  const own = await Agent.create(world.desk);
  await own.openPairing();
  const desk = new DeskPage(world.desk, signer);
  await desk.signIn();
  await desk.pair(own);
  const { code, at } = await ask(own, signer);
  await go(page, at);
  await shown(page, `lez-agent-pay desk sign ${code} --desk ${world.desk} --recovery recovery.json`);
  await sound(page);
});

test("the recovery file signs in where the desk knows nothing of the account, and a file of another one does not [hosted-recovery]", async () => {
  const { page, authenticator } = await open("#/", PHONE);
  await authenticator.add(owner.credentials);
  await page.route("**/api/keys", (route) => route.fulfill({ json: { ok: true, data: { account: owner.account, passkeys: [] } } }));
  const file = (text: string) => ({ name: "recovery.json", mimeType: "application/json", buffer: Buffer.from(text) });
  await page.getByLabel("Or its recovery file").setInputFiles(file(recovery.replace('"threshold": "1"', '"threshold": "2"')));
  await shown(page, "names an account that its policy does not make");
  await sound(page);
  await page.getByLabel("Or its recovery file").setInputFiles(file(recovery));
  await press(page, "Sign in with my passkey");
  await shown(page, "Inbox");
});

describe("settings", () => {
  test("are changed by signed changes alone: notices, an address, the end of a pairing [hosted-settings]", async () => {
    const { page } = await signedIn(owner, "#/", { ...NARROW, colorScheme: "dark" });
    const other = await pair(page, "Another agent");
    await go(page, "#/");
    await go(page, "#/settings");
    await press(page, "Say the reason and the address too");
    await shown(page, "Say less");
    await page.getByLabel("Address (https)").fill("http://192.168.0.1/x");
    await press(page, "Add");
    await page.getByRole("alert").first().waitFor();
    await sound(page);
    await press(page, "Unpair Another agent");
    await expect.poll(() => page.getByText("Another agent").count()).toBe(0);
    const { verdict } = await other.ask(owner.account, (await other.request(`${world.stack.merchant}/premium?unpaired`)).request);
    expect(verdict).toBe("not_paired");
  });

  test("signing out ends the reading, and so does the end of the login [hosted-signs-out]", async () => {
    const { page, context } = await signedIn(owner);
    await go(page, "#/settings");
    await press(page, "Sign out");
    await shown(page, "Sign in with my passkey");
    await press(page, "Sign in with my passkey");
    await shown(page, "On another device of yours, open:");
    await context.clearCookies();
    await shown(page, "Sign in with my passkey");
  });
});

describe("a desk that lies", () => {
  /** Answers one call in the desk's place. */
  const lie = (data: unknown) => (route: Route) => route.fulfill({ json: { ok: true, data } });

  test("and gives an authorization's digest for a nonce gets a login that pays nothing; what is no nonce is not signed at all [hosted-lying-nonce]", async () => {
    const { digest } = await ask(agent, owner);
    const { page, authenticator } = await open(`#/account/${owner.account}`);
    await authenticator.add(owner.credentials);
    const { request } = await agent.request(`${world.stack.merchant}/premium?lie`);
    const checked = await checkForApproval(request, unixNow());
    if (!checked.ok) throw new Error(checked.problem);
    const { authorization } = toSign(request, checked, owner.account as never, unixNow());
    const wanted = authorizationDigest(authorization);
    await page.route("**/api/loginNonce", lie({ nonce: wanted }));
    const [sent] = await Promise.all([page.waitForRequest("**/api/login"), press(page, "Sign in with my passkey")]);
    const { login } = sent.postDataJSON() as { login: SignedLogin };
    if (!login.proof) throw new Error("no proof");
    const stolen = await verifyProof(
      { proof: login.proof },
      { type: "Authorization", digest: wanted, account: owner.account as never },
      FACILITATOR_DECIDES,
    );
    expect(stolen).toMatchObject({ ok: false });
    const member = (login.proof.kind === "policy" ? login.proof.proofs[0] : login.proof) as PasskeyProof;
    const { challenge } = JSON.parse(Buffer.from(fromBase64url(member.clientDataJSON) ?? []).toString()) as { challenge: string };
    expect(challenge).toBe(toBase64url(hexToBytes(loginDigest(login.login))));
    await shown(page, "signed too long ago");

    const before = (await authenticator.credentials())[0]?.signCount;
    await page.unroute("**/api/loginNonce");
    await page.route("**/api/loginNonce", lie({ nonce: { type: "Authorization" } }));
    await press(page, "Sign in with my passkey");
    await shown(page, "answer is not a nonce. Nothing was signed.");
    expect((await authenticator.credentials())[0]?.signCount).toBe(before);
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "pending" });
  });

  test("about its clock, or about what another key has signed, gets nothing signed [hosted-lying-reading]", async () => {
    const { digest, at, code } = await ask(agent, owner);
    const { page } = await signedIn(owner);
    let changed: (data: { view: { now: number; from: string }; partial?: unknown }) => void = () => undefined;
    await page.route("**/api/read", async (route) => {
      const answer = (await (await route.fetch()).json()) as { data: Parameters<typeof changed>[0] };
      changed(answer.data);
      await route.fulfill({ json: answer });
    });
    changed = ({ view }) => (view.now += 86_400);
    await go(page, at);
    await shown(page, "The clock of the desk and that of this device differ");
    changed = (data) => {
      const authorization = { validAfter: String(data.view.now), validBefore: String(data.view.now + 60), value: "1" };
      data.partial = { authorization, proofs: [], threshold: 2 };
    };
    await press(page, "Try again");
    await readyToPay(page, code);
    await press(page, /^Pay/);
    await shown(page, "What another key has signed is not what this request asks for.");
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "pending" });
  });
});

test("strangers' words are text on every page of the hosted desk: no script runs, nothing is fetched, nothing moves [hosted-xss]", async () => {
  const { page } = await signedIn(owner, "#/", NARROW);
  const markup = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'><svg onload=alert(3)>`;
  for (const text of [markup, ...Object.values(ATTACKS).slice(0, 6)]) {
    const settings: DeskSettings = {
      agents: [{ publicKey: text, name: text, pairedAt: text, lastCallAt: text, folded: 3 }],
      devices: [{ id: "5a".repeat(32), label: text, host: text, addedAt: text, lastProblem: text }],
      webhooks: [{ id: "5b".repeat(32), format: "ntfy", url: text, addedAt: text, lastProblem: text }],
      noticesSayMore: false,
    };
    await page.unroute("**/api/settings");
    await page.route("**/api/settings", (route) => route.fulfill({ json: { ok: true, data: settings } }));
    await go(page, "#/");
    await go(page, "#/settings");
    await shown(page, "3 requests too fast");
    expect(await page.locator("main :is(img, svg, script)").count()).toBe(0);
  }
  const flood = {
    requests: [],
    unreadable: [],
    folded: [{ agentKey: "8a".repeat(32), name: markup, requests: 7, lastAt: "2026-01-31T00:00:00Z" }],
  };
  await page.route("**/api/requests", (route) => route.fulfill({ json: { ok: true, data: flood } }));
  await go(page, "#/");
  await shown(page, "7 requests too fast");
  expect(await page.locator("main :is(img, svg, script)").count()).toBe(0);
  await go(page, "#/settings");
  await sound(page);
  // The sheet shows what is signed as text too, and a refusal of the desk is text.
  await page.route("**/api/set", (route) => route.fulfill({ json: { ok: false, error: { code: "x", message: markup, hint: markup } } }));
  await page.getByLabel("Address (https)").fill(markup);
  await press(page, "Add");
  await page.getByRole("alert").first().waitFor();
  expect(await page.locator("main :is(img, svg, script)").count()).toBe(0);
  await sound(page);
});
