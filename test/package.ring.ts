/** The package as its users get it: packed from a copy of the sources, unpacked elsewhere, and used without the repository. */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { spawn } from "@lydell/node-pty";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Buyer, verdict } from "../agent-cli/demo/buyer.ts";
import { startStack } from "../agent-cli/demo/stack.ts";
import { PASSPHRASE, Terminal } from "../agent-cli/testing/cli.ts";
import { bundleScript } from "../scripts/build-workers.ts";
import { freePort } from "../scripts/workerd.ts";
import { type Packed, packSources } from "./pack.ts";

const ROOT = dirname(import.meta.dirname);
const run = promisify(execFile);

let temp: string;
/** A project with the package in its node_modules. */
let project: string;
let installed: string;
let packed: Packed;

beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), "lez-package-"));
  packed = await packSources(temp);

  project = join(temp, "project");
  installed = join(project, "node_modules", "lez-agent-pay");
  await mkdir(installed, { recursive: true });
  await unpack(installed);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const { dependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { dependencies: object };
  for (const name of [...Object.keys(dependencies), "hono", "@x402/core", "@x402/fetch", "@x402/hono", "@types/node"]) {
    const place = join(project, "node_modules", name);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(ROOT, "node_modules", name), place);
  }
});
afterAll(() => rm(temp, { recursive: true, force: true }));

function unpack(directory: string) {
  return run("tar", ["-xzf", join(temp, packed.filename), "--strip-components=1", "-C", directory]);
}

test("holds what users need, and neither tests, sources nor maps", () => {
  const listing = packed.files.map(({ path, size }) => `${String(size).padStart(8)}  ${path}`);
  console.log([...listing, `${String(packed.size).padStart(8)}  ${packed.filename}`].join("\n"));
  const paths = packed.files.map(({ path }) => path);
  for (const needed of [
    "README.md",
    "LICENSE",
    "package.json",
    "agent-cli/bin.js",
    "dist/cli.js",
    "dist/desk/index.html",
    "dist/workers/explorer.js",
    "dist/workers/stack.json",
    "spec/protocol.md",
    "docs/selling.md",
    "dist/test-kit/ledgers.js",
    "starter/gitignore",
    "docs/demo.svg",
  ]) {
    expect(paths).toContain(needed);
  }
  const allowed =
    /^((README|CHANGELOG|SECURITY|SKILL)\.md|LICENSE|package\.json|agent-cli\/bin\.js|dist\/.*\.(js|json|d\.ts)|dist\/desk\/(index\.html|desk\.css|icon\.svg)|(spec|examples|docs)\/.*\.(md|json|svg)|starter\/(.*\.(ts|toml|md)|gitignore))$/;
  expect(paths.filter((path) => !allowed.test(path) || /^(?!starter\/).*\.test\.|\/testing\//.test(path))).toEqual([]);
  // 85 kB of it are the test kit: the ledger's rules as modules for Node.js, and bundled for workerd.
  // 140 kB are what sellers got: upto, sales, refunds, webhooks, and being found.
  // 190 kB are sessions: their objects, ledger, acceptor and clients, with the pages about them; and automatic refunds.
  // 60 kB are the desk: its page, and what serves it.
  // 130 kB came beside it: proofs of passkeys with their vectors, recovery, streams in sessions.
  // 45 kB are the explorer: its page in its Worker, and its command.
  // 250 kB are the hosted desk: its Worker with the page in it, the part of the page that only it has, pairing, and its pages. And a devnet.
  // 200 kB are payments on the chain itself: their Worker, keys and words in the command line, the seller's entry, and their pages.
  expect(packed.size).toBeLessThan(2_050_000);
});

test("holds nothing that lowers the cost of opening a key, and no switch for tests", async () => {
  const scripts = packed.files.map(({ path }) => path).filter((path) => path.endsWith(".js"));
  const texts = await Promise.all(scripts.map((path) => readFile(join(installed, path), "utf8")));
  expect(texts.filter((text) => /cheap-scrypt|LEZ_TEST/.test(text))).toEqual([]);
  expect(texts.filter((text) => text.includes("scrypt"))).not.toEqual([]);
});

test("brings no Node.js of its own into a project: what runs the toolchain stays here", async () => {
  const { optionalDependencies } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  expect(optionalDependencies).toBeUndefined();
});

test("has a file behind every export, and its declarations", async () => {
  const { exports } = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as { exports: Record<string, string | object> };
  const targets = Object.values(exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  const paths = packed.files.map(({ path }) => `./${path}`);
  expect(targets.length).toBeGreaterThan(10);
  expect(targets.filter((target) => !paths.includes(target))).toEqual([]);
});

const PROGRAM = `
import { x402Client } from "@x402/core/client";
import { x402Facilitator } from "@x402/core/facilitator";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import type { PaymentRequired } from "@x402/core/types";
import { askFirst, registerExactLezScheme } from "lez-agent-pay/exact/client";
import { BackendUnavailable, type PaymentBackend, registerExactLezScheme as facilitate } from "lez-agent-pay/exact/facilitator";
import { registerExactLezScheme as serve } from "lez-agent-pay/exact/server";
import { type Digest, generateSecretKey, keySigner, limits, NETWORK, verifyExact } from "lez-agent-pay/protocol";

const wallet = await keySigner(generateSecretKey());
const { account: payTo } = await keySigner(generateSecretKey());
const ledger = "ab".repeat(32) as Digest;
const offer = {
  scheme: "exact", network: NETWORK, asset: "native", amount: "10000", payTo,
  maxTimeoutSeconds: limits.DEFAULT_TIMEOUT_SECONDS, extra: { ledger },
} as const;
const terms: PaymentRequired = { x402Version: 2, resource: { url: "https://merchant.example.com/" }, accepts: [offer] };
const client = registerExactLezScheme(new x402Client(), { signer: askFirst(wallet, async ({ value }) => value === "10000") });
const payload = await client.createPaymentPayload(terms);
const verified = await verifyExact(payload, offer, { now: Math.floor(Date.now() / 1000), ledger });

const backend: Partial<PaymentBackend> = {
  info: async () => ({ ledger, treasury: payTo, supply: "1", shards: 1 }),
  check: async () => { throw new BackendUnavailable("down", { overloaded: false }); },
};
const facilitator = await facilitate(new x402Facilitator(), { backend: backend as PaymentBackend });
serve(new x402ResourceServer(new HTTPFacilitatorClient({ url: "http://127.0.0.1:9" })));
const { invalidReason } = await facilitator.verify(payload, offer);
console.log(JSON.stringify({ verified: verified.ok, kinds: facilitator.getSupported().kinds.length, invalidReason }));
`;

const SHOP = `
import { Hono } from "hono";
import { paywall, paywallCors, type PaywallEnv, type PaywallOptions } from "lez-agent-pay/hono";
import { receiptOf, testShop } from "lez-agent-pay/testing";
import { testLedger } from "lez-agent-pay/testing/pool";

const price: PaywallOptions = { amount: "10000", description: "Goods" };
const app = new Hono<PaywallEnv>();
app.use(paywallCors());
app.get("/goods", paywall(price), (c) => c.text(\`goods for \${c.get("payment").payer}\`));
export default app;

// A shop's own tests.
const shop = testShop(app, { env: { PUBLIC_ORIGIN: "https://shop.example" } });
const buyer = await shop.buyer({ balance: "100000" });
console.log(receiptOf(await buyer.fetch("/goods"))?.transaction, (await buyer.balance()).held, testLedger().workers.length);
`;

/** The TypeScript of a document, as files of the project. */
async function documentedPrograms(document: string): Promise<string[]> {
  const page = await readFile(join(installed, document), "utf8");
  const programs = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, program = ""]) => program);
  return Promise.all(
    programs.map(async (program, i) => {
      const file = `${basename(document, ".md")}-${i}.ts`;
      await writeFile(join(project, file), program);
      return file;
    }),
  );
}

test.each(["nodenext", "bundler"])("type-checks in a user's project, module resolution %s", async (moduleResolution) => {
  await writeFile(join(project, "program.ts"), PROGRAM);
  await writeFile(join(project, "shop.ts"), SHOP);
  const documented = await documentedPrograms("spec/scheme_exact_lez.md");
  expect(documented).toHaveLength(3);
  const inNode = { lib: ["es2024", "dom", "dom.iterable"], types: ["node"] }; // @x402/core names Buffer
  expect(await typeErrors(moduleResolution, inNode, ["program.ts", "shop.ts", ...documented])).toBe("");
});

test.each(["nodenext", "bundler"])("type-checks in a Worker, as the README has it, module resolution %s", async (moduleResolution) => {
  const documented = await documentedPrograms("README.md");
  expect(documented).toHaveLength(1);
  const inWorker = { lib: ["es2024"], types: [join(ROOT, "node_modules/@cloudflare/workers-types")] };
  expect(await typeErrors(moduleResolution, inWorker, documented)).toBe("");
});

async function typeErrors(moduleResolution: string, platform: { lib: string[]; types: string[] }, files: string[]): Promise<string> {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: "es2024",
    module: moduleResolution === "bundler" ? "preserve" : "nodenext",
    moduleResolution,
    noEmit: true,
    // Our declarations are checked; with this on, so are everybody's.
    skipLibCheck: false,
    ...platform,
  };
  const config = join(project, "tsconfig.json");
  await writeFile(config, JSON.stringify({ compilerOptions, files }));
  const tsc = run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", config]);
  return (await tsc.catch((error) => error as { stdout: string })).stdout;
}

test("runs in Node: the three schemes and the protocol", async () => {
  await writeFile(join(project, "program.ts"), PROGRAM);
  const { stdout } = await run(process.execPath, [join(project, "program.ts")]);
  expect(JSON.parse(stdout)).toEqual({ verified: true, kinds: 1, invalidReason: "facilitator_unavailable" });
});

test("runs in a Worker: the paywall asks to be paid, and is, beside the packed facilitator and ledger [package-in-worker]", async () => {
  const [worker = ""] = await documentedPrograms("README.md");
  const merchantScript = await bundleScript(join(project, worker));
  const stack = await startStack({ bundles: join(installed, "dist/workers"), merchantScript });
  try {
    const buyer = await Buyer.create(stack);
    await buyer.fund();
    const goods = { url: `${stack.merchant}/premium` };
    expect(verdict(await buyer.send(goods))).toBe("402 payment_required");
    const paid = await buyer.send(goods, await buyer.approved(goods));
    expect(verdict(paid)).toBe("200");
    expect(await paid.json()).toEqual({ report: "…" });
  } finally {
    await stack.stop();
  }
});

test("brings a CLI that needs no node_modules [package-cli-alone]", async () => {
  const alone = join(temp, "alone");
  await mkdir(alone);
  await unpack(alone);
  const { stdout } = await run(process.execPath, [join(alone, "agent-cli/bin.js"), "demo", "cli", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  const stack = await run(process.execPath, [join(alone, "agent-cli/bin.js"), "demo", "http", "--json"]).catch((error: unknown) => error);
  expect(JSON.parse((stack as { stdout: string }).stdout)).toMatchObject({
    error: { hint: expect.stringContaining("lez-agent-pay demo cli") },
    next: { argv: ["npm", "install", "--prefix", alone, expect.stringMatching(/^miniflare@/)] },
  });
});

/** Typing is not counted: the answers come at once. */
const NEWCOMER_SECONDS = 180;

test("takes a newcomer from an empty home to a purchase, with miniflare beside it and nothing else [package-onboard]", async () => {
  const modules = join(temp, "prefix/lib/node_modules");
  const home = join(temp, "home");
  await mkdir(join(modules, "lez-agent-pay"), { recursive: true });
  await mkdir(home);
  await unpack(join(modules, "lez-agent-pay"));
  await symlink(join(ROOT, "node_modules/miniflare"), join(modules, "miniflare"));
  const onboard = () => {
    const ports = ["--merchant-port", String(merchantPort), "--facilitator-port", String(facilitatorPort)];
    const env = { HOME: home, PATH: process.env["PATH"] ?? "", TERM: "xterm", LANG: "C.UTF-8" };
    return new Terminal(
      spawn(process.execPath, [join(modules, "lez-agent-pay/agent-cli/bin.js"), "onboard", ...ports], {
        cols: 80,
        rows: 100,
        cwd: home,
        env,
      }),
    );
  };
  const [merchantPort, facilitatorPort] = [await freePort(), await freePort()];
  const began = Date.now();
  const first = onboard();
  await first.answer("Passphrase for the new owner key", `${PASSPHRASE}\r`);
  await first.answer("The same passphrase again", `${PASSPHRASE}\r`);
  await first.answer("Pay 0.00001 LGO", "y");
  await first.answer("Passphrase of", `${PASSPHRASE}\r`);
  expect(await first.exit, first.text).toBe(0);
  expect(first.text).toContain("Done: owner key, agent key, test money, purchase");
  expect((Date.now() - began) / 1000).toBeLessThan(NEWCOMER_SECONDS);

  const kept = async () => {
    const names = [".config/lez-agent-pay/owner.json", ".config/lez-agent-pay/agent.json", ".local/state/lez-agent-pay/audit.jsonl"];
    return Promise.all(names.map((name) => readFile(join(home, name), "utf8")));
  };
  const before = await kept();
  const second = onboard();
  await second.answer("Buy it again?", "\r");
  expect(await second.exit, second.text).toBe(0);
  expect(second.text).toContain("Everything was there; nothing was changed");
  expect(second.text).toContain("0.00099 LGO");
  expect(await kept()).toEqual(before);
});
