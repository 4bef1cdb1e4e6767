/**
 * What became of a payment that was approved here, point by point: what its owner and its agent signed, what the ledger's facilitator says, and
 * what the merchant answered. The answer went to the agent, which hands in what the desk is to know of it.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { HandedReceipt } from "../../shared/desk/agent-api.ts";
import type { Receipt } from "../../shared/desk/api.ts";
import { refused } from "../../shared/desk/codes.ts";
import { type EvidencePoint, judgeEvidence, verdictOf } from "../../shared/evidence/check.ts";
import { evidenceContext } from "../../shared/evidence/context.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import { MERCHANT_CHECKS } from "../../shared/evidence/merchant-checks.ts";
import { signedOfferOf } from "../../shared/evidence/parts.ts";
import { PAYER_CHECKS } from "../../shared/evidence/payer-checks.ts";
import { evidencePaymentSchema } from "../../shared/evidence/payment-part.ts";
import { jwsSchema } from "../../shared/extensions/signed-jws.ts";
import { NETWORK } from "../../shared/lez.ts";
import { MAX_HEADER_BYTES } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { nullable, row, text } from "../../shared/row.ts";
import { money } from "../../shared/screen/money.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { pairedAgents } from "./agents.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { publishedKeys } from "./merchant.ts";
import { priceOf } from "./money.ts";
import { findRequest, paymentOf, requestOf, type RequestRow, termsOf } from "./requests.ts";
import { askLedger } from "./settlements.ts";
import type { DeskStore } from "./store.ts";

const asReceipt = row({ transaction_id: text<Digest>(), signed: nullable(text()) });

/** The first counts; a signed one takes the place of one that is not. @returns false if nothing changed */
export function keepReceipt(store: DeskStore, request: Digest, { transaction, receipt }: HandedReceipt, now: number): boolean {
  const kept = store.sql(
    `INSERT INTO receipt (request, transaction_id, signed, handed_in_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (request) DO UPDATE SET transaction_id = excluded.transaction_id, signed = excluded.signed
         WHERE receipt.signed IS NULL AND excluded.signed IS NOT NULL RETURNING 1`,
    request,
    transaction,
    receipt === undefined ? null : JSON.stringify(receipt),
    now,
  );
  return kept.length > 0;
}

function handedIn(store: DeskStore, request: Digest): HandedReceipt | undefined {
  const [found] = store.sql("SELECT transaction_id, signed FROM receipt WHERE request = ?", request);
  if (!found) return undefined;
  const { transaction_id: transaction, signed } = asReceipt(found);
  const receipt = signed === null ? undefined : parseJson(signed, 2 * MAX_HEADER_BYTES, jwsSchema);
  return { transaction, ...(receipt?.ok && { receipt: receipt.value }) };
}

export async function receipt(desk: DeskContext, { request: digest }: AskOf<"receipt">): Promise<Told<Receipt>> {
  await askLedger(desk, [digest]);
  const kept = findRequest(desk.store, digest, unixNow());
  if (!kept) return refused("request_not_found");
  const payload = paymentOf(kept);
  const payment = payload && checkShape(payload.payload, evidencePaymentSchema);
  if (kept.outcome !== "paid" || !payload || !payment?.ok) return refused("receipt_not_found", whyNone(kept));
  const request = requestOf(kept);
  const [asked, terms, handed] = [new URL(request.http.url), termsOf(kept), handedIn(desk.store, kept.digest)];
  const published = await publishedKeys(desk.env, request.http.url);
  const merchantKeys = published.ok ? published.keys.map(({ publicKey }) => publicKey) : [];
  const offer = terms && (await signedOfferOf(terms, payload.accepted, asked, merchantKeys));
  const evidence: Evidence = {
    version: "1",
    request,
    payment: payment.value,
    ...(offer && { offer }),
    ...(handed?.receipt && { receipt: handed.receipt }),
  };
  const context = evidenceContext(evidence, {
    merchants: { [asked.origin]: merchantKeys },
    owners: [desk.account],
    agents: pairedAgents(desk.store).map(({ public_key }) => public_key),
  });
  const points = [...(await judgeEvidence([...PAYER_CHECKS, ...MERCHANT_CHECKS], context)), settledPoint(kept, context.transaction)];
  const counted = (verdict: EvidencePoint["verdict"]) => points.filter((point) => point.verdict === verdict).length;
  const isSigned = (part: "offer" | "receipt") => points.some(({ id, verdict }) => id === `${part}.signature` && verdict === "pass");
  const { authorization } = payment.value;
  return tell({
    ...(handed && {
      stated: { transaction: handed.transaction, fits: handed.transaction === context.transaction, network: NETWORK, by: "agent" },
    }),
    signed: { offer: isSigned("offer"), receipt: isSigned("receipt") },
    ...(kept.charged !== null && { charged: money(kept.charged, authorization.asset) }),
    report: {
      verdict: verdictOf(points, handed?.receipt !== undefined),
      says: {
        shortCode: shortCode(kept.digest),
        reason: request.reason,
        method: request.http.method,
        url: request.http.url,
        paid: priceOf(request),
        payer: authorization.from,
        payTo: authorization.to,
        approvedAt: formatTimestamp(Number(authorization.validAfter)),
        transaction: context.transaction,
      },
      passed: counted("pass"),
      warned: counted("warn"),
      failed: counted("fail"),
      unchecked: counted("unchecked"),
      points,
    },
  });
}

/** The facilitator's word, which no one signed: evidence has the ledger's own signature. */
function settledPoint({ transaction_id: transaction }: RequestRow, expected: string): EvidencePoint {
  const point = { id: "facilitator.settled", title: "the facilitator says that the ledger settled this payment", about: "payment" };
  if (transaction === null) return { ...point, verdict: "unchecked", saw: "it names no transaction", because: "absent" };
  if (transaction === expected) return { ...point, verdict: "pass", saw: transaction };
  return { ...point, verdict: "fail", saw: `it names the transaction ${transaction}, and this payment's is ${expected}` };
}

function whyNone({ state, outcome, payment }: RequestRow): string {
  if (outcome === "opened") return "It opened a session: what is paid in it never passes the desk.";
  if (payment === null) return `The request is ${state}: nothing was paid for it with an approval of this desk.`;
  return "The ledger's facilitator does not say that it is paid.";
}
