/** The seller's page in a real browser: who can read it, at 320 px and in the dark, by the keyboard, and with hostile words. */

import type { BrowserContextOptions, Page } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ATTACKS } from "../../shared/screen/testing/hostile-text.ts";
import { fittingBooks, type Posting } from "../paywall/seller-books.ts";
import { LAST_DAY, sale, type Sales, WEEK } from "../paywall/seller-register.ts";
import { contrastViolations, violations } from "./axe.ts";
import { SELLER_CREDENTIALS, type SellerServer, serveSellerPage } from "./seller-server.ts";
import { useBrowser } from "./use-browser.ts";

const browser = useBrowser();
let server: SellerServer;
beforeEach(async () => {
  server = await serveSellerPage(WEEK);
});
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  await server.close();
});

const WEEK_OF_SALES = "?to=2026-01-31&days=7";

async function open(query: string = WEEK_OF_SALES, options: BrowserContextOptions = {}) {
  const context = await browser.context({ httpCredentials: SELLER_CREDENTIALS, ...options });
  closing.push(() => context.close());
  const page = await context.newPage();
  const asked: string[] = [];
  const trouble: string[] = [];
  context.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", ({ message }) => trouble.push(message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) trouble.push(message.text());
  });
  page.on("dialog", (dialog) => {
    trouble.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`${server.url}${query}`);
  return { page, asked, trouble };
}

const overflow = async (page: Page) => Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));

const hostile = (text: string): Sales =>
  new Map([[LAST_DAY, [sale({ route: text, paymentId: text, status: "owed", refund: { state: "owed", code: text as never } })]]]);

test.each<[string, Sales | undefined, string, Posting[]?]>([
  ["a week", WEEK, "fit the ledger, payment by payment"],
  ["a week that nothing checks", WEEK, "Nothing here is checked", []],
  ["a week that does not fit", WEEK, "What does not fit", fittingBooks(WEEK).slice(0, -3)],
  ["no sales", new Map(), "No sale is recorded"],
  ["no register", undefined, "does not answer"],
  ["words without end", hostile("W".repeat(5000)), "Give it back yourself"],
])("%s: can be read by a screen reader, light and dark, and fits 320 and 1200 px [web-seller-axe]", async (_, sales, shows, journal) => {
  server.sales = sales;
  if (journal) server.journal(journal.length === 0 ? undefined : journal);
  const { page, asked, trouble } = await open(WEEK_OF_SALES, { viewport: { width: 1200, height: 800 }, colorScheme: "light" });
  await page.getByText(shows).first().waitFor();
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await violations(page)).toEqual([]);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await contrastViolations(page)).toEqual([]);
  expect(trouble).toEqual([]);
  expect(asked.filter((url) => !url.startsWith(server.url) && !url.endsWith("/favicon.ico"))).toEqual([]);
});

test("its style is let in, and the bars are as long as the sums", async () => {
  const { page } = await open();
  expect(await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")).toBe("1040px");
  const widths = await page.locator(".days rect:not(.track)").evaluateAll((bars) => bars.map((bar) => bar.getAttribute("width")));
  expect(widths).toEqual(["67.85", "71.82", "100", "7.14", "0", "52.38", "80.95"]);
});

test("another period is chosen by the keyboard, and the sales are saved as a file [web-seller-keyboard]", async () => {
  const { page } = await open();
  await page.getByRole("combobox").focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL(/days=1$/);
  expect(await page.locator(".days li").count()).toBe(1);
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: "These sales as CSV" }).click();
  expect((await saved).suggestedFilename()).toBe("sales-2026-01-31-1.csv");
});

test("words of strangers are text: no script runs, no element is made, nothing hides [web-seller-xss]", async () => {
  const MARKUP = `<img src=x onerror="alert(1)"><script>alert(2)</script>"'><svg onload=alert(3)>`;
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u; // oxlint-disable-line no-control-regex
  const { page, trouble } = await open();
  for (const text of [MARKUP, ...Object.values(ATTACKS)]) {
    server.sales = hostile(text);
    await page.reload();
    await page.getByText("Give it back yourself").waitFor();
    expect(await page.evaluate("document.querySelectorAll('img, script, iframe, [onload], [onerror]').length")).toBe(0);
    expect(await page.locator("body").innerText()).not.toMatch(HIDDEN);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(trouble).toEqual([]);
  }
});
