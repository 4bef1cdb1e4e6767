/** Reports that go point by point, as text: what is right in one line each, what is wrong in full. */
import { field, type Layout, wrap } from "./layout.ts";

const ID_WIDTH = 27;

type Ink = Parameters<Layout["ink"]>[0];

interface Point {
  id: string;
  title: string;
  verdict: string;
  saw: string;
}

/** The points that were not looked at: by name with the reason, but for those that `summed` says need only be counted. */
interface Open<P extends Point> {
  verdict: P["verdict"];
  word: string;
  summed: (point: P) => boolean;
  sum: (count: number) => string;
}

/** What is right first, what is wrong last and in full: the end is what is on the screen. */
export function pointsText<P extends Point>(
  layout: Layout,
  points: readonly P[],
  open: Open<P>,
  facts: (point: P) => readonly (readonly [label: string, value: string])[],
): string[] {
  const of = (verdict: string) => points.filter((point) => point.verdict === verdict);
  const summed = of(open.verdict).filter(open.summed);
  const named = of(open.verdict).filter((point) => !open.summed(point));
  const brief = (word: string, ink: Ink, lines: readonly string[]) => (lines.length === 0 ? [] : ["", layout.ink(ink, word), ...lines]);
  const row = (id: string, text: string) => field(layout, id, text, ID_WIDTH);
  const full = (verdict: string, ink: Ink) =>
    of(verdict).flatMap((point) => [
      "",
      `${layout.ink(ink, verdict)} ${layout.ink("bold", point.id)}`,
      ...wrap(point.title, layout.width - 2).map((line) => `  ${line}`),
      ...facts(point).flatMap(([label, value]) => field(layout, label, value)),
    ]);
  const rest = summed.length > 0 ? [`  ${open.sum(summed.length)}`] : [];
  return [
    ...brief(
      "pass",
      "green",
      of("pass").flatMap(({ id, title }) => row(id, title)),
    ),
    ...brief(open.word, "dim", [...named.flatMap(({ id, saw }) => row(id, saw)), ...rest]),
    ...full("warn", "yellow"),
    ...full("fail", "red"),
  ];
}
