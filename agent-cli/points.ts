/** Reports that go point by point, as text: what is right in one line each, what is wrong in full. */
import { field, type Layout, wrap } from "./layout.ts";

const ID_WIDTH = 27;

type Ink = Parameters<Layout["ink"]>[0];

/** Under one word, a line for each point; nothing where there is none. */
export function inBrief(
  layout: Layout,
  word: string,
  ink: Ink,
  rows: readonly (readonly [id: string, text: string])[],
  rest: readonly string[] = [],
): string[] {
  if (rows.length + rest.length === 0) return [];
  return ["", layout.ink(ink, word), ...rows.flatMap(([id, text]) => field(layout, id, text, ID_WIDTH)), ...rest];
}

export function inFull(
  layout: Layout,
  word: string,
  ink: Ink,
  { id, title }: { id: string; title: string },
  facts: readonly (readonly [label: string, value: string])[],
): string[] {
  return [
    "",
    `${layout.ink(ink, word)} ${layout.ink("bold", id)}`,
    ...wrap(title, layout.width - 2).map((line) => `  ${line}`),
    ...facts.flatMap(([label, value]) => field(layout, label, value)),
  ];
}

/** `1 warning`, `2 warnings`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
