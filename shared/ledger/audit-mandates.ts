/** Compares what each mandate counts with the holds, the deposits, the payments and the debits that name it. */

import type { Digest } from "../crypto/digest.ts";
import type { AccountId } from "../protocol/account.ts";
import { integer, nullable, oneOf, row, text } from "../row.ts";
import type { JournalEntry } from "./journal.ts";
import { type KnownMandate, Mandates } from "./mandates.ts";
import { journalBase } from "./pruning.ts";
import { restOf, Sessions } from "./sessions.ts";
import type { LedgerStore } from "./store.ts";

const claimRow = row({
  payer: text<AccountId>(),
  state: oneOf("held", "settled"),
  value: text(),
  charged: nullable(text()),
  mandate: text<Digest>(),
  mandate_window: integer(),
});

/** What the other tables say of one mandate. Amounts are atomic units. */
class Sums {
  held = 0n;
  debited = 0n;
  /** By period, as far as its payments are not forgotten. */
  readonly windows = new Map<number, { value: bigint; payments: number }>();
}

export class MandateAudit {
  readonly #store: LedgerStore;
  /** By payer and digest. */
  readonly #sums = new Map<string, Sums>();

  constructor(store: LedgerStore) {
    this.#store = store;
    const claims = store
      .sql("SELECT payer, state, value, charged, mandate, mandate_window FROM payment WHERE mandate IS NOT NULL")
      .map(claimRow);
    const refunds = store
      .sql(
        "SELECT payee AS payer, 'settled' AS state, value, NULL AS charged, mandate, mandate_window FROM refund WHERE mandate IS NOT NULL",
      )
      .map(claimRow);
    for (const { payer, mandate, ...session } of new Sessions(store).all())
      if (mandate !== null) this.#of(payer, mandate).held += restOf(session);
    // A period goes on counting what a session has paid and can still pay; what a later one gave back, too.
    const sessions = store
      .sql(
        `SELECT payer, 'settled' AS state, CASE state WHEN 'closed' THEN claimed ELSE deposit END AS value, NULL AS charged, mandate, mandate_window
         FROM session WHERE mandate IS NOT NULL`,
      )
      .map(claimRow);
    for (const { payer, state, value, charged, mandate, mandate_window: window } of [...claims, ...refunds, ...sessions]) {
      const sums = this.#of(payer, mandate);
      if (state === "held") sums.held += BigInt(value);
      const counted = sums.windows.get(window) ?? { value: 0n, payments: 0 };
      sums.windows.set(window, { value: counted.value + BigInt(charged ?? value), payments: counted.payments + 1 });
    }
  }

  /** Takes an entry of an intact chain. */
  see({ account, kind, mandate, value }: JournalEntry): void {
    if (kind === "debit" && mandate !== undefined) this.#of(account, mandate).debited += BigInt(value);
  }

  /** A sentence for each mandate that does not add up, after every entry was seen. */
  differences(): string[] {
    const known = new Mandates(this.#store).all();
    const counted = new Set(known.map(({ payer, digest }) => keyOf(payer, digest)));
    const uncounted = [...this.#sums].filter(([key, { held }]) => held > 0n && !counted.has(key));
    return [
      ...known.flatMap((mandate) => this.#faultsOf(mandate).map((fault) => `${mandate.payer}: mandate ${mandate.digest}: ${fault}`)),
      ...uncounted.map(([key]) => `${key}: holds under a mandate that is not counted`),
    ];
  }

  #faultsOf({ payer, digest, counters, facts }: KnownMandate): string[] {
    const { settled, claimed, window, windowUsed, windowCount } = counters;
    const { held, debited, windows } = this.#of(payer, digest);
    const seen = windows.get(window) ?? { value: 0n, payments: 0 };
    // Revoked before its first claim, or again after it was forgotten: then the journal may have debits of before.
    if (!facts) return settled + claimed + held === 0n ? [] : ["it has no limits, and was spent"];
    // Pruned debits are not in the journal any more.
    const isWhole = journalBase(this.#store, payer) === undefined;
    const { total, period } = facts;
    const faults: [boolean, string][] = [
      [claimed !== held, "claimed is not the sum of its holds"],
      [settled < debited || (isWhole && settled !== debited), "settled is not the sum of its debits"],
      [settled + claimed > BigInt(total), "more than its total was spent"],
      [windowUsed > settled + claimed, "its period counts more than was spent"],
      [seen.value > windowUsed || seen.payments > windowCount, "its period counts less than was claimed in it"],
      [[...windows.keys()].some((claimed) => claimed > window), "a claim counts in a later period"],
      [period !== undefined && windowUsed > BigInt(period.amount), "more than its period's amount was claimed"],
      [period?.count !== undefined && windowCount > period.count, "more payments than its period allows were claimed"],
    ];
    return faults.flatMap(([is, fault]) => (is ? [fault] : []));
  }

  #of(payer: AccountId, digest: Digest): Sums {
    const key = keyOf(payer, digest);
    const sums = this.#sums.get(key) ?? new Sums();
    this.#sums.set(key, sums);
    return sums;
  }
}

function keyOf(payer: AccountId, digest: Digest): string {
  return `${payer} ${digest}`;
}
