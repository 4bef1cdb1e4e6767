/** The rules of a merchant's sessions with one fault in them (or none). */

import type { Lane } from "../../shared/batch-settlement/lane.ts";
import type { SessionBook } from "../../workers/merchant/paywall/sessions/book.ts";
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

const SHARED = "shared/batch-settlement";
const MERCHANT = "workers/merchant/paywall/sessions";

/** From the repository's root, without its ending. */
export function pathOf({ file }: SessionMutant): string {
  return `${file === "lane" ? SHARED : MERCHANT}/${file}`;
}

export function loadSessions(mutant?: SessionMutant): Promise<SessionCode> {
  return loadMutant([SHARED, MERCHANT], mutant && { ...mutant, file: pathOf(mutant) }, async (load) => ({
    SessionBook: (await load<SessionCode>(`${MERCHANT}/book.ts`)).SessionBook,
    Lane: (await load<SessionCode>(`${SHARED}/lane.ts`)).Lane,
    nextStep: (await load<SessionCode>(`${MERCHANT}/voucher-rule.ts`)).nextStep,
    usableUntil: (await load<SessionCode>(`${MERCHANT}/voucher-rule.ts`)).usableUntil,
  }));
}
