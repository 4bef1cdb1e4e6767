/** What deserves a second look before a yes. Warnings follow from the request and the owner's own records only. */

import { isUpfront } from "../protocol/offer.ts";
import { parseTimestamp } from "../time.ts";
import { unicodeDomain } from "./domain.ts";
import { duration } from "./duration.ts";
import { mixesScripts } from "./homoglyphs.ts";
import type { ApprovalView, PastDecision } from "./view.ts";

const NEAR_SECONDS = 600;
const MANY = 5;

export function approvalWarnings(view: ApprovalView): string[] {
  return [...ofTheTerms(view), ...ofTheMerchant(view), ...ofTheRecord(view), ...ofAddressAndAmount(view)]
    .filter(([applies]) => applies)
    .map(([, text]) => text);
}

type Warning = [applies: boolean, text: string];

function ofTheTerms({ checked, authorization, ledger }: ApprovalView): Warning[] {
  return [
    [checked.scope === "none", "This payment is tied to no request: the merchant could give something else for it."],
    [isUpfront(checked.offer), "The money is taken BEFORE the answer comes. It does not come back by itself when the answer fails."],
    [authorization.ledger === undefined, "It names no ledger: each ledger of this network could settle it once."],
    [
      ledger !== undefined && authorization.ledger !== undefined && authorization.ledger !== ledger,
      "It is for another ledger than the one you have configured.",
    ],
  ];
}

/**
 * A merchant or key is new if it was pinned when this request was made, or later. A key stays new until the owner approves
 * a payment under it: otherwise an agent could make a key look old with a first request.
 */
function ofTheMerchant({ request, pin, history }: ApprovalView): Warning[] {
  if (!pin) return [];
  const here = history.filter(({ decision, url }) => decision === "approved" && URL.parse(url)?.origin === pin.origin);
  const lastApproval = Math.max(0, ...here.map(({ at }) => parseTimestamp(at) ?? 0));
  const isNew = (at: string, before: number) => (parseTimestamp(at) ?? 0) >= before;
  const requested = parseTimestamp(request.createdAt) ?? 0;
  const first = isNew(pin.firstSeenAt, requested);
  const changedKey = pin.key && (isNew(pin.key.since, requested) || (lastApproval > 0 && isNew(pin.key.since, lastApproval)));
  return [
    [pin.payTo !== request.payment.payTo, "This merchant is known under ANOTHER ACCOUNT than the one that would be paid."],
    [first, "This merchant is seen for the first time."],
    [!first && changedKey === true, "This merchant signs its terms with a NEW KEY."],
  ];
}

function ofTheRecord({ request, checked, authorization, history, now, open }: ApprovalView): Warning[] {
  const { payTo, amount } = request.payment;
  const near = history.filter(({ at }) => now - (parseTimestamp(at) ?? 0) < NEAR_SECONDS);
  const approved = history.filter(({ decision }) => decision === "approved");
  const sameTerms = (entry: Pick<PastDecision, "url" | "payTo" | "amount">) =>
    entry.url === request.http.url && entry.payTo === payTo && entry.amount === amount;
  const other = ({ requestDigest }: { requestDigest?: string | undefined }) => requestDigest !== checked.digest;
  const unclear = open.some((payment) => other(payment) && sameTerms(payment));
  const revoked = new Set(history.filter(({ decision }) => decision === "revoked").map(({ requestDigest }) => requestDigest));
  // Not the agent's payment journal: an agent could write there what it likes.
  const stillValid = approved.find(
    (entry) => other(entry) && sameTerms(entry) && !revoked.has(entry.requestDigest) && Number(entry.validBefore ?? 0) >= now,
  );
  const before = approved.find(({ requestDigest }) => requestDigest === checked.digest);
  // Nonces are per account: the ledger would pay one approval from each.
  const byAnother = before?.from !== undefined && before.from !== authorization.from;
  const ago = duration(Math.max(0, now - (parseTimestamp(stillValid?.at ?? "") ?? now)));
  return [
    [before !== undefined && !byAnother, "You approved this very request before. It is paid once, however often you approve."],
    [byAnother, "You approved this very request before, from ANOTHER ACCOUNT of yours: each of the two could be paid."],
    [unclear, "An earlier payment for the same thing was sent, and what became of it is not known. This one would come on top."],
    [
      stillValid !== undefined && !unclear,
      `You approved another payment on the same terms ${ago} ago. It was paid, or still may be; this one would come on top.`,
    ],
    [near.some((entry) => entry.decision === "declined" && sameTerms(entry)), "You declined the same terms a few minutes ago."],
    [near.length >= MANY, `This is request number ${near.length + 1} within ten minutes.`],
    [!approved.some((entry) => entry.payTo === payTo), "First payment to this account."],
    [!history.some(({ agentKey }) => agentKey === request.agent.publicKey), "This agent's key is seen for the first time."],
  ];
}

function ofAddressAndAmount({ request, threshold }: ApprovalView): Warning[] {
  const url = new URL(request.http.url);
  const { hostname } = url;
  return [
    [url.protocol === "http:", "The connection is not encrypted (http:)."],
    [/^[0-9.]+$|^\[/.test(hostname), "The merchant is named by an IP address, not by a domain."],
    [url.port !== "", `An unusual port: ${url.port}.`],
    [/(^|\.)xn--/.test(hostname), "The domain has non-Latin letters; it may imitate another. It is shown in its ASCII form."],
    [mixesScripts(unicodeDomain(hostname)), "The domain mixes letters of several scripts, as imitations do."],
    [mixesScripts(request.merchant.name), "The agent's name for the merchant mixes letters of several scripts, as imitations do."],
    [BigInt(request.payment.amount) > threshold, "A large amount."],
  ];
}
