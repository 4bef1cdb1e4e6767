/** One grant: the owner reads the limits, says yes, and exactly the object that was shown is signed. */

import { displayAmount } from "../../shared/protocol/amount.ts";
import { isForRefunds, mandateDigest, type Mandate, type SignedMandate, signMandate } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { isTypedAmount, sameCode } from "../../shared/screen/answer.ts";
import { mandateFacts, type MandateView, worstCase } from "../../shared/screen/mandate-facts.ts";
import { unixNow } from "../../shared/time.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { isOpen, keepMandate, keptMandates } from "../records/mandates.ts";
import { allPins, isOfLedger } from "../records/merchant-pins.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { writeJson } from "../runtime/files.ts";
import type { Layout } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type BalanceInput, balanceOf } from "./account-balance.ts";
import { factsScreen } from "./facts-screen.ts";

/** Collects what the screen shows. Asks the facilitator for the balance, opens no key. */
export async function mandateView(context: Context, input: BalanceInput, mandate: Mandate): Promise<Outcome<MandateView>> {
  const [config, pins, kept] = [context.config(), allPins(context), await keptMandates(context)];
  if (!config.ok) return config;
  if (!pins.ok) return pins;
  if (!kept.ok) return kept;
  const now = unixNow();
  const open = kept.data.mandates
    .filter((other) => isOpen(other, now) && other.signed.mandate.from === mandate.from && other.digest !== mandateDigest(mandate))
    .map(({ signed }) => worstCase(signed.mandate));
  return succeed({
    mandate,
    balance: await balanceOf(context, input, mandate.from),
    pins: pins.data.pins.filter(isOfLedger),
    others: { count: open.length, sum: open.reduce((sum, worst) => sum + worst, 0n) },
    threshold: config.data.approvalThreshold,
  });
}

export function mandateScreen(view: MandateView, layout: Layout): string[] {
  return factsScreen("MANDATE", mandateFacts(view), layout);
}

const UNREAD =
  "Run this in a terminal. Or write it down first, with --dry-run --out FILE, and grant what you read: lez-agent-pay mandate grant --draft FILE --confirm DIGEST";

/**
 * Asks for the owner's yes.
 * @param confirmed the whole digest of the mandate that was read, in place of the question
 * @param unread what to do without a terminal
 */
export async function confirmMandate(
  context: Context,
  view: MandateView,
  confirmed: string | undefined,
  unread = UNREAD,
): Promise<Outcome<undefined>> {
  const { mandate } = view;
  const digest = mandateDigest(mandate);
  const code = shortCode(digest);
  if (confirmed !== undefined) {
    if (confirmed === digest) return succeed(undefined);
    return fail("request_differs", `--confirm names another mandate: this one is ${digest}.`, { hint: "Read it again." });
  }
  if (!context.interactive) {
    return fail("interaction_required", "A mandate waits for the owner, and there is no terminal to ask on.", {
      exit: EXIT.approvalPending,
      hint: unread,
      details: { mandate: digest, worst: worstCase(mandate).toString() },
    });
  }
  const yes = await ask(context, view, code);
  if (yes === undefined) return interrupted("Nothing was signed.");
  return yes ? succeed(undefined) : fail("not_approved", `Mandate ${code} was not granted. Nothing was signed.`);
}

function ask(context: Context, view: MandateView, code: string): Promise<boolean | undefined> {
  const { warnings } = mandateFacts(view);
  const worst = worstCase(view.mandate);
  const may = isForRefunds(view.mandate) ? "this shop give back" : "this agent spend";
  const question = `Let ${may} up to ${displayAmount(worst)} without asking?`;
  if (warnings.length === 0) return askYesOrNo(context, question);
  return askTyped(context, `${question} Type the sum or the code, or nothing to leave it`, {
    isRight: (text) => sameCode(text, code) || isTypedAmount(text, worst),
    wrong: "That is neither the sum nor the code of this mandate.",
  });
}

/** Signs, records and keeps the mandate; then it counts. @param out a file for an agent on another machine */
export async function grantMandate(
  context: Context,
  mandate: Mandate,
  owner: RoleSigner<"owner">,
  { out, force }: { out?: string | undefined; force: boolean },
): Promise<Outcome<SignedMandate>> {
  const signed = await signMandate(mandate, owner);
  return exclusively(context, async () => {
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    if (context.io.signal.aborted) return interrupted("Nothing was handed out.");
    const noted = appendEntry(context, "granted", grantFacts(mandate));
    if (!noted.ok) return noted;
    const anchored = await anchorEntry(context, noted.data, owner);
    if (!anchored.ok) return anchored;
    // From here on an agent can have it: a run that is killed leaves a grant that the log and the owner know.
    const kept = keepMandate(context, signed);
    if (!kept.ok) return kept;
    const written = out === undefined ? succeed(undefined) : writeJson(out, signed, force);
    return written.ok ? succeed(signed) : written;
  });
}

/** A mandate's facts in the audit log. */
export function grantFacts(mandate: Mandate): Record<string, string> {
  const { from, agent, ledger, perPayment, total, period, validAfter, validBefore, payees, origins, schemes } = mandate;
  return {
    mandate: mandateDigest(mandate),
    from,
    agentKey: agent,
    ledger,
    perPayment,
    total,
    ...(period && { period: `${period.amount} in ${period.seconds} s${period.count === undefined ? "" : `, ${period.count} payments`}` }),
    worst: worstCase(mandate).toString(),
    validAfter,
    validBefore,
    payees: payees.join(" "),
    origins: origins.join(" "),
    schemes: schemes.join(" "),
  };
}
