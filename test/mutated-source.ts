/** Code with one fault in it (or none): a changed copy of one folder's sources, loaded from a folder that is gone afterwards. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface SourceMutant {
  fault: string;
  /** Without its ending. */
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
}

/** @param load imports a file of the copy by its name */
export async function loadMutant<Code>(
  folder: string,
  mutant: SourceMutant | undefined,
  load: (importFile: <Module>(name: string) => Promise<Module>) => Promise<Code>,
): Promise<Code> {
  const here = join(import.meta.dirname, "..", folder);
  const copy = mkdtempSync(join(tmpdir(), "mutant-"));
  try {
    for (const name of readdirSync(here).filter((name) => /^[a-z-]+\.ts$/.test(name))) {
      let source = readFileSync(join(here, name), "utf8");
      if (mutant && name === `${mutant.file}.ts`) source = replaceOnce(source, mutant);
      // Imports of other folders keep their targets.
      source = source.replaceAll(/from "(\.\.\/[^"]+)"/g, (_all, path: string) => `from "${pathToFileURL(join(here, path)).href}"`);
      writeFileSync(join(copy, name), source);
    }
    writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
    return await load(<Module>(name: string) => import(/* @vite-ignore */ pathToFileURL(join(copy, name)).href) as Promise<Module>);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function replaceOnce(source: string, { find, replace }: SourceMutant): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${occurrences} occurrences of ${find}`);
  return source.replace(find, () => replace);
}
