/** The catalogue's rules over one SQLite database: what is written, what makes room, what is found. */

import { type ListedResource, type Proof, PROOFS } from "../../shared/extensions/bazaar.ts";
import {
  CATALOGUE_ENTRY_SECONDS,
  CATALOGUE_REFRESH_SECONDS,
  MAX_CATALOGUE_ENTRIES,
  MAX_CATALOGUE_ENTRIES_PER_PAYEE,
} from "../../shared/limits.ts";
import { migrate, type MigratedStore, type MigrationStep } from "../../shared/migrations.ts";
import { integer, row, text } from "../../shared/row.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { CatalogueEntry } from "./catalogue-entry.ts";

/** To change the table, append a step; never edit a released one. */
const STEPS: readonly MigrationStep[] = [
  {
    version: 1,
    statements: [
      `CREATE TABLE entry (
         id INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of pages: a renewed entry keeps its place
         key TEXT NOT NULL UNIQUE,             -- method, address, payee, scheme
         pay_to TEXT NOT NULL,
         scheme TEXT NOT NULL,
         proof INTEGER NOT NULL,               -- 0 payment, 1 seller
         renewed_at INTEGER NOT NULL,
         words TEXT NOT NULL,                  -- what a search compares
         item TEXT NOT NULL                    -- JSON
       ) STRICT`,
      "CREATE INDEX entry_by_age ON entry (renewed_at)",
      "CREATE INDEX entry_by_payee ON entry (pay_to)",
      "CREATE INDEX entry_by_room ON entry (proof, renewed_at)",
    ],
  },
];

export interface Page {
  limit: number;
  payTo?: string | undefined;
  scheme?: string | undefined;
}

export interface Listing {
  items: ListedResource[];
  total: number;
}

export interface Found {
  resources: ListedResource[];
  /** Where the next page begins; undefined on the last one. */
  cursor?: string | undefined;
}

const knownRow = row({ id: integer(), proof: integer(), renewed_at: integer() });
const itemRow = row({ id: integer(), proof: integer(), renewed_at: integer(), item: text() });

export class CatalogueTable {
  readonly #store: MigratedStore;
  readonly #maxEntries: number;

  /** @throws {UnsupportedSchema} when newer code wrote the table */
  constructor(store: MigratedStore, maxEntries = MAX_CATALOGUE_ENTRIES) {
    migrate(store, STEPS);
    this.#store = store;
    this.#maxEntries = maxEntries;
  }

  /**
   * Lists the entry, or renews it. An entry keeps the word of the best caller until it ends.
   * @returns false if there is nothing to write, or no room for it
   */
  record({ key, payTo, scheme, proof, words, item }: CatalogueEntry, now: number): boolean {
    const rank = rankOf(proof);
    return this.#store.transact(() => {
      this.#sql("DELETE FROM entry WHERE renewed_at <= ?", now - CATALOGUE_ENTRY_SECONDS);
      const [known] = this.#sql("SELECT id, proof, renewed_at FROM entry WHERE key = ?", key).map(knownRow);
      if (known) {
        if (known.proof > rank || (known.proof === rank && !isOld(known.renewed_at, now))) return false;
        const change = "UPDATE entry SET proof = ?, renewed_at = ?, words = ?, item = ? WHERE id = ?";
        this.#sql(change, rank, now, words, JSON.stringify(item), known.id);
        return true;
      }
      const isRoom =
        this.#makeRoom("pay_to = ?", [payTo], MAX_CATALOGUE_ENTRIES_PER_PAYEE, rank, now) &&
        this.#makeRoom("TRUE", [], this.#maxEntries, rank, now);
      if (!isRoom) return false;
      const insert = "INSERT INTO entry (key, pay_to, scheme, proof, renewed_at, words, item) VALUES (?, ?, ?, ?, ?, ?, ?)";
      this.#sql(insert, key, payTo, scheme, rank, now, words, JSON.stringify(item));
      return true;
    });
  }

  /** In the order in which they were first listed. What is renewed or added meanwhile moves no page. */
  list({ offset, limit, ...filter }: Page & { offset: number }, now: number): Listing {
    const { where, bound } = conditions(filter, now);
    const [counted] = this.#sql(`SELECT count(*) AS total FROM entry WHERE ${where}`, ...bound);
    const select = `SELECT id, proof, renewed_at, item FROM entry WHERE ${where} ORDER BY id LIMIT ? OFFSET ?`;
    return { items: this.#sql(select, ...bound, limit, offset).map(resourceOf), total: Number(counted?.["total"]) };
  }

  /**
   * Entries that contain every word: sellers' own first, then in the order in which they were first listed.
   * @param words in lower case
   * @param cursor of the page before
   */
  search({ words, cursor, limit, ...filter }: Page & { words: readonly string[]; cursor?: string | undefined }, now: number): Found {
    const after = cursor === undefined ? [] : [["(-proof, id) > (-?, ?)", ...cursor.split(".").map(Number)] as const];
    const { where, bound } = conditions(filter, now, ...after, ...words.map((word) => ["instr(words, ?) > 0", word] as const));
    const select = `SELECT id, proof, renewed_at, item FROM entry WHERE ${where} ORDER BY -proof, id LIMIT ?`;
    const found = this.#sql(select, ...bound, limit + 1).map(itemRow);
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    return { resources: shown.map(resourceOf), cursor: found.length > limit && last ? `${last.proof}.${last.id}` : undefined };
  }

  /** Deletes the entry that matters least, if it may go: one of a lesser proof, or of the same and not renewed for a while. */
  #makeRoom(where: string, bound: string[], max: number, rank: number, now: number): boolean {
    const [counted] = this.#sql(`SELECT count(*) AS total FROM entry WHERE ${where}`, ...bound);
    if (Number(counted?.["total"]) < max) return true;
    const least = `SELECT id, proof, renewed_at FROM entry WHERE ${where} ORDER BY proof, renewed_at LIMIT 1`;
    const [candidate] = this.#sql(least, ...bound).map(knownRow);
    if (!candidate || candidate.proof > rank || (candidate.proof === rank && !isOld(candidate.renewed_at, now))) return false;
    this.#sql("DELETE FROM entry WHERE id = ?", candidate.id);
    return true;
  }

  #sql(statement: string, ...bindings: (string | number)[]) {
    return this.#store.sql(statement, ...bindings);
  }
}

type Condition = readonly [sql: string, ...bound: (string | number)[]];

function conditions({ payTo, scheme }: Omit<Page, "limit">, now: number, ...more: Condition[]) {
  const all: Condition[] = [
    ["renewed_at > ?", now - CATALOGUE_ENTRY_SECONDS],
    ...(payTo === undefined ? [] : [["pay_to = ?", payTo] as const]),
    ...(scheme === undefined ? [] : [["scheme = ?", scheme] as const]),
    ...more,
  ];
  return { where: all.map(([sql]) => sql).join(" AND "), bound: all.flatMap(([, ...bound]) => bound) };
}

function isOld(renewedAt: number, now: number): boolean {
  return renewedAt <= now - CATALOGUE_REFRESH_SECONDS;
}

function rankOf(proof: Proof): number {
  return PROOFS.indexOf(proof);
}

function resourceOf(columns: Record<string, unknown>): ListedResource {
  const { item, renewed_at } = itemRow(columns);
  return { ...(JSON.parse(item) as CatalogueEntry["item"]), lastUpdated: formatTimestamp(renewed_at) };
}
