/** For tests of the ledger: three people, payments between them, and a look at everything that is stored. */

import { type Digest, digest } from "../../crypto/digest.ts";
import { NETWORK } from "../../lez.ts";
import { accountOfBytes, type AccountId } from "../../protocol/account.ts";
import type { Amount, Charge } from "../../protocol/amount.ts";
import { transactionOf } from "../../protocol/authorization.ts";
import type { LedgerPayment } from "../../protocol/ledger-payment.ts";
import type { CaptureCommand, LedgerSettleCommand, Reservation, ReserveCommand } from "../../settlement/commands.ts";
import type { Genesis } from "../genesis.ts";
import { LedgerRules } from "../rules.ts";
import type { LedgerStore, Row } from "../store.ts";

/** 2025-10-09T08:53:20Z */
export const START = 1_760_000_000;
export const LEDGER = "1e".repeat(32) as Digest;
export const ALICE = personOf(1);
export const BOB = personOf(2);
export const CAROL = personOf(3);
/** Of four shards Alice and Dave live on 3, Bob on 1, Carol and Erin on 2, and this ledger's treasury on 0, as it must. */
export const DAVE = personOf(4);
export const ERIN = personOf(7);
export const LEDGER_OF_FOUR = "06".repeat(32) as Digest;
export const FIRST = idOf(1);
export const SECOND = idOf(2);
/** How long holds last and payments stay valid, here. */
export const HELD = 60;
export const VALID = 900;

export function personOf(byte: number): AccountId {
  return accountOfBytes(new Uint8Array(32).fill(byte));
}

/** Nonces and reservation ids: 32 bytes that are easy to tell apart. */
export function idOf(number: number): Digest {
  return number.toString(16).padStart(64, "0") as Digest;
}

/** 100 from Alice to Bob. Its authorization digest covers all of it, as a real one does. */
export function paymentOf(changes: Partial<Omit<LedgerPayment, "authorizationDigest">> = {}): LedgerPayment {
  const payment = {
    payer: ALICE,
    nonce: idOf(0xa),
    payee: BOB,
    value: "100" as Amount,
    validAfter: START,
    validBefore: START + VALID,
    ...changes,
  };
  const signed = {
    ...payment,
    validAfter: String(payment.validAfter),
    validBefore: String(payment.validBefore),
    mandate: payment.mandate?.digest,
  };
  return { ...payment, authorizationDigest: digest("Authorization", signed) };
}

export function reserveOf(payment: LedgerPayment, reservationId: Digest, holdSeconds: number = HELD): ReserveCommand<LedgerPayment> {
  return { payment, reservationId, holdSeconds };
}

/** @param value what is charged; absent, the whole */
export function settleOf(payment: LedgerPayment, settlementId: Digest, value?: Charge): LedgerSettleCommand {
  return { payment, settlementId, ...(value !== undefined && { value }) };
}

export function captureOf(payment: LedgerPayment, reservationId: Digest, value?: Charge): CaptureCommand {
  return { ...reservationOf(payment, reservationId), ...(value !== undefined && { value }) };
}

export function reservationOf({ payer, nonce }: LedgerPayment, reservationId: Digest): Reservation {
  return { payer, nonce, reservationId };
}

export function txOf(payment: LedgerPayment): Digest {
  return transactionOf(NETWORK, payment.authorizationDigest);
}

/** A new ledger in `store`, in which Alice has been given 250. */
export function openLedger(store: LedgerStore, supply = 1000n): LedgerRules {
  const rules = openRules(store, { ledger: LEDGER, supply, at: START });
  give(rules, ALICE, 250n);
  return rules;
}

/** Opens a shard of a ledger. Its tables are made at once, in a tenth of a migration's time: thousands of tests open one. */
export function openRules(store: LedgerStore, genesis: Genesis): LedgerRules {
  prepareTables(store);
  const rules = new LedgerRules(store, genesis);
  tables ??= tablesOf(store);
  return rules;
}

/** The statements that make the tables of the first ledger that was opened, and their version. */
let tables: { statements: string[]; version: number } | undefined;

/** Only of an empty store. */
function prepareTables(store: LedgerStore): void {
  if (!tables || store.sql("SELECT 1 FROM sqlite_master LIMIT 1").length > 0) return;
  for (const statement of tables.statements) store.sql(statement);
  store.sql("INSERT INTO schema_version (version) VALUES (?)", tables.version);
}

function tablesOf(store: LedgerStore) {
  const made = store.sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB '_cf_*' ORDER BY rowid");
  const [row] = store.sql("SELECT version FROM schema_version");
  return { statements: made.map(({ sql }) => String(sql)), version: Number(row?.["version"]) };
}

/** The same ledger after a restart. */
export function reopen(store: LedgerStore): LedgerRules {
  return new LedgerRules(store, { ledger: idOf(0xdead), supply: 1n, at: 0 });
}

/** Money from the treasury, past the faucet and its limits. Needs no clock: it happens at START. */
export function give(rules: LedgerRules, to: AccountId, value: bigint): void {
  const { treasury } = rules.info();
  const gift = paymentOf({ payer: treasury, payee: to, value: value.toString() as Amount, nonce: digest("Nonce", { to }) });
  const settled = rules.settle(settleOf(gift, FIRST), START);
  if (!settled.ok) throw new Error(`no gift: ${settled.code}`);
}

/** Every row of every table, except those that the Workers platform keeps for itself. */
export function dump(store: LedgerStore): Record<string, Row[]> {
  const names = store.sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*' ORDER BY name");
  return Object.fromEntries(names.map(({ name }) => [String(name), store.sql(`SELECT * FROM ${name}`)]));
}
