/**
 * Founds a ledger from the export of a retired one: balances, used nonces and grants, under a new id. Until that is finished, the
 * shard refuses everything. A page may arrive any number of times.
 */

import * as z from "zod/mini";
import { type Digest, digestSchema } from "../crypto/digest.ts";
import { NETWORK, UPTO } from "../lez.ts";
import { EXPORT_PAGE, MAX_AMOUNT } from "../limits.ts";
import { type AccountId, accountIdSchema } from "../protocol/account.ts";
import { amountSchema, chargeSchema } from "../protocol/amount.ts";
import { transactionOf } from "../protocol/authorization.ts";
import { type PaymentRefusal, refusal } from "../protocol/refusal.ts";
import { integer, row, text } from "../row.ts";
import { wholeNumber } from "../whole-number.ts";
import { type Accounts, isUnknown } from "./accounts.ts";
import type { ShardIdentity } from "./genesis.ts";
import type { Mandates } from "./mandates.ts";
import { shardOf, treasuryOf } from "./shards.ts";
import { invariant, type LedgerStore } from "./store.ts";

const second = wholeNumber();
const units = z.custom<string>(
  (value) => typeof value === "string" && /^(0|[1-9][0-9]{0,38})$/.test(value) && BigInt(value) <= MAX_AMOUNT,
  "must be atomic units",
);

/** Where a ledger comes from. */
export const originSchema = z.strictObject({
  /** The retired ledger. */
  ledger: digestSchema,
  /** The digest of its export. */
  export: digestSchema,
  supply: units,
  /** Unix seconds: the latest time at which one of its shards refused or forgot something forever. */
  final: second,
});
export type Origin = z.infer<typeof originSchema>;

/** The last entry of the account's old chain is `head`. */
export const restoredAccountSchema = z.strictObject({ id: accountIdSchema, balance: units, head: digestSchema });

const KEY = { payer: accountIdSchema, nonce: digestSchema, valid_before: second, capture_deadline: second };
/** Columns of the table `payment`. Holds are not restored: their money never moved. */
export const restoredSettledSchema = z.strictObject({
  ...KEY,
  authorization_digest: digestSchema,
  payee: accountIdSchema,
  value: amountSchema,
  // An export that is older than `upto` has neither column.
  scheme: z.optional(z.nullable(z.literal(UPTO))),
  charged: z.optional(z.nullable(chargeSchema)),
  request_digest: z.nullable(digestSchema),
  holder: digestSchema,
  tx: digestSchema,
});
export const restoredCancelledSchema = z.strictObject(KEY);
/** A mandate names its ledger and ends with it. That a payer revoked everything holds for payments that name none. */
export const restoredPanicSchema = z.strictObject({ payer: accountIdSchema, before: second });
export const restoredWindowSchema = z.strictObject({ account: accountIdSchema, granted: units, since: second });
export const restoredGrantSchema = z.strictObject({ id: digestSchema, authorization_digest: digestSchema });

const list = <Schema extends z.core.$ZodType>(schema: Schema) => z.array(schema).check(z.maxLength(EXPORT_PAGE));

/** What one shard is to keep. A page may be empty: the first one closes the shard. */
export const restorePageSchema = z.strictObject({
  accounts: list(restoredAccountSchema),
  settled: list(restoredSettledSchema),
  cancelled: list(restoredCancelledSchema),
  panics: list(restoredPanicSchema),
  windows: list(restoredWindowSchema),
  grants: list(restoredGrantSchema),
});
export type RestorePage = z.infer<typeof restorePageSchema>;

/** What a shard is asked. `key`: the operator's bearer key. Without a page: to open, because everything is there. */
export const restoreSchema = z.strictObject({ origin: originSchema, page: z.optional(restorePageSchema), key: z.string() });
export type RestoreCommand = z.infer<typeof restoreSchema>;

export type Restored = { ok: true; ledger: Digest; complete: boolean } | PaymentRefusal;

const originRow = row({ ledger: text<Digest>(), export: text<Digest>(), complete: integer() });

export class Restoration {
  readonly #store: LedgerStore;
  readonly #identity: ShardIdentity;
  readonly #accounts: Accounts;
  readonly #mandates: Mandates;
  #origin: { ledger: Digest; export: Digest; complete: boolean } | undefined;

  constructor(store: LedgerStore, identity: ShardIdentity, accounts: Accounts, mandates: Mandates) {
    this.#store = store;
    this.#identity = identity;
    this.#accounts = accounts;
    this.#mandates = mandates;
    this.forget();
  }

  /** The ledger and the export that this one was founded from; undefined for a ledger of its own. */
  get origin(): { ledger: Digest; export: Digest } | undefined {
    return this.#origin && { ledger: this.#origin.ledger, export: this.#origin.export };
  }

  get isUnderWay(): boolean {
    return this.#origin?.complete === false;
  }

  /** Reads the stored state again, as callers do after a rollback. */
  forget(): void {
    const [stored] = this.#store.sql("SELECT ledger, export, complete FROM origin").map(originRow);
    this.#origin = stored && { ...stored, complete: stored.complete === 1 };
  }

  /** Closes the shard at the first page, and stores what is new in each. After the last one, pages change nothing. */
  take(origin: Origin, page: RestorePage, now: number): Restored {
    const refused = this.#origin ? this.#mismatch(origin) : this.#begin(origin);
    if (refused) return refused;
    if (this.isUnderWay) this.#keep(origin, page, now);
    return this.#answer();
  }

  /** Opens the shard. The caller has audited all shards. */
  finish(origin: Origin): Restored {
    const refused = this.#mismatch(origin);
    if (refused) return refused;
    this.#store.sql("UPDATE origin SET complete = 1");
    this.forget();
    return this.#answer();
  }

  #answer(): Restored {
    return { ok: true, ledger: this.#identity.ledger, complete: !this.isUnderWay };
  }

  #mismatch(origin: Origin): PaymentRefusal | undefined {
    const same = this.#origin?.ledger === origin.ledger && this.#origin.export === origin.export;
    return same ? undefined : refused(`ledger ${this.#identity.ledger} is not founded from this export`);
  }

  /** The treasury's first entry makes way for those of the restored accounts: all money comes from the old ledger. */
  #begin({ ledger, export: digest, supply }: Origin): PaymentRefusal | undefined {
    const { shard, ...own } = this.#identity;
    if (ledger === own.ledger) return refused("a ledger is restored under a new id, never under its own");
    const [past] = this.#store.sql("SELECT coalesce(sum(journal_seq), 0) + (SELECT count(*) FROM payment) AS events FROM account");
    if (past?.["events"] !== (shard === 0 ? 1 : 0)) return refused(`ledger ${own.ledger} has a history: restore into a new one`);
    if (supply !== own.supply) return refused(`the supply of ledger ${own.ledger} is ${own.supply}, the export's ${supply}`);
    this.#store.sql("DELETE FROM journal");
    this.#store.sql("DELETE FROM account");
    this.#accounts.forget();
    this.#store.sql("INSERT INTO origin (ledger, export, complete) VALUES (?, ?, 0)", ledger, digest);
    this.forget();
    return undefined;
  }

  #keep(origin: Origin, { accounts, settled, cancelled, panics, windows, grants }: RestorePage, now: number): void {
    const { ledger, treasury } = this.#identity;
    const old = treasuryOf(origin.ledger);
    /** The new treasury takes the place of the old one, which no key can spend from. */
    const owner = (account: AccountId): AccountId => {
      const own = account === old ? treasury : account;
      invariant(shardOf(own, this.#identity.shards) === this.#identity.shard, `${own} lives on this shard`);
      return own;
    };
    for (const { id, balance, head } of accounts) {
      const account = this.#accounts.read(owner(id));
      const cause = { transaction: transactionOf(NETWORK, ledger), authorizationDigest: head, requestDigest: origin.export, at: now };
      if (isUnknown(account)) this.#accounts.mint(account.account, BigInt(balance), cause);
    }
    for (const row of settled) {
      this.#store.sql(
        `INSERT OR IGNORE INTO payment (payer, nonce, state, authorization_digest, payee, value, valid_before, request_digest, holder, capture_deadline, tx, scheme, charged, restored)
         VALUES (?, ?, 'settled', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
        owner(row.payer),
        row.nonce,
        row.authorization_digest,
        row.payee,
        row.value,
        row.valid_before,
        row.request_digest,
        row.holder,
        row.capture_deadline,
        row.tx,
        row.scheme ?? null,
        row.charged ?? null,
      );
    }
    for (const row of cancelled) {
      this.#store.sql(
        `INSERT OR IGNORE INTO payment (payer, nonce, state, valid_before, capture_deadline, restored) VALUES (?, ?, 'cancelled', ?, ?, 1)`,
        owner(row.payer),
        row.nonce,
        row.valid_before,
        row.capture_deadline,
      );
    }
    for (const { payer, before } of panics) this.#mandates.setPanic(owner(payer), before);
    for (const { account, granted, since } of windows) {
      // The old treasury's row counts what the operator paid out: it counts on.
      const id = account === old ? treasury : account;
      this.#store.sql("INSERT OR IGNORE INTO faucet (account, granted, since) VALUES (?, ?, ?)", id, granted, since);
    }
    for (const { id, authorization_digest } of grants) {
      this.#store.sql("INSERT OR IGNORE INTO faucet_grant (id, authorization_digest) VALUES (?, ?)", id, authorization_digest);
    }
  }
}

function refused(detail: string): PaymentRefusal {
  return { ...refusal("invalid_payload"), detail };
}
