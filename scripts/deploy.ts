/**
 * `npm run deploy`: ledger, explorer and native facilitator if the facilitator binds them, facilitator, merchant, desk, so that each Worker's callee exists before it;
 * then what is left to decide, and a purchase. Arguments go to wrangler: `npm run deploy -- --dry-run` builds all of them and uploads nothing.
 * These are our own: `--desk` deploys an owner's desk, and it alone; `--lez` a devnet and the native
 * facilitator, which settles on it, and no other; `--demo` deploys the demo merchant's published account, which is refused otherwise;
 * `--key-file`, `--passphrase-file` and `--max` are for the purchase (scripts/smoke.ts).
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pricedUrl } from "../agent-cli/demo/priced.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { shellLine } from "../agent-cli/runtime/shell-quote.ts";
import { buildExplorer } from "./build-explorer.ts";
import {
  checklistOf,
  deskChecklistOf,
  deskRefusalOf,
  devnetChecklistOf,
  nativeChecklistOf,
  originsIn,
  refusalOf,
  type Vars,
  varsGiven,
} from "./deploy-checklist.ts";
import { QUIET_WRANGLER } from "./wrangler-env.ts";

Object.assign(process.env, QUIET_WRANGLER);
const { unstable_readConfig: readConfig } = await import("wrangler");

const MERCHANT = "wrangler.toml";
const FACILITATOR = "workers/facilitator/wrangler.toml";
const LEDGER = "workers/ledger-do/wrangler.toml";
const EXPLORER = "workers/explorer/wrangler.toml";
const DESK = "workers/desk/wrangler.toml";
const DEVNET = "workers/lez-devnet/wrangler.toml";
const NATIVE = "workers/native/wrangler.toml";
const text = { type: "string" } as const;

const { values, tokens } = parseArgs({
  args: process.argv.slice(2),
  strict: false,
  tokens: true,
  options: {
    demo: { type: "boolean" },
    desk: { type: "boolean" },
    lez: { type: "boolean" },
    "key-file": text,
    "passphrase-file": text,
    max: text,
    "dry-run": { type: "boolean" },
    env: { ...text, short: "e" },
  },
});
const OWN = ["demo", "desk", "lez", "key-file", "passphrase-file", "max"];
const ownWords = tokens.flatMap((token) =>
  token.kind === "option" && OWN.includes(token.name)
    ? token.value === undefined || token.inlineValue
      ? [token.index]
      : [token.index, token.index + 1]
    : [],
);
const forWrangler = process.argv.slice(2).filter((_, index) => !ownWords.includes(index));

const given = varsGiven(forWrangler);
const configOf = (config: string) => readConfig({ config, ...(typeof values.env === "string" && { env: values.env }) });
const varsOf = (config: string): Vars => ({ ...(configOf(config).vars as Vars), ...given });
const objectsOf = (config: string) => configOf(config).durable_objects.bindings.map(({ name }: { name: string }) => name);
const deployment = {
  merchant: varsOf(MERCHANT),
  facilitator: varsOf(FACILITATOR),
  ledger: varsOf(LEDGER),
  objects: { merchant: objectsOf(MERCHANT), facilitator: objectsOf(FACILITATOR) },
};
const dryRun = values["dry-run"] === true;

const desk = varsOf(DESK);
const deskRefused = deskRefusalOf(desk);
if (deskRefused !== undefined) {
  console.error(deskRefused);
  process.exit(EXIT.usage);
}
if (values.desk === true) {
  deployDesk();
  process.exit();
}
if (values.lez === true) {
  const [origin] = deploy(DEVNET);
  console.error(["Check before others use it (docs/devnet.md):", ...devnetChecklistOf(varsOf(DEVNET))].join("\n"));
  const sequencer = `${origin ?? "https://DEVNET"}/`;
  console.error(`Its JSON-RPC: POST ${sequencer}`);
  deployNative(["--var", `SEQUENCER_URL:${sequencer}`]);
  process.exit();
}
const refused = refusalOf(deployment, values.demo === true || dryRun);
if (refused !== undefined) {
  console.error(refused);
  process.exit(EXIT.usage);
}
deploy(LEDGER);
if (binds("EXPLORER")) {
  await buildExplorer();
  deploy(EXPLORER);
}
if (binds("NATIVE")) deployNative();
const [facilitator] = deploy(FACILITATOR);
const [merchant] = deploy(MERCHANT);
console.error(["Check before buyers come (spec/architecture.md, Operation):", ...checklistOf(deployment)].join("\n"));
deployDesk();
buyOnce(deployment.merchant["PUBLIC_ORIGIN"] || merchant, deployment.merchant["FACILITATOR_URL"] || facilitator);

/** Of an owner. wrangler bundles it by itself: [build] in its configuration. */
function deployDesk(): void {
  const [origin] = deploy(DESK);
  const bound = configOf(DESK).services?.some(({ binding }: { binding: string }) => binding === "FACILITATOR") ?? false;
  console.error(["Check before you pair an agent (docs/desk-hosted.md):", ...deskChecklistOf(desk, bound)].join("\n"));
  const at = desk["DESK_ORIGIN"] || (origin ?? "https://DESK");
  console.error(`Open ${at} and make your passkey there. Then, where the agent runs: lez-agent-pay pair --desk ${at}`);
}

/** Settles on the chain itself, once a sequencer is configured. @param more words for wrangler */
function deployNative(more: string[] = []): void {
  deploy(NATIVE, more);
  const vars = { ...varsOf(NATIVE), ...varsGiven(more) };
  console.error(["Check before others pay on the chain (spec/operation.md):", ...nativeChecklistOf(vars)].join("\n"));
}

/** Whether the facilitator is configured to call this Worker, which must be there before it. */
function binds(name: string): boolean {
  return configOf(FACILITATOR).services?.some(({ binding }: { binding: string }) => binding === name) ?? false;
}

/** @returns the Worker's origins */
function deploy(config: string, more: string[] = []): string[] {
  const args = ["deploy", "--minify", "-c", config, ...more, ...forWrangler];
  console.error(`wrangler ${args.join(" ")}`);
  const directory = mkdtempSync(join(tmpdir(), "lez-agent-pay-deploy-"));
  const output = join(directory, "output");
  try {
    const { status } = spawnSync("wrangler", args, { stdio: "inherit", env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: output } });
    if (status !== 0) process.exit(status ?? 1);
    return existsSync(output) ? originsIn(readFileSync(output, "utf8")) : [];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Buys one thing as a buyer would. A dry run, and a deployment whose addresses are not known, name the command. */
function buyOnce(merchant: string | undefined, facilitator: string | undefined): void {
  const url = pricedUrl(merchant ?? "https://MERCHANT");
  const flags = (["key-file", "passphrase-file", "max"] as const).flatMap((name) => {
    const { [name]: value } = values;
    return typeof value === "string" ? [`--${name}`, value] : [];
  });
  const args = [url, "--facilitator", facilitator ?? "https://FACILITATOR", ...flags];
  const line = shellLine(["npm", "run", "smoke", "--", ...args]);
  if (dryRun) return console.error(`A deployment would end with one purchase:\n  ${line}`);
  if (!merchant || !facilitator) return console.error(`! smoke: not run, because wrangler named no address. Run: ${line}`);
  console.error(line);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, "smoke.ts"), ...args], { stdio: "inherit" });
  // Without a faucet and without a key there was nothing to pay with, and the deployment stands.
  if (status === EXIT.notSetUp && values["key-file"] === undefined)
    console.error(`! smoke: nothing was bought. With a key that has money: ${line} --key-file OWNER.json`);
  else process.exitCode = status ?? EXIT.internal;
}
