/** What a notice says: who asks, how much, and the short code. The reason and the URL only where the owner wants them. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import { UPTO } from "../../../shared/lez.ts";
import { MAX_NAME_LENGTH, MAX_NOTICE_QUOTE_LENGTH } from "../../../shared/limits.ts";
import { displayAmount } from "../../../shared/protocol/amount.ts";
import type { Mandate } from "../../../shared/protocol/mandate.ts";
import { isNativeRequest, type PaymentRequest, shortCode } from "../../../shared/protocol/payment-request.ts";
import { shortened, showUnsafe } from "../../../shared/screen/escapes.ts";

export interface Notice {
  title: string;
  text: string;
  /** On the page of the desk: `/#/`, `/#/request/…` or `/#/allowances`. */
  path: string;
  /** A later notice of the same tag replaces it on a screen. */
  tag: string;
}

/** What is kept of a request until it is told. All of it is made harmless. */
export interface AskFacts {
  /** The owner's name for the agent. */
  agent: string;
  /** Atomic units: the most that it can cost. */
  amount: string;
  isAtMost: boolean;
  code: string;
  /** Of the chain itself, whose money says so: a terminal signs it. */
  chain?: string;
  /** For notices that say more. */
  reason: string;
  url: string;
}

/** @param name the owner's name for the agent */
export function askFacts(request: PaymentRequest, digest: Digest, name: string): AskFacts {
  const { payment, reason, http } = request;
  return {
    agent: harmless(name, MAX_NAME_LENGTH),
    amount: payment.session?.deposit ?? payment.amount,
    isAtMost: payment.session !== undefined || payment.scheme === UPTO,
    code: shortCode(digest),
    ...(isNativeRequest(request) && { chain: payment.network }),
    reason: harmless(reason, MAX_NOTICE_QUOTE_LENGTH),
    url: harmless(http.url, MAX_NOTICE_QUOTE_LENGTH),
  };
}

export interface Told {
  digest: Digest;
  facts: AskFacts;
  /** Unix seconds. */
  expiresAt: number;
}

/** One request. @param saysMore whether the owner wants the reason and the URL, too */
export function noticeOf({ digest, facts, expiresAt }: Told, saysMore: boolean): Notice {
  return {
    title: `${facts.agent} asks for ${sumOf(facts)}`,
    text: [
      `Code ${facts.code}. ${facts.chain === undefined ? "Decide" : "Sign it at a terminal"} until ${clockOf(expiresAt)}.`,
      ...(saysMore ? moreOf(facts) : []),
    ].join("\n"),
    path: `/#/request/${digest}`,
    tag: digest,
  };
}

/** The same once more, shortly before its end. @param others that end about then, too */
export function reminderOf(told: Told, saysMore: boolean, others = 0): Notice {
  const { facts, expiresAt } = told;
  const asked = noticeOf(told, saysMore);
  const text = `Code ${facts.code}. Without a decision it ends at ${clockOf(expiresAt)}, and nothing is paid.`;
  const more = [...(others > 0 ? [`${others} more end soon.`] : []), ...(saysMore ? moreOf(facts) : [])];
  return { ...asked, title: `Still waiting: ${asked.title}`, text: [text, ...more].join("\n") };
}

/** Several requests of one agent, told together. @param agentKey tells its notice from those of other agents */
export function summaryOf(asks: readonly Told[], agentKey: string): Notice {
  const [{ facts } = { facts: undefined }] = asks;
  // Two moneys have no sum.
  const onChain = asks.filter(({ facts }) => facts.chain !== undefined);
  const sum = asks.reduce((total, { facts }) => total + (facts.chain === undefined ? BigInt(facts.amount) : 0n), 0n);
  const sums = [
    ...(onChain.length < asks.length ? [`${displayAmount(sum)} in all, at most.`] : []),
    ...(onChain.length > 0 ? [`${onChain.length} on the chain itself.`] : []),
  ];
  return {
    title: `${facts?.agent ?? ""} asks for ${asks.length} payments`,
    text: `${sums.join(" ")} They wait at the desk.`,
    path: "/#/",
    tag: `agent-${agentKey}`,
  };
}

interface Signing {
  digest: Digest;
  /** Keys of the policy. */
  signed: number;
  /** Unix seconds. */
  endsAt: number;
}

/** A request that some keys of a policy have signed. */
export function partNotice({ digest, facts, signed, endsAt }: Signing & { facts: AskFacts }): Notice {
  return {
    title: `Another key is asked: ${facts.agent} asks for ${sumOf(facts)}`,
    text: `Code ${facts.code}. ${signedText(signed, endsAt)}`,
    path: `/#/request/${digest}`,
    tag: digest,
  };
}

/** An allowance that some keys of a policy propose. @param name the owner's name for the agent */
export function proposalNotice({ digest, mandate, name, signed, endsAt }: Signing & { mandate: Mandate; name: string }): Notice {
  return {
    title: `Another key is asked: an allowance for ${harmless(name, MAX_NAME_LENGTH)}, ${displayAmount(mandate.total)} in all`,
    text: `Code ${shortCode(digest)}. ${signedText(signed, endsAt)}`,
    path: "/#/allowances",
    tag: digest,
  };
}

function signedText(signed: number, endsAt: number): string {
  return `${signed === 1 ? "1 key has" : `${signed} keys have`} signed, and that is not enough. It ends at ${clockOf(endsAt)}.`;
}

function sumOf({ amount, isAtMost, chain }: AskFacts): string {
  return `${isAtMost ? "up to " : ""}${displayAmount(amount)}${chain === undefined ? "" : ` on ${chain}`}`;
}

function moreOf({ reason, url }: AskFacts): string[] {
  return [`For ${url}`, `It says: ${reason}`];
}

/** `14:05 UTC`. A request, and a proposal, lives a day at most. */
function clockOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`;
}

/** In one line. */
function harmless(text: string, max: number): string {
  return showUnsafe(shortened(text.replace(/\s+/g, " "), max));
}
