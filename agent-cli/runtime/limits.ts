/**
 * The CLI's own limits. Those of the protocol are in shared/limits.ts.
 * Sizes are bytes of the encoded form, times are seconds, unless the name says otherwise.
 */

// --- Network -------------------------------------------------------------------------------------

/** One HTTP exchange that presents no payment. */
export const HTTP_TIMEOUT_SECONDS = 60;
/** An exchange that presents a payment is cut when the merchant sends nothing for this long, and for no other time. */
export const PAID_IDLE_SECONDS = 60;
/** `fetch --wait` asks for the result of a 202 no longer than this, unless --timeout says so. */
export const MAX_RESULT_WAIT_SECONDS = 3600;
/** 303 that `fetch --wait` follows to a result. */
export const MAX_RESULT_MOVES = 5;
/** The certificates in SSL_CERT_FILE. */
export const MAX_AUTHORITIES_BYTES = 4 * 1024 * 1024;
/** The facilitator's health, for `doctor`. */
export const DOCTOR_TIMEOUT_SECONDS = 10;
/** A chain whose newest block is older stands still: the public testnet makes one a minute. */
export const OLD_HEAD_SECONDS = 600;
/** Nonces that are given out and not used, as `doctor` lists them. */
export const MAX_NONCES_OF_DOCTOR = 20;
/** A paid answer's body on disk, unless --max-body names another limit. */
export const MAX_PAID_BODY_BYTES = 1024 * 1024 * 1024;
/** A paid answer's body in the output of a command. A larger one is named by its file. */
export const MAX_SHOWN_BODY_BYTES = 64 * 1024;
/** The disk keeps this much free: records must still be written. Nothing is bought with less. */
export const MIN_FREE_BYTES = 16 * 1024 * 1024;
/** The time to fetch a merchant's did:web document. */
export const DID_TIMEOUT_SECONDS = 3;
/** The question to a merchant, at approval, whether it makes the offer of a request: the time, and the body of its 402, which is not read. */
export const CONFIRM_TIMEOUT_SECONDS = 5;
export const MAX_CONFIRM_BODY_BYTES = 64 * 1024;
/** The questions to the facilitator that go without their answer: what an account holds, what a mandate has used. */
export const BALANCE_TIMEOUT_SECONDS = 3;
/** Open mandates of one agent that an approval screen shows. */
export const MAX_MANDATES_ON_SCREEN = 4;
/** Files of accesses to books that are looked through for renewal; readers of one account whose accesses were revoked. */
export const MAX_ACCESS_FILES = 100;
export const MAX_FORGOTTEN_READERS = 100;
/** The echo of a merchant's `payment-identifier` that we send, id included. An honest merchant's takes a tenth of it. */
export const MAX_IDENTIFIER_INFO_BYTES = 1024;
/** The echo of a merchant's signed offers that we send. One takes half of it. */
export const MAX_SIGNED_OFFERS_BYTES = 2048;
/** Entries of a facilitator's catalogue that one search shows. */
export const MAX_FOUND = 50;
/** Pages of an account's journal that a search for one payment reads. */
export const MAX_JOURNAL_PAGES = 100;
/** A seller's own orders, which are compared with its sales: about a million lines. */
export const MAX_ORDER_FILE_BYTES = 128 * 1024 * 1024;
/** Days of a merchant's register that are kept in memory beyond those in use. */
export const MAX_REGISTER_DAYS = 7;
/** Pages of one day that are read: more than a register of MAX_REGISTER_BYTES has. */
export const MAX_REGISTER_PAGES = 5000;
/** A route or an identifier in it. */
export const MAX_RECORD_TEXT_LENGTH = 1000;
/** A longer `Retry-After` is no "busy": no run waits for it. */
export const MAX_BUSY_SECONDS = 600;

/** A payment on the chain itself is presented again and again for so long, unless `pay --wait` says otherwise. */
export const CHAIN_WAIT_SECONDS = 600;
/** A nonce that is being burned is given to no request for so long, unless the chain has used it. */
export const BURN_WAIT_SECONDS = 900;
/** Full blocks that the fee of a transfer on the chain itself bears, which the approval and the payment may have to wait for. */
export const FEE_BLOCKS = 21;

// --- Requests and approval -----------------------------------------------------------------------

/** The time that an owner has to decide, if the agent names none. */
export const DEFAULT_REQUEST_LIFE_SECONDS = 3600;
/** Attempts at a typed amount or code, per run. */
export const MAX_CONFIRM_TRIES = 3;

/** Requests that one `approve` signs: more than fit on a screen are not read. */
export const MAX_BATCH = 30;

/** The owner's notifier (`onRequest`). It is killed after that. */
export const NOTIFIER_SECONDS = 5;

// --- Keys ----------------------------------------------------------------------------------------

/** The plaintext file of LEZ's own wallet. Its private accounts take a few KiB each. */
export const MAX_LEZ_WALLET_BYTES = 4 * 1024 * 1024;
/** Its accounts: each public one takes a millisecond of computing. */
export const MAX_LEZ_WALLET_ENTRIES = 2000;
/** Numbers in the path of a key below the root. The wallet's own paths have a few. */
export const MAX_KEY_PATH_LENGTH = 8;
/** The characters at the end of an account that an owner types to confirm it. */
export const CONFIRMED_ACCOUNT_CHARACTERS = 6;

// --- State ---------------------------------------------------------------------------------------

/** The wait for other processes that change the state directory, each for a moment. */
export const LOCK_WAIT_SECONDS = 30;
/** A merchant's pin expires this long after the last visit. */
export const PIN_SECONDS = 180 * 24 * 3600;
/** Pinned merchants. The least recently seen make room. */
export const MAX_PINS = 1000;
/** A file of the inbox. The largest is a merchant's 402 of MAX_FOREIGN_HEADER_BYTES, decoded and indented. */
export const MAX_INBOX_FILE_BYTES = 256 * 1024;
/** A line of the audit log. Facts are bounded where they are made; this bounds a line that is read back. */
export const MAX_AUDIT_LINE_BYTES = 16 * 1024;
/** A merchant's signed receipt in the line of a session's call. A longer one is not kept. */
export const MAX_KEPT_RECEIPT_CHARS = 4096;
/** Debits that the audit log does not know, listed one by one. */
export const MAX_REPORTED_DEBITS = 10;
/** The latest decisions, which warnings look at. */
export const MAX_HISTORY = 1000;
/** Agents that an owner has muted or blocked. */
export const MAX_AGENT_RULES = 1000;
/** Mandates that are looked at for one payment. */
export const MAX_MANDATES_TRIED = 20;

/** A mandate that ends sooner pays nothing more: its payment could not outlast the merchant's handler. */
export const MIN_MANDATE_LEFT_SECONDS = 60;
/** The record of a payment session: 4096 lanes with a voucher each, and the calls that are under way. */
export const MAX_SESSION_FILE_BYTES = 4 * 1024 * 1024;
/** Corrections that one call in a session follows: those of two isolates, then those of the merchant's object. */
export const MAX_CORRECTIONS = 3;
/** Offers of one merchant that are remembered for vouchers without a 402 before them. */
export const MAX_KNOWN_OFFERS = 64;
/** Unanswered calls of one session: each takes its price out of the deposit until its answer is known. */
export const MAX_OPEN_CALLS = 256;
/** Sessions that are tried for one request. */
export const MAX_SESSIONS_TRIED = 2;
/** A session that ends sooner gets no voucher: it could not outlast the request. */
export const MIN_SESSION_LEFT_SECONDS = 10;
/** How long a session lasts, if the agent does not say. */
export const DEFAULT_SESSION_SECONDS = 24 * 3600;

/** Requests that one command lists. */
export const MAX_LISTED = 100;

// --- Keys ----------------------------------------------------------------------------------------

/** Characters of the passphrase that seals a new owner key. */
export const MIN_PASSPHRASE_LENGTH = 8;
/** A passphrase from a file or a file descriptor. */
export const MAX_PASSPHRASE_BYTES = 1024;
/** Attempts at a key's passphrase on a terminal, per run. */
export const MAX_PASSPHRASE_TRIES = 3;
/** scrypt's cost N for keys that we seal, and the least that we open: a cheaper header is a downgrade. 128 MiB, about half a second. */
export const SCRYPT_COST = 2 ** 17;
/** The most that we open: 1 GiB. A dearer header would only burn memory. */
export const MAX_SCRYPT_COST = 2 ** 20;
/** The bearer key of a ledger's operator, in a file. */
export const MAX_OPERATOR_KEY_BYTES = 1024;

/** How long `inbox --watch --unlock` may keep a key open. */
export const MAX_UNLOCK_SECONDS = 3600;
/** How often an open key looks at the clocks, and how far they may jump before it is wiped: the longest hold-up of a busy machine. */
export const UNLOCK_CHECK_MILLIS = 500;
export const UNLOCK_JUMP_MILLIS = 5000;

// --- The local stack -----------------------------------------------------------------------------

/** Its usual ports. Commands that are given no facilitator ask this one. */
export const LOCAL_MERCHANT_PORT = 8787;
export const LOCAL_FACILITATOR_PORT = 8788;
export const LOCAL_HOSTED_DESK_PORT = 8790;
export const LOCAL_LEZ_PORT = 8791;
/** From block to block on a devnet that is as slow as the public testnet. */
export const TESTNET_BLOCK_MILLIS = 45_000;
export const MAX_PORT = 65_535;
/** Whether one runs already. */
export const PROBE_TIMEOUT_SECONDS = 3;
/** How long, and how often, a stack that has started is asked for its first price. */
export const READY_SECONDS = 20;
export const READY_POLL_MILLIS = 200;
/** How often it looks whether the process that started it still runs. */
export const PARENT_POLL_MILLIS = 1000;

// --- The desk ------------------------------------------------------------------------------------

/** How long the owner has to confirm a pairing, and so how long `pair` waits: the desk's own limit. */
export const PAIRING_SECONDS = 600;
/** How long a desk holds a question open, between two looks at what its owner granted; and the time that its answer takes on top. */
export const DESK_WAIT_SECONDS = 10;
export const DESK_ANSWER_SECONDS = 10;
/** A call of the desk that can go without its answer: a cancelled request, the mandates that were granted there. */
export const DESK_ASIDE_SECONDS = 5;
/** An answer of the desk: an approval, or the mandates of one agent. */
export const MAX_DESK_ANSWER_BYTES = 512 * 1024;
/** Questions to a desk that does not answer, or answers at once: the first and the longest pause between two, in milliseconds. */
export const DESK_PAUSE_MILLIS = 1000;
export const MAX_DESK_PAUSE_MILLIS = 30_000;
/** Mandates of one answer that are looked at. */
export const MAX_GRANTED = 100;
/** The usual port of the owner's page. */
export const LOCAL_DESK_PORT = 8789;
/** A call of the page: a note, a passphrase, names. */
export const MAX_DESK_BODY_BYTES = 16 * 1024;
/** How long a client may take to send one. */
export const DESK_REQUEST_SECONDS = 10;
/** What was read for approval is signed within this time, or read again: the host's confirmation is as old. */
export const READING_SECONDS = 3600;
/** Approvals that are open in tabs at once. The oldest is forgotten. */
export const MAX_READINGS = 64;
/** What the history can look back on, in days. */
export const MAX_HISTORY_DAYS = 3650;
/** What a call that runs when the desk ends may still take. */
export const DESK_FINISH_SECONDS = 5;

// --- A new shop ----------------------------------------------------------------------------------

/** The name of a Worker, and so of a shop. */
export const MAX_WORKER_NAME_LENGTH = 54;
/** npm packs this package; a clone builds it first. */
export const PACK_SECONDS = 300;
/** What another program said when it failed. */
export const MAX_SHOWN_CAUSE_LENGTH = 200;

// --- The ledger's operator -----------------------------------------------------------------------

/** How long `ledger export` waits until nothing is on its way between shards: as long as a shard waits before it delivers again. */
export const EXPORT_DRAIN_SECONDS = 90;
export const EXPORT_POLL_MILLIS = 500;

// --- MCP -----------------------------------------------------------------------------------------

/** One call of a tool, whatever it does: well below the 60 seconds after which clients give up. */
export const MCP_CALL_SECONDS = 45;
/** The part of a call in which it waits for the owner. */
export const MCP_WAIT_SECONDS = 40;
/** How long a server that is told to end waits for payments that are under way. */
export const MCP_FINISH_SECONDS = 30;
/** The interval of progress notifications to an MCP client that asked for them. */
export const MCP_PROGRESS_MILLIS = 5000;
/** The body of an answer inside a tool's result, as JSON encodes it. A larger one is in a file: clients end a connection at 10 MiB. */
export const MAX_INLINE_BODY_BYTES = 64 * 1024;
/** An image inside a tool's result: its file, and the pixels of a side. Models refuse more, and then the whole conversation. */
export const MAX_INLINE_IMAGE_BYTES = 1024 * 1024;
export const MAX_INLINE_IMAGE_SIDE = 8000;
/** Entries that a tool lists, if the agent names no limit. */
export const MCP_PAGE_SIZE = 20;
/** The name that a tool may give a file in the client's own folder. */
export const MAX_DOWNLOAD_NAME_LENGTH = 100;

/** The most movements that `accounts` shows: one page of a journal. */
export const MAX_RECENT_ENTRIES = 100;
