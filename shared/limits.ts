/**
 * The limits of the protocol, the ledger, the facilitator and the merchant. The CLI's own are in agent-cli/runtime/limits.ts.
 * Sizes are bytes of the encoded form, times are seconds, unless the name says otherwise.
 */

import type { Brand } from "./brand.ts";

// --- Wire ----------------------------------------------------------------------------------------

/** One x402 header, base64 as sent. Node refuses header blocks of 16 KiB; half of that leaves room for the rest. */
export const MAX_HEADER_BYTES = 8 * 1024;
/** What a payment's header has beside the terms: authorization, signature and payment identifier, encoded. */
export const MAX_SIGNED_PART_BYTES = 2048;
/** A PAYMENT-REQUIRED header that our client reads from any merchant. */
export const MAX_FOREIGN_HEADER_BYTES = 64 * 1024;
/** A request body that a merchant reads in order to price it. */
export const MAX_REQUEST_BODY_BYTES = 1024 * 1024;
/** A body sent to the facilitator: one payload and one set of requirements. */
export const MAX_FACILITATOR_BODY_BYTES = 32 * 1024;
/** Redirects of a facilitator that a merchant follows in one call. */
export const MAX_FACILITATOR_REDIRECTS = 3;
/** A word of a facilitator that is not ours, passed on to the buyer and the log. */
export const MAX_FOREIGN_WORD_LENGTH = 128;
/** A response body that a client reads. */
export const MAX_RESPONSE_BODY_BYTES = 8 * 1024 * 1024;
/** A file of one object: request, payload, decision, key. */
export const MAX_FILE_BYTES = 64 * 1024;
export const MAX_JSON_DEPTH = 16;
/** Characters of an integer that is read exactly: a u128 has at most 39 digits. */
export const MAX_INTEGER_DIGITS = 39;
export const MAX_URL_LENGTH = 2048;
/** Names of agents and merchants, in code points. */
export const MAX_NAME_LENGTH = 100;
export const MAX_DESCRIPTION_LENGTH = 500;
/** What a browser signs of a passkey's assertion: the page's origin and the challenge, in JSON. */
export const MAX_CLIENT_DATA_BYTES = 1024;
/** What an authenticator signs beside it. Without extensions, which no page of ours asks for, it has 37 bytes. */
export const MAX_AUTHENTICATOR_DATA_BYTES = 1024;
/** Keys of one policy. */
export const MAX_POLICY_KEYS = 5;
/** Keys that sign together in a policy that our tools make: a mandate of four passkeys is larger than MAX_SIGNED_MANDATE_BYTES. */
export const MAX_MADE_THRESHOLD = 3;
/** A merchant's document of keys: its bytes, and the keys that it lists. */
export const MAX_DID_DOCUMENT_BYTES = 32 * 1024;
export const MAX_DID_METHODS = 32;
/** What a change at the desk is: the address of a webhook, a push subscription. */
export const MAX_SETTING_LENGTH = 4096;
/** What the page of a desk gives an owner to sign on another machine: such a change as JSON inside JSON. */
export const MAX_DESK_SIGN_BYTES = 16 * 1024;
/** A signed mandate, as canonical JSON: it travels in every payment under it. */
export const MAX_SIGNED_MANDATE_BYTES = 2560;
/** Payees, and origins, of one mandate. */
export const MAX_MANDATE_ENTRIES = 32;
export const MAX_ORIGIN_LENGTH = 300;
/** Sessions that one mandate may have open at once. */
export const MAX_OPEN_SESSIONS = 1000;
/** The canonical text of a Session, which the ledger keeps: 1400 bytes with the longest origin. */
export const MAX_SESSION_CONFIG_BYTES = 2048;
/** Lanes that one claim pays, and lanes that one session can have at all. */
export const MAX_CLAIMED_LANES = 32;
export const MAX_SESSION_LANES = 4096;
/** Lines of the usage in a receipt of scheme `upto`: all of them, twice encoded, fit into a header. */
export const MAX_USAGE_LINES = 16;
/** The name of a unit: `token`, `1k words`. */
export const MAX_UNIT_LENGTH = 32;
/** The canonical text of the offer that a PaymentRequest carries. */
export const MAX_OFFER_LENGTH = 4096;
/** Offers in one 402. */
export const MAX_ACCEPTS = 32;

// --- Money ---------------------------------------------------------------------------------------

/** LEZ balances are u128. */
export const MAX_AMOUNT = 2n ** 128n - 1n;
/** A new ledger's treasury: 10^9 LGO of 10^9 units each. */
export const GENESIS_SUPPLY = 10n ** 18n;
/** A faucet grant without a named amount. */
export const FAUCET_GRANT = "1000000" as Brand<"Amount">;
/** The most one account can take from the faucet in one window. */
export const FAUCET_CAP_PER_ACCOUNT = 100_000_000n;
export const FAUCET_WINDOW_SECONDS = 24 * 3600;

/** The most that the operator pays out of the treasury in one call: 10,000 LGO. */
export const MAX_FUNDING = 10n ** 13n;
/** The most in all, unless the ledger's FUNDING_CAP names another sum: 1,000,000 LGO. It bounds what a stolen operator's key can do. */
export const FUNDING_CAP = 10n ** 15n;

// --- Time ----------------------------------------------------------------------------------------

/** `maxTimeoutSeconds` of an offer that names none: from the owner's signature to the paid request. */
export const DEFAULT_TIMEOUT_SECONDS = 900;
/** The largest accepted difference between two clocks. */
export const CLOCK_SKEW_SECONDS = 30;
/** A ledger's machine is believed this far ahead of the ledger's time. Beyond it a second clock must agree. */
export const MAX_CLOCK_STEP_SECONDS = 24 * 3600;
/** Two clocks that differ by no more agree. */
export const CLOCK_AGREEMENT_SECONDS = 60;
/** No authorization is accepted that stays valid for longer than this. */
export const MAX_VALIDITY_SECONDS = 12 * 3600;
/** How long a transfer can be made after its signature. */
export const TRANSFER_VALIDITY_SECONDS = 900;
/** No mandate is valid for longer than this after it was granted. */
export const MAX_MANDATE_SECONDS = 90 * 24 * 3600;
/** One window of a mandate's period. */
export const MIN_MANDATE_PERIOD_SECONDS = 3600;
export const MAX_MANDATE_PERIOD_SECONDS = 31 * 24 * 3600;
/** A session's life, and the time that the rest of its money takes to come back: the official bounds. */
export const MAX_SESSION_SECONDS = 7 * 24 * 3600;
export const MIN_WITHDRAW_DELAY_SECONDS = 900;
export const MAX_WITHDRAW_DELAY_SECONDS = 30 * 24 * 3600;
/** An acceptor asks the ledger again about a session whose last answer is older, or older than a part of its delay if that is less. */
export const SESSION_FRESH_SECONDS = 240;
export const SESSION_FRESH_PART = 4;
/** No PaymentRequest waits for its owner for longer than this. */
export const MAX_REQUEST_LIFE_SECONDS = 12 * 3600;
/** The ledger remembers a payment this long after its end: the longest request life plus the longest validity. */
export const RETENTION_SECONDS = MAX_REQUEST_LIFE_SECONDS + MAX_VALIDITY_SECONDS;
/** When the ledger forgets it: a request may be dated ahead by the clock skew, and can be approved again for that much longer. */
export const FORGET_SECONDS = RETENTION_SECONDS + CLOCK_SKEW_SECONDS;
/** A hold on the payer's money while the merchant's handler runs. */
export const HOLD_SECONDS = 60;
/** No caller gets a longer hold than this. */
export const MAX_HOLD_SECONDS = 300;
/** A handler ends this long before its hold does, so that the capture is in time. */
export const HOLD_MARGIN_SECONDS = 10;
/** `Retry-After` when the same payment is in use, or the facilitator cannot be reached. */
export const RETRY_AFTER_SECONDS = 2;
/** One call from a merchant to its facilitator. */
export const FACILITATOR_TIMEOUT_SECONDS = 15;
/** A buyer may fetch goods that were paid and not delivered this long after the payment's validity. */
export const UNDELIVERED_SECONDS = 3600;
/** Goods that a seller orders to be delivered again wait so long for their buyer. */
export const REOPENED_SECONDS = 30 * 24 * 3600;
/** A merchant's record of its sales is kept so long: a year, and time to close it. */
export const SALES_RETENTION_SECONDS = 400 * 24 * 3600;
/** The sales of an isolate within that time are recorded together. */
export const SALES_BATCH_MILLIS = 200;
/** A merchant asks this often for the outcome of a capture before it reports it as unknown. */
export const CAPTURE_ATTEMPTS = 2;
/** Runs of a payer whose payments did not settle, at a facilitator without holds under flow `authorization`. */
export const MAX_UNSETTLED_RUNS = 3;
/** A run that did not settle counts against its payer for this long. */
export const UNSETTLED_RUN_SECONDS = 24 * 3600;
/** A merchant's health is looked at again after this long. */
export const HEALTH_SECONDS = 10;
/** An access to an account's books ends after this long at the latest. */
export const MAX_BOOKS_ACCESS_SECONDS = 30 * 24 * 3600;
/** How long the explorer reads with the access in its link: a browser's history may keep what it was given. */
export const EXPLORER_ACCESS_SECONDS = 3600;
/** A signed read counts this long before and after the second in which it was signed. */
export const BOOKS_READ_SECONDS = 60;
/** A signed offer is valid until the end of the next window. */
export const OFFER_WINDOW_SECONDS = 900;

/** Verifications, settlements and checkpoints over HTTP that one caller may ask for in 10 seconds; as many reads; as many payments of one payer. */
export const MAX_CALLS_PER_PERIOD = 1000;
/** Cancellations that one caller may ask for in 60 seconds. */
export const MAX_CANCELLATIONS_PER_PERIOD = 60;
/** Faucet grants that one caller may ask for in 60 seconds. */
export const MAX_GRANTS_PER_PERIOD = 120;
/** Reservations and settlements over RPC for one seller's account in 10 seconds. */
export const MAX_SALES_PER_PERIOD = 10_000;

// --- Words ---------------------------------------------------------------------------------------

/** Code points of a reason that are letters, numbers, punctuation or symbols. */
export const MIN_REASON_LENGTH = 32;
/** The strictest minimum that an owner can ask for. */
export const MAX_MIN_REASON_LENGTH = 100;
/** Code points of a reason in all. */
export const MAX_REASON_LENGTH = 2000;
/** Code points of an owner's note on a mandate. */
export const MAX_MANDATE_NOTE_LENGTH = 200;
/** Code points of an owner's note on a declined request. */
export const MAX_NOTE_LENGTH = 500;

// --- Screen --------------------------------------------------------------------------------------

/** Characters on the screen of a reason that consists of line ends. An honest one of MAX_REASON_LENGTH is shown whole. */
export const MAX_REASON_SHOWN = 2000;
/** Combining marks on one letter. No language writes as many. */
export const MAX_MARKS = 8;
/** A request's body on the screen: characters, lines. */
export const MAX_BODY_SHOWN = 4000;
export const MAX_BODY_LINES = 80;
/** Headers of a request on the screen. */
export const MAX_HEADERS_SHOWN = 20;
/** A stranger's value in one line of a report. */
export const MAX_QUOTE_LENGTH = 160;

// --- Ledger --------------------------------------------------------------------------------------

/** Verified signatures that one isolate remembers: /settle follows /verify within a moment. */
export const MAX_REMEMBERED_SIGNATURES = 1000;
/** Origins that one isolate has parsed and remembers. */
export const MAX_KNOWN_ORIGINS = 500;
/** Mandates that one isolate has read and remembers, at most 3 KB each. */
export const MAX_REMEMBERED_MANDATES = 500;
/** Accounts, and mandates, that a ledger object keeps in memory, beside its disk. */
export const MAX_KNOWN_ACCOUNTS = 1000;
export const MAX_KNOWN_MANDATES = 1000;
/** Expired holds that one alarm frees; the rest wait for the next. */
export const EXPIRY_BATCH = 500;
/** Payments that one alarm checks for retention; journals that it checks, and entries that it prunes. */
export const PRUNE_BATCH = 1000;
/** Pause between two sweeps for forgotten payments, and between two for old journals. */
export const SWEEP_INTERVAL_SECONDS = 3600;
/** A shard stores its time hourly. If that is older when it opens, the shard was away, and its sessions end that much later. */
export const AWAY_SECONDS = 2 * SWEEP_INTERVAL_SECONDS;
/** Cancelled nonces that the ledger keeps for one payer at a time. */
export const MAX_CANCELLED_NONCES = 2000;
/** Mandates that one payer revoked before their first payment, as many as the ledger keeps at a time. Revoking all of them at once still works. */
export const MAX_REVOKED_MANDATES = 2000;
/** Entries of one page of an account's journal. */
export const JOURNAL_PAGE = 500;
/** Transactions listed by the batches on one page, at 67 bytes each: a page stays below MAX_RESPONSE_BODY_BYTES. */
export const JOURNAL_PAGE_TRANSACTIONS = 50_000;
/** The same of a page that also lists who paid: 256 bytes for each of them. */
export const JOURNAL_PAGE_CREDITS = 25_000;
/** Entries among which one payment's is looked for, from the payment's time on; and as many of the newest. */
export const MAX_ENTRIES_SEARCHED = 10_000;
/** Rows of one page of an export, and of each kind in one page of a restoration: batches of OUTBOX_BATCH stay below MAX_RESPONSE_BODY_BYTES. */
export const EXPORT_PAGE = 200;
/** The body of one page of a restoration. A settled payment takes 800 bytes at most. */
export const MAX_RESTORE_BODY_BYTES = 256 * 1024;
/** Journal entries younger than this are never pruned, exported or not. */
export const JOURNAL_RETENTION_SECONDS = 30 * 24 * 3600;
/** A payment can be refunded for this long after its credit. */
export const REFUND_SECONDS = 30 * 24 * 3600;
/** A refund is remembered for this long at least. It is longer than anything can be refunded, and longer than a refund is valid. */
export const REFUND_RETENTION_SECONDS = 31 * 24 * 3600;
/** A refund that the ledger sees for the first time was signed at most this long before its now, or after it. */
export const REFUND_ISSUED_SECONDS = 12 * 3600;
/** A signed refund as JSON: the largest mandate, and what stands beside it. */
export const MAX_SIGNED_REFUND_LENGTH = 5120;
/** Refunds of one payment that one answer lists, the newest. Their sum counts all. */
export const MAX_REFUNDS_LISTED = 100;
/** A signed claim as JSON, with as many lanes as one can have. */
export const MAX_SIGNED_CLAIM_LENGTH = 8192;
/** Claims of a session, the newest, among which the one that paid a call is looked for: a week of one every five minutes is 2016. */
export const MAX_CLAIMS_SEARCHED = 4096;
/** Claims of a session, the newest, and lanes that an answer lists. */
export const MAX_CLAIMS_LISTED = 100;
export const MAX_LANES_LISTED = 128;
/** Entries among which the credit of one payment is looked for, from the payment's time on; and as many of the newest. A batch is 33 KB. */
export const MAX_CREDITS_SEARCHED = 2000;
/** An alarm that has work rings at least this often, so that its clock never seems to jump. */
export const MAX_ALARM_GAP_SECONDS = MAX_CLOCK_STEP_SECONDS / 2;
/** When an alarm that failed rings again. */
export const ALARM_RETRY_SECONDS = 5;
/** An alarm that is this late counts as lost and is set again. */
export const ALARM_LOST_SECONDS = 60;
/** Objects that one ledger can be spread over. */
export const MAX_SHARDS = 256;
/** Credits in one call from a shard to another. */
export const OUTBOX_BATCH = 500;
/** Batches to one shard in one delivery. The rest waits for the next. */
export const BATCHES_PER_DELIVERY = 20;
/** Credits that may wait for one shard; above it payments to its accounts are refused as `overloaded`. Captures of granted holds still pass. */
export const MAX_BACKLOG = 10_000;
/** How long credits gather before they are sent, in milliseconds. The alarm is only for what this fails to deliver. */
export const DELIVERY_DELAY_MILLIS = 20;
/** One call from a shard to another. */
export const DELIVERY_TIMEOUT_SECONDS = 10;
/** The alarm's delay before it delivers what is left. After each failure to reach a shard the delay doubles. */
export const DELIVERY_RETRY_SECONDS = 5;
export const MAX_DELIVERY_RETRY_SECONDS = 60;
/** A grant to another shard's account waits this long for delivery: well below LEDGER_TIMEOUT_SECONDS, so that it is answered either way. */
export const GRANT_DELIVERY_SECONDS = 3;
/** An audit of several shards gives up after this many rounds without two that agree. */
export const AUDIT_ROUNDS = 8;

// --- Facilitator ---------------------------------------------------------------------------------

/** Settlements and captures of unknown outcome that one isolate remembers. */
export const MAX_PENDING_SETTLEMENTS = 1000;
/** Faults whose last log line one isolate remembers. */
export const MAX_LOGGED_FAULTS = 100;
/** Characters of another service's error in a log line. */
export const MAX_LOGGED_CAUSE_LENGTH = 200;
/** Unanswered ids of one settlement; any of them may have paid. */
export const MAX_PENDING_COPIES = 8;
/** Attempts at a call to the ledger while the platform marks its failure as retryable. */
export const LEDGER_ATTEMPTS = 3;
/** Milliseconds before the first retry; the delay doubles each time. */
export const LEDGER_RETRY_MILLIS = 50;
/** One call to the ledger on behalf of an HTTP caller. Over RPC the merchant's own deadline counts. */
export const LEDGER_TIMEOUT_SECONDS = 10;

// --- Sequencer -----------------------------------------------------------------------------------

/** One call to a sequencer of LEZ, to the last byte of its answer. */
export const SEQUENCER_TIMEOUT_SECONDS = 10;
/** Its longest answer: a block of 1 MiB as base64 in JSON. */
export const MAX_SEQUENCER_ANSWER_BYTES = 1536 * 1024;

// --- The chain itself ----------------------------------------------------------------------------

/** The gas for computing that a payment may declare: what one block takes. A transfer uses none. */
export const MAX_NATIVE_GAS_LIMIT = 10_000_000n;
/** Above it, an offer that names no finality waits until its block is final: 1 LGO. */
export const NATIVE_FINAL_THRESHOLD = 10n ** 9n;
/** The most blocks on top of a payment's own that an offer can ask for. */
export const MAX_FINALITY_DEPTH = 64;
/** How long a settlement on the chain waits for its receipt, before the answer is that it is pending: of an HTTP caller, and of a Worker. */
export const NATIVE_SETTLE_WAIT_SECONDS = 60;
export const NATIVE_RPC_WAIT_SECONDS = 10;
/** A facilitator's own kinds do not wait longer for those of the chain. */
export const NATIVE_SUPPORTED_SECONDS = 5;
/** A merchant asks again what its facilitator offers on the chain itself, in seconds: where it offers something, and where nothing. */
export const NATIVE_KIND_SECONDS = 300;
export const NO_NATIVE_KIND_SECONDS = 15;
/** The longest `Retry-After` that a merchant takes from its facilitator. */
export const MAX_RETRY_AFTER_SECONDS = 120;

// --- Discovery -----------------------------------------------------------------------------------

/** An entry of the catalogue ends this long after the last payment that renewed it. */
export const CATALOGUE_ENTRY_SECONDS = 30 * 24 * 3600;
/** An entry is written at most once in this time, and makes no room for another while it is younger. */
export const CATALOGUE_REFRESH_SECONDS = 3600;
export const MAX_CATALOGUE_ENTRIES = 10_000;
export const MAX_CATALOGUE_ENTRIES_PER_PAYEE = 100;
/** Entries that one isolate knows to be fresh. */
export const MAX_FRESH_ENTRIES = 1000;
/** Characters of an address in the catalogue. */
export const MAX_LISTED_ADDRESS_LENGTH = 512;
/** How a route is called, as JSON. Of a longer declaration only the method is listed. */
export const MAX_DECLARATION_BYTES = 4096;
/** The bounds of x402's `bazaar`: printable ASCII. */
export const MAX_SERVICE_NAME_LENGTH = 32;
export const MAX_TAG_LENGTH = 32;
export const MAX_TAGS = 5;
/** Entries of a page: at most, and if the caller names no number. */
export const MAX_DISCOVERY_PAGE = 100;
export const DISCOVERY_PAGE = 20;
/** What one search compares. */
export const MAX_SEARCH_LENGTH = 200;
export const MAX_SEARCH_WORDS = 8;

// --- Merchant ------------------------------------------------------------------------------------

/** Encoded challenges that one isolate keeps. */
export const MAX_CACHED_CHALLENGES = 256;
/** How long a merchant waits for a function of the seller's, such as a price by request. */
export const SELLER_FUNCTION_SECONDS = 10;
/** Facilitator addresses whose ledger one isolate remembers. A shop has one. */
export const MAX_KNOWN_FACILITATORS = 16;
/** A response kept under a payment identifier; of a larger one only the receipt is kept. */
export const MAX_STORED_ANSWER_BYTES = 64 * 1024;
/** Answers that are kept for one payer. The oldest paid one makes room. */
export const MAX_STORED_ANSWERS = 1000;
/** Sales whose record waits in an isolate because the register did not answer. Older ones are left out. */
export const MAX_WAITING_SALES = 1000;
/** So often the row of a claim is offered to the register. */
export const SALES_ATTEMPTS = 3;
/** The register of one payee and one day: about two million sales. */
export const MAX_REGISTER_BYTES = 1024 * 1024 * 1024;
/** Sales on one page of it. */
export const SALES_PAGE = 1000;
/** Days on the seller's page, if the seller asks for no other number. */
export const SELLER_PAGE_DAYS = 7;
export const MAX_SELLER_PAGE_DAYS = 31;
/** Calls that one view of the seller's page makes. A Worker on the free plan may make 50. */
export const MAX_SELLER_PAGE_CALLS = 48;
/** Pages of the register among them, at most. What is left reads the ledger's journal. */
export const MAX_SELLER_PAGE_READS = 40;
/** Lines of one table on the seller's page. */
export const MAX_SELLER_PAGE_LINES = 200;
/** Characters of the key that opens the seller's page: 128 bits as hex. */
export const MIN_SELLER_KEY_LENGTH = 32;
/** Characters of a route in it. */
export const MAX_RECORDED_ROUTE_LENGTH = 200;
/** How long a paid answer can be fetched again. */
export const STORED_ANSWER_SECONDS = 24 * 3600;
/** A response that takes longer to complete counts as a stream and is not kept. */
export const ANSWER_TIMEOUT_SECONDS = 0.1;
/** Serials of one lane that a merchant tells apart: how far one call of a session may be behind another. */
export const VOUCHER_WINDOW = 256;
/** A lane belongs to one isolate for so long. */
export const LANE_SECONDS = 30;
/** An isolate stops this long before its lane's lease ends: it also covers an object that starts anew on another machine. */
export const LANE_MARGIN_SECONDS = 5;
/** A lane's share of the deposit: this many calls, or this part of the deposit if that is more. */
export const LANE_CALLS = 8n;
export const LANE_PART = 16n;
/** Lane 0 keeps that it may have taken so many serials above the last one, so that not each of them costs a row. */
export const OWN_SERIALS_AHEAD = 64;
/** A handler that runs for longer is reported, so that its lane's lease lasts until it is over. */
export const SLOW_HANDLER_MILLIS = 500;
/**
 * An isolate reports what it has not reported after this long at the latest, and the object keeps what lane 0 came to. It fits into a lease's
 * margin: what is reported after the lease counts only as far as the deposit has room.
 */
export const UNREPORTED_MILLIS = 2000;
/** A request that waits for longer, to report what others spend meanwhile, has died. */
export const REPORTER_LOST_MILLIS = 2 * UNREPORTED_MILLIS;
export const REPORT_ATTEMPTS = 3;
/** The longest that an answer flows whose price is counted meanwhile. Well below the shortest time in which a merchant can still claim. */
export const MAX_STREAM_SECONDS = 600;
/** While such an answer flows, its lane is reported this often at least, so that its lease goes on. */
export const STREAM_REPORT_SECONDS = 10;
/** An event of such a stream that is larger is content, whatever its name. */
export const MAX_STREAM_EVENT_BYTES = 64 * 1024;
/** A session's life, and the smallest deposit in calls, that offers ask for unless the seller says otherwise. */
export const DEFAULT_SESSION_SECONDS = 24 * 3600;
export const MIN_DEPOSIT_CALLS = 100n;
/** Sessions that one isolate knows; ids that the ledger did not know, and how long that is believed. */
export const MAX_KNOWN_SESSIONS = 1000;
export const UNKNOWN_SESSION_SECONDS = 10;
/** Sessions that one address may have an isolate ask for in one period; addresses that it remembers. */
export const MAX_ASKS_PER_PERIOD = 50;
export const PERIOD_SECONDS = 10;
export const MAX_KNOWN_ADDRESSES = 1000;
/** What a merchant may lose with an isolate, in calls, unless the seller names a sum. */
export const RISK_CALLS = 16n;
/** A merchant claims this often while there is something to claim; and again this long after a claim that failed. */
export const CLAIM_INTERVAL_SECONDS = 300;
export const CLAIM_RETRY_SECONDS = 30;
/** An object of a closed session stays this long after the last lease, for reports that are late. */
export const LANE_FORGOTTEN_SECONDS = 60;
/** A session that looks as if it were over is asked about again after this long. */
export const SESSION_ASK_SECONDS = 10;
/** The longest that a seller can let a buyer try again before an undelivered payment goes back by itself. */
export const MAX_REFUND_AFTER_SECONDS = UNDELIVERED_SECONDS + MAX_VALIDITY_SECONDS;
/** Pauses between the tries of an automatic refund. The last one repeats. */
export const REFUND_PAUSES_SECONDS: readonly number[] = [5, 60, 600, 3600];
/** Answers that the ledger has no such credit, after which the merchant believes it: a credit to another shard arrives later. */
export const REFUND_CREDIT_TRIES = 8;
/** An automatic refund whose outcome stays unknown is left to the seller after this long. */
export const REFUND_SENDING_SECONDS = 7 * 24 * 3600;
/** Automatic refunds of one payer in one alarm. */
export const REFUND_BATCH = 10;
/** Messages that wait for a seller's webhook, those included that were given up. Newer ones are refused. */
export const MAX_WEBHOOKS = 10_000;
/** Pauses between the tries of one message: 8 tries in 24 hours. */
export const WEBHOOK_PAUSES_SECONDS: readonly number[] = [5, 60, 600, 2700, 3 * 3600, 8 * 3600, 12 * 3600];
/** One try: until the receiver has answered with a status. */
export const WEBHOOK_TIMEOUT_SECONDS = 15;
/** Tries at once. The platform lets one invocation wait for the headers of six connections. */
export const WEBHOOKS_AT_ONCE = 6;
/** Messages in one alarm: below the fetches that the platform's smallest plan allows in one invocation, and minutes at most. */
export const WEBHOOK_BATCH = 48;
/** A message that was given up is listed, and can be sent again, this long after its event. */
export const WEBHOOK_KEPT_SECONDS = 30 * 24 * 3600;
/** A message of ours that a receiver reads. */
export const MAX_WEBHOOK_BYTES = 16 * 1024;
/** Method and path in a message. */
export const MAX_ROUTE_LENGTH = 256;
/** Bytes of a webhook's secret, as Standard Webhooks asks; secrets that sign while one replaces the other. */
export const MIN_WEBHOOK_KEY_BYTES = 24;
export const MAX_WEBHOOK_KEY_BYTES = 64;
export const MAX_WEBHOOK_SECRETS = 2;
/** A receiver takes messages whose time differs from its clock by no more. */
export const WEBHOOK_TOLERANCE_SECONDS = 300;
/** A merchant hands a message to its queue this often, and waits this long each time, before it gives it up. */
export const WEBHOOK_HANDOVERS = 3;
export const WEBHOOK_HANDOVER_SECONDS = 5;
/** Messages in one list. */
export const WEBHOOKS_LISTED = 100;

// --- Notices of a hosted desk --------------------------------------------------------------------

/** Browsers of one account that are told of requests; and its webhooks. */
export const MAX_DEVICES = 8;
export const MAX_DESK_WEBHOOKS = 3;
/** The owner's word for a device. */
export const MAX_DEVICE_LABEL_LENGTH = 60;
/** Messages are a multiple of it, so that a push service does not learn their length. */
export const PUSH_PADDING_BYTES = 512;
/** A push service may refuse a body of more than 4096 bytes, of which 102 are not text. The last byte of the text is the protocol's. */
export const MAX_PUSH_TEXT_BYTES = 7 * PUSH_PADDING_BYTES - 1;
/** How long a push service may use the desk's token. RFC 8292 allows a day. */
export const PUSH_TOKEN_SECONDS = 3600;
/** One try to tell: until the server has answered with a status. */
export const NOTICE_TIMEOUT_SECONDS = 5;
/** Pauses between the tries of one message. */
export const NOTICE_PAUSES_SECONDS: readonly number[] = [10, 60, 300];
/** After a request of an agent was told, its next ones wait so long, and are told together; after several at once, longer. */
export const NOTICE_GAP_SECONDS = 60;
export const NOTICE_FLOOD_GAP_SECONDS = 600;
/** A request is told again when this part of its time is left, and at most so much. */
export const REMINDER_PART = 5;
export const MAX_REMINDER_SECONDS = 3600;
/** A request that lives shorter is told once. */
export const MIN_REMINDED_SECONDS = 300;
/** Messages in one alarm: below the fetches that the platform's smallest plan allows in one invocation. */
export const NOTICE_BATCH = 33;
/** Characters of a reason, and of a URL, in a notice that says more. */
export const MAX_NOTICE_QUOTE_LENGTH = 160;

// --- Evidence ------------------------------------------------------------------------------------

/** A file of evidence. */
export const MAX_EVIDENCE_BYTES = 256 * 1024;
/** Entries of an account's chain in evidence, from the payment's to the checkpoint's. */
export const MAX_EVIDENCE_ENTRIES = 128;
/** Refunds of the payment in evidence: so many, each under a large mandate, fit the file. */
export const MAX_EVIDENCE_REFUNDS = 16;

// --- Desk ----------------------------------------------------------------------------------------

/** Above this (1 LGO) an owner types the amount or the short code: one key is pressed too easily. Atomic units. */
export const APPROVAL_TYPED_THRESHOLD = 1_000_000_000n;
/** The body of a page's call: a payment of three passkeys with its terms, or a signed mandate. */
export const MAX_DESK_CALL_BYTES = 64 * 1024;
/** The body of an agent's call: a request, and the 402 that it came from. */
export const MAX_DESK_ASK_BYTES = MAX_FILE_BYTES + MAX_FOREIGN_HEADER_BYTES;
/** A signed call counts this long before and after the second in which it was signed. */
export const DESK_CALL_SECONDS = 60;
/** A login, and a change of a setting, counts this long after it was signed; as long as its nonce. */
export const DESK_PROOF_SECONDS = 300;
/** A login lets its device read for so long. */
export const DESK_LOGIN_SECONDS = 3600;
/** What an owner signs for a request begins now. Its other keys sign the same object within that time. */
export const MAX_APPROVAL_AGE_SECONDS = 900;
/** Devices that are signed in at once. The oldest is signed out for another. */
export const MAX_DESK_LOGINS = 20;
/** An agent waits this long to be paired. */
export const PAIRING_SECONDS = 600;
/** The longest that one call waits for news. */
export const MAX_DESK_WAIT_SECONDS = 25;
/** Calls of one agent that wait at once; and calls of all agents of an account. */
export const MAX_AGENT_WAITS = 32;
export const MAX_DESK_WAITS = 128;
export const MAX_PAIRED_AGENTS = 16;
/** Calls of one agent in 60 seconds. */
export const MAX_AGENT_CALLS_PER_MINUTE = 600;
/** Requests that one agent may ask in DESK_RATE_SECONDS. More are refused, counted, and one line for the owner. */
export const MAX_ASKS_PER_AGENT = 20;
export const DESK_RATE_SECONDS = 600;
/** The line goes a day after the last of them. */
export const DESK_FOLD_SECONDS = 24 * 3600;
/** Requests that wait for one owner. */
export const MAX_WAITING_REQUESTS = 200;
/** A desk takes no request of an account that takes more: a request takes 5 KB, 128 KiB at most. */
export const MAX_DESK_BYTES = 256 * 1024 * 1024;
/** A request that was not approved is kept so long after its end; an approved one, and what is written down, longer. */
export const DESK_UNAPPROVED_SECONDS = 30 * 24 * 3600;
export const DESK_KEPT_SECONDS = 400 * 24 * 3600;
/** Rows that one alarm deletes; the rest wait for the next. */
export const DESK_SWEEP_BATCH = 500;
/** Open allowances of an account that its desk keeps. */
export const MAX_DESK_MANDATES = 200;
/** What one key of a policy proposes waits so long for the others. */
export const DESK_PROPOSAL_SECONDS = 24 * 3600;
export const MAX_DESK_PASSKEYS = 10;
/** Requests on one page of the list. */
export const DESK_PAGE = 50;
/** Requests whose settlement one call of the page asks for. The platform's smallest plan allows 50 fetches in one invocation. */
export const MAX_DESK_LOOKUPS = 20;
/** Revocations of which one alarm tells the ledger; the rest wait for the next. */
export const MAX_DESK_TOLD = 10;
/** Payments, merchants and agents that one page of the history lists. Its sums are of all. */
export const MAX_DESK_HISTORY = 200;
/** The owner's newest decisions: what warnings of a request are made from. */
export const MAX_DESK_PAST_DECISIONS = 500;
/** Allowances of one agent beside its request, the newest ones. */
export const MAX_DESK_MANDATES_SHOWN = 5;
/** One call of the desk to the facilitator, or to a merchant. */
export const DESK_FETCH_SECONDS = 5;
/** What it reads of an answer: a 402 of any merchant, a document of keys. */
export const MAX_DESK_ANSWER_BYTES = 64 * 1024;
/** Logins, nonces and records of keys that one network may ask for in 10 seconds; and, counted apart, its agents' calls that are refused. */
export const MAX_DESK_STRANGER_CALLS = 100;
/** Networks that one isolate of a desk remembers because too many of their calls were refused. */
export const MAX_SHUT_OUT_NETWORKS = 10_000;
