/** Markdown for generated pages: tables without padding, and lines short enough to read in a terminal. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

const LINE = 140;

/** A Markdown table. The first row is the header. */
export function table([header = [], ...rows]: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`.replaceAll("|  |", "| |");
  return [header, header.map(() => "---"), ...rows].map(line).join("");
}

/** A list item, wrapped and indented. */
export function item(text: string): string {
  return wrapped(`- ${text}`, "  ");
}

/** One paragraph, broken at spaces. A word that is longer than a line stays whole. */
export function wrapped(text: string, indent = ""): string {
  const lines: string[] = [];
  for (const word of text.split(/ +|\n/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Returns a page with the part between `<!-- name -->` and `<!-- /name -->` replaced. People write the rest. */
export function replaceGenerated(file: string, name: string, content: string): string {
  const text = readFileSync(join(ROOT, file), "utf8");
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} lacks ${begin} and ${end}`);
  return `${text.slice(0, from)}${begin}\n\n${content}\n${text.slice(to)}`;
}
