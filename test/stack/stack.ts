/** The real stack for a test file: three Workers in workerd, real HTTP on loopback, real SQLite. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { type Stack, type StackOptions, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";

export { receiptOf, verdict } from "../../agent-cli/demo/buyer.ts";

/** Starts before the file's tests and stops after them. Every buyer has an account of its own. */
export function useStack(options: Partial<StackOptions> & { merchant?: string } = {}) {
  const { merchant: entry, ...rest } = options;
  let stack: Stack;
  const logs: Record<string, unknown>[] = [];
  beforeAll(async () => {
    const merchantScript = entry && (await bundleScript(fileURLToPath(new URL(entry, import.meta.url))));
    const onLog = (line: string) => void (line.startsWith("{") && logs.push(JSON.parse(line) as Record<string, unknown>));
    stack = await startStack({ bundles: BUNDLES, onLog, ...(merchantScript && { merchantScript }), ...rest });
  });
  afterAll(() => stack?.stop());
  return {
    get stack() {
      return stack;
    },
    logs,
    async buyer(): Promise<Buyer> {
      const buyer = await Buyer.create(stack);
      await buyer.fund();
      return buyer;
    },
  };
}
