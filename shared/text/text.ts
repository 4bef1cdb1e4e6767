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

function codePoints(text: string): number {
  return Array.from(text).length;
}

/** Characters that fonts draw as nothing: ignorables, and blank letters and symbols (Braille, music, hieroglyphs). */
export const BLANK = /[\p{Default_Ignorable_Code_Point}\u2800\u{1D159}\u{13441}\u{13442}]/u;
