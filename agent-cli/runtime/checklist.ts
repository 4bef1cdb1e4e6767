/** A checklist as text: points that hold in one line each, points that do not in full. */

import { field, type Layout, wrap } from "./layout.ts";

const ID_WIDTH = 27;

type Ink = Parameters<Layout["ink"]>[0];

interface Point {
  id: string;
  title: string;
  verdict: string;
  saw: string;
}

/** How to show points that were not judged: by name with the reason, or, if `counted`, only their number. */
interface Skipped<P extends Point> {
  verdict: P["verdict"];
  heading: string;
  counted: (point: P) => boolean;
  countText: (count: number) => string;
}

/** Failures come last: the end is what stays on the screen. */
export function checklistText<P extends Point>(
  layout: Layout,
  points: readonly P[],
  skipped: Skipped<P>,
  facts: (point: P) => readonly (readonly [label: string, value: string])[],
): string[] {
  const of = (verdict: string) => points.filter((point) => point.verdict === verdict);
  const counted = of(skipped.verdict).filter(skipped.counted);
  const named = of(skipped.verdict).filter((point) => !skipped.counted(point));
  const brief = (heading: string, ink: Ink, lines: readonly string[]) =>
    lines.length === 0 ? [] : ["", layout.ink(ink, heading), ...lines];
  const row = (id: string, text: string) => field(layout, id, text, ID_WIDTH);
  const full = (verdict: string, ink: Ink) =>
    of(verdict).flatMap((point) => [
      "",
      `${layout.ink(ink, verdict)} ${layout.ink("bold", point.id)}`,
      ...wrap(point.title, layout.width - 2).map((line) => `  ${line}`),
      ...facts(point).flatMap(([label, value]) => field(layout, label, value)),
    ]);
  const rest = counted.length > 0 ? [`  ${skipped.countText(counted.length)}`] : [];
  return [
    ...brief(
      "pass",
      "green",
      of("pass").flatMap(({ id, title }) => row(id, title)),
    ),
    ...brief(skipped.heading, "dim", [...named.flatMap(({ id, saw }) => row(id, saw)), ...rest]),
    ...full("warn", "yellow"),
    ...full("fail", "red"),
  ];
}
