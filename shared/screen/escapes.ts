/** Untrusted text on a screen: every character that could move, hide or imitate something is shown as its number. */

import { MAX_MARKS, MAX_QUOTE_LENGTH } from "../limits.ts";
import { BLANK } from "../text/text.ts";

const UNSAFE = new RegExp(`[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Co}\\p{Cn}]|(?! )\\p{Zs}|${BLANK.source}`, "gu");

/** Marks on one letter beyond MAX_MARKS: a terminal draws them over the lines around it. */
const SURPLUS_MARKS = new RegExp(`(\\p{M}{${MAX_MARKS}})(\\p{M}+)`, "gu");

/**
 * Shows controls, escapes, bidirectional and invisible characters and separators as `⟦U+202E⟧`, and counts the marks
 * that pile up on one letter: the reader sees what was there.
 */
export function showUnsafe(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSAFE, (char) => `⟦U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`)
    .replace(SURPLUS_MARKS, (_, kept: string, surplus: string) => `${kept}⟦${Array.from(surplus).length} more marks⟧`);
}

/** An untrusted value in one line of a report: shortened, and safe to show. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return showUnsafe(text.length > MAX_QUOTE_LENGTH ? `${text.slice(0, MAX_QUOTE_LENGTH)}…` : text);
}

/**
 * Cuts untrusted text, so that it cannot push the facts off the screen. The limit counts characters as shown: an invisible
 * character is shown as its number, which is longer.
 */
export function shortened(text: string, max: number): string {
  const characters = Array.from(text);
  let room = max;
  const shown = characters.findIndex((character) => (room -= showUnsafe(character).length) < 0);
  return shown < 0 ? text : `${characters.slice(0, shown).join("")} … and ${characters.length - shown} more characters`;
}
