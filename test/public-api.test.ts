/** What the package exports by name. A change of this list changes what others may rely on. */

import { expect, test } from "vitest";
import * as cliLimits from "../agent-cli/runtime/limits.ts";
import * as sessionFiles from "../agent-cli/session-files.ts";
import * as batchClient from "../shared/batch-settlement/client/index.ts";
import * as batchFacilitator from "../shared/batch-settlement/facilitator/index.ts";
import * as batchServer from "../shared/batch-settlement/server/index.ts";
import * as client from "../shared/exact/client/index.ts";
import * as facilitator from "../shared/exact/facilitator/index.ts";
import * as server from "../shared/exact/server/index.ts";
import * as protocol from "../shared/index.ts";
import * as sharedLimits from "../shared/limits.ts";
import * as uptoClient from "../shared/upto/client/index.ts";
import * as uptoFacilitator from "../shared/upto/facilitator/index.ts";
import * as uptoServer from "../shared/upto/server/index.ts";
import * as webhooks from "../shared/webhooks/index.ts";
import * as testing from "../test-kit/node.ts";
import * as testingPool from "../test-kit/pool.ts";
import * as hono from "../workers/merchant/paywall/index.ts";
import * as openapi from "../workers/merchant/paywall/openapi-document.ts";
import * as sales from "../workers/merchant/paywall/sales.ts";
import * as sellerPage from "../workers/merchant/paywall/seller-page.ts";

test.each<[string, object, string[]]>([
  [
    "lez-agent-pay/exact/client",
    client,
    ["ExactLezScheme", "OwnerDeclined", "PaymentRefused", "askFirst", "mandateFetch", "registerExactLezScheme"],
  ],
  ["lez-agent-pay/exact/server", server, ["ExactLezScheme", "ExactNativeLezScheme", "registerExactLezScheme"]],
  ["lez-agent-pay/exact/facilitator", facilitator, ["BackendUnavailable", "ExactLezScheme", "Facilitator", "registerExactLezScheme"]],
  [
    "lez-agent-pay/batch-settlement/client",
    batchClient,
    ["BatchSettlementLezScheme", "mandateSessionFetch", "registerBatchSettlementLezScheme", "storedClientSessionSchema"],
  ],
  ["lez-agent-pay/batch-settlement/client/files", sessionFiles, ["sessionFiles"]],
  [
    "lez-agent-pay/batch-settlement/server",
    batchServer,
    ["BatchSettlementLezScheme", "MemorySessionStore", "registerBatchSettlementLezScheme"],
  ],
  ["lez-agent-pay/batch-settlement/facilitator", batchFacilitator, ["BatchSettlementLezScheme", "registerBatchSettlementLezScheme"]],
  ["lez-agent-pay/upto/client", uptoClient, ["UptoLezScheme", "registerUptoLezScheme"]],
  ["lez-agent-pay/upto/server", uptoServer, ["UptoLezScheme", "registerUptoLezScheme"]],
  ["lez-agent-pay/upto/facilitator", uptoFacilitator, ["UptoLezScheme", "registerUptoLezScheme"]],
  [
    "lez-agent-pay/hono",
    hono,
    [
      "keepBody",
      "merchantIdentity",
      "paid",
      "paymentInfo",
      "paymentRequired",
      "paywall",
      "paywallCors",
      "paywallHealth",
      "paywallWebhooks",
    ],
  ],
  ["lez-agent-pay/hono/openapi", openapi, ["paywallOpenApi"]],
  ["lez-agent-pay/hono/sales", sales, ["paywallSales"]],
  ["lez-agent-pay/hono/seller-page", sellerPage, ["sellerPage"]],
  ["lez-agent-pay/webhooks", webhooks, ["verifyWebhook"]],
  ["lez-agent-pay/testing", testing, ["receiptOf", "testShop"]],
  ["lez-agent-pay/testing/pool", testingPool, ["testLedger"]],
  [
    "lez-agent-pay/protocol",
    protocol,
    [
      "ASSET",
      "ASSET_DECIMALS",
      "ASSET_SYMBOL",
      "DECLINE_CODES",
      "ERRORS",
      "ERROR_CODES",
      "NETWORK",
      "PAYMENT_ERROR",
      "PAYMENT_REQUIRED",
      "PAYMENT_RESPONSE",
      "PAYMENT_SIGNATURE",
      "REFUND_REASONS",
      "SCHEME",
      "X402_VERSION",
      "accountOfKey",
      "authorizationDigest",
      "authorizationFor",
      "authorizationSchema",
      "authorizeRead",
      "bindingOf",
      "bindingScope",
      "bodyDigest",
      "boundRequestSchema",
      "callEvidenceSchema",
      "canonicalJson",
      "canonicalUrl",
      "checkPaymentRequest",
      "checkSessionRequest",
      "claimDigest",
      "claimSchema",
      "claimTransaction",
      "decisionRecordSchema",
      "decodeHeader",
      "digest",
      "displayAmount",
      "encodeHeader",
      "evidenceSchema",
      "exactPayloadSchema",
      "generateSecretKey",
      "grantAccess",
      "isAccountId",
      "isAmount",
      "isErrorCode",
      "isGenuineDecision",
      "isGenuineMandate",
      "isGenuineRevocation",
      "keySigner",
      "knownKeysSchema",
      "limits",
      "mandateDigest",
      "mandateSchema",
      "parseAccountId",
      "parseJson",
      "paymentFields",
      "paymentPayloadSchema",
      "paymentRequestSchema",
      "paymentRequiredSchema",
      "paymentRequirementsSchema",
      "readEvidence",
      "recordDecision",
      "refundDigest",
      "refundSchema",
      "refundTransaction",
      "requestDigest",
      "revocationDigest",
      "revocationSchema",
      "revokeAccesses",
      "serializeEvidence",
      "sessionFor",
      "sessionId",
      "sessionSchema",
      "settleResponseSchema",
      "shortCode",
      "showUnsafe",
      "signMandate",
      "signPayload",
      "signPaymentRequest",
      "signRefund",
      "signRevocation",
      "signVoucher",
      "signWithdrawal",
      "signedMandateSchema",
      "signedRefundSchema",
      "signedRevocationSchema",
      "signedWithdrawalSchema",
      "spellEvidence",
      "transactionOf",
      "verifyDigest",
      "verifyEvidence",
      "verifyExact",
      "voucherDigest",
      "voucherSchema",
      "withdrawalDigest",
      "withdrawalSchema",
    ],
  ],
])("%s", (_name, module, names) => {
  expect(Object.keys(module).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(names);
});

test("`limits` holds today's limits, and each former one that became the CLI's own with the CLI's value", () => {
  expect(protocol.limits).toMatchObject(sharedLimits);
  const renamed = { MCP_PATIENCE_SECONDS: cliLimits.MCP_WAIT_SECONDS, ANSWER_PATIENCE_SECONDS: sharedLimits.ANSWER_TIMEOUT_SECONDS };
  const former = Object.entries(protocol.limits).filter(([name]) => !(name in sharedLimits));
  expect(former.length).toBeGreaterThanOrEqual(20);
  expect({ ...cliLimits, ...renamed }).toMatchObject(Object.fromEntries(former));
});
