/**
 * A hosted desk over real Workers for tests in a browser: tabs with an authenticator of their own, an account that was made on the page, an
 * agent that asks.
 */

import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterEach, expect } from "vitest";
import { pairingLink } from "../../shared/desk/pairing-place.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { Agent, randomHex } from "../desk/people.ts";
import { violations } from "./axe.ts";
import { useBrowser, useWebStack } from "./use-browser.ts";
import { addAuthenticator, type Authenticator } from "./virtual-passkey.ts";

export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true } as const;
export const NARROW = { viewport: { width: 320, height: 640 } } as const;
export const PASSPHRASE = "correct horse";

/** An account that was made on the page. */
export interface Owner {
  account: string;
  credentials: Awaited<ReturnType<Authenticator["credentials"]>>;
}

export interface Opened {
  page: Page;
  context: BrowserContext;
  authenticator: Authenticator;
}

export const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();
export const press = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true }).click();
export const go = (page: Page, at: string) => page.evaluate(`location.hash = ${JSON.stringify(at)}`);

/** What every page must be: readable by a screen reader, and no wider than the screen. */
export async function sound(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
  expect(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))).toBeLessThanOrEqual(0);
}

/** The request is read; its short code is typed where the page wants it. */
export async function readyToPay(page: Page, code: string): Promise<void> {
  await shown(page, "What you would sign");
  const typed = page.getByLabel("Type the short code");
  if ((await typed.count()) > 0) await typed.fill(code);
}

export async function approve(page: Page, code: string): Promise<void> {
  await readyToPay(page, code);
  await press(page, /^Pay/);
}

export async function tabTo(page: Page, text: string): Promise<void> {
  const focused = () => page.evaluate("document.activeElement?.textContent ?? ''");
  for (let i = 0; i < 60 && !String(await focused()).includes(text); i++) await page.keyboard.press("Tab");
  expect(await focused()).toContain(text);
}

/** Makes the first passkey of an account, on the page that asks for the second key. */
export async function makeFirstKey(page: Page): Promise<void> {
  await press(page, "Make a new account");
  await press(page, "Make a passkey");
  await shown(page, "Either of the two spends alone");
}

/** Keeps the recovery file, shows that it is kept, and opens the account. @returns the account */
export async function openAccount(page: Page): Promise<string> {
  const [recovery] = await Promise.all([page.waitForEvent("download"), press(page, "Save the recovery file")]);
  await page.getByLabel(/Show that you have it/).setInputFiles((await recovery.path()) ?? "");
  await press(page, "Open the account at this desk");
  await shown(page, "On another device of yours, open:");
  return (await page.locator("section .id").first().textContent()) ?? "";
}

export async function makeKeyFile(page: Page): Promise<string> {
  await page.getByLabel("Passphrase for the key file").fill(PASSPHRASE);
  await page.getByLabel("The same passphrase again").fill(PASSPHRASE);
  const [key] = await Promise.all([page.waitForEvent("download"), press(page, "Make and save the key file")]);
  await shown(page, "without it the second key cannot find the account");
  return (await key.path()) ?? "";
}

export function useHostedDesk() {
  const shared = useWebStack();
  const browser = useBrowser();
  const world = {
    get stack() {
      return shared.stack;
    },
    get desk() {
      return shared.stack.desk ?? "";
    },
  };
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  /** A browser of its own, with an authenticator, that leaves the desk's origin for nothing. */
  async function open(at = "#/", options: BrowserContextOptions = PHONE): Promise<Opened> {
    const context = await browser.context(options);
    const trouble: string[] = [];
    context.on("request", (request) => void (request.url().startsWith(`${world.desk}/`) || trouble.push(request.url())));
    const page = await context.newPage();
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
    await page.goto(`${world.desk}/${at}`);
    return { page, context, authenticator };
  }

  /** The same, signed in to an account. */
  async function signedIn(owner: Owner, at = "#/", options: BrowserContextOptions = PHONE): Promise<Opened> {
    const opened = await open(`#/account/${owner.account}`, options);
    await opened.authenticator.add(owner.credentials);
    await press(opened.page, "Sign in with my passkey");
    await shown(opened.page, "Inbox");
    if (at !== "#/") await go(opened.page, at);
    return opened;
  }

  async function fund(account: string): Promise<void> {
    await fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomHex(32) }) });
  }

  /** Pairs an agent from its link. */
  async function pair(page: Page, name: string): Promise<Agent> {
    const agent = await Agent.create(world.desk);
    await agent.openPairing();
    await go(page, new URL(pairingLink(world.desk, agent.signer.publicKey, agent.secret)).hash);
    await page.getByLabel("Your name for the agent").fill(name);
    await press(page, "Pair this agent");
    await shown(page, "Paired at this desk");
    return agent;
  }

  let purchases = 0;
  const url = () => `${world.stack.merchant}/premium?hosted-${purchases++}`;

  async function ask(agent: Agent, owner: Pick<Owner, "account">, changes: Parameters<Agent["request"]>[1] = {}, address = url()) {
    const made = await agent.request(address, changes);
    const sent = await agent.ask(owner.account, made.request, made.terms);
    expect(sent.verdict, JSON.stringify(sent.body)).toBe("ok");
    return { ...made, code: shortCode(made.digest), at: `#/request/${made.digest}` };
  }

  /** Pays with what the owner signed. @returns the merchant's status */
  async function pay(agent: Agent, owner: Pick<Owner, "account">, digest: string, address: string): Promise<number> {
    const asked = await agent.look(owner.account, digest, 25);
    if (asked.state !== "approved") throw new Error(asked.state);
    return (await fetch(address, { headers: { [PAYMENT_SIGNATURE]: encodeHeader(asked.payment) } })).status;
  }

  return { world, open, signedIn, fund, pair, url, ask, pay };
}
