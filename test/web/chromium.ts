/** A real Chromium for tests and pictures: the one that `$CHROME` names, else one that is installed. */

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

export function chromiumPath(): string {
  const { CHROME, PATH = "" } = process.env;
  if (CHROME !== undefined && CHROME !== "") {
    if (!existsSync(CHROME)) throw new Error(`CHROME names ${CHROME}, which does not exist.`);
    return CHROME;
  }
  const found = PATH.split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable);
  if (found === undefined)
    throw new Error(
      "No Chromium was found. Install one (Debian: apt-get install chromium), or name one: CHROME=/path/to/chrome npm run test:web",
    );
  return found;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** It calls no one but the pages that it is sent to. Root has no sandbox. */
const FLAGS = [
  ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Browser {
  /** A fresh profile: nothing of another context is seen in it. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<Browser> {
  const home = mkdtempSync(join(tmpdir(), "lez-chromium-"));
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: FLAGS,
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  return {
    context: (options = {}) => browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options }),
    async close() {
      await browser.close();
      rmSync(home, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
