/**
 * What an account sold. The sums come from its checked journal. Route, payment identifier and delivery come from the merchant's own record,
 * which nothing but the merchant vouches for.
 */

import { type Movement, movementsOf } from "../../shared/books/movement.ts";
import { type Statement, statementOf, Tally } from "../../shared/books/statement.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { type ChainSource, type CheckedChain, readChain } from "../facilitator/account-chain.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { SaleRecord, SaleRecords } from "./records.ts";

export interface Sale extends Movement {
  /** Of the merchant; undefined if it has none of this payment. */
  record: SaleRecord | undefined;
  refunded: bigint;
}

/** A refund that the account made. */
export interface Refund {
  seq: string;
  at: number;
  value: bigint;
  transaction: Digest | undefined;
  /** The payment that was refunded. */
  of: Digest;
}

export interface Books {
  chain: CheckedChain;
  statement: Statement;
  /** Σ of the refunds of each payment, in atomic units. */
  refunded: ReadonlyMap<Digest, bigint>;
}

/** Checks the whole chain, and adds it up: the refunds of a payment come after it. */
export async function readBooks(source: ChainSource): Promise<Outcome<Books>> {
  const tally = new Tally();
  const refunded = new Map<Digest, bigint>();
  const chain = await readChain(source, async (entries) => {
    for (const movement of entries.flatMap((entry) => movementsOf(entry, source.ledger, NONE))) {
      tally.add(movement);
      for (const { of, value } of refundOf(movement)) refunded.set(of, (refunded.get(of) ?? 0n) + value);
    }
    return succeed(undefined);
  });
  if (!chain.ok) return chain;
  const statement = statementOf(tally, BigInt(chain.data.base?.balanceAfter ?? "0"));
  if (statement.closing.toString() !== source.head.balance) {
    return fail("journal_differs", `The movements lead to ${statement.closing} units, and the balance is ${source.head.balance}.`);
  }
  return succeed({ chain: chain.data, statement, refunded });
}

/** Reads the chain again up to the same head, and hands over its sales and refunds, oldest first. */
export async function eachSale(
  source: ChainSource,
  records: SaleRecords,
  { refunded }: Books,
  see: (sales: Sale[], refunds: Refund[]) => void,
): Promise<Outcome<undefined>> {
  const find = (transaction: Digest) => records.find(transaction);
  const read = await readChain(source, async (entries) => {
    const loaded = await records.load(entries.filter(({ kind }) => kind === "credit" || kind === "batch").map(({ at }) => Number(at)));
    if (!loaded.ok) return loaded;
    const movements = entries.flatMap((entry) => movementsOf(entry, source.ledger, find));
    const sales = movements
      .filter(({ kind }) => kind === "sale")
      .map((sale) => ({
        ...sale,
        record: sale.transaction && records.find(sale.transaction),
        refunded: (sale.transaction && refunded.get(sale.transaction)) ?? 0n,
      }));
    see(sales, movements.flatMap(refundOf));
    return succeed(undefined);
  });
  return read.ok ? succeed(undefined) : read;
}

const NONE = () => undefined;

function refundOf({ kind, refundOf: of, seq, at, value, transaction }: Movement): Refund[] {
  return kind === "refund" && of !== undefined ? [{ seq, at, value, transaction, of }] : [];
}
