/** `decline`: the owner refuses a request, with a code that the agent can act on. */

import * as z from "zod";
import { isNativeNetwork } from "../../shared/lez.ts";
import { decisionRecordSchema } from "../../shared/protocol/decision-record.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { decide, fileDecision, decisionFields } from "../approval/decline.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField } from "../command-line/fields.ts";
import { findLezOwner } from "../keys/lez-owner.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { subjectFields, subjectOf } from "../purchase/request-subject.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import { checkAudit } from "../records/audit-log.ts";
import { findDecision } from "../records/decision-history.ts";
import { warn } from "../runtime/context.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { fail, type Failure, type Next, succeed } from "../runtime/outcome.ts";

const APPROVED_BEFORE = "You approved this request before. Declining it now does not withdraw that payment: revoke does.";

/** Declining does not withdraw a payment that an earlier approval handed out. */
function revocation({ requestFile }: { requestFile?: string | undefined }, code: string): Next {
  const subject = requestFile === undefined ? [code] : ["--request-file", requestFile];
  return { argv: ["lez-agent-pay", "revoke", ...subject], by: "owner", why: "withdraw the payment that you approved before" };
}

/** Decisions are signed with Ed25519, which a key of the chain does not do. */
function signsNone(code: string): Failure {
  return fail("wrong_role", "A key of the Logos Execution Zone itself signs payments there, and no decisions. Nothing was declined.", {
    hint: `Leave --owner-file out: the decline is then unsigned, and as final: lez-agent-pay decline ${code}`,
  });
}

export const decline = defineCommand({
  name: "decline",
  aliases: ["owner decline"],
  audience: "owner",
  summary: "refuse a payment request; this is final",
  description:
    "A declined request cannot be approved later, and the first decision stands. With an owner key of the mock ledger the decision is signed; without one, it is marked as unsigned. A key of the chain itself signs none.",
  input: z.strictObject({
    ...subjectFields,
    ownerFile: z.string().optional().meta({ value: "file", local: true, description: "sign the decision with this owner key" }),
    ...decisionFields,
    out: nameField.optional().meta({ value: "file", description: "file for the decision, for the agent" }),
    ...passphraseFields,
    ...dryRunField,
    ...forceField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    shortCode: z.string(),
    /** On which money the request is paid. */
    network: z.string(),
    /** It was declined before, and the record is the earlier one. */
    already: z.literal(true).optional(),
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
    const writable = checkDestination(input.out, input.force);
    if (!writable.ok) return writable;
    const subject = await subjectOf(context, input);
    if (!subject.ok) return subject;
    const { digest } = subject.data;
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const approved = findDecision(context, digest, "approved");
    if (!approved.ok) return approved;
    if (approved.data) warn(context, APPROVED_BEFORE);
    const owner = input.ownerFile === undefined ? undefined : findOwner(context, input.ownerFile);
    if (owner && !owner.ok) return findLezOwner(context, input.ownerFile).ok ? signsNone(shortCode(digest)) : owner;
    const no = await decide(context, subject.data, "declined", input, owner?.data);
    if (!no.ok) return no;
    const { network } = subject.data.request.payment;
    const named = { shortCode: shortCode(digest), network, ...(input.out !== undefined && { file: input.out }) };
    const { signer: _, ...said } = no.data;
    if (input.dryRun) return succeed({ dryRun: true as const, ...named, ...said });
    const kept = await fileDecision(context, subject.data, no.data);
    if (!kept.ok) return kept;
    const { approved: standing, ...decided } = kept.data;
    await takeBackFromDesk(context, digest);
    if (standing && !approved.data) warn(context, APPROVED_BEFORE);
    const written = input.out === undefined ? succeed(undefined) : writeJson(input.out, decided.record, input.force);
    if (!written.ok) return written;
    const payable = standing !== undefined && Number(standing.validBefore ?? Infinity) >= unixNow();
    return succeed({ ...named, ...decided }, payable ? revocation(input, shortCode(digest)) : undefined);
  },
  render({ dryRun, shortCode, network, already, record, file }, layout) {
    const { decision, signed } = decisionRecordSchema.parse(record);
    const did = already ? `Declined before, at ${decision.decidedAt}` : dryRun ? "Nothing was decided. It would decline" : "Declined";
    return [
      `${did}: request ${shortCode} (${decision.code})`,
      ...(decision.note ? field(layout, "note", showUnsafe(decision.note)) : []),
      ...field(
        layout,
        "signed",
        signed
          ? "yes"
          : already
            ? "no"
            : isNativeNetwork(network)
              ? "no; a decline needs no key of the chain"
              : "no; name an owner key to sign it",
      ),
      ...(file ? field(layout, "decision", `${file}, for the agent`) : []),
    ];
  },
});
