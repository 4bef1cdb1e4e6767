/** The first moment of a ledger: its id, its treasury, its supply. */
import { accountOfBytes } from "../account.ts";
import { transactionOf } from "../authorization.ts";
import type { LedgerInfo } from "../backend.ts";
import { hexToBytes } from "../bytes.ts";
import type { Digest } from "../digest.ts";
import { NETWORK } from "../lez.ts";
import { Accounts } from "./accounts.ts";
import { createSchema } from "./schema.ts";
import type { LedgerStore } from "./store.ts";

export interface Genesis {
  /** 32 random bytes in hex: tells this ledger from every other one of its network. */
  ledger: Digest;
  /** Atomic units, all of them in the treasury. */
  supply: bigint;
  /** Unix seconds. */
  at: number;
}

/** Opens the ledger in `store`, and makes it the first time. */
export function openGenesis(store: LedgerStore, genesis: Genesis): LedgerInfo {
  return store.transact(() => {
    createSchema(store);
    const [row] = store.sql("SELECT ledger, treasury, supply FROM genesis");
    return row ? (row as unknown as LedgerInfo) : create(store, genesis);
  });
}

function create(store: LedgerStore, { ledger, supply, at }: Genesis): LedgerInfo {
  // The account whose bytes are the ledger's id. Nobody has a key that hashes to it, so only the rules can spend it.
  const treasury = accountOfBytes(hexToBytes(ledger));
  store.sql("INSERT INTO genesis (ledger, treasury, supply) VALUES (?, ?, ?)", ledger, treasury, supply.toString());
  store.sql("INSERT INTO clock (last) VALUES (?)", at);
  new Accounts(store, ledger).mint(treasury, supply, { transaction: transactionOf(NETWORK, ledger), at });
  return { ledger, treasury, supply: supply.toString() };
}
