/** Facts and warnings of shared/screen as lines of a terminal. */

import type { Fact } from "../../shared/screen/facts.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";

export function factLines(layout: Layout, { label, value, strong }: Fact): string[] {
  return field(layout, label, value).map((line) => (strong ? layout.ink("bold", line) : line));
}

export function warningLines(layout: Layout, warnings: readonly string[]): string[] {
  return warnings.flatMap((warning) => wrap(`! ${warning}`, layout.width).map((line) => layout.ink("yellow", line)));
}

interface Shown {
  shortCode: string;
  facts: readonly Fact[];
  warnings: readonly string[];
  /** Paragraphs under the facts. */
  says: readonly string[];
}

/** @param what is signed, as `MANDATE` */
export function factsScreen(what: string, { shortCode, facts, warnings, says }: Shown, layout: Layout): string[] {
  return [
    layout.ink("bold", `${what}  ${shortCode}`),
    "",
    ...facts.flatMap((fact) => factLines(layout, fact)),
    "",
    ...warningLines(layout, warnings),
    ...(warnings.length > 0 ? [""] : []),
    ...says.flatMap((text) => wrap(text, layout.width)),
    "",
  ];
}
