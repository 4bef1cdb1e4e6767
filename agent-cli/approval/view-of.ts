/** From a request to everything that its owner reads before signing. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { isNativeRequest } from "../../shared/protocol/payment-request.ts";
import { type Checked, type ToSign, toSign } from "../../shared/protocol/what-is-signed.ts";
import { standingApprovals } from "../../shared/screen/approvals.ts";
import type { ApprovalView, BalanceView, MandateStanding, Outstanding } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { sentWith } from "../purchase/sent-with.ts";
import { findDecision, history } from "../records/decision-history.ts";
import { askedAt, type DeskAskRecord } from "../records/desk-asks.ts";
import { pinOf } from "../records/merchant-pins.ts";
import { findPayment, openPayments } from "../records/payment-journal.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { confirmWithHost, type HostInput } from "./host-confirmation.ts";
import { openPaymentOf } from "./open-payment.ts";
import { checkForOwner, type OwnerHalf } from "./owner-checks.ts";
import type { Confirmed } from "./sign-decision.ts";

/** What the screen shows of a facilitator's answers. They are waited for while the host is asked. */
export interface Asked {
  balance: Promise<BalanceView>;
  mandates: Promise<Outcome<MandateStanding[]>>;
}

/** What a yes would sign, at this second. */
export type Made = ToSign & Pick<ApprovalView, "native">;
export type Make = (checked: Checked, now: number) => Promise<Outcome<Made>>;

export interface ViewInput extends HostInput {
  /** Seconds of validity, if shorter than offered. */
  expiresIn?: number | undefined;
}

/** All that the owner reads before a yes, and what the moment of signing compares with it. */
export interface Reading extends ApprovalView, Pick<Confirmed, "approvedBefore" | "judged"> {}

/** @param but the request that is read now */
function outstandingOf(context: Context, but: Digest, account: string, now: number): Outstanding {
  const amounts = standingApprovals(history(context))
    .filter(({ requestDigest, from, validBefore }) => requestDigest !== but && from === account && Number(validBefore) >= now)
    .filter(({ requestDigest }) => {
      const presented = findPayment(context, requestDigest as Digest);
      return presented.ok && presented.data === undefined;
    })
    .map(({ amount }) => BigInt(amount));
  return { sum: amounts.reduce((sum, amount) => sum + amount, 0n), requests: amounts.length };
}

/** Nonces are per account: one account is paid once, wherever its owner approves. */
function alsoAt({ desk, account }: DeskAskRecord, from: AccountId): ApprovalView["alsoAt"] {
  return account === from ? undefined : { desk, account };
}

/**
 * Checks a request and collects what the approval screen shows. Asks the host, opens no key.
 * @param key the public half of the owner's key
 * @param asked what its account can spend and its agent need not ask for, asked meanwhile
 */
export async function viewOf(
  context: Context,
  input: ViewInput,
  subject: Subject,
  key: OwnerHalf,
  asked: Asked,
  make: Make = (checked, now) => Promise.resolve(succeed(toSign(subject.request, checked, key.account, now, input.expiresIn))),
): Promise<Outcome<Reading>> {
  const { request } = subject;
  const checked = await checkForOwner(context, subject, key);
  if (!checked.ok) return checked;
  const config = context.config();
  if (!config.ok) return config;
  const offered = Number(request.payment.maxTimeoutSeconds);
  if (input.expiresIn !== undefined && input.expiresIn > offered) {
    return fail("usage", `--expires-in can only shorten: the merchant offers ${offered} seconds.`);
  }
  if (input.expiresIn !== undefined && request.payment.session)
    return fail("usage", "--expires-in does not go with a request for a session: the agent asked for its length. Decline it with a note.");
  const confirmed = await confirmWithHost(context, subject, checked.data, input);
  if (!confirmed.ok) return confirmed;
  const { host, judged } = confirmed.data;
  const approvedBefore = findDecision(context, checked.data.digest, "approved");
  if (!approvedBefore.ok) return approvedBefore;
  const known = pinOf(context, new URL(request.http.url).origin, request.payment.network);
  if (!known.ok) return known;
  const atDesk = askedAt(context, checked.data.digest);
  if (!atDesk.ok) return atDesk;
  const mandates = await asked.mandates;
  if (!mandates.ok) return mandates;
  const now = unixNow();
  const made = await make(checked.data, now);
  if (!made.ok) return made;
  return succeed({
    request,
    checked: checked.data,
    ...made.data,
    now,
    history: history(context),
    open: openPayments(context).map(openPaymentOf),
    threshold: config.data.approvalThreshold,
    ledger: config.data.ledger,
    host,
    balance: await asked.balance,
    mandates: mandates.data,
    outstanding: outstandingOf(context, checked.data.digest, key.account, now),
    // No desk pays on the chain.
    alsoAt: atDesk.data && !isNativeRequest(request) ? alsoAt(atDesk.data, key.account) : undefined,
    sent: sentWith(context, subject),
    approvedBefore: approvedBefore.data,
    judged,
    pin: judged?.pin ?? known.data,
    pinnedBefore: known.data?.payTo === request.payment.payTo,
  });
}
