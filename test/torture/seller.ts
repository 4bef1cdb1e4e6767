/** A seller in a bad world: it gives back what its journal says was paid to it, until it hears something certain of each refund. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Refund, refundTransaction, type SignedRefund, signRefund } from "../../shared/protocol/refund.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { newPayer, randomId } from "../signed.ts";
import { get, MAYBE_LATER, PATIENCE_MILLIS, post } from "./http.ts";

/** How long it looks for a first sale once nothing is sold any more. */
const LAST_LOOK_MILLIS = 10_000;
/** Between two looks at its journal. */
const LOOK_MILLIS = 50;

interface Sale {
  transaction: Digest;
  payer: AccountId;
  value: number;
  entry: string;
}

interface SentRefund {
  of: Digest;
  to: AccountId;
  amount: number;
  /** "refunded", or the code of the refusal. */
  outcome: string;
}

type Terms = Pick<Refund, "amount"> & Partial<Pick<Refund, "id" | "reason">>;

export class TorturedSeller {
  /** By the refund's own transaction. */
  readonly refunds = new Map<Digest, SentRefund>();
  /** Refunds that it gave up on, and answers that make no sense. */
  readonly complaints: string[] = [];
  readonly #origin: string;
  readonly #ledger: Digest;
  readonly #signer: WalletSigner;
  #seen = "0";
  #ways: number;

  private constructor(origin: string, ledger: Digest, signer: WalletSigner, first: number) {
    this.#origin = origin;
    this.#ledger = ledger;
    this.#signer = signer;
    this.#ways = first;
  }

  /** @param first where in the list of ways to refund it begins */
  static async create(origin: string, ledger: Digest, first: number): Promise<TorturedSeller> {
    return new TorturedSeller(origin, ledger, await newPayer(), first);
  }

  get account(): AccountId {
    return this.#signer.account;
  }

  /** How many of its refunds ended like this. */
  count(outcome: string): number {
    return this.refunds.values().reduce((count, refund) => count + (refund.outcome === outcome ? 1 : 0), 0);
  }

  /** Refunds every second sale, and at least one. */
  async refundUntil(soldOut: () => boolean): Promise<void> {
    const ways = [this.#whole, this.#inParts, this.#beyond, this.#sameId, this.#twice];
    let lastLook = Infinity;
    for (let sold = 0; Date.now() < lastLook && !(soldOut() && this.refunds.size > 0); await sleep(LOOK_MILLIS)) {
      if (soldOut()) lastLook = Math.min(lastLook, Date.now() + LAST_LOOK_MILLIS);
      for (const sale of await this.#newSales()) {
        if (sold++ % 2 > 0) continue;
        if (soldOut() && this.refunds.size > 0) return;
        await ways[this.#ways++ % ways.length]?.call(this, sale);
      }
    }
  }

  /** @param books of everybody. @returns a sentence for each rule that was broken */
  problems(books: readonly JournalEntry[]): string[] {
    const refundsOf = (kind: string) => books.filter((entry) => entry.cause === "refund" && entry.kind === kind);
    const debits = new Map(refundsOf("debit").map((entry) => [entry.transaction, entry]));
    const credits = new Map(refundsOf("credit").map((entry) => [entry.transaction, entry]));
    const paid = new Map(
      books.flatMap(({ kind, cause, transaction, value }) => (kind === "debit" && !cause ? [[transaction, value]] : [])),
    );
    const own = [...debits.values()].filter(({ account }) => account === this.account);
    const sums = new Map<Digest, number>();
    for (const { refundOf, value } of own) if (refundOf) sums.set(refundOf, (sums.get(refundOf) ?? 0) + Number(value));
    const faults = [
      ...own.map(({ transaction }) => transaction && !this.refunds.has(transaction) && `no seller signed refund ${transaction}`),
      ...sums.entries().map(([of, sum]) => sum > Number(paid.get(of) ?? 0) && `${sum} of ${paid.get(of)} was given back of ${of}`),
      ...this.refunds.entries().flatMap(([transaction, { of, to, amount, outcome }]) => {
        const [debit, credit] = [debits.get(transaction), credits.get(transaction)];
        const isSame = (entry: JournalEntry | undefined) => entry?.refundOf === of && entry.value === String(amount);
        if (outcome === "refunded") {
          return [
            (!isSame(debit) || debit?.counterparty !== to) && `no debit for refund ${transaction}`,
            (!isSame(credit) || credit?.account !== to) && `no credit for refund ${transaction}`,
          ];
        }
        return [
          (debit || credit) && `${outcome} was the answer to refund ${transaction}, which is in the books`,
          // Sums only grow: what did not fit then does not fit now.
          outcome === "refund_exceeded" &&
            (sums.get(of) ?? 0) + amount <= Number(paid.get(of)) &&
            `refund ${transaction} was refused and fits`,
        ];
      }),
    ];
    return faults.filter((fault) => typeof fault === "string").map((fault) => `seller ${this.account}: ${fault}`);
  }

  async #whole(sale: Sale): Promise<void> {
    this.#expect("whole", await this.#refund(sale, [{ amount: units(sale.value) }]), ["refunded"]);
  }

  async #inParts(sale: Sale): Promise<void> {
    const parts = sale.value > 1 ? [1, sale.value - 1] : [1];
    const terms = parts.map((part) => ({ amount: units(part) }));
    this.#expect(
      "in parts",
      await this.#refund(sale, terms),
      parts.map(() => "refunded"),
    );
  }

  /** Together more than was paid: as many go back as fit. */
  async #beyond(sale: Sale): Promise<void> {
    const half = Math.ceil(sale.value / 2);
    const fit = Math.floor(sale.value / half);
    const outcomes = [0, 1, 2].map((i) => (i < fit ? "refunded" : "refund_exceeded"));
    this.#expect(
      "beyond",
      await this.#refund(
        sale,
        outcomes.map(() => ({ amount: units(half) })),
      ),
      outcomes,
    );
  }

  /** Two that carry one id: one of them goes back. */
  async #sameId(sale: Sale): Promise<void> {
    const terms = { amount: units(1), id: randomId() };
    const outcomes = await this.#refund(sale, [{ ...terms, reason: "overcharge" }, terms]);
    this.#expect("with one id", outcomes, ["refund_conflict", "refunded"]);
  }

  /** The same one sent by two at once: both hear that it went back. */
  async #twice(sale: Sale): Promise<void> {
    const refund = await this.#sign(sale, { amount: units(sale.value) });
    const outcomes = await Promise.all([this.#send(refund), this.#send(refund)]);
    this.#note(refund.refund, outcomes.find((outcome) => outcome !== "refunded") ?? "refunded");
    this.#expect("sent twice", outcomes, ["refunded", "refunded"]);
  }

  async #refund(sale: Sale, all: readonly Terms[]): Promise<string[]> {
    const signed = await Promise.all(all.map((terms) => this.#sign(sale, terms)));
    return Promise.all(
      signed.map(async (refund) => {
        const outcome = await this.#send(refund);
        this.#note(refund.refund, outcome);
        return outcome;
      }),
    );
  }

  #sign({ transaction, payer, entry }: Sale, terms: Terms): Promise<SignedRefund> {
    const about = { network: NETWORK, asset: ASSET, ledger: this.#ledger, transaction, from: this.account, to: payer, entry } as const;
    const refund = { version: "1", ...about, reason: "other", id: randomId(), issuedAt: String(unixNow()), ...terms } as const;
    return signRefund(refund, this.#signer);
  }

  /** @returns "refunded", or the code of the refusal */
  async #send(signed: SignedRefund): Promise<string> {
    const deadline = Date.now() + PATIENCE_MILLIS;
    for (let attempt = 0; Date.now() < deadline; attempt++) {
      const answer = (await post(`${this.#origin}/refunds`, signed)) as
        | { success?: boolean; transaction?: Digest; error?: string }
        | undefined;
      if (answer?.success) return answer.transaction === refundTransaction(signed.refund) ? "refunded" : "another transaction";
      const code = answer?.error ?? "no answer";
      if (!MAYBE_LATER.has(code)) return code;
      await sleep(10 + 20 * Math.min(attempt, 10));
    }
    return "gave up";
  }

  #note(refund: Refund, outcome: string): void {
    this.refunds.set(refundTransaction(refund), { of: refund.transaction, to: refund.to, amount: Number(refund.amount), outcome });
  }

  /** Some end in either order. */
  #expect(way: string, outcomes: readonly string[], expected: readonly string[]): void {
    if (outcomes.toSorted().join() !== expected.toSorted().join()) this.complaints.push(`refunds ${way}: ${outcomes.join(", ")}`);
  }

  async #newSales(): Promise<Sale[]> {
    const path = `/accounts/${this.account}/journal?after=${this.#seen}&credits=yes`;
    const { entries = [] } = ((await get(this.#origin + path)) ?? {}) as { entries?: JournalEntry[] };
    this.#seen = entries.at(-1)?.seq ?? this.#seen;
    return entries.flatMap(({ kind, cause, seq, transaction, counterparty, value, credits = [] }) => {
      const own = kind === "credit" && !cause && transaction && counterparty ? [{ transaction, payer: counterparty, value }] : credits;
      return own.map((credit) => ({ ...credit, value: Number(credit.value), entry: seq }));
    });
  }
}

function units(value: number): Amount {
  return String(value) as Amount;
}
