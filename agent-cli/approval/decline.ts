/** How `decline` and `revoke` record the owner's no: a code that the agent can act on, and a note. The first no is final. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { MAX_NOTE_LENGTH } from "../../shared/limits.ts";
import { type Decision, type DecisionRecord, DECLINE_CODES, recordDecision } from "../../shared/protocol/decision.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import type { Policy } from "../../shared/protocol/policy.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { humanText } from "../../shared/text/text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { textField } from "../command-line/fields.ts";
import type { FoundKey } from "../keys/key-file.ts";
import { openOwner } from "../keys/owner-key.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import { askChoice, askText, interrupted } from "../prompts/prompts.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry } from "../records/audit-log.ts";
import { findDecision, type RecordEntry, remember } from "../records/decision-history.ts";
import { look, put } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { decisionScreen } from "./approval-screen.ts";
import { cancelledByAgent } from "./owner-checks.ts";

const noteSchema = humanText(MAX_NOTE_LENGTH);

export const decisionFields = {
  code: z
    .enum(DECLINE_CODES, `must be one of ${DECLINE_CODES.join(", ")}`)
    .optional()
    .meta({ description: DECLINE_CODES.join(", ") }),
  note: textField(noteSchema).optional().meta({ value: "text", description: "a sentence for the agent" }),
};

type Words = Pick<Decision, "code" | "note">;

export interface DecisionInput {
  code?: Words["code"] | undefined;
  note?: string | undefined;
}

export interface OwnerDecision {
  record: DecisionRecord;
  /** Decided earlier. The agent may have acted on that record, so it stands, and the owner is not asked again. */
  already?: true;
}

/** `signer`: the key that signed it, which then anchors the audit log. */
type Decided = OwnerDecision & { signer?: WalletSigner };

const QUESTIONS = { declined: "Why not?", revoked: "Why take it back?" } as const;

/**
 * @param owner the key that signs the record; without it, the record states that it is unsigned
 * @param policy of the account that decides, if the key is one of its keys
 */
export async function decide(
  context: Context,
  subject: Subject,
  decision: Decision["decision"],
  input: DecisionInput & PassphraseInput,
  owner?: FoundKey,
  policy?: Policy,
): Promise<Outcome<Decided>> {
  const { digest, item } = subject;
  const before = findDecision(context, digest, decision);
  if (!before.ok) return before;
  if (before.data?.record) return succeed({ record: before.data.record, already: true });
  if (decision === "declined" && item?.cancelled) return cancelledByAgent(item.cancelled.at);
  if (context.interactive) context.say(...decisionScreen(subject, context.layout));
  const words = await askWords(context, QUESTIONS[decision], input);
  if (!words.ok) return words;
  const meanwhile = await decidedMeanwhile(context, digest, decision);
  if (!meanwhile.ok) return meanwhile;
  if (meanwhile.data) return succeed({ record: meanwhile.data, already: true });
  const ledger = policy && ledgerOf(subject.request);
  if (policy && !ledger) return fail("unsupported", "The request names no ledger, and the signature of a policy's key names one.");
  const signer = owner && (await openOwner(context, owner, input));
  if (signer && !signer.ok) return signer;
  const decided = { requestDigest: digest, decision, ...words.data, decidedAt: formatTimestamp(unixNow()) };
  const signs = policy && signer ? policySigner(policy, [signer.data]) : signer?.data;
  return succeed({ record: await recordDecision(decided, signs, ledger), ...(signer && { signer: signer.data }) });
}

/** The ledger that the offer is of. */
function ledgerOf({ payment: { offer } }: PaymentRequest): Digest | undefined {
  const { extra } = JSON.parse(offer) as { extra?: Record<string, unknown> };
  return digestSchema.safeParse(extra?.["ledger"]).data;
}

/** Looked at before the passphrase, which nothing may refuse afterwards but a decision within a moment. */
async function decidedMeanwhile(
  context: Context,
  digest: Digest,
  decision: Decision["decision"],
): Promise<Outcome<DecisionRecord | undefined>> {
  const earlier = findDecision(context, digest, decision);
  if (!earlier.ok) return earlier;
  const item = await look(context, digest);
  if (!item.ok) return item;
  if (!earlier.data?.record && decision === "declined" && item.data?.cancelled) return cancelledByAgent(item.data.cancelled.at);
  return succeed(earlier.data?.record);
}

export interface FiledDecision extends OwnerDecision {
  /** The approval of this request, if there is one: it may have come while the owner was asked. */
  approved?: RecordEntry | undefined;
}

/**
 * Records the no, unless another process did, and puts it into the inbox, which an earlier run may have failed to do. What was
 * decided meanwhile is read under the lock: the first no stands, and a request that the agent cancelled is not declined.
 */
export function fileDecision(
  context: Context,
  { request, digest }: Subject,
  { record: said, signer }: Decided,
  facts: Record<string, string> = {},
): Promise<Outcome<FiledDecision>> {
  const { decision, code } = said.decision;
  return exclusively(context, async () => {
    const [before, approved, item] = [
      findDecision(context, digest, decision),
      findDecision(context, digest, "approved"),
      await look(context, digest),
    ];
    if (!before.ok) return before;
    if (!approved.ok) return approved;
    if (!item.ok) return item;
    const earlier = before.data?.record;
    if (!earlier && decision === "declined" && item.data?.cancelled) return cancelledByAgent(item.data.cancelled.at);
    if (!earlier) {
      const noted = appendEntry(context, decision, { ...requestFacts(request, digest), ...facts, code });
      if (!noted.ok) return noted;
      const anchored = signer ? await anchorEntry(context, noted.data, signer) : succeed(undefined);
      if (!anchored.ok) return anchored;
      // Last: once this is stored, a second run does not write to the audit log again.
      const remembered = remember(context, request, decision, { code, record: said });
      if (!remembered.ok) return remembered;
    }
    const filed = item.data ? put(context, digest, decision, earlier ?? said) : succeed(undefined);
    if (!filed.ok) return filed;
    return succeed({ record: earlier ?? said, ...(earlier && { already: true as const }), approved: approved.data });
  });
}

/** Asks for what was not given. Without a terminal the code is required: a final decision has no default. */
async function askWords(context: Context, question: string, given: DecisionInput): Promise<Outcome<Words>> {
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
