/** `node` for everything that runs in Node, `workerd` for tests inside the Workers runtime: over a ledger of one shard, and of four. */

import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The Workers log every payment; only a failed test's output is worth reading.
    silent: "passed-only",
    // Many tests wait for other processes: more workers than cores use the time.
    maxWorkers: 3,
    projects: [
      {
        // The starter imports the package by name. Here it is tested over the sources.
        resolve: {
          alias: {
            "lez-agent-pay/hono/openapi": source("workers/merchant/paywall/openapi-document.ts"),
            "lez-agent-pay/hono": source("workers/merchant/paywall/index.ts"),
            "lez-agent-pay/testing": source("test-kit/node.ts"),
          },
        },
        test: {
          name: "node",
          include: ["{shared,agent-cli,workers,scripts,test,test-kit,bench}/**/*.test.ts", "starter/test/*.test.ts"],
          exclude: ["test/workerd/**"],
          globalSetup: ["test/global-setup.ts"],
          setupFiles: ["agent-cli/testing/cheap-scrypt.ts"],
          // Files share a worker and its modules: loading them for each file takes longer than most tests.
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      workerd("workerd", 1, ["test/workerd/**/*.test.ts"], ["test/workerd/{shards,migration}.test.ts"]),
      // Some promises a ledger of several objects must keep as well, and some only it makes.
      workerd("workerd, 4 shards", 4, ["test/workerd/{shards,concurrency,restart,http}.test.ts"], []),
      // A Worker remembers which ledger it met, so these have Workers of their own.
      workerd("workerd, migration", 1, ["test/workerd/migration.test.ts"], []),
      workerd("workerd, migration, 4 shards", 4, ["test/workerd/migration.test.ts"], []),
    ],
    coverage: {
      provider: "istanbul",
      include: ["shared/**/*.ts", "workers/**/*.ts", "agent-cli/**/*.ts"],
      exclude: ["**/*.test.ts", "**/.wrangler/**", "**/*.d.ts"],
      reporter: ["text-summary", "text"],
    },
  },
});

function source(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Tests in workerd over a ledger of `shards` objects. One entry exports all Workers' classes, so that tests reach into the Durable Objects. */
function workerd(name: string, shards: number, include: string[], exclude: string[]) {
  return {
    plugins: [
      cloudflareTest({
        main: "./test/workerd/entry.ts",
        wrangler: { configPath: "./workers/facilitator/wrangler.toml" },
        miniflare: {
          // The page of the explorer, and payments on the chain itself, are other Workers', which these tests do not need.
          serviceBindings: { EXPLORER: () => new Response(null, { status: 404 }), NATIVE: () => new Response(null, { status: 404 }) },
          bindings: { FAUCET: "on", BOOKS: "public", SHARDS: String(shards) },
          durableObjects: {
            LEDGER: { className: "Ledger", useSQLite: true },
            DELIVERIES: { className: "Deliveries", useSQLite: true },
            REFUNDING: { className: "RefundingDeliveries", useSQLite: true },
            SESSIONS: { className: "Sessions", useSQLite: true },
            WEBHOOKS: { className: "Webhooks", useSQLite: true },
          },
        },
      }),
    ],
    test: { name, include, exclude, testTimeout: 120_000, hookTimeout: 120_000, isolate: false },
  };
}
