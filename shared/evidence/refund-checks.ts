/** What was given back: the payee signed each refund of this payment, and the ledger wrote it into one account or both. */

import { type Finding, firstWrong, right, skipped, wrong } from "../checklist/check.ts";
import { type MandateCheck, type MandatedOrder, REFUND_CHECKS } from "../exact/mandate-checks.ts";
import { orderOf } from "../exact/refund.ts";
import type { JournalEntry } from "../ledger/journal.ts";
import { REFUND_ISSUED_SECONDS } from "../limits.ts";
import { mandateDigest } from "../protocol/mandate.ts";
import { FACILITATOR_DECIDES } from "../protocol/passkey.ts";
import { isSignedByKey, verifyProof } from "../protocol/proof.ts";
import { refundDigest, refundTransaction, type SignedRefund } from "../protocol/refund.ts";
import { type Book, bookOf, judgeChain, judgeCheckpoint, judgeHead, judgeLedgerKey } from "./book.ts";
import { type EvidenceCheck, PAYMENT_SIGNED, timeText } from "./check.ts";
import { type EvidenceContext, signatureOf } from "./context.ts";
import { chargedIn } from "./ledger-checks.ts";

type RefundPart = EvidenceContext["refunds"][number];
type Side = "received" | "given";
type JudgeOne = (refund: RefundPart, at: string, context: EvidenceContext) => Finding | Promise<Finding>;
type JudgeBook = (book: Book, refund: RefundPart, side: Side, context: EvidenceContext) => Finding | Promise<Finding>;

const SIDES: readonly Side[] = ["received", "given"];
const REFUND_SIGNED = ["refund.signature", "refund.mandate"] as const;

/** Judges the refunds in order: the first that is wrong is named, then the first that could not be looked at. */
const eachRefund =
  (judge: JudgeOne): EvidenceCheck["judge"] =>
  async (context) => {
    const found: Finding[] = [];
    for (const [i, refund] of context.refunds.entries()) found.push(await judge(refund, `refunds.${i}`, context));
    return worstOf(found);
  };

/** The same of each account's book beside them. */
const eachBook = (judge: JudgeBook): EvidenceCheck["judge"] =>
  eachRefund(async (refund, at, context) => {
    const found: Finding[] = [];
    for (const side of SIDES) {
      const part = refund[side];
      if (part) found.push(await judge(bookOf(`${at}.${side}`, part), refund, side, context));
    }
    return found.length > 0 ? worstOf(found) : skipped(`${at} has no entry of the ledger's`, "absent");
  });

function worstOf(found: readonly Finding[]): Finding {
  const worst = found.find(({ is }) => is === "wrong") ?? found.find(({ is }) => is === "skipped");
  return worst ?? right([...new Set(found.map(({ saw }) => saw))].join("; "));
}

/** The first check that the mandate beside a refund does not pass. */
async function mandateFault(signed: SignedRefund, checks: readonly MandateCheck<MandatedOrder>[]) {
  const { refund, mandate, ...proof } = signed;
  if (!mandate) return undefined;
  const digests = { order: refundDigest(refund), mandate: mandateDigest(mandate.mandate) };
  const subject = { order: orderOf(refund), ...signatureOf(proof), signed: mandate, digests, rules: FACILITATOR_DECIDES };
  const broken = await firstWrong(checks, subject);
  return broken && { id: broken.check.id, saw: broken.saw };
}

const named = (...ids: string[]) => REFUND_CHECKS.filter(({ id }) => ids.includes(id));
const WHO_SIGNED = named("mandate.named", "mandate.agent");
const WHAT_IT_ALLOWS = named("mandate.signature", "mandate.covers", "mandate.window", "mandate.per-payment");

/** The member of a signed refund that does not keep to its mandate. */
const LIMITED: Readonly<Record<string, string>> = {
  "mandate.signature": "mandate",
  "mandate.covers": "refund",
  "mandate.window": "refund.issuedAt",
  "mandate.per-payment": "refund.amount",
};

async function judgeSigner({ signed }: RefundPart, at: string): Promise<Finding> {
  const { refund, mandate, ...proof } = signed;
  const digest = refundDigest(refund);
  if (!mandate) {
    const proved = await verifyProof(proof, { type: "Refund", digest, account: refund.from }, FACILITATOR_DECIDES);
    return proved.ok
      ? right(`${refund.from} gave back ${refund.amount} units`)
      : wrong(proved.problem ?? "the payee did not sign this refund", `${at}.signed`);
  }
  const fault = await mandateFault(signed, WHO_SIGNED);
  if (!fault) return right(`the agent of ${refund.from} gave back ${refund.amount} units`);
  if (fault.id !== "mandate.named") return wrong(fault.saw, `${at}.signed`);
  // What the agent signed is unchanged, so it is the mandate that was changed.
  const intact = await isSignedByKey(proof, digest);
  return wrong("the refund does not name this mandate", `${at}.signed.${intact ? "mandate" : "refund.mandate"}`);
}

async function judgeMandate({ signed }: RefundPart, at: string): Promise<Finding> {
  const fault = await mandateFault(signed, WHAT_IT_ALLOWS);
  if (fault) return wrong(fault.saw, `${at}.signed.${LIMITED[fault.id] ?? "mandate"}`);
  return right(signed.mandate ? "the payee granted the mandate that it is under" : "the payee's own key signed it");
}

function judgePayment({ signed: { refund } }: RefundPart, at: string, { payment, transaction }: EvidenceContext): Finding {
  const { network, asset, from: payer, to: payee, ledger = refund.ledger } = payment.authorization;
  const expected = { network, asset, ledger, transaction, from: payee, to: payer };
  const other = (Object.keys(expected) as (keyof typeof expected)[]).find((member) => refund[member] !== expected[member]);
  return other ? wrong(`${other} is not this payment's`, `${at}.signed.refund.${other}`) : right(`of transaction ${transaction}`);
}

function judgeSum(context: EvidenceContext): Finding {
  const charged = BigInt(chargedIn(context));
  const ids = new Set<string>();
  let sum = 0n;
  for (const [i, { signed }] of context.refunds.entries()) {
    const { id, amount } = signed.refund;
    if (ids.has(id)) return wrong("the same refund stands here twice", `refunds.${i}`);
    ids.add(id);
    sum += BigInt(amount);
    if (sum > charged) return wrong(`${sum} units were given back of ${charged}`, `refunds.${i}`);
  }
  return right(`${sum} of ${charged} units`);
}

/** The payee's debit names the order that it follows from; a credit that came from another shard does not. */
function judgeEntry({ at, entries }: Book, { signed: { refund } }: RefundPart, side: Side): Finding {
  const [entry] = entries;
  const digest = refundDigest(refund);
  const expected: Partial<JournalEntry> = {
    account: side === "given" ? refund.from : refund.to,
    kind: side === "given" ? "debit" : "credit",
    counterparty: side === "given" ? refund.to : refund.from,
    value: refund.amount,
    ...((side === "given" || entry?.authorizationDigest !== undefined) && { authorizationDigest: digest }),
    ...(side === "given" && refund.mandate !== undefined && { mandate: refund.mandate }),
    transaction: refundTransaction(refund),
    cause: "refund",
    refundOf: refund.transaction,
  };
  const members = [...(Object.keys(expected) as (keyof JournalEntry)[]), "mandate", "requestDigest", "batch"] as const;
  const other = members.find((member) => entry?.[member] !== expected[member]);
  return other ? wrong(`${other} is not this refund's`, `${at}.entries.0.${other}`) : right(`${side}: entry ${entry?.seq}`);
}

function judgeLedger({ at, checkpoint }: Book, { signed: { refund } }: RefundPart): Finding {
  const { ledger } = checkpoint.checkpoint;
  return ledger === refund.ledger
    ? right(ledger)
    : wrong(`the checkpoint is of ledger ${ledger}, the refund for ${refund.ledger}`, `${at}.checkpoint.checkpoint.ledger`);
}

function judgeTime(
  { at, entries, checkpoint }: Book,
  { signed: { refund } }: RefundPart,
  side: Side,
  { ledger }: EvidenceContext,
): Finding {
  const [issued, written] = [Number(refund.issuedAt), Number(entries[0]?.at)];
  const paid = Number(ledger?.entries[0]?.at ?? 0);
  const early = written < issued - REFUND_ISSUED_SECONDS || written < paid;
  // A credit on another shard may follow whenever that shard works again.
  const late = side === "given" && written > issued + REFUND_ISSUED_SECONDS;
  if (early || late) return wrong(`written at ${timeText(written)}, signed at ${timeText(issued)}`, `${at}.entries.0.at`);
  const [last, attested] = [Number(entries.at(-1)?.at), Number(checkpoint.checkpoint.at)];
  if (attested < last) return wrong(`attested at ${timeText(attested)}, before the last entry`, `${at}.checkpoint.checkpoint.at`);
  return right(`${side} at ${timeText(written)}`);
}

export const REFUND_POINTS: readonly EvidenceCheck[] = [
  {
    id: "refund.signature",
    title: "the payee signed each refund, or the agent of the mandate beside it did",
    about: "refunds",
    refunded: true,
    judge: eachRefund(judgeSigner),
  },
  {
    id: "refund.mandate",
    title: "the payee granted that mandate, for refunds, and it covers this one",
    about: "refunds",
    refunded: true,
    after: ["refund.signature"],
    judge: eachRefund(judgeMandate),
  },
  {
    id: "refund.payment",
    title: "each gives back this payment, to the account that made it",
    about: "refunds",
    refunded: true,
    after: [...PAYMENT_SIGNED, ...REFUND_SIGNED],
    judge: eachRefund(judgePayment),
  },
  {
    id: "refund.sum",
    title: "together they give back no more than was paid",
    about: "refunds",
    refunded: true,
    after: [...PAYMENT_SIGNED, ...REFUND_SIGNED, "receipt.signature", "receipt.charge", "ledger.entry"],
    judge: judgeSum,
  },
  {
    id: "refund.entry",
    title: "the ledger credited the payer with each, or debited the payee",
    about: "refunds",
    refunded: true,
    after: [...REFUND_SIGNED, "refund.payment"],
    judge: eachBook(judgeEntry),
  },
  {
    id: "refund.chain",
    title: "every entry beside them hashes to what it says, and follows the one before",
    about: "refunds",
    refunded: true,
    judge: eachBook(judgeChain),
  },
  {
    id: "refund.head",
    title: "each checkpoint beside them is of the last entry",
    about: "refunds",
    refunded: true,
    after: ["refund.chain"],
    judge: eachBook(judgeHead),
  },
  {
    id: "refund.attested",
    title: "each checkpoint's own key signed it",
    about: "refunds",
    refunded: true,
    judge: eachBook(judgeCheckpoint),
  },
  {
    id: "refund.key-known",
    title: "each of these keys is known to be the ledger's",
    about: "refunds",
    refunded: true,
    after: ["refund.attested"],
    judge: eachBook((book, _refund, _side, { keys }) => judgeLedgerKey(book, keys)),
  },
  {
    id: "refund.id",
    title: "it is the ledger that the payee signed for",
    about: "refunds",
    refunded: true,
    after: [...REFUND_SIGNED],
    judge: eachBook(judgeLedger),
  },
  {
    id: "refund.time",
    title: "the ledger wrote each after the payment, close to its signature, and attested it afterwards",
    about: "refunds",
    refunded: true,
    after: [...REFUND_SIGNED, "refund.entry", "refund.chain", "refund.attested", "ledger.entry", "ledger.chain"],
    judge: eachBook(judgeTime),
  },
];
