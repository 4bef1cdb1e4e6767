/** The page's files, as `npm run build` makes them. */

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { packageRoot } from "../runtime/package-root.ts";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/desk.js": ["desk.js", "text/javascript; charset=utf-8"],
  "/chunk.js": ["chunk.js", "text/javascript; charset=utf-8"],
  "/local.js": ["local.js", "text/javascript; charset=utf-8"],
  "/desk.css": ["desk.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

export interface Asset {
  type: string;
  content: Buffer;
}

/** Read once, at the start: what is served does not change while the desk is open. */
export function readAssets(): Outcome<ReadonlyMap<string, Asset>> {
  const folder = path.join(packageRoot(), "dist", "desk");
  const assets = new Map<string, Asset>();
  for (const [at, [name, type]] of Object.entries(FILES)) {
    try {
      assets.set(at, { type, content: readFileSync(path.join(folder, name)) });
    } catch {
      return fail("not_set_up", `The page of the desk is not built: ${path.join(folder, name)} cannot be read.`, {
        hint: "In a clone: npm run build. Otherwise install the package again.",
      });
    }
  }
  return succeed(assets);
}
