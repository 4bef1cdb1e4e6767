/**
 * The examples/ of one story, made by the protocol's own functions: a merchant asks 10000 for a page, the agent asks
 * its owner, the owner approves, the ledger settles and the merchant confirms; all of it as evidence in one file, and the
 * public keys to check it with. Another request was declined. Later the owner grants a mandate, and the agent pays within it;
 * the merchant gives a part of that back. At last the owner approves a session, and the merchant claims what three calls of it cost.
 */

import { base64urlnopad } from "@scure/base";
import { memoryStore } from "../agent-cli/demo/memory-store.ts";
import { bytesToHex, hexToBytes } from "../shared/crypto/bytes.ts";
import type { Digest } from "../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_SECRET_KEY } from "../shared/demo.ts";
import type { CallEvidence } from "../shared/evidence/call-evidence.ts";
import type { Evidence } from "../shared/evidence/evidence.ts";
import type { KnownKeys } from "../shared/evidence/keys.ts";
import { evidencePaymentSchema } from "../shared/evidence/payment-part.ts";
import { serializeEvidence } from "../shared/evidence/serialize.ts";
import { verifyRefund } from "../shared/exact/refund.ts";
import { verifyExact } from "../shared/exact/verify.ts";
import { offerPayload, receiptPayload, signedOffers, signedReceipt } from "../shared/extensions/offer-receipt.ts";
import type { JournalEntry } from "../shared/ledger/journal.ts";
import { LedgerRules } from "../shared/ledger/rules.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME, X402_VERSION } from "../shared/lez.ts";
import { DEFAULT_TIMEOUT_SECONDS } from "../shared/limits.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { authorizationFor, signPayload, signWithin } from "../shared/protocol/approval.ts";
import { bindingOf, type BoundTerms } from "../shared/protocol/binding.ts";
import { recordDecision } from "../shared/protocol/decision.ts";
import { type Mandate, type SignedMandate, signMandate } from "../shared/protocol/mandate.ts";
import {
  checkPaymentRequest,
  paymentFields,
  type PaymentRequestBody,
  requestDigest,
  signPaymentRequest,
} from "../shared/protocol/payment-request.ts";
import { signRefund } from "../shared/protocol/refund.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import { parseTimestamp } from "../shared/time.ts";
import type { PaymentPayload, PaymentRequired, PaymentRequirements, SettleResponse } from "../shared/x402/x402.ts";
import { signCheckpoint } from "../workers/ledger-do/sign-checkpoint.ts";
import { merchantSigner } from "../workers/merchant/paywall/terms/signer.ts";
import { CalledSession } from "./called-session.ts";
import { json } from "./vectors.ts";

const owner = await keySigner(hexToBytes("0a".repeat(32)));
const agent = await keySigner(hexToBytes("0b".repeat(32)));

const URL = "https://merchant.example.com/premium";
const HTTP = { method: "GET", url: URL };
const TERMS: BoundTerms = { network: NETWORK, asset: ASSET, amount: "10000", payTo: DEMO_MERCHANT_ACCOUNT };
const LEDGER = "5e".repeat(32) as Digest;
/** When the owner said yes. */
const APPROVED_AT = "2026-01-31T12:03:00Z";

const OFFER: PaymentRequirements = {
  scheme: SCHEME,
  ...TERMS,
  maxTimeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
  extra: { binding: bindingOf(HTTP, TERMS), ledger: LEDGER },
};

const PAYMENT_REQUIRED: PaymentRequired = {
  x402Version: X402_VERSION,
  error: "payment_required",
  resource: { url: URL, description: "The premium report", mimeType: "application/json" },
  accepts: [OFFER],
};

const REQUEST: PaymentRequestBody = {
  version: "1",
  id: "pr_3k9x0q7vdm2w8h5t",
  createdAt: "2026-01-31T12:00:00Z",
  expiresAt: "2026-01-31T13:00:00Z",
  agent: { publicKey: agent.publicKey, name: "Research agent" },
  merchant: { name: "Example Merchant", url: "https://merchant.example.com/" },
  http: HTTP,
  payment: paymentFields(OFFER) as PaymentRequestBody["payment"],
  reason: "You asked for the market figures of 2025. The free page ends in 2024; the premium report has the rest.",
};

const OTHER_REQUEST: PaymentRequestBody = {
  ...REQUEST,
  id: "pr_8c1r5n0zyq4e6b2j",
  createdAt: "2026-01-31T12:10:00Z",
  expiresAt: "2026-01-31T13:10:00Z",
  reason: "I would like to download the premium report once more to compare it with the copy I have.",
};

const MANDATED_REQUEST: PaymentRequestBody = {
  ...REQUEST,
  id: "pr_5t2h8w9q1x7m4c6d",
  createdAt: "2026-02-02T09:00:00Z",
  expiresAt: "2026-02-02T10:00:00Z",
  reason: "The premium report was updated on the first of February; the summary needs its new figures.",
};
const SESSION_REQUEST: PaymentRequestBody = {
  ...REQUEST,
  id: "pr_7w3n6k1p9v2c5x8b",
  createdAt: "2026-02-03T09:00:00Z",
  expiresAt: "2026-02-03T10:00:00Z",
  reason: "The summary quotes the report page by page; I need about a hundred of its pages today.",
};
/** When the owner approved the session. */
const OPENED_AT = "2026-02-03T09:05:00Z";

/** When the agent paid within the mandate. */
const PAID_AT = "2026-02-02T09:00:05Z";

/** Granted on the first of February, for thirty days. */
const MANDATE: Mandate = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  agent: agent.publicKey,
  grantedAt: "1769904000",
  validAfter: "1769904000",
  validBefore: "1772495999",
  perPayment: "10000" as Amount,
  total: "100000" as Amount,
  period: { seconds: "86400", amount: "20000" as Amount },
  payees: [DEMO_MERCHANT_ACCOUNT],
  origins: [new globalThis.URL(URL).origin],
  schemes: [SCHEME],
  note: "Updates of the premium report.",
  salt: "0c".repeat(32) as Digest,
};

/** Seeds of the merchant's and the ledger's keys. */
const RECEIPT_KEY = "0c".repeat(32);
const CHECKPOINT_KEY = "0d".repeat(32);

/** File name, from the root of the repository → content. */
export async function examples(): Promise<Record<string, string>> {
  const merchant = await merchantSigner(RECEIPT_KEY, new globalThis.URL(URL).origin);
  const now = parseTimestamp(APPROVED_AT) ?? 0;
  const offer = await merchant.sign(offerPayload(URL, OFFER, now + 1200));
  const request = await signPaymentRequest(REQUEST, agent);
  const checked = await checkPaymentRequest(request, now);
  if (!checked.ok) throw new Error(checked.problem);
  const payload = await signPayload(request, checked, authorizationFor(request, checked, owner.account, now), owner);

  const rules = openLedger(now - 3600);
  const { ledger, settled } = await settle(rules, payload, now);
  const success: SettleResponse = { success: true, ...settled };
  const receipt = await merchant.sign(receiptPayload(URL, success, now + 6));
  const evidence: Evidence = { version: "1", request, payment: evidencePaymentSchema.parse(payload.payload), offer, receipt, ledger };
  const later = parseTimestamp(PAID_AT) ?? 0;
  const mandated = await boughtWithin(await signMandate(MANDATE, owner), rules, merchant, later);
  const refunded = await givenBack(mandated, rules, later + 86_400);
  const called = await calledInSession(parseTimestamp(OPENED_AT) ?? 0);
  const keys: KnownKeys = {
    merchants: { [new globalThis.URL(URL).origin]: [bytesToHex(base64urlnopad.decode(merchant.jwks.keys[0]?.x ?? ""))] },
    ledgers: { [LEDGER]: [ledger.checkpoint.publicKey] },
    owners: [owner.account],
    agents: [agent.publicKey],
  };
  const declined = await recordDecision(
    {
      requestDigest: requestDigest(OTHER_REQUEST),
      decision: "declined",
      code: "duplicate",
      note: "You already have this report. Use the copy.",
      decidedAt: "2026-01-31T12:12:00Z",
    },
    owner,
  );
  return {
    "examples/payment-required.json": json({ ...PAYMENT_REQUIRED, extensions: signedOffers(offer) }),
    "examples/payment-request.json": json(request),
    "examples/payment-payload.json": json(payload),
    "examples/decision-declined.json": json(declined),
    "examples/payment-response.json": json({ ...success, extensions: signedReceipt(receipt) }),
    "examples/evidence.json": new TextDecoder().decode(serializeEvidence(evidence)),
    "examples/evidence-mandate.json": new TextDecoder().decode(serializeEvidence(mandated)),
    "examples/evidence-refund.json": new TextDecoder().decode(serializeEvidence(refunded)),
    "examples/evidence-session.json": new TextDecoder().decode(serializeEvidence(called)),
    "examples/evidence-keys.json": json(keys),
  };
}

type Merchant = Awaited<ReturnType<typeof merchantSigner>>;

/** Evidence of what the agent bought within the mandate: no owner was asked. */
async function boughtWithin(signed: SignedMandate, rules: LedgerRules, merchant: Merchant, now: number): Promise<Evidence> {
  const request = await signPaymentRequest(MANDATED_REQUEST, agent);
  const checked = await checkPaymentRequest(request, now);
  if (!checked.ok) throw new Error(checked.problem);
  const payload = await signWithin(signed, request, checked, agent, now);
  const { ledger, settled } = await settle(rules, payload, now);
  return {
    version: "1",
    request,
    payment: evidencePaymentSchema.parse(payload.payload),
    offer: await merchant.sign(offerPayload(URL, OFFER, now + 1200)),
    receipt: await merchant.sign(receiptPayload(URL, { success: true, ...settled }, now + 6)),
    ledger,
  };
}

/** Evidence of the second of three calls in a session that the owner approved. The merchant claimed all three at once. */
async function calledInSession(now: number): Promise<CallEvidence> {
  const receiver = await keySigner(hexToBytes("0e".repeat(32)));
  const extra = {
    ledger: LEDGER,
    receiverAuthorizer: receiver.publicKey,
    withdrawDelay: 900,
    minDeposit: "1000",
    maxSessionSeconds: 86_400,
  };
  const offerFor = (http: typeof HTTP): PaymentRequirements => {
    const terms = { ...OFFER, scheme: BATCH_SETTLEMENT, amount: "10" as Amount };
    return { ...terms, extra: { ...extra, binding: bindingOf(http, terms) } };
  };
  const quote = (page: number) => ({ method: "GET", url: `${URL}/quotes?page=${page}` });
  const offer = offerFor(quote(1));
  const payment = { ...paymentFields(offer), session: { deposit: "1000", seconds: "86400" } } as PaymentRequestBody["payment"];
  const request = await signPaymentRequest({ ...SESSION_REQUEST, http: quote(1), payment }, agent);
  const session = await CalledSession.open({ ledger: LEDGER, request, owner, agent, receiver, now, checkpointKey: CHECKPOINT_KEY });
  const calls = [];
  for (const page of [1, 2, 3]) calls.push(await session.call(quote(page), offerFor(quote(page))));
  const [, second] = await session.claimed(calls, now + 300);
  if (!second) throw new Error("the story has three calls");
  return second;
}

/** A day later the merchant gives a quarter back. Both accounts' entries say so. */
async function givenBack(paid: Evidence, rules: LedgerRules, now: number): Promise<Evidence> {
  const payee = await keySigner(DEMO_MERCHANT_SECRET_KEY);
  const transaction = paid.ledger?.entries[0]?.transaction as Digest;
  const credit = rules.journal(payee.account, 0, 10).find((entry) => entry.transaction === transaction);
  const signed = await signRefund(
    {
      version: "1",
      network: NETWORK,
      asset: ASSET,
      ledger: LEDGER,
      transaction,
      from: payee.account,
      to: owner.account,
      entry: credit?.seq ?? "",
      amount: "2500" as Amount,
      reason: "service_defective",
      id: "1d".repeat(32) as Digest,
      issuedAt: String(now),
    },
    payee,
  );
  const verified = await verifyRefund(signed, LEDGER);
  const result = verified.ok && rules.refund(verified.refund, now + 2);
  if (!result || !result.ok) throw new Error("the story's ledger refuses");
  const [received, given] = [await lastEntry(rules, owner.account, now), await lastEntry(rules, payee.account, now)];
  return { ...paid, refunds: [{ signed, received, given }] };
}

/** An account's last entry. An hour later the ledger signs the account's chain. */
async function lastEntry(rules: LedgerRules, account: AccountId, now: number): Promise<NonNullable<Evidence["ledger"]>> {
  const checkpoint = rules.attest(account, undefined, now + 3600);
  if (!checkpoint || "code" in checkpoint) throw new Error("the story's ledger refuses");
  const entries = rules.journal(account, Number(checkpoint.seq) - 1, 1) as (JournalEntry & { value: Amount })[];
  return { entries, checkpoint: await signCheckpoint(checkpoint, CHECKPOINT_KEY) };
}

/** The story's ledger, where the owner has money. */
function openLedger(at: number): LedgerRules {
  const rules = new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 18n, at });
  rules.fund(owner.account, "1000000" as Amount, "0e".repeat(32) as Digest, at);
  return rules;
}

/** Five seconds after the signature. */
async function settle(rules: LedgerRules, payload: PaymentPayload, signedAt: number) {
  const verified = await verifyExact(payload, OFFER, { now: signedAt + 5, ledger: LEDGER });
  if (!verified.ok) throw new Error(verified.code);
  const result = rules.settle({ payment: verified.payment, settlementId: "0f".repeat(32) as Digest }, signedAt + 5);
  if (!result.ok) throw new Error("the story's ledger refuses");
  const { transaction, payer, value: amount } = result;
  return { ledger: await lastEntry(rules, owner.account, signedAt), settled: { transaction, network: NETWORK, payer, amount } };
}
