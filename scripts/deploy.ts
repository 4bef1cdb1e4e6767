/**
 * `npm run deploy`: ledger, facilitator, merchant, so that each Worker's callee exists before it; then what is left to decide.
 * Arguments go to wrangler: `npm run deploy -- --dry-run` builds all three and uploads nothing. `--demo` deploys the demo merchant's
 * published account, which is refused otherwise.
 */

import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { checklistOf, refusalOf, type Vars } from "./deploy-checklist.ts";
import { QUIET_WRANGLER } from "./wrangler-env.ts";

Object.assign(process.env, QUIET_WRANGLER);
const { unstable_readConfig: readConfig } = await import("wrangler");

const MERCHANT = "wrangler.toml";
const FACILITATOR = "workers/facilitator/wrangler.toml";
const LEDGER = "workers/ledger-do/wrangler.toml";

const given = process.argv.slice(2);
const { values } = parseArgs({
  args: given,
  strict: false,
  options: { demo: { type: "boolean" }, "dry-run": { type: "boolean" }, env: { type: "string", short: "e" } },
});
const varsOf = (config: string) => readConfig({ config, ...(typeof values.env === "string" && { env: values.env }) }).vars as Vars;
const deployment = { merchant: varsOf(MERCHANT), facilitator: varsOf(FACILITATOR), ledger: varsOf(LEDGER) };

const refused = refusalOf(deployment, values.demo === true || values["dry-run"] === true);
if (refused !== undefined) {
  console.error(refused);
  process.exit(2);
}
for (const config of [LEDGER, FACILITATOR, MERCHANT]) {
  const args = ["deploy", "--minify", "-c", config, ...given.filter((argument) => argument !== "--demo")];
  console.error(`wrangler ${args.join(" ")}`);
  const { status } = spawnSync("wrangler", args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
console.error(["Check before buyers come (spec/architecture.md, Operation):", ...checklistOf(deployment)].join("\n"));
