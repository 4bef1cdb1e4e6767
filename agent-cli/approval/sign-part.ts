/**
 * The yes of a key at this terminal to a request that waits at a hosted desk: a part of the payment, if several keys of the account sign it
 * together, and else the payment. The owner reads the screen of `approve`. What other keys have signed is checked here and signed too, so that all
 * sign one object. A part pays nothing until the desk has enough of them.
 */

import { checkPart, type PartCheck, partClaim, type SignedPart } from "../../shared/desk/part-check.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import { prove, signersOf } from "../../shared/protocol/proof.ts";
import { type Checked, type ToSign, toSign, withPaymentProof } from "../../shared/protocol/what-is-signed.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import type { DeskOwner } from "../hosted-desk/desk-owner.ts";
import type { OwnerLogin } from "../hosted-desk/owner-login.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import { openOwner } from "../keys/owner-key.ts";
import { sayPinned } from "../merchant/merchant-identity.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import { interrupted } from "../prompts/prompts.ts";
import { factsOf } from "../purchase/conclude.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry, record } from "../records/audit-log.ts";
import { findDecision } from "../records/decision-history.ts";
import { look } from "../records/inbox.ts";
import { storePin } from "../records/merchant-pins.ts";
import { type Context, warn } from "../runtime/context.ts";
import { counted } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { type BalanceInput, balanceOf } from "./account-balance.ts";
import { approvalScreen } from "./approval-screen.ts";
import { confirm } from "./confirmation.ts";
import { factLines } from "./facts-screen.ts";
import { openMandates } from "./open-mandates.ts";
import { checkForOwner, type OwnerHalf } from "./owner-checks.ts";
import { isSameButForClock } from "./shown-is-signed.ts";
import { approvedMeanwhile, rememberApproval, sameEntry } from "./sign-decision.ts";
import { type Reading, viewOf, type ViewInput } from "./view-of.ts";

export interface PartInput extends ViewInput, BalanceInput, PassphraseInput {
  /** The digest of what was read, in place of the question. */
  confirm?: string | undefined;
}

/** Who signs, and where. */
export interface AtDesk {
  login: OwnerLogin;
  owner: DeskOwner;
}

/** What the desk made of a part. `missing`: how many more keys must sign. `already`: this key had signed it before. */
export interface PartTold {
  whole: boolean;
  missing: number;
  already?: true;
}

/** Two keys at once sign two objects; the second to arrive then signs the first one's. */
const MAX_TRIES = 3;

export async function signPart(context: Context, input: PartInput, subject: Subject, at: AtDesk): Promise<Outcome<PartTold>> {
  const { request } = subject;
  const { owner } = at;
  const half = halfOf(owner);
  const checked = await checkForOwner(context, subject, half);
  if (!checked.ok) return checked;
  const before = await partAtDesk(subject, checked.data, at);
  if (!before.ok) return before;
  const part = before.data;
  if (part?.signedBy.includes(keyOf(owner))) return succeed(alreadySigned(part, at));
  if (part && input.expiresIn !== undefined) {
    return fail(
      "usage",
      `Another key has signed this for ${duration(lengthOf(part.made))}, and all sign the same. Leave --expires-in out.`,
    );
  }
  const asked = {
    balance: balanceOf(context, input, half.account),
    mandates: openMandates(context, input, { from: half.account, agentKey: request.agent.publicKey }),
  };
  const make = (of: Checked, now: number) =>
    Promise.resolve(succeed(part?.made ?? toSign(request, of, half.account, now, input.expiresIn)));
  const view = await viewOf(context, input, subject, half, asked, make);
  if (!view.ok) return view;
  const reading = view.data;
  const noted = await record(context, "shown", requestFacts(request, subject.digest));
  if (!noted.ok) return noted;
  context.say(...approvalScreen(reading, context.layout), ...partLines(context, reading, part, at), "");
  const confirmed = await confirm(context, reading, input.confirm, "the same command with --decline");
  if (!confirmed.ok) return confirmed;
  const signer = await openOwner(context, owner.found, input);
  if (!signer.ok) return signer;
  try {
    return await signAndSend(context, input, { subject, reading, at, signer: signer.data });
  } finally {
    signer.data.wipe();
  }
}

interface Signing {
  subject: Subject;
  reading: Reading;
  at: AtDesk;
  signer: RoleSigner<"owner">;
}

async function signAndSend(context: Context, input: PartInput, signing: Signing): Promise<Outcome<PartTold>> {
  const { subject, reading, at } = signing;
  for (let tries = 1; ; tries++) {
    // Again: another key may have signed while the owner read.
    const found = await partAtDesk(subject, reading.checked, at);
    if (!found.ok) return found;
    const part = found.data;
    if (part?.signedBy.includes(keyOf(at.owner))) return succeed(alreadySigned(part, at));
    const made = await exclusively(context, () => signOnce(context, input, signing, part));
    if (!made.ok) return made;
    const sent = await send(signing, made.data);
    const { judged } = reading;
    if (sent.ok && judged) sayPinned(context, judged);
    // Another key may have signed in the last moment, so that this one has completed it.
    if (sent.ok && sent.data.whole && !completes(part, at)) {
      const remembered = await exclusively(context, () => rememberPart(context, subject, reading, made.data));
      if (!remembered.ok) warn(context, `It is approved, and was not recorded here: ${remembered.error.message}`);
    }
    if (sent.ok || sent.error.code !== "decided_meanwhile" || tries === MAX_TRIES) return sent;
  }
}

/** Under the lock: no network call and no question. What is logged, and remembered as approved, leaves right afterwards, or never. */
async function signOnce(
  context: Context,
  input: PartInput,
  { subject, reading, at: { owner, login }, signer }: Signing,
  part: SignedPart | undefined,
): Promise<Outcome<ToSign>> {
  const { request, digest } = subject;
  const half = halfOf(owner);
  const item = await look(context, digest);
  if (!item.ok) return item;
  const still = await checkForOwner(context, { ...subject, item: item.data }, half);
  if (!still.ok) return still;
  const approved = findDecision(context, digest, "approved");
  if (!approved.ok) return approved;
  // Nonces are per account: of this one a second approval pays nothing more, and of another one the screen has said nothing.
  const byAnother = approved.data && approved.data.from !== half.account && !sameEntry(approved.data, reading.approvedBefore);
  if (approved.data && byAnother) return approvedMeanwhile(approved.data);
  // Reading takes time: what this key signs first is of the time of the confirmation.
  const made = part?.made ?? toSign(request, still.data, half.account, unixNow(), input.expiresIn);
  if (!isSameButForClock(made, reading)) {
    return fail(
      "decided_meanwhile",
      `Another key has signed this for ${duration(lengthOf(made))} while it was read, and the screen said ${duration(lengthOf(reading))}. Nothing was signed.`,
      { hint: "Run it again, and read what that key has signed." },
    );
  }
  if (context.io.signal.aborted) return interrupted("Nothing was sent; the request stays open.");
  const { judged } = reading;
  const pinned = judged ? storePin(context, judged.pin, judged.before) : succeed(undefined);
  if (!pinned.ok) return pinned;
  const facts = { ...factsOf(made.authorization, request.http), agentKey: request.agent.publicKey, desk: login.desk, key: keyOf(owner) };
  const logged = appendEntry(context, "signed_for_desk", facts);
  if (!logged.ok) return logged;
  const anchored = await anchorEntry(context, logged.data, signer);
  if (!anchored.ok) return anchored;
  const remembered = completes(part, { login, owner }) ? rememberPart(context, subject, reading, made) : succeed(undefined);
  return remembered.ok ? succeed(made) : remembered;
}

/** Whether this key is the last that is needed. */
function completes(part: SignedPart | undefined, { owner }: AtDesk): boolean {
  return (part?.signedBy.length ?? 0) + 1 >= thresholdOf(owner);
}

async function send({ subject: { request, digest }, reading: { checked }, at, signer }: Signing, made: ToSign): Promise<Outcome<PartTold>> {
  const { login, owner } = at;
  const object = made.session ? { session: made.session } : { authorization: made.authorization };
  const signed = partClaim(object).digest;
  const { policy } = owner;
  if (policy && thresholdOf(owner) > 1) {
    const proof = { kind: "ed25519" as const, publicKey: signer.publicKey, signature: await signer.sign(signed) };
    const sent = await login.call("partial", { request: digest, proof, policy, ...object });
    return sent.ok ? succeed({ whole: sent.data.whole, missing: sent.data.missing }) : unsent(sent);
  }
  const proof = await prove(signed, policy ? policySigner(policy, [signer]) : signer);
  const sent = await login.call("decide", { payment: withPaymentProof(request, checked, made, proof) });
  return sent.ok ? succeed({ whole: true, missing: 0 }) : unsent(sent);
}

/** An answer that was lost is no refusal. */
export function unsent(failure: Failure): Failure {
  if (failure.error.code !== "network") return failure;
  return { ...failure, error: { ...failure.error, hint: "Run it again: what has arrived counts once, and what has not is signed anew." } };
}

/** What other keys have signed at the desk, checked; undefined if this key is the first. */
async function partAtDesk(
  { request, digest }: Subject,
  checked: Checked,
  { login, owner: { policy } }: AtDesk,
): Promise<Outcome<SignedPart | undefined>> {
  const read = await login.call("read", { request: digest });
  if (!read.ok) return read;
  const { partial } = read.data;
  if (!partial || !policy) return succeed(undefined);
  const { proofs } = partial;
  const object = partial.session ? { session: partial.session } : { authorization: partial.authorization };
  const found = await checkPart({ request, checked }, { object, proofs }, policy, unixNow(), FACILITATOR_DECIDES);
  return found.ok ? succeed(found.part) : notThePart(login.desk, found);
}

function notThePart(desk: string, { problem }: Extract<PartCheck, { ok: false }>): Failure {
  return fail(
    "request_differs",
    `What other keys have signed, as the desk at ${desk} says, does not hold: ${problem}. Nothing was signed.`,
    {
      hint: "Do not trust this desk before you know why.",
    },
  );
}

function rememberPart(context: Context, { request, digest }: Subject, reading: Reading, { authorization }: ToSign): Outcome<undefined> {
  const before = findDecision(context, digest, "approved");
  return before.ok ? rememberApproval(context, request, authorization, reading, before.data) : before;
}

/** How far the payment is without this key, and what this key adds. */
function partLines({ layout }: Context, { session }: Reading, part: SignedPart | undefined, at: AtDesk): string[] {
  const threshold = thresholdOf(at.owner);
  if (threshold < 2) return [];
  const signedBy = part?.signedBy ?? [];
  const left = threshold - signedBy.length - 1;
  const sum = session ? "sets aside nothing" : "pays nothing";
  return [
    ...signedBy.flatMap((key, i) => factLines(layout, { label: i === 0 ? "Signed by" : "", value: key })),
    ...factLines(layout, { label: "Your key", value: keyOf(at.owner) }),
    ...factLines(layout, {
      label: "Your part",
      value: `is number ${signedBy.length + 1} of the ${threshold} that this account needs${left > 0 ? `; alone it ${sum}` : ", and completes it"}`,
      strong: true,
    }),
  ];
}

/** @param missing keys that must still sign */
export function missingText(missing: number): string {
  return `It counts once ${counted(missing, "more key")} of the account ${missing === 1 ? "has" : "have"} signed it too.`;
}

function alreadySigned({ signedBy }: SignedPart, { owner }: AtDesk): PartTold {
  return { whole: false, missing: Math.max(0, thresholdOf(owner) - signedBy.length), already: true };
}

export function thresholdOf({ policy }: DeskOwner): number {
  return policy ? signersOf("Authorization", policy) : 1;
}

function halfOf({ account, found }: DeskOwner): OwnerHalf {
  return { publicKey: found.key.publicKey, account };
}

/** The account of the key itself, which is one of the policy's. */
export function keyOf({ found }: DeskOwner): AccountId {
  return found.key.account;
}

function lengthOf({ authorization: { validAfter, validBefore } }: ToSign): number {
  return Number(validBefore) - Number(validAfter);
}
