/** Records what became of a payment that was presented. */

import { type PaymentWords, settlementOf } from "../../shared/protocol/native-payment.ts";
import { appendEntry, type AuditEvent, type AuditFacts, readAudit } from "../records/audit-log.ts";
import { concludePayment, type PaymentConclusion, paymentKey, type PaymentRecord } from "../records/payment-journal.ts";
import { type Context, warn } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/**
 * The payment journal and the audit log record the same, under one lock: one payment is settled once, and a later answer to it
 * is `answered_again` or `refused`. The answer is here already, so a full disk only causes a warning.
 */
export async function conclude(
  context: Context,
  request: { method: string; url: string },
  authorization: PaymentWords,
  conclusion: PaymentConclusion,
): Promise<void> {
  const facts = factsOf(authorization, request);
  const written = await exclusively(context, () => {
    const before = concludePayment(context, paymentKey(authorization), conclusion);
    const noted = before.ok ? nextEntry(context, before.data, conclusion, facts) : succeed(entryOf(conclusion));
    if (!noted.ok) return noted;
    const entry = appendEntry(context, noted.data.event, { ...facts, ...noted.data.more });
    return before.ok ? entry : before;
  });
  if (!written.ok) warn(context, written.error.message);
}

/** Records what the facilitator says of a payment. Only a change is an entry: a look at the ledger changes nothing. */
export function concludeAsTold(context: Context, authorization: PaymentWords, conclusion: PaymentConclusion): Promise<Outcome<undefined>> {
  return exclusively(context, () => {
    const before = concludePayment(context, paymentKey(authorization), conclusion);
    if (!before.ok) return before;
    if (!before.data) return succeed(undefined);
    const facts = factsOf(authorization, before.data);
    const noted = nextEntry(context, before.data, conclusion, facts);
    if (!noted.ok) return noted;
    const { event, more } = noted.data;
    const learned = more["charged"] !== undefined && before.data.charged === undefined;
    const changed =
      event === "settled" || learned || (event === "refused" && before.data.state !== "refused" && before.data.state !== "settled");
    const entry = changed ? appendEntry(context, event, { ...facts, ...more }) : succeed(undefined);
    return entry.ok ? succeed(undefined) : entry;
  });
}

interface NextEntry {
  event: AuditEvent;
  more: AuditFacts;
}

function entryOf(conclusion: PaymentConclusion): NextEntry {
  const event = ({ settled: "settled", refused: "refused", sent: "unknown", unsent: "unsent" } as const)[conclusion.state];
  if (conclusion.state === "settled") {
    const { transaction, charged } = conclusion;
    return { event, more: { transaction, ...(charged !== undefined && { charged }) } };
  }
  return { event, more: conclusion.state === "refused" ? { code: conclusion.code } : {} };
}

function nextEntry(
  context: Context,
  before: PaymentRecord | undefined,
  conclusion: PaymentConclusion,
  { nonce }: AuditFacts,
): Outcome<NextEntry> {
  const entry = entryOf(conclusion);
  if (conclusion.state !== "settled" || before?.state !== "settled") return succeed(entry);
  // Settled before. A process that died between journal and log left the entry to the next one.
  const log = readAudit(context);
  if (!log.ok) return log;
  const all = [...log.data.older, ...log.data.entries];
  if (!all.some(({ event, facts }) => event === "settled" && facts["nonce"] === nonce)) return succeed(entry);
  if (conclusion.refusedAs !== undefined) return succeed({ event: "refused", more: { ...entry.more, code: conclusion.refusedAs } });
  return succeed({ event: "answered_again", more: entry.more });
}

/** A payment's facts in the audit log. */
export function factsOf(authorization: PaymentWords, { method, url }: { method: string; url: string }): Record<string, string> {
  const { from, to, value, asset, network, ledger, nonce, validBefore, requestDigest, mandate, scheme, native } = authorization;
  return {
    ...(requestDigest && { requestDigest }),
    method,
    url,
    from,
    payTo: to,
    ...(scheme && { scheme }),
    amount: value,
    asset,
    network,
    ...(ledger && { ledger }),
    nonce,
    validBefore,
    ...(mandate && { mandate }),
    ...(native && { accountNonce: native.nonce, maxFee: native.maxFee }),
    transactionIfSettled: settlementOf(authorization),
  };
}
