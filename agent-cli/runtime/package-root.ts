/** Where this package is, in a clone as in an installation. */

import { existsSync, readFileSync } from "node:fs";
import * as path from "node:path";
import packageJson from "../../package.json" with { type: "json" };

/** The folder of its package.json. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, "package.json");
    const found = existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { name?: string }).name === packageJson.name;
    if (found || folder === path.dirname(folder)) return folder;
  }
}
