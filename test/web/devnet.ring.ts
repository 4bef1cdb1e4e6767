/** The devnet's pages in a real browser: who can read them, at 320 px and in the dark. */

import { afterEach, expect, test } from "vitest";
import { EXPLORER, explorerPage, PAGE_HEADERS } from "../../workers/lez-devnet/explorer.ts";
import { chainWith, keyOf, transfer } from "../../workers/lez-devnet/testing/devnet-chain.ts";
import { contrastViolations, violations } from "./axe.ts";
import { useBrowser } from "./use-browser.ts";

const browser = useBrowser();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const ORIGIN = "http://localhost:1";
const [alice, bob] = [keyOf("alice"), keyOf("bob")];
const chain = chainWith([[alice, 9_000_000_000_000_000n]]);
chain.send(transfer(alice, { to: bob.account, value: 8_000_000_000_000_000n, maxFee: 54_321n }));
for (let block = 0; block < 30; block++) chain.produce(1_700_000_000_000 + block * 2000);

test("the devnet's pages can be read by a screen reader, light and dark, and fit 320 px [web-devnet-axe]", async () => {
  const context = await browser.context({ viewport: { width: 320, height: 640 } });
  closing.push(() => context.close());
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on("console", (message) => message.type() === "error" && !/404/.test(message.text()) && trouble.push(message.text()));
  await page.route("**/*", (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    const { status, html } = explorerPage(pathname, searchParams.get("before"), chain);
    return route.fulfill({ status, headers: PAGE_HEADERS, body: html });
  });
  for (const path of ["", "/block/2", `/account/${alice.account}`, "/nothing"]) {
    await page.goto(ORIGIN + EXPLORER + path);
    await page.emulateMedia({ colorScheme: "light" });
    expect(await violations(page), path).toEqual([]);
    expect(Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth")), path).toBeLessThanOrEqual(0);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await contrastViolations(page), path).toEqual([]);
  }
  expect(trouble).toEqual([]);
});
