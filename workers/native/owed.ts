/** Payments that were made too late for their purchase, for the operator to give back by hand. */

import { UNDELIVERED_SECONDS } from "../../shared/limits.ts";
import type { OwedPayment } from "../../shared/settlement/native.ts";
import type { KnownRow, SettledRow } from "../../shared/zone/lane-row.ts";
import { isOwed } from "../../shared/zone/lane-table.ts";

/** A payment is offered to the operator's list again after this long, if the list did not answer. */
const LISTING_SECONDS = 60;

type IsListed = (h: KnownRow["payment"]["h"]) => boolean;

/** Those that nothing can undo any more and no purchase can take. @param now unix seconds */
export function dueForListing(rows: readonly KnownRow[], isListed: IsListed, now: number): SettledRow[] {
  return uncollected(rows, isListed).filter((row) => isOwed(row, now));
}

/** When to look at them again, in unix seconds; undefined if there are none. */
export function nextListing(rows: readonly KnownRow[], isListed: IsListed, now: number): number | undefined {
  const due = uncollected(rows, isListed).map(({ payment }) => {
    const at = payment.validBefore + UNDELIVERED_SECONDS + 1;
    return at > now ? at : now + LISTING_SECONDS;
  });
  return due.length === 0 ? undefined : Math.min(...due);
}

export function owedPayment({ payment, inclusion, settledAt }: SettledRow): OwedPayment {
  const { h, payer, payee, value, nonce, validBefore } = payment;
  return {
    messageHash: h,
    transaction: inclusion.transaction,
    payer,
    payee,
    value: value.toString(),
    nonce: nonce.toString(),
    block: inclusion.block.id.toString(),
    validBefore,
    settledAt,
  };
}

function uncollected(rows: readonly KnownRow[], isListed: IsListed): SettledRow[] {
  return rows.filter(
    (row): row is SettledRow => row.state === "settled" && row.final && row.collector === undefined && !isListed(row.payment.h),
  );
}
