/** Bundles the CLI into files that need no node_modules, as the package ships it and as the tests spawn it. */

import { chmod, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const MAIN = fileURLToPath(new URL("../agent-cli/main.ts", import.meta.url));

/** Writes `cli.js`, its chunks in `cli/`, and a `package.json` that makes them ES modules. */
export async function buildCli(outdir: string): Promise<void> {
  await rm(join(outdir, "cli"), { recursive: true, force: true }); // stale chunks must not be packed
  await build({
    entryPoints: { cli: MAIN },
    outdir,
    // Modules that load on demand stay in files of their own: help must not wait for the MCP SDK.
    splitting: true,
    chunkNames: "cli/[name]-[hash]",
    bundle: true,
    platform: "node",
    target: "node22",
    format: "esm",
    minify: true,
    keepNames: true,
    external: ["miniflare"],
    // commander and ajv are CommonJS and require node's own modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  await writeFile(join(outdir, "package.json"), JSON.stringify({ type: "module" }));
  await chmod(join(outdir, "cli.js"), 0o755);
}
