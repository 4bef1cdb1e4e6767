/** `npm run licences`: fails when the lockfile names a package under a licence that is not allowed. Asks no registry. */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** Licences that ask for no more than their text, if for that. */
const ALLOWED = new Set(["MIT", "Apache-2.0", "ISC", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "CC0-1.0", "Unlicense"]);

/** Tools under a weak copyleft, which are used as they are and never shipped: what the names begin with, and their licence. */
const TOOLS: readonly (readonly [name: string, licence: string])[] = [
  ["lightningcss", "MPL-2.0"],
  ["axe-core", "MPL-2.0"],
  ["@img/sharp-", "LGPL-3.0-or-later"],
];

interface LockedPackage {
  version?: string;
  license?: unknown;
  dev?: boolean;
  link?: boolean;
}

/** @returns a line for each package of a package-lock.json whose licence is missing or not allowed */
export function unlicensed(packages: Readonly<Record<string, LockedPackage>>): string[] {
  return Object.entries(packages).flatMap(([path, { version, license, dev, link }]) => {
    const [, name] = /^(?:.*\/)?node_modules\/(.+)$/.exec(path) ?? [];
    // Without a name: this repository's own packages, to which a link leads.
    if (name === undefined || link) return [];
    const tool = dev ? TOOLS.filter(([prefix]) => name.startsWith(prefix)).map(([, licence]) => licence) : [];
    return isAllowed(license, new Set([...ALLOWED, ...tool]))
      ? []
      : [`${name} ${version}: ${typeof license === "string" ? license : "no licence"}`];
  });
}

/** Reads SPDX expressions of names, AND and OR. Any other is not allowed. */
function isAllowed(license: unknown, allowed: ReadonlySet<string>): boolean {
  if (typeof license !== "string") return false;
  return license.split(" OR ").some((choice) => choice.split(" AND ").every((name) => allowed.has(name)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, LockedPackage> };
  const found = unlicensed(packages);
  console.log(`${Object.keys(packages).length} packages, ${found.length} under a licence that is not allowed`);
  for (const line of found) console.error(line);
  process.exitCode = found.length === 0 ? 0 : 1;
}
