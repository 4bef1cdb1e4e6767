/** What text for people may contain. `screen/escapes.ts` shows it. */

import * as z from "zod/mini";

/** Text for people: well-formed, NFC, at most `max` code points. */
export function humanText(max: number) {
  return z.string().check(
    z.refine((text) => text.isWellFormed(), "must be well-formed Unicode"),
    z.refine((text) => text === text.normalize("NFC"), "must be in Unicode normalisation form C"),
    z.refine((text) => codePoints(text) >= 1 && codePoints(text) <= max, `must have 1 to ${max} characters`),
  );
}

/** Controls, line separators, and marks that turn the direction of text around. */
const LEAVES_ITS_LINE = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;

/** A name that people give: `humanText` that stays in its line, and changes nothing around it. */
export function nameText(max: number) {
  return humanText(max).check(
    z.refine((text) => !LEAVES_ITS_LINE.test(text), "must have no control characters, line breaks or marks of direction"),
  );
}

function codePoints(text: string): number {
  return Array.from(text).length;
}

/** Characters that fonts draw as nothing: ignorables, and blank letters and symbols (Braille, music, hieroglyphs). */
export const BLANK = /[\p{Default_Ignorable_Code_Point}\u2800\u{1D159}\u{13441}\u{13442}]/u;
