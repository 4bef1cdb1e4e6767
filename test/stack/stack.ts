/** The real stack for a test file: three Workers in workerd, real HTTP on loopback, real SQLite. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { type Stack, type StackOptions, startStack } from "../../agent-cli/demo/stack.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";

export { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";

interface Options extends Pick<StackOptions, "vars" | "shards" | "limits"> {
  /** The entry of another merchant, relative to this file. */
  merchant?: string;
}

interface SharedStack {
  stack: Stack;
  /** Receives the log lines of the test file that runs now. */
  onLog: (line: string) => void;
}

/** All test files call from one address. */
export const NO_LIMITS = { CALL_LIMIT: 1_000_000, CANCEL_LIMIT: 1_000_000, FAUCET_LIMIT: 1_000_000, SELLER_LIMIT: 1_000_000 };

/** Test files with the same options share a stack, which ends with their process. Every buyer has an account of its own. */
const running = new Map<string, Promise<SharedStack>>();

export function useStack(options: Options = {}) {
  let shared: SharedStack;
  const logs: Record<string, unknown>[] = [];
  beforeAll(async () => {
    const key = JSON.stringify(options);
    const started = running.get(key) ?? start(options);
    running.set(key, started);
    shared = await started;
    served(shared.stack.merchant);
    served(shared.stack.facilitator);
    shared.onLog = (line) => void (line.startsWith("{") && logs.push(JSON.parse(line) as Record<string, unknown>));
  });
  afterAll(() => {
    if (shared) shared.onLog = () => undefined;
  });
  return {
    get stack() {
      return shared.stack;
    },
    logs,
    async buyer(): Promise<Buyer> {
      const buyer = await Buyer.create(shared.stack);
      await buyer.fund();
      return buyer;
    },
  };
}

async function start({ merchant, vars = {}, shards, limits = NO_LIMITS }: Options): Promise<SharedStack> {
  const merchantScript = merchant && (await bundleScript(fileURLToPath(new URL(merchant, import.meta.url))));
  const shared = { onLog: (_line: string) => undefined as void };
  const stack = await startStack({
    bundles: BUNDLES,
    onLog: (line) => shared.onLog(line),
    vars,
    limits,
    ...(shards !== undefined && { shards }),
    ...(merchantScript && { merchantScript }),
  });
  return Object.assign(shared, { stack });
}
