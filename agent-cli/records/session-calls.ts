/**
 * The calls of a session. One under way is in the session's record; one that is over is a line of the session's own file, signed by the
 * agent's key, so that a week of calls does not fill the audit log.
 */

import * as fs from "node:fs";
import * as z from "zod";
import type { LaneOffer } from "../../shared/batch-settlement/state.ts";
import { decodeUtf8 } from "../../shared/crypto/bytes.ts";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { amountSchema, type Charge, chargeSchema } from "../../shared/protocol/amount.ts";
import { sessionId } from "../../shared/protocol/session.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { isGenuineVoucher, type SignedVoucher, signedVoucherSchema, signVoucher, type Voucher } from "../../shared/protocol/voucher.ts";
import { parseJson } from "../../shared/text/json.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_AUDIT_LINE_BYTES, MAX_KEPT_RECEIPT_CHARS } from "../runtime/limits.ts";
import { addLine } from "../runtime/lines.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { nextVoucher, withCall, withChangedCall, withoutCall } from "./session-lanes.ts";
import { callsFile, changeSession, type KeptSession, type SessionCall, type SessionRecord } from "./sessions.ts";

const lineSchema = z.strictObject({
  at: timestampSchema,
  /** `refused`: it paid nothing. `used`: it was charged at most `amount`, and its answer is lost. */
  outcome: z.enum(["charged", "refused", "used"]),
  ...signedVoucherSchema.shape,
  method: z.string(),
  url: z.string(),
  /** Absent without a body, and of calls that an earlier version made. */
  bodySha256: z.optional(digestSchema),
  /** The most that it could cost. */
  amount: amountSchema,
  charged: chargeSchema,
  /** What the merchant signed for it, as a compact JWS. Not checked: `receipt show` does. */
  receipt: z.optional(z.string()),
  code: z.optional(z.string()),
  trace: z.optional(z.string()),
});
export type CallLine = z.infer<typeof lineSchema>;

/** What is to be signed for. */
export type NewCall = Pick<SessionCall, "id" | "amount" | "method" | "url" | "bodySha256" | "offer" | "trace">;

/**
 * Signs the next voucher of a session. Call and voucher are on disk when this resolves, and nothing has been sent. Two processes never sign
 * one serial: the record is read and written under the lock.
 * @returns undefined if the deposit has no room for it
 */
export function takeVoucher(
  context: Context,
  id: Digest,
  call: NewCall,
  binding: Digest | undefined,
  agent: WalletSigner,
): Promise<Outcome<SessionCall | undefined>> {
  return changeSession(context, id, async (before) => {
    if (!before) return unknownSession(id);
    const next = nextVoucher(before, call.amount, binding, unixNow());
    if (!next) return succeed({ after: before, result: undefined });
    const taken = await signed(call, next.voucher, agent);
    return succeed({ after: withCall(before, next.book, taken), result: taken });
  });
}

/** The first voucher of a session that is not open yet, in the record of that session, which is made now. */
export function beginSession(
  context: Context,
  record: SessionRecord,
  call: NewCall,
  binding: Digest | undefined,
  agent: WalletSigner,
): Promise<Outcome<SessionCall>> {
  return changeSession(context, sessionId(record.signed.channelConfig), async (before) => {
    const [earlier] = before?.calls ?? [];
    // Another process was first, or an earlier run: one session has one first voucher.
    if (before && earlier) return succeed({ after: before, result: earlier });
    const next = nextVoucher(record, call.amount, binding, unixNow());
    if (!next) return fail("usage", "The deposit of the session does not cover one request.");
    const taken = await signed(call, next.voucher, agent);
    return succeed({ after: withCall(record, next.book, taken), result: taken });
  });
}

async function signed(call: NewCall, voucher: Voucher, agent: WalletSigner): Promise<SessionCall> {
  const { id, amount, method, url, bodySha256, offer, trace } = call;
  return {
    id,
    ...(await signVoucher(voucher, agent)),
    amount,
    method,
    url,
    ...(bodySha256 && { bodySha256 }),
    offer,
    attempts: 0,
    at: formatTimestamp(unixNow()),
    ...(trace && { trace }),
  };
}

/** Notes that a call is about to be sent. @returns the call; undefined if it is over, or another process has made another of it */
export function presentCall(context: Context, id: Digest, call: string): Promise<Outcome<SessionCall | undefined>> {
  return changeSession(context, id, (before) => {
    if (!before) return unknownSession(id);
    const found = before.calls.find((each) => each.id === call);
    if (!found) return succeed({ after: before, result: undefined });
    const presented = { ...found, attempts: found.attempts + 1 };
    return succeed({ after: withChangedCall(before, presented), result: presented });
  });
}

export interface CallEnd {
  outcome: CallLine["outcome"];
  /** Atomic units. */
  charged: Charge;
  /** A compact JWS of the merchant's. */
  receipt?: string | undefined;
  /** Why it was refused. */
  code?: string | undefined;
  /** The lane that the merchant named for the next voucher. */
  next?: LaneOffer | undefined;
}

/** Notes what a call came to. A process that dies between line and record leaves a line that its repetition replaces. */
export function endCall(
  context: Context,
  id: Digest,
  call: SessionCall,
  end: CallEnd,
  change: (record: SessionRecord) => SessionRecord = (record) => record,
): Promise<Outcome<undefined>> {
  return changeSession(context, id, (before) => {
    if (!before) return unknownSession(id);
    const isOpen = before.calls.some((each) => each.id === call.id);
    if (!isOpen) return succeed({ after: change(before), result: undefined });
    const file = callsFile(context, id);
    if (!file.ok) return file;
    const { voucher, voucherSignature, method, url, bodySha256, amount, trace } = call;
    const { outcome, charged, receipt, code, next } = end;
    const line: CallLine = {
      at: formatTimestamp(unixNow()),
      outcome,
      voucher,
      voucherSignature,
      method,
      url,
      ...(bodySha256 && { bodySha256 }),
      amount,
      charged,
      ...(receipt !== undefined && receipt.length <= MAX_KEPT_RECEIPT_CHARS && { receipt }),
      ...(code !== undefined && { code }),
      ...(trace && { trace }),
    };
    const written = addLine(file.data, () => succeed(line));
    if (!written.ok) return written;
    return succeed({ after: change(withoutCall(before, call, charged, next, unixNow())), result: undefined });
  });
}

export interface CallList {
  /** In order, each voucher once. */
  calls: CallLine[];
  problems: string[];
}

/** The calls of a session that are over. */
export function callsOf(context: Context, { id }: Pick<KeptSession, "id">): Outcome<CallList> {
  const file = callsFile(context, id);
  if (!file.ok) return file;
  if (!fs.existsSync(file.data)) return succeed({ calls: [], problems: [] });
  const lines = (decodeUtf8(fs.readFileSync(file.data)) ?? "").split("\n");
  const torn = lines.pop() !== "";
  const problems = torn ? [`line ${lines.length + 1} is not complete`] : [];
  const calls = new Map<string, CallLine>();
  for (const [i, text] of lines.entries()) {
    const parsed = parseJson(Buffer.from(text), MAX_AUDIT_LINE_BYTES, lineSchema);
    if (parsed.ok) calls.set(`${parsed.value.voucher.lane}:${parsed.value.voucher.serial}`, parsed.value);
    else problems.push(`line ${i + 1} cannot be read (${parsed.problem})`);
  }
  return succeed({ calls: [...calls.values()], problems });
}

/** What is wrong with a session's records: signatures that are not the agent's, and sums that do not add up. */
export async function problemsOfSession(context: Context, kept: KeptSession): Promise<Outcome<string[]>> {
  const list = callsOf(context, kept);
  if (!list.ok) return list;
  const { signer } = kept.signed.channelConfig;
  const problems = [...list.data.problems];
  const ofLanes: SignedVoucher[] = [...kept.lanes.map(({ best }) => best), ...kept.calls, ...list.data.calls];
  for (const { voucher, voucherSignature } of ofLanes) {
    const genuine = voucher.session === kept.id && (await isGenuineVoucher({ voucher, voucherSignature }, signer));
    if (!genuine) problems.push(`voucher ${voucher.lane}:${voucher.serial} does not have the signature of the session's agent`);
  }
  for (const lane of kept.lanes) {
    const ended = list.data.calls.filter(({ voucher }) => voucher.lane === lane.id);
    const charged = ended.reduce((sum, call) => sum + BigInt(call.charged), 0n);
    // A correction can have taught the record of calls that this machine has no line of.
    if (charged > BigInt(lane.charged))
      problems.push(`lane ${lane.id}: its calls were charged ${charged}, and its record says ${lane.charged}`);
    if (BigInt(lane.charged) > BigInt(lane.best.voucher.maxClaimableAmount))
      problems.push(`lane ${lane.id}: ${lane.charged} was charged, and no voucher covers it`);
  }
  return succeed(problems);
}

function unknownSession(id: Digest) {
  return fail("session_not_found", `This machine does not know session ${id}.`);
}
