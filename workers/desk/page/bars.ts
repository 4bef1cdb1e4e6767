/** What is spent and what is held of a whole, as widths. */

import { WHOLE_WIDTH, widthOf } from "../../../shared/screen/bar.ts";

export function bars(spent: bigint, held: bigint, whole: bigint): { spentWidth: number; heldWidth: number } {
  const spentWidth = widthOf(spent, whole);
  return { spentWidth, heldWidth: Math.min(WHOLE_WIDTH - spentWidth, widthOf(held, whole)) };
}
