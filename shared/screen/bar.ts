/** Parts of a whole, drawn. */

export const BAR_CELLS = 20;

/** How much of a whole a part is, as a bar. Whatever is not nothing is seen. */
export function bar(part: string, whole: string, width: number = BAR_CELLS): string {
  const cells = Number((BigInt(part) * BigInt(width) + BigInt(whole) - 1n) / BigInt(whole));
  const filled = Math.min(width, cells);
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
}
