/** The three Workers in one workerd, each of today or of version 0.1: what a rolling deployment looks like halfway. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { type Stack, startStack, type WorkerBundle } from "../../agent-cli/demo/stack.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";

export type Version = "0.1" | "today";

/** The version of each Worker. */
export interface Versions {
  merchant: Version;
  facilitator: Version;
  ledger: Version;
}

const OLD = fileURLToPath(new URL("../vectors/v0.1", import.meta.url));
const MERCHANT = fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url));

/** Starts before the tests of a `describe` and stops after them. */
export function useMixedStack({ merchant, facilitator, ledger }: Versions) {
  const logs: Record<string, unknown>[] = [];
  let stack: Stack;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "lez-mixed-"));
    const bundles = await Promise.all([
      bundleOf("lez-merchant", merchant),
      bundleOf("lez-facilitator", facilitator),
      bundleOf("lez-ledger-do", ledger),
    ]);
    await mkdir(join(directory, "bundles"));
    await writeFile(join(directory, "bundles", "stack.json"), JSON.stringify(bundles));
    stack = await startStack({
      bundles: join(directory, "bundles"),
      persist: join(directory, "state"),
      onLog: (line) => void (line.startsWith("{") && logs.push(JSON.parse(line) as Record<string, unknown>)),
    });
  });
  afterAll(async () => {
    await stack?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get stack() {
      return stack;
    },
    /** Structured log lines of all three Workers. */
    logs,
    async buyer(): Promise<Buyer> {
      const buyer = await Buyer.create(stack);
      await buyer.fund();
      return buyer;
    },
  };
}

async function bundleOf(name: string, version: Version): Promise<WorkerBundle> {
  const stack = JSON.parse(await readFile(join(version === "0.1" ? OLD : BUNDLES, "stack.json"), "utf8")) as WorkerBundle[];
  const bundle = stack.find((each) => each.name === name);
  if (!bundle) throw new Error(`no bundle of ${name} of version ${version}`);
  return name === "lez-merchant" && version === "today" ? { ...bundle, script: await bundleScript(MERCHANT) } : bundle;
}
