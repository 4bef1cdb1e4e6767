/**
 * `npm run deploy`: ledger, facilitator, merchant, so that each Worker's callee exists before it. Arguments go to wrangler:
 * `npm run deploy -- --dry-run` builds all three and uploads nothing.
 */

import { spawnSync } from "node:child_process";
import { QUIET_WRANGLER } from "./wrangler-env.ts";

const IN_ORDER = ["workers/ledger-do/wrangler.toml", "workers/facilitator/wrangler.toml", "wrangler.toml"];

for (const config of IN_ORDER) {
  const args = ["deploy", "--minify", "-c", config, ...process.argv.slice(2)];
  console.error(`wrangler ${args.join(" ")}`);
  const { status } = spawnSync("wrangler", args, { stdio: "inherit", env: { ...process.env, ...QUIET_WRANGLER } });
  if (status !== 0) process.exit(status ?? 1);
}
