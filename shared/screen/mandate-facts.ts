/** What an owner reads before it grants a mandate: one sum first, made from the signed object alone. */

import { SCHEME } from "../lez.ts";
import { displayAmount } from "../protocol/amount.ts";
import { ANY, isForRefunds, type Mandate, mandateDigest } from "../protocol/mandate.ts";
import { shortCode } from "../protocol/payment-request.ts";
import { formatTimestamp } from "../time.ts";
import { duration } from "./duration.ts";
import { showUnsafe } from "./escapes.ts";
import type { Fact } from "./facts.ts";
import type { BalanceView, MerchantPin } from "./view.ts";

export interface MandateView {
  mandate: Mandate;
  balance: BalanceView;
  /** What this machine has pinned. */
  pins: readonly MerchantPin[];
  /** Other mandates of the account that this machine or this desk knows to be open, and what they can still cost at worst. Atomic units. */
  others: { count: number; sum: bigint };
  /** Above this many units one key press is not enough. */
  threshold: bigint;
  /** The command that revokes it, if its code is not enough. */
  revokedBy?: string | undefined;
}

export interface MandateFacts {
  shortCode: string;
  facts: Fact[];
  /** Each has to be typed over. */
  warnings: string[];
  /** Paragraphs under the facts. */
  says: string[];
}

/**
 * The most that payments under the mandate can cost: the total, or less if all of its periods together allow less. Atomic units.
 * Nothing but the signed members counts.
 */
export function worstCase({ total, period, validAfter, validBefore }: Mandate): bigint {
  if (!period) return BigInt(total);
  const seconds = BigInt(validBefore) - BigInt(validAfter) + 1n;
  const windows = (seconds + BigInt(period.seconds) - 1n) / BigInt(period.seconds);
  const inPeriods = windows * BigInt(period.amount);
  return inPeriods < BigInt(total) ? inPeriods : BigInt(total);
}

export function mandateFacts(view: MandateView): MandateFacts {
  const { mandate, others } = view;
  const code = shortCode(mandateDigest(mandate));
  const worst = worstCase(mandate);
  const life = Number(mandate.validBefore) - Number(mandate.validAfter) + 1;
  const revoke = view.revokedBy ?? `lez-agent-pay mandate revoke ${code}`;
  return {
    shortCode: code,
    facts: [
      {
        label: "Can cost",
        value: `at most ${displayAmount(worst)} in all, until ${formatTimestamp(Number(mandate.validBefore))} (${duration(life)})`,
        strong: true,
      },
      { label: "Within that", value: limitsText(mandate) },
      ...(isForRefunds(mandate) ? refundFacts(mandate) : scopeFacts(view)),
      ...sessionFacts(mandate),
      { label: "Agent key", value: mandate.agent },
      { label: "From", value: mandate.from },
      { label: "Network", value: showUnsafe(`${mandate.network} (TEST)`) },
      ...(mandate.note === undefined ? [] : [{ label: "Note", value: showUnsafe(mandate.note) }]),
      { label: "With others", value: togetherText(view, worst, others) },
    ],
    warnings: warningsOf(view, worst),
    says: isForRefunds(mandate)
      ? [
          `The shop gives money back without asking. Anyone who steals its key can give this much back to buyers of the last 30 days, to no other account, until you revoke: ${revoke}`,
        ]
      : [
          `The agent pays without asking. Anyone who steals its key can spend this${mandate.payees[0] === ANY ? "" : ", to these payees"}, until you revoke: ${revoke}`,
          ...(mandate.origins[0] === ANY ? [] : ["The payees bind a thief. The origins bind the agent's own tool, and our merchants."]),
        ],
  };
}

/** `0.001 LGO per payment · 0.01 LGO in 24 h (across a boundary 0.02 LGO) · 1000 payments in 24 h` */
export function limitsText({ perPayment, total, period }: Mandate): string {
  const each = `${displayAmount(perPayment)} per payment`;
  if (!period) return `${each} · ${displayAmount(total)} in all`;
  const every = duration(Number(period.seconds));
  const twice = displayAmount(2n * BigInt(period.amount));
  const count = period.count === undefined ? "" : ` · ${period.count} payments in ${every}`;
  return `${each} · ${displayAmount(period.amount)} in ${every} (across a boundary ${twice})${count} · ${displayAmount(total)} in all`;
}

function scopeFacts(view: MandateView): Fact[] {
  const { mandate } = view;
  const origins = { label: "Origins", value: mandate.origins[0] === ANY ? "any" : mandate.origins.join(", ") };
  return [...payeeFacts(view), origins, ...schemeFacts(mandate)];
}

/** The ledger refunds a payment to its payer alone, and no more of it than was paid. */
function refundFacts({ payees }: Mandate): Fact[] {
  const buyers = payees[0] === ANY ? "the accounts that paid this one" : payees.join(", ");
  return [{ label: "To", value: `refunds only: to ${buyers}, at most what each payment was`, strong: true }];
}

function payeeFacts({ mandate, pins }: MandateView): Fact[] {
  if (mandate.payees[0] === ANY) return [{ label: "To", value: "ANY ACCOUNT", strong: true }];
  return mandate.payees.map((payee, i) => {
    const known = pins.filter(({ payTo }) => payTo === payee).map(({ origin, firstSeenAt }) => `${origin}, seen since ${firstSeenAt}`);
    return { label: i === 0 ? "To" : "", value: `${payee} (${known.join("; ") || "not known here"})`, strong: true };
  });
}

/** A draft may name more than this command line does. */
function schemeFacts({ schemes }: Mandate): Fact[] {
  return schemes.length === 1 && schemes[0] === SCHEME ? [] : [{ label: "Schemes", value: schemes.join(", "), strong: true }];
}

function sessionFacts({ session }: Mandate): Fact[] {
  if (!session) return [];
  const open = session.open === "1" ? "one session" : `${session.open} sessions`;
  return [
    {
      label: "Sessions",
      value: `${open} at a time, at most ${displayAmount(session.deposit)} set aside in all, each for ${duration(Number(session.seconds))}; within a session one request may take all of it`,
    },
  ];
}

function togetherText({ balance }: MandateView, worst: bigint, { count, sum }: MandateView["others"]): string {
  const holds =
    balance.kind === "known" ? `the account holds ${displayAmount(balance.spendable)}` : `balance not known: ${showUnsafe(balance.why)}`;
  if (count === 0) return `no other mandate is open here; ${holds}`;
  const others = count === 1 ? "1 other mandate is" : `${count} other mandates are`;
  return `${others} open here; together at most ${displayAmount(worst + sum)}; ${holds}`;
}

function warningsOf({ mandate, balance, pins, threshold }: MandateView, worst: bigint): string[] {
  const refunds = isForRefunds(mandate);
  const unknown = refunds ? [] : mandate.payees.filter((payee) => payee !== ANY && !pins.some(({ payTo }) => payTo === payee));
  const warnings: [applies: boolean, text: string][] = [
    [mandate.payees[0] === ANY && !refunds, "It pays ANY account: a thief of the agent's key can take all of it at once."],
    [mandate.origins[0] === ANY && !refunds, "It names no origin: the agent may buy anywhere that these payees sell."],
    [mandate.period === undefined, "It has no limit per period: all of it can be spent in a minute."],
    [unknown.length > 0, "This machine does not know every payee."],
    [balance.kind === "known" && worst > balance.spendable, "It can cost more than the account holds."],
    [worst > threshold, "A large amount."],
    [mandate.origins.some((origin) => origin.startsWith("http:")), "A connection is not encrypted (http:)."],
  ];
  return warnings.filter(([applies]) => applies).map(([, text]) => text);
}
