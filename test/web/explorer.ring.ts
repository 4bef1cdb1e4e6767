/** The explorer in a real browser, over the real stack: public and keyed books, and a server that lies. */

import { readFileSync } from "node:fs";
import type { BrowserContextOptions, Page } from "playwright-core";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, type Sandbox, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead } from "../../agent-cli/testing/people.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import { booksOf, chainOf, type Posting } from "../paywall/seller-books.ts";
import { useStack } from "../stack/stack.ts";
import { contrastViolations, violations } from "./axe.ts";
import { useBrowser, useWebStack } from "./use-browser.ts";

const open = useWebStack();
const keyed = useStack({ vars: { "lez-facilitator": { BOOKS: "keyed" } } });
const [openBox, keyedBox] = [sandbox(), sandbox()];
const browser = useBrowser();

beforeAll(async () => {
  for (const [box, world] of [
    [openBox, open],
    [keyedBox, keyed],
  ] as const) {
    box.write("secret.txt", PASSPHRASE);
    await box.run("owner create --out ./owner.json --passphrase-file ./secret.txt");
    const { facilitator, ledger } = world.stack;
    await box.run("doctor"); // makes the state directory
    box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json" });
    for (let grants = 0; grants < 4; grants++) expect((await box.run("faucet --amount 1000")).exit).toBe(EXIT.ok);
  }
});

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** The link that `explore` prints. */
async function linkOf(box: Sandbox, ...words: string[]): Promise<string> {
  const run = await box.run(["explore", ...words, "--passphrase-file", box.path("secret.txt")]);
  expect(run.exit, run.stdout).toBe(EXIT.ok);
  return String(run.json.data["link"]);
}

/** A tab that leaves the facilitator's origin for nothing, and in which no script fails. */
async function tab(link: string, options: BrowserContextOptions = {}, prepare?: (page: Page) => Promise<unknown>): Promise<Page> {
  const context = await browser.context(options);
  const { origin } = new URL(link);
  const trouble: string[] = [];
  context.on("request", (request) => void (request.url().startsWith(`${origin}/`) || trouble.push(request.url())));
  closing.push(async () => {
    await context.close();
    expect(trouble).toEqual([]);
  });
  const page = await context.newPage();
  page.on("pageerror", ({ message }) => trouble.push(message));
  page.on("console", (message) => {
    // A refused call is an answer that the page shows.
    if (message.type() === "error" && !/status of (4\d\d)|ERR_FAILED/.test(message.text())) trouble.push(message.text());
  });
  await prepare?.(page);
  await page.goto(link);
  return page;
}

const shown = (page: Page, text: string) => page.getByText(text).first().waitFor();
const at = async (page: Page) => String(await page.evaluate("location.href"));

const WHOLE = "This page computed the chain again: 4 entries";
const DIFFERS = "These books do not add up: entry 3 differs";
const UNKNOWN = "ab".repeat(32);

/** Changes the answers to one kind of read, as a facilitator that lies. */
const lying = (path: RegExp, change: (body: string) => string) => (page: Page) =>
  page.route(path, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: change(await response.text()) });
  });
const flipsOneBit = lying(/\/journal\?/, (body) => {
  const page = JSON.parse(body) as { entries: { at: string }[] };
  const third = page.entries[2];
  if (third) third.at = String(Number(third.at) ^ 1);
  return JSON.stringify(page);
});

describe("public books", () => {
  test("are checked by the page from the first entry to the ledger's signature, without a key [explorer-public]", async () => {
    const link = await linkOf(openBox);
    const page = await tab(link);
    await shown(page, WHOLE);
    await shown(page, "The ledger signed the last entry.");
    expect(await page.locator(".funds .figure").textContent()).toBe("0.000004 LGO");
    expect(await page.locator(".entries li").count()).toBe(4);
    await page.locator(".entries a").first().click();
    await shown(page, "What can be proved");
    await shown(page, "ends at an entry that the ledger signed");
    await page.getByRole("link", { name: "Ledger" }).click();
    await shown(page, "The ledger says that it adds up.");
    await shown(page, "Supply");
  });

  test("with one flipped bit are refused, in large letters and by the entry that differs [explorer-lie]", async () => {
    const page = await tab(await linkOf(openBox), {}, flipsOneBit);
    await shown(page, DIFFERS);
    const size = "parseFloat(getComputedStyle(document.querySelector('.differs .title')).fontSize)";
    expect(Number(await page.evaluate(size))).toBeGreaterThan(24);
    expect(await page.getByText(WHOLE).count()).toBe(0);
    expect(await page.locator(".entries li").count()).toBe(2);
  });

  test("with another signature, or none, do not count as signed [explorer-signature]", async () => {
    const flip = lying(/\/checkpoint\?/, (body) =>
      body.replace(/("signature":")(.)/, (_, start: string, digit: string) => start + (digit === "1" ? "2" : "1")),
    );
    await shown(await tab(await linkOf(openBox), {}, flip), "The ledger's signature does not count");
    const none = (page: Page) => page.route(/\/checkpoint\?/, (route) => route.fulfill({ status: 404, body: "{}" }));
    await shown(await tab(await linkOf(openBox), {}, none), "shows no signature of it");
  });

  test("without entries, and without that transaction, say so; offline goes on when asked [explorer-states]", async () => {
    const { account } = await keySigner(generateSecretKey());
    await shown(await tab(await linkOf(openBox, account)), "nothing was ever paid into it");
    await shown(await tab(await linkOf(openBox, UNKNOWN)), "This account's books have no such transaction");
    let away = true;
    const offline = (page: Page) => page.route(/\/journal\?/, (route) => (away ? route.abort() : route.continue()));
    const page = await tab(await linkOf(openBox), {}, offline);
    await shown(page, "The facilitator does not answer.");
    away = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await shown(page, WHOLE);
  });
});

test("the key that its reader knows is compared with the ledger's, from the link or typed [explorer-known-key]", async () => {
  const health = (await (await fetch(`${open.stack.facilitator}/health`)).json()) as { checkpointKey: string };
  const page = await tab(await linkOf(openBox, "--ledger-key", health.checkpointKey));
  await shown(page, "It is the key that you know.");
  expect(await at(page)).not.toContain(health.checkpointKey);
  const other = await tab(await linkOf(openBox));
  await other.getByLabel("The key that you know").fill("no key");
  await other.getByRole("button", { name: "Compare" }).click();
  await shown(other, "This is no key");
  await other.getByLabel("The key that you know").fill(UNKNOWN.toUpperCase());
  await other.keyboard.press("Enter");
  await shown(other, "This is not the key that you know");
  await other.getByRole("link", { name: "Ledger" }).click();
  await shown(other, "This is not the key that you know");
  await other.getByRole("button", { name: "Compare with another key" }).click();
  await other.getByLabel("The key that you know").fill(health.checkpointKey);
  await other.keyboard.press("Enter");
  await shown(other, "It is the key that you know.");
});

describe("a journal", () => {
  const postings = (count: number) =>
    Array.from({ length: count }, (_, i): Posting => ({ kind: "credit", value: "1", at: String(1_760_000_000 + i) }));
  /** Serves these books in place of the ledger's. */
  const serving = (books: ReturnType<typeof booksOf>) => async (page: Page) => {
    await page.route(/\/(health|accounts\/.*)$/, async (route) => {
      const answer = await books.answer(new Request(route.request().url()));
      await route.fulfill({ status: answer.status, body: await answer.text() });
    });
  };
  const opened = (books: ReturnType<typeof booksOf>) =>
    tab(`${open.stack.facilitator}/explorer/#/account/${DEMO_MERCHANT_ACCOUNT}`, {}, serving(books));

  test("of more than 5,000 entries is checked as far as its reader likes, and shown page by page [explorer-long]", async () => {
    const page = await opened(booksOf(chainOf(postings(5_320))));
    await shown(page, "Checked so far: 5000 of 5320 entries. The rest is not checked.");
    expect(await page.getByText("computed the chain again").count()).toBe(0);
    await page.getByRole("button", { name: "Check on" }).click();
    await shown(page, "This page computed the chain again: 5320 entries");
    await shown(page, "The ledger signed the last entry.");
    await shown(page, "page 1 of 107");
    await page.getByRole("button", { name: "Older" }).click();
    await shown(page, "entry 5270,");
    expect(await page.locator(".entries li").count()).toBe(50);
  });

  test("that was pruned is checked from there, and the page says where [explorer-pruned]", async () => {
    const page = await opened(booksOf(chainOf(postings(620)), { pruned: 600 }));
    await shown(page, "Entries up to 600 were pruned by the operator.");
    await shown(page, "This page computed the chain again: 20 entries");
    expect(await page.locator(".entries li").count()).toBe(20);
  });
});

describe("keyed books", () => {
  test("open by the link, whose key leaves the address and no storage has [explorer-keyed]", async () => {
    const link = await linkOf(keyedBox);
    const page = await tab(link);
    await shown(page, WHOLE);
    expect(await at(page)).not.toContain("open=");
    expect(await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")).toEqual([0, 0, ""]);
    await page.getByRole("link", { name: "Ledger" }).click();
    await shown(page, "are shown to this ledger's operator alone");
    await page.goBack();
    await shown(page, WHOLE);
    // Loaded again, the page has forgotten its key.
    await page.reload();
    await shown(page, "closed to this page");
  });

  test("without a link, or with the access to another account, say which command to type [explorer-closed]", async () => {
    const account = String((await keyedBox.run("explore --passphrase-file ./secret.txt")).json.data["account"]);
    const page = await tab(`${keyed.stack.facilitator}/explorer/`);
    await page.getByLabel("Account", { exact: true }).fill(account);
    await page.keyboard.press("Enter");
    await shown(page, `lez-agent-pay explore ${account}`);
    const refused = await keyedBox.run("explore 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj --passphrase-file ./secret.txt");
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.notSetUp, "unauthorized"]);
    await shown(await tab(`${keyed.stack.facilitator}/explorer/#open=abc`), "This link cannot be read");
  });

  test("read with an access of an hour that a revocation ends [explorer-hour]", async () => {
    const run = await keyedBox.run("explore --passphrase-file ./secret.txt");
    const hour = (Date.parse(String(run.json.data["until"])) - Date.now()) / 1000;
    expect(hour).toBeGreaterThan(3500);
    expect(hour).toBeLessThanOrEqual(3600);
    expect((await keyedBox.run("books revoke --passphrase-file ./secret.txt")).exit).toBe(EXIT.ok);
    await shown(await tab(String(run.json.data["link"])), "does not take this page's access");
  });
});

describe("evidence that a party presents", () => {
  const file = openBox.path("evidence.json");
  beforeAll(async () => {
    const buy = () => openBox.run(["fetch", `${open.stack.merchant}/weather?city=Zurich`, "--reason", REASON]);
    expect((await openBox.run("agent create")).exit).toBe(EXIT.ok);
    const asked = await buy();
    const code = asked.json.error.details?.["shortCode"] as string;
    expect((await approveAsRead(openBox, code, "--passphrase-file", openBox.path("secret.txt"))).exit).toBe(EXIT.ok);
    expect((await buy()).exit).toBe(EXIT.ok);
    expect((await openBox.run(["receipt", "export", code, "--out", "./evidence.json", "--partial"])).exit).toBe(EXIT.ok);
  });
  const present = async (page: Page, buffer: Buffer) => {
    await page.getByLabel("The file").setInputFiles({ name: "evidence.json", mimeType: "application/json", buffer });
    await page.getByRole("button", { name: "Check" }).click();
  };

  test("is checked in the browser, against the keys that its reader knows and no others, and sent nowhere [explorer-evidence]", async () => {
    const page = await tab(`${open.stack.facilitator}/explorer/#/file`);
    await page.getByRole("button", { name: "Check" }).click();
    await shown(page, "Choose a file first.");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await present(page, readFileSync(file));
    await shown(page, "Not everything could be checked");
    await shown(page, "0.0000025 LGO");
    expect(await page.locator(".checks .fail").count()).toBe(0);
    const unchecked = await page.locator(".checks .unchecked").count();
    expect(await violations(page)).toEqual([]);
    const health = (await (await fetch(`${open.stack.facilitator}/health`)).json()) as { checkpointKey: string };
    await page.getByLabel("The ledger's key").fill(health.checkpointKey);
    await page.getByRole("button", { name: "Check" }).click();
    await expect.poll(() => page.locator(".checks .unchecked").count()).toBeLessThan(unchecked);
    expect(await page.locator(".checks .fail").count()).toBe(0);
    await page.getByLabel("The ledger's key").fill(UNKNOWN);
    await page.getByRole("button", { name: "Check" }).click();
    await shown(page, "This file is not what it says");
    expect(asked).toEqual([]);
  });

  test("with one changed digit, or that is no evidence, is refused by name [explorer-evidence-lie]", async () => {
    const page = await tab(`${open.stack.facilitator}/explorer/#/file`, { viewport: { width: 320, height: 640 } });
    const text = readFileSync(file, "utf8");
    await present(page, Buffer.from(text.replace('"value": "2500"', '"value": "2501"')));
    await shown(page, "This file is not what it says");
    expect(await page.locator(".checks .fail").count()).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);
    expect(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))).toBeLessThanOrEqual(0);
    for (const other of ["", "no", "{}", "\u202e<img src=x onerror=alert(1)>"]) {
      await present(page, Buffer.from(other));
      await shown(page, "This file is not what it says");
    }
    await present(page, Buffer.alloc(3_000_000, " "));
    await shown(page, "too large to be evidence");
  });
});

describe("every page", () => {
  const PAGES = {
    first: { at: "", shows: "Transaction in its books" },
    ledger: { at: "#/ledger", shows: "The ledger says that it adds up." },
    evidence: { at: "#/file", shows: "no file vouches for itself" },
    account: { words: [], shows: "The ledger signed the last entry." },
    otherkey: { words: ["--ledger-key", UNKNOWN], shows: "This is not the key that you know" },
    differing: { words: [], shows: DIFFERS, prepare: flipsOneBit },
    transaction: { words: [UNKNOWN], shows: "no such transaction" },
  } satisfies Record<string, { at?: string; words?: string[]; shows: string; prepare?: (page: Page) => Promise<unknown> }>;
  test.each(Object.entries<{ at?: string; words?: string[]; shows: string; prepare?: (page: Page) => Promise<unknown> }>(PAGES))(
    "%s can be read by a screen reader, light and dark, and fits 320 px [explorer-axe]",
    async (_, { at = "", words, shows, prepare }) => {
      const link = words ? await linkOf(openBox, ...words) : `${open.stack.facilitator}/explorer/${at}`;
      const page = await tab(link, { viewport: { width: 320, height: 640 }, colorScheme: "light" }, prepare);
      await shown(page, shows);
      expect(await violations(page)).toEqual([]);
      expect(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))).toBeLessThanOrEqual(0);
      await page.emulateMedia({ colorScheme: "dark" });
      expect(await contrastViolations(page)).toEqual([]);
    },
  );

  test("is served with a policy that allows its own origin and no frame, and only its own files [explorer-headers]", async () => {
    const { facilitator } = open.stack;
    const page = await fetch(`${facilitator}/explorer/`);
    const policy = page.headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "script-src 'self'"])
      expect(policy).toContain(part);
    expect([page.status, page.headers.get("cache-control"), page.headers.get("x-frame-options")]).toEqual([200, "no-store", "DENY"]);
    for (const path of ["/explorer/none", "/explorer/toString", "/explorer/../health/no"])
      expect((await fetch(facilitator + path)).status).toBe(404);
    expect(new URL((await fetch(`${facilitator}/explorer`)).url).pathname).toBe("/explorer/");
    expect(await (await fetch(`${facilitator}/health`)).json()).toMatchObject({ explorer: true });
  });
});
