/** `npm run build`: the library, the CLI as files that need no node_modules, and the Workers that its demo boots. */
import { chmod, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { buildLibrary } from "./build-library.ts";
import { buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await rm("dist/cli", { recursive: true, force: true }); // old chunks must not be packed
await build({
  entryPoints: { cli: "agent-cli/main.ts" },
  outdir: "dist",
  // Lazily loaded modules stay in files of their own: --help must not wait for the MCP SDK.
  splitting: true,
  chunkNames: "cli/[name]-[hash]",
  bundle: true,
  platform: "node",
  target: "node22",
  format: "esm",
  minify: true,
  keepNames: true,
  external: ["miniflare"],
  // commander and ajv are CommonJS and ask for node's own modules with require.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
await writeFile("dist/package.json", JSON.stringify({ type: "module" }));
await chmod("dist/cli.js", 0o755);
