/** The approval screen of a request, as plain text, without a terminal and without signatures. */

import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { APPROVAL_TYPED_THRESHOLD } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { authorizationFor } from "../../shared/protocol/approval.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { sentRequest } from "../../shared/screen/sent-request.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { PaymentRequired, PaymentRequirements } from "../../shared/x402/x402.ts";
import { approvalScreen } from "../approval/approval-screen.ts";
import { layoutFor } from "../runtime/layout.ts";
import { LEDGER } from "./merchant.ts";

const NOW = 1_760_000_000;

export interface Words {
  reason?: string;
  agentName?: string;
  merchantName?: string;
  description?: string;
  /** Of the merchant's 402. */
  extensions?: Record<string, unknown>;
  url?: string;
  extra?: Record<string, unknown>;
  /** Sent with a POST. */
  body?: string;
  headers?: Record<string, string>;
  /** Why the host has not confirmed the terms. */
  unconfirmed?: string;
}

export function screenOf(words: Words, columns = 80): string {
  const { reason = "The comparison you asked for needs the figures of this report.", url = "https://api.example.com/premium" } = words;
  const terms = { network: NETWORK, asset: "native", amount: "2500000", payTo: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" };
  const http = words.body === undefined ? { method: "GET", url } : { method: "POST", url, bodySha256: bodyDigest(utf8(words.body)) };
  const offer: PaymentRequirements = {
    scheme: "exact",
    ...terms,
    maxTimeoutSeconds: 900,
    extra: { binding: bindingOf(http, terms), ledger: LEDGER, ...words.extra },
  };
  const request = {
    version: "1",
    id: "pr_0123456789abcdef",
    createdAt: formatTimestamp(NOW),
    expiresAt: formatTimestamp(NOW + 3600),
    agent: { publicKey: "ab".repeat(32), name: words.agentName ?? "Research agent" },
    merchant: { name: words.merchantName ?? "Example", url },
    http,
    payment: { scheme: "exact", ...terms, maxTimeoutSeconds: "900", offer: canonicalJson(offer) },
    reason,
    agentSignature: "",
  } as PaymentRequest;
  const checked = { ok: true as const, digest: "5a".repeat(32) as Digest, offer, scope: "query+body" as const };
  const authorization = authorizationFor(request, checked, "GtPoPd2rsL2SjQpPUPEwzeBELsTi4ha3QezK4iSjNzFE" as AccountId, NOW);
  const merchant: PaymentRequired = {
    x402Version: 2,
    resource: { url, ...(words.description !== undefined && { description: words.description }) },
    accepts: [offer],
    ...(words.extensions && { extensions: words.extensions }),
  };
  const host = words.unconfirmed
    ? ({ kind: "unconfirmed", why: words.unconfirmed, signature: { kind: "unchecked" } } as const)
    : ({ kind: "confirmed", by: "terms", required: merchant } as const);
  const records = {
    balance: { kind: "known", spendable: 10_000_000n } as const,
    outstanding: { sum: 0n, requests: 0 },
    mandates: [],
    now: NOW,
    history: [],
    open: [],
    threshold: APPROVAL_TYPED_THRESHOLD,
    pinnedBefore: true,
  };
  const sent = sentRequest(http, {
    headers: Object.entries(words.headers ?? {}),
    body: utf8(words.body ?? ""),
  });
  const view = { request, checked, authorization, host, sent, ...records };
  return approvalScreen(view, layoutFor({ columns }, {})).join("\n");
}
