/**
 * Approves a request that is paid by a transfer on the chain itself. As with any other, the owner reads, says yes, and signs what was shown.
 * The nonce is written down before the signed transfer is handed out, so that a killed process gives none out twice.
 */

import { canonicalJson } from "../../shared/crypto/digest.ts";
import { ASSET } from "../../shared/lez.ts";
import { MAX_AMOUNT } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import type { PaymentDraft, SignedNativePayment } from "../../shared/zone/pay.ts";
import type { SequencerInput } from "../chain/open-chain.ts";
import type { FoundLezKey } from "../keys/lez-owner.ts";
import { allowHttpFor } from "../merchant/curl-request.ts";
import { sayPinned } from "../merchant/merchant-identity.ts";
import { interrupted } from "../prompts/prompts.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { record } from "../records/audit-log.ts";
import { giveNonce } from "../records/lez-nonces.ts";
import { storePin } from "../records/merchant-pins.ts";
import { isAwaited } from "../records/waiting.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Secret } from "../runtime/secret.ts";
import { approvalScreen } from "./approval-screen.ts";
import { type Approval, approvalData, type ApprovalInput } from "./approve-one.ts";
import { confirm } from "./confirmation.ts";
import { draftFor, nativeViewOf, type ReadChain, readChainFor, wordsOf } from "./draft-native.ts";
import type { OwnerHalf } from "./owner-checks.ts";
import { handOver, stillAsShown } from "./sign-decision.ts";
import { type Reading, viewOf } from "./view-of.ts";

export interface NativeInput extends ApprovalInput, SequencerInput {}

export interface NativeReading extends Reading {
  native: NonNullable<Reading["native"]>;
  read: ReadChain;
}

/** @param open opens the owner's key; asked only after the yes */
export async function approveNative(
  context: Context,
  input: NativeInput,
  subject: Subject,
  owner: FoundLezKey,
  open: () => Promise<Outcome<Secret>>,
): Promise<Outcome<Approval>> {
  const reading = await readNative(context, input, subject, owner);
  if (!reading.ok) return reading;
  context.say(...approvalScreen(reading.data, context.layout), "");
  if (input.dryRun) return succeed({ dryRun: true as const, ...nativeData(reading.data, reading.data.native.draft) });
  const confirmed = await confirm(context, reading.data, input.confirm);
  if (!confirmed.ok) return confirmed;
  const signed = await signNative(context, input, reading.data, owner, open);
  if (!signed.ok) return signed;
  const { request, checked } = reading.data;
  if (isAwaited(context, checked.digest)) return succeed({ ...signed.data, awaited: true as const });
  return succeed(signed.data, {
    argv: ["lez-agent-pay", "pay", input.out ?? shortCode(checked.digest), ...allowHttpFor(request.http.url)],
    by: "agent",
    why: "send the request with this payment",
  });
}

function nativeData(reading: NativeReading, draft: PaymentDraft): Approval {
  const { network, transfer } = draft;
  return { ...approvalData(reading, wordsOf(draft)), network, maxFee: money(transfer.fee.maxFee, ASSET) };
}

/** The public half, as the checks of a request take it. Its account has the form of the mock's. */
export function lezHalf({ key }: FoundLezKey): OwnerHalf {
  return { publicKey: key.publicKey, account: key.account as string as AccountId, kind: "lez" };
}

/** Everything that the owner reads before a yes. The audit log gets that it was shown. Opens no key. */
export async function readNative(
  context: Context,
  input: NativeInput,
  subject: Subject,
  owner: FoundLezKey,
): Promise<Outcome<NativeReading>> {
  let read: ReadChain | undefined;
  const asked = { balance: Promise.resolve({ kind: "unknown" as const, why: "" }), mandates: Promise.resolve(succeed([])) };
  const view = await viewOf(context, input, subject, lezHalf(owner), asked, async (checked, now) => {
    const offer = readNativeOffer(checked.offer);
    if (!offer.ok) throw new TypeError("a request of the mock has come to the chain's signer");
    const chain = await readChainFor(context, offer, owner.key.account, input);
    if (!chain.ok) return chain;
    const made = await draftFor(context, subject.request, chain.data, { now, expiresIn: input.expiresIn });
    if (!made.ok) return made;
    const { maxFeeFor } = await import("../../shared/zone/fees.ts");
    read = chain.data;
    const native = nativeViewOf(context, made.data, chain.data, maxFeeFor(chain.data.chain.fees.base, 0));
    return succeed({ authorization: wordsOf(made.data.draft), native });
  });
  if (!view.ok) return view;
  const { native } = view.data;
  if (!native || !read) throw new TypeError("nothing was drafted");
  const noted = input.dryRun ? undefined : await record(context, "shown", requestFacts(view.data.request, view.data.checked.digest));
  if (noted && !noted.ok) return noted;
  const { balance, transfer } = { balance: native.read.balance, transfer: native.draft.transfer };
  const known = { kind: "known" as const, spendable: balance > transfer.fee.maxFee ? balance - transfer.fee.maxFee : 0n };
  return succeed({ ...view.data, balance: known, native, read });
}

/** Signs what was read, after the owner's yes, and hands it out. Refuses what changed or was decided since. */
async function signNative(
  context: Context,
  input: NativeInput,
  reading: NativeReading,
  owner: FoundLezKey,
  open: () => Promise<Outcome<Secret>>,
): Promise<Outcome<Approval>> {
  const shown = { ...reading, view: reading };
  const still = await stillAsShown(context, input, shown, lezHalf(owner));
  if (!still.ok) return still;
  const secret = await open();
  if (!secret.ok) return secret;
  try {
    const signed = await exclusively(context, async () => {
      const now = await stillAsShown(context, input, shown, lezHalf(owner));
      return now.ok ? signShown(context, input, reading, now.data, secret.data) : now;
    });
    if (!signed.ok) return signed;
    if (reading.judged) sayPinned(context, reading.judged);
    return succeed({ file: signed.data.file, ...nativeData(reading, signed.data.draft) });
  } finally {
    secret.data.wipe();
  }
}

/** Under the lock: no network call and no question. */
async function signShown(
  context: Context,
  input: NativeInput,
  reading: NativeReading,
  { subject, approved }: { subject: Subject; approved: Reading["approvedBefore"] },
  secret: Secret,
): Promise<Outcome<{ file: string; draft: PaymentDraft }>> {
  const { native, read, judged, how } = { ...reading, how: input.confirm === undefined ? ("terminal" as const) : ("digest" as const) };
  const made = await draftFor(context, subject.request, read, { now: unixNow(), expiresIn: input.expiresIn });
  if (!made.ok) return made;
  const { draft, reused } = made.data;
  if (reused && shortCode(reused.requestDigest) !== native.reused?.shortCode) {
    return fail(
      "decided_meanwhile",
      "The nonce of this payment was given to another request while it was being read. Nothing was signed.",
      {
        hint: "Read the request again.",
      },
    );
  }
  const { signDraft } = await import("../../shared/zone/pay.ts");
  const signed = signDraft(draft, secret.reveal(), { url: subject.request.http.url });
  if (!(await isTransferThatWasShown(signed, native.draft)))
    return fail("request_differs", "What was signed is not what was shown. Nothing was written.", { hint: "Do not approve this request." });
  if (context.io.signal.aborted) return interrupted("Nothing was handed out; the request stays open.");
  const { transfer, statement, h } = draft;
  const given = {
    genesis: statement.ledger,
    account: transfer.from,
    nonce: transfer.nonce.toString(),
    requestDigest: reading.checked.digest,
    messageHash: h,
    at: formatTimestamp(unixNow()),
    validBefore: statement.validBefore,
  };
  const noted = giveNonce(context, given, read.head, read.isForgettable);
  if (!noted.ok) return noted;
  const pinned = judged ? storePin(context, judged.pin, judged.before) : succeed(undefined);
  if (!pinned.ok) return pinned;
  const words = wordsOfNative(signed.payload);
  if (!words) throw new TypeError("what was signed has no words");
  const file = await handOver(context, input, subject, signed.payload, words, { view: reading, how, before: approved });
  return file.ok ? succeed({ file: file.data, draft }) : file;
}

/** The last check before a signed transfer leaves: it verifies as a facilitator verifies it, and is what the owner saw. Only the clock may have moved on. */
export async function isTransferThatWasShown({ payload, statement }: SignedNativePayment, shown: PaymentDraft): Promise<boolean> {
  const { verifyNative } = await import("../../shared/zone/verify.ts");
  const { network, finality, accepted } = shown;
  const { ledger } = shown.statement;
  const context = { now: Number(statement.validAfter), network, ledger, maxFee: MAX_AMOUNT, finalities: [finality] };
  const verified = verifyNative(payload, accepted, context);
  return verified.ok && verified.payment.h === shown.h && clockless(statement) === clockless(shown.statement);
}

/** The statement with the length of its validity in place of start and end. */
function clockless({ validAfter, validBefore, ...statement }: PaymentDraft["statement"]): string {
  return canonicalJson({ ...statement, seconds: String(Number(validBefore) - Number(validAfter)) });
}
