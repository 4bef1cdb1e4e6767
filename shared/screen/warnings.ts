/** What deserves a second look before a yes. Warnings follow from the request and the owner's own records only. */

import { displayAmount } from "../protocol/amount.ts";
import { isUpfront } from "../protocol/offer.ts";
import { parseTimestamp } from "../time.ts";
import { standingApprovals } from "./approvals.ts";
import { unicodeDomain } from "./domain.ts";
import { duration } from "./duration.ts";
import type { RequestView } from "./facts.ts";
import { mixesScripts } from "./homoglyphs.ts";
import { nativeWarnings } from "./native-facts.ts";
import { readable } from "./sent-request.ts";
import type { ApprovalView, PastDecision } from "./view.ts";

const NEAR_SECONDS = 600;
const MANY = 5;
/** A payment that is valid for less may expire before it is sent. */
const SHORT_SECONDS = 60;
/** Above this many times the largest sum that an account ever got, the account's good name is worth nothing. */
const MUCH_MORE = 10n;

export function approvalWarnings(view: ApprovalView): string[] {
  return [
    ...(view.native ? nativeWarnings(view.native) : []),
    ...ofTheTerms(view),
    ...ofTheMerchant(view),
    ...ofTheAccount(view),
    ...ofTheRecord(view),
    ...ofAddressAndAmount(view),
  ]
    .filter(([applies]) => applies)
    .map(([, text]) => text);
}

type Warning = [applies: boolean, text: string];

/** Of a request on the chain itself that is read without the chain: what follows from it alone. */
export function requestWarnings({ request, checked, sent, pin, threshold }: RequestView & Pick<ApprovalView, "threshold">): string[] {
  const valid = Number(request.payment.maxTimeoutSeconds);
  return [
    ...ofTheBytes(sent, checked, valid, true),
    [pin !== undefined && pin.payTo !== request.payment.payTo, OTHER_ACCOUNT] satisfies Warning,
    ...ofAddressAndAmount({ request, threshold }),
  ]
    .filter(([applies]) => applies)
    .map(([, text]) => text);
}

const OTHER_ACCOUNT = "This merchant is known under ANOTHER ACCOUNT than the one that would be paid.";

function ofTheTerms({ checked, authorization, native, ledger, sent }: ApprovalView): Warning[] {
  const valid = Number(authorization.validBefore) - Number(authorization.validAfter);
  return [
    ...ofTheBytes(sent, checked, valid, native !== undefined || isUpfront(checked.offer)),
    [authorization.ledger === undefined, "It names no ledger: each ledger of this network could settle it once."],
    [
      native === undefined && ledger !== undefined && authorization.ledger !== undefined && authorization.ledger !== ledger,
      "It is for another ledger than the one you have configured.",
    ],
  ];
}

/** @param valid seconds */
function ofTheBytes({ body }: RequestView["sent"], { scope }: RequestView["checked"], valid: number, isUpfront: boolean): Warning[] {
  const seen = readable(body);
  return [
    [seen === "unseen", `You approve a body that you cannot read: ${body.kind === "unseen" ? body.why : ""}.`],
    [seen === "part", "You approve a body that you cannot read: it is too long to be shown whole."],
    [seen === "binary", "The body is not text: only its type and size are shown."],
    [valid < SHORT_SECONDS, `It would be valid for only ${duration(valid)} after you sign: it may expire before it is sent.`],
    [scope === "none", "This payment is tied to no request: the merchant could give something else for it."],
    [isUpfront, "The money is taken BEFORE the answer comes. It does not come back by itself when the answer fails."],
  ];
}

/**
 * A host, an account or a key is known by what the owner approved, and by nothing else: the agent can ask as often as it
 * likes, and its tool writes the pins.
 */
function ofTheMerchant({ request, pin, pinnedBefore, history }: ApprovalView): Warning[] {
  const { payTo } = request.payment;
  const { origin } = new URL(request.http.url);
  const here = standingApprovals(history).filter(({ url }) => URL.parse(url)?.origin === origin);
  const { key } = pin ?? {};
  const since = parseTimestamp(key?.since ?? "") ?? 0;
  // Approvals of version 0.1 do not name the key.
  const approvedKey = here.some(
    ({ merchantKey, at }) => merchantKey === key?.publicKey || (merchantKey === undefined && (parseTimestamp(at) ?? 0) > since),
  );
  const replaced = here.length > 0 || since > (parseTimestamp(pin?.firstSeenAt ?? "") ?? 0);
  return [
    [here.length === 0, "You never approved a payment to this host."],
    [!pinnedBefore, "No account is pinned for this host: it has not asked for a payment here before."],
    [pin !== undefined && pin.payTo !== payTo, OTHER_ACCOUNT],
    [here.length > 0 && !here.some((entry) => entry.payTo === payTo), "What you approved at this host before went to ANOTHER ACCOUNT."],
    [key !== undefined && replaced && !approvedKey, "This merchant signs its terms with a NEW KEY."],
  ];
}

/** A small purchase must not make an account look good for a large one. */
function ofTheAccount({ request, history, balance }: ApprovalView): Warning[] {
  const amounts = standingApprovals(history)
    .filter((entry) => entry.payTo === request.payment.payTo)
    .map(({ amount }) => BigInt(amount));
  const most = amounts.reduce((max, amount) => (amount > max ? amount : max), 0n);
  const muchMore = most > 0n && BigInt(request.payment.amount) > most * MUCH_MORE;
  const tooLittle = balance.kind === "known" && balance.spendable < BigInt(request.payment.amount);
  return [
    [tooLittle, "Your account holds less than this payment."],
    [most === 0n, "First payment to this account."],
    [muchMore, `You never approved more than ${displayAmount(most)} for this account. This is more than ${MUCH_MORE} times as much.`],
  ];
}

function ofTheRecord({ request, checked, authorization, history, now, open, alsoAt }: ApprovalView): Warning[] {
  const { payTo, amount } = request.payment;
  const near = history.filter(({ at }) => now - (parseTimestamp(at) ?? 0) < NEAR_SECONDS);
  const approved = history.filter(({ decision }) => decision === "approved");
  const sameTerms = (entry: Pick<PastDecision, "url" | "payTo" | "amount">) =>
    entry.url === request.http.url && entry.payTo === payTo && entry.amount === amount;
  const other = ({ requestDigest }: { requestDigest?: string | undefined }) => requestDigest !== checked.digest;
  const unclear = open.some((payment) => other(payment) && sameTerms(payment));
  const standing = standingApprovals(history);
  // Not the agent's payment journal: an agent could write there what it likes.
  const stillValid = standing.find((entry) => other(entry) && sameTerms(entry) && Number(entry.validBefore ?? 0) >= now);
  const before = approved.find(({ requestDigest }) => requestDigest === checked.digest);
  // Nonces are per account: the ledger would pay one approval from each.
  const byAnother = before?.from !== undefined && before.from !== authorization.from;
  const ago = duration(Math.max(0, now - (parseTimestamp(stillValid?.at ?? "") ?? now)));
  return [
    [before !== undefined && !byAnother, "You approved this very request before. It is paid once, however often you approve."],
    [byAnother, "You approved this very request before, from ANOTHER ACCOUNT of yours: each of the two could be paid."],
    [alsoAt !== undefined, `ANOTHER ACCOUNT decides it at ${alsoAt?.desk}: ${alsoAt?.account}. Both could pay.`],
    [unclear, "An earlier payment for the same thing was sent, and what became of it is not known. This one would come on top."],
    [
      stillValid !== undefined && !unclear,
      `You approved another payment on the same terms ${ago} ago. It was paid, or still may be; this one would come on top.`,
    ],
    [near.some((entry) => entry.decision === "declined" && sameTerms(entry)), "You declined the same terms a few minutes ago."],
    [near.length >= MANY, `This is request number ${near.length + 1} within ten minutes.`],
    [!standing.some(({ agentKey }) => agentKey === request.agent.publicKey), "You never approved a request of this agent's key."],
  ];
}

function ofAddressAndAmount({ request, threshold }: Pick<ApprovalView, "request" | "threshold">): Warning[] {
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
