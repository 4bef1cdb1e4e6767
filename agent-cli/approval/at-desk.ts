/** What waits at a hosted desk under a code. The code is computed from what the desk sends: it cannot hand out one thing under another's code. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { DESK_PAGE, MAX_WAITING_REQUESTS } from "../../shared/limits.ts";
import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { quote } from "../../shared/screen/escapes.ts";
import type { OwnerAnswer, OwnerLogin } from "../hosted-desk/owner-login.ts";
import { names } from "../purchase/find-request.ts";
import { type Subject, subjectOfDeskText } from "../purchase/request-subject.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";

export type Proposal = OwnerAnswer<"mandates">["proposed"][number];

/** Allowances that are open there, and what is left of them in atomic units: the desk's word. */
interface OpenThere {
  count: number;
  left: bigint;
}

export type FoundAtDesk =
  | { kind: "request"; digest: Digest; subject: Subject }
  | { kind: "allowance"; digest: Digest; proposal: Proposal; beside: OpenThere }
  /** Nothing waits under this code. `state`: what the desk calls the request now. */
  | { kind: "over"; digest: Digest; state: string };

/** Pages that hold all that may wait at a desk. */
const MAX_PAGES = Math.ceil(MAX_WAITING_REQUESTS / DESK_PAGE);

/** @param word a short code, or a digest */
export async function findAtDesk(context: Context, login: OwnerLogin, word: string): Promise<Outcome<FoundAtDesk>> {
  const waiting = await requestsNamed(login, word, false);
  if (!waiting.ok) return waiting;
  const mandates = await login.call("mandates", { all: false });
  if (!mandates.ok) return mandates;
  const beside = openThere(mandates.data.mandates);
  const proposals = mandates.data.proposed
    .map((proposal) => ({ kind: "allowance" as const, digest: mandateDigest(proposal.mandate), proposal, beside }))
    .filter(({ digest }) => names(word, digest));
  if (waiting.data.length + proposals.length > 1)
    return fail("usage", `"${word}" names more than one at this desk.`, { hint: "Use the digest." });
  const [request] = waiting.data;
  if (request) return readRequest(context, login, request.requestDigest);
  const [proposal] = proposals;
  return proposal ? succeed(proposal) : findOver(login, word);
}

function openThere(mandates: OwnerAnswer<"mandates">["mandates"]): OpenThere {
  const left = mandates.map(({ total, usage }) => BigInt((usage?.left ?? total).amount));
  return { count: left.length, left: left.reduce((sum, one) => sum + one, 0n) };
}

/** Of what is decided the newest alone: it explains why a code names nothing. */
async function findOver(login: OwnerLogin, word: string): Promise<Outcome<FoundAtDesk>> {
  const all = await requestsNamed(login, word, true);
  if (!all.ok) return all;
  const [found] = all.data;
  if (found) return succeed({ kind: "over", digest: found.requestDigest, state: found.state });
  return fail("request_not_found", `Nothing waits under "${word}" at ${login.desk} for this account.`, {
    hint: "Copy the code from the desk's page. An account of several keys is named by its recovery file: --recovery.",
  });
}

type Listed = OwnerAnswer<"requests">["requests"][number];

async function requestsNamed(login: OwnerLogin, word: string, all: boolean): Promise<Outcome<Listed[]>> {
  const found: Listed[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await login.call("requests", { all, ...(cursor !== undefined && { cursor }) });
    if (!listed.ok) return listed;
    found.push(...listed.data.requests.filter(({ requestDigest }) => names(word, requestDigest)));
    cursor = listed.data.nextCursor;
    if (cursor === undefined || found.length > 0) break;
  }
  return succeed(found);
}

async function readRequest(context: Context, login: OwnerLogin, digest: Digest): Promise<Outcome<FoundAtDesk>> {
  const file = await login.call("file", { request: digest });
  if (!file.ok) return file;
  const subject = await subjectOfDeskText(context, file.data.text, login.desk);
  if (!subject.ok) return subject;
  if (subject.data.digest === digest) return succeed({ kind: "request", digest, subject: subject.data });
  return fail(
    "request_differs",
    `The desk at ${login.desk} sent request ${shortCode(subject.data.digest)} in place of ${shortCode(digest)}. Nothing was signed.`,
    { hint: "Do not trust this desk before you know why." },
  );
}

/** @param state as the desk calls it */
export function isOver(digest: Digest, state: string): Failure {
  const code = shortCode(digest);
  if (state === "expired")
    return fail("request_expired", `Request ${code} has expired. Nothing was signed.`, { hint: "The agent can ask again." });
  if (state === "cancelled") return fail("request_cancelled", `The agent has taken request ${code} back. Nothing was signed.`);
  return fail("decided_meanwhile", `Request ${code} is decided: the desk says ${quote(state)}. Nothing was signed.`, {
    hint: "The first decision counts. The desk's page shows it.",
  });
}
