/** The ledger's code with one fault in it (or none). */

import type { deliver } from "../shared/ledger/delivery.ts";
import type { LedgerRules } from "../shared/ledger/rules.ts";
import type { Mutant } from "../shared/ledger/testing/mutants.ts";
import { loadMutant } from "./mutated-source.ts";

const FOLDER = "shared/ledger";

export interface LedgerCode {
  LedgerRules: typeof LedgerRules;
  deliver: typeof deliver;
}

export function loadLedger(mutant?: Mutant): Promise<LedgerCode> {
  return loadMutant([FOLDER], mutant && { ...mutant, file: `${FOLDER}/${mutant.file}` }, async (load) => ({
    LedgerRules: (await load<LedgerCode>(`${FOLDER}/rules.ts`)).LedgerRules,
    deliver: (await load<LedgerCode>(`${FOLDER}/delivery.ts`)).deliver,
  }));
}
