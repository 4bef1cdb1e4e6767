/** The page's files, as `npm run build` makes them. */

import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { packageRoot } from "../runtime/package-root.ts";

const PAGE = "index.html";
/** By the end of the name. The folder has the parts of a hosted desk too, which this page never asks for. */
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

export interface Asset {
  type: string;
  content: Buffer;
}

/** Read once, at the start: what is served does not change while the desk is open. */
export function readAssets(): Outcome<ReadonlyMap<string, Asset>> {
  const folder = path.join(packageRoot(), "dist", "desk");
  const assets = new Map<string, Asset>();
  try {
    for (const name of readdirSync(folder)) {
      const type = TYPES[path.extname(name).slice(1)];
      if (type !== undefined) assets.set(`/${name}`, { type, content: readFileSync(path.join(folder, name)) });
    }
  } catch {
    assets.clear();
  }
  const page = assets.get(`/${PAGE}`);
  if (!page) {
    return fail("not_set_up", `The page of the desk is not built: ${path.join(folder, PAGE)} cannot be read.`, {
      hint: "In a clone: npm run build. Otherwise install the package again.",
    });
  }
  return succeed(assets.set("/", page));
}
