/** The ledger's code with one fault in it (or none): a changed copy of the sources, loaded from a folder that is gone afterwards. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { deliver } from "../shared/ledger/delivery.ts";
import type { LedgerRules } from "../shared/ledger/rules.ts";
import type { Mutant } from "../shared/ledger/testing/mutants.ts";

export interface LedgerCode {
  LedgerRules: typeof LedgerRules;
  deliver: typeof deliver;
}

export async function loadLedger(mutant?: Mutant): Promise<LedgerCode> {
  const here = join(import.meta.dirname, "../shared/ledger");
  const folder = mkdtempSync(join(tmpdir(), "ledger-mutant-"));
  const load = (name: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href) as Promise<LedgerCode>;
  try {
    for (const name of readdirSync(here).filter((name) => /^[a-z-]+\.ts$/.test(name))) {
      let source = readFileSync(join(here, name), "utf8");
      if (mutant && name === `${mutant.file}.ts`) source = replaceOnce(source, mutant);
      writeFileSync(join(folder, name), source.replaceAll('from "../', `from "${pathToFileURL(join(here, "..")).href}/`));
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    return { LedgerRules: (await load("rules.ts")).LedgerRules, deliver: (await load("delivery.ts")).deliver };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function replaceOnce(source: string, { find, replace }: Mutant): string {
  const occurrences = source.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${occurrences} occurrences of ${find}`);
  return source.replace(find, () => replace);
}
