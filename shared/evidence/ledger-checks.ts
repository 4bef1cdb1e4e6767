/** What the ledger wrote and its operator signed: the debit, the chain from there, the checkpoint under it. */

import { doubtful, right, wrong } from "../checklist/check.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import { UPTO } from "../lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_HOLD_SECONDS } from "../limits.ts";
import { BOOK_CHECKS, CHECKPOINT, ledgerBook } from "./book-checks.ts";
import { type EvidenceCheck, PAYMENT_SIGNED, timeText } from "./check.ts";
import type { EvidenceContext } from "./context.ts";

/** What an entry must say of a charge: what the receipt says, and where there is none, no more than was signed. Atomic units. */
export function chargedIn({ receipt, ledger, payment: { authorization } }: EvidenceContext): string {
  const value = ledger?.entries[0]?.value ?? authorization.value;
  const said = receipt?.said?.payload.amount;
  return said ?? (BigInt(value) <= BigInt(authorization.value) ? value : authorization.value);
}

export const LEDGER_CHECKS: readonly EvidenceCheck[] = [
  {
    id: "ledger.none",
    title: "nothing was charged, so the ledger has no entry of it",
    about: "receipt",
    scheme: UPTO,
    withoutDebit: true,
    after: ["receipt.signature", "receipt.terms", "receipt.charge"],
    judge: () => right("the merchant signed that it charged nothing"),
  },
  {
    id: "ledger.entry",
    title: "the payer's account was debited for this payment",
    about: "ledger.entries.0",
    part: "ledger",
    after: [...PAYMENT_SIGNED],
    judge(context) {
      const { authorization } = context.payment;
      const expected: Partial<JournalEntry> = {
        account: authorization.from,
        kind: "debit",
        counterparty: authorization.to,
        value: context.scheme === UPTO ? chargedIn(context) : authorization.value,
        authorizationDigest: context.authorizationDigest,
        ...(authorization.requestDigest && { requestDigest: authorization.requestDigest }),
        // A debit without a mandate is the payer's own, and one without a cause is a payment.
        ...(authorization.mandate && { mandate: authorization.mandate }),
        transaction: context.transaction,
      };
      const [entry] = ledgerBook(context).entries;
      const members = [...(Object.keys(expected) as (keyof JournalEntry)[]), "mandate", "cause", "refundOf", "session"] as const;
      const other = members.find((member) => entry?.[member] !== expected[member]);
      return other
        ? wrong(`${other} is not this payment's`, `ledger.entries.0.${other}`)
        : right(`entry ${entry?.seq}, ${entry?.value} units`);
    },
  },
  ...BOOK_CHECKS,
  {
    id: "ledger.id",
    title: "it is the ledger that the payer signed",
    about: `${CHECKPOINT}.checkpoint.ledger`,
    part: "ledger",
    after: [...PAYMENT_SIGNED],
    judge(context) {
      const { ledger } = ledgerBook(context).checkpoint.checkpoint;
      const asked = context.payment.authorization.ledger;
      if (asked === undefined) return doubtful(`the payer named no ledger; this one is ${ledger}`);
      return ledger === asked ? right(ledger) : wrong(`the checkpoint is of ledger ${ledger}, the payment for ${asked}`);
    },
  },
  {
    id: "ledger.time",
    title: "the ledger wrote the entry while the payment was valid, and signed afterwards",
    about: "ledger.entries.0.at",
    part: "ledger",
    after: [...PAYMENT_SIGNED, "ledger.entry", "ledger.chain", "ledger.signature"],
    judge(context) {
      const { entries, checkpoint } = ledgerBook(context);
      const at = Number(entries[0]?.at);
      const signedAt = Number(checkpoint.checkpoint.at);
      // A hold that was granted in time may be captured until it ends.
      if (at < context.from - CLOCK_SKEW_SECONDS || at > context.until + MAX_HOLD_SECONDS)
        return wrong(`written at ${timeText(at)}, outside ${timeText(context.from)} to ${timeText(context.until)}`);
      const last = Number(entries.at(-1)?.at);
      if (signedAt < last) return wrong(`signed at ${timeText(signedAt)}, before the last entry`, `${CHECKPOINT}.checkpoint.at`);
      return right(`settled at ${timeText(at)}, attested at ${timeText(signedAt)}`);
    },
  },
];
