/** Says that someone settles on another ledger than the one on which a payment was made. Every command says it this way. */

const SHOWN_DIGITS = 8;
const WHO = { facilitator: "this facilitator keeps", merchant: "this merchant sells on" };

/**
 * @param theirs the ledger that the other one settles on
 * @param made the ledger that was signed; undefined if the payment names none
 * @returns undefined if it is the same one
 */
export function otherLedger(theirs: string, made: string | undefined, who: keyof typeof WHO = "facilitator"): string | undefined {
  if (made === undefined || theirs === made) return undefined;
  return `${WHO[who]} another ledger (${shownLedger(theirs)}); the payment was made on ${shownLedger(made)}`;
}

export function shownLedger(ledger: string): string {
  return `${ledger.slice(0, SHOWN_DIGITS)}…`;
}
