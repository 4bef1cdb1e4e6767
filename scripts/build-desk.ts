/** Bundles the page of the desk: two scripts, one style sheet, no network. The same sources make the same bytes. */

import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "workers/desk/page");
export const DESK_PAGE = join(ROOT, "dist/desk");

export async function buildDesk(outdir: string = DESK_PAGE): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["main.ts", "desk.css"].map((name) => ({ in: join(SOURCE, name), out: "desk" })),
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    chunkNames: "[name]",
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
  });
  for (const file of ["index.html", "icon.svg"]) await copyFile(join(SOURCE, file), join(outdir, file));
}

if (import.meta.main) await buildDesk();
