/**
 * The payment sessions that this machine knows, one file each. A voucher is in its session's file, flushed, before it is sent: a process
 * that dies leaves no voucher that this machine does not know.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { isTraceId } from "../../shared/log.ts";
import { amountSchema, chargeSchema } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { sessionId, signedSessionSchema } from "../../shared/protocol/session.ts";
import { laneSchema, signedVoucherSchema, voucherSchema } from "../../shared/protocol/voucher.ts";
import { timestampSchema } from "../../shared/time.ts";
import { paymentRequirementsSchema } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_SESSION_FILE_BYTES } from "../runtime/limits.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const laneRecordSchema = z.strictObject({
  id: laneSchema,
  /** The highest that was signed. The next voucher has the next one. */
  serial: voucherSchema.shape.serial,
  /** The voucher with the highest sum: the most that can be claimed of this lane. */
  best: signedVoucherSchema,
  /** Charged by answers that arrived, and by what the merchant said and this machine had signed. */
  charged: chargeSchema,
});
export type LaneRecord = z.infer<typeof laneRecordSchema>;

const callSchema = z.strictObject({
  /** Random: names the call's lock. */
  id: z.string().check(z.regex(/^[0-9a-f]{32}$/)),
  ...signedVoucherSchema.shape,
  /** The most that it can cost. */
  amount: amountSchema,
  method: z.string(),
  url: z.string(),
  bodySha256: z.optional(digestSchema),
  /** As it was accepted. */
  offer: paymentRequirementsSchema,
  /** Presented so often. A refusal of the first says that it paid nothing; a later one says nothing of the first. */
  attempts: z.number(),
  at: timestampSchema,
  trace: z.optional(z.string().check(z.refine(isTraceId))),
});
/** A voucher that was signed, and whose outcome is not known. */
export type SessionCall = z.infer<typeof callSchema>;

const knownOfferSchema = z.strictObject({
  method: z.string(),
  /** The URL without its query. */
  route: z.string(),
  /** Without the binding, which follows from each request. */
  offer: paymentRequirementsSchema,
  /** What its binding covers. */
  scope: z.enum(["none", "route", "query", "route+body", "query+body"]),
  /** The merchant's `payment-identifier`, if it keeps answers. */
  keeps: z.optional(z.record(z.string(), z.unknown())),
});
export type KnownOffer = z.infer<typeof knownOfferSchema>;

export const SESSION_STATES = [
  /** It was sent to be opened, and no answer has come. */
  "opening",
  "open",
  /** The rest was asked back. */
  "closing",
  "closed",
  /** It was never opened. */
  "refused",
] as const;

const sessionRecordSchema = z.strictObject({
  signed: signedSessionSchema,
  state: z.enum(SESSION_STATES),
  changedAt: timestampSchema,
  /** Why it was refused, or is over. */
  code: z.optional(z.string()),
  /** The lane of the next voucher. */
  lane: laneSchema,
  /** Last second of that lane, as far as is known. Absent: it stays. */
  laneUntil: z.optional(timestampSchema),
  lanes: z.array(laneRecordSchema),
  /** Under way, or unanswered. */
  calls: z.array(callSchema),
  /** The newest first. */
  offers: z.array(knownOfferSchema),
  /** Its record was lost, and came back from the ledger: more was signed than this machine knows. */
  partial: z.optional(z.literal(true)),
  /** Paid to the merchant by claims, as the ledger said it last. */
  claimed: z.optional(chargeSchema),
});
export type SessionRecord = z.infer<typeof sessionRecordSchema>;

const FORMAT = { kind: "session", what: "session", schema: sessionRecordSchema, maxBytes: MAX_SESSION_FILE_BYTES };

export interface KeptSession extends SessionRecord {
  id: Digest;
  shortCode: string;
}

export interface SessionList {
  /** Those that end first come first. */
  sessions: KeptSession[];
  unreadable: { file: string; problem: string }[];
}

export function keptSessions(context: Context): Outcome<SessionList> {
  const directory = stateDirectory(context, "sessions");
  if (!directory.ok) return directory;
  const list: SessionList = { sessions: [], unreadable: [] };
  for (const name of fs.readdirSync(directory.data).filter((name) => /^[0-9a-f]{64}\.json$/.test(name))) {
    const file = path.join(directory.data, name);
    const kept = read(file);
    if (kept.ok) list.sessions.push(kept.data);
    else list.unreadable.push({ file, problem: kept.error.message });
  }
  const endOf = ({ signed }: KeptSession) => Number(signed.channelConfig.expiresAt);
  list.sessions.sort((a, b) => endOf(a) - endOf(b) || (a.id < b.id ? -1 : 1));
  return succeed(list);
}

/** @returns undefined if this machine does not know it */
export function sessionRecord(context: Context, id: Digest): Outcome<KeptSession | undefined> {
  const directory = stateDirectory(context, "sessions");
  if (!directory.ok) return directory;
  const file = fileOf(directory.data, id);
  return fs.existsSync(file) ? read(file) : succeed(undefined);
}

/** The session that a PaymentRequest asked for; undefined if none was made. One that was refused gives way to the owner's own approval. */
export function sessionOfRequest(context: Context, digest: Digest): Outcome<KeptSession | undefined> {
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  const made = kept.data.sessions.filter(({ signed }) => signed.channelConfig.requestDigest === digest);
  return succeed(made.find(({ state }) => state !== "refused") ?? made[0]);
}

/** By its code or its id. */
export function findSession(context: Context, word: string): Outcome<KeptSession> {
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  const found = kept.data.sessions.filter(({ id, shortCode }) => id === word || shortCode === word.toUpperCase());
  const [session, another] = found;
  if (!session) {
    return fail("session_not_found", `This machine knows no session ${word}.`, {
      hint: "lez-agent-pay session list shows those that it knows. One of another machine: session show, with its whole id and --from.",
    });
  }
  return another ? fail("usage", `${word} names ${found.length} sessions. Give a whole id.`) : succeed(session);
}

/**
 * Changes a session's record under the lock. It is on disk when this resolves.
 * @param change gets undefined if there is none yet
 */
export function changeSession<Result>(
  context: Context,
  id: Digest,
  change: (
    before: SessionRecord | undefined,
  ) => Outcome<{ after: SessionRecord; result: Result }> | Promise<Outcome<{ after: SessionRecord; result: Result }>>,
): Promise<Outcome<Result>> {
  return exclusively(context, async () => {
    const before = sessionRecord(context, id);
    if (!before.ok) return before;
    const changed = await change(before.data && recordOf(before.data));
    if (!changed.ok) return changed;
    const directory = stateDirectory(context, "sessions");
    if (!directory.ok) return directory;
    const written = writeState(fileOf(directory.data, id), FORMAT, changed.data.after);
    return written.ok ? succeed(changed.data.result) : written;
  });
}

/** Changes the record of a session that this machine knows. */
export function changeKnownSession(
  context: Context,
  id: Digest,
  change: (record: SessionRecord) => SessionRecord,
): Promise<Outcome<undefined>> {
  return changeSession(context, id, (before) =>
    before ? succeed({ after: change(before), result: undefined }) : fail("session_not_found", `The record of session ${id} has gone.`),
  );
}

/** The lock of a call that is under way. */
export function callLock(context: Context, call: string): Outcome<string> {
  const directory = stateDirectory(context, "sessions");
  return directory.ok ? succeed(path.join(directory.data, `${call}.lock`)) : directory;
}

/** The file of a session's calls that are over. */
export function callsFile(context: Context, id: Digest): Outcome<string> {
  const directory = stateDirectory(context, "sessions");
  return directory.ok ? succeed(path.join(directory.data, `${id}.calls.jsonl`)) : directory;
}

function recordOf(kept: KeptSession): SessionRecord {
  const { id: _, shortCode: __, ...record } = kept;
  return record;
}

function read(file: string): Outcome<KeptSession> {
  const kept = readState(file, FORMAT);
  if (!kept.ok) return kept;
  const id = sessionId(kept.data.signed.channelConfig);
  if (path.basename(file) !== `${id}.json`) return fail("invalid_file", `The session "${file}" does not match its name.`);
  return succeed({ ...kept.data, id, shortCode: shortCode(id) });
}

function fileOf(directory: string, id: Digest): string {
  return path.join(directory, `${id}.json`);
}
