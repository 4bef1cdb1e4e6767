/** A QR code on a terminal: two modules a character, in half blocks, light on dark whatever the terminal's own colours are. */

import { encode } from "uqr";
import type { Layout } from "./layout.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Light modules around the code, without which cameras miss it. */
const BORDER = 2;

/** The lines of the code; undefined on a terminal that cannot show it: narrow, dumb, or without Unicode. */
export function qrCode(text: string, layout: Layout, env: Env): string[] | undefined {
  if (!layout.moves || !speaksUnicode(env)) return undefined;
  const { data, size } = encode(text, { ecc: "L", border: BORDER });
  if (size > layout.width) return undefined;
  const isLight = (row: number, column: number) => data[row]?.[column] !== true;
  const character = (upper: boolean, lower: boolean) => (upper ? (lower ? "█" : "▀") : lower ? "▄" : " ");
  return Array.from({ length: Math.ceil(size / 2) }, (_, i) => {
    const line = Array.from({ length: size }, (_, column) => character(isLight(2 * i, column), isLight(2 * i + 1, column)));
    return layout.ink("bgBlack", layout.ink("whiteBright", line.join("")));
  });
}

function speaksUnicode(env: Env): boolean {
  return /utf-?8/i.test(env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "");
}
