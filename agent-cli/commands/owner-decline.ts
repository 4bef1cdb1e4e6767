/** `owner decline`: the owner's no, for good, with a code that the agent can act on. */
import * as z from "zod";
import { type Decision, DECLINE_CODES, decisionRecordSchema, recordDecision } from "../../shared/decision.ts";
import { MAX_NOTE_LENGTH } from "../../shared/limits.ts";
import { paymentRequestSchema, requestDigest, shortCode } from "../../shared/payment-request.ts";
import type { WalletSigner } from "../../shared/signer.ts";
import { humanText, showUnsafe } from "../../shared/text.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { defineCommand } from "../command.ts";
import type { Context } from "../context.ts";
import { forceField, outField, requestFileField, textField } from "../fields.ts";
import { checkWritable, readJson, writeJson } from "../files.ts";
import { isSealed, readKeyFile, unlockKey } from "../keystore.ts";
import { field } from "../layout.ts";
import { type Outcome, succeed } from "../outcome.ts";
import { findDecision, remember } from "../owner-record.ts";
import { passphraseFields, type PassphraseInput, readPassphrase } from "../passphrase.ts";
import { askChoice, askText, interrupted } from "../prompts.ts";

const noteSchema = humanText(MAX_NOTE_LENGTH);

export const ownerDecline = defineCommand({
  name: "owner decline",
  audience: "owner",
  summary: "say no to a payment request, for good",
  description: "A declined request cannot be approved later. With an owner key the decision is signed; without, it says that it is not.",
  input: z.strictObject({
    requestFile: requestFileField,
    ownerFile: z.string().optional().meta({ value: "file", description: "sign the decision with this owner key" }),
    code: z
      .enum(DECLINE_CODES, `must be one of ${DECLINE_CODES.join(", ")}`)
      .optional()
      .meta({ description: DECLINE_CODES.join(", ") }),
    note: textField(noteSchema).optional().meta({ value: "text", description: "a sentence for the agent" }),
    out: outField.optional().meta({ description: "where the decision goes, for the agent" }),
    ...passphraseFields,
    ...forceField,
  }),
  output: z.strictObject({
    shortCode: z.string(),
    record: z.custom((value) => decisionRecordSchema.safeParse(value).success),
    file: z.string().optional(),
  }),
  examples: [
    { says: "asks for a code and a note", argv: "owner decline --request-file request.json" },
    {
      says: "signed, without questions",
      argv: 'owner decline --request-file request.json --owner-file owner.json --code too_expensive --note "Half of that would do."',
    },
  ],
  async run(context, input) {
    const writable = input.out === undefined ? undefined : checkWritable(input.out, input.force);
    if (writable && !writable.ok) return writable;
    const request = readJson(input.requestFile, paymentRequestSchema, { what: "payment request" });
    if (!request.ok) return request;
    const digest = requestDigest(request.data);
    const approved = findDecision(context, digest, "approved");
    if (!approved.ok) return approved;
    if (approved.data) context.say("! You approved this request before. Declining it now does not take that payment back.");
    const words = await reasons(context, input);
    if (!words.ok) return words;
    const owner = input.ownerFile === undefined ? undefined : await openOwner(context, input.ownerFile, input);
    if (owner && !owner.ok) return owner;

    const decision: Decision = { requestDigest: digest, decision: "declined", ...words.data, decidedAt: formatTimestamp(unixNow()) };
    const record = await recordDecision(decision, owner?.data);
    const remembered = remember(context, request.data, "declined", decision.code);
    if (!remembered.ok) return remembered;
    const written = input.out === undefined ? undefined : writeJson(input.out, record, input.force);
    if (written && !written.ok) return written;
    return succeed({ shortCode: shortCode(digest), record, ...(input.out !== undefined && { file: input.out }) });
  },
  render({ shortCode, record, file }, layout) {
    const { decision, signed } = decisionRecordSchema.parse(record);
    return [
      `Declined: request ${shortCode} (${decision.code})`,
      ...(decision.note ? field(layout, "note", showUnsafe(decision.note)) : []),
      ...field(layout, "signed", signed ? "yes" : "no; name an owner key to sign it"),
      ...(file ? field(layout, "decision", `${file}, to be handed to the agent`) : []),
    ];
  },
});

type Words = Pick<Decision, "code" | "note">;

/** Asks only for what was not given, and only where there is somebody to ask. */
async function reasons(context: Context, given: { code?: Words["code"] | undefined; note?: string | undefined }): Promise<Outcome<Words>> {
  let { code, note } = given;
  if (context.interactive) {
    code ??= await askChoice(context, "Why not?", DECLINE_CODES);
    if (code === undefined) return interrupted();
    note ??= await askText(context, "A note for the agent (may be empty)", noteProblem);
    if (note === undefined) return interrupted();
  }
  const text = note?.trim().normalize("NFC");
  return succeed({ code: code ?? "other", ...(text && { note: text }) });
}

function noteProblem(text: string): string | undefined {
  const note = text.trim().normalize("NFC");
  return note === "" ? undefined : noteSchema.safeParse(note).error?.issues[0]?.message;
}

async function openOwner(context: Context, file: string, input: PassphraseInput): Promise<Outcome<WalletSigner>> {
  const key = readKeyFile(file, "owner");
  if (!key.ok) return key;
  const passphrase = isSealed(key.data) ? await readPassphrase(context, input, file) : undefined;
  if (passphrase && !passphrase.ok) return passphrase;
  return unlockKey(key.data, "owner", passphrase?.data);
}
