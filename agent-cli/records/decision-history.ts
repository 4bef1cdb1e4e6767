/** The owner's decisions, by request digest. A declined request stays declined; warnings look for what is new. */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { amountSchema } from "../../shared/protocol/amount.ts";
import { decisionRecordSchema } from "../../shared/protocol/decision-record.ts";
import { DECLINE_CODES } from "../../shared/protocol/decision.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, parseTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_HISTORY } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const entrySchema = z.strictObject({
  requestDigest: digestSchema,
  decision: z.enum(["approved", "declined", "revoked"]),
  code: z.optional(z.enum(DECLINE_CODES)),
  at: timestampSchema,
  agentKey: publicKeySchema,
  url: z.string(),
  payTo: accountIdSchema,
  amount: amountSchema,
  /** Of an approval: what its look-up and its revocation need. */
  from: z.optional(accountIdSchema),
  ledger: z.optional(digestSchema),
  validBefore: z.optional(z.string()),
  /** The key that signed the merchant's terms, if one did. */
  merchantKey: z.optional(publicKeySchema),
  /** Of a refusal or a revocation: the record that was handed out. Repeating the decision hands out the same one. */
  record: z.optional(decisionRecordSchema),
});
const FORMAT = { kind: "decision", what: "decision record", schema: entrySchema };
export type RecordEntry = z.infer<typeof entrySchema>;

export function remember(
  context: Context,
  request: PaymentRequest,
  decision: RecordEntry["decision"],
  more: Pick<RecordEntry, "code" | "from" | "ledger" | "validBefore" | "merchantKey" | "record"> = {},
): Outcome<undefined> {
  const directory = stateDirectory(context, "decisions");
  if (!directory.ok) return directory;
  const digest = requestDigest(request);
  const entry: RecordEntry = {
    requestDigest: digest,
    decision,
    ...more,
    at: formatTimestamp(unixNow()),
    agentKey: request.agent.publicKey,
    url: request.http.url,
    payTo: request.payment.payTo,
    amount: request.payment.amount,
  };
  return writeState(fileOf(directory.data, digest, decision), FORMAT, entry);
}

/** The decision about exactly this request, if there was one. A record that cannot be read is a failure, not an absence. */
export function findDecision(context: Context, digest: Digest, decision: RecordEntry["decision"]): Outcome<RecordEntry | undefined> {
  const directory = stateDirectory(context, "decisions");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, digest, decision);
  return fs.existsSync(file) ? readState(file, FORMAT) : succeed(undefined);
}

/** The latest decisions, newest first. For warnings only: unreadable records are left out. File names tell no time. */
export function history(context: Context): RecordEntry[] {
  const directory = stateDirectory(context, "decisions");
  if (!directory.ok) return [];
  const files = fs.readdirSync(directory.data).filter((name) => name.endsWith(".json"));
  const entries = files.flatMap((name) => {
    const entry = readState(path.join(directory.data, name), FORMAT);
    return entry.ok ? [entry.data] : [];
  });
  return entries.sort((a, b) => (parseTimestamp(b.at) ?? 0) - (parseTimestamp(a.at) ?? 0)).slice(0, MAX_HISTORY);
}

function fileOf(directory: string, digest: Digest, decision: RecordEntry["decision"]): string {
  return path.join(directory, `${digest}.${decision}.json`);
}
