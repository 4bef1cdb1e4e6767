/** Says that a facilitator answers for another ledger than the one on which a payment was made. Every command says it this way. */

const SHOWN_DIGITS = 8;

/**
 * @param theirs the ledger that the facilitator speaks for
 * @param made the ledger that was signed; undefined if the payment names none
 * @returns undefined if it is the same one
 */
export function otherLedger(theirs: string, made: string | undefined): string | undefined {
  if (made === undefined || theirs === made) return undefined;
  return `this facilitator keeps another ledger (${shown(theirs)}); the payment was made on ${shown(made)}`;
}

function shown(ledger: string): string {
  return `${ledger.slice(0, SHOWN_DIGITS)}…`;
}
