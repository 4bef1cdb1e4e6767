/** A merchant Worker of its own, beside a stack: the counting merchant with other bindings. */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";
import { type HostileFacilitator, startHostileFacilitator } from "../hostile/facilitator.ts";

interface TestMerchant {
  url: string;
  stop: Stack["stop"];
}

/**
 * A merchant that settles at a facilitator which a test can watch and spoil; honest again before each test.
 * @param vars further variables and secrets of the merchant
 */
export function useForeignMerchant(honest: () => string, vars: Record<string, string> = {}) {
  let facilitator: HostileFacilitator;
  let merchant: TestMerchant;
  beforeAll(async () => {
    facilitator = await startHostileFacilitator(honest);
    merchant = await startMerchant({ FACILITATOR_URL: facilitator.url, ...vars });
  });
  afterAll(async () => {
    await merchant?.stop();
    await facilitator?.stop();
  });
  beforeEach(() => facilitator.misbehave("honest"));
  return {
    get facilitator() {
      return facilitator;
    },
    get url() {
      return merchant.url;
    },
    /** How often its handlers have run, and how many at a time. */
    runs: async () => (await fetch(`${merchant.url}/runs`)).json() as Promise<{ total: number; most: number }>,
    /** A buyer with test money. */
    buyer: async (stack: Stack, funded = true) => {
      const buyer = await Buyer.create({ ...stack, merchant: merchant.url });
      if (funded) await buyer.fund();
      return buyer;
    },
  };
}

/** @param vars bindings of the merchant, such as FACILITATOR_URL */
async function startMerchant(vars: Record<string, string>): Promise<TestMerchant> {
  const entry = fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url));
  const { merchant, stop } = await startStack({
    bundles: BUNDLES,
    merchantScript: await bundleScript(entry),
    vars: { "lez-merchant": vars },
  });
  return { url: merchant, stop };
}
