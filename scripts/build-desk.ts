/** Bundles the page of the desk: two scripts, one style sheet, no network. The same sources make the same bytes. */

import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
export const DESK_PAGE = join(ROOT, "dist/desk");

export async function buildDesk(outdir: string = DESK_PAGE): Promise<void> {
  await rm(outdir, { recursive: true, force: true });
  await buildPage("desk", outdir);
}

/** @param name the Worker whose page it is: its script and its style sheet are called so */
export async function buildPage(name: "desk" | "explorer", outdir: string): Promise<void> {
  const source = join(ROOT, "workers", name, "page");
  await mkdir(outdir, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["main.ts", `${name}.css`].map((file) => ({ in: join(source, file), out: name })),
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
  await copyFile(join(source, "index.html"), join(outdir, "index.html"));
  await copyFile(join(ROOT, "workers/desk/page/icon.svg"), join(outdir, "icon.svg"));
}

if (import.meta.main) await buildDesk();
