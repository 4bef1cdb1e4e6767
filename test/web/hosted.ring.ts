/**
 * The hosted desk in a real browser with a passkey, over real Workers: an owner makes an account, pairs an agent, decides; the agent pays
 * the real merchant with what it gets.
 */

import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startStack, type Stack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import type { Granted } from "../../shared/desk/agent-api.ts";
import { pairingCode, pairingLink } from "../../shared/desk/pairing-place.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { signWithin } from "../../shared/protocol/approval.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { isGenuineDecision } from "../../shared/protocol/decision.ts";
import type { SignedPairing } from "../../shared/protocol/desk.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { checkPaymentRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { Agent, randomHex } from "../desk/people.ts";
import { violations } from "./axe.ts";
import { type Browser, openBrowser } from "./chromium.ts";
import { addAuthenticator, type Authenticator } from "./virtual-passkey.ts";

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;
const NARROW = { viewport: { width: 320, height: 640 } } as const;
const UNLIMITED = 1_000_000;
/** On a busy machine. */
const WAIT_MILLIS = 15_000;

let stack: Stack;
let desk: string;
let browser: Browser;
let owner: Owner;

/** An account that was made on the page. */
interface Owner {
  account: string;
  credentials: Awaited<ReturnType<Authenticator["credentials"]>>;
}

beforeAll(async () => {
  const limits = Object.fromEntries(
    ["CALL_LIMIT", "CANCEL_LIMIT", "FAUCET_LIMIT", "SELLER_LIMIT", "STRANGER_LIMIT"].map((name) => [name, UNLIMITED]),
  );
  [stack, browser] = await Promise.all([
    startStack({ bundles: BUNDLES, limits, vars: { "lez-desk": { DESK_EGRESS: "loopback" } }, onLog: (line) => console.log(line) }),
    openBrowser(),
  ]);
  desk = stack.desk ?? "";
});
afterAll(async () => {
  await browser.close();
  await stack.stop();
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Opened {
  page: Page;
  context: BrowserContext;
  authenticator: Authenticator;
}

/** A browser of its own, with an authenticator, that leaves the desk's origin for nothing. */
async function open(at = "#/", options: BrowserContextOptions = PHONE): Promise<Opened> {
  const context = await browser.context(options);
  const trouble: string[] = [];
  context.on("request", (request) => void (request.url().startsWith(`${desk}/`) || trouble.push(request.url())));
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MILLIS);
  page.on("pageerror", ({ message }) => trouble.push(message));
  page.on("dialog", (dialog) => (trouble.push(`dialog: ${dialog.message()}`), void dialog.dismiss()));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4\d\d)|ERR_INTERNET_DISCONNECTED/.test(message.text())) trouble.push(message.text());
  });
  closing.push(async () => {
    await context.close();
    expect(trouble.filter((line) => !line.startsWith("blob:"))).toEqual([]);
  });
  const authenticator = await addAuthenticator(page);
  await page.goto(`${desk}/${at}`);
  return { page, context, authenticator };
}

/** The same, signed in to the owner's account. */
async function signedIn(at = "#/", options: BrowserContextOptions = PHONE): Promise<Opened> {
  const opened = await open(`#/account/${owner.account}`, options);
  await opened.authenticator.add(owner.credentials);
  await press(opened.page, "Sign in with my passkey");
  await shown(opened.page, "Inbox");
  if (at !== "#/") await go(opened.page, at);
  return opened;
}

const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();
const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name }).click();
const go = (page: Page, at: string) => page.evaluate(`location.hash = ${JSON.stringify(at)}`);
const overflow = async (page: Page) => Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));

/** What every page must be: readable by a screen reader, and no wider than the screen. */
async function sound(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
}

/** The request is read; its short code is typed where the page wants it. */
async function readyToPay(page: Page, code: string): Promise<void> {
  await shown(page, "What you would sign");
  const typed = page.getByLabel("Type the short code");
  if ((await typed.count()) > 0) await typed.fill(code);
}

async function approve(page: Page, code: string): Promise<void> {
  await readyToPay(page, code);
  await press(page, /^Pay/);
}

let purchases = 0;
const url = () => `${stack.merchant}/premium?hosted-${purchases++}`;

/** An agent that the owner's desk takes requests of. */
let agent: Agent;
async function ask(changes: Parameters<Agent["request"]>[1] = {}) {
  const made = await agent.request(url(), changes);
  const sent = await agent.ask(owner.account, made.request, made.terms);
  expect(sent.verdict, JSON.stringify(sent.body)).toBe("ok");
  return { ...made, code: shortCode(made.digest), at: `#/request/${made.digest}` };
}

/** Pays with what the owner signed. @returns the merchant's status */
async function pay(digest: string, address: string): Promise<number> {
  const asked = await agent.look(owner.account, digest, 25);
  if (asked.state !== "approved") throw new Error(asked.state);
  return (await fetch(address, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } })).status;
}

test("an account is made of a passkey and a key file, its recovery file is kept, and only then it is shown [hosted-account]", async () => {
  const { page, authenticator } = await open("#/", { ...NARROW, colorScheme: "light", acceptDownloads: true });
  await shown(page, "Sign in");
  await sound(page);
  await press(page, "Make a new account");
  await shown(page, "if this domain ends, the passkey ends with it");
  await sound(page);
  await press(page, "Make a passkey");
  await shown(page, "Either of the two spends alone");
  await sound(page);
  await page.getByLabel("Passphrase for the key file").fill("correct horse");
  await page.getByLabel("The same passphrase again").fill("correct horse");
  const [key] = await Promise.all([page.waitForEvent("download"), press(page, "Make and save the key file")]);
  expect(key.suggestedFilename()).toMatch(/^second-key-\w{6}\.json$/);
  await shown(page, "without it the second key finds nothing");
  await sound(page);
  expect(await page.getByRole("button", { name: "Open the account at this desk" }).count()).toBe(0);
  const [recovery] = await Promise.all([page.waitForEvent("download"), press(page, "Save the recovery file")]);
  await page.getByLabel(/Show that you have it/).setInputFiles((await recovery.path()) ?? "");
  await shown(page, "You have the recovery file.");
  await press(page, "Open the account at this desk");
  await shown(page, "On another device of yours, open:");
  await sound(page);
  const account = (await page.locator(".id").last().textContent()) ?? "";
  owner = { account, credentials: await authenticator.credentials() };
  expect(JSON.stringify(await page.evaluate("JSON.stringify(localStorage)"))).not.toContain("correct horse");
});

test("an agent is paired from its link, by the code that both sides show [hosted-pairs]", async () => {
  agent = await Agent.create(desk);
  expect((await agent.openPairing()).verdict).toBe("ok");
  const { signer, secret } = agent;
  const { hash } = new URL(pairingLink(desk, signer.publicKey, secret));
  const { page } = await signedIn(hash, { ...PHONE, colorScheme: "dark" });
  await shown(page, pairingCode({ desk, account: owner.account as AccountId, agent: signer.publicKey, secret }));
  await sound(page);
  await page.getByLabel("Your name for the agent").fill("Research agent");
  await press(page, "The codes are the same: pair it");
  await shown(page, "Paired. The agent compares the code too");
  expect(page.url()).not.toContain(secret);
  const place = await agent.send("GET", agent.place);
  const pairing = place.body.data as { state: string; pairing: SignedPairing };
  expect(pairing).toMatchObject({ state: "paired", pairing: { pairing: { account: owner.account, agent: signer.publicKey } } });
  await fetch(`${stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: owner.account, id: randomHex(32) }) });
  // Once, and another agent's link is none.
  await page.reload();
  await go(page, hash);
  await shown(page, "No agent waits here.");
  await go(page, `#/pair/${"ab".repeat(32)}.${secret}`);
  await shown(page, "No agent waits here.");
  await go(page, "#/pair/abc");
  await shown(page, "This link is not whole.");
});

describe("a request", () => {
  test("is approved by the keyboard and the passkey, and the agent pays with it [hosted-approves]", async () => {
    const { digest, request, code, at } = await ask();
    const { page } = await signedIn("#/", { ...PHONE, colorScheme: "light" });
    await shown(page, code);
    await go(page, at);
    await readyToPay(page, code);
    await sound(page);
    const largest = (await page.evaluate(
      `[...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
        .map((e) => [parseFloat(getComputedStyle(e).fontSize), e.textContent.trim()]).sort((a, b) => b[0] - a[0]).slice(0, 2)`,
    )) as [number, string][];
    expect(largest.map(([, text]) => text)).toEqual(["0.00001 LGO", `to ${new URL(stack.merchant).host}`]);
    await tabTo(page, "with my passkey");
    await page.keyboard.press("Enter");
    await shown(page, "You approved it.");
    expect(await pay(digest, request.http.url)).toBe(200);
    await shown(page, "It is paid.");
    await page.getByRole("link", { name: "History" }).click();
    await shown(page, "in 1 payment since");
  });

  test("what is signed is on the screen while the passkey is asked; who is not verified signs nothing, and can try again [hosted-sheet]", async () => {
    const { digest, at, code } = await ask();
    const { page, authenticator } = await signedIn(at);
    await readyToPay(page, code);
    await authenticator.verifies(false);
    await press(page, /^Pay/);
    await shown(page, "Nothing was signed. The passkey was not confirmed.");
    const sheet = page.getByRole("dialog");
    const text = await sheet.textContent();
    for (const fact of ["0.00001 LGO = 10000 units", stack.payTo, owner.account, code]) expect(text).toContain(fact);
    await sound(page);
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "pending" });
    await page.keyboard.press("Escape");
    await shown(page, "Nothing was signed.");
    await authenticator.verifies(true);
    await press(page, /^Pay/);
    await shown(page, "You approved it.");
  });

  test("is declined with a signed reason [hosted-declines]", async () => {
    const { digest, at } = await ask();
    const { page } = await signedIn(at);
    await press(page, "Decline…");
    await page.getByLabel("Too expensive").check();
    await page.getByLabel("A note for the agent").fill("Half of that would do.");
    await press(page, "Decline, finally");
    await shown(page, "You declined it.");
    await shown(page, ", signed");
    const asked = await agent.look(owner.account, digest);
    if (asked.state !== "declined") throw new Error(asked.state);
    expect(asked.decision).toMatchObject({ signed: true, decision: { code: "too_expensive", note: "Half of that would do." } });
    expect(await isGenuineDecision(asked.decision, FACILITATOR_DECIDES)).toBe(true);
  });

  test("that was approved is taken back, and then pays nothing [hosted-takes-back]", async () => {
    const { digest, request, at, code } = await ask();
    const { page } = await signedIn(at);
    await approve(page, code);
    await shown(page, "You approved it.");
    const approved = await agent.look(owner.account, digest);
    if (approved.state !== "approved") throw new Error(approved.state);
    await press(page, "Take the approval back…");
    await press(page, "Take it back, finally");
    await shown(page, "You took the approval back.");
    await sound(page);
    const header = { [PAYMENT_SIGNATURE]: encodeHeader(approved.payment) };
    expect((await fetch(request.http.url, { headers: header })).status).toBe(402);
    expect(await agent.look(owner.account, digest)).toMatchObject({ state: "revoked" });
  });

  test("may expire sooner than the merchant offers [hosted-shorter]", async () => {
    const { digest, at, code } = await ask();
    const { page } = await signedIn(at);
    await page.getByLabel("Valid after you sign").selectOption({ label: "for 60 s" });
    await shown(page, "for 60 s");
    await expect.poll(() => page.locator(".facts").first().textContent()).toContain("for 60 s");
    await approve(page, code);
    await shown(page, "You approved it.");
    const asked = await agent.look(owner.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const { authorization } = asked.payment.payload as { authorization: Authorization };
    expect(Number(authorization.validBefore) - Number(authorization.validAfter)).toBe(60);
  });

  test("approved in two tabs at once is approved once [hosted-two-tabs]", async () => {
    const { digest, request, at, code } = await ask();
    const [first, second] = [await signedIn(at), await signedIn(at)];
    await Promise.all([first, second].map(({ page }) => readyToPay(page, code)));
    await Promise.all([first, second].map(({ page }) => press(page, /^Pay/)));
    await Promise.all([first, second].map(({ page }) => shown(page, "You approved it.")));
    expect(await pay(digest, request.http.url)).toBe(200);
  });

  test("approved where the phone is offline at that moment is signed once, and sent with the next tap [hosted-offline]", async () => {
    const { digest, request, at, code } = await ask();
    const { page, context, authenticator } = await signedIn(at);
    await readyToPay(page, code);
    const signed = async () => (await authenticator.credentials())[0]?.signCount ?? 0;
    const before = await signed();
    await context.setOffline(true);
    await press(page, /^Pay/);
    await shown(page, "It is signed, and did not reach the desk. Nothing is lost");
    await shown(page, "What you see may be old");
    await sound(page);
    await context.setOffline(false);
    await approve(page, code);
    await shown(page, "You approved it.");
    expect(await signed()).toBe(before + 1);
    expect(await pay(digest, request.http.url)).toBe(200);
  });

  test("that expires while it is open can no longer be approved [hosted-expires]", async () => {
    const { at } = await ask({ expiresIn: 8 });
    const { page } = await signedIn(at);
    await shown(page, "It expired. Nothing can be paid by it any more.");
    expect(await page.getByRole("button", { name: /^Pay/ }).count()).toBe(0);
  });

  test("becomes an allowance: the limits are read before they are signed, the agent pays within them, and they end [hosted-grants]", async () => {
    const { at } = await ask();
    const { page } = await signedIn(at);
    await page.getByRole("link", { name: "Grant an allowance instead" }).click();
    await page.getByLabel("In all at most").fill("a lot");
    await sound(page);
    await press(page, "Read it before you sign");
    await shown(page, "An amount is written as in 0.25 LGO.");
    await page.getByLabel("In all at most").fill("0.00003 lgo");
    await press(page, "Read it before you sign");
    await shown(page, "at most 0.00003 LGO in all");
    await sound(page);
    await page.getByLabel("Type the short code of the allowance").fill("7F3K-9QPD");
    await press(page, "Grant it with my passkey");
    await shown(page, "That is not the short code of this allowance.");
    const code = (await page.locator(".codes .code").textContent()) ?? "";
    await page.getByLabel("Type the short code of the allowance").fill(code);
    await press(page, "Grant it with my passkey");
    await shown(page, "Granted. The agent fetches it from this desk");
    const granted = await agent.send("GET", agent.at(owner.account, "mandates"));
    const [mandate] = (granted.body.data as Granted).mandates;
    if (!mandate) throw new Error("no mandate");
    const buy = async () => {
      const { request } = await agent.request(url());
      const checked = await checkPaymentRequest(request, unixNow());
      if (!checked.ok) throw new Error(checked.problem);
      const payment = await signWithin(mandate, request, checked, agent.signer, unixNow());
      return (await fetch(request.http.url, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(payment) } })).status;
    };
    expect(await buy()).toBe(200);
    await page.getByRole("link", { name: "To the allowances" }).click();
    await shown(page, "0.00001 LGO spent");
    await press(page, /^Revoke/);
    await press(page, "Revoke, finally");
    await shown(page, "is revoked: the agent pays no more under it.");
    expect(await buy()).toBe(402);
  });
});

async function tabTo(page: Page, text: string): Promise<void> {
  const focused = () => page.evaluate("document.activeElement?.textContent ?? ''");
  for (let i = 0; i < 60 && !String(await focused()).includes(text); i++) await page.keyboard.press("Tab");
  expect(await focused()).toContain(text);
}
