/** Text written by strangers: what it may contain, and how it is shown so that it cannot lie about itself. */
import * as z from "zod/mini";
import { MAX_QUOTE_LENGTH } from "../limits.ts";

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

/** What fonts draw as nothing: ignorables, and the letters and symbols that are blank by design (Braille, music, hieroglyphs). */
export const BLANK = /[\p{Default_Ignorable_Code_Point}\u2800\u{1D159}\u{13441}\u{13442}]/u;

/** A stranger's value as it may appear in one line of a report: short, and unable to move or hide anything on a screen. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return showUnsafe(text.length > MAX_QUOTE_LENGTH ? `${text.slice(0, MAX_QUOTE_LENGTH)}…` : text);
}

/**
 * Controls, escapes, bidirectional and invisible characters and separators as `⟦U+202E⟧`, so that text can neither
 * move, hide nor imitate anything on a screen. Nothing is deleted: the reader sees what was there.
 */
export function showUnsafe(text: string): string {
  return text.toWellFormed().replace(UNSAFE, (char) => `⟦U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`);
}

const UNSAFE = new RegExp(`[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Co}\\p{Cn}]|(?! )\\p{Zs}|${BLANK.source}`, "gu");
