/** The payee's journal at the shop's facilitator, as far back as some days need it: computed again, up to an entry that the ledger signed. */

import { type AccountAnswer, type Answers, readAnswer } from "../../../../shared/books/answers.ts";
import { type Signature, signatureUnder } from "../../../../shared/books/chain.ts";
import { type HeldAccess, readHeldAccess } from "../../../../shared/books/held-access.ts";
import { type ChainSource, walkChain } from "../../../../shared/books/walk-chain.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { importSeed, type SeedKey, signDigest } from "../../../../shared/crypto/seed-key.ts";
import { entryHash, type JournalEntry, type JournalPage, type Link } from "../../../../shared/ledger/journal.ts";
import {
  CLOCK_SKEW_SECONDS,
  FACILITATOR_TIMEOUT_SECONDS,
  JOURNAL_PAGE,
  JOURNAL_RETENTION_SECONDS,
  MAX_RESPONSE_BODY_BYTES,
} from "../../../../shared/limits.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import { authorizeRead } from "../../../../shared/protocol/books-access.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";
import { readLimited } from "../../../../shared/x402/body.ts";
import { facilitatorAddress } from "../config.ts";
import type { PaywallBindings } from "../types.ts";
import type { Calls } from "./read-period.ts";

const SECONDS_A_DAY = 86_400;
/** The registers of the day before and of the day after may have to be asked. */
const KEPT_CALLS = 2;

/** Why nothing is checked. */
export type Unread =
  | { why: "no_facilitator" | "closed" | "refused" | "away" | "foreign" | "other_ledger" | "too_long" | "pruned" }
  /** Of the secret SELLER_ACCESS. */
  | { why: "bad_access" | "ended"; detail: string };

export type LedgerReading =
  | { state: "unread"; unread: Unread }
  /** The books contradict themselves, or what the ledger signed. */
  | { state: "differs"; problem: string }
  | {
      state: "read";
      ledger: Digest;
      account: AccountAnswer;
      /** Checked, oldest first: all since before the days, up to the last. */
      entries: JournalEntry[];
      signature: Extract<Signature, { state: "good" | "unsigned" }>;
      /** When the access ends, RFC 3339; absent where books are public. */
      until?: string | undefined;
    };

type Failure = { ok: false; unread: Unread };
type Get = <Name extends keyof Answers>(name: Name, path: string) => Promise<{ ok: true; data: Answers[Name] } | Failure>;

/**
 * @param from unix seconds: entries of this time and later are needed
 */
export async function readLedger(env: PaywallBindings, payee: AccountId, from: number, calls: Calls): Promise<LedgerReading> {
  const access = await openAccess(env, payee);
  if (access && "why" in access) return { state: "unread", unread: access };
  const get = readerOf(env, access, calls);
  if (!get) return unread("no_facilitator");
  const health = await get("health", "/health");
  if (!health.ok) return { state: "unread", unread: health.unread };
  const { ledger, checkpointKey } = health.data;
  if (access && access.held.access.ledger !== ledger) return unread("other_ledger");
  const account = await get("account", `/accounts/${payee}`);
  if (!account.ok) return { state: "unread", unread: account.unread };

  const source = sourceOf(get, payee, ledger, account.data);
  const start = await startOf(source, from);
  if (!start.ok) return { state: "unread", unread: start.unread };
  if (start.link && entryHash(start.link) !== start.link.hash)
    return { state: "differs", problem: `entry ${start.link.seq}: it does not have the hash of what it says` };
  const entries: JournalEntry[] = [];
  let base: Link | undefined;
  for await (const step of walkChain(source, start.link)) {
    entries.push(...step.entries);
    base ??= step.base;
    const { end } = step;
    if (end?.kind === "unread") return { state: "unread", unread: end.failure.unread };
    if (end?.kind === "pruned") return unread("away");
    if (end?.kind === "differs") return { state: "differs", problem: `entry ${end.difference.entry}: ${end.difference.problem}` };
  }
  if (base && !isBefore(entries[0], from) && from < unixNow() - JOURNAL_RETENTION_SECONDS + SECONDS_A_DAY) return unread("pruned");

  const signature = await signatureOf(get, payee, ledger, checkpointKey, entries.at(-1) ?? start.link ?? base);
  if ("ok" in signature) return { state: "unread", unread: signature.unread };
  if (signature.state === "differs") return { state: "differs", problem: `the signature under its last entry: ${signature.problem}` };
  return { state: "read", ledger, account: account.data, entries, signature, until: access?.until };
}

interface Access {
  held: HeldAccess;
  key: SeedKey;
  /** RFC 3339. */
  until: string;
}

/** The secret SELLER_ACCESS, if it can be used; undefined without it. */
async function openAccess({ SELLER_ACCESS }: PaywallBindings, payee: AccountId): Promise<Access | Unread | undefined> {
  if (!SELLER_ACCESS) return undefined;
  const bad = (detail: string): Unread => ({ why: "bad_access", detail });
  const read = readHeldAccess(SELLER_ACCESS);
  if (!read.ok) return bad(read.problem);
  const { access, readerKey } = read.value;
  if (access.account !== payee) return bad(`it is of the account ${access.account}`);
  const key = await importSeed(readerKey, "SELLER_ACCESS");
  if (key.publicKey !== access.reader) return bad("its key is not the one that may read");
  const until = formatTimestamp(Number(access.validBefore));
  return unixNow() > Number(access.validBefore) ? { why: "ended", detail: until } : { held: read.value, key, until };
}

/** Calls of the facilitator that the paywall calls; undefined if there is none. */
function readerOf(env: PaywallBindings, access: Access | undefined, calls: Calls): Get | undefined {
  const call = callerOf(env);
  return (
    call &&
    (async (name, path) => {
      if (calls.left <= KEPT_CALLS) return { ok: false, unread: { why: "too_long" } };
      calls.left--;
      const headers = access && name !== "health" ? { Authorization: await signedRead(access, path) } : {};
      try {
        const response = await call(path, { headers, redirect: "manual", signal: AbortSignal.timeout(FACILITATOR_TIMEOUT_SECONDS * 1000) });
        const bytes = await readLimited(response, MAX_RESPONSE_BODY_BYTES);
        if (!response.ok) return { ok: false, unread: refusalOf(name, response.status, access !== undefined) };
        const answer = bytes && readAnswer(name, bytes);
        return answer?.ok ? { ok: true, data: answer.value } : { ok: false, unread: { why: "foreign" } };
      } catch {
        return { ok: false, unread: { why: "away" } };
      }
    })
  );
}

/** Its HTTP API: by its address, or through the service binding, which has one as every Worker. */
function callerOf({ FACILITATOR, ...env }: PaywallBindings): ((path: string, init: RequestInit) => Promise<Response>) | undefined {
  const address = facilitatorAddress(env);
  if (address) return (path, init) => fetch(`${address.base}${path}`, init);
  const binding = FACILITATOR as { fetch?: (request: Request) => Promise<Response> } | undefined;
  if (typeof binding?.fetch !== "function") return undefined;
  // A binding takes any origin. A read is signed over its path alone.
  return async (path, init) => (binding as Required<typeof binding>).fetch(new Request(`https://facilitator${path}`, init));
}

async function signedRead({ held, key }: Access, path: string): Promise<string> {
  const { format: _, facilitator: __, account: ___, readerKey: ____, ...signed } = held;
  return authorizeRead(signed, { sign: (digest) => signDigest(key, digest) }, { method: "GET", path });
}

function refusalOf(name: keyof Answers, status: number, hasAccess: boolean): Unread {
  if (status === 401) return { why: hasAccess ? "refused" : "closed" };
  return { why: status === 429 || status >= 500 ? "away" : name === "checkpoint" && status === 404 ? "away" : "foreign" };
}

function sourceOf(
  get: Get,
  account: AccountId,
  ledger: Digest,
  { journalSeq: seq, journalHead: hash, balance }: AccountAnswer,
): ChainSource<Failure> {
  return {
    account,
    ledger,
    head: { seq, hash, balance },
    async page(after) {
      const read = await get("page", `/accounts/${account}/journal?after=${after}&credits=yes`);
      return read.ok ? { ok: true, data: read.data as JournalPage } : read;
    },
  };
}

/**
 * Where to begin: at an entry that is older than the days, looked for in steps that double. What follows it is bound to it, entry by entry, and
 * to the head. Without a link the whole chain is read.
 */
async function startOf(source: ChainSource<Failure>, from: number): Promise<{ ok: true; link?: JournalEntry } | Failure> {
  for (let entries = JOURNAL_PAGE; entries < source.head.seq; entries *= 2) {
    const page = await source.page(source.head.seq - entries);
    if (!page.ok) return page;
    const [first] = page.data.entries;
    // Pruned up to there, or beyond: the whole of what is left is read.
    if (!first || page.data.base) return { ok: true };
    if (isBefore(first, from)) return { ok: true, link: first };
  }
  return { ok: true };
}

/** A payment may have settled earlier than it was valid, by the difference of two clocks. */
function isBefore(entry: JournalEntry | undefined, from: number): boolean {
  return entry !== undefined && Number(entry.at) < from - CLOCK_SKEW_SECONDS;
}

async function signatureOf(
  get: Get,
  account: AccountId,
  ledger: Digest,
  checkpointKey: string | undefined,
  last: Link | undefined,
): Promise<Signature | Failure> {
  if (!last || checkpointKey === undefined) return { state: "unsigned" };
  const signed = await get("checkpoint", `/accounts/${account}/checkpoint?seq=${last.seq}`);
  return signed.ok ? signatureUnder(last, signed.data, { account, ledger }, checkpointKey) : signed;
}

function unread(why: Exclude<Unread["why"], "bad_access" | "ended">): LedgerReading {
  return { state: "unread", unread: { why } };
}
