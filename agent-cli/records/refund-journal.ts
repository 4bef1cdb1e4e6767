/**
 * The refund journal: every refund that this machine has signed, written to disk before it leaves. A refund stays `sent` until its
 * outcome is certain, and until then the same refund is sent again: its id pays once.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { signedRefundSchema, type SignedRefund } from "../../shared/protocol/refund.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const recordSchema = z.strictObject({
  signed: signedRefundSchema,
  /** `sent`: it may have been made. `refunded`, `refused`: certain. */
  state: z.enum(["sent", "refunded", "refused"]),
  changedAt: timestampSchema,
  /** Why it was refused. */
  code: z.optional(z.string()),
});
const FORMAT = { kind: "refund", what: "refund journal", schema: recordSchema };
export type RefundRecord = z.infer<typeof recordSchema>;

/** The refunds of one payment. At most one of them is `sent`: it is sent again before another is signed. */
export function refundsOf(context: Context, { from, transaction }: { from: string; transaction: Digest }): Outcome<RefundRecord[]> {
  const all = readAll(context);
  if (!all.ok) return all;
  return succeed(all.data.filter(({ signed: { refund } }) => refund.from === from && refund.transaction === transaction));
}

/** Writes a refund down, or what became of it. It is on disk when this returns. */
export function writeRefund(context: Context, signed: SignedRefund, state: RefundRecord["state"], code?: string): Outcome<undefined> {
  const directory = stateDirectory(context, "refunds");
  if (!directory.ok) return directory;
  const file = path.join(directory.data, `${signed.refund.id}.json`);
  return writeState(file, FORMAT, { signed, state, changedAt: formatTimestamp(unixNow()), ...(code !== undefined && { code }) });
}

/** A record that cannot be read may be of a refund that was made: nothing is signed beside it. */
function readAll(context: Context): Outcome<RefundRecord[]> {
  const directory = stateDirectory(context, "refunds");
  if (!directory.ok) return directory;
  const records: RefundRecord[] = [];
  for (const name of fs.readdirSync(directory.data).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))) {
    const record = readState(path.join(directory.data, name), FORMAT);
    if (!record.ok) return record;
    records.push(record.data);
  }
  return succeed(records);
}
