/** Bundles the hosted desk: its page, and the Worker with the page's files in it. The same sources make the same bytes. */

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { buildDesk, DESK_PAGE } from "./build-desk.ts";

const ROOT = join(import.meta.dirname, "..");
/** `main` in workers/desk/wrangler.toml. */
const BUNDLE = join(ROOT, "dist/workers/desk.js");

const MANIFEST = "desk.webmanifest";
/** On a home screen. An iPhone tells its owner of nothing before the page is there. */
const INSTALLED = {
  name: "Desk",
  start_url: "/#/",
  scope: "/",
  display: "standalone",
  icons: [{ src: "/icon.svg", sizes: "any", type: "image/svg+xml" }],
};

export async function buildDeskWorker(): Promise<void> {
  await buildDesk();
  const names = (await readdir(DESK_PAGE)).sort();
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(DESK_PAGE, name), "utf8")] as const));
  const page = Object.fromEntries([...files, ["sw.js", await serviceWorker()], [MANIFEST, JSON.stringify(INSTALLED)]]);
  page["index.html"] = page["index.html"]?.replace("<title>", `<link rel="manifest" href="/${MANIFEST}" />$&`) ?? "";
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, "workers/desk/index.ts")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    define: { PAGE_FILES: JSON.stringify(page) },
  });
  await mkdir(join(BUNDLE, ".."), { recursive: true });
  await writeFile(BUNDLE, outputFiles[0]?.contents ?? "");
}

/** Of the hosted page alone: the local desk rings at its terminal. */
async function serviceWorker(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, "workers/desk/page/sw.ts")],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2023",
  });
  return outputFiles[0]?.text ?? "";
}

if (import.meta.main) await buildDeskWorker();
