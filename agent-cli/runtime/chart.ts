/** Sums by name, as bars on a terminal. */

import * as z from "zod";
import { bar, BAR_CELLS } from "../../shared/screen/bar.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { cells, type Layout } from "./layout.ts";
import { MAX_LISTED } from "./limits.ts";

/** Lines of a chart in the data of a command. `more`: lines that are left out, because there are more than the limit. */
export function groupOf<Line extends z.ZodType>(line: Line) {
  return z.strictObject({ lines: z.array(line), more: z.number() });
}

/** The first MAX_LISTED. */
export function limited<Line>(lines: readonly Line[]): { lines: Line[]; more: number } {
  return { lines: lines.slice(0, MAX_LISTED), more: Math.max(0, lines.length - MAX_LISTED) };
}

/** Orders the largest first, and equal ones by name. @param amountOf atomic units */
export function largestFirst<Line extends { name: string }>(amountOf: (line: Line) => string) {
  return (a: Line, b: Line): number => {
    const difference = BigInt(amountOf(b)) - BigInt(amountOf(a));
    return difference === 0n ? a.name.localeCompare(b.name) : difference > 0n ? 1 : -1;
  };
}

interface ChartLine {
  /** May be foreign text. */
  name: string;
  /** What the bar shows, in atomic units. */
  amount: string;
  /** Beside the bar. */
  text: string;
}

const MAX_NAME_CELLS = 32;
const MIN_BAR_CELLS = 8;

/** All bars are as long as the longest line leaves room for; on a narrow screen there are none. */
export function chart(title: string, lines: readonly ChartLine[], more: number, layout: Layout): string[] {
  if (lines.length === 0) return [];
  const names = lines.map(({ name }) => shortened(showUnsafe(name)));
  const width = Math.max(...names.map(cells));
  const most = lines.reduce((most, { amount }) => (BigInt(amount) > most ? BigInt(amount) : most), 1n).toString();
  const room = layout.width - width - Math.max(...lines.map(({ text }) => text.length)) - 6;
  const rows = lines.map(({ amount, text }, i) => {
    const name = names[i] ?? "";
    if (room < MIN_BAR_CELLS) return `  ${name}  ${text}`;
    return `  ${name}${" ".repeat(width - cells(name))}  ${layout.ink("green", bar(amount, most, Math.min(BAR_CELLS, room)))}  ${text}`;
  });
  return [...heading(title, layout), ...rows, ...leftOut(more)];
}

export function heading(title: string, layout: Layout): string[] {
  return ["", layout.ink("bold", title)];
}

export function leftOut(more: number): string[] {
  return more > 0 ? [`  and ${more} more, which are not shown`] : [];
}

function shortened(name: string): string {
  if (cells(name) <= MAX_NAME_CELLS) return name;
  let cut = "";
  for (const character of name) {
    if (cells(cut + character) >= MAX_NAME_CELLS) break;
    cut += character;
  }
  return `${cut}…`;
}
