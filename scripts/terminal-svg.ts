/** A recorded terminal as one SVG: no script, no font file, no link. It plays by CSS, or stands still for readers who ask for that. */

export interface Span {
  text: string;
  style: "" | "bold" | "dim" | "green" | "red";
}

type Line = readonly Span[];

const STYLES: Record<string, Span["style"]> = { "1": "bold", "2": "dim", "22": "", "31": "red", "32": "green", "39": "" };

const COLUMN = 7.8;
const ROW = 18;
const PADDING = 20;
const BAR = 34;

/** Lines of styled text from what a program wrote. It may set the styles above and end lines; anything else is an error. */
export function terminalLines(output: string): Line[] {
  let style: Span["style"] = "";
  return output
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => {
      const spans: Span[] = [];
      // oxlint-disable-next-line no-control-regex
      for (const part of line.split(/(\u001b\[\d+m)/)) {
        // oxlint-disable-next-line no-control-regex
        const [, code] = /^\u001b\[(\d+)m$/.exec(part) ?? [];
        if (code === undefined) {
          // oxlint-disable-next-line no-control-regex
          if (/[\u0000-\u001f\u007f]/.test(part)) throw new Error(`a control character in ${JSON.stringify(part)}`);
          if (part !== "") spans.push({ text: part, style });
        } else {
          const next = STYLES[code];
          if (next === undefined) throw new Error(`no style for SGR ${code}`);
          style = next;
        }
      }
      return spans;
    });
}

interface Frame {
  title: string;
  columns: number;
  /** Lines in the window. What is below them scrolls in. */
  rows: number;
}

export function terminalSvg(lines: readonly Line[], { title, columns, rows }: Frame): string {
  const width = Math.round(columns * COLUMN) + 2 * PADDING;
  const height = rows * ROW + BAR + PADDING;
  const { seconds, scroll, reveal } = timeline(lines, rows);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<!-- Made by npm run picture. -->
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d6dde6; white-space: pre }
.bold { font-weight: 700; fill: #ffffff }
.dim { fill: #8b98a8 }
.green { fill: #5fd38a }
.red { fill: #ff7b72 }
#cover { visibility: hidden }
@media (prefers-reduced-motion: no-preference) {
#cover { visibility: visible; animation: reveal ${seconds}s step-end infinite }
#lines { animation: scroll ${seconds}s step-end infinite }
@keyframes scroll { ${scroll} }
@keyframes reveal { ${reveal} }
}
</style>
<clipPath id="window"><rect y="${BAR}" width="${width}" height="${rows * ROW}"/></clipPath>
<rect width="${width}" height="${height}" rx="10" fill="#11161d"/>
<circle cx="20" cy="17" r="5.5" fill="#ff5f57"/><circle cx="38" cy="17" r="5.5" fill="#febc2e"/><circle cx="56" cy="17" r="5.5" fill="#28c840"/>
<text x="${width / 2}" y="21.5" text-anchor="middle" class="dim">${escaped(title)}</text>
<g clip-path="url(#window)">
<g id="lines">
${lines.map(drawn).join("\n")}
</g>
<rect id="cover" y="${BAR}" width="${width}" height="${(rows + 1) * ROW}" fill="#11161d"/>
</g>
</svg>
`;
}

function drawn(line: Line, row: number): string {
  const y = BAR + row * ROW + 13;
  let column = 0;
  const spans = line.map(({ text, style }) => {
    const x = PADDING + column * COLUMN;
    column += text.length;
    const name = style === "" ? "" : ` class="${style}"`;
    // The length keeps the columns where the reader's font has another width.
    return `<tspan x="${fixed(x)}" textLength="${fixed(text.length * COLUMN)}" lengthAdjust="spacingAndGlyphs"${name}>${escaped(text)}</tspan>`;
  });
  return `<text y="${y}" xml:space="preserve">${spans.join("")}</text>`;
}

/** When each line appears: at reading pace, a pause before each sentence and each heading, and a long one at the end. */
function timeline(lines: readonly Line[], rows: number): { seconds: number; scroll: string; reveal: string } {
  const starts: number[] = [];
  let now = 0.4;
  for (const [first] of lines) {
    if (first?.style === "bold") now += 0.8;
    else if (first !== undefined && /^ {2}\S/.test(first.text)) now += 0.6;
    starts.push(now);
    now += 0.12;
  }
  const seconds = Math.ceil(now + 5);
  const scroll: string[] = ["0% { transform: translateY(0) }"];
  const reveal: string[] = ["0% { transform: translateY(0) }"];
  for (const [index, start] of starts.entries()) {
    const at = `${fixed((100 * start) / seconds)}%`;
    const shown = index + 1;
    if (shown <= rows) reveal.push(`${at} { transform: translateY(${shown * ROW}px) }`);
    else scroll.push(`${at} { transform: translateY(${(rows - shown) * ROW}px) }`);
  }
  return { seconds, scroll: scroll.join(" "), reveal: reveal.join(" ") };
}

/** The text of such a picture, line by line. */
export function textOfSvg(svg: string): string {
  const lines = [...svg.matchAll(/<text y="[^"]*" xml:space="preserve">(.*)<\/text>/g)];
  return lines.map(([, line = ""]) => unescaped(line.replaceAll(/<[^>]*>/g, ""))).join("\n");
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character as keyof typeof ENTITIES]);
}

function unescaped(text: string): string {
  return Object.entries(ENTITIES)
    .toReversed()
    .reduce((left, [character, entity]) => left.replaceAll(entity, character), text);
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}
