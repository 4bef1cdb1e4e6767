/** Parts of a whole as widths of 100. Amounts are atomic units: they are divided as bigints, and only the quotient is a number. */

const WHOLE = 100;
/** A part that is not nothing is seen. */
const LEAST = 1;

export function widthOf(part: bigint, whole: bigint): number {
  if (part <= 0n || whole <= 0n) return 0;
  return Math.min(WHOLE, Math.max(LEAST, Number((part * 10_000n) / whole) / 100));
}

export function bars(spent: bigint, held: bigint, whole: bigint): { spentWidth: number; heldWidth: number } {
  const spentWidth = widthOf(spent, whole);
  return { spentWidth, heldWidth: Math.min(WHOLE - spentWidth, widthOf(held, whole)) };
}
