/** The browser and the stack of a test file. Files that run in one process share both: a test has a profile, and an account, of its own. */

import { beforeAll } from "vitest";
import { randomHex } from "../desk/people.ts";
import { newPushKey, PushService } from "../desk/push-service.ts";
import { useStack } from "../stack/stack.ts";
import { type Browser, openBrowser } from "./chromium.ts";

/** On a busy machine. */
const WAIT_MILLIS = 60_000;

let shared: Promise<Browser> | undefined;

export function useBrowser(): Pick<Browser, "context"> {
  let browser: Browser;
  beforeAll(async () => {
    shared ??= openBrowser();
    browser = await shared;
  });
  return {
    async context(options) {
      // A colour that is on its way to another one has the contrast of neither.
      const context = await browser.context({ reducedMotion: "reduce", ...options });
      context.setDefaultTimeout(WAIT_MILLIS);
      return context;
    },
  };
}

const UNLIMITED = 1_000_000;
const LIMITS = ["CALL_LIMIT", "CANCEL_LIMIT", "FAUCET_LIMIT", "SELLER_LIMIT", "STRANGER_LIMIT"];

/** The push service of browsers here, one for all files. */
export const pushes = await PushService.start();
const PUSH = { PUSH_KEY: await newPushKey(), PUSH_TEST_HOST: pushes.host };

const RECEIPT_KEY = randomHex(32);

/** The stack of every test here. Its desk asks merchants of this machine, and pushes to a service of it. */
export function useWebStack() {
  return useStack({
    limits: Object.fromEntries(LIMITS.map((name) => [name, UNLIMITED])),
    vars: { "lez-desk": { DESK_EGRESS: "loopback", ...PUSH }, "lez-merchant": { RECEIPT_KEY } },
  });
}
