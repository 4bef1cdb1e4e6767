/** What the request's agent may still spend without asking, for the screen. Without an open mandate no facilitator is asked. */

import type { MandateStanding } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import { askUsage } from "../facilitator/mandate-status.ts";
import { isOpen, type KeptMandate, keptMandates } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_MANDATES_ON_SCREEN } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import type { BalanceInput } from "./account-balance.ts";

/**
 * The open mandates of an account for an agent, those that end first first.
 * @param from the account that pays
 * @param agentKey the key that signed the request
 */
export async function openMandates(
  context: Context,
  input: BalanceInput,
  { from, agentKey }: { from: string; agentKey: string },
): Promise<Outcome<MandateStanding[]>> {
  const kept = await keptMandates(context);
  if (!kept.ok) return kept;
  const now = unixNow();
  const own = kept.data.mandates
    .filter((mandate) => isOpen(mandate, now))
    .filter(({ signed: { mandate } }) => mandate.from === from && mandate.agent === agentKey)
    .slice(0, MAX_MANDATES_ON_SCREEN);
  const standings = await Promise.all(own.map((mandate) => standingOf(context, input, mandate, now)));
  return succeed(standings.filter((standing) => standing !== undefined));
}

/** Undefined if the ledger says that it was revoked. */
async function standingOf(context: Context, input: BalanceInput, kept: KeptMandate, now: number): Promise<MandateStanding | undefined> {
  const { shortCode, signed } = kept;
  const known = { shortCode, mandate: signed.mandate };
  if (input.offline) return { ...known, usage: { kind: "unknown", why: "it was not asked for (--offline)" } };
  const asked = await askUsage(context, input, kept, now);
  if (!asked.ok) return { ...known, usage: { kind: "unknown", why: asked.error.message } };
  const { status, left, period } = asked.data;
  if (status !== "open") return undefined;
  return {
    ...known,
    usage: {
      kind: "known",
      left: BigInt(left.amount),
      ...(period && { period: { left: BigInt(period.left.amount), paymentsLeft: period.paymentsLeft, endsAt: period.endsAt } }),
    },
  };
}
