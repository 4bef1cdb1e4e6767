/**
 * Who may read an account's books: every caller where BOOKS is `public`; else the operator, and the holder of an access that the
 * account signed. One payment's entry is for every caller who presents that payment. spec/protocol.md §10.
 */

import type { Context, Hono } from "hono";
import { ConfigurationError } from "../../shared/configuration-error.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { checkSigner } from "../../shared/exact/verify.ts";
import { NETWORK } from "../../shared/lez.ts";
import { CLOCK_SKEW_SECONDS } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import {
  revocationProblem,
  type SignedRead,
  signedBooksRevocationSchema,
  signedReadSchema,
  verifyRead,
} from "../../shared/protocol/books-access.ts";
import { exactPayloadSchema } from "../../shared/protocol/exact-payload.ts";
import type { SignedRefund } from "../../shared/protocol/refund.ts";
import type { PaymentRefusal } from "../../shared/protocol/refusal.ts";
import { unixNow } from "../../shared/time.ts";
import { isOperator } from "./access.ts";
import { malformed, problemResponse, readJson, type Wording } from "./api.ts";
import { type Api, type FacilitatorEnv, passkeyRules } from "./env.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { withinLimit } from "./rate-limits.ts";

/** The same words for an account that exists and for one that does not. */
const CLOSED = {
  message: "The books of this ledger are open to the owners of its accounts.",
  hint: "Send Authorization: BooksRead with an access that the account signed (spec/protocol.md §10), or the operator's key as a Bearer.",
};

/** The ledger's codes about a revocation of accesses. */
const REVOCATION: Wording = {
  invalid_signature: {
    message: "The signature is not the account's, under this revocation.",
    hint: "Sign the revocation exactly as sent, with the key or the proof beside it.",
  },
  ledger_mismatch: { message: "The revocation is for another ledger.", hint: "Sign the ledger that /health names." },
  insufficient_funds: {
    message: "This account has never held money here: it has no books, and nothing is stored for it.",
    hint: "Revoke again once it has money; until then its accesses show nothing.",
  },
};

/**
 * Whether every caller may read the books.
 * @throws {ConfigurationError} for a word that BOOKS does not have: a typing mistake must open nothing
 */
export function booksArePublic({ BOOKS = "keyed" }: FacilitatorEnv): boolean {
  if (BOOKS !== "public" && BOOKS !== "keyed") throw new ConfigurationError(`BOOKS is ${BOOKS}: it must be public or keyed`);
  return BOOKS === "public";
}

/** @returns the refusal of a caller who may not read the account's books; undefined for one who may */
export async function refusedReader(c: Context<Api>, account: AccountId): Promise<Response | undefined> {
  if (booksArePublic(c.env) || isOperator(c)) return undefined;
  const { pathname, search } = new URL(c.req.url);
  const read = { authorization: c.req.header("Authorization"), method: c.req.method, path: pathname + search, account };
  const verdict = await checkReader(c.env, c.get("traceId"), read);
  return verdict.ok ? undefined : problemResponse(c, "unauthorized", CLOSED, verdict.detail);
}

/** Whether a signed read lets its sender read the account's books, public or not: sellers' records are as private as keyed books. */
export async function checkReader(
  env: FacilitatorEnv,
  traceId: string,
  { authorization, ...call }: Omit<SignedRead, "authorization"> & { authorization: string | undefined },
): Promise<{ ok: true } | PaymentRefusal> {
  const read = await verifyRead(authorization, { ...call, now: unixNow() }, passkeyRules(env));
  const closed = (detail?: string): PaymentRefusal => ({ ok: false, code: "unauthorized", ...(detail !== undefined && { detail }) });
  if (!read.ok) return closed(read.detail);
  const ledger = ledgerBackend(env, traceId);
  const [{ ledger: id }, voidThrough] = await Promise.all([ledger.info(), ledger.accessesVoidThrough(call.account)]);
  if (read.access.ledger !== id) return closed("access.ledger: is not this ledger");
  return Number(read.access.issuedAt) > voidThrough ? { ok: true } : closed("access.issuedAt: the account has revoked this access");
}

/** The payment that a caller presents, of any age, or the refusal. Its signature says that the caller is a party to it. */
async function presentedPayment(c: Context<Api>): Promise<{ authorization: Authorization; transaction: Digest } | Response> {
  if (!(await withinLimit(c, "call"))) return problemResponse(c, "rate_limited");
  const payment = await readJson(c, exactPayloadSchema);
  if (!payment.ok) return malformed(c, payment);
  const { authorization } = payment.value;
  if (authorization.network !== NETWORK) return problemResponse(c, "invalid_network");
  const digest = authorizationDigest(authorization);
  const signed = await checkSigner(payment.value, digest, passkeyRules(c.env));
  if (!signed.ok) return problemResponse(c, signed.code, undefined, signed.detail);
  return { authorization, transaction: transactionOf(NETWORK, digest) };
}

export function addBooksRoutes(api: Hono<Api>): void {
  /**
   * The ledger's entry of one payment, and its signature under it, for a caller who presents the payment. So the buyer's agent and the
   * seller can show that it was paid, and learn nothing of the payer's other payments.
   */
  api.post("/settlements/entry", async (c) => {
    const presented = await presentedPayment(c);
    if (presented instanceof Response) return presented;
    const { authorization, transaction } = presented;
    const backend = ledgerBackend(c.env, c.get("traceId"));
    const { from: payer, validAfter } = authorization;
    const from = Number(validAfter) - CLOCK_SKEW_SECONDS;
    const [{ ledger }, entry] = await Promise.all([backend.info(), backend.debit(payer, transaction, Math.max(from, 0))]);
    const attested = entry && (await backend.attest(payer, Number(entry.seq)));
    const checkpoint = attested && "code" in attested ? undefined : attested;
    // What an `upto` was charged may be nothing: that is settled, and has no entry.
    const status =
      !entry && authorization.scheme ? await backend.status(payer, authorization.nonce, Number(authorization.validBefore)) : undefined;
    const nothing = status?.status === "settled" && status.transaction === transaction && status.charged === "0" && { charged: "0" };
    return c.json({ network: NETWORK, ledger, payer, transaction, ...(entry && { entry }), ...nothing, ...checkpoint });
  });

  /** What the payee gave back of one payment, as it signed it, for a caller who presents the payment. Of no account's balance. */
  api.post("/settlements/refunds", async (c) => {
    const presented = await presentedPayment(c);
    if (presented instanceof Response) return presented;
    const { authorization, transaction } = presented;
    const backend = ledgerBackend(c.env, c.get("traceId"));
    const [{ ledger }, { refunded, refunds }] = await Promise.all([
      backend.info(),
      backend.refunds.of(authorization.to, transaction, true),
    ]);
    const oldestFirst = refunds.toReversed().map(({ transaction, value: amount, at, debit, signed }) => ({
      transaction,
      amount,
      at,
      debit,
      ...(signed !== undefined && { signed: JSON.parse(signed) as SignedRefund }),
    }));
    return c.json({ network: NETWORK, ledger, transaction, refunded, refunds: oldestFirst });
  });

  /** Whether a signed read that a seller's Worker got lets its sender read the books: its records have the same readers. */
  api.post("/books/check", async (c) => {
    if (!(await withinLimit(c, "call"))) return problemResponse(c, "rate_limited");
    const read = await readJson(c, signedReadSchema);
    if (!read.ok) return malformed(c, read);
    const verdict = await checkReader(c.env, c.get("traceId"), read.value);
    return verdict.ok ? c.json({ ok: true }) : problemResponse(c, verdict.code, CLOSED, verdict.detail);
  });

  /** Limited like a cancellation. The ledger stores one number in the row that the account has, and nothing for one without a row. */
  api.post("/books/revoke", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const signed = await readJson(c, signedBooksRevocationSchema);
    if (!signed.ok) return malformed(c, signed);
    const { ledger, account, through } = signed.value.revocation;
    const problem = await revocationProblem(signed.value, unixNow(), passkeyRules(c.env));
    if (problem) return problemResponse(c, problem.code, REVOCATION[problem.code], problem.detail);
    const backend = ledgerBackend(c.env, c.get("traceId"));
    if ((await backend.info()).ledger !== ledger) return problemResponse(c, "ledger_mismatch", REVOCATION.ledger_mismatch);
    const result = await backend.voidAccesses(account, Number(through));
    if (!result.ok) return problemResponse(c, result.code, REVOCATION[result.code]);
    return c.json({ success: true, network: NETWORK, ledger, account, through: String(result.through) });
  });
}
