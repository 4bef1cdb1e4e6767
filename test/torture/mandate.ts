/** A mandate in a bad world: what was paid under it, what its client was told, and where the ledger's books say otherwise. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { HOLD_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import type { MandateStatus } from "../../shared/settlement/backend.ts";

const TIGHT = "20" as Amount;
const WIDE = "1000000" as Amount;
const HOUR = "3600";

/** One of them binds: after a few payments the next is beyond it. No mandate is used for an hour, so it has one period. */
export const LIMITS: readonly Pick<Mandate, "total" | "period">[] = [
  { total: TIGHT },
  { total: WIDE, period: { seconds: HOUR, amount: TIGHT } },
  { total: WIDE, period: { seconds: HOUR, amount: WIDE, count: "4" } },
];

interface MandatedPayment {
  bySale: boolean;
  /** Presented for the first time when the revocation had been acknowledged. */
  late: boolean;
  /** "paid", or the code of the refusal. */
  outcome: string;
}

export class TorturedMandate {
  readonly signed: SignedMandate;
  readonly payments = new Map<Digest, MandatedPayment>();
  /** Unix seconds of the ledger's clock, once it has acknowledged the revocation. */
  revokedAt: number | undefined;

  constructor(signed: SignedMandate) {
    this.signed = signed;
  }

  get digest(): Digest {
    return mandateDigest(this.signed.mandate);
  }

  /** How many of its payments ended like this. */
  count(outcome: string): number {
    return this.payments.values().reduce((count, payment) => count + (payment.outcome === outcome ? 1 : 0), 0);
  }

  /** @param debits of its payer. @returns a sentence for each rule that was broken */
  problems(debits: readonly JournalEntry[], status: MandateStatus): string[] {
    const { payments, revokedAt, digest } = this;
    const { total, period } = this.signed.mandate;
    const own = debits.filter(({ mandate }) => mandate === digest);
    const spent = own.reduce((sum, { value }) => sum + BigInt(value), 0n);
    const debited = new Map(debits.map((debit) => [debit.transaction, debit]));
    const settled = status.status === "unused" ? "0" : status.settled;
    const faults = [
      spent > BigInt(total) && `${spent} of ${total} was spent`,
      period && spent > BigInt(period.amount) && `${spent} of ${period.amount} was spent in one period`,
      period?.count !== undefined &&
        own.length > Number(period.count) &&
        `${own.length} of ${period.count} payments were made in one period`,
      settled !== spent.toString() && `the ledger counts ${settled}, the journal has ${spent}`,
      (status.status === "revoked") !== (revokedAt !== undefined) && `the ledger calls it ${status.status}`,
      own.some(({ transaction }) => !transaction || !payments.has(transaction)) && "the journal has a payment that was not made under it",
      ...payments.entries().flatMap(([transaction, { bySale, late, outcome }]) => {
        const debit = debited.get(transaction);
        return [
          debit && debit.mandate !== digest && `${transaction} does not name it in the journal`,
          late && outcome !== "mandate_revoked" && `${outcome} was the answer after its revocation`,
          debit && (late || outcome === "mandate_revoked") && `${transaction} was paid despite its revocation`,
          debit &&
            revokedAt !== undefined &&
            Number(debit.at) > revokedAt + (bySale ? HOLD_SECONDS : 0) &&
            `${transaction} was paid too late`,
        ];
      }),
    ];
    return faults.filter((fault) => typeof fault === "string").map((fault) => `mandate ${digest}: ${fault}`);
  }
}
