/** `revoke`: the owner withdraws an approval. The ledger consumes its nonce, so that the payment can never settle. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { decide, fileDecision, decisionFields } from "../approval/decline.ts";
import { revokeNative } from "../approval/revoke-native.ts";
import { sequencerFields } from "../chain/open-chain.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField, ownerFileField, textField } from "../command-line/fields.ts";
import { callFacilitator, facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { otherLedger } from "../facilitator/other-ledger.ts";
import { askSession } from "../facilitator/session-status.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { subjectFields, subjectOf, subjectSchema } from "../purchase/request-subject.ts";
import { findDecision, type RecordEntry } from "../records/decision-history.ts";
import { findPayment } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Next, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const settlementSchema = z.looseObject({ ledger: z.string(), status: z.string(), session: z.optional(digestSchema) });

/** What is left of a session that was open when its approval was revoked. */
const closingSchema = z.strictObject({
  session: z.string(),
  status: z.enum(["open", "closing", "closed"]),
  /** The most that the merchant can still claim, by what the agent has signed. */
  atMost: moneySchema,
  /** The second after which it can claim nothing more. */
  until: z.string().optional(),
});
type Closing = z.infer<typeof closingSchema>;

export const revoke = defineCommand({
  name: "revoke",
  audience: "owner",
  summary: "withdraw an approval before it is spent",
  description:
    "Signed with the owner's key, and final. A settled payment stays settled. A session that is open begins to close: its merchant can claim for a while what the agent has signed, and the rest is yours again.",
  input: z.strictObject({
    ...subjectFields,
    ownerFile: ownerFileField,
    ...decisionFields,
    out: nameField.optional().meta({ value: "file", description: "file for the decision, for the agent" }),
    ...passphraseFields,
    burn: z.boolean().default(false).meta({
      description: "of a payment on the chain itself that may have left: use its nonce up with a transfer of nothing, for one fee",
    }),
    confirm: textField(digestSchema)
      .optional()
      .meta({ value: "digest", description: "the request's whole digest, in place of the question before a burn" }),
    ...facilitatorFields,
    ...sequencerFields,
    ...dryRunField,
    ...forceField,
  }),
  output: subjectSchema.extend({
    dryRun: z.literal(true).optional(),
    /** It was revoked before, and the earlier decision stands. */
    already: z.literal(true).optional(),
    payer: z.string(),
    nonce: z.string(),
    /** The ledger that confirmed the cancellation. */
    ledger: z.string().optional(),
    /** Of the chain itself: the facilitator sends the transfer no more. */
    cancelled: z.literal(true).optional(),
    /** Of the chain itself: the transaction that uses the nonce up, as it was sent. */
    burn: z.string().optional(),
    /** The session that the approval had opened: it begins to close. */
    closing: closingSchema.optional(),
    file: z.string().optional(),
  }),
  examples: [
    { says: "asks for a code and a note", argv: "revoke 7F3K-9QPD" },
    { says: "a payment on the chain itself that has left", argv: "revoke 7F3K-9QPD --burn" },
    { says: "a request in a file", argv: "revoke --request-file request.json --code wrong_payee --passphrase-file secret.txt" },
  ],
  async run(context, input) {
    const writable = checkDestination(input.out, input.force);
    if (!writable.ok) return writable;
    const subject = await subjectOf(context, input);
    if (!subject.ok) return subject;
    const { digest } = subject.data;
    const approved = findDecision(context, digest, "approved");
    if (!approved.ok) return approved;
    if (!approved.data) {
      return fail("usage", `Request ${shortCode(digest)} was not approved here, so there is nothing to revoke.`, {
        hint: `To refuse it: lez-agent-pay decline ${shortCode(digest)}`,
      });
    }
    if (!isNativeRequest(subject.data.request) && input.burn)
      return fail("usage", "--burn is for payments on the chain itself: the mock ledger cancels a payment for certain.");
    if (isNativeRequest(subject.data.request)) {
      const named = { shortCode: shortCode(digest), requestDigest: digest };
      const revoked = await revokeNative(context, input, subject.data, approved.data);
      return revoked.ok
        ? succeed({ ...named, ...revoked.data }, revoked.data.burn === undefined ? undefined : lookAfter(named.shortCode))
        : revoked;
    }
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    const payer = found.data.key.account;
    if (approved.data.from !== undefined && approved.data.from !== payer) {
      return fail("usage", `The approval is of account ${approved.data.from}; "${found.data.file}" is the key of ${payer}.`);
    }
    const nonce = approvalNonce(payer, digest);
    const file = input.out === undefined ? {} : { file: input.out };
    const data = { shortCode: shortCode(digest), requestDigest: digest, payer, nonce, ...file };
    const presented = findPayment(context, digest);
    if (!presented.ok) return presented;
    if (presented.data?.state === "settled") return tooLate(digest, presented.data.transaction);
    if (input.dryRun) return succeed({ dryRun: true as const, ...data });
    // Asked before the passphrase: a payment that has settled cannot be revoked.
    const standing = await settlementAt(context, input, approved.data, { payer, nonce });
    if (!standing.ok) return standing.status === 404 ? cannotCancel() : standing;
    const { ledger = standing.data.ledger } = approved.data;
    if (standing.data.status === "settled" && standing.data.ledger === ledger) return tooLate(digest);
    const no = await decide(context, subject.data, "revoked", input, found.data);
    if (!no.ok) return no;
    // Cancelled again even if it was revoked before: this may be the facilitator of another ledger.
    const cancelled = await cancelAtLedger(context, input, no.data.record, approved.data, { payer, nonce });
    if (!cancelled.ok) return cancelled;
    const kept = await fileDecision(context, subject.data, no.data, { from: payer, nonce, ledger: cancelled.data.ledger });
    // Revoked is revoked: a log that an agent has broken must not keep its owner from that.
    if (!kept.ok) {
      warn(context, `It is revoked, and was not recorded here: ${kept.error.message}`);
      return succeed({ ...data, ...cancelled.data });
    }
    const { already, approved: now, record } = kept.data;
    const written = input.out === undefined ? succeed(undefined) : writeJson(input.out, record, input.force);
    if (!written.ok) return written;
    if (now?.from !== undefined && now.from !== payer) {
      warn(context, `Meanwhile you approved this request from your account ${now.from}. That payment is not revoked.`);
    }
    return succeed({ ...data, ...(already && { already }), ...cancelled.data });
  },
  render: ({ dryRun, already, shortCode, ledger, closing, nonce, file, cancelled, burn }, layout) => [
    dryRun
      ? `Nothing was revoked. It would cancel ${shortCode} at the ledger.`
      : layout.ink(
          "green",
          `Revoked${already ? " before" : ""}: ${closing ? closingText(closing) : revokedText({ shortCode, cancelled, burn })}`,
        ),
    ...(closing?.until === undefined ? [] : field(layout, "under way", `at most ${closing.atMost.display}, zero after ${closing.until}`)),
    ...field(layout, "nonce", nonce),
    ...(burn ? field(layout, "burn", `${burn}, which the chain takes in the payment's place if it comes first`) : []),
    ...(ledger ? field(layout, "ledger", ledger) : []),
    ...(file ? field(layout, "decision", `${file}, for the agent`) : []),
  ],
});

function revokedText({
  shortCode,
  cancelled,
  burn,
}: {
  shortCode: string;
  cancelled?: true | undefined;
  burn?: string | undefined;
}): string {
  if (burn !== undefined) return `the nonce of request ${shortCode} is being used up by another transfer`;
  // Nothing takes a signed transfer back from one who has a copy of it.
  return cancelled ? `the facilitator sends the payment of ${shortCode} no more` : `request ${shortCode} can no longer be paid`;
}

function lookAfter(code: string): Next {
  return {
    argv: ["lez-agent-pay", "status", code],
    by: "owner",
    why: "see which of the two transfers the chain has taken",
    afterSeconds: 60,
  };
}

function cannotCancel(): Failure {
  return fail("unsupported", "This facilitator cannot cancel payments. The approval stands until it expires.", {
    hint: "Name the facilitator of the ledger with --facilitator-url, or move the money to another account.",
  });
}

/** Keys cost nothing, so a ledger stores nothing for an account that has never held money. */
function neverFunded({ validBefore }: RecordEntry): Failure {
  const end = validBefore === undefined ? "until it expires" : `until ${formatTimestamp(Number(validBefore))}`;
  return refuse(
    "insufficient_funds",
    EXIT.paymentRejected,
    `The approval stands ${end}: this account has never held money on the ledger.`,
    {
      hint: "Put no money into the account until then, or revoke again once it has some. While it is empty, it cannot pay.",
    },
  );
}

function tooLate(digest: Digest, transaction?: string): Failure {
  return refuse("nonce_replayed", EXIT.paymentRejected, "It is too late: the payment has settled.", {
    hint: `lez-agent-pay status ${shortCode(digest)} shows the transaction.`,
    ...(transaction !== undefined && { details: { transaction } }),
  });
}

function sessionOver(session: Digest): Failure {
  return refuse(
    "session_closed",
    EXIT.paymentRejected,
    `It is too late: session ${shortCode(session)} is closed, and nothing is set aside in it.`,
    {
      hint: `lez-agent-pay session show ${shortCode(session)} shows what was claimed.`,
    },
  );
}

function settlementAt(
  context: Context,
  input: FacilitatorInput,
  { validBefore }: RecordEntry,
  { payer, nonce }: { payer: string; nonce: string },
) {
  const end = validBefore ?? String(unixNow() + MAX_VALIDITY_SECONDS);
  const path = `/settlements/${encodeURIComponent(NETWORK)}/${payer}/${nonce}?validBefore=${end}`;
  return callFacilitator(context, input, { path, answer: settlementSchema });
}

function closingText({ session, status }: Closing): string {
  return `session ${shortCode(session as Digest)} is ${status}`;
}

/** Returns the ledger that confirms. Success is looked up again: another ledger's success would revoke nothing. */
async function cancelAtLedger(
  context: Context,
  input: FacilitatorInput,
  signed: object,
  approved: RecordEntry,
  at: { payer: AccountId; nonce: string },
): Promise<Outcome<{ ledger: string; closing?: Closing }>> {
  const { requestDigest, ledger } = approved;
  const posted = await callFacilitator(context, input, { path: "/settlements/cancel", body: signed, answer: z.looseObject({}) });
  if (!posted.ok) {
    if (posted.status === 404) return cannotCancel();
    if (posted.error.code === "insufficient_funds") return neverFunded(approved);
    if (posted.error.code !== "nonce_replayed") return posted;
    const standing = await settlementAt(context, input, approved, at);
    const session = standing.ok ? standing.data.session : undefined;
    return session === undefined ? tooLate(requestDigest) : sessionOver(session);
  }
  const answer = await settlementAt(context, input, approved, at);
  if (!answer.ok) return answer;
  const other = otherLedger(answer.data.ledger, ledger);
  if (answer.data.status === "cancelled" && !other) return succeed({ ledger: answer.data.ledger });
  const closing = other ? undefined : await closingAt(context, input, at.payer, answer.data.session);
  if (closing && !closing.ok) return closing;
  if (closing) return succeed({ ledger: answer.data.ledger, closing: closing.data });
  return fail(
    "outcome_unknown",
    `The facilitator accepted the revocation, but ${other ?? `says "${answer.data.status}" about the payment`}.`,
    {
      hint: "Do not rely on it. Try again at the facilitator of the ledger that was approved.",
      details: { ...answer.data, approvedLedger: ledger },
    },
  );
}

/** Where the session stands that the approval had opened; undefined if it opened none. */
async function closingAt(
  context: Context,
  input: FacilitatorInput,
  payer: AccountId,
  id: Digest | undefined,
): Promise<Outcome<Closing> | undefined> {
  if (id === undefined) return undefined;
  const standing = await askSession(context, input, { id, from: payer });
  if (!standing.ok) return standing;
  const { status, session, claimed, closesAt } = standing.data ?? {};
  if (status === undefined || status === "open" || !session) {
    return fail("outcome_unknown", `The facilitator accepted the revocation, but says "${status ?? "unknown"}" about the session.`, {
      hint: "Do not rely on it. Try again at the facilitator of the ledger that was approved.",
    });
  }
  const left = status === "closed" ? 0n : BigInt(session.deposit) - BigInt(claimed ?? 0);
  const until = left === 0n || closesAt === undefined ? {} : { until: formatTimestamp(closesAt) };
  return succeed({ session: id, status, atMost: money(left.toString(), session.asset), ...until });
}
