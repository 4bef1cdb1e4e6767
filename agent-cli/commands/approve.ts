/** `approve`: the owner reads what will be paid, to whom, for what, and signs exactly that. */
import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { approvalSchema, approveOne } from "../approval/approve-one.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField, ownerFileField, secondsField, textField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { allowHttpField } from "../merchant/curl-request.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { subjectFields, subjectOf } from "../purchase/request-subject.ts";
import { expiryText } from "../runtime/expiry.ts";
import { field } from "../runtime/layout.ts";
import { fail, type Outcome } from "../runtime/outcome.ts";

const input = z.strictObject({
  ...subjectFields,
  ownerFile: ownerFileField,
  out: nameField.optional().meta({ value: "file", description: "file for the signed payment, for an agent on another machine" }),
  expiresIn: secondsField.optional().meta({ value: "seconds", description: "let the payment expire sooner than offered" }),
  checkTerms: z.boolean().default(false).meta({ description: "refuse unless the merchant itself confirms the terms now" }),
  offline: z.boolean().default(false).meta({ description: "do not ask the merchant; the short code is typed instead of y" }),
  confirm: textField(digestSchema)
    .optional()
    .meta({ value: "digest", description: "the whole digest of the request that you read, in place of the question; skips no check" }),
  ...passphraseFields,
  ...allowHttpField,
  ...dryRunField,
  ...forceField,
});
type Input = z.output<typeof input>;

export const approve = defineCommand({
  name: "approve",
  aliases: ["owner approve"],
  audience: "owner",
  summary: "read a payment request, then sign it or not",
  description:
    "Shows what will be paid, to whom and for what, asks, and signs exactly what was shown. An agent on this machine finds the payment in the inbox; for an agent elsewhere, name a file with --out.",
  input,
  output: approvalSchema,
  examples: [
    { says: "read, decide, sign", argv: "approve 7F3K-9QPD" },
    {
      says: "a request in a file, by the digest of the request that was read elsewhere",
      argv: "owner approve --request-file request.json --out payment-payload.json --confirm 2d8f0c64b1a97e53f6e0d4c2987b5a1330c6e7d9f84b2a15e09c3d7f6b8a4210 --passphrase-file secret.txt",
    },
  ],
  async run(context, input) {
    const place = destination(input);
    if (!place.ok) return place;
    const subject = await subjectOf(context, input);
    if (!subject.ok) return subject;
    const owner = findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    return approveOne(context, input, subject.data, owner.data, () => openOwner(context, owner.data, input));
  },
  render: (data, layout) => [
    layout.ink(
      "green",
      `${data.dryRun ? "Nothing was signed. It would approve" : "Approved"}: ${data.approved.display} for ${data.method} ${data.url}`,
    ),
    ...field(layout, "request", data.shortCode),
    ...(data.dryRun ? field(layout, "digest", data.requestDigest) : []),
    ...(data.file ? field(layout, "payment", `${data.file}, for the agent`) : []),
    ...field(layout, "valid until", expiryText(data)),
  ],
});

/** A payment needs a destination: a file that can be written, or the inbox that holds the request. */
function destination({ out, requestFile, force, offline, checkTerms }: Input): Outcome<undefined> {
  if (offline && checkTerms) return fail("usage", "--check-terms asks the merchant, and --offline does not. Give one of them.");
  if (out === undefined && requestFile !== undefined) return fail("usage", "--out is required with --request-file.");
  return checkDestination(out, force);
}
