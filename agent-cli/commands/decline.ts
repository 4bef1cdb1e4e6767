/** `decline`: the owner's no, for good, with a code that the agent can act on. */
import * as z from "zod";
import { type Decision, recordDecision } from "../../shared/decision.ts";
import { decisionRecordSchema } from "../../shared/decision-record.ts";
import { shortCode } from "../../shared/payment-request.ts";
import { showUnsafe } from "../../shared/text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { checkAudit, record } from "../audit-log.ts";
import { defineCommand } from "../command.ts";
import { askWords, wordsFields } from "../decision-words.ts";
import { checkDestination } from "../destination.ts";
import { dryRunField, forceField, outField } from "../fields.ts";
import { writeJson } from "../files.ts";
import { put } from "../inbox.ts";
import { field } from "../layout.ts";
import { type Next, succeed } from "../outcome.ts";
import { findOwner, openOwner } from "../owner-key.ts";
import { findDecision, remember } from "../owner-record.ts";
import { passphraseFields } from "../passphrase.ts";
import { requestFacts } from "../request-maker.ts";
import { subjectFields, subjectOf } from "../request-subject.ts";

/** A no leaves the payment as it is that an earlier yes has handed out. */
function revocation({ requestFile }: { requestFile?: string | undefined }, code: string): Next {
  const subject = requestFile === undefined ? [code] : ["--request-file", requestFile];
  return { argv: ["lez-agent-pay", "revoke", ...subject], by: "owner", why: "take back the payment that you approved before" };
}

export const decline = defineCommand({
  name: "decline",
  aliases: ["owner decline"],
  audience: "owner",
  summary: "say no to a payment request, for good",
  description: "A declined request cannot be approved later. With an owner key the decision is signed; without, it says that it is not.",
  input: z.strictObject({
    ...subjectFields,
    ownerFile: z.string().optional().meta({ value: "file", local: true, description: "sign the decision with this owner key" }),
    ...wordsFields,
    out: outField.optional().meta({ value: "file", description: "where the decision goes, for the agent" }),
    ...passphraseFields,
    ...dryRunField,
    ...forceField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    shortCode: z.string(),
    record: z.custom((value) => decisionRecordSchema.safeParse(value).success),
    file: z.string().optional(),
  }),
  examples: [
    { says: "asks for a code and a note", argv: "decline 7F3K-9QPD" },
    {
      says: "signed, without questions",
      argv: 'owner decline --request-file request.json --owner-file owner.json --passphrase-file secret.txt --code too_expensive --note "Half of that would do."',
    },
  ],
  async run(context, input) {
    const writable = input.out === undefined ? undefined : checkDestination(input.out, input.force);
    if (writable && !writable.ok) return writable;
    const subject = await subjectOf(context, input);
    if (!subject.ok) return subject;
    const { request, digest, item } = subject.data;
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const approved = findDecision(context, digest, "approved");
    if (!approved.ok) return approved;
    if (approved.data) {
      context.say("! You approved this request before. Declining it now does not take that payment back: revoke does.");
    }
    const words = await askWords(context, "Why not?", input);
    if (!words.ok) return words;
    const found = input.ownerFile === undefined ? undefined : findOwner(context, input.ownerFile);
    if (found && !found.ok) return found;
    const owner = found && (await openOwner(context, found.data, input));
    if (owner && !owner.ok) return owner;

    const decision: Decision = { requestDigest: digest, decision: "declined", ...words.data, decidedAt: formatTimestamp(unixNow()) };
    const made = await recordDecision(decision, owner?.data);
    const result = { shortCode: shortCode(digest), record: made, ...(input.out !== undefined && { file: input.out }) };
    if (input.dryRun) return succeed({ dryRun: true as const, ...result });
    const remembered = remember(context, request, "declined", { code: decision.code });
    if (!remembered.ok) return remembered;
    const noted = await record(context, "declined", { ...requestFacts(request, digest), code: decision.code });
    if (!noted.ok) return noted;
    const filed = item ? put(context, digest, "declined", made) : succeed(undefined);
    if (!filed.ok) return filed;
    const written = input.out === undefined ? succeed(undefined) : writeJson(input.out, made, input.force);
    if (!written.ok) return written;
    const payable = approved.data !== undefined && Number(approved.data.validBefore ?? Infinity) >= unixNow();
    return succeed(result, payable ? revocation(input, shortCode(digest)) : undefined);
  },
  render({ dryRun, shortCode, record, file }, layout) {
    const { decision, signed } = decisionRecordSchema.parse(record);
    return [
      `${dryRun ? "Nothing was decided. It would decline" : "Declined"}: request ${shortCode} (${decision.code})`,
      ...(decision.note ? field(layout, "note", showUnsafe(decision.note)) : []),
      ...field(layout, "signed", signed ? "yes" : "no; name an owner key to sign it"),
      ...(file ? field(layout, "decision", `${file}, to be handed to the agent`) : []),
    ];
  },
});
