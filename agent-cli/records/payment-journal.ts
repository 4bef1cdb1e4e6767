/**
 * The payment journal: every payment that this machine has presented, written to disk before it leaves. A retry presents the
 * recorded payment and no other. A payment stays `sent` until its outcome is certain.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { isNativeNetwork } from "../../shared/lez.ts";
import { isTraceId } from "../../shared/log.ts";
import { type Charge, chargeSchema } from "../../shared/protocol/amount.ts";
import { type Authorization, authorizationDigest } from "../../shared/protocol/authorization.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import { type PaymentWords, wordsOfNative } from "../../shared/protocol/native-payment.ts";
import { checkShape } from "../../shared/text/json.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import { type PaymentPayload, paymentPayloadSchema } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

export interface Payment {
  payload: PaymentPayload;
  authorization: PaymentWords;
  /** When it was settled, if the payment journal knew that before this attempt. */
  paidAt?: string | undefined;
  /** Of all its presentations from this machine; absent before the first. */
  trace?: string | undefined;
}

const recordSchema = z.strictObject({
  payload: paymentPayloadSchema,
  method: z.string(),
  url: z.string(),
  /** `unsent`: not a byte has left. `sent`: it may have been made. `settled`, `refused`: certain. */
  state: z.enum(["unsent", "sent", "settled", "refused"]),
  attempts: z.number(),
  firstSentAt: timestampSchema,
  changedAt: timestampSchema,
  transaction: z.optional(z.string()),
  /** Of scheme `upto`, settled: what was charged, in atomic units. Absent while that is not known. */
  charged: z.optional(chargeSchema),
  /** Why it was refused. */
  code: z.optional(z.string()),
  /** Version 0.1 recorded none. */
  trace: z.optional(z.string().check(z.refine(isTraceId))),
});
const FORMAT = { kind: "payment", what: "payment journal", schema: recordSchema };
export type PaymentRecord = z.infer<typeof recordSchema>;

/** What the payment journal records after a presentation. `sent`: not known yet. */
export type PaymentConclusion =
  | { state: "unsent" | "sent" }
  /** `charged`: see the record. `refusedAs`: the code with which the merchant refused this copy, because the payment was settled before. */
  | { state: "settled"; transaction: string; charged?: Charge | undefined; refusedAs?: string }
  | { state: "refused"; code: string };

/** One request is paid once, so the request is the key; a payment without one stands for itself. */
export function paymentKey({ requestDigest, nonce }: Authorization): Digest {
  return requestDigest ?? nonce;
}

/** The record of a request's payment. */
export function findPayment(context: Context, key: Digest): Outcome<PaymentRecord | undefined> {
  const directory = stateDirectory(context, "payments");
  return directory.ok ? read(directory.data, key) : directory;
}

/** What a payment that was checked before it came here has signed. */
export function authorizationOf(payload: PaymentPayload): PaymentWords {
  const native = isNativeNetwork(payload.accepted.network) ? wordsOfNative(payload) : undefined;
  if (native) return native;
  const exact = checkShape(payload.payload, exactPayloadSchema);
  if (!exact.ok) throw new Error(`a payment without an authorization: ${exact.problem}`);
  return exact.value.authorization;
}

/**
 * Records that this payment is about to be sent, and returns the one to send: the payment that was sent before, as long as
 * that one can still settle. The record is on disk when this resolves.
 */
export function claimPayment(context: Context, payment: Payment, http: { method: string; url: string }): Promise<Outcome<Payment>> {
  return exclusively(context, () => {
    const directory = stateDirectory(context, "payments");
    if (!directory.ok) return directory;
    const key = paymentKey(payment.authorization);
    const before = read(directory.data, key);
    if (!before.ok) return before;
    const chosen = before.data ? earlierOr(before.data, payment) : succeed(payment);
    if (!chosen.ok) return chosen;
    const now = formatTimestamp(unixNow());
    const settled = before.data?.state === "settled" ? before.data : undefined;
    context.trace.adopt(before.data?.trace);
    const trace = context.trace.send();
    const written = write(directory.data, key, {
      payload: chosen.data.payload,
      method: http.method,
      url: http.url,
      state: settled ? "settled" : "sent",
      attempts: (before.data?.attempts ?? 0) + 1,
      firstSentAt: before.data?.firstSentAt ?? now,
      changedAt: settled?.changedAt ?? now,
      ...(settled?.transaction !== undefined && { transaction: settled.transaction }),
      ...(settled?.charged !== undefined && { charged: settled.charged }),
      trace,
    });
    if (!written.ok) return written;
    return succeed({ ...chosen.data, ...(settled && { paidAt: settled.changedAt }), trace });
  });
}

/** A second signature is presented only if the first can no longer settle beside it. */
function earlierOr(before: PaymentRecord, payment: Payment): Outcome<Payment> {
  const authorization = authorizationOf(before.payload);
  const earlier: Payment = { payload: before.payload, authorization };
  if (authorizationDigest(authorization) === authorizationDigest(payment.authorization)) return succeed(payment);
  const over = before.state === "refused" || before.state === "unsent";
  // On the chain itself no time ends a transfer: the one that has left is the one that may have been made.
  if (authorization.native && !over) return succeed(earlier);
  const expired = Number(authorization.validBefore) < unixNow();
  // The ledger pays one nonce of one payer once: another signature over the same nonce cannot be paid beside the first.
  const sameNonce = authorization.from === payment.authorization.from && authorization.nonce === payment.authorization.nonce;
  if (over || (expired && sameNonce)) return succeed(payment);
  if (!expired) return succeed(earlier);
  return fail("outcome_unknown", "This request was presented with another payment before, whose outcome is unknown.", {
    hint: "Do not pay again before you know. Nothing was sent now.",
    next: { argv: ["lez-agent-pay", "status", paymentKey(authorization)], by: "agent", why: "check whether the first payment was made" },
  });
}

/**
 * Records the conclusion, under the lock. A settled payment stays settled, whatever a later copy is told.
 * @returns the record before; undefined if this payment was not presented here
 */
export function concludePayment(context: Context, key: Digest, conclusion: PaymentConclusion): Outcome<PaymentRecord | undefined> {
  const directory = stateDirectory(context, "payments");
  if (!directory.ok) return directory;
  const before = read(directory.data, key);
  if (!before.ok || !before.data) return before;
  const charged = conclusion.state === "settled" ? conclusion.charged : undefined;
  if (before.data.state === "settled") {
    const isNews = charged !== undefined && before.data.charged === undefined;
    const learned = isNews ? write(directory.data, key, { ...before.data, charged }) : succeed(undefined);
    return learned.ok ? before : learned;
  }
  // An earlier attempt may still be on its way, or have been paid on the ledger that it was signed for.
  const state = before.data.attempts > 1 && saysNothingOfEarlier(conclusion) ? "sent" : conclusion.state;
  const { transaction: _, code: __, ...rest } = before.data;
  const written = write(directory.data, key, {
    ...rest,
    state,
    changedAt: formatTimestamp(unixNow()),
    ...(conclusion.state === "settled" && { transaction: conclusion.transaction }),
    ...(charged !== undefined && { charged }),
    ...(state === "refused" && conclusion.state === "refused" && { code: conclusion.code }),
  });
  return written.ok ? before : written;
}

function saysNothingOfEarlier(conclusion: PaymentConclusion): boolean {
  return conclusion.state === "unsent" || (conclusion.state === "refused" && conclusion.code === "ledger_mismatch");
}

/** Every payment that was presented and whose outcome is unknown. */
export function openPayments(context: Context): PaymentRecord[] {
  return allPayments(context).filter(({ state }) => state === "sent");
}

/** Every payment that was presented, the last first. Unreadable records are left out. */
export function allPayments(context: Context): PaymentRecord[] {
  const directory = stateDirectory(context, "payments");
  if (!directory.ok) return [];
  const found = fs.readdirSync(directory.data).flatMap((name) => {
    const [, key] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
    const record = key ? read(directory.data, key as Digest) : undefined;
    return record?.ok && record.data ? [record.data] : [];
  });
  return found.sort((a, b) => b.changedAt.localeCompare(a.changedAt));
}

function read(directory: string, key: Digest): Outcome<PaymentRecord | undefined> {
  const file = path.join(directory, `${key}.json`);
  return fs.existsSync(file) ? readState(file, FORMAT) : succeed(undefined);
}

function write(directory: string, key: Digest, content: PaymentRecord): Outcome<undefined> {
  return writeState(path.join(directory, `${key}.json`), FORMAT, content);
}
