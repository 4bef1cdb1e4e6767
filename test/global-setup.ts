/** Vitest's global setup: bundles the Workers, the CLI and the pages once, from the sources under test. */

import { copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { BIN, BUILT, PRELOADS } from "../agent-cli/testing/built.ts";
import { buildCli } from "../scripts/build-cli.ts";
import { DESK_PAGE } from "../scripts/build-desk.ts";
import { buildExplorer } from "../scripts/build-explorer.ts";
import { BUNDLES, buildWorkers } from "../scripts/build-workers.ts";

const CLI = join(import.meta.dirname, "../agent-cli");

export default async function setup(): Promise<void> {
  await Promise.all([buildWorkers(), buildExplorer(), buildTestedCli()]);
}

/** Laid out like the package: without the sources beside it, bin.js runs the bundle. */
async function buildTestedCli(): Promise<void> {
  await mkdir(join(BUILT, "agent-cli"), { recursive: true });
  await copyFile(join(CLI, "bin.js"), BIN);
  await buildCli(join(BUILT, "dist"));
  await rm(join(BUILT, "dist/workers"), { recursive: true, force: true });
  await symlink(BUNDLES, join(BUILT, "dist/workers"));
  await rm(join(BUILT, "dist/desk"), { recursive: true, force: true });
  await symlink(DESK_PAGE, join(BUILT, "dist/desk"));
  await build({
    entryPoints: PRELOADS.map((name) => join(CLI, `testing/${name}.ts`)),
    outdir: BUILT,
    bundle: true,
    platform: "node",
    format: "esm",
  });
}
