/**
 * `lez-agent-pay/hono/seller-page`: the register of sales as a page for the seller. It changes nothing, and is for the holder of the secret
 * SELLER_KEY alone. Mount it where you like, also behind an access control of your own.
 */

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { MAX_SELLER_PAGE_CALLS, MAX_SELLER_PAGE_DAYS, MAX_SELLER_PAGE_READS, SELLER_PAGE_DAYS } from "../../../shared/limits.ts";
import { type AccountId, isAccountId } from "../../../shared/protocol/account.ts";
import { checkShape } from "../../../shared/text/json.ts";
import { parseTimestamp, unixNow } from "../../../shared/time.ts";
import { logOnceAMinute, traceOf } from "./log.ts";
import { dayOf } from "./memory/sales-register.ts";
import { checkAgainstLedger } from "./seller/check-ledger.ts";
import { dayText, salesCsv } from "./seller/csv.ts";
import { admit } from "./seller/gate.ts";
import { problemPage, salesPage } from "./seller/html.ts";
import { readPeriod } from "./seller/read-period.ts";
import { pageHeaders } from "./seller/style.ts";
import { totalsOf } from "./seller/totals.ts";
import { publicUrl } from "./terms/bound-request.ts";
import type { DurableNamespace, PaywallEnv } from "./types.ts";

const SECONDS_A_DAY = 86_400;
const DAYS = `must be a number of days, 1 to ${MAX_SELLER_PAGE_DAYS}`;

const querySchema = z.object({
  to: z.optional(z.string().check(z.refine((day) => secondOf(day) !== undefined, "must be a day such as 2026-01-31"))),
  days: z.optional(z.string().check(z.refine((days) => /^[1-9][0-9]?$/.test(days) && Number(days) <= MAX_SELLER_PAGE_DAYS, DAYS))),
  format: z.optional(z.literal("csv")),
});

export interface SellerPageOptions {
  /** The account whose sales are shown; else the variable PAY_TO. */
  payTo?: string;
}

/**
 * `GET` of where it is mounted: sales per route and day, what is paid and not delivered, and what goes back. `?to=2026-01-31&days=7`
 * chooses the days, in UTC, and `&format=csv` is every sale of them as a file. All of it is the shop's own record; the page compares it with
 * the account's journal at the ledger, and says what fits. Where books are keyed that takes the secret SELLER_ACCESS. Sales on `lez:*` are
 * counted and left out.
 *
 * The key is asked for as the password of HTTP Basic, or shown as a bearer key, over https or on this machine. Without the secret
 * SELLER_KEY, of at least 32 characters, the page answers 500 and the Worker's log says why.
 */
export function sellerPage({ payTo }: SellerPageOptions = {}): Hono<PaywallEnv> {
  return new Hono<PaywallEnv>().get("/", async (c) => {
    try {
      const admission = admit(c.env.SELLER_KEY, c.req.header("Authorization"), publicUrl(c));
      if (admission === "insecure") return problem(403, "This connection is not secure.", "Open the page over https.");
      if (admission === "closed") {
        const ask = { "WWW-Authenticate": 'Basic realm="Sales", charset="UTF-8"' };
        return problem(401, "This page is for the seller.", "The password is the shop's SELLER_KEY, under any user name.", ask);
      }
      return await answer(c, settingsOf(c, payTo));
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      logOnceAMinute("paywall.misconfigured", error.message, { traceId: traceOf(c), path: c.req.path, message: error.message });
      return problem(500, "This page is not set up.", "The Worker's log says what it needs, in paywall.misconfigured.");
    }
  });
}

function settingsOf({ env }: Context<PaywallEnv>, payTo: string | undefined): { payee: AccountId; namespace: DurableNamespace } {
  const payee = payTo ?? env.PAY_TO;
  if (!isAccountId(payee)) throw new ConfigurationError("sellerPage() needs the variable PAY_TO, or payTo, to be a LEZ account");
  if (!env.DELIVERIES)
    throw new ConfigurationError("sellerPage() needs the Durable Object binding DELIVERIES: it keeps the record of sales");
  return { payee, namespace: env.DELIVERIES };
}

async function answer(c: Context<PaywallEnv>, { payee, namespace }: ReturnType<typeof settingsOf>): Promise<Response> {
  const query = checkShape(c.req.query(), querySchema);
  if (!query.ok) return problem(400, "The address asks for something that there is not.", query.problem);
  const { to, format } = query.value;
  const days = Number(query.value.days ?? SELLER_PAGE_DAYS);
  const last = (to === undefined ? undefined : secondOf(to)) ?? dayOf(unixNow());
  const list = Array.from({ length: days }, (_, i) => last - i * SECONDS_A_DAY);
  const calls = { left: MAX_SELLER_PAGE_CALLS };
  const period = await readPeriod(namespace, payee, list, calls, MAX_SELLER_PAGE_CALLS - MAX_SELLER_PAGE_READS);
  if (!period) return unanswered();
  if (format === undefined) {
    const check = await checkAgainstLedger(c.env, { payee, namespace, period, calls });
    if (!check) return unanswered();
    const totals = totalsOf(check.state === "compared" ? check.comparison.period : period);
    const elsewhere = period.reduce((sum, day) => sum + (day.elsewhere ?? 0), 0);
    return page(salesPage({ payee, origin: publicUrl(c).origin, to: dayText(last), days, totals, check, elsewhere }), 200);
  }
  if (!totalsOf(period).whole) {
    return problem(400, "These are too many sales for one file.", "Ask for fewer days, or use lez-agent-pay sales export.");
  }
  const name = `sales-${dayText(last)}-${days}.csv`;
  const headers = { ...pageHeaders(), "Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="${name}"` };
  return new Response(salesCsv(period), { headers });
}

function unanswered(): Response {
  return problem(503, "The record of sales does not answer.", "Nothing is lost. Load the page again in a minute.");
}

function problem(status: number, title: string, hint: string, headers: Record<string, string> = {}): Response {
  return page(problemPage(title, hint), status, headers);
}

function page(html: string, status: number, headers: Record<string, string> = {}): Response {
  return new Response(html, { status, headers: { ...pageHeaders(), "Content-Type": "text/html; charset=utf-8", ...headers } });
}

function secondOf(day: string): number | undefined {
  return parseTimestamp(`${day}T00:00:00Z`);
}
