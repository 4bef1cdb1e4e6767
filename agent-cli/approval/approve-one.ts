/** One approval: the owner reads the screen, says yes, and the payment is signed and handed out. */

import * as z from "zod";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import type { FoundKey, RoleSigner } from "../keys/key-file.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import { sayPinned } from "../merchant/merchant-identity.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { record } from "../records/audit-log.ts";
import { isAwaited } from "../records/waiting.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { moneySchema, price } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { type BalanceInput, balanceOf } from "./account-balance.ts";
import { approvalScreen } from "./approval-screen.ts";
import { confirm } from "./confirmation.ts";
import { openMandates } from "./open-mandates.ts";
import { type Confirmed, signDecision, type SigningInput, stillAsShown } from "./sign-decision.ts";
import { type Reading, viewOf, type ViewInput } from "./view-of.ts";

export const approvalSchema = z.strictObject({
  dryRun: z.literal(true).optional(),
  file: z.string().optional(),
  requestDigest: z.string(),
  shortCode: z.string(),
  approved: moneySchema,
  /** It is set aside for calls at this merchant, and not paid for one. */
  session: z.literal(true).optional(),
  /** Of a payment on the chain itself: its network, and the most that the chain takes on top. */
  network: z.string().optional(),
  maxFee: moneySchema.optional(),
  from: z.string(),
  to: z.string(),
  method: z.string(),
  url: z.string(),
  /** Whether the merchant itself, asked just now, made this offer. */
  confirmedByHost: z.boolean(),
  /** An agent's `fetch` waits for this payment, and presents it now. */
  awaited: z.literal(true).optional(),
  /** When the signed payment stops being valid. */
  ...expirySchema,
});
export type Approval = z.infer<typeof approvalSchema>;

export interface ApprovalInput extends ViewInput, SigningInput, BalanceInput {
  dryRun: boolean;
  /** The digest of the request that was read, in place of the question. */
  confirm?: string | undefined;
}

/** @param open opens the owner's key; asked only after the yes */
export async function approveOne(
  context: Context,
  input: ApprovalInput,
  subject: Subject,
  owner: FoundKey,
  open: () => Promise<Outcome<RoleSigner<"owner">>>,
): Promise<Outcome<Approval>> {
  const reading = await readRequest(context, input, subject, owner);
  if (!reading.ok) return reading;
  context.say(...approvalScreen(reading.data, context.layout), "");
  if (input.dryRun) return succeed({ dryRun: true as const, ...approvalData(reading.data, reading.data.authorization) });
  const confirmed = await confirm(context, reading.data, input.confirm);
  if (!confirmed.ok) return confirmed;
  const how = input.confirm === undefined ? "terminal" : "digest";
  return signReading(context, input, { reading: reading.data, how }, owner, open);
}

/** Everything that the owner reads before a yes. The audit log gets that it was shown. Opens no key. */
export async function readRequest(
  context: Context,
  input: ViewInput & BalanceInput,
  subject: Subject,
  owner: FoundKey,
): Promise<Outcome<Reading>> {
  const from = owner.key.account;
  const view = await viewOf(context, input, subject, owner.key, {
    balance: balanceOf(context, input, from),
    mandates: openMandates(context, input, { from, agentKey: subject.request.agent.publicKey }),
  });
  if (!view.ok) return view;
  const noted = input.dryRun ? undefined : await record(context, "shown", requestFacts(view.data.request, view.data.checked.digest));
  return noted && !noted.ok ? noted : view;
}

/**
 * Signs what was read, after the owner's yes, and hands it out. Refuses what changed or was decided since.
 * @param open opens the owner's key; asked once nothing is known to refuse
 */
export async function signReading(
  context: Context,
  input: SigningInput,
  { reading, how }: { reading: Reading; how: Confirmed["how"] },
  owner: FoundKey,
  open: () => Promise<Outcome<RoleSigner<"owner">>>,
): Promise<Outcome<Approval>> {
  const { request, checked } = reading;
  const still = await stillAsShown(context, input, { ...reading, view: reading }, owner.key);
  if (!still.ok) return still;
  const signer = await open();
  if (!signer.ok) return signer;

  const signed = await signDecision(context, input, { ...reading, view: reading, how }, signer.data);
  if (!signed.ok) return signed;
  if (reading.judged) sayPinned(context, reading.judged);
  const data = { file: signed.data.file, ...approvalData(reading, signed.data.authorization) };
  const code = shortCode(checked.digest);
  const sends = request.payment.session ? ["fetch", "--resume", code] : ["pay", input.out ?? code];
  if (isAwaited(context, checked.digest)) return succeed({ ...data, awaited: true as const });
  return succeed(data, {
    argv: ["lez-agent-pay", ...sends, ...allowHttpFor(request.http.url)],
    by: "agent",
    why: request.payment.session ? "open the session with the first call" : "send the request with this payment",
  });
}

/** The approval in the data of a command. */
export function approvalData({ request: { http, payment }, host, session }: ApprovalView, authorization: Authorization): Approval {
  const digest = authorization.requestDigest ?? authorization.nonce;
  return {
    requestDigest: digest,
    shortCode: shortCode(digest),
    approved: session ? money(session.deposit, session.asset) : price(payment),
    ...(session && { session: true as const }),
    from: authorization.from,
    to: authorization.to,
    method: http.method,
    url: http.url,
    confirmedByHost: host.kind === "confirmed",
    ...expiry(Number(authorization.validBefore), unixNow()),
  };
}

export function approvalText(data: Approval, layout: Layout): string[] {
  const did = data.dryRun ? "Nothing was signed. It would approve" : "Approved";
  return [
    layout.ink("green", `${did}: ${data.approved.display}${data.session ? " set aside" : ""} for ${data.method} ${data.url}`),
    ...field(layout, "request", data.shortCode),
    ...(data.dryRun ? field(layout, "digest", data.requestDigest) : []),
    ...(data.file ? field(layout, "payment", `${data.file}, for the agent`) : []),
    ...(data.awaited ? field(layout, "agent", "waits for this, and pays now") : []),
    ...field(layout, "valid until", expiryText(data)),
  ];
}
