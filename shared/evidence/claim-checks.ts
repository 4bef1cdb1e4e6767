/** How a call was paid: the merchant's claim, and the ledger's entry of it. Before there is one, nothing has moved. */

import { doubtful, right, skipped, wrong } from "../checklist/check.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import { CLOCK_SKEW_SECONDS } from "../limits.ts";
import { claimTransaction, isGenuineClaim } from "../protocol/claim.ts";
import { isGenuineVoucher, voucherDigest } from "../protocol/voucher.ts";
import { BOOK_CHECKS, CHECKPOINT, ledgerBook } from "./book-checks.ts";
import { VOUCHER_SIGNED } from "./call-checks.ts";
import type { CallContext } from "./call-context.ts";
import { timeText } from "./check.ts";
import { type CallCheck, SESSION_SIGNED } from "./session-checks.ts";

const CLAIM_SIGNED = [...SESSION_SIGNED, "claim.session", "claim.signature"] as const;

/** @throws {TypeError} in a file without the part "claim": checks of it are skipped there */
function claimIn({ claim }: CallContext) {
  if (!claim) throw new TypeError("this evidence has no claim");
  return claim;
}

const CLAIM_POINTS: readonly CallCheck[] = [
  {
    id: "claim.session",
    title: "the claim is of this session, on its ledger",
    about: "claim.claim",
    part: "claim",
    after: SESSION_SIGNED,
    judge(context) {
      const { claim } = claimIn(context);
      const expected = { session: context.id, ledger: context.terms.ledger };
      const other = (["session", "ledger"] as const).find((member) => claim[member] !== expected[member]);
      return other ? wrong(`${other} is not this session's`, `claim.claim.${other}`) : right(context.id);
    },
  },
  {
    id: "claim.signature",
    title: "the payee's key that the session names signed the claim",
    about: "claim",
    part: "claim",
    after: [...SESSION_SIGNED, "claim.session"],
    async judge(context) {
      const { claim, signature } = claimIn(context);
      const { receiver } = context.terms;
      return (await isGenuineClaim(claim, signature, receiver))
        ? right(`${receiver} signed it`)
        : wrong("the session's receiver did not sign it");
    },
  },
  {
    id: "claim.voucher",
    title: "what it takes of the call's lane is covered by a voucher that the agent signed",
    about: "claim.voucher",
    part: "claim",
    after: [...VOUCHER_SIGNED, ...CLAIM_SIGNED],
    async judge(context) {
      const { entry, voucher: other } = claimIn(context);
      const { voucher: own, terms, id } = context;
      if (!entry) return wrong(`the claim takes nothing of lane ${own.voucher.lane}`, "claim.claim.lanes");
      const isOwn = entry.voucher === voucherDigest(own.voucher);
      if (isOwn && other) return wrong("the claim names the call's own voucher, and another one stands here");
      const covering = isOwn ? own : other;
      if (!covering) return skipped("the voucher that the claim names is not in this file", "absent");
      const { voucher } = covering;
      if (voucherDigest(voucher) !== entry.voucher || voucher.session !== id || voucher.lane !== entry.lane)
        return wrong("it is not the voucher that the claim names");
      if (!(await isGenuineVoucher(covering, terms.signer))) return wrong("the session's agent did not sign it");
      return BigInt(entry.amount) <= BigInt(voucher.maxClaimableAmount)
        ? right(`${entry.amount} of at most ${voucher.maxClaimableAmount} units`)
        : wrong(`the claim takes ${entry.amount}, and the voucher covers ${voucher.maxClaimableAmount}`, "claim.claim.lanes");
    },
  },
  {
    id: "claim.call",
    title: "the claim reaches as far as this call's voucher",
    about: "claim.claim.lanes",
    part: "claim",
    after: [...VOUCHER_SIGNED, ...CLAIM_SIGNED, "claim.voucher"],
    judge(context) {
      const { entry } = claimIn(context);
      const { maxClaimableAmount: allowed } = context.voucher.voucher;
      const amount = entry?.amount ?? "0";
      if (BigInt(amount) >= BigInt(allowed)) return right(`${amount} units of the lane, of which this voucher allowed ${allowed}`);
      // A call can be charged less than its price, and one before it nothing: then no claim goes as far as the voucher.
      return doubtful(`${amount} units of the lane, and this voucher allowed ${allowed}: this call, or one before it, was charged less`);
    },
  },
];

export const CLAIM_CHECKS: readonly CallCheck[] = [
  ...CLAIM_POINTS,
  {
    id: "ledger.entry",
    title: "the payer's account was debited for this claim",
    about: "ledger.entries.0",
    part: "ledger",
    after: CLAIM_SIGNED,
    judge(context) {
      const { claim, terms, id } = context;
      if (!claim) return skipped("there is no claim in this file", "depends");
      const expected: Partial<JournalEntry> = {
        account: terms.from,
        kind: "debit",
        counterparty: terms.to,
        authorizationDigest: claim.digest,
        ...(terms.requestDigest && { requestDigest: terms.requestDigest }),
        ...(terms.mandate && { mandate: terms.mandate }),
        transaction: claimTransaction(terms.network, claim.claim),
        cause: "claim",
        session: id,
      };
      const [entry] = ledgerBook(context).entries;
      const members = [...(Object.keys(expected) as (keyof JournalEntry)[]), "requestDigest", "mandate", "refundOf", "batch"] as const;
      const other = members.find((member) => entry?.[member] !== expected[member]);
      if (other) return wrong(`${other} is not this claim's`, `ledger.entries.0.${other}`);
      // Its lanes may have been paid in part by claims before it.
      const most = claim.claim.lanes.reduce((sum, { amount }) => sum + BigInt(amount), 0n);
      return BigInt(entry?.value ?? 0) > most
        ? wrong(`${entry?.value} units, and the claim takes ${most} in all`, "ledger.entries.0.value")
        : right(`entry ${entry?.seq}, ${entry?.value} units`);
    },
  },
  ...BOOK_CHECKS,
  {
    id: "ledger.id",
    title: "it is the ledger that the session names",
    about: `${CHECKPOINT}.checkpoint.ledger`,
    part: "ledger",
    after: SESSION_SIGNED,
    judge(context) {
      const { ledger } = ledgerBook(context).checkpoint.checkpoint;
      const { ledger: asked } = context.terms;
      return ledger === asked ? right(ledger) : wrong(`the checkpoint is of ledger ${ledger}, the session for ${asked}`);
    },
  },
  {
    id: "ledger.time",
    title: "the ledger wrote the entry while the session could be claimed from, and signed afterwards",
    about: "ledger.entries.0.at",
    part: "ledger",
    after: [...SESSION_SIGNED, "ledger.entry", "ledger.chain", "ledger.signature"],
    judge(context) {
      const { entries, checkpoint } = ledgerBook(context);
      const { validAfter, expiresAt, withdrawDelay } = context.terms;
      const [at, signedAt] = [Number(entries[0]?.at), Number(checkpoint.checkpoint.at)];
      if (at < Number(validAfter) - CLOCK_SKEW_SECONDS)
        return wrong(`written at ${timeText(at)}, before the session was signed at ${timeText(Number(validAfter))}`);
      const last = Number(entries.at(-1)?.at);
      if (signedAt < last) return wrong(`signed at ${timeText(signedAt)}, before the last entry`, `${CHECKPOINT}.checkpoint.at`);
      const end = Number(expiresAt) + Number(withdrawDelay);
      // A ledger that was away for a while gives its payees that time.
      if (at > end) return doubtful(`written at ${timeText(at)}, after the session's end at ${timeText(end)}`);
      return right(`claimed at ${timeText(at)}, attested at ${timeText(signedAt)}`);
    },
  },
];
