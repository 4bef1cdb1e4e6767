/** What became of approved payments: the ledger's word, asked for when the owner looks. */

import { MAX_DESK_LOOKUPS } from "../../shared/limits.ts";
import { approvalNonce } from "../../shared/protocol/authorization.ts";
import { unixNow } from "../../shared/time.ts";
import type { DeskContext } from "./desk-context.ts";
import type { SettlementStatus } from "./facilitator.ts";
import { findRequest, type LedgerOutcome, noteOutcome, type RequestRow, unsettledRequests } from "./requests.ts";

/** An answer is believed for this long. */
const FRESH_SECONDS = 15;

/** Asks for those that were not asked for the longest. */
export async function askForUnsettled(desk: DeskContext): Promise<void> {
  await askAll(desk, unsettledRequests(desk.store, MAX_DESK_LOOKUPS));
}

export async function askLedger(desk: DeskContext, digests: readonly string[]): Promise<void> {
  const found = digests.flatMap((digest) => findRequest(desk.store, digest, unixNow()) ?? []);
  await askAll(
    desk,
    found.map((kept) => ({ ...kept, asked_ledger_at: null })),
  );
}

async function askAll({ store, facilitator, account }: DeskContext, rows: readonly RequestRow[]): Promise<void> {
  const now = unixNow();
  const due = rows.filter(
    ({ payment, outcome, asked_ledger_at }) => payment !== null && outcome === null && (asked_ledger_at ?? 0) < now - FRESH_SECONDS,
  );
  await Promise.all(
    due.map(async ({ digest, valid_before }) => {
      const status = await facilitator.settlement(account, approvalNonce(account, digest), valid_before ?? 0);
      if (status.ok) noteOutcome(store, digest, outcomeOf(status.value), now);
    }),
  );
}

/** Nothing is final but what the ledger has settled, or will never settle. */
function outcomeOf({ status, transaction, charged }: SettlementStatus): {
  outcome?: LedgerOutcome;
  transaction?: string;
  charged?: string;
} {
  if (status === "settled") return { outcome: "paid", ...(transaction && { transaction }), ...(charged !== undefined && { charged }) };
  if (status === "session") return { outcome: "opened" };
  return status === "cancelled" || status === "expired" ? { outcome: "unpaid" } : {};
}
