/**
 * Checks an export, page by page, and says what of it a new ledger is given. Every chain replays to its balance, every hold belongs to an
 * account, and all balances add up to the supply. Pure; spec/restore.md.
 */

import type * as z from "zod/mini";
import type { Digest } from "../crypto/digest.ts";
import { type AccountId, isAccountId } from "../protocol/account.ts";
import type { Amount } from "../protocol/amount.ts";
import { integer, nullable, oneOf, row, type RowOf, text } from "../row.ts";
import { checkShape, type Parsed } from "../text/json.ts";
import { EXPORTED_TABLES, type ExportedTable, positionOf } from "./export.ts";
import { continuesChain, journalEntry, type Link } from "./journal.ts";
import {
  restoredAccountSchema,
  restoredCancelledSchema,
  restoredGrantSchema,
  restoredPanicSchema,
  restoredSettledSchema,
  restoredWindowSchema,
  type RestorePage,
} from "./restoration.ts";
import { restOf } from "./sessions.ts";
import { shardOf, treasuryOf } from "./shards.ts";
import type { Row } from "./store.ts";

/** What is known of the exported ledger before its rows. */
export interface ExportedLedger {
  ledger: Digest;
  supply: string;
  shards: number;
}

/** Rows of one table of one shard, in the order of their keys. */
export interface ExportedRows {
  shard: number;
  table: ExportedTable;
  rows: readonly Row[];
}

export interface ExportSummary {
  accounts: number;
  entries: number;
  /** Nonces that were paid or cancelled. They cannot be used again. */
  nonces: number;
  /** Holds that were open, and sessions. Their money is the payers'. */
  holds: number;
  sessions: number;
}

/** One row for the new ledger, and the account whose shard keeps it; undefined for shard 0. */
export type RestoredRow = {
  [Kind in keyof RestorePage]: { kind: Kind; row: RestorePage[Kind][number]; owner?: AccountId };
}[keyof RestorePage];

const ACCOUNT = {
  id: text<AccountId>(),
  balance: text(),
  held: text(),
  journal_seq: integer(),
  journal_head: text<Digest>(),
  base_seq: nullable(integer()),
  base_hash: nullable(text<Digest>()),
  base_balance: nullable(text()),
};
const accountRow = row(ACCOUNT);
const paymentRow = row({ payer: text<AccountId>(), state: oneOf("held", "settled", "cancelled"), value: nullable(text()) });

const depositRow = row({
  payer: text<AccountId>(),
  deposit: text<Amount>(),
  claimed: text(),
  state: oneOf("open", "closing", "closed"),
});

/** What ledgers of before versions 10 and 14 do not export. */
const BEFORE_CAUSES = { cause: null, refund_of: null, session: null };
/** Of a ledger of before version 14 there is no page of sessions. */
const LAST_BEFORE_SESSIONS = EXPORTED_TABLES.indexOf("session") - 1;

/** An account of the shard that is being read: its row, the last entry of its chain so far, and its holds. */
interface Chain {
  account: RowOf<typeof ACCOUNT>;
  last: Link | undefined;
  held: bigint;
}

export class ExportCheck {
  readonly #from: ExportedLedger;
  readonly #chains = new Map<AccountId, Chain>();
  readonly #summary: ExportSummary = { accounts: 0, entries: 0, nonces: 0, holds: 0, sessions: 0 };
  /** The shard and table that are being read, and the last key. */
  #at = { shard: 0, table: 0, after: [] as readonly string[] };
  #total = 0n;

  constructor(from: ExportedLedger) {
    this.#from = from;
  }

  /** @returns what is wrong with the page; undefined if nothing is */
  take({ shard, table, rows }: ExportedRows): string | undefined {
    const number = EXPORTED_TABLES.indexOf(table);
    const moved = shard !== this.#at.shard;
    const left = moved ? this.#leave(shard) : undefined;
    if (left) return left;
    const follows = moved ? number === 0 : number === this.#at.table || number === this.#at.table + 1;
    if (!follows || shard >= this.#from.shards) return `shard ${shard}, ${table}: out of order`;
    if (moved || number > this.#at.table) this.#at = { shard, table: number, after: [] };
    for (const found of rows) {
      const problem = this.#ascends(table, found) ? this.#row(table, found) : "out of order, or twice";
      if (problem) return `shard ${shard}, ${table}, ${this.#at.after.join(" ")}: ${problem}`;
    }
    return undefined;
  }

  /** After the last page. @returns the sums, or what is wrong */
  finish(): { ok: true; summary: ExportSummary } | { ok: false; problem: string } {
    const { shards, supply } = this.#from;
    const problem = this.#leave(shards);
    if (problem) return { ok: false, problem };
    if (this.#total !== BigInt(supply)) return { ok: false, problem: `balances are ${this.#total}, the supply is ${supply}` };
    return { ok: true, summary: this.#summary };
  }

  /** Everything of a shard was read: its chains must have led to its balances. Every table of every shard has a page, if an empty one. */
  #leave(next: number): string | undefined {
    const { shard, table } = this.#at;
    if (next !== shard + 1 || table < LAST_BEFORE_SESSIONS) return `the part after shard ${shard}, ${EXPORTED_TABLES[table]} is missing`;
    for (const [id, { account, last, held }] of this.#chains) {
      const ends = Number(last?.seq ?? 0) === account.journal_seq && (last?.hash ?? this.#from.ledger) === account.journal_head;
      if (!ends || last?.balanceAfter !== account.balance) return `${id}: the chain does not lead to the balance`;
      if (held !== BigInt(account.held)) return `${id}: held is not the sum of its holds`;
    }
    this.#chains.clear();
    return undefined;
  }

  #ascends(table: ExportedTable, found: Row): boolean {
    const before = this.#at.after;
    const after = positionOf(table, found);
    this.#at.after = after;
    if (before.length === 0 || String(before[0]) < String(after[0])) return true;
    if (before[0] !== after[0]) return false;
    return table === "journal" ? Number(before[1]) < Number(after[1]) : String(before[1]) < String(after[1]);
  }

  #row(table: ExportedTable, found: Row): string | undefined {
    try {
      if (table === "account") return this.#account(accountRow(found));
      if (table === "journal") return this.#entry(found);
      if (table === "session") this.#deposit(found);
      if (table === "payment") this.#hold(found);
    } catch (error) {
      return String(error instanceof Error ? error.message : error);
    }
    const restored = restoredOf(table, found);
    if (restored && !restored.ok) return restored.problem;
    // 0.1 cancelled nonces of accounts that never had money.
    if (restored?.ok && restored.value.kind === "settled" && !this.#chains.has(restored.value.row.payer))
      return "no such account on this shard";
    if (table === "payment" && restored) this.#summary.nonces++;
    return undefined;
  }

  #account(account: RowOf<typeof ACCOUNT>): string | undefined {
    if (!isAccountId(account.id) || shardOf(account.id, this.#from.shards) !== this.#at.shard) return "an account of another shard";
    const { base_seq: seq, base_hash: hash, base_balance: balanceAfter } = account;
    const base = seq !== null && seq > 0 && hash !== null && balanceAfter !== null ? { seq: String(seq), hash, balanceAfter } : undefined;
    this.#chains.set(account.id, { account, last: base, held: 0n });
    this.#total += BigInt(account.balance);
    this.#summary.accounts++;
    return BigInt(account.held) > BigInt(account.balance) || BigInt(account.held) < 0n ? "not 0 <= held <= balance" : undefined;
  }

  #entry(found: Row): string | undefined {
    const entry = journalEntry({ ...BEFORE_CAUSES, ...found });
    const chain = this.#chains.get(entry.account);
    if (!chain || !continuesChain(entry, chain.last, this.#from.ledger)) return "the chain breaks";
    chain.last = entry;
    this.#summary.entries++;
    return undefined;
  }

  #hold(found: Row): void {
    const { payer, state, value } = paymentRow(found);
    const chain = this.#chains.get(payer);
    if (state !== "held" || !chain) return;
    chain.held += BigInt(value ?? "0");
    this.#summary.holds++;
  }

  #deposit(found: Row): void {
    const session = depositRow(found);
    const chain = this.#chains.get(session.payer);
    if (session.state === "closed" || !chain) return;
    chain.held += restOf(session);
    this.#summary.sessions++;
  }
}

/**
 * What a new ledger is given of an exported row; undefined for journal entries, and for holds and sessions, whose money never moved: it is the
 * payer's, and the old ledger, retired for ever, can no longer capture or claim it. The nonce of a session is a cancelled one there.
 */
export function restoredOf(table: ExportedTable, found: Row): Parsed<RestoredRow> | undefined {
  switch (table) {
    case "account": {
      const { id, balance, journal_head: head } = accountRow(found);
      return restored("accounts", restoredAccountSchema, { id, balance, head }, id);
    }
    case "payment": {
      const { payer, state } = paymentRow(found);
      if (state === "held") return undefined;
      return state === "settled"
        ? restored("settled", restoredSettledSchema, found, payer)
        : restored("cancelled", restoredCancelledSchema, found, payer);
    }
    case "panic":
      return restored("panics", restoredPanicSchema, found, text<AccountId>().is(found["payer"]) ? found["payer"] : undefined);
    case "faucet":
      return restored("windows", restoredWindowSchema, found);
    case "faucet_grant":
      return restored("grants", restoredGrantSchema, found);
    default:
      return undefined;
  }
}

/** The shard of the new ledger that keeps a row. The old treasury's money goes to the new one, on shard 0. */
export function newHome({ owner }: RestoredRow, from: Digest, shards: number): number {
  return owner === undefined || owner === treasuryOf(from) ? 0 : shardOf(owner, shards);
}

export function emptyPage(): RestorePage {
  return { accounts: [], settled: [], cancelled: [], panics: [], windows: [], grants: [] };
}

function restored(
  kind: keyof RestorePage,
  schema: z.core.$ZodType & { shape: object },
  found: Readonly<Record<string, unknown>>,
  owner?: AccountId,
): Parsed<RestoredRow> {
  const picked = checkShape(Object.fromEntries(Object.keys(schema.shape).map((column) => [column, found[column]])), schema);
  return picked.ok ? { ok: true, value: { kind, row: picked.value, ...(owner && { owner }) } as RestoredRow } : picked;
}
