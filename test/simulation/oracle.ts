/** What was said during a run, and whether the books agree with it afterwards. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { appliedOf, consolidate } from "../../shared/ledger/consolidate.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { shardOf } from "../../shared/ledger/shards.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Charge } from "../../shared/protocol/amount.ts";
import { transactionOf } from "../../shared/protocol/authorization.ts";
import type { LedgerMandate, LedgerPayment } from "../../shared/protocol/ledger-payment.ts";
import type { LedgerSession } from "../../shared/protocol/ledger-session.ts";
import type { Shard } from "./shard.ts";

export class Oracle {
  /** Payments that a caller was told are paid, with what they were told was charged: always the same, or the set has two. */
  readonly paid = new Map<Digest, Set<Charge>>();
  /** Payments that a caller was told will never be paid. */
  readonly never = new Set<Digest>();
  /** Refunds that a caller was told are made. */
  readonly refunded = new Set<Digest>();
  /** Claims that a payee was told are paid, and with how much. */
  readonly claimed = new Map<Digest, Charge>();
  readonly #payments = new Map<Digest, LedgerPayment>();
  readonly #sessions = new Map<Digest, LedgerSession>();
  /** What was claimed of a session when a caller was told that it is closed. */
  readonly #closed = new Map<Digest, Set<string>>();
  readonly #mandates = new Map<Digest, { payer: AccountId; mandate: LedgerMandate }>();
  readonly #revoked = new Set<Digest>();

  grant(payer: AccountId, mandate: LedgerMandate): void {
    this.#mandates.set(mandate.digest, { payer, mandate });
  }

  issue(payment: LedgerPayment): void {
    this.#payments.set(txOf(payment), payment);
    if (payment.mandate && this.#revoked.has(payment.mandate.digest)) this.saidNever(payment);
  }

  /** Everything that is issued under it from now on can never be paid. */
  saidRevoked(mandate: Digest): void {
    this.#revoked.add(mandate);
  }

  /** @param charge absent where the answer did not say */
  saidPaid(payment: LedgerPayment, charge?: Charge): void {
    const told = this.paid.get(txOf(payment)) ?? new Set();
    this.paid.set(txOf(payment), charge === undefined ? told : told.add(charge));
  }

  saidRefunded(transaction: Digest): void {
    this.refunded.add(transaction);
  }

  lend(session: LedgerSession): void {
    this.#sessions.set(session.id, session);
  }

  saidClaimed(transaction: Digest, value: Charge): void {
    this.claimed.set(transaction, value);
  }

  /** Nothing is claimed of it any more. */
  saidClosed(session: Digest, claimed: string): void {
    const told = this.#closed.get(session) ?? new Set();
    this.#closed.set(session, told.add(claimed));
  }

  saidNever(payment: LedgerPayment): void {
    this.never.add(txOf(payment));
  }

  /** Every payment that was signed with this nonce. */
  withNonce(payer: AccountId, nonce: Digest): LedgerPayment[] {
    return [...this.#payments.values()].filter((payment) => payment.payer === payer && payment.nonce === nonce);
  }

  /** Everything that is wrong, in words. Nothing is on its way any more. */
  judge(shards: readonly Shard[], accounts: readonly AccountId[]): string[] {
    const before = shards.map(({ rules }) => rules.marks());
    const audit = consolidate(
      before,
      shards.map(({ rules }, shard) => rules.auditShard(appliedOf(before, shard))),
    );
    const violations = [...audit.problems];
    if (!audit.conclusive || audit.inFlight !== "0") violations.push(`the shards never came to rest: ${audit.inFlight} on its way`);

    const entries = accounts.flatMap((account) => journalOf(shards, account));
    const charges = new Map(entries.filter(({ kind }) => kind === "debit").map(({ transaction, value }) => [transaction as Digest, value]));
    const debits = entries.filter(({ kind }) => kind === "debit").map(({ transaction }) => transaction as Digest);
    const credits = entries.flatMap(({ kind, transaction, transactions = [] }) =>
      kind === "batch" ? transactions : kind === "credit" ? [transaction as Digest] : [],
    );
    const debited = new Set(debits);
    if (debited.size !== debits.length) violations.push("a payment was debited twice");
    if (new Set(credits).size !== credits.length) violations.push("a payment was credited twice");
    for (const transaction of debited) if (!credits.includes(transaction)) violations.push(`${transaction} was debited and not credited`);
    for (const transaction of credits) if (!debited.has(transaction)) violations.push(`${transaction} was credited and not debited`);
    for (const [transaction, told] of this.paid) {
      const [charge] = told;
      // A replay does not say what was charged: it may have been nothing.
      if (charge === undefined && this.#payments.get(transaction)?.scheme) continue;
      if (told.size > 1) violations.push(`${transaction} was told with several charges`);
      if (charge === "0" ? debited.has(transaction) : !debited.has(transaction))
        violations.push(`${transaction} was acknowledged and is lost`);
      if (charge !== undefined && charge !== "0" && charges.get(transaction) !== charge)
        violations.push(`${transaction} was charged otherwise`);
    }
    for (const [transaction, payment] of this.#payments) {
      const charge = charges.get(transaction);
      const [most, least] = [BigInt(payment.value), payment.scheme ? 1n : BigInt(payment.value)];
      if (charge !== undefined && (BigInt(charge) > most || BigInt(charge) < least))
        violations.push(`${transaction} was not charged as signed`);
    }
    const settled = (transaction: Digest) => debited.has(transaction) || this.paid.get(transaction)?.has("0") === true;
    for (const transaction of this.never) if (settled(transaction)) violations.push(`${transaction} was called off and settled`);
    const nonces = [...this.#payments].flatMap(([transaction, { payer, nonce }]) => (settled(transaction) ? `${payer} ${nonce}` : []));
    if (new Set(nonces).size !== nonces.length) violations.push("a nonce was used twice");
    return [...violations, ...this.#overspent(entries), ...this.#overRefunded(entries), ...this.#overclaimed(entries, nonces)];
  }

  /** From all chains: what was given back of each payment, from its payee to its payer, is no more than was paid. */
  #overRefunded(entries: readonly JournalEntry[]): string[] {
    const debits = new Map(entries.filter(({ kind }) => kind === "debit").map((debit) => [debit.transaction, debit]));
    const back = [...debits.values()].filter(({ cause }) => cause === "refund");
    const given = new Set(back.map(({ transaction }) => transaction));
    const wrong = [...Map.groupBy(back, ({ refundOf }) => refundOf)].filter(([transaction, refunds]) => {
      const paid = debits.get(transaction);
      const sum = refunds.reduce((sum, { value }) => sum + BigInt(value), 0n);
      const others = refunds.some(({ account, counterparty }) => account !== paid?.counterparty || counterparty !== paid.account);
      return !paid || paid.cause !== undefined || others || sum > BigInt(paid.value);
    });
    const received = entries.filter(({ kind, cause }) => kind === "credit" && cause === "refund");
    const unlike = received.filter(({ transaction, refundOf, counterparty }) => {
      const debit = debits.get(transaction);
      return debit?.refundOf !== refundOf || debit?.account !== counterparty;
    });
    return [
      ...wrong.map(([transaction]) => `more was given back of ${transaction} than was paid, or to another account`),
      ...unlike.map(({ transaction }) => `the refund ${transaction} arrived as another`),
      ...[...this.refunded].filter((refund) => !given.has(refund)).map((refund) => `the refund ${refund} was acknowledged and is lost`),
    ];
  }

  /** From all chains: what was claimed of each session, by its payee, is no more than its deposit, and no less than anybody was told. */
  #overclaimed(entries: readonly JournalEntry[], nonces: readonly string[]): string[] {
    const claims = entries.filter(({ kind, cause }) => kind === "debit" && cause === "claim");
    const paid = new Map(claims.map(({ transaction, value }) => [transaction, value]));
    const wrong = [...Map.groupBy(claims, ({ session }) => session)].filter(([id, taken]) => {
      const session = id && this.#sessions.get(id);
      const sum = taken.reduce((sum, { value }) => sum + BigInt(value), 0n);
      const told = id && this.#closed.get(id);
      if (!session || sum > BigInt(session.deposit) || (told && (told.size > 1 || !told.has(sum.toString())))) return true;
      const { payer, payee, nonce, mandate } = session;
      if (nonces.includes(`${payer} ${nonce}`)) return true;
      return taken.some((debit) => debit.account !== payer || debit.counterparty !== payee || debit.mandate !== mandate?.digest);
    });
    const received = entries.filter(({ kind, cause }) => kind === "credit" && cause === "claim");
    const unlike = received.filter(({ transaction, value }) => paid.get(transaction) !== value);
    return [
      ...wrong.map(([session]) => `the session ${session} paid too much, too late, or another account`),
      ...unlike.map(({ transaction }) => `the claim ${transaction} arrived as another`),
      ...[...this.claimed].flatMap(([claim, value]) =>
        paid.get(claim) === value ? [] : `the claim ${claim} was acknowledged and is lost`,
      ),
    ];
  }

  /** From the payers' chains alone, as an owner recomputes it: what each mandate has spent, and that its payments name it. */
  #overspent(entries: readonly JournalEntry[]): string[] {
    const debits = entries.filter(({ kind }) => kind === "debit");
    const unnamed = debits.filter(({ transaction, mandate }) => this.#payments.get(transaction as Digest)?.mandate?.digest !== mandate);
    const overspent = [...this.#mandates].filter(([digest, { payer, mandate }]) => {
      const own = debits.filter((entry) => entry.account === payer && entry.mandate === digest);
      return own.reduce((sum, { value }) => sum + BigInt(value), 0n) > BigInt(mandate.total);
    });
    return [
      ...unnamed
        .filter(({ transaction }) => this.#payments.has(transaction as Digest))
        .map(({ transaction }) => `${transaction} names another mandate`),
      ...overspent.map(([digest]) => `more than its total was spent under the mandate ${digest}`),
    ];
  }
}

export function txOf({ authorizationDigest }: Pick<LedgerPayment, "authorizationDigest">): Digest {
  return transactionOf(NETWORK, authorizationDigest);
}

function journalOf(shards: readonly Shard[], account: AccountId): JournalEntry[] {
  return shards[shardOf(account, shards.length)]?.rules.journal(account, 0, 1_000_000) ?? [];
}
