/** Recomputes everything that must hold in a ledger, from nothing but its tables. */
import type { AccountId } from "../account.ts";
import type { LedgerInfo } from "../backend.ts";
import { type Accounts, continuesChain, type JournalEntry } from "./accounts.ts";
import type { LedgerStore } from "./store.ts";

export interface AuditReport {
  ok: boolean;
  ledger: string;
  /** Atomic units, decimal strings. */
  supply: string;
  balances: string;
  held: string;
  accounts: number;
  payments: { held: number; settled: number; cancelled: number };
  journalEntries: number;
  /** Each broken invariant in words; empty when ok. */
  problems: string[];
}

const PAGE = 500;

export function auditLedger(store: LedgerStore, accounts: Accounts, { ledger, supply }: LedgerInfo): AuditReport {
  const problems: string[] = [];
  const holds = new Map<string, bigint>();
  for (const row of store.sql("SELECT payer, value FROM payment WHERE state = 'held'")) {
    const payer = String(row["payer"]);
    holds.set(payer, (holds.get(payer) ?? 0n) + BigInt(String(row["value"])));
  }

  let balances = 0n;
  let held = 0n;
  let journalEntries = 0;
  const ids = store.sql("SELECT id FROM account").map((row) => row["id"] as AccountId);
  for (const id of ids) {
    const account = accounts.read(id);
    const balance = BigInt(account.balance);
    balances += balance;
    held += BigInt(account.held);
    if (balance < 0n || BigInt(account.held) < 0n || BigInt(account.held) > balance) problems.push(`${id}: not 0 <= held <= balance`);
    if (BigInt(account.held) !== (holds.get(id) ?? 0n)) problems.push(`${id}: held is not the sum of its holds`);
    holds.delete(id);
    const chain = replay(accounts, id, ledger);
    journalEntries += chain.entries;
    const intact = chain.ok && chain.entries === account.journalSeq && chain.last?.hash === account.journalHead;
    if (!intact) problems.push(`${id}: the chain breaks at entry ${chain.entries}`);
    if (chain.last?.balanceAfter !== account.balance) problems.push(`${id}: the journal does not add up to the balance`);
  }
  for (const payer of holds.keys()) problems.push(`${payer}: holds without an account`);
  if (balances !== BigInt(supply)) problems.push(`balances are ${balances}, the supply is ${supply}`);

  const payments = { held: 0, settled: 0, cancelled: 0 };
  for (const row of store.sql("SELECT state, count(*) AS n FROM payment GROUP BY state")) {
    payments[row["state"] as keyof typeof payments] = Number(row["n"]);
  }
  return {
    ok: problems.length === 0,
    ledger,
    supply,
    balances: balances.toString(),
    held: held.toString(),
    accounts: ids.length,
    payments,
    journalEntries,
    problems,
  };
}

/** Walks an account's chain from its first entry to its last, or to the first that does not follow. */
function replay(
  accounts: Accounts,
  id: AccountId,
  ledger: LedgerInfo["ledger"],
): { ok: boolean; entries: number; last: JournalEntry | undefined } {
  let last: JournalEntry | undefined;
  let entries = 0;
  for (;;) {
    const page = accounts.journal(id, Number(last?.seq ?? 0), PAGE);
    for (const entry of page) {
      if (!continuesChain(entry, last, ledger)) return { ok: false, entries, last };
      last = entry;
      entries++;
    }
    if (page.length < PAGE) return { ok: true, entries, last };
  }
}
