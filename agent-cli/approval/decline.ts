/** The owner's no, as `decline` and `revoke` say it: a code that the agent can act on, a note, and that the first one stands. */
import * as z from "zod";
import { type Decision, type DecisionRecord, DECLINE_CODES, recordDecision } from "../../shared/protocol/decision.ts";
import { MAX_NOTE_LENGTH } from "../../shared/limits.ts";
import { humanText } from "../../shared/text/text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { record } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { textField } from "../command-line/fields.ts";
import { put } from "../records/inbox.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { openOwner, type OwnerFile } from "../keys/owner-key.ts";
import { findDecision, remember } from "../records/decision-history.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import { askChoice, askText, interrupted } from "../prompts/prompts.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";

const noteSchema = humanText(MAX_NOTE_LENGTH);

export const wordsFields = {
  code: z
    .enum(DECLINE_CODES, `must be one of ${DECLINE_CODES.join(", ")}`)
    .optional()
    .meta({ description: DECLINE_CODES.join(", ") }),
  note: textField(noteSchema).optional().meta({ value: "text", description: "a sentence for the agent" }),
};

type Words = Pick<Decision, "code" | "note">;

interface GivenWords {
  code?: Words["code"] | undefined;
  note?: string | undefined;
}

export interface No {
  record: DecisionRecord;
  /** It was said before. The agent may have acted on those words: they stand, and nothing is asked again. */
  already?: true;
}

const QUESTIONS = { declined: "Why not?", revoked: "Why take it back?" } as const;

/** @param owner whose key signs it; without one it says that it is not signed */
export async function decideNo(
  context: Context,
  { digest }: Subject,
  decision: Decision["decision"],
  input: GivenWords & PassphraseInput,
  owner?: OwnerFile,
): Promise<Outcome<No>> {
  const before = findDecision(context, digest, decision);
  if (!before.ok) return before;
  if (before.data?.record) return succeed({ record: before.data.record, already: true });
  const words = await askWords(context, QUESTIONS[decision], input);
  if (!words.ok) return words;
  const signer = owner && (await openOwner(context, owner, input));
  if (signer && !signer.ok) return signer;
  const decided = { requestDigest: digest, decision, ...words.data, decidedAt: formatTimestamp(unixNow()) };
  return succeed({ record: await recordDecision(decided, signer?.data) });
}

/** Written down unless it was before, then handed to an agent on this machine, which may have missed it the first time. */
export async function keepNo(
  context: Context,
  { request, digest, item }: Subject,
  { record: said, already }: No,
  facts: Record<string, string> = {},
): Promise<Outcome<undefined>> {
  const { decision, code } = said.decision;
  if (!already) {
    const noted = await record(context, decision, { ...requestFacts(request, digest), ...facts, code });
    if (!noted.ok) return noted;
    // Last: what is remembered is not written down again.
    const remembered = remember(context, request, decision, { code, record: said });
    if (!remembered.ok) return remembered;
  }
  return item ? put(context, digest, decision, said) : succeed(undefined);
}

/** Asks only for what was not given. Where nobody can be asked, the code must be: what is for good does not happen by default. */
async function askWords(context: Context, question: string, given: GivenWords): Promise<Outcome<Words>> {
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
