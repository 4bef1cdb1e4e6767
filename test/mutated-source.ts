/** Code with one fault in it (or none): a changed copy of some folders' sources, loaded from a place that is gone afterwards. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..");

export interface SourceMutant {
  fault: string;
  /** Path from the repository's root, without its ending. */
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

/**
 * @param folders paths from the repository's root
 * @param load imports a file of the copy by its path from the repository's root
 */
export async function loadMutant<Code>(
  folders: readonly string[],
  mutant: SourceMutant | undefined,
  load: (importFile: <Module>(path: string) => Promise<Module>) => Promise<Code>,
): Promise<Code> {
  const copy = mkdtempSync(join(tmpdir(), "mutant-"));
  try {
    for (const folder of folders) copyFolder(folder, folders, mutant, copy);
    writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
    return await load(<Module>(path: string) => import(/* @vite-ignore */ pathToFileURL(join(copy, path)).href) as Promise<Module>);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function copyFolder(folder: string, copied: readonly string[], mutant: SourceMutant | undefined, copy: string): void {
  const here = join(ROOT, folder);
  mkdirSync(join(copy, folder), { recursive: true });
  for (const name of readdirSync(here).filter((name) => /^[a-z-]+\.ts$/.test(name))) {
    let source = readFileSync(join(here, name), "utf8");
    if (mutant && `${folder}/${name}` === `${mutant.file}.ts`) source = replaceOnce(source, mutant);
    // Imports of folders that are not copied keep their targets.
    source = source.replaceAll(/from "(\.\.\/[^"]+)"/g, (all: string, path: string) => {
      const target = join(here, path);
      return copied.includes(relative(ROOT, dirname(target))) ? all : `from "${pathToFileURL(target).href}"`;
    });
    writeFileSync(join(copy, folder, name), source);
  }
}

function replaceOnce(source: string, { find, replace }: SourceMutant): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${occurrences} occurrences of ${find}`);
  return source.replace(find, () => replace);
}
