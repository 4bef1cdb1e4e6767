/** A mandate as commands and pages list it: its limits are the owner's, and only what was used is the ledger's word. */

import type { Mandate } from "../protocol/mandate.ts";
import { formatTimestamp } from "../time.ts";
import { type Money, money } from "./money.ts";

/** What the ledger says of a mandate. Amounts in atomic units, times in unix seconds. spec/protocol.md §13 */
export interface MandateUse {
  status: "unused" | "open" | "revoked";
  revokedAt?: number | undefined;
  revokedBefore?: number | undefined;
  settled?: string | undefined;
  claimed?: string | undefined;
  period?: { used: string; payments: number; endsAt: number } | undefined;
}

export interface MandateUsage {
  status: "open" | "revoked" | "expired";
  revokedAt?: string | undefined;
  /** Paid, and held for payments under way. */
  used: Money;
  /** The part of it that is held. */
  held: Money;
  left: Money;
  /** The present period, if the mandate has one and a payment has begun it. */
  period?: { used: Money; left: Money; payments: number; paymentsLeft?: number | undefined; endsAt: string } | undefined;
}

export function mandateLimits({ asset, perPayment, total, period, payees, origins, schemes, note }: Mandate) {
  return {
    perPayment: money(perPayment, asset),
    total: money(total, asset),
    ...(period && {
      period: {
        seconds: Number(period.seconds),
        amount: money(period.amount, asset),
        ...(period.count !== undefined && { count: Number(period.count) }),
      },
    }),
    payees: [...payees],
    origins: [...origins],
    schemes: [...schemes],
    ...(note !== undefined && { note }),
  };
}

/** @param now unix seconds */
export function mandateUsage(mandate: Mandate, use: MandateUse, now: number): MandateUsage {
  const { asset, period: limits } = mandate;
  const { status, revokedAt, revokedBefore, settled = "0", claimed = "0", period } = use;
  const used = BigInt(settled) + BigInt(claimed);
  const left = (limit: string, used: bigint) => money(BigInt(limit) > used ? BigInt(limit) - used : 0n, asset);
  // Of a mandate that was never used the ledger knows only what its owner revoked all of.
  const at = revokedAt ?? (revokedBefore !== undefined && Number(mandate.grantedAt) <= revokedBefore ? revokedBefore : undefined);
  return {
    status: status === "revoked" || at !== undefined ? "revoked" : now > Number(mandate.validBefore) ? "expired" : "open",
    ...(at !== undefined && { revokedAt: formatTimestamp(at) }),
    used: money(used, asset),
    held: money(claimed, asset),
    left: left(mandate.total, used),
    ...(period &&
      limits && {
        period: {
          used: money(period.used, asset),
          left: left(limits.amount, BigInt(period.used)),
          payments: period.payments,
          ...(limits.count !== undefined && { paymentsLeft: Math.max(0, Number(limits.count) - period.payments) }),
          endsAt: formatTimestamp(period.endsAt),
        },
      }),
  };
}
