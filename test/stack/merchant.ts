/** A merchant Worker of its own, beside a stack: the counting merchant with other bindings. */
import { fileURLToPath } from "node:url";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";

export interface TestMerchant {
  url: string;
  stop: Stack["stop"];
}

/** @param vars bindings of the merchant, such as FACILITATOR_URL */
export async function startMerchant(vars: Record<string, string>): Promise<TestMerchant> {
  const entry = fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url));
  const { merchant, stop } = await startStack({
    bundles: BUNDLES,
    merchantScript: await bundleScript(entry),
    vars: { "lez-merchant": vars },
  });
  return { url: merchant, stop };
}
