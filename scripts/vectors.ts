/** The published test vectors, spec/vectors/*.json: fixed keys, fixed times, and what the code makes of them. */

import { bytesToHex, hexToBytes, toBase64, utf8 } from "../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest, digest, digestPreimage, type DigestType, type Signable } from "../shared/crypto/digest.ts";
import { treasuryOf } from "../shared/ledger/shards.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME } from "../shared/lez.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { approvalNonce, type Authorization, transactionOf } from "../shared/protocol/authorization.ts";
import { bindingOf, type BoundRequest, type BoundTerms } from "../shared/protocol/binding.ts";
import type { BooksAccess, BooksRead, BooksRevocation } from "../shared/protocol/books-access.ts";
import type { Claim } from "../shared/protocol/claim.ts";
import type { Decision } from "../shared/protocol/decision.ts";
import type { DeskCall, DeskSetting, Login, Pairing } from "../shared/protocol/desk.ts";
import type { Mandate } from "../shared/protocol/mandate.ts";
import { paymentFields, shortCode } from "../shared/protocol/payment-request.ts";
import type { Refund } from "../shared/protocol/refund.ts";
import type { Revocation } from "../shared/protocol/revocation.ts";
import type { SaleDelivery } from "../shared/protocol/sale-delivery.ts";
import type { Session } from "../shared/protocol/session.ts";
import { keySigner } from "../shared/protocol/signer.ts";
import { type Transfer, transferNonce, type TransferTerms } from "../shared/protocol/transfer.ts";
import type { Voucher } from "../shared/protocol/voucher.ts";
import type { Withdrawal } from "../shared/protocol/withdrawal.ts";
import { encodeHeader } from "../shared/x402/headers.ts";
import { NATIVE_REVOCATION, NATIVE_STATEMENT, nativeVectors } from "./native-vectors.ts";
import { proofVectors } from "./proof-vectors.ts";

/** Seeds that cannot be mistaken for secrets. */
const SEEDS = { owner: "01".repeat(32), agent: "02".repeat(32), merchant: "03".repeat(32), receiver: "05".repeat(32) };
const owner = await keySigner(hexToBytes(SEEDS.owner));
const agent = await keySigner(hexToBytes(SEEDS.agent));
const merchant = await keySigner(hexToBytes(SEEDS.merchant));
const receiver = await keySigner(hexToBytes(SEEDS.receiver));

const SIGNERS = { owner, agent, merchant, receiver };

const LEDGER = "1e".repeat(32) as Digest;
const TERMS: BoundTerms = { network: NETWORK, asset: ASSET, amount: "10000", payTo: merchant.account };
const GET: BoundRequest = { method: "GET", url: "https://merchant.example.com/premium" };
const POST: BoundRequest = {
  method: "POST",
  url: "https://merchant.example.com/reports?lang=de&q=%C3%BC",
  bodySha256: bodyDigest(utf8('{"topic":"Größe"}')),
};

const REQUEST_EXTRA = { binding: bindingOf(GET, TERMS), ledger: LEDGER };
const REQUEST = {
  version: "1",
  id: "pr_0123456789abcdef",
  createdAt: "2025-10-09T08:53:20Z",
  expiresAt: "2025-10-09T09:53:20Z",
  agent: { publicKey: agent.publicKey },
  merchant: { name: "Example Merchant", url: "https://merchant.example.com/" },
  http: GET,
  payment: paymentFields({ scheme: SCHEME, ...TERMS, maxTimeoutSeconds: 900, extra: REQUEST_EXTRA }),
  reason: "The premium report answers question 3 of the brief.",
};

/** The agent asks for a session. */
const SESSION_EXTRA = { receiverAuthorizer: receiver.publicKey, withdrawDelay: 900, minDeposit: "100000", maxSessionSeconds: 86_400 };
const SESSION_OFFER = { scheme: BATCH_SETTLEMENT, ...TERMS, maxTimeoutSeconds: 900, extra: { ...REQUEST_EXTRA, ...SESSION_EXTRA } };
const SESSION_REQUEST = {
  ...REQUEST,
  id: "pr_0000000000000001",
  payment: { ...paymentFields(SESSION_OFFER), session: { deposit: "1000000", seconds: "86400" } },
};

/** Text that tells a correct canonical form from an almost correct one: quotes, escapes, more than one byte, more than one unit. */
const UNUSUAL_REQUEST = {
  ...REQUEST,
  id: "pr_fedcba9876543210",
  agent: { publicKey: agent.publicKey, name: 'Agent "№ 7" \\ Größe' },
  reason: "Für die Übersicht:\n\t“€ 5” ≠ 5 €, <b>&amp;</b>, /path, \u007F, 日本語, 😀.",
};

const requestDigest = digest("PaymentRequest", REQUEST);
const nonce = approvalNonce(owner.account, requestDigest);

const AUTHORIZATION: Authorization = {
  network: NETWORK,
  asset: ASSET,
  from: owner.account,
  to: merchant.account,
  value: "10000" as Amount,
  validAfter: "1760000000",
  validBefore: "1760000900",
  nonce,
  binding: bindingOf(GET, TERMS),
  ledger: LEDGER,
  requestDigest,
};
const { binding: _binding, ledger: _ledger, requestDigest: _request, ...BARE_AUTHORIZATION } = AUTHORIZATION;
const transaction = transactionOf(NETWORK, digest("Authorization", AUTHORIZATION));

const DECLINED: Decision = {
  requestDigest,
  decision: "declined",
  code: "too_expensive",
  note: "Ask again when it costs less than 0,00001 LGO – “bitte”.",
  decidedAt: "2025-10-09T09:00:00Z",
};
const REVOKED: Decision = { requestDigest, decision: "revoked", code: "not_needed", decidedAt: "2025-10-09T09:05:00Z" };

const MANDATE: Mandate = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  agent: agent.publicKey,
  grantedAt: "1760000000",
  validAfter: "1760000000",
  validBefore: "1763023999",
  perPayment: "1000000" as Amount,
  total: "300000000" as Amount,
  payees: [merchant.account],
  origins: ["https://merchant.example.com"],
  schemes: ["exact"],
  salt: "5a".repeat(32) as Digest,
};
/** For the same request as the owner's approval, and so with the same nonce: one of the two pays. */
const MANDATED_AUTHORIZATION: Authorization = {
  ...AUTHORIZATION,
  mandate: digest("Mandate", MANDATE),
  origin: "https://merchant.example.com",
};
const WHOLE_MANDATE: Mandate = {
  ...MANDATE,
  period: { seconds: "86400", amount: "10000000" as Amount, count: "1000" },
  payees: ["*"],
  origins: ["http://127.0.0.1:8787", "https://api.example.com:8443", "https://merchant.example.com"],
  schemes: ["batch-settlement", "exact", "upto"],
  session: { deposit: "5000000" as Amount, seconds: "86400", withdrawDelay: "900", open: "1" },
  note: "Für Recherchen, höchstens 0,01 LGO am Tag.",
};
const REFUND_MANDATE: Mandate = {
  ...MANDATE,
  from: merchant.account,
  payees: ["*"],
  origins: ["*"],
  schemes: ["refund"],
  salt: "5b".repeat(32) as Digest,
};
const REVOCATION: Revocation = {
  version: "1",
  network: NETWORK,
  ledger: LEDGER,
  from: owner.account,
  mandate: digest("Mandate", MANDATE),
  revokedAt: "1760003600",
};

const REFUND: Refund = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  transaction,
  from: merchant.account,
  to: owner.account,
  entry: "1",
  amount: "2500" as Amount,
  reason: "service_not_delivered",
  id: "1d".repeat(32) as Digest,
  issuedAt: "1760007200",
};

const SESSION: Session = {
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  to: merchant.account,
  signer: agent.publicKey,
  receiver: receiver.publicKey,
  deposit: "1000000" as Amount,
  validAfter: "1760000000",
  validBefore: "1760000900",
  expiresAt: "1760086400",
  withdrawDelay: "900",
  origin: "https://merchant.example.com",
  nonce: "0e".repeat(32) as Digest,
};
/** For the request above, with its nonce, as the owner's own approval would be: one of the two opens. */
const sessionRequest = digest("PaymentRequest", SESSION_REQUEST);
const MANDATED_SESSION: Session = {
  ...SESSION,
  nonce: approvalNonce(owner.account, sessionRequest),
  requestDigest: sessionRequest,
  mandate: digest("Mandate", WHOLE_MANDATE),
};
const session = digest("Session", SESSION);
const VOUCHER: Voucher = { session, lane: "0", serial: "1", maxClaimableAmount: "10000" as Amount };
const BOUND_VOUCHER: Voucher = { ...VOUCHER, lane: "1a".repeat(16), serial: "2", binding: bindingOf(GET, TERMS) };
const CLAIM: Claim = {
  version: "1",
  ledger: LEDGER,
  session,
  lanes: [
    { lane: VOUCHER.lane, amount: "7500" as Amount, voucher: digest("Voucher", VOUCHER) },
    { lane: BOUND_VOUCHER.lane, amount: "10000" as Amount, voucher: digest("Voucher", BOUND_VOUCHER) },
  ],
  final: "no",
};
const WITHDRAWAL: Withdrawal = { version: "1", ledger: LEDGER, session, from: owner.account, requestedAt: "1760003600" };

const TRANSFER_TERMS: TransferTerms = {
  network: NETWORK,
  asset: ASSET,
  ledger: LEDGER,
  from: owner.account,
  to: merchant.account,
  value: "20000" as Amount,
  nonce: transferNonce(owner.account, "withdrawal-2025-10"),
};
const TRANSFER: Transfer = { ...TRANSFER_TERMS, validAfter: "1760003600", validBefore: "1760004500", purpose: "transfer" };

const JOURNAL_ENTRY = {
  account: merchant.account,
  seq: "1",
  kind: "credit",
  counterparty: owner.account,
  value: "10000",
  balanceAfter: "10000",
  authorizationDigest: digest("Authorization", AUTHORIZATION),
  requestDigest,
  transaction,
  at: "1760000060",
  prevHash: LEDGER,
};

/** A line of the CLI's audit log, without its digest. */
const AUDIT_ENTRY = {
  type: "AuditEntry",
  seq: "1",
  at: "2025-10-09T09:00:00Z",
  event: "requested",
  facts: { requestDigest, method: GET.method, url: GET.url, amount: TERMS.amount, payTo: TERMS.payTo },
  previous: "0".repeat(64),
};

/** The owner signed the audit log up to its first line. */
const AUDIT_ANCHOR = { head: digest("AuditEntry", AUDIT_ENTRY), count: AUDIT_ENTRY.seq, at: "2025-10-09T09:00:05Z" };

/** The account's journal was exported up to this entry. The ledger's operator signs it; here the owner's key does. */
const CHECKPOINT = {
  ledger: LEDGER,
  account: owner.account,
  seq: "1",
  head: digest("JournalEntry", JOURNAL_ENTRY),
  balance: JOURNAL_ENTRY.balanceAfter,
  at: "1760000090",
};

/** The agent's key may read the owner's account. */
const BOOKS_ACCESS: BooksAccess = {
  ledger: LEDGER,
  account: owner.account,
  reader: agent.publicKey,
  issuedAt: "1760000000",
  validBefore: "1762592000",
};
const BOOKS_REVOCATION: BooksRevocation = { ledger: LEDGER, account: owner.account, through: BOOKS_ACCESS.issuedAt };
const BOOKS_READ: BooksRead = {
  accessDigest: digest("BooksAccess", BOOKS_ACCESS),
  method: "GET",
  path: `/accounts/${owner.account}/journal?after=0`,
  at: "1760000060",
};

const SALE_DELIVERY: SaleDelivery = {
  payee: SIGNERS.merchant.account,
  origin: "https://shop.example",
  transaction,
  issuedAt: BOOKS_READ.at,
};

const DESK = "https://desk.example";
const LOGIN: Login = { version: "1", origin: DESK, account: owner.account, nonce: "6e".repeat(32) as Digest, issuedAt: BOOKS_READ.at };
const PAIRING: Pairing = { desk: DESK, account: owner.account, agent: agent.publicKey, secret: "5c".repeat(16) };
const DESK_SETTING: DeskSetting = {
  version: "1",
  desk: DESK,
  account: owner.account,
  setting: "webhook.add",
  value: "https://ntfy.example/topic",
  issuedAt: BOOKS_READ.at,
  nonce: "6f".repeat(32) as Digest,
};
const DESK_CALL: DeskCall = {
  desk: DESK,
  method: "POST",
  path: "/requests?wait=30",
  bodySha256: bodyDigest(utf8("{}")),
  at: BOOKS_READ.at,
  nonce: "70".repeat(32) as Digest,
};

/** File name, from the root of the repository → content. */
export async function vectors(): Promise<Record<string, string>> {
  const files = {
    accounts: accounts(),
    digests: await digests(),
    bindings: bindings(),
    "short-codes": shortCodes(),
    headers: headers(),
    proofs: await proofVectors(),
    native: nativeVectors(),
  };
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`spec/vectors/${name}.json`, json(content)]));
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function accounts() {
  return Object.entries(SEEDS).map(([name, key]) => {
    const { publicKey, account } = SIGNERS[name as keyof typeof SIGNERS];
    return { name, key, publicKey, account };
  });
}

function digests() {
  return Promise.all([
    entry("a PaymentRequest", "PaymentRequest", REQUEST, "agent"),
    entry("a PaymentRequest with unusual text", "PaymentRequest", UNUSUAL_REQUEST, "agent"),
    entry("an Authorization from an owner's approval", "Authorization", AUTHORIZATION, "owner"),
    entry("an Authorization without optional members", "Authorization", BARE_AUTHORIZATION, "owner"),
    entry("a Decision that declines", "Decision", DECLINED, "owner"),
    entry("a Decision that revokes", "Decision", REVOKED, "owner"),
    entry("a Mandate of required members", "Mandate", MANDATE, "owner"),
    entry("a Mandate with every member", "Mandate", WHOLE_MANDATE, "owner"),
    entry("a Mandate for refunds", "Mandate", REFUND_MANDATE, "merchant"),
    entry("an Authorization of at most its value, by scheme upto", "Authorization", { ...AUTHORIZATION, scheme: "upto" }, "owner"),
    entry("an Authorization under a Mandate", "Authorization", MANDATED_AUTHORIZATION, "agent"),
    entry("a Revocation of one Mandate", "Revocation", REVOCATION, "owner"),
    entry("a Revocation of one Mandate by its agent", "Revocation", REVOCATION, "agent"),
    entry("a Revocation of all Mandates", "Revocation", { ...REVOCATION, mandate: "*" }, "owner"),
    entry("a Refund by the payee", "Refund", REFUND, "merchant"),
    entry("a Refund under a Mandate", "Refund", { ...REFUND, mandate: digest("Mandate", REFUND_MANDATE) }, "agent"),
    entry("a PaymentRequest for a Session", "PaymentRequest", SESSION_REQUEST, "agent"),
    entry("a Session by the payer", "Session", SESSION, "owner"),
    entry("a Session under a Mandate", "Session", MANDATED_SESSION, "agent"),
    entry("a Voucher of the first lane", "Voucher", VOUCHER, "agent"),
    entry("a Voucher for one request", "Voucher", BOUND_VOUCHER, "agent"),
    entry("a Claim of two lanes", "Claim", CLAIM, "receiver"),
    entry("a final Claim", "Claim", { ...CLAIM, lanes: [], final: "yes" }, "receiver"),
    entry("a Withdrawal by the payer", "Withdrawal", WITHDRAWAL, "owner"),
    entry("a Withdrawal by the agent", "Withdrawal", WITHDRAWAL, "agent"),
    entry("the terms of a transfer", "TransferTerms", TRANSFER_TERMS),
    entry("an Authorization of a transfer", "Authorization", TRANSFER, "owner"),
    entry("a Checkpoint", "Checkpoint", CHECKPOINT, "owner"),
    entry("a BooksAccess", "BooksAccess", BOOKS_ACCESS, "owner"),
    entry("a BooksRevocation", "BooksRevocation", BOOKS_REVOCATION, "owner"),
    entry("a BooksRead", "BooksRead", BOOKS_READ, "agent"),
    entry("a SaleDelivery", "SaleDelivery", SALE_DELIVERY, "merchant"),
    entry("a NativeStatement, which is signed by another kind of key", "NativeStatement", NATIVE_STATEMENT),
    entry("a NativeRevocation, which is signed by another kind of key", "NativeRevocation", NATIVE_REVOCATION),
    entry("a Login", "Login", LOGIN, "owner"),
    entry("a Pairing", "Pairing", PAIRING, "owner"),
    entry("a DeskSetting", "DeskSetting", DESK_SETTING, "owner"),
    entry("a DeskCall", "DeskCall", DESK_CALL, "agent"),
    entry("an AuditEntry", "AuditEntry", AUDIT_ENTRY),
    entry("an AuditAnchor", "AuditAnchor", AUDIT_ANCHOR, "owner"),
    entry("the start of the Stream from one shard to another", "Stream", { ledger: LEDGER, from: "0", to: "1" }),
    entry("the Funding of an account", "Funding", { from: treasuryOf(LEDGER), to: owner.account, value: "10000", nonce: transaction }),
    entry("the Batch of one transaction", "Batch", [transaction]),
    entry("the Binding of a GET", "Binding", { ...GET, ...TERMS }),
    entry("the Nonce of an approval", "Nonce", { from: owner.account, requestDigest }),
    entry("the Transaction of an Authorization", "Transaction", {
      network: NETWORK,
      authorizationDigest: digest("Authorization", AUTHORIZATION),
    }),
    entry("a JournalEntry", "JournalEntry", JOURNAL_ENTRY),
  ]);
}

/** `key` is the signer's seed for this type; unsigned types have none. */
async function entry(name: string, type: DigestType, object: Signable, signer?: keyof typeof SIGNERS) {
  const hash = digest(type, object);
  const facts = {
    name,
    type,
    object,
    canonical: canonicalJson(object),
    preimageHex: bytesToHex(digestPreimage(type, object)),
    digest: hash,
  };
  if (!signer) return facts;
  const key = SIGNERS[signer];
  return { ...facts, key: SEEDS[signer], publicKey: key.publicKey, signature: await key.sign(hash) };
}

function bindings() {
  const requests: [string, BoundRequest][] = [
    ["GET", GET],
    ["HEAD, bound as GET", { ...GET, method: "HEAD" }],
    ["GET with a query", { ...GET, url: `${GET.url}?q=1` }],
    ["POST with a body", POST],
    ["POST with an empty body", { method: POST.method, url: POST.url }],
  ];
  return requests.map(([name, request]) => ({ name, request, terms: TERMS, binding: bindingOf(request, TERMS) }));
}

function shortCodes() {
  const digests = ["0".repeat(64), "f".repeat(64), `00443214c74254b6${"0".repeat(48)}`, requestDigest] as Digest[];
  return digests.map((hash) => ({ digest: hash, shortCode: shortCode(hash) }));
}

const unpadded = (text: string) => text.replace(/=+$/, "");
const raw = (text: string) => toBase64(utf8(text));

function headers() {
  const value = { text: "ü?>~ÿ!" };
  const standard = encodeHeader(value);
  const urlSafe = standard.replaceAll("+", "-").replaceAll("/", "_");
  return {
    value,
    written: standard,
    read: { standard, unpadded: unpadded(standard), urlSafe, urlSafeUnpadded: unpadded(urlSafe) },
    refused: {
      "mixed alphabets": "eyJhIjoi+-8ifQ",
      "bits that belong to no byte": "e31=",
      "not UTF-8": toBase64(Uint8Array.of(0x22, 0xff, 0x22)),
      "byte order mark": raw("\uFEFF{}"),
      "duplicate key": raw('{"a":"1","a":"2"}'),
      "duplicate key, escaped": raw(String.raw`{"a":"1","\u0061":"2"}`),
      "lone surrogate": raw(String.raw`{"a":"\ud800"}`),
      "key __proto__": raw('{"__proto__":{}}'),
      "number too large": raw('{"a":1e999}'),
      "nested too deep": raw("[".repeat(17) + "]".repeat(17)),
    },
  };
}
