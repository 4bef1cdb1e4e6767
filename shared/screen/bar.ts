/** Parts of a whole, drawn. */

export const BAR_CELLS = 20;

/** How much of a whole a part is, as a bar of BAR_CELLS cells. Whatever is not nothing is seen. */
export function bar(part: string, whole: string): string {
  const cells = Number((BigInt(part) * BigInt(BAR_CELLS) + BigInt(whole) - 1n) / BigInt(whole));
  const filled = Math.min(BAR_CELLS, cells);
  return `${"█".repeat(filled)}${"░".repeat(BAR_CELLS - filled)}`;
}
