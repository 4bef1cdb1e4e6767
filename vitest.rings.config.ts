/** Long tests, apart from `npm test`: each `*.ring.ts` belongs to an npm command of its own. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{shared,agent-cli,test,workers}/**/*.ring.ts"],
    globalSetup: ["test/global-setup.ts"],
    setupFiles: ["agent-cli/testing/cheap-scrypt.ts"],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A busy machine shows a page late.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
    silent: "passed-only",
    isolate: false,
  },
});
