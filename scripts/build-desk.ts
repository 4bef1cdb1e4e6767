/** Bundles the page of the desk: scripts, one style sheet, no network. The same sources make the same bytes. */

import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build, type Metafile } from "esbuild";

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
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["main.ts", `${name}.css`].map((file) => ({ in: join(source, file), out: name })),
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
    splitting: true,
    chunkNames: "[name]-[hash]",
    metafile: true,
    write: false,
    target: "es2023",
    jsx: "automatic",
    jsxImportSource: "preact",
    charset: "utf8",
    legalComments: "none",
  });
  const names = namesOf(metafile.outputs);
  for (const { path, text } of outputFiles) {
    const renamed = Object.entries(names).reduce((code, [hashed, name]) => code.replaceAll(hashed, name), text);
    await writeFile(join(outdir, names[basename(path)] ?? basename(path)), renamed);
  }
  await copyFile(join(source, "index.html"), join(outdir, "index.html"));
  await copyFile(join(ROOT, "workers/desk/page/icon.svg"), join(outdir, "icon.svg"));
}

/** `local-AB12CD34.js` is `local.js`; what several parts share is `chunk-1.js` and so on, the largest first: `index.html` names the first two. */
function namesOf(outputs: Metafile["outputs"]): Record<string, string> {
  const hashed = Object.entries(outputs)
    .map(([path, { bytes }]) => ({ file: basename(path), bytes }))
    .filter(({ file }) => HASHED.test(file))
    .sort((a, b) => b.bytes - a.bytes);
  let shared = 0;
  return Object.fromEntries(
    hashed.map(({ file }) => {
      const name = file.replace(HASHED, "");
      return [file, name === "chunk" ? `chunk-${++shared}.js` : `${name}.js`];
    }),
  );
}

const HASHED = /-[0-9A-Z]{8}\.js$/;

if (import.meta.main) await buildDesk();
