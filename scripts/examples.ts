/**
 * The examples/ of one story, made by the protocol's own functions: a merchant asks 10000 for a page, the agent asks
 * its owner, the owner approves and the merchant confirms. Another request was declined.
 */
import { authorizationFor, signPayload } from "../shared/approval.ts";
import { authorizationDigest, transactionOf } from "../shared/authorization.ts";
import { bindingOf, type BoundTerms } from "../shared/binding.ts";
import { hexToBytes } from "../shared/bytes.ts";
import { recordDecision } from "../shared/decision.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import type { Digest } from "../shared/digest.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../shared/lez.ts";
import { DEFAULT_TIMEOUT_SECONDS } from "../shared/limits.ts";
import {
  checkPaymentRequest,
  paymentFields,
  type PaymentRequestBody,
  requestDigest,
  signPaymentRequest,
} from "../shared/payment-request.ts";
import { keySigner } from "../shared/signer.ts";
import { parseTimestamp } from "../shared/time.ts";
import type { PaymentRequired, PaymentRequirements, SettleResponse } from "../shared/x402.ts";
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

/** File name, from the root of the repository → content. */
export async function examples(): Promise<Record<string, string>> {
  const request = await signPaymentRequest(REQUEST, agent);
  const now = parseTimestamp(APPROVED_AT) ?? 0;
  const checked = await checkPaymentRequest(request, now);
  if (!checked.ok) throw new Error(checked.problem);
  const authorization = authorizationFor(request, checked, owner.account, now);

  const receipt: SettleResponse = {
    success: true,
    transaction: transactionOf(NETWORK, authorizationDigest(authorization)),
    network: NETWORK,
    payer: owner.account,
    amount: authorization.value,
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
    "examples/payment-required.json": json(PAYMENT_REQUIRED),
    "examples/payment-request.json": json(request),
    "examples/payment-payload.json": json(await signPayload(request, checked, authorization, owner)),
    "examples/decision-declined.json": json(declined),
    "examples/payment-response.json": json(receipt),
  };
}
