/** Words of a facilitator that is not ours. A reason or an id passes on as it is; text does not, because it may say anything. */

import { MAX_FOREIGN_WORD_LENGTH } from "../../../../shared/limits.ts";

const WORD = /^[\w.:/-]+$/;

/** @returns undefined unless it looks like a code or an id */
export function foreignWord(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= MAX_FOREIGN_WORD_LENGTH && WORD.test(value) ? value : undefined;
}
