/** Lays text out for a terminal of any width, with or without colour. */

import { styleText } from "node:util";

type Ink = "bold" | "dim" | "red" | "yellow" | "green" | "whiteBright" | "bgBlack";

export interface Layout {
  /** The maximum number of columns. */
  width: number;
  /** Whether lines on the screen can be redrawn: on a terminal of a known size that is not dumb. */
  moves: boolean;
  ink(ink: Ink, text: string): string;
}

const MAX_WIDTH = 80;
const MIN_WIDTH = 24;

export function layoutFor(stream: { isTTY?: boolean; columns?: number }, env: Readonly<Record<string, string | undefined>>): Layout {
  // Some serial and remote terminals say that they have no columns: their size is unknown.
  const moves = stream.isTTY === true && env["TERM"] !== "dumb" && stream.columns !== 0;
  // https://no-color.org: any non-empty value means no colour.
  const colour = moves && !env["NO_COLOR"];
  return {
    moves,
    width: Math.max(MIN_WIDTH, Math.min(stream.columns || MAX_WIDTH, MAX_WIDTH)),
    ink: (ink, text) => (colour ? styleText(ink, text, { validateStream: false }) : text),
  };
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Characters that some terminal draws two cells wide: East Asian Wide and Fullwidth, in whole blocks, and pictures. One cell
 * too many breaks a line early; one too few lets untrusted text begin a line of ours.
 */
const WIDE =
  /[\u1100-\u115F\u2329\u232A\u2630-\u2637\u268A-\u268F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{16FE0}-\u{191FF}\u{1AFF0}-\u{1B2FF}\u{1D300}-\u{1D37F}\u{1F000}-\u{1FAFF}\u{20000}-\u{3FFFD}]|\p{Extended_Pictographic}/u;

/** Marks on the character before them. Not U+FE0F: it turns a digit into a picture, which takes a second cell. */
const DRAWN_ON_OTHERS = /(?!\uFE0F)[\p{Mn}\p{Me}\p{Cf}]/u;

/**
 * The maximum number of cells that a text fills. Each code point counts: a grapheme may be any number of leading jamo side
 * by side, and a terminal that does not join an emoji sequence draws each of its members.
 */
export function cells(text: string): number {
  let sum = 0;
  for (const character of text) sum += WIDE.test(character) ? 2 : DRAWN_ON_OTHERS.test(character) ? 0 : 1;
  return sum;
}

/** Breaks lines at spaces if possible, anywhere if not. Nothing is cut off, nothing overflows. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<= )/)) {
    if (cells(trimmed(line + word)) <= width) {
      line += word;
      continue;
    }
    if (line) lines.push(trimmed(line));
    line = "";
    for (const piece of pieces(word, width)) {
      if (line && cells(trimmed(line + piece)) > width) {
        lines.push(line);
        line = "";
      }
      line += piece;
    }
  }
  if (line || lines.length === 0) lines.push(trimmed(line));
  return lines;
}

/** Graphemes stay together; one that is wider than a line is split into code points. */
function pieces(word: string, width: number): string[] {
  return Array.from(graphemes.segment(word)).flatMap(({ segment }) => (cells(segment) > width ? Array.from(segment) : [segment]));
}

/** Removes the spaces that a break leaves at the end. Only U+0020: other white space is part of the text. */
function trimmed(line: string): string {
  return line.replace(/ +$/, "");
}

/** `label   value`: the value is wrapped beside its label, or below it on a narrow screen. */
export function field(layout: Layout, label: string, value: string, labelWidth = 12): string[] {
  const beside = layout.width - labelWidth - 2;
  const narrow = beside < 34;
  const lines = wrap(value, narrow ? layout.width - 4 : beside);
  if (narrow) return [`  ${layout.ink("dim", label)}`, ...lines.map((line) => `    ${line}`)];
  return lines.map((line, i) => `  ${layout.ink("dim", (i === 0 ? label : "").padEnd(labelWidth))}${line}`);
}

/** A frame with the speaker's name on it. Text inside cannot look as if it were outside. */
export function frame(layout: Layout, title: string, paragraphs: string[]): string[] {
  const rule = (text: string) => layout.ink("dim", `${text}${"─".repeat(Math.max(0, layout.width - cells(text)))}`);
  const bar = layout.ink("dim", "│ ");
  return [rule(`┌─ ${title} `), ...paragraphs.flatMap((text) => wrap(text, layout.width - 2)).map((line) => bar + line), rule("└")];
}

/** `1 warning`, `2 warnings`; `1 entry`, `2 entries`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
