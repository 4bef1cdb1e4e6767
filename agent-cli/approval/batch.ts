/**
 * Several approvals with one screen, one question and one passphrase. A request that deserves more than a glance is left out, with
 * the reason. Each of the others is decided for itself, under the lock: one that fails stops no other.
 */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET } from "../../shared/lez.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { requiredAnswer } from "../../shared/screen/answer.ts";
import { money } from "../../shared/screen/money.ts";
import type { BalanceView } from "../../shared/screen/view.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import type { FoundKey, RoleSigner } from "../keys/key-file.ts";
import { sayPinned } from "../merchant/merchant-identity.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { requestFacts } from "../purchase/create-request.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { record } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { balanceOf } from "./account-balance.ts";
import { approvalData, approvalSchema } from "./approve-one.ts";
import type { Candidate, LeftOut } from "./batch-requests.ts";
import { type Account, batchScreen } from "./batch-screen.ts";
import { signDecision, stillAsShown } from "./sign-decision.ts";
import { type Reading, viewOf, type ViewInput } from "./view-of.ts";

const leftOutSchema = z.strictObject({ request: z.string(), code: z.string(), message: z.string() });

export const batchSchema = z.strictObject({
  dryRun: z.literal(true).optional(),
  /** The account of the mock ledger; absent if all are paid on the chain itself. */
  from: z.string().optional(),
  /** Of `approvals`, or, in a dry run, of those that would be. */
  sum: moneySchema,
  approvals: z.array(approvalSchema),
  /** Those on the chain itself. Each was read on its own screen. */
  native: z.array(approvalSchema).optional(),
  /** Not decided: they stay open. */
  leftOut: z.array(leftOutSchema),
  spendable: moneySchema.optional(),
  /** Why the balance is not known. */
  balanceProblem: z.string().optional(),
});
export type Batch = z.infer<typeof batchSchema>;

export interface BatchInput extends ViewInput, FacilitatorInput {
  /** At most this sum, in atomic units. */
  upTo?: string | undefined;
  /** The digests of the requests that were read, in place of the question. */
  confirm: readonly string[];
}

/** @param open opens the owner's key, once */
export async function approveBatch(
  context: Context,
  input: BatchInput,
  { candidates, leftOut: unread }: { candidates: readonly Candidate[]; leftOut: readonly LeftOut[] },
  owner: FoundKey,
  open: () => Promise<Outcome<RoleSigner<"owner">>>,
): Promise<Outcome<Batch>> {
  context.progress(`Checking ${counted(candidates.length, "request")}`);
  // The list says of each request no more than its price, host and account.
  const asked = { balance: balanceOf(context, input, owner.key.account), mandates: Promise.resolve(succeed([])) };
  const read = await Promise.all(
    candidates.map(async ({ subject }) => ({ subject, view: await viewOf(context, input, subject, owner.key, asked) })),
  );
  const account = accountOf(await asked.balance, owner);
  context.progress("");
  if (context.io.signal.aborted) return interrupted(UNTOUCHED);
  const { members, leftOut } = chosen(read, input.upTo);
  const all = [...unread, ...leftOut];
  if (members.length === 0) {
    return fail("not_approved", "None of these requests can be approved together. Nothing was signed; they stay open.", {
      hint: "The reasons are below. Read them one by one: lez-agent-pay approve CODE",
      details: { leftOut: all },
    });
  }
  const sum = sumOf(members);
  context.say(...batchScreen(members, all, { sum, account }, context.layout), "");
  const short = account.spendable !== undefined && BigInt(account.spendable) < sum;
  if (short) return tooLittle(sum, account.spendable ?? "0");
  const result = (approvals: Batch["approvals"], stopped: readonly LeftOut[] = []): Batch => ({
    from: account.from,
    sum: money(approvals.reduce((total, { approved }) => total + BigInt(approved.amount), 0n).toString(), ASSET),
    approvals,
    leftOut: [...all, ...stopped],
    ...(account.spendable !== undefined && { spendable: money(account.spendable, ASSET) }),
    ...(account.problem !== undefined && { balanceProblem: account.problem }),
  });
  if (input.dryRun) {
    return succeed({ dryRun: true as const, ...result(members.map(({ view }) => approvalData(view, view.authorization))) });
  }
  for (const { view } of members) {
    const noted = await record(context, "shown", requestFacts(view.request, view.checked.digest));
    if (!noted.ok) return noted;
  }
  const yes = await confirmAll(context, members, sum, input.confirm, all);
  if (!yes.ok) return yes;
  const { ready, stopped } = await notOvertaken(context, members, owner);
  if (ready.length === 0) return incomplete(result([], stopped), stopped.length);
  const signer = await open();
  if (!signer.ok) return signer;
  try {
    const how = input.confirm.length > 0 ? ("digest" as const) : ("batch" as const);
    const approvals: Batch["approvals"] = [];
    for (const { view } of ready) {
      const named = { request: shortCode(view.checked.digest), force: false, expiresIn: input.expiresIn };
      const signed = await signDecision(context, named, { ...view, view, how }, signer.data);
      if (signed.ok && view.judged) sayPinned(context, view.judged);
      if (signed.ok) approvals.push({ file: signed.data.file, ...approvalData(view, signed.data.authorization) });
      else stopped.push(leftOutFor(view.checked.digest, signed));
    }
    const batch = result(approvals, stopped);
    return stopped.length === 0 ? succeed(batch) : incomplete(batch, stopped.length);
  } finally {
    signer.data.wipe();
  }
}

/** Looked at again before the passphrase: one that was decided while the owner read is not worth its typing. */
async function notOvertaken(
  context: Context,
  members: readonly Member[],
  { key }: FoundKey,
): Promise<{ ready: Member[]; stopped: LeftOut[] }> {
  const ready: Member[] = [];
  const stopped: LeftOut[] = [];
  for (const member of members) {
    const { view } = member;
    const still = await stillAsShown(context, { request: shortCode(view.checked.digest) }, { ...view, view }, key);
    if (still.ok) ready.push(member);
    else stopped.push(leftOutFor(view.checked.digest, still));
  }
  return { ready, stopped };
}

const UNTOUCHED = "Nothing was signed; the requests stay open.";

interface Member {
  subject: Subject;
  view: Reading;
}

/** In their order: those that can be read at a glance, as long as they fit below the maximum. */
function chosen(
  read: readonly { subject: Subject; view: Outcome<Reading> }[],
  upTo: string | undefined,
): { members: Member[]; leftOut: LeftOut[] } {
  const members: Member[] = [];
  const leftOut: LeftOut[] = [];
  let sum = 0n;
  for (const { subject, view } of read) {
    const problem = view.ok ? needsReading(view.data) : view;
    if (problem) leftOut.push(leftOutFor(subject.digest, problem));
    if (problem || !view.ok) continue;
    const more = sum + BigInt(view.data.authorization.value);
    if (upTo !== undefined && more > BigInt(upTo)) {
      leftOut.push({ request: shortCode(subject.digest), code: "above_sum", message: "With it, the sum would exceed --up-to." });
      continue;
    }
    sum = more;
    members.push({ subject, view: view.data });
  }
  return { members, leftOut };
}

function needsReading(view: Reading): Failure | undefined {
  const alone = "Approve it alone.";
  if (view.request.http.bodySha256) return fail("typed_confirmation_required", `It sends a body, which a list does not show. ${alone}`);
  if (view.session) return fail("typed_confirmation_required", `It asks for a session, which a list does not show. ${alone}`);
  if (requiredAnswer(view) !== "yes") {
    const why = view.alsoAt
      ? "another account may pay it at a desk as well"
      : view.host.kind === "unconfirmed"
        ? "its host does not confirm its terms"
        : "it is a large amount";
    return fail("typed_confirmation_required", `The owner types the answer to this one: ${why}. ${alone}`);
  }
  return undefined;
}

function leftOutFor(digest: Digest, { error }: Failure): LeftOut {
  return { request: shortCode(digest), code: error.code, message: error.message };
}

function sumOf(members: readonly Member[]): bigint {
  return members.reduce((sum, { view }) => sum + BigInt(view.authorization.value), 0n);
}

function thresholdOf([first]: readonly Member[]): bigint {
  return first?.view.threshold ?? 0n;
}

function accountOf(balance: BalanceView, { key }: FoundKey): Account {
  const from = key.account;
  return balance.kind === "known" ? { from, spendable: balance.spendable.toString() } : { from, problem: balance.why };
}

function tooLittle(sum: bigint, spendable: string): Failure {
  return fail(
    "balance_too_low",
    `The sum is ${displayAmount(sum.toString())}, and the account can spend ${displayAmount(spendable)}. ${UNTOUCHED}`,
    {
      hint: "Approve fewer, set --up-to, or fill the account.",
      details: { sum: sum.toString(), spendable },
    },
  );
}

/** One question for all. Without a terminal each request must be named by its whole digest. */
async function confirmAll(
  context: Context,
  members: readonly Member[],
  sum: bigint,
  confirm: readonly string[],
  leftOut: readonly LeftOut[],
): Promise<Outcome<undefined>> {
  const digests: string[] = members.map(({ view }) => view.checked.digest);
  if (confirm.length > 0) {
    const given = new Set<string>(confirm);
    const missing = digests.filter((digest) => !given.has(digest));
    const left = new Set(leftOut.map(({ request }) => request));
    const foreign = confirm.filter((digest) => !digests.includes(digest) && !left.has(shortCode(digest as Digest)));
    if (missing.length + foreign.length === 0) return succeed(undefined);
    const problem = missing.length > 0 ? "does not name every request" : "names a request that is not among these";
    return fail("request_differs", `--confirm ${problem}. ${UNTOUCHED}`, {
      hint: "Read the requests again, and repeat --confirm with the whole digest of each.",
      details: { missing, foreign },
    });
  }
  if (!context.interactive) {
    return fail("interaction_required", `${members.length} requests wait for the owner, and there is no terminal to ask on.`, {
      exit: EXIT.approvalPending,
      hint: "The owner runs this in a terminal, or repeats --confirm with the whole digest of each request.",
      details: { requestDigests: digests, sum: sum.toString(), leftOut },
    });
  }
  const display = displayAmount(sum.toString());
  const question = `Pay ${display} for ${members.length} requests?`;
  const large = sum > thresholdOf(members);
  const answer = large
    ? await askTyped(context, `${question} Type the sum, or nothing to leave them`, {
        isRight: (text) => [sum.toString(), display, display.split(" ")[0]].includes(text.trim()),
        wrong: "That is not the sum.",
      })
    : await askYesOrNo(context, question);
  if (answer === undefined) return interrupted(UNTOUCHED);
  return answer ? succeed(undefined) : fail("not_approved", `The requests were not approved. ${UNTOUCHED}`);
}

export function incomplete(batch: Batch, stopped: number): Failure {
  const { approvals, native = [], sum } = batch;
  const approved = [
    ...(approvals.length > 0 || native.length === 0 ? [`${approvals.length} approved, ${sum.display} in all`] : []),
    ...(native.length > 0 ? [`${native.length} approved on the chain itself`] : []),
  ];
  return fail("batch_incomplete", `${approved.join(", ")}; ${stopped} could not be.`, {
    hint: "`leftOut` says why. What was approved stays approved.",
    details: { ...batch },
  });
}
