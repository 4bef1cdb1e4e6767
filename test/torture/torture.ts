/** Ring 4: the real Workers in real workerd over a real disk, killed again and again while clients pay and sellers refund. Then the books are compared with what was said. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { NETWORK } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { MandateStatus } from "../../shared/settlement/backend.ts";
import { TorturedClient } from "./client.ts";
import { drained } from "./drained.ts";
import { TorturedSeller } from "./seller.ts";
import { torturedWorkerd } from "./workerd.ts";

export interface TortureOptions {
  kills: number;
  shards: number;
  clients: number;
}

export interface TortureReport extends TortureOptions {
  seconds: number;
  attempts: number;
  retries: number;
  acknowledged: number;
  /** Of those, the ones under a mandate. */
  mandated: number;
  /** Payments of `upto` that were charged, and those that were charged nothing. */
  charged: number;
  uncharged: number;
  /** Refused because they were beyond a mandate's limit. */
  exceeded: number;
  /** Revoked mandates. */
  revoked: number;
  /** Refunds that their sellers were told were made, and those that were refused because more would go back than was paid. */
  refunded: number;
  overRefunds: number;
  /** Payments and refunds that were acknowledged, and are not on both sides of the book. */
  lost: number;
  /** Debited or credited more than once. */
  duplicated: number;
  /** True when all balances of all shards add up to the supply. */
  supplyExact: boolean;
  /** Whatever else is not as it should be. */
  problems: string[];
}

const SELLERS = 8;

export async function torture({ kills, shards, clients }: TortureOptions): Promise<TortureReport> {
  const directory = await mkdtemp(join(tmpdir(), "lez-torture-"));
  const began = Date.now();
  const workerd = await torturedWorkerd(directory, shards);
  const origin = workerd.origin("facilitator");
  try {
    await workerd.start();
    const { ledger } = (await (await fetch(`${origin}/health`)).json()) as { ledger: Digest };
    const people = await Promise.all(Array.from({ length: clients }, () => TorturedClient.create(origin, ledger)));
    const sellers = await Promise.all(Array.from({ length: SELLERS }, (_, i) => TorturedSeller.create(origin, ledger, i)));
    const payees = sellers.map(({ account }) => account);
    let over = false;
    let soldOut = false;
    const paying = people.map((client) => client.payUntil(() => over, payees));
    const refunding = sellers.map((seller) => seller.refundUntil(() => soldOut));
    for (let kill = 0; kill < kills; kill++) {
      await sleep(60 + Math.random() * 340);
      await workerd.kill();
      await workerd.start();
    }
    over = true;
    await Promise.all(paying);
    soldOut = true;
    await Promise.all(refunding);
    const audit = await drained(origin);
    const books = await readBooks(origin, [...people.map(({ account }) => account), ...payees]);
    const acknowledged = people.flatMap((client) => client.acknowledged);
    const refunds = sellers.flatMap((seller) => [...seller.refunds].flatMap(([id, { outcome }]) => (outcome === "refunded" ? [id] : [])));
    const charges = people.flatMap((client) => [...client.charges]);
    const mandates = people.flatMap((client) => client.mandates);
    const broken = await Promise.all(people.map((client) => brokenMandates(origin, client, books.entries)));
    return {
      kills,
      shards,
      clients,
      seconds: Math.round((Date.now() - began) / 1000),
      attempts: sum(people.map(({ attempts }) => attempts)),
      retries: sum(people.map(({ retries }) => retries)),
      acknowledged: acknowledged.length,
      mandated: sum(mandates.map((mandate) => mandate.count("paid"))),
      charged: charges.filter(([, charge]) => charge !== "0").length,
      uncharged: charges.filter(([, charge]) => charge === "0").length,
      exceeded: sum(mandates.map((mandate) => mandate.count("mandate_exceeded"))),
      revoked: mandates.filter(({ revokedAt }) => revokedAt !== undefined).length,
      refunded: refunds.length,
      overRefunds: sum(sellers.map((seller) => seller.count("refund_exceeded"))),
      lost: [...acknowledged, ...refunds].filter((transaction) => !books.debits.has(transaction) || !books.credits.has(transaction)).length,
      duplicated: books.duplicated,
      supplyExact: audit.conclusive && audit.inFlight === "0" && audit.balances === audit.supply,
      problems: [
        ...audit.problems,
        ...broken.flat(),
        ...otherCharges(charges, books.entries),
        ...sellers.flatMap((seller) => seller.problems(books.entries)),
        ...[...people, ...sellers].flatMap(({ complaints }) => complaints),
      ],
    };
  } finally {
    await workerd.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

export function passed({ lost, duplicated, supplyExact, problems, ...counts }: TortureReport): boolean {
  const { mandated, exceeded, revoked, charged, uncharged, refunded, overRefunds } = counts;
  const happened = Math.min(mandated, exceeded, revoked, charged, uncharged, refunded, overRefunds) > 0;
  return lost === 0 && duplicated === 0 && supplyExact && problems.length === 0 && happened;
}

/** Compares each charge that was reported with its debit. A charge of 0 has none. */
function otherCharges(charges: readonly (readonly [transaction: Digest, charge: string])[], entries: readonly JournalEntry[]): string[] {
  const debited = new Map(
    entries.flatMap(({ kind, transaction, value }) => (kind === "debit" && transaction ? [[transaction, value]] : [])),
  );
  const others = charges.filter(([transaction, charge]) => (debited.get(transaction) ?? "0") !== charge);
  return others.map(
    ([transaction, charge]) => `${transaction}: told that ${charge} was charged, debited ${debited.get(transaction) ?? "nothing"}`,
  );
}

/** Holds a client's mandates against the journal and against what the ledger says of each. */
async function brokenMandates(origin: string, { account, mandates }: TorturedClient, entries: readonly JournalEntry[]): Promise<string[]> {
  const debits = entries.filter((entry) => entry.account === account && entry.kind === "debit");
  const problems: string[] = [];
  for (const mandate of mandates) {
    const response = await fetch(`${origin}/mandates/${NETWORK}/${account}/${mandate.digest}`);
    if (response.ok) problems.push(...mandate.problems(debits, (await response.json()) as MandateStatus));
    else problems.push(`mandate ${mandate.digest}: ${response.status} ${await response.text()}`);
  }
  return problems;
}

interface TransactionBooks {
  entries: JournalEntry[];
  debits: Set<string>;
  credits: Set<string>;
  duplicated: number;
}

async function readBooks(origin: string, accounts: readonly AccountId[]): Promise<TransactionBooks> {
  const entries = (await Promise.all(accounts.map((account) => readJournal(origin, account)))).flat();
  const debits = entries.flatMap(({ kind, transaction }) => (kind === "debit" && transaction ? [transaction] : []));
  const credits = entries.flatMap(({ kind, transaction, transactions = [] }) =>
    kind === "credit" && transaction ? [transaction] : transactions,
  );
  const duplicated = debits.length - new Set(debits).size + (credits.length - new Set(credits).size);
  return { entries, debits: new Set(debits), credits: new Set(credits), duplicated };
}

async function readJournal(origin: string, account: AccountId): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (;;) {
    const after = entries.at(-1)?.seq ?? "0";
    const page = (await (await fetch(`${origin}/accounts/${account}/journal?after=${after}`)).json()) as { entries: JournalEntry[] };
    if (page.entries.length === 0) return entries;
    entries.push(...page.entries);
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
