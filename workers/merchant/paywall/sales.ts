/**
 * `lez-agent-pay/hono/sales`: the register of sales, for the seller who asks. Its readers are those of the payee's books, and the
 * facilitator says whether they are: it knows which accesses the account has revoked. The shop's operator reads with a key of the shop's own:
 * a merchant cannot know the facilitator's operator.
 */

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { showsKeyOf } from "../../../shared/crypto/bearer-key.ts";
import { digestSchema } from "../../../shared/crypto/digest.ts";
import { type ErrorCode, isErrorCode } from "../../../shared/errors.ts";
import { NETWORK } from "../../../shared/lez.ts";
import { MAX_FACILITATOR_BODY_BYTES, REOPENED_SECONDS, SALES_PAGE } from "../../../shared/limits.ts";
import { type AccountId, accountIdSchema } from "../../../shared/protocol/account.ts";
import { saleDeliveryProblem, signedSaleDeliverySchema } from "../../../shared/protocol/sale-delivery.ts";
import { checkShape, parseJson } from "../../../shared/text/json.ts";
import { unixNow } from "../../../shared/time.ts";
import { readLimited } from "../../../shared/x402/body.ts";
import { call } from "./facilitator/http-call.ts";
import { withTimeout } from "./facilitator/within-timeout.ts";
import { traceOf } from "./log.ts";
import { dayOf, registerOf, type SalesRegister } from "./memory/sales-register.ts";
import { refuseSeller } from "./refuse-seller.ts";
import { publicUrl } from "./terms/bound-request.ts";
import type { PaywallEnv } from "./types.ts";

const NO_REGISTER = "this merchant keeps no register of sales: it has no binding DELIVERIES";
const GOES_BACK = "the time to deliver is over, and the buyer gets the money: sales owed says how far that is";
const PATH = "/.well-known/paywall-sales";

const day = z.string().check(z.regex(/^[0-9]{1,12}$/, "must be unix seconds"));
const pageSchema = z.strictObject({ payee: accountIdSchema, day, after: z.optional(digestSchema) });
const orderSchema = z.strictObject({ ...signedSaleDeliverySchema.shape, day });
const verdictSchema = z.looseObject({ ok: z.optional(z.boolean()), error: z.optional(z.string()) });

/**
 * `GET /.well-known/paywall-sales?payee=…&day=…&after=…`: a page of the sales of one day, for readers of the payee's books and for
 * the holder of the bearer key whose SHA-256 is the secret `OPERATOR_KEY_SHA256`. `next`, if there are more, goes into `after`.
 * `POST`: serves a sale again when its buyer repeats the payment, at the signed word of the payee.
 */
export function paywallSales(): Hono<PaywallEnv> {
  return new Hono<PaywallEnv>()
    .get(PATH, async (c) => {
      const page = checkShape(c.req.query(), pageSchema);
      if (!page.ok) return refuseSeller("invalid_payload", page.problem);
      const { payee, day, after = "" } = page.value;
      const { DELIVERIES } = c.env;
      if (!DELIVERIES) return refuseSeller("not_found", NO_REGISTER);
      const refused = await refusedReader(c, payee);
      if (refused) return refuseSeller(refused);
      const sales = await withTimeout(registerOf(DELIVERIES, payee, dayOf(Number(day))).listSales(after));
      if (!sales) return refuseSeller("facilitator_unavailable");
      const next = sales.length < SALES_PAGE ? undefined : sales.at(-1)?.transaction;
      return c.json({ payee, sales, ...(next !== undefined && { next }) }, 200, { "Cache-Control": "no-store" });
    })
    .post(PATH, async (c) => {
      const body = await readLimited(c.req.raw, MAX_FACILITATOR_BODY_BYTES);
      const order = body ? parseJson(body, MAX_FACILITATOR_BODY_BYTES, orderSchema) : undefined;
      if (!order?.ok) return refuseSeller("invalid_payload", order?.problem);
      const { day, ...signed } = order.value;
      const problem = await saleDeliveryProblem(signed, publicUrl(c).origin, unixNow());
      if (problem !== undefined) return refuseSeller("unauthorized", problem);
      const { payee, transaction } = signed.delivery;
      const { DELIVERIES } = c.env;
      if (!DELIVERIES) return refuseSeller("not_found", NO_REGISTER);
      const sale = await withTimeout(registerOf(DELIVERIES, payee, dayOf(Number(day))).reopenSale(transaction));
      if (!sale) return refuseSeller("not_found", "the merchant has no record of this sale");
      const receipt = { success: true, transaction, network: sale.network ?? NETWORK, payer: sale.payer, amount: sale.amount } as const;
      const reopened = await withTimeout(
        (DELIVERIES.getByName(sale.payer) as SalesRegister).reopen(sale.key, receipt, unixNow() + REOPENED_SECONDS),
      );
      if (reopened) return c.json({ transaction, payer: sale.payer, route: sale.route, until: unixNow() + REOPENED_SECONDS });
      if (reopened === undefined) return refuseSeller("facilitator_unavailable");
      const refunded = await withTimeout((DELIVERIES.getByName(sale.payer) as SalesRegister).isRefunded(sale.key));
      return refunded ? refuseSeller("payment_refunded", GOES_BACK) : refuseSeller("payment_in_progress");
    });
}

/**
 * The holder of the shop's own operator key may read; of every other caller the facilitator is asked.
 * @returns why the caller may not read the sales of the account; undefined if it may
 */
async function refusedReader(c: Context<PaywallEnv>, account: AccountId): Promise<ErrorCode | undefined> {
  const authorization = c.req.header("Authorization");
  if (authorization === undefined) return "unauthorized";
  if (showsKeyOf(c.env.OPERATOR_KEY_SHA256, authorization)) return undefined;
  const { pathname, search } = new URL(c.req.url);
  const read = { authorization, method: c.req.method, path: pathname + search, account };
  const { FACILITATOR, FACILITATOR_URL, FACILITATOR_KEY } = c.env;
  if (FACILITATOR_URL) {
    const address = { base: FACILITATOR_URL.replace(/\/+$/, ""), key: FACILITATOR_KEY };
    const said = await call(address, "/books/check", verdictSchema, traceOf(c), read, ({ error }) => error !== undefined);
    if (!said.ok) return "facilitator_unavailable";
    return said.value.ok ? undefined : isErrorCode(said.value.error) ? said.value.error : "unauthorized";
  }
  const said = FACILITATOR?.checkReader && (await withTimeout(FACILITATOR.checkReader(read, traceOf(c))));
  if (!said) return "facilitator_unavailable";
  return said.ok ? undefined : said.code;
}
