/** The seller's page as HTML, without a script. Routes, buyers' identifiers and reasons are strangers' words: shown, escaped and cut. */

import { html, raw } from "hono/html";
import { MAX_SELLER_PAGE_DAYS, SELLER_PAGE_DAYS } from "../../../../shared/limits.ts";
import { displayAmount } from "../../../../shared/protocol/amount.ts";
import { REFUND_OBSTACLES } from "../../../../shared/protocol/refund-obstacle.ts";
import { WHOLE_WIDTH, widthOf } from "../../../../shared/screen/bar.ts";
import type { LedgerCheck } from "./check-ledger.ts";
import { dayText } from "./csv.ts";
import { ledgerFigures, ledgerVerdict } from "./ledger-html.ts";
import { figure, type Html, table, words } from "./parts-html.ts";
import { STYLE } from "./style.ts";
import type { OpenSale, PeriodTotals } from "./totals.ts";

export interface Shown {
  payee: string;
  /** The shop's, as its buyers see it. */
  origin: string;
  /** The last day, `2026-01-31`, and how many there are. */
  to: string;
  days: number;
  totals: PeriodTotals;
  check: LedgerCheck;
  /** Sales on other networks. */
  elsewhere: number;
}

export function salesPage({ payee, origin, to, days, totals, check, elsewhere }: Shown): string {
  const { all, whole } = totals;
  const isCompared = check.state === "compared";
  return document(html`
<h1>Sales</h1>
<p class="quiet">to <span class="id">${words(payee)}</span></p>
${periodForm(to, days)}
${ledgerVerdict(check, origin)}
${whole ? "" : html`<p class="note warn" role="status">There are more sales than one view reads: every sum is of a part. Show fewer days.</p>`}
${elsewhere === 0 ? "" : html`<p class="note">${elsewhere} more on lez:* are not shown here: their money is on another chain.</p>`}
<dl class="numbers">
${figure("Sold", displayAmount(all.sold), "first")}
${figure("Sales", all.sales)}
${figure("Paid, not delivered", all.owed)}
${figure(isCompared ? "Open holds" : "Not known to be paid", all.pending)}
${figure("Given back by the shop", all.refunds)}
</dl>
${ledgerFigures(check)}
${all.sales + all.pending === 0 ? html`<p class="note">No sale is recorded of ${days === 1 ? "this day" : "these days"}.</p>` : sections(totals, isCompared)}
<p class="files"><a href="?to=${to}&amp;days=${days}&amp;format=csv">These sales as CSV</a></p>`);
}

/** What went wrong, in place of the page. */
export function problemPage(title: string, hint: string): string {
  return document(html`<h1>Sales</h1><p class="note bad" role="alert">${title}</p><p class="note">${hint}</p>`);
}

function document(main: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sales</title>
<style>${raw(STYLE)}</style>
</head>
<body><main>${main}</main></body>
</html>
` as string;
}

function periodForm(to: string, days: number): Html {
  const choices = [...new Set([1, SELLER_PAGE_DAYS, MAX_SELLER_PAGE_DAYS, days])].sort((a, b) => a - b);
  return html`<form>
<label>Last day (UTC)<input type="date" name="to" value="${to}" required></label>
<label>Days<select name="days">${choices.map((n) => html`<option${n === days ? " selected" : ""}>${n}</option>`)}</select></label>
<button>Show</button>
</form>`;
}

function sections({ days, routes, open }: PeriodTotals, isCompared: boolean): Html {
  const most = days.reduce((most, { sold }) => (sold > most ? sold : most), 0n);
  const bars = days.map(
    ({ day, sold, sales, whole }) => html`<li><span>${dayText(day)}</span>
<svg viewBox="0 0 ${WHOLE_WIDTH} 1" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="${WHOLE_WIDTH}" height="1"/><rect width="${widthOf(sold, most)}" height="1"/></svg>
<span class="sum">${displayAmount(sold)} <span class="quiet">in ${sales}${whole ? "" : " or more"}</span></span></li>`,
  );
  return html`<section class="card" aria-labelledby="days"><h2 id="days">Per day</h2><ol class="days">${bars}</ol>
<p class="quiet">A sale belongs to the day on which its payment became valid, in UTC.</p></section>
${openSales(open, isCompared)}
${table(
  "routes",
  "Per route and day",
  ["Day", "Route", "Sold", "Sales", "Not delivered", isCompared ? "Open holds" : "Not known", "Given back"],
  routes.lines.map((line) => [
    dayText(line.day),
    words(line.route),
    displayAmount(line.sold),
    line.sales,
    line.owed,
    line.pending,
    line.refunds,
  ]),
  routes.more,
)}
<p class="quiet">The route <code>sessions</code> has what sessions paid, claim by claim; their calls are not counted again.
Refunds that you made by command are in the ledger's journal, and not in this table.</p>`;
}

const WAITS: Record<OpenSale["waits"], string> = {
  money: "Whether it was paid is not known yet",
  goods: "Paid, not delivered",
  refund: "The shop is giving it back",
  give_back: "Give it back yourself",
};

const OPEN_HOLD = "Open: the journal does not have it. The ledger may still hold the buyer's money for it";

function openSales({ lines, more }: PeriodTotals["open"], isCompared: boolean): Html | string {
  if (lines.length === 0) return "";
  const state: Record<OpenSale["waits"], string> = isCompared ? { ...WAITS, money: OPEN_HOLD } : WAITS;
  const cells = lines.map(({ day, sale, waits }) => [
    dayText(day),
    words(sale.route),
    displayAmount(sale.amount),
    `${state[waits]}${sale.refund?.state === "owed" ? `: ${obstacle(sale.refund.code)}` : ""}`,
    words(sale.transaction),
    words(sale.paymentId ?? ""),
  ]);
  return table("open", "Open", ["Day", "Route", "Amount", "State", "Transaction", "Buyer's identifier"], cells, more);
}

function obstacle(code: string): string {
  return Object.hasOwn(REFUND_OBSTACLES, code) ? REFUND_OBSTACLES[code as keyof typeof REFUND_OBSTACLES] : words(code);
}
