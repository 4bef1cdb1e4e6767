/**
 * The requests on the chain itself among several that are approved at once: other money, which another key signs. They come after those of
 * the mock ledger, each with its own screen, question and passphrase. One that fails stops no other.
 */

import { ASSET } from "../../shared/lez.ts";
import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import type { SequencerInput } from "../chain/open-chain.ts";
import { findLezOwner, openLezOwner } from "../keys/lez-owner.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { Subject } from "../purchase/request-subject.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { approveNative } from "./approve-native.ts";
import type { Approval } from "./approve-one.ts";
import type { Candidate, LeftOut } from "./batch-requests.ts";
import { approveBatch, type Batch, type BatchInput, batchSchema, incomplete } from "./batch.ts";

export interface SeveralInput extends BatchInput, SequencerInput, PassphraseInput {
  ownerFile?: string | undefined;
}

/**
 * Approves those of the mock ledger together, then each of the chain's alone. A key file that was named is for its own money; the other
 * money takes its usual key.
 */
export async function approveSeveral(
  context: Context,
  input: SeveralInput,
  { candidates, leftOut }: { candidates: readonly Candidate[]; leftOut: readonly LeftOut[] },
): Promise<Outcome<Batch>> {
  const natives = candidates.filter(({ subject }) => isNativeRequest(subject.request));
  const others = candidates.filter((candidate) => !natives.includes(candidate));
  // With a limit of the sum nothing of other money is asked.
  const asked = input.upTo === undefined ? natives : [];
  const unasked = input.upTo === undefined ? [] : natives.map(({ subject }) => otherMoney(subject));
  const left = [...leftOut, ...unasked];
  const mock = () => {
    const owner = ownKey(findOwner(context, input.ownerFile), natives.length > 0, () => findOwner(context, undefined));
    if (!owner.ok) return owner;
    const digests = natives.map(({ subject }): string => subject.digest);
    const confirm = input.confirm.filter((digest) => !digests.includes(digest));
    const together = { candidates: others, leftOut: left };
    return approveBatch(context, { ...input, confirm }, together, owner.data, () => openOwner(context, owner.data, input));
  };
  const together = others.length > 0 || natives.length === 0 ? await mock() : succeed(withoutMock(input, left));
  const isOver = natives.length === 0 || (!together.ok && together.exit === EXIT.interrupted);
  if (isOver) return together;
  const approved: Approval[] = [];
  const refused: { subject: Subject; why: Failure }[] = [];
  for (const { subject } of asked) {
    const before = refused.at(-1)?.why;
    const stopped = before?.exit === EXIT.interrupted ? before : undefined;
    const alone = stopped ?? (await approveAlone(context, input, subject, others.length > 0));
    if (alone.ok) approved.push(alone.data);
    else refused.push({ subject, why: alone });
  }
  return joined(together, { others, approved, refused });
}

function otherMoney({ request, digest }: Subject): LeftOut {
  const code = shortCode(digest);
  const message = `It is paid on ${request.payment.network}, in other money than --up-to counts. Approve it alone: lez-agent-pay approve ${code}`;
  return { request: code, code: "other_money", message };
}

async function approveAlone(context: Context, input: SeveralInput, subject: Subject, besideMock: boolean): Promise<Outcome<Approval>> {
  const key = ownKey(findLezOwner(context, input.ownerFile), besideMock, () => findLezOwner(context, undefined));
  if (!key.ok) return key;
  const confirm = input.confirm.find((digest) => digest === subject.digest);
  const named = { ...input, request: shortCode(subject.digest), confirm, force: false };
  return approveNative(context, named, subject, key.data, () => openLezOwner(context, key.data, input));
}

/** @param several whether the file that was named may be for the other money */
function ownKey<Key>(named: Outcome<Key>, several: boolean, usual: () => Outcome<Key>): Outcome<Key> {
  return several && !named.ok && named.error.code === "wrong_role" ? usual() : named;
}

interface Natives {
  others: readonly Candidate[];
  approved: readonly Approval[];
  refused: readonly { subject: Subject; why: Failure }[];
}

function joined(together: Outcome<Batch>, { others, approved, refused }: Natives): Outcome<Batch> {
  const leftOut = refused.map(({ subject, why }) => leftOutFor(subject, why));
  if (approved.length === 0 && !together.ok) {
    const { details = {} } = together.error;
    const before = (details["leftOut"] ?? []) as LeftOut[];
    return { ...together, error: { ...together.error, details: { ...details, leftOut: [...before, ...leftOut] } } };
  }
  const mock = together.ok ? together.data : batchOf(together, others);
  const batch: Batch = { ...mock, ...(approved.length > 0 && { native: [...approved] }), leftOut: [...mock.leftOut, ...leftOut] };
  if (mock.approvals.length + approved.length === 0) {
    const interrupted = refused.find(({ why }) => why.exit === EXIT.interrupted);
    if (interrupted) return interrupted.why;
    return fail("not_approved", "None of these requests was approved. Nothing was signed; they stay open.", {
      hint: "`leftOut` says why.",
      details: { leftOut: batch.leftOut },
    });
  }
  // An owner's no is no failure.
  const failed = refused.filter(({ why }) => why.error.code !== "not_approved").length;
  if (together.ok && failed === 0) return succeed(batch);
  return incomplete(batch, failed + (together.ok ? 0 : others.length - mock.approvals.length));
}

/** What became of those of the mock ledger, if not all could be approved. */
function batchOf(failure: Failure, others: readonly Candidate[]): Batch {
  const { code, details } = failure.error;
  if (code === "batch_incomplete") return batchSchema.parse(details);
  const known = (details?.["leftOut"] ?? []) as LeftOut[];
  const untold = others.filter(({ subject }) => !known.some(({ request }) => request === shortCode(subject.digest)));
  return { sum: money("0", ASSET), approvals: [], leftOut: [...known, ...untold.map(({ subject }) => leftOutFor(subject, failure))] };
}

function withoutMock({ dryRun }: SeveralInput, leftOut: readonly LeftOut[]): Batch {
  return { ...(dryRun && { dryRun: true as const }), sum: money("0", ASSET), approvals: [], leftOut: [...leftOut] };
}

/** With the advice: it names the command. */
function leftOutFor({ digest }: Subject, { error: { code, message, hint } }: Failure): LeftOut {
  return { request: shortCode(digest), code, message: hint === undefined ? message : `${message} ${hint}` };
}
