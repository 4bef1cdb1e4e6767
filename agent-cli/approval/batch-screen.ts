/** The screen of a batch: for each request the price, the host, the account and the reason; what is left out; the sum. */

import { displayAmount } from "../../shared/protocol/amount.ts";
import { priceText } from "../../shared/protocol/offer.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { approvalFacts } from "../../shared/screen/facts.ts";
import { approvalWarnings } from "../../shared/screen/warnings.ts";
import { counted, field, type Layout, wrap } from "../runtime/layout.ts";
import type { LeftOut } from "./batch-requests.ts";
import type { Reading } from "./view-of.ts";

/** What is known of the account, before the key is opened. */
export interface Account {
  from: string;
  spendable?: string;
  problem?: string;
}

export function batchScreen(
  members: readonly { view: Reading }[],
  leftOut: readonly LeftOut[],
  { sum, account }: { sum: bigint; account: Account },
  layout: Layout,
): string[] {
  const display = displayAmount(sum.toString());
  return [
    layout.ink("bold", `APPROVE ${counted(members.length, "REQUEST", "REQUESTS")}`),
    ...members.flatMap(({ view }, i) => ["", ...lines(view, members.slice(0, i), layout)]),
    ...(leftOut.length > 0 ? ["", "Left out; they stay open:"] : []),
    ...leftOut.flatMap(({ request, message }) =>
      wrap(`${showUnsafe(request)}  ${showUnsafe(message)}`, layout.width - 2).map((line) => `  ${line}`),
    ),
    "",
    ...field(layout, "Pay", `${display} for ${counted(members.length, "request")}`).map((line) => layout.ink("bold", line)),
    ...field(layout, "From", account.from),
    ...balanceText(account, sum, layout),
  ];
}

function lines(view: Reading, before: readonly { view: Reading }[], layout: Layout): string[] {
  const { request, checked, authorization } = view;
  const { method, url } = request.http;
  const [reason = ""] = approvalFacts(view).agentSays;
  const twin = before.find((member) => sameThing(member.view, view));
  const warnings = [
    ...(twin ? [`The same as ${shortCode(twin.view.checked.digest)} in this list: it would be bought twice.`] : []),
    ...approvalWarnings(view),
  ];
  return [
    layout.ink("bold", `${shortCode(checked.digest)}  ${priceText(request.payment)} to ${new URL(url).host}`),
    ...field(layout, "Account", authorization.to),
    ...field(layout, "For", showUnsafe(`${method} ${url}`)),
    ...wrap(reason, layout.width - 4).map((line) => `  ${layout.ink("dim", "│ ")}${line}`),
    ...warnings.flatMap((warning) => wrap(`! ${warning}`, layout.width - 2).map((line) => layout.ink("yellow", `  ${line}`))),
  ];
}

function sameThing({ request: a }: Reading, { request: b }: Reading): boolean {
  return a.http.method === b.http.method && a.http.url === b.http.url && a.payment.payTo === b.payment.payTo;
}

function balanceText({ spendable, problem }: Account, sum: bigint, layout: Layout): string[] {
  if (spendable === undefined) return field(layout, "Balance", `not known: ${showUnsafe(problem ?? "it was not asked")}`);
  const left = BigInt(spendable) - sum;
  const rest = left < 0n ? "not enough" : `${displayAmount(left.toString())} after`;
  return field(layout, "Balance", `${displayAmount(spendable)}; ${rest}`);
}
