/** Bundles the explorer's page, and the Worker that has it. The same sources make the same bytes. */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { EXPLORER_SCRIPT } from "../agent-cli/demo/stack.ts";
import { buildPage } from "./build-desk.ts";

const ROOT = join(import.meta.dirname, "..");
export const EXPLORER_PAGE = join(ROOT, "dist/explorer");
const BUNDLES = join(ROOT, "dist/workers");

/**
 * @param page the folder of the page's files, which is emptied first
 * @param bundles the folder of the Worker
 */
export async function buildExplorer(page: string = EXPLORER_PAGE, bundles: string = BUNDLES): Promise<void> {
  await rm(page, { recursive: true, force: true });
  await buildPage("explorer", page);
  const names = (await readdir(page)).sort();
  const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(page, name), "utf8")] as const)));
  await mkdir(bundles, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, "workers/explorer/index.ts")],
    outfile: join(bundles, EXPLORER_SCRIPT),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    define: { PAGE_FILES: JSON.stringify(files) },
  });
}

if (import.meta.main) await buildExplorer();
