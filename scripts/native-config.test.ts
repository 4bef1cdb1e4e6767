import { expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { NATIVE_NETWORKS } from "../shared/lez.ts";
import { chainWith } from "../workers/lez-devnet/testing/devnet-chain.ts";

test("the native Worker is configured for the devnet as it comes, which the local stack starts [native-devnet-genesis]", () => {
  const { vars } = readConfig({ config: "workers/native/wrangler.toml" });
  expect(vars).toMatchObject({ NATIVE_NETWORK: NATIVE_NETWORKS[1], SEQUENCER_LEDGER: chainWith([]).genesis, SEQUENCER_URL: "" });
});
