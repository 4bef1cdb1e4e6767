/** Two projects: `node` for everything that runs in Node, `workerd` for what needs the Workers runtime itself. */
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The Workers log every payment; only a failed test's output is worth reading.
    silent: "passed-only",
    projects: [
      {
        test: {
          name: "node",
          include: ["{shared,agent-cli,workers,scripts,test}/**/*.test.ts"],
          exclude: ["test/workerd/**"],
          globalSetup: ["test/build-workers.ts"],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        // One entry that exports both Workers' classes, so that tests reach into the Durable Object.
        plugins: [
          cloudflareTest({
            main: "./test/workerd/entry.ts",
            wrangler: { configPath: "./workers/facilitator/wrangler.toml" },
            miniflare: {
              bindings: { FAUCET: "on" },
              durableObjects: { LEDGER: { className: "Ledger", useSQLite: true } },
            },
          }),
        ],
        test: { name: "workerd", include: ["test/workerd/**/*.test.ts"], testTimeout: 20_000 },
      },
    ],
    coverage: {
      provider: "istanbul",
      include: ["shared/**/*.ts", "workers/**/*.ts", "agent-cli/**/*.ts"],
      exclude: ["**/*.test.ts", "**/.wrangler/**", "**/*.d.ts"],
      reporter: ["text-summary", "text"],
    },
  },
});
