/** A demonstration as a story: each step compares what happened with what should happen. */

import { stripVTControlCharacters } from "node:util";
import * as z from "zod";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { type Layout, wrap } from "../runtime/layout.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const stepSchema = z.strictObject({
  chapter: z.string(),
  /** The commands that were run for it, without a terminal. */
  typed: z.array(z.string()).optional(),
  /** What the owner read before it. */
  screen: z.array(z.string()).optional(),
  /** What happens in this step. */
  step: z.string(),
  expected: z.string(),
  seen: z.string(),
  ok: z.boolean(),
  /** Details to look at: terms, a receipt, balances. */
  shown: z.record(z.string(), z.string()).optional(),
});

export const storySchema = z.strictObject({ title: z.string(), steps: z.array(stepSchema), failed: z.number() });
export type StoryData = z.infer<typeof storySchema>;

/** Columns that set a screen off: two spaces, a bar, a space. */
export const SCREEN_MARGIN = 4;

export class Story {
  readonly #context: Context;
  readonly #layout: Layout;
  readonly #data: StoryData;
  #chapter = "";
  /** Printed since the last step. */
  #typed: string[] = [];
  #screen: string[] = [];

  constructor(context: Context, title: string) {
    this.#context = context;
    this.#layout = context.layout;
    this.#data = { title, steps: [], failed: 0 };
    context.tell(this.#layout.ink("bold", title));
  }

  get hasFailed(): boolean {
    return this.#data.failed > 0;
  }

  chapter(title: string): void {
    this.#chapter = title;
    this.#context.tell("", this.#layout.ink("bold", title));
  }

  /** A command of the next step, as a person types it. */
  typed(line: string): void {
    this.#typed.push(line);
    const [first = "", ...rest] = wrap(`$ ${line}`, this.#layout.width - 4);
    this.#context.tell(...[first, ...rest.map((more) => `  ${more}`)].map((part) => `  ${this.#layout.ink("dim", part)}`));
  }

  /** What a command of the next step showed to the owner, {@link SCREEN_MARGIN} columns narrower than the story. */
  screen(lines: readonly string[]): void {
    const shown = lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
    this.#screen.push(...shown.map((line) => stripVTControlCharacters(line)));
    const bar = this.#layout.ink("dim", "│");
    this.#context.tell("", ...shown.map((line) => `  ${bar} ${line}`.trimEnd()), "");
  }

  /** One step. The story fails if any step does not go as expected. */
  step(step: string, expected: string, seen: string, shown?: Record<string, string>): void {
    const ok = expected === seen;
    const [typed, screen] = [this.#typed, this.#screen];
    [this.#typed, this.#screen] = [[], []];
    const before = { ...(typed.length > 0 && { typed }), ...(screen.length > 0 && { screen }) };
    this.#data.steps.push({ chapter: this.#chapter, ...before, step, expected, seen, ok, ...(shown && { shown }) });
    if (!ok) this.#data.failed++;
    const verdict = ok ? this.#layout.ink("green", `✓ ${seen}`) : this.#layout.ink("red", `✗ ${seen}, expected ${expected}`);
    this.#context.tell(...wrap(step, this.#layout.width - 2).map((line) => `  ${line}`), `    ${verdict}`);
    for (const [name, value] of Object.entries(shown ?? {})) {
      const [first = "", ...rest] = wrap(value, this.#layout.width - 20);
      this.#context.tell(`      ${this.#layout.ink("dim", name.padEnd(13))}${first}`, ...rest.map((line) => " ".repeat(19) + line));
    }
  }

  end(): Outcome<StoryData> {
    const { steps, failed } = this.#data;
    if (failed === 0) return succeed(this.#data);
    return refuse("demo_failed", EXIT.internal, `${failed} of ${steps.length} steps did not go as expected.`, {
      hint: "Steps marked ✗ show what was expected.",
      details: { ...this.#data },
    });
  }
}

/** The end of a story; its steps were printed as they happened. */
export function renderStory({ steps }: StoryData, layout: Layout): string[] {
  return ["", layout.ink("green", `All ${steps.length} steps went as expected.`)];
}
