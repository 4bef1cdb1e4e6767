/** `npm run build`: the library, the CLI as one file that needs no node_modules, and the Workers that its demo boots. */
import { chmod, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { buildLibrary } from "./build-library.ts";
import { buildWorkers } from "./build-workers.ts";

buildLibrary();
await buildWorkers();
await build({
  entryPoints: ["agent-cli/main.ts"],
  outfile: "dist/cli.js",
  bundle: true,
  platform: "node",
  target: "node22",
  format: "esm",
  minifySyntax: true,
  splitting: false,
  external: ["miniflare"],
  // commander is CommonJS and asks for node's own modules with require.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
await writeFile("dist/package.json", JSON.stringify({ type: "module" }));
await chmod("dist/cli.js", 0o755);
