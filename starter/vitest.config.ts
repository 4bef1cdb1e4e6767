import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { testLedger } from "lez-agent-pay/testing/pool";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The shop logs each payment; only a failed test's output is worth reading.
    silent: "passed-only",
    projects: [
      { test: { name: "node", include: ["test/*.test.ts"] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./wrangler.toml" }, miniflare: testLedger() })],
        test: { name: "workerd", include: ["test/workerd/*.test.ts"] },
      },
    ],
  },
});
