/**
 * The moment of signing. Everything that can refuse is read again under the lock that every decision takes, so that of two
 * decisions the second always sees the first. No network call and no question happen in here: spec/cli.md, "Two decisions at once".
 */

import { canonicalJson } from "../../shared/crypto/digest.ts";
import { BATCH_SETTLEMENT } from "../../shared/lez.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import type { PaymentWords } from "../../shared/protocol/native-payment.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import { type Checked, signed, toSign } from "../../shared/protocol/what-is-signed.ts";
import type { ApprovalView } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import type { Merchant } from "../merchant/merchant-identity.ts";
import { interrupted } from "../prompts/prompts.ts";
import { factsOf } from "../purchase/conclude.ts";
import { approvedSession } from "../purchase/purchase.ts";
import { type Subject, subjectAgain, type SubjectInput } from "../purchase/request-subject.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry } from "../records/audit-log.ts";
import { findDecision, type RecordEntry, remember } from "../records/decision-history.ts";
import { inboxPath, put } from "../records/inbox.ts";
import { storePin } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { writeJson } from "../runtime/files.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { checkForOwner } from "./owner-checks.ts";
import { isSessionThatWasShown, isWhatWasShown } from "./shown-is-signed.ts";

export interface SigningInput extends SubjectInput {
  /** A file for the payment, beside the inbox. */
  out?: string | undefined;
  force: boolean;
  /** Seconds of validity, if shorter than offered. */
  expiresIn?: number | undefined;
}

/** What the owner said yes to. */
export interface Confirmed {
  view: Pick<ApprovalView, "checked" | "authorization" | "session" | "host" | "pin">;
  /** The approval of this request that stood when it was shown. */
  approvedBefore: RecordEntry | undefined;
  /** The merchant as judged at approval, to be pinned. */
  judged?: Merchant | undefined;
  /** How the owner said yes, for the audit log. */
  how: "terminal" | "digest" | "batch" | "desk";
}

export interface SignedDecision {
  authorization: Authorization;
  /** The payment's file. */
  file: string;
}

/** Signs, records and hands out the payment, unless anything that was shown has changed or was decided since. */
export function signDecision(
  context: Context,
  input: SigningInput,
  confirmed: Confirmed,
  owner: RoleSigner<"owner">,
): Promise<Outcome<SignedDecision>> {
  const { view, judged } = confirmed;
  return exclusively(context, async () => {
    const still = await stillAsShown(context, input, confirmed, owner);
    if (!still.ok) return still;
    const { subject, checked, approved } = still.data;

    // Reading takes time: what is signed is the time of the confirmation.
    const { request } = subject;
    const made = toSign(request, checked, owner.account, unixNow(), input.expiresIn);
    const { authorization } = made;
    const payload = await signed(request, checked, made, owner);
    const isShown = view.session
      ? await isSessionThatWasShown(payload, view.session)
      : await isWhatWasShown(payload, view.authorization, checked.offer);
    if (!isShown) {
      return fail("request_differs", "What was signed is not what was shown. Nothing was written.", {
        hint: "Do not approve this request.",
      });
    }
    if (context.io.signal.aborted) return interrupted("Nothing was handed out; the request stays open.");
    const pinned = judged ? storePin(context, judged.pin, judged.before) : succeed(undefined);
    if (!pinned.ok) return pinned;
    const file = await handOver(context, input, subject, payload, authorization, { ...confirmed, before: approved, owner });
    return file.ok ? succeed({ authorization, file: file.data }) : file;
  });
}

/** Reads everything again that can refuse the request. Asked before the passphrase, to spare the owner its typing, and under the lock. */
export async function stillAsShown(
  context: Context,
  input: SubjectInput,
  { view: { checked: shown }, approvedBefore }: Pick<Confirmed, "view" | "approvedBefore">,
  owner: Parameters<typeof checkForOwner>[2],
): Promise<Outcome<{ subject: Subject; checked: Checked; approved: RecordEntry | undefined }>> {
  const subject = await subjectAgain(context, input, shown.digest);
  if (!subject.ok) return subject;
  const checked = await checkForOwner(context, subject.data, owner);
  if (!checked.ok) return checked;
  const approved = findDecision(context, shown.digest, "approved");
  if (!approved.ok) return approved;
  if (approved.data && !sameEntry(approved.data, approvedBefore)) return approvedMeanwhile(approved.data);
  return succeed({ subject: subject.data, checked: checked.data, approved: approved.data });
}

export function sameEntry(now: RecordEntry, shown: RecordEntry | undefined): boolean {
  return shown !== undefined && canonicalJson({ ...now }) === canonicalJson({ ...shown });
}

/** The screen said nothing of that approval, or of an older one. */
export function approvedMeanwhile({ requestDigest, at }: RecordEntry) {
  const code = shortCode(requestDigest);
  return fail(
    "decided_meanwhile",
    `You approved request ${code} at ${at}, while this was being read. That approval stands; nothing more was signed.`,
    {
      hint: `lez-agent-pay request show ${code} shows its state.`,
      details: { requestDigest, approvedAt: at },
    },
  );
}

/** Records and anchors the approval, then hands the payment out, under the lock. Returns the payment's file. */
export async function handOver(
  context: Context,
  input: SigningInput,
  { request, digest, item }: Subject,
  payload: PaymentPayload,
  authorization: PaymentWords,
  {
    view,
    how,
    before,
    owner,
  }: Pick<Confirmed, "view" | "how"> & {
    before: RecordEntry | undefined;
    /** Anchors the audit log. Absent: a key of the chain itself, which anchors none. */
    owner?: RoleSigner<"owner">;
  },
): Promise<Outcome<string>> {
  const remembered = rememberApproval(context, request, authorization, view, before);
  if (!remembered.ok) return remembered;
  const session = approvedSession(payload);
  const noted = appendEntry(context, "approved", {
    ...factsOf(authorization, request.http),
    ...(session && { scheme: BATCH_SETTLEMENT, session: sessionId(session.channelConfig) }),
    agentKey: request.agent.publicKey,
    how,
    host: view.host.kind,
  });
  if (!noted.ok) return noted;
  const anchored = owner ? await anchorEntry(context, noted.data, owner) : succeed(undefined);
  if (!anchored.ok) return anchored;
  const written = input.out === undefined ? succeed(undefined) : writeJson(input.out, payload, input.force);
  if (!written.ok) return written;
  const filed = item ? put(context, digest, "payment", payload) : succeed(undefined);
  if (!filed.ok) return filed;
  return input.out === undefined ? inboxPath(context, digest, "payment") : succeed(input.out);
}

/** @param before the approval of the same request that stands already */
export function rememberApproval(
  context: Context,
  request: Subject["request"],
  { from, ledger, validBefore }: Pick<PaymentWords, "from" | "ledger" | "validBefore">,
  { pin }: Pick<ApprovalView, "pin">,
  before: RecordEntry | undefined,
): Outcome<undefined> {
  // An earlier approval with the same key can settle until its own expiry, even if this one expires first.
  const ends = [{ validBefore }, ...(before?.from === from ? [before] : [])].map((approval) => Number(approval.validBefore ?? 0));
  return remember(context, request, "approved", {
    from,
    validBefore: String(Math.max(...ends)),
    ...(ledger && { ledger }),
    ...(pin?.key && { merchantKey: pin.key.publicKey }),
  });
}
