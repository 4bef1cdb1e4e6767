/** The rules of a merchant's sessions with one fault in them (or none). */

import type { SessionBook } from "../../workers/merchant/paywall/sessions/book.ts";
import type { Lane } from "../../workers/merchant/paywall/sessions/lane.ts";
import type { nextStep, usableUntil } from "../../workers/merchant/paywall/sessions/voucher-rule.ts";
import { loadMutant, type SourceMutant } from "../mutated-source.ts";

export interface SessionCode {
  SessionBook: typeof SessionBook;
  Lane: typeof Lane;
  nextStep: typeof nextStep;
  usableUntil: typeof usableUntil;
}

export interface SessionMutant extends SourceMutant {
  file: "book" | "deposit" | "lane" | "voucher-rule";
}

const FOLDER = "workers/merchant/paywall/sessions";

export function loadSessions(mutant?: SessionMutant): Promise<SessionCode> {
  return loadMutant(FOLDER, mutant, async (load) => ({
    SessionBook: (await load<SessionCode>("book.ts")).SessionBook,
    Lane: (await load<SessionCode>("lane.ts")).Lane,
    nextStep: (await load<SessionCode>("voucher-rule.ts")).nextStep,
    usableUntil: (await load<SessionCode>("voucher-rule.ts")).usableUntil,
  }));
}
