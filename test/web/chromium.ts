/** A real Chromium for tests and pictures: the one that `$CHROME` names, else one that is installed. */

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";

const WITH_WINDOWS = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** The same engine without windows. A fresh profile takes it an eighth of the processor time: no toolbar is loaded, which is a page too. */
const WITHOUT_WINDOWS = ["chromium-headless-shell", "chrome-headless-shell"];

function chromiumPath(names: readonly string[]): string {
  const { CHROME, PATH = "" } = process.env;
  if (CHROME !== undefined && CHROME !== "") {
    if (!existsSync(CHROME)) throw new Error(`CHROME names ${CHROME}, which does not exist.`);
    return CHROME;
  }
  const folders = PATH.split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (found === undefined)
    throw new Error(
      "No Chromium was found. Install one (Debian: apt-get install chromium chromium-headless-shell), or name one: CHROME=/path/to/chrome npm run test:web",
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

interface BrowserOptions {
  /** It shows notices: only a Chromium with windows does. */
  notices?: boolean;
}

/** It ends with this process, if it is not closed before. */
export async function openBrowser({ notices = false }: BrowserOptions = {}): Promise<Browser> {
  const home = mkdtempSync(join(tmpdir(), "lez-chromium-"));
  const removeHome = () => rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", removeHome);
  const browser = await chromium.launch({
    executablePath: chromiumPath(notices ? WITH_WINDOWS : [...WITHOUT_WINDOWS, ...WITH_WINDOWS]),
    args: FLAGS,
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  });
  return {
    context: (options = {}) => browser.newContext({ locale: "en-GB", timezoneId: "UTC", ...options }),
    async close() {
      await browser.close();
      process.off("exit", removeHome);
      removeHome();
    },
  };
}
