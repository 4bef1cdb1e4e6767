/** The devnet's limits: those of LEZ v0.3 that a sequencer's operator sets, and its own. Sizes are bytes. */

/** A block, as upstream's default. */
export const MAX_BLOCK_BYTES = 1024 * 1024;
/** Transactions of users, and deposits. */
export const MAX_BLOCK_TRANSACTIONS = 20;
/** Of a block, for its head and the two transactions at its end. */
export const BLOCK_OVERHEAD_BYTES = 2048;
/** What one transaction may have. */
export const MAX_TRANSACTION_BYTES = MAX_BLOCK_BYTES - BLOCK_OVERHEAD_BYTES;
export const MAX_RPC_BODY_BYTES = 10 * 1024 * 1024;
/** An answer, of a batch too, as jsonrpsee's default. */
export const MAX_RPC_ANSWER_BYTES = 10 * 1024 * 1024;
/** Calls of one batch. */
export const MAX_BATCH_CALLS = 1000;
/** Blocks of one `getBlockRange`. */
export const MAX_RANGE_BLOCKS = 1024;
/** Accounts, or commitments, of one call. */
export const MAX_LISTED = 10_000;

/** Transactions that wait, unless the configuration says otherwise. */
export const DEFAULT_MEMPOOL = 10_000;
/** Their bytes in all: no two copies are told apart, and each may be as large as a block. */
export const MAX_MEMPOOL_BYTES = 8 * 1024 * 1024;
export const DEFAULT_BLOCK_MILLIS = 2000;
export const MIN_BLOCK_MILLIS = 100;
/** A block is final under this many others. */
export const DEFAULT_FINAL_BLOCKS = 10;

/** A grant of the faucet, in lepta: 10 LGO. */
export const FAUCET_LEPTA = 10_000_000_000n;
/** Grants that wait for a block. */
export const MAX_WAITING_DEPOSITS = 100;
/** Blocks on one page of the explorer, and those in which it looks for an account. */
export const SHOWN_BLOCKS = 20;
/** Blocks that one `mine` makes. */
export const MAX_MINED_BLOCKS = 100;
/** The longest `delay`, in milliseconds. */
export const MAX_DELAY_MILLIS = 60_000;
export const MAX_CONTROL_BODY_BYTES = 16 * 1024;
