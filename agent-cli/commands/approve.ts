/** `approve`: the owner reads what will be paid, to whom, for what, and signs exactly that. */
import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { authorizationFor } from "../../shared/protocol/approval.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import { approvalScreen } from "../approval/approval-screen.ts";
import { confirm } from "../approval/confirmation.ts";
import { confirmWithHost } from "../approval/host-confirmation.ts";
import { openPaymentOf } from "../approval/open-payment.ts";
import { checkForOwner } from "../approval/owner-checks.ts";
import { type Confirmed, signDecision } from "../approval/sign-decision.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField, ownerFileField, secondsField, textField } from "../command-line/fields.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { allowHttpField, allowHttpFor } from "../merchant/curl-request.ts";
import { sayPinned } from "../merchant/merchant-identity.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { requestFacts } from "../purchase/create-request.ts";
import { type Subject, subjectFields, subjectOf } from "../purchase/request-subject.ts";
import { sentWith } from "../purchase/sent-with.ts";
import { record } from "../records/audit-log.ts";
import { findDecision, history } from "../records/decision-history.ts";
import { pinOf } from "../records/merchant-pins.ts";
import { openPayments } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { field } from "../runtime/layout.ts";
import { money, moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

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
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    file: z.string().optional(),
    requestDigest: z.string(),
    shortCode: z.string(),
    approved: moneySchema,
    from: z.string(),
    to: z.string(),
    method: z.string(),
    url: z.string(),
    /** Whether the merchant itself, asked just now, made this offer. */
    confirmedByHost: z.boolean(),
    /** When the signed payment stops being valid. */
    ...expirySchema,
  }),
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
    const view = await viewOf(context, input, subject.data, owner.data.key);
    if (!view.ok) return view;
    const { request, authorization: shown, checked } = view.data;
    const noted = input.dryRun ? undefined : await record(context, "shown", requestFacts(request, checked.digest));
    if (noted && !noted.ok) return noted;
    context.say(...approvalScreen(view.data, context.layout), "");
    if (input.dryRun) return succeed({ dryRun: true as const, ...approvalData(view.data, shown) });

    const confirmed = await confirm(context, view.data, input.confirm);
    if (!confirmed.ok) return confirmed;
    const signer = await openOwner(context, owner.data, input);
    if (!signer.ok) return signer;

    const how = input.confirm === undefined ? "terminal" : "digest";
    const signed = await signDecision(context, input, { ...view.data, view: view.data, how }, signer.data);
    if (!signed.ok) return signed;
    if (view.data.judged) sayPinned(context, view.data.judged);
    return succeed(
      { file: signed.data.file, ...approvalData(view.data, signed.data.authorization) },
      {
        argv: ["lez-agent-pay", "pay", input.out ?? shortCode(checked.digest), ...allowHttpFor(request.http.url)],
        by: "agent",
        why: "send the request with this payment",
      },
    );
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

async function viewOf(
  context: Context,
  input: Input,
  subject: Subject,
  key: Parameters<typeof checkForOwner>[2],
): Promise<Outcome<ApprovalView & Pick<Confirmed, "approvedBefore" | "judged">>> {
  const { request } = subject;
  const checked = await checkForOwner(context, subject, key);
  if (!checked.ok) return checked;
  const config = context.config();
  if (!config.ok) return config;
  const offered = Number(request.payment.maxTimeoutSeconds);
  if (input.expiresIn !== undefined && input.expiresIn > offered) {
    return fail("usage", `--expires-in can only shorten: the merchant offers ${offered} seconds.`);
  }
  const confirmed = await confirmWithHost(context, subject, checked.data, input);
  if (!confirmed.ok) return confirmed;
  const { host, judged } = confirmed.data;
  const approvedBefore = findDecision(context, checked.data.digest, "approved");
  if (!approvedBefore.ok) return approvedBefore;
  const known = pinOf(context, new URL(request.http.url).origin);
  if (!known.ok) return known;
  const now = unixNow();
  return succeed({
    request,
    checked: checked.data,
    authorization: authorizationFor(request, checked.data, key.account, now, input.expiresIn),
    now,
    history: history(context),
    open: openPayments(context).map(openPaymentOf),
    threshold: config.data.approvalThreshold,
    ledger: config.data.ledger,
    host,
    sent: sentWith(context, subject),
    approvedBefore: approvedBefore.data,
    judged,
    pin: judged?.pin ?? known.data,
    pinnedBefore: known.data?.payTo === request.payment.payTo,
  });
}

function approvalData({ request: { http }, host }: ApprovalView, authorization: Authorization) {
  const digest = authorization.requestDigest ?? authorization.nonce;
  return {
    requestDigest: digest,
    shortCode: shortCode(digest),
    approved: money(authorization.value, authorization.asset),
    from: authorization.from,
    to: authorization.to,
    method: http.method,
    url: http.url,
    confirmedByHost: host.kind === "confirmed",
    ...expiry(Number(authorization.validBefore), unixNow()),
  };
}
