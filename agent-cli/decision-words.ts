/** The owner's words to the agent: a code that it can act on, and a note. */
import * as z from "zod";
import { type Decision, DECLINE_CODES } from "../shared/decision.ts";
import { MAX_NOTE_LENGTH } from "../shared/limits.ts";
import { humanText } from "../shared/text.ts";
import type { Context } from "./context.ts";
import { textField } from "./fields.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";
import { askChoice, askText, interrupted } from "./prompts.ts";

const noteSchema = humanText(MAX_NOTE_LENGTH);

export const wordsFields = {
  code: z
    .enum(DECLINE_CODES, `must be one of ${DECLINE_CODES.join(", ")}`)
    .optional()
    .meta({ description: DECLINE_CODES.join(", ") }),
  note: textField(noteSchema).optional().meta({ value: "text", description: "a sentence for the agent" }),
};

export type Words = Pick<Decision, "code" | "note">;

interface GivenWords {
  code?: Words["code"] | undefined;
  note?: string | undefined;
}

/** Asks only for what was not given. Where nobody can be asked, the code must be: what is for good does not happen by default. */
export async function askWords(context: Context, question: string, given: GivenWords): Promise<Outcome<Words>> {
  let { code, note } = given;
  if (context.interactive) {
    code ??= await askChoice(context, question, DECLINE_CODES);
    if (code === undefined) return interrupted("Nothing was decided.");
    note ??= await askText(context, "A note for the agent (may be empty)", noteProblem);
    if (note === undefined) return interrupted("Nothing was decided.");
  }
  if (code === undefined) {
    return fail("interaction_required", "This is final, and there is no terminal to ask on.", {
      hint: `Run this in a terminal, or say why: --code, one of ${DECLINE_CODES.join(", ")}`,
    });
  }
  const text = note?.trim().normalize("NFC");
  return succeed({ code, ...(text && { note: text }) });
}

function noteProblem(text: string): string | undefined {
  const note = text.trim().normalize("NFC");
  return note === "" ? undefined : noteSchema.safeParse(note).error?.issues[0]?.message;
}
