/** What the seller's page says of the ledger: what was checked, and how; what does not fit; or why nothing was checked, and what to do. */

import { html } from "hono/html";
import { MAX_SELLER_PAGE_LINES } from "../../../../shared/limits.ts";
import { displayAmount } from "../../../../shared/protocol/amount.ts";
import { formatTimestamp } from "../../../../shared/time.ts";
import type { LedgerCheck } from "./check-ledger.ts";
import type { Difference } from "./compare.ts";
import { dayText } from "./csv.ts";
import { figure, type Html, table, words } from "./parts-html.ts";
import type { Unread } from "./read-ledger.ts";

type Compared = Extract<LedgerCheck, { state: "compared" }>;

const GRANT = html`<code>lez-agent-pay books grant --new-key --out access.json</code> on the machine of the account's owner, and
<code>npx wrangler secret put SELLER_ACCESS &lt; access.json</code>, let this page read the account's journal for 30 days. They move nothing.`;
const AGAIN = html`Load the page again in a minute.`;

/** Why nothing was checked, and what the seller can do. */
const UNREAD: Record<Unread["why"], readonly [why: string, remedy: Html]> = {
  no_facilitator: [
    "this Worker reaches no facilitator",
    html`Set the service binding <code>FACILITATOR</code> or <code>FACILITATOR_URL</code>.`,
  ],
  closed: ["the books of this ledger are closed to this page", GRANT],
  refused: ["the facilitator does not take this page's access: it may have been revoked", GRANT],
  ended: ["this page's access has ended, at", GRANT],
  bad_access: ["the secret SELLER_ACCESS cannot be used:", GRANT],
  other_ledger: ["this page's access is for another ledger than the facilitator's", GRANT],
  away: ["the facilitator does not answer", AGAIN],
  foreign: ["the facilitator keeps no books that this page can read", html`Other facilitators than lez-agent-pay's have none.`],
  too_long: ["the journal since these days is longer than one view reads", html`Show later days.`],
  pruned: ["the ledger's operator has pruned the journal of these days", html`Show later days.`],
};

/** What the sums below are worth. */
export function ledgerVerdict(check: LedgerCheck, origin: string): Html {
  if (check.state === "compared") return verdictOf(check);
  if (check.state === "differs")
    return html`<div class="note bad" role="alert"><p><b>The ledger's books of this account do not add up.</b> ${check.problem}.</p>
<p>Nothing below is checked. Ask the ledger's operator for an audit.</p></div>`;
  const { unread } = check;
  const [why, remedy] = UNREAD[unread.why];
  return html`<div class="note warn"><p><b>These are the shop's own records. Nothing here is checked against the ledger:</b>
${why}${"detail" in unread ? ` ${words(unread.detail)}` : ""}.</p>
<p>${remedy} <code>lez-agent-pay sales summary --merchant-url ${words(origin)}</code> checks them in a terminal.</p></div>`;
}

function verdictOf({ reading: { signature, until, entries }, comparison: { differences, period } }: Compared): Html {
  const whole = period.every(({ whole }) => whole);
  const good = differences.length === 0 && whole && signature.state === "good";
  const first = entries[0];
  const chain = first
    ? `Entries ${first.seq} to ${entries.at(-1)?.seq} of the account's journal were computed again, and add up to its balance.`
    : "The account's journal has no entry since these days.";
  const says =
    differences.length > 0
      ? `${differences.length === 1 ? "One payment does" : `${differences.length} payments do`} not fit the ledger. They are listed below.`
      : whole
        ? "The shop's records of these days fit the ledger, payment by payment."
        : "What was read of the shop's records fits the ledger. Payments that are not recorded were not looked for.";
  return html`<div class="note ${good ? "good" : "warn"}" role="status"><p><b>${says}</b> ${chain}</p>
${
  signature.state === "good"
    ? html`<p>The ledger signed the last one, with the key <span class="id">${signature.publicKey}</span>. Compare it with the one that you know.</p>`
    : html`<p>This ledger signs nothing: it could show another history to others.</p>`
}
<p>Whether goods went out, and on which route, is the shop's own word.${until === undefined ? "" : ` This page may read the journal until ${until}.`}</p></div>`;
}

/** What the journal has, and what does not fit. */
export function ledgerFigures(check: LedgerCheck): Html | string {
  if (check.state !== "compared") return "";
  const { reading, comparison } = check;
  const { found, journal, differences } = comparison;
  const sum = ({ payments, value }: typeof found) => `${displayAmount(value)} in ${payments}`;
  return html`<section class="card" aria-labelledby="ledger"><h2 id="ledger">The ledger's journal of these days</h2><dl class="numbers journal">
${figure("Sales that both have", sum(found))}
${figure("Payments received", sum(journal.sale))}
${figure("Given back", sum(journal.refund))}
${journal.otherIn.payments > 0 ? figure("Other money in", sum(journal.otherIn)) : ""}
${journal.otherOut.payments > 0 ? figure("Other money out", sum(journal.otherOut)) : ""}
${figure("Balance now", displayAmount(reading.account.balance))}
${reading.account.held === "0" ? "" : figure("Held of it", displayAmount(reading.account.held))}
</dl><p class="quiet">The journal has a payment on the day on which it settled, by the ledger's clock. What is held is the ledger's word.</p></section>
${
  differences.length === 0
    ? ""
    : table(
        "differences",
        "What does not fit",
        ["Day", "What", "The shop", "The ledger", "Route or payer", "Transaction"],
        differences.slice(0, MAX_SELLER_PAGE_LINES).map(differenceCells),
        Math.max(0, differences.length - MAX_SELLER_PAGE_LINES),
        "more lines are not shown: lez-agent-pay sales export has them.",
      )
}`;
}

const WHAT: Record<Difference["kind"], string> = {
  not_in_journal: "Recorded as paid. The journal does not have it; from another part of the ledger it may be on its way for a minute",
  amount: "Another amount",
  no_refund: "Recorded as given back. The journal has no refund of it",
  sum: "Several payments with another sum",
  not_recorded: "The shop has no record of it, or not yet",
};

/** Day, what, the shop, the ledger, route or payer, transaction. */
function differenceCells(difference: Difference): string[] {
  const { kind } = difference;
  const what = "entry" in difference ? `${WHAT[kind]}: entry ${difference.entry}` : WHAT[kind];
  if ("sale" in difference) {
    const { day, sale } = difference;
    const ledger = kind === "amount" ? displayAmount(difference.value) : kind === "no_refund" ? "no refund" : "nothing";
    return [dayText(day), what, displayAmount(sale.amount), ledger, words(sale.route), words(sale.transaction)];
  }
  const at = formatTimestamp(difference.at);
  if (difference.kind === "sum") return [at, what, displayAmount(difference.recorded), displayAmount(difference.value), "", ""];
  const { value, payer, transaction } = difference;
  return [at, what, "nothing", value === undefined ? "a part of it" : displayAmount(value), payer ?? "", transaction];
}
