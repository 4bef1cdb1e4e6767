/**
 * The inbox: files that agent and owner of one machine hand each other, each written whole or not at all. A file is named
 * after its request's digest. Readers check the content and trust no name.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { decisionRecordSchema } from "../../shared/protocol/decision-record.ts";
import { type DecisionRecord, isGenuineDecision } from "../../shared/protocol/decision.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/protocol/payment-request.ts";
import { timestampSchema } from "../../shared/time.ts";
import { type PaymentPayload, paymentPayloadSchema, type PaymentRequired, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import { readJson, writeJson } from "../runtime/files.ts";
import { MAX_INBOX_FILE_BYTES } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const cancelledSchema = z.strictObject({ requestDigest: digestSchema, at: timestampSchema });

/** The agent's and the owner's protocol objects name their own versions; this is ours. */
const CANCELLED = { kind: "cancelled", what: "inbox's cancelled file", schema: cancelledSchema };

const SCHEMAS = {
  /** From the agent. */
  request: paymentRequestSchema,
  /** The merchant's 402 as the agent received it: a claim until it is verified. */
  terms: paymentRequiredSchema,
  cancelled: cancelledSchema,
  /** From the owner. */
  payment: paymentPayloadSchema,
  declined: decisionRecordSchema,
  revoked: decisionRecordSchema,
} as const;
type InboxFile = keyof typeof SCHEMAS;

interface InboxContent {
  request: PaymentRequest;
  terms: PaymentRequired;
  cancelled: z.infer<typeof cancelledSchema>;
  payment: PaymentPayload;
  declined: DecisionRecord;
  revoked: DecisionRecord;
}

/** All files about one request. */
export type InboxItem = { digest: Digest; request: PaymentRequest } & Partial<Omit<InboxContent, "request">>;

export function put<P extends InboxFile>(context: Context, digest: Digest, kind: P, content: InboxContent[P]): Outcome<undefined> {
  const directory = stateDirectory(context, "inbox");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, digest, kind);
  return kind === "cancelled" ? writeState(file, CANCELLED, content) : writeJson(file, content, true);
}

/** The path of a file, whether it exists or not. */
export function inboxPath(context: Context, digest: Digest, kind: InboxFile): Outcome<string> {
  const directory = stateDirectory(context, "inbox");
  return directory.ok ? succeed(fileOf(directory.data, digest, kind)) : directory;
}

/** Returns undefined if there is no such request. An unreadable file is a failure, not an absence. */
export async function look(context: Context, digest: Digest): Promise<Outcome<InboxItem | undefined>> {
  const request = read(context, digest, "request");
  if (!request.ok) return request;
  if (!request.data || requestDigest(request.data) !== digest) return succeed(undefined);
  const item: InboxItem = { digest, request: request.data };
  for (const kind of ["terms", "cancelled", "payment", "declined", "revoked"] as const) {
    const found = read(context, digest, kind);
    if (!found.ok) return found;
    if (found.data) Object.assign(item, { [kind]: found.data });
  }
  for (const decision of [item.declined, item.revoked]) {
    // A writer without a key can still refuse: an unsigned refusal is believed, a forged one is not.
    if (decision && (decision.decision.requestDigest !== digest || !(await isGenuineDecision(decision, FACILITATOR_DECIDES))))
      return succeed(without(item, decision));
  }
  return succeed(item);
}

function without(item: InboxItem, decision: DecisionRecord): InboxItem {
  const { declined, revoked, ...rest } = item;
  return { ...rest, ...(declined && declined !== decision && { declined }), ...(revoked && revoked !== decision && { revoked }) };
}

/** The digests of all requests, newest first. */
export function requestsInInbox(context: Context): Outcome<Digest[]> {
  const directory = stateDirectory(context, "inbox");
  if (!directory.ok) return directory;
  const found = fs.readdirSync(directory.data).flatMap((name) => {
    const [, digest] = /^([0-9a-f]{64})\.request\.json$/.exec(name) ?? [];
    // Follow no link, and skip a file that has gone meanwhile.
    const stat = digest && fs.lstatSync(path.join(directory.data, name), { throwIfNoEntry: false });
    return stat ? [{ digest: digest as Digest, at: stat.mtimeMs }] : [];
  });
  return succeed(found.sort((a, b) => b.at - a.at || (a.digest < b.digest ? -1 : 1)).map(({ digest }) => digest));
}

function read<P extends InboxFile>(context: Context, digest: Digest, kind: P): Outcome<InboxContent[P] | undefined> {
  const directory = stateDirectory(context, "inbox");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, digest, kind);
  if (!fs.lstatSync(file, { throwIfNoEntry: false })) return succeed(undefined);
  if (kind === "cancelled") return readState(file, CANCELLED) as Outcome<InboxContent[P]>;
  return readJson(file, SCHEMAS[kind], { what: `inbox's ${kind} file`, secret: true, maxBytes: MAX_INBOX_FILE_BYTES }) as Outcome<
    InboxContent[P]
  >;
}

function fileOf(directory: string, digest: Digest, kind: InboxFile): string {
  return path.join(directory, `${digest}.${kind}.json`);
}
