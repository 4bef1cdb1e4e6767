/** What the ledger wrote and its operator signed: the debit, the chain from there, the checkpoint under it. */

import { doubtful, right, wrong } from "../checklist/check.ts";
import { isGenuineCheckpoint, type SignedCheckpoint } from "../ledger/checkpoint.ts";
import { continuesChain, type JournalEntry } from "../ledger/journal.ts";
import { UPTO } from "../lez.ts";
import { CLOCK_SKEW_SECONDS, MAX_HOLD_SECONDS } from "../limits.ts";
import { type EvidenceCheck, PAYMENT_SIGNED, timeText, unknownKey } from "./check.ts";
import type { EvidenceContext } from "./context.ts";

const CHECKPOINT = "ledger.checkpoint";

const entriesOf = ({ ledger }: EvidenceContext) => (ledger?.entries ?? []) as readonly JournalEntry[];
/** Called only for checks of the part "ledger", which are skipped if the file has none. */
const signedOf = ({ ledger }: EvidenceContext) => ledger?.checkpoint as SignedCheckpoint;

/** What an entry must say of a charge: what the receipt says, and where there is none, no more than was signed. */
function chargedIn({ receipt, ledger, payment: { authorization } }: EvidenceContext): string {
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
      const [entry] = entriesOf(context);
      const members = [...(Object.keys(expected) as (keyof JournalEntry)[]), "mandate", "cause", "refundOf"] as const;
      const other = members.find((member) => entry?.[member] !== expected[member]);
      return other
        ? wrong(`${other} is not this payment's`, `ledger.entries.0.${other}`)
        : right(`entry ${entry?.seq}, ${entry?.value} units`);
    },
  },
  {
    id: "ledger.chain",
    title: "every entry hashes to what it says, and follows the one before",
    about: "ledger.entries",
    part: "ledger",
    judge(context) {
      const entries = entriesOf(context);
      const ledger = signedOf(context).checkpoint.ledger;
      const broken = entries.findIndex((entry, i) => {
        const previous = i === 0 ? before(entry) : entries[i - 1];
        return entry.account !== entries[0]?.account || !continuesChain(entry, previous, ledger);
      });
      return broken < 0
        ? right(`${entries.length} ${entries.length === 1 ? "entry" : "entries"}`)
        : wrong("the chain breaks here", `ledger.entries.${broken}`);
    },
  },
  {
    id: "ledger.head",
    title: "the checkpoint is of the last entry",
    about: CHECKPOINT,
    part: "ledger",
    after: ["ledger.chain"],
    judge(context) {
      const { checkpoint } = signedOf(context);
      const last = entriesOf(context).at(-1);
      const expected = { account: last?.account, seq: last?.seq, head: last?.hash, balance: last?.balanceAfter };
      const other = (Object.keys(expected) as (keyof typeof expected)[]).find((member) => checkpoint[member] !== expected[member]);
      return other ? wrong(`${other} is not the last entry's`, `${CHECKPOINT}.checkpoint.${other}`) : right(`entry ${checkpoint.seq}`);
    },
  },
  {
    id: "ledger.signature",
    title: "the checkpoint's own key signed it",
    about: CHECKPOINT,
    part: "ledger",
    async judge(context) {
      const signed = signedOf(context);
      return (await isGenuineCheckpoint(signed))
        ? right(`${signed.publicKey} signed it`)
        : wrong("the signature does not fit the checkpoint");
    },
  },
  {
    id: "ledger.key-known",
    title: "that key is known to be the ledger's",
    about: `${CHECKPOINT}.publicKey`,
    part: "ledger",
    after: ["ledger.signature"],
    judge(context) {
      const { publicKey, checkpoint } = signedOf(context);
      const known = context.keys.ledgers?.[checkpoint.ledger] ?? [];
      if (known.includes(publicKey)) return right(publicKey);
      return known.length > 0
        ? wrong("no known key of this ledger signed it")
        : unknownKey(`unknown key ${publicKey} of ledger ${checkpoint.ledger}`);
    },
  },
  {
    id: "ledger.id",
    title: "it is the ledger that the payer signed",
    about: `${CHECKPOINT}.checkpoint.ledger`,
    part: "ledger",
    after: [...PAYMENT_SIGNED],
    judge(context) {
      const { ledger } = signedOf(context).checkpoint;
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
      const at = Number(entriesOf(context)[0]?.at);
      const signedAt = Number(signedOf(context).checkpoint.at);
      // A hold that was granted in time may be captured until it ends.
      if (at < context.from - CLOCK_SKEW_SECONDS || at > context.until + MAX_HOLD_SECONDS)
        return wrong(`written at ${timeText(at)}, outside ${timeText(context.from)} to ${timeText(context.until)}`);
      const last = Number(entriesOf(context).at(-1)?.at);
      if (signedAt < last) return wrong(`signed at ${timeText(signedAt)}, before the last entry`, `${CHECKPOINT}.checkpoint.at`);
      return right(`settled at ${timeText(at)}, attested at ${timeText(signedAt)}`);
    },
  },
];

/** What a debit goes on from, by its own word: the entry before it is not in the file, and its hash is. */
function before({ seq, prevHash, balanceAfter, value }: JournalEntry) {
  return { seq: String(BigInt(seq) - 1n), hash: prevHash, balanceAfter: String(BigInt(balanceAfter) + BigInt(value)) };
}
