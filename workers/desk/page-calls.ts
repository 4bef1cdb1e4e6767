/** What the page of a signed-in owner asks, but for decisions and settings, which have files of their own. */

import { refused } from "../../shared/desk/codes.ts";
import type { HostedAnswer } from "../../shared/desk/hosted-api.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { DESK_PAGE, MAX_DESK_LOOKUPS, MAX_DESK_MANDATES } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import { foldedLines } from "./agents.ts";
import type { AskOf, SessionCallName } from "./asks.ts";
import { decide, grant, partial, refuse, revoke } from "./decisions.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { allGrants, openGrants } from "./grants.ts";
import { exportOf, historyOf } from "./history.ts";
import { itemOf, mandateItem } from "./items.ts";
import { pair, pairing } from "./pair.ts";
import { dropProposed, grantPart, openProposals, proposalView } from "./proposals.ts";
import { read, readNative } from "./reading.ts";
import { receipt } from "./receipts.ts";
import { findRequest, listRequests, requestOf, termsOf } from "./requests.ts";
import { set, settings } from "./set.ts";
import { askForUnsettled, askLedger } from "./settlements.ts";

type Run<Name extends SessionCallName> = (
  desk: DeskContext,
  ask: AskOf<Name>,
) => Promise<Told<HostedAnswer<Name>>> | Told<HostedAnswer<Name>>;

export const SESSION_CALLS: { [Name in SessionCallName]: Run<Name> } = {
  state: async ({ account, facilitator }) => {
    const known = { account, sealed: false, network: NETWORK };
    const answer = await facilitator.balance(account);
    if (!answer.ok) return tell({ ...known, balanceProblem: answer.why });
    const { balance, held } = answer.value;
    return tell({ ...known, balance: { spendable: money(BigInt(balance) - BigInt(held), ASSET), held: money(held, ASSET) } });
  },

  requests: async (desk, { all, cursor }) => {
    if (all) await askForUnsettled(desk);
    const now = unixNow();
    const begin = cursor === undefined ? undefined : Number(cursor);
    const page = listRequests(desk.store, all, begin, DESK_PAGE, now);
    const last = page.at(-1);
    const next = page.length < DESK_PAGE ? undefined : all ? last?.seq : (begin ?? 0) + page.length;
    const folded = foldedLines(desk.store, now);
    return tell({
      requests: page.map((kept) => itemOf(kept, now)),
      unreadable: [],
      ...(folded.length > 0 && { folded }),
      ...(next !== undefined && { nextCursor: String(next) }),
    });
  },

  request: async (desk, { request }) => {
    await askLedger(desk, [request]);
    const now = unixNow();
    const kept = findRequest(desk.store, request, now);
    return kept ? tell(itemOf(kept, now)) : refused("request_not_found");
  },

  read,
  readNative,

  file: ({ store }, { request: digest }) => {
    const kept = findRequest(store, digest, unixNow());
    if (!kept) return refused("request_not_found");
    const terms = termsOf(kept);
    const bundle = { request: requestOf(kept), ...(terms && { terms }) };
    return tell({ name: `request-${shortCode(kept.digest)}.json`, text: `${JSON.stringify(bundle, undefined, 2)}\n` });
  },

  decide,
  partial,
  refuse,
  revoke,
  grant,
  grantPart,
  dropProposed,

  mandates: async ({ store, facilitator, account }, { all }) => {
    const now = unixNow();
    const grants = all ? allGrants(store, MAX_DESK_MANDATES) : openGrants(store, now);
    const shown = grants.slice(0, MAX_DESK_LOOKUPS);
    const mandates = await Promise.all(shown.map(async (each) => mandateItem(each, await facilitator.mandate(account, each.digest), now)));
    const proposed = openProposals(store, unixNow()).map(proposalView);
    return tell({ mandates, proposed, more: grants.length - shown.length, lost: [], unreadable: [] });
  },

  pairing,
  pair,
  settings,
  set,

  history: async (desk, filter) => {
    await askForUnsettled(desk);
    return historyOf(desk, filter, unixNow());
  },

  receipt,

  export: (desk, ask) => tell(exportOf(desk, ask)),
};
