/** Parts of a whole, drawn. */

export const BAR_CELLS = 20;

/** How much of a whole a part is, as a bar. Whatever is not nothing is seen. */
export function bar(part: string, whole: string, width: number = BAR_CELLS): string {
  const cells = Number((BigInt(part) * BigInt(width) + BigInt(whole) - 1n) / BigInt(whole));
  const filled = Math.min(width, cells);
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
}

export const WHOLE_WIDTH = 100;
/** A part that is not nothing is seen. */
const LEAST_WIDTH = 1;

/** How much of a whole a part is, as a width of 100. Amounts are divided as bigints, and only the quotient is a number. */
export function widthOf(part: bigint, whole: bigint): number {
  if (part <= 0n || whole <= 0n) return 0;
  return Math.min(WHOLE_WIDTH, Math.max(LEAST_WIDTH, Number((part * 10_000n) / whole) / 100));
}
