/** The facilitator over HTTP: the standard x402 endpoints, and our own. spec/protocol.md. */

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { EXPLORER_PATH } from "../../shared/explorer/path.ts";
import { NETWORK } from "../../shared/lez.ts";
import { FAUCET_CAP_PER_ACCOUNT, FAUCET_GRANT, FAUCET_WINDOW_SECONDS } from "../../shared/limits.ts";
import { logEvent, traceIdFrom } from "../../shared/log.ts";
import { accountIdSchema, parseAccountId } from "../../shared/protocol/account.ts";
import { amountSchema } from "../../shared/protocol/amount.ts";
import { signedDecisionSchema } from "../../shared/protocol/decision.ts";
import { signedRefundSchema } from "../../shared/protocol/refund.ts";
import { signedRevocationSchema } from "../../shared/protocol/revocation.ts";
import { signedTransferSchema } from "../../shared/protocol/transfer.ts";
import { creditQuerySchema } from "../../shared/settlement/commands.ts";
import type { Facilitator } from "../../shared/settlement/facilitator.ts";
import { notNative } from "../../shared/settlement/native.ts";
import { checkShape } from "../../shared/text/json.ts";
import { TRACE_ID } from "../../shared/x402/headers.ts";
import { namesOneHost } from "../../shared/x402/host.ts";
import { holdsKeyOf } from "./access.ts";
import { failure, malformed, problemResponse, readJson, type Wording } from "./api.ts";
import { addBooksRoutes, refusedReader } from "./books.ts";
import { addDiscoveryRoutes, extensionsOf } from "./discovery.ts";
import type { Api, FacilitatorEnv } from "./env.ts";
import { ledgerBackend } from "./ledger-backend.ts";
import { addLedgerRoutes } from "./ledger-routes.ts";
import { addNativeRoutes, namesNative, nativeStatus, withNative } from "./native.ts";
import { withinLimit } from "./rate-limits.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { SETTLE, VERIFY, x402Handler } from "./x402-endpoint.ts";

const NO_EXPLORER = { message: "This facilitator serves no explorer.", hint: "Its operator can deploy one: docs/explorer.md." };

const faucetSchema = z.strictObject({ account: accountIdSchema, amount: z.optional(amountSchema), id: digestSchema });

const SIGNED_SECONDS = "must be the unix seconds that were signed";
const settlementSchema = z.strictObject({
  network: z.literal(NETWORK),
  payer: accountIdSchema,
  nonce: digestSchema,
  validBefore: z.string(SIGNED_SECONDS).check(z.regex(/^[0-9]{1,12}$/, SIGNED_SECONDS)),
});

const mandateKeySchema = z.strictObject({ network: z.literal(NETWORK), payer: accountIdSchema, digest: digestSchema });

/** The ledger's codes about a grant. */
const GRANT: Wording = {
  nonce_replayed: {
    message: "This id belongs to another grant.",
    hint: "Send it with the account and the amount it was first sent with, or take a new id.",
  },
  rate_limited: {
    message: `No account is granted more than ${FAUCET_CAP_PER_ACCOUNT} atomic units a day.`,
    hint: "Ask for less, or a day later.",
  },
  recipient_mismatch: { message: "The treasury cannot give to itself.", hint: "Name another account." },
};

/** The ledger's codes about a revocation. */
const REVOCATION: Wording = {
  invalid_signature: {
    message: "The signature is not the payer's, under this decision.",
    hint: "Sign the decision exactly as sent, with the key or the proof beside it.",
  },
  nonce_replayed: { message: "It is too late: the payment was made already.", hint: "Look up the settlement that transaction names." },
  insufficient_funds: {
    message: "This account has never held money here, so the ledger cannot cancel anything for it.",
    hint: "Nothing can be paid from it while it is empty. Revoke again once it has money, or do not fund it before the approval expires.",
  },
  rate_limited: {
    message: "This account has revoked too many approvals in two days.",
    hint: "Wait until the approval expires, or move the money to another account.",
  },
  payment_in_progress: { hint: "Wait a minute, then revoke it again: it may be paid by then." },
};

/** Codes about the revocation of a mandate. */
const MANDATE_REVOCATION: Wording = {
  invalid_signature: {
    message: "The signature is not the payer's, under this revocation, nor the agent's of this one mandate.",
    hint: "Sign the revocation exactly as sent. An agent sends its mandate along, and revokes no other.",
  },
  invalid_network: { message: "The revocation names another network.", hint: `Revoke on "${NETWORK}".` },
  ledger_mismatch: {
    message: "The revocation is for another ledger.",
    hint: "Send it to the facilitator of the ledger that the mandate names.",
  },
  insufficient_funds: {
    message: "This account has never held money here, so the ledger stores nothing for it.",
    hint: "Nothing can be paid from it while it is empty. Revoke again once it has money.",
  },
  rate_limited: {
    message: "This account has revoked too many mandates that were never used.",
    hint: "Revoke all of them at once, with *.",
  },
};

/** Codes about a refund. */
const REFUND: Wording = {
  invalid_signature: {
    message: "The signature is neither the payee's under this refund, nor that of the mandate's agent.",
    hint: "Sign the refund exactly as sent: with the payee's key or, with the mandate beside it, with the key that the mandate names.",
  },
  invalid_network: { message: "The refund names another network.", hint: `Refund on "${NETWORK}".` },
  asset_mismatch: { message: "The refund is of another asset.", hint: "Sign the asset that was paid." },
  ledger_mismatch: { message: "The refund is for another ledger.", hint: "Send it to the facilitator of the ledger that it names." },
  insufficient_funds: {
    message: "The payee's account cannot cover the refund.",
    hint: "Nothing went back. Fund the account, then send the same refund again.",
  },
  mandate_mismatch: {
    message: "The mandate does not cover this refund.",
    hint: "It must be for refunds, of this payee and ledger, and allow this payer. Refund with the payee's own key.",
  },
  mandate_expired: {
    message: "The mandate is over, or has not begun.",
    hint: "Refund with the payee's own key, or grant another mandate.",
  },
  mandate_revoked: { message: "The payee revoked the mandate.", hint: "Nothing went back. Refund with the payee's own key." },
  mandate_exceeded: { message: "The refund is beyond a limit of the mandate.", hint: "Refund with the payee's own key." },
  facilitator_unavailable: { hint: "It may have gone back. Send the same refund again: it pays once." },
};

/** Codes about a transfer. */
const TRANSFER: Wording = {
  invalid_signature: {
    message: "The signature is not the payer's, under this transfer.",
    hint: "Sign the transfer exactly as sent, with the key of the account that pays.",
  },
  invalid_network: { message: "The transfer names another network.", hint: `Send it on "${NETWORK}".` },
  asset_mismatch: { message: "The transfer is of another asset.", hint: "Only the ledger's own asset can be sent." },
  ledger_mismatch: { message: "The transfer is for another ledger.", hint: "Send it to the facilitator of the ledger that it names." },
  recipient_mismatch: { message: "Both accounts are the same.", hint: "Name another account." },
  nonce_replayed: {
    message: "Another transfer or payment under this id was made before.",
    hint: "Look up the settlement that transaction names. For another transfer take another id.",
  },
  payment_expired: { message: "The transfer has expired, and was not made.", hint: "Sign another one." },
  facilitator_unavailable: { hint: "It may have been made. Send the same transfer again: it is made once." },
  insufficient_funds: { message: "The account holds less than this.", hint: "Send less, or pay in first." },
};

export function httpApi(facilitatorFor: (env: FacilitatorEnv, traceId: string) => Promise<Facilitator>): Hono<Api> {
  const api = new Hono<Api>();
  const facilitator = (c: Context<Api>) => facilitatorFor(c.env, c.get("traceId"));
  const backend = (c: Context<Api>) => ledgerBackend(c.env, c.get("traceId"));

  api.use(async (c, next) => {
    c.set("traceId", traceIdFrom(c.req.header(TRACE_ID), c.req.header("traceparent")));
    const read = c.req.method !== "POST"; // HEAD runs the handler of GET
    if (!namesOneHost(c.req.raw.headers)) c.res = malformed(c, { problem: "Host: must be named once" });
    else if (read && !(await withinLimit(c, "read"))) c.res = problemResponse(c, "rate_limited");
    else await next();
    c.header(TRACE_ID, c.get("traceId"));
  });

  api.post("/verify", x402Handler(VERIFY, facilitator));
  api.post("/settle", x402Handler(SETTLE, facilitator));
  api.get("/supported", async (c) => {
    const own = { ...(await facilitator(c)).supported(), extensions: extensionsOf(c.env) };
    return c.json(await withNative(own, c.env, c.get("traceId")));
  });

  api.get("/settlements/:network/:payer/:nonce", async (c) => {
    if (namesNative(c)) return nativeStatus(c);
    const key = checkShape({ ...c.req.param(), validBefore: c.req.query("validBefore") }, settlementSchema);
    if (!key.ok) return malformed(c, key);
    const { payer, nonce, validBefore } = key.value;
    const { ledger } = await backend(c).info();
    return c.json({ network: NETWORK, ledger, payer, nonce, ...(await backend(c).status(payer, nonce, Number(validBefore))) });
  });

  /** Limited: each call costs a verification and a row that stays for more than a day. The ledger stores none for an account without money. */
  api.post("/settlements/cancel", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const record = await readJson(c, signedDecisionSchema);
    if (!record.ok) return malformed(c, record);
    const result = await (await facilitator(c)).cancel(record.value);
    if (!result.ok) return problemResponse(c, result.code, REVOCATION[result.code], result.detail, result.transaction);
    return c.json({ success: true, network: NETWORK, payer: result.payer, nonce: result.nonce });
  });

  /** Open to every caller: only the owner, the agent and the merchants that were paid under it know the digest. */
  api.get("/mandates/:network/:payer/:digest", async (c) => {
    if (namesNative(c)) return problemResponse(c, "unsupported_scheme", undefined, notNative().detail);
    const key = checkShape(c.req.param(), mandateKeySchema);
    if (!key.ok) return malformed(c, key);
    const { payer, digest } = key.value;
    const { ledger } = await backend(c).info();
    const status = await backend(c).mandates.status(payer, digest);
    return "code" in status ? problemResponse(c, status.code) : c.json({ network: NETWORK, ledger, payer, mandate: digest, ...status });
  });

  /** Limited like cancellations: each call costs verifications, and a row that stays for months. */
  api.post("/mandates/revoke", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const record = await readJson(c, signedRevocationSchema);
    if (!record.ok) return malformed(c, record);
    const result = await (await facilitator(c)).revoke(record.value);
    if (!result.ok) return problemResponse(c, result.code, MANDATE_REVOCATION[result.code], result.detail);
    const { payer, revokedAt, underWay } = result;
    return c.json({ success: true, network: NETWORK, payer, mandate: record.value.revocation.mandate, revokedAt, underWay });
  });

  /** Limited like cancellations: each stores a row for a month. Who may read it reads it in the journal. */
  api.post("/refunds", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const record = await readJson(c, signedRefundSchema);
    if (!record.ok) return malformed(c, record);
    const result = await (await facilitator(c)).refund(record.value);
    if (!result.ok) {
      logEvent("facilitator.refund", { traceId: c.get("traceId"), code: result.code });
      return problemResponse(c, result.code, REFUND[result.code], "detail" in result ? result.detail : undefined);
    }
    const { transaction, refundOf, payee, payer, value } = result;
    logEvent("facilitator.refund", { traceId: c.get("traceId"), transaction });
    return c.json({ success: true, network: NETWORK, transaction, refundOf, from: payee, to: payer, amount: value });
  });

  /** Limited like cancellations: each call costs a verification. The answer to a repetition is the first one's. */
  api.post("/transfers", async (c) => {
    if (!(await withinLimit(c, "cancel"))) return problemResponse(c, "rate_limited");
    const record = await readJson(c, signedTransferSchema);
    if (!record.ok) return malformed(c, record);
    const result = await (await facilitator(c)).transfer(record.value);
    if (!result.ok) {
      logEvent("facilitator.transfer", { traceId: c.get("traceId"), code: result.code });
      return problemResponse(c, result.code, TRANSFER[result.code], result.detail, result.transaction);
    }
    const { transaction, payer, payee, value } = result;
    logEvent("facilitator.transfer", { traceId: c.get("traceId"), transaction });
    return c.json({ success: true, network: NETWORK, transaction, from: payer, to: payee, amount: value });
  });

  addNativeRoutes(api);
  addSessionRoutes(api, facilitator);
  addDiscoveryRoutes(api);
  addBooksRoutes(api);
  addLedgerRoutes(api);

  /**
   * Where the account's journal has a payment: what a refund of it must name. For the readers of the account's books, and for merchants
   * with a key (FACILITATOR_KEYS) of the account.
   */
  api.get("/accounts/:payee/credits/:transaction", async (c) => {
    const query = checkShape({ ...c.req.param(), from: Number(c.req.query("from") ?? "0") }, creditQuerySchema);
    if (!query.ok) return malformed(c, query);
    const { payee, transaction, from } = query.value;
    const refused = holdsKeyOf(c, payee) ? undefined : await refusedReader(c, payee);
    if (refused) return refused;
    const result = await (await facilitator(c)).creditOf(payee, transaction, from);
    if (!result.ok) return problemResponse(c, result.code);
    return c.json({ network: NETWORK, payee, transaction, ...(result.credit && { credit: result.credit }) });
  });

  api.get("/accounts/:id{.+}", async (c) => {
    const id = parseAccountId(c.req.param("id"));
    if (!id.ok) return malformed(c, id);
    return (await refusedReader(c, id.account)) ?? c.json(await backend(c).account(id.account));
  });

  /** The balance is part of the books: a grant of one unit must not show a stranger's. */
  api.post("/faucet", async (c) => {
    if (c.env.FAUCET !== "on")
      return problemResponse(c, "not_found", { message: "The faucet is off here.", hint: "Ask the operator of this ledger for money." });
    if (!(await withinLimit(c, "grant"))) return problemResponse(c, "rate_limited");
    const grant = await readJson(c, faucetSchema);
    if (!grant.ok) return malformed(c, grant);
    const { account, amount = FAUCET_GRANT, id } = grant.value;
    const closed = await refusedReader(c, account);
    const result = await backend(c).fund(account, amount, id);
    if (!result.ok) {
      const refused = problemResponse(c, result.code, GRANT[result.code]);
      if (result.code === "rate_limited") refused.headers.set("Retry-After", String(FAUCET_WINDOW_SECONDS));
      return refused;
    }
    const { transaction, balance } = result;
    return c.json({ success: true, transaction, account, ...(!closed && { balance }) });
  });

  /** Names the ledger, the one that it was restored from, the key that signs its checkpoints, and whether it has an explorer. What a ledger has not is no member. */
  api.get("/health", async (c) => {
    const [{ ledger, origin }, checkpointKey] = await Promise.all([backend(c).info(), backend(c).checkpointKey()]);
    return c.json({ ok: true, network: NETWORK, ledger, origin, checkpointKey, explorer: c.env.EXPLORER ? true : undefined });
  });

  /** The page and its files come from a Worker of its own, which is told the path and nothing else of the caller. */
  api.on("GET", ["/explorer", "/explorer/*"], async (c) => {
    const { pathname } = new URL(c.req.url);
    if (pathname === "/explorer") return c.redirect(EXPLORER_PATH, 308);
    if (!c.env.EXPLORER) return problemResponse(c, "not_found", NO_EXPLORER);
    return c.env.EXPLORER.fetch(`https://explorer${pathname}`);
  });

  api.notFound((c) => problemResponse(c, "not_found"));
  api.onError((error, c) => problemResponse(c, failure(c, error, "internal_error")[0]));
  return api;
}
