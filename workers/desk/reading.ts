/** Everything that an owner's page shows of a request before a yes. The page computes from the request's own text what will be signed. */

import { approvalWire } from "../../shared/desk/approval-wire.ts";
import { type DeskRefusal, refused } from "../../shared/desk/codes.ts";
import type { HostedAnswer } from "../../shared/desk/hosted-api.ts";
import { nativeWire } from "../../shared/desk/native-wire.ts";
import { APPROVAL_TYPED_THRESHOLD, MAX_DESK_MANDATES_SHOWN } from "../../shared/limits.ts";
import { checkNativeRequest } from "../../shared/protocol/native-request.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { checkForApproval, toSign } from "../../shared/protocol/what-is-signed.ts";
import { standingApprovals } from "../../shared/screen/approvals.ts";
import type { Confirmation, TermsDifference } from "../../shared/screen/confirmation.ts";
import { differencesText } from "../../shared/screen/confirmation.ts";
import { sentRequest } from "../../shared/screen/sent-request.ts";
import type { BalanceView, MandateStanding } from "../../shared/screen/view.ts";
import { unixNow } from "../../shared/time.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { openGrants } from "./grants.ts";
import { standingOf } from "./items.ts";
import { keyRecord } from "./keys.ts";
import { askMerchant } from "./merchant.ts";
import { partOf, partView } from "./parts.ts";
import { findRequest, outstandingBeside, pastDecisions, requestOf, type RequestRow, termsOf } from "./requests.ts";

export async function read(desk: DeskContext, { request: digest, expiresIn }: AskOf<"read">): Promise<Told<HostedAnswer<"read">>> {
  const { store, account, facilitator } = desk;
  const waiting = waitingRequest(desk, digest);
  if (!waiting.ok) return waiting;
  const { kept, request } = waiting;
  if (expiresIn !== undefined && (request.payment.session || expiresIn > Number(request.payment.maxTimeoutSeconds)))
    return refused("usage", "The time can only be shortened, and not that of a session.");
  const checked = await checkForApproval(request, unixNow());
  if (!checked.ok) return refused("request_refused", `The request is not valid: ${checked.problem}.`);
  const [merchant, balance, mandates, ledger] = await Promise.all([
    askMerchant(desk.env, request, checked.offer, termsOf(kept)),
    balanceOf(desk),
    mandatesFor(desk, request.agent.publicKey),
    facilitator.ledger(),
  ]);
  if (merchant.kind === "differs") return differs(merchant.differences);
  const now = unixNow();
  const history = pastDecisions(store, account);
  const { origin } = new URL(request.http.url);
  const pinnedBefore = standingApprovals(history).some(
    ({ url, payTo }) => URL.parse(url)?.origin === origin && payTo === request.payment.payTo,
  );
  const part = partOf(store, digest, now);
  const view = {
    request,
    checked,
    ...toSign(request, checked, account, now, expiresIn),
    now,
    history,
    open: [],
    threshold: APPROVAL_TYPED_THRESHOLD,
    ...(ledger.ok && { ledger: ledger.value }),
    host: merchant satisfies Confirmation,
    // The agent keeps headers and body to itself.
    sent: sentRequest(request.http, undefined),
    balance,
    outstanding: outstandingBeside(store, digest, now),
    mandates,
    pinnedBefore,
  };
  return tell({
    view: approvalWire(view, expiresIn),
    ...(part && { partial: partView(part, keyRecord(store, account).policy) }),
  });
}

/** The same of a request on the chain itself. What the desk cannot know without the chain it leaves to the terminal that signs. */
export async function readNative(desk: DeskContext, { request: digest }: AskOf<"readNative">): Promise<Told<HostedAnswer<"readNative">>> {
  const waiting = waitingRequest(desk, digest);
  if (!waiting.ok) return waiting;
  const { kept, request } = waiting;
  const checked = await checkNativeRequest(request, unixNow());
  if (!checked.ok) return refused("request_refused", `The request is not valid: ${checked.problem}.`);
  const host = await askMerchant(desk.env, request, checked.offer, termsOf(kept));
  if (host.kind === "differs") return differs(host.differences);
  const sent = sentRequest(request.http, undefined);
  return tell({ view: nativeWire({ request, now: unixNow(), host, sent, threshold: APPROVAL_TYPED_THRESHOLD }) });
}

function waitingRequest({ store }: DeskContext, digest: string): { ok: true; kept: RequestRow; request: PaymentRequest } | DeskRefusal {
  const kept = findRequest(store, digest, unixNow());
  if (!kept) return refused("request_not_found");
  if (kept.state === "expired") return refused("request_expired");
  if (kept.state !== "pending") return refused("decided_meanwhile", `The request is ${kept.state} already. The first decision counts.`);
  return { ok: true, kept, request: requestOf(kept) };
}

function differs(differences: readonly TermsDifference[]): DeskRefusal {
  return refused("terms_differ", `The merchant's own terms are not the ones in this request: ${differencesText(differences)}.`);
}

async function balanceOf({ facilitator, account }: DeskContext): Promise<BalanceView> {
  const answer = await facilitator.balance(account);
  if (!answer.ok) return { kind: "unknown", why: answer.why };
  return { kind: "known", spendable: BigInt(answer.value.balance) - BigInt(answer.value.held) };
}

async function mandatesFor({ store, facilitator, account }: DeskContext, agentKey: string): Promise<MandateStanding[]> {
  const now = unixNow();
  const open = openGrants(store, now, agentKey).slice(0, MAX_DESK_MANDATES_SHOWN);
  const standings = await Promise.all(open.map(async (grant) => standingOf(grant, await facilitator.mandate(account, grant.digest), now)));
  return standings.filter((standing) => standing !== undefined);
}
