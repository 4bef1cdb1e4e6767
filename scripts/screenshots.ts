/** `npm run screenshots`: the pages of the desk, the seller's and the explorer, as pictures, phone and desktop, light and dark, from fixed data at a fixed time. */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { WEEK } from "../test/paywall/seller-register.ts";
import { openBrowser } from "../test/web/chromium.ts";
import { serveExplorer } from "../test/web/explorer-server.ts";
import { hostedScene, PAIR_LINK } from "../test/web/hosted-scenes.ts";
import { serveScene } from "../test/web/scene-server.ts";
import { DATASET_DIGEST, FULL, NOW, REPORT_DIGEST } from "../test/web/scenes.ts";
import { SELLER_CREDENTIALS, serveSellerPage } from "../test/web/seller-server.ts";
import { buildDesk } from "./build-desk.ts";
import { buildExplorer } from "./build-explorer.ts";

const FOLDER = process.argv[2] ?? join(import.meta.dirname, "../docs/screenshots");

/** All pictures together, in the repository. */
const MAX_BYTES = 3_000_000;

/** `shows`: what is on the page once it has its data. */
const PAGES = [
  { name: "inbox", at: "#/", shows: "to reports.heatpumps.example" },
  { name: "approval", at: `#/request/${REPORT_DIGEST}`, shows: "What you would sign" },
  { name: "warnings", at: `#/request/${DATASET_DIGEST}`, shows: "Look twice" },
  { name: "allowances", at: "#/allowances", shows: "Weather data" },
  { name: "history", at: "#/history", shows: "Per merchant" },
] as const;
const SCREENS = {
  desktop: { width: 1200, height: 860, deviceScaleFactor: 1 },
  phone: { width: 390, height: 844, deviceScaleFactor: 2 },
} as const;

/** Of the hosted desk, on a phone: once each. */
const HOSTED = {
  light: [
    { name: "approval", at: `#/request/${REPORT_DIGEST}`, shows: "What you would sign" },
    { name: "pairing", at: `#/pair/${PAIR_LINK}`, shows: "after you pair it" },
  ],
  dark: [],
} as const;

await buildDesk();
await buildExplorer();
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
const browser = await openBrowser();
const server = await serveScene(FULL);
const seller = await serveSellerPage(WEEK);
const explorer = await serveExplorer(WEEK);
try {
  for (const [screen, { deviceScaleFactor, ...viewport }] of Object.entries(SCREENS)) {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.context({
        viewport,
        deviceScaleFactor,
        colorScheme,
        isMobile: screen === "phone",
        reducedMotion: "reduce",
        httpCredentials: { ...SELLER_CREDENTIALS, origin: new URL(seller.url).origin },
      });
      const page = await context.newPage();
      await page.clock.setFixedTime(NOW * 1000);
      await page.goto(server.link);
      for (const { name, at, shows } of PAGES) {
        await page.evaluate(`location.hash = ${JSON.stringify(at)}`);
        await page.getByText(shows).first().waitFor();
        await page.screenshot({ path: join(FOLDER, `${name}-${screen}-${colorScheme}.png`), animations: "disabled" });
      }
      for (const { name, at, shows } of screen === "phone" ? HOSTED[colorScheme] : []) {
        const hosted = await serveScene(FULL);
        hosted.scene = hostedScene(hosted.origin);
        await page.goto(`${hosted.origin}/${at}`);
        await page.getByText(shows).first().waitFor();
        await page.screenshot({ path: join(FOLDER, `hosted-${name}-${screen}-${colorScheme}.png`), animations: "disabled" });
        await hosted.close();
      }
      await page.goto(`${seller.url}?to=2026-01-31&days=7`);
      await page.screenshot({ path: join(FOLDER, `seller-${screen}-${colorScheme}.png`), animations: "disabled" });
      await page.goto(explorer.url);
      await page.getByText("The ledger signed the last entry.").waitFor();
      await page.screenshot({ path: join(FOLDER, `explorer-${screen}-${colorScheme}.png`), animations: "disabled" });
      await context.close();
    }
  }
} finally {
  await server.close();
  await seller.close();
  await explorer.close();
  await browser.close();
}

// Chromium packs loosely: a quarter less without a pixel changed, where optipng is installed.
const pictures = readdirSync(FOLDER).map((name) => join(FOLDER, name));
spawnSync("optipng", ["-quiet", "-o2", ...pictures]);
const bytes = pictures.reduce((sum, picture) => sum + statSync(picture).size, 0);
console.log(`${pictures.length} pictures, ${bytes} bytes of ${MAX_BYTES}`);
if (bytes > MAX_BYTES) {
  console.error("The pictures are too large. Install optipng, or draw fewer.");
  process.exitCode = 1;
}
