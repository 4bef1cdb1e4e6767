/** Checks every invariant of a shard, from its tables alone. */

import { JOURNAL_PAGE, JOURNAL_PAGE_CREDITS, RETENTION_SECONDS } from "../limits.ts";
import type { AccountId } from "../protocol/account.ts";
import { integer, nullable, oneOf, row, text } from "../row.ts";
import type { AccountState } from "../settlement/backend.ts";
import { Accounts } from "./accounts.ts";
import { MandateAudit } from "./audit-mandates.ts";
import { RefundAudit } from "./audit-refunds.ts";
import { SessionAudit } from "./audit-sessions.ts";
import { issuedBy } from "./faucet.ts";
import type { ShardIdentity } from "./genesis.ts";
import { continuesChain, type JournalEntry, type Link, readEntries } from "./journal.ts";
import { journalBase } from "./pruning.ts";
import { Sessions } from "./sessions.ts";
import type { LedgerStore } from "./store.ts";

export interface AuditReport {
  ok: boolean;
  ledger: string;
  /** Atomic units, decimal strings. */
  supply: string;
  balances: string;
  held: string;
  /** What the operator has paid out of the treasury. A ledger of 0.1 pays out nothing, and does not say so. */
  issued?: string;
  accounts: number;
  payments: { held: number; settled: number; cancelled: number };
  /** That are not closed. A ledger of before sessions does not say so. */
  sessions?: number;
  journalEntries: number;
  /** A sentence for each broken invariant; empty if ok. */
  problems: string[];
}

const holdRow = row({ payer: text(), value: text() });
const idRow = row({ id: text<AccountId>() });
const countRow = row({ state: oneOf("held", "settled", "cancelled"), n: integer() });
const streamRow = row({ to_shard: integer(), before: integer(), acknowledged: integer() });
const settledRow = row({ tx: text(), value: text(), scheme: nullable(text()), charge: text(), payee: text() });

/**
 * @param halted why the shard has halted, if it has
 * @param now the ledger's clock: old settlements may have been deleted
 */
export function auditLedger(
  store: LedgerStore,
  { ledger, treasury, supply, shard, shards }: ShardIdentity,
  halted: string | undefined,
  now: number,
): AuditReport {
  const accounts = new Accounts(store, ledger); // a running ledger's cache may be wrong
  const problems: string[] = halted === undefined ? [] : [`halted: ${halted}`];
  const holds = new Map<string, bigint>();
  for (const { payer, value } of store.sql("SELECT payer, value FROM payment WHERE state = 'held'").map(holdRow)) {
    holds.set(payer, (holds.get(payer) ?? 0n) + BigInt(value));
  }

  const sessions = new SessionAudit(store, now);
  for (const [payer, value] of sessions.held()) if (value !== 0n) holds.set(payer, (holds.get(payer) ?? 0n) + value);

  const mandates = new MandateAudit(store);
  let balances = 0n;
  let held = 0n;
  let journalEntries = 0;
  const ids = store.sql("SELECT id FROM account").map((row) => idRow(row).id);
  for (const id of ids) {
    const account = accounts.read(id);
    const balance = BigInt(account.balance);
    balances += balance;
    held += BigInt(account.held);
    if (balance < 0n || BigInt(account.held) < 0n || BigInt(account.held) > balance) problems.push(`${id}: not 0 <= held <= balance`);
    if (BigInt(account.held) !== (holds.get(id) ?? 0n)) problems.push(`${id}: held is not the sum of its holds`);
    holds.delete(id);
    const debits = new Debits(store, id, now);
    const refunds = new RefundAudit(store, id, Number(journalBase(store, id)?.seq ?? 0));
    const chain = replay(store, account, ledger, (entry) => {
      if (!addsUp(entry)) problems.push(`${id}: the payments of batch ${entry.seq} are not its sum`);
      if (entry.cause === "refund") refunds.see(entry);
      else if (entry.cause === "claim") sessions.see(entry);
      else debits.see(entry);
      mandates.see(entry);
    });
    journalEntries += chain.entries;
    if (!chain.intact) problems.push(`${id}: the chain breaks at entry ${chain.entries}`);
    if (chain.last?.balanceAfter !== account.balance) problems.push(`${id}: the journal does not add up to the balance`);
    if (chain.intact) problems.push(...debits.differences(), ...refunds.differences());
  }
  for (const payer of holds.keys()) problems.push(`${payer}: holds without an account`);
  problems.push(...mandates.differences(), ...sessions.differences());
  problems.push(...strays(store, shard, shards));
  // consolidate.ts adds up several shards.
  if (shards === 1 && balances !== BigInt(supply)) problems.push(`balances are ${balances}, the supply is ${supply}`);

  const payments = { held: 0, settled: 0, cancelled: 0 };
  for (const { state, n } of store.sql("SELECT state, count(*) AS n FROM payment WHERE session IS NULL GROUP BY state").map(countRow))
    payments[state] = n;
  return {
    ok: problems.length === 0,
    ledger,
    supply,
    balances: balances.toString(),
    held: held.toString(),
    issued: issuedBy(store, treasury).toString(),
    accounts: ids.length,
    payments,
    sessions: new Sessions(store).pending().sessions,
    journalEntries,
    problems,
  };
}

/** Rows that belong to no account and to no other shard. */
function strays(store: LedgerStore, shard: number, shards: number): string[] {
  const payers = store.sql("SELECT DISTINCT payer FROM payment WHERE state = 'settled' AND payer NOT IN (SELECT id FROM account)");
  const payees = store.sql("SELECT DISTINCT payee FROM refund WHERE payee NOT IN (SELECT id FROM account)");
  const owners = store.sql("SELECT DISTINCT account FROM journal WHERE account NOT IN (SELECT id FROM account)");
  const streams = store
    .sql(
      `SELECT to_shard, max(number) - count(*) AS before,
         coalesce((SELECT number FROM acknowledged AS a WHERE a.to_shard = o.to_shard), 0) AS acknowledged
       FROM outbox AS o GROUP BY to_shard`,
    )
    .map(streamRow);
  const nowhere = streams.map(({ to_shard }) => to_shard).filter((to) => to === shard || to < 0 || to >= shards);
  const broken = streams.filter(({ before, acknowledged }) => before !== acknowledged);
  return [
    ...payers.map(({ payer }) => `${payer}: settled payments without an account`),
    ...payees.map(({ payee }) => `${payee}: refunds without an account`),
    ...owners.map(({ account }) => `${account}: a journal without an account`),
    ...nowhere.map((to) => `credits wait for shard ${to}, and there is no such other shard`),
    ...broken.map(({ to_shard }) => `credits to shard ${to_shard} are missing among those that wait`),
  ];
}

/** Compares an account's settled payments with the debits of its journal: each has a counterpart of the sum that was charged, to its payee. */
class Debits {
  readonly #id: AccountId;
  readonly #now: number;
  /** transaction → "charge payee" of the settled payments whose debit was not seen yet. */
  readonly #settled: Map<string, string>;
  readonly #problems: string[] = [];

  constructor(store: LedgerStore, id: AccountId, now: number) {
    this.#id = id;
    this.#now = now;
    const rows = store
      .sql(
        `SELECT tx, value, scheme, coalesce(charged, value) AS charge, payee FROM payment
         WHERE payer = ? AND state = 'settled' AND capture_deadline >= ? AND restored IS NULL`,
        id,
        now - RETENTION_SECONDS,
      )
      .map(settledRow);
    const wrong = rows.filter(({ value, scheme, charge }) => BigInt(charge) > BigInt(value) || (scheme === null && charge !== value));
    this.#problems.push(...wrong.map(({ tx }) => `${id}: payment ${tx} was not charged as it was signed`));
    const paid = rows.filter(({ charge }) => charge !== "0"); // nothing was charged, so nothing is in the journal
    this.#settled = new Map(paid.map(({ tx, charge, payee }) => [tx, `${charge} ${payee}`]));
  }

  see({ kind, transaction, value, counterparty, at }: JournalEntry): void {
    if (kind !== "debit") return;
    const settled = this.#settled.get(String(transaction));
    this.#settled.delete(String(transaction));
    // A payment row stays for the retention after its settlement at least; an older one may be deleted.
    if (settled === undefined && Number(at) + RETENTION_SECONDS < this.#now) return;
    if (settled !== `${value} ${counterparty}`) this.#problems.push(`${this.#id}: no settled payment like debit ${transaction}`);
  }

  differences(): string[] {
    return [...this.#problems, ...this.#settled.keys().map((transaction) => `${this.#id}: no debit for payment ${transaction}`)];
  }
}

/** Whether a batch lists as many payments as it counts, and who paid all of its sum, if it lists who paid. */
function addsUp({ batch, transactions = [], credits, value }: JournalEntry): boolean {
  if (!batch) return true;
  if (Number(batch.count) !== transactions.length) return false;
  return !credits || (credits.length === transactions.length && sumOf(credits) === BigInt(value));
}

function sumOf(credits: readonly { value: string }[]): bigint {
  return credits.reduce((sum, { value }) => sum + BigInt(value), 0n);
}

/** Walks an account's chain from its first entry, or the last pruned one, to the last entry or the first that breaks the chain. */
function replay(
  store: LedgerStore,
  { account, journalSeq, journalHead }: AccountState,
  ledger: ShardIdentity["ledger"],
  see: (entry: JournalEntry) => void,
): { intact: boolean; entries: number; last: Link | undefined } {
  let last = journalBase(store, account);
  let entries = 0;
  for (;;) {
    const page = readEntries(store, account, Number(last?.seq ?? 0), JOURNAL_PAGE, JOURNAL_PAGE_CREDITS, true);
    for (const entry of page) {
      if (!continuesChain(entry, last, ledger)) return { intact: false, entries, last };
      see(entry);
      last = entry;
      entries++;
    }
    if (page.length === 0) break;
  }
  return { intact: Number(last?.seq ?? 0) === journalSeq && (last?.hash ?? ledger) === journalHead, entries, last };
}
