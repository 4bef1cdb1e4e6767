/**
 * Tells of a claim that paid: the seller's receiver by webhook, and the register of sales, whose row says that this credit of the account's
 * journal came from a session. One of each a claim, and nothing a call.
 */

import type { Digest } from "../../../../shared/crypto/digest.ts";
import { SALES_ATTEMPTS } from "../../../../shared/limits.ts";
import type { Session } from "../../../../shared/protocol/session.ts";
import { formatTimestamp } from "../../../../shared/time.ts";
import type { WebhookEvent } from "../../../../shared/webhooks/event.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { logOnceAMinute } from "../log.ts";
import { dayOf, type RecordedSale, registerOf, SESSIONS_ROUTE } from "../memory/sales-register.ts";
import type { PaywallBindings } from "../types.ts";
import { handOverWebhook } from "../webhooks/queue.ts";

/** A claim that moved money. */
export interface PaidClaim {
  session: Session;
  /** The session's id. */
  id: Digest;
  /** Digest of the Claim. */
  claim: Digest;
  transaction: Digest;
  /** Atomic units: what this claim moved. */
  amount: string;
  /** The ledger's time, in unix seconds. */
  at: number;
  traceId: string;
}

/** Never throws: what is not told is in the log, and in the account's journal. */
export async function tellClaim(env: PaywallBindings, paid: PaidClaim): Promise<void> {
  await Promise.all([handOverWebhook(env, () => claimEvent(paid)), record(env, paid)]);
}

function claimEvent({ session, id, transaction, amount, at, traceId }: PaidClaim): WebhookEvent {
  const { from: payer, to: payee, asset, network, ledger } = session;
  const data = { transaction, payer, payee, amount, asset, network, ledger, session: id, traceId };
  return { type: "session.claimed", timestamp: formatTimestamp(at), data };
}

/** Recorded twice it is one row. */
async function record({ DELIVERIES }: PaywallBindings, { session, claim, transaction, amount, at, traceId }: PaidClaim): Promise<void> {
  if (!DELIVERIES) return;
  const { from: payer, to: payee } = session;
  const day = dayOf(at);
  const sale: RecordedSale = { transaction, key: claim, route: SESSIONS_ROUTE, status: "delivered", payer, amount };
  let recorded: boolean | undefined;
  for (let attempt = 0; attempt < SALES_ATTEMPTS && recorded === undefined; attempt++)
    recorded = await withTimeout(registerOf(DELIVERIES, payee, day).recordSales([sale], day)).catch(() => undefined);
  if (!recorded) logOnceAMinute("sales.not_recorded", String(recorded), { traceId, sales: 1, full: recorded === false });
}
