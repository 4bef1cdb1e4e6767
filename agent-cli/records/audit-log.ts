/**
 * The audit log: one line of JSON per event, each with the digest of itself and of its predecessor. A line that is changed,
 * dropped or moved breaks every later digest.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { bodyDigest, type Digest, digest, digestSchema } from "../../shared/crypto/digest.ts";
import { parseJson } from "../../shared/text/json.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { lacksHardLinks, writeWhole } from "../runtime/files.ts";
import { MAX_AUDIT_LINE_BYTES } from "../runtime/limits.ts";
import { addLine, lastLine } from "../runtime/lines.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateHome } from "../runtime/state-directory.ts";

export const AUDIT_EVENTS = [
  "requested",
  "cancelled",
  "shown",
  "approved",
  "declined",
  "revoked",
  /** A mandate, and the end of one or of all. */
  "granted",
  "mandate_revoked",
  /** Money that an owner sends to another account, and that the ledger has confirmed. */
  "transfer_signed",
  "transferred",
  "transfer_refused",
  /** A refund that this owner signed, and what became of it. */
  "refund_signed",
  "refunded",
  "refund_refused",
  /** The journal of a paying account has a refund. */
  "refund_received",
  /** A payment session: signed, before it is sent; open; never opened; over. Its calls are in its own file. */
  "session_signed",
  "session_opened",
  "session_refused",
  "session_closed",
  /** A decision that was made on another machine. */
  "imported",
  /** The agent's key and an owner's account, at a hosted desk. */
  "paired",
  "unpaired",
  "sent",
  "settled",
  /** A payment, an allowance, or a part of one, signed for a hosted desk; it leaves right afterwards. */
  "signed_for_desk",
  /** An owner signed a merchant's offer that no agent asked for. */
  "signed_by_hand",
  /** An owner hands a signed payment to the chain's sequencer; it leaves right afterwards. */
  "broadcast",
  /** The merchant answered a payment that was settled before. Nothing more was paid. */
  "answered_again",
  "unknown",
  "unsent",
  "refused",
  /** The first entry of a log that replaced a damaged one. */
  "restarted",
] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

/** The facts of an event. Strings only, because each line is digested. */
export type AuditFacts = Record<string, string>;

const entrySchema = z.strictObject({
  /** The digest's type. Lines of version 0.1 have none and are digested as `JournalEntry`. */
  type: z.optional(z.literal("AuditEntry")),
  /** Position, from 1. */
  seq: z.string().check(z.regex(/^[1-9][0-9]{0,14}$/)),
  at: timestampSchema,
  event: z.enum(AUDIT_EVENTS),
  facts: z.record(z.string(), z.string()),
  /** Digest of the entry before; zeros for the first. */
  previous: digestSchema,
  /** Digest of this entry without this member. */
  digest: digestSchema,
});
export type AuditEntry = z.infer<typeof entrySchema>;

export const GENESIS = "0".repeat(64) as Digest;

export function auditFile(home: string): string {
  return path.join(home, "audit.jsonl");
}

/**
 * Checks that an entry can be added. Commands call it before they store, send or hand out anything: a command that did its
 * work and then cannot record it would report a failure that did not happen.
 */
export function checkAudit(context: Context): Outcome<undefined> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const last = lastEntry(auditFile(home.data), lastLine(auditFile(home.data)));
  return last.ok ? succeed(undefined) : last;
}

/** Adds one entry. Resolves when it is on disk. */
export function record(context: Context, event: AuditEvent, facts: AuditFacts): Promise<Outcome<AuditEntry>> {
  return exclusively(context, () => appendEntry(context, event, facts));
}

function entryAfter(before: AuditEntry | undefined, event: AuditEvent, facts: AuditFacts): AuditEntry {
  const body = {
    type: "AuditEntry" as const,
    seq: String(Number(before?.seq ?? 0) + 1),
    at: formatTimestamp(unixNow()),
    event,
    facts,
    previous: before?.digest ?? GENESIS,
  };
  return { ...body, digest: digestOf(body) };
}

function digestOf(body: Omit<AuditEntry, "digest">): Digest {
  return digest(body.type ?? "JournalEntry", body);
}

/** Adds one entry as part of a change that holds the lock. It is on disk when this returns. */
export function appendEntry(context: Context, event: AuditEvent, facts: AuditFacts): Outcome<AuditEntry> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const file = auditFile(home.data);
  return addLine(file, (line) => {
    const before = lastEntry(file, line);
    return before.ok ? succeed(entryAfter(before.data, event, facts)) : before;
  });
}

function lastEntry(file: string, line: Uint8Array | undefined): Outcome<AuditEntry | undefined> {
  const parsed = line && parseLine(line);
  if (!parsed || parsed.ok) return succeed(parsed?.data);
  return fail("invalid_file", `The last line of the audit log "${file}" cannot be read, so nothing is added to it.`, {
    hint: "lez-agent-pay audit verify shows the damage. The owner can begin another log: lez-agent-pay audit restart",
  });
}

function parseLine(line: Uint8Array): Outcome<AuditEntry> {
  const parsed = parseJson(line, MAX_AUDIT_LINE_BYTES, entrySchema);
  return parsed.ok ? succeed(parsed.value) : fail("invalid_file", parsed.problem);
}

export interface AuditProblem {
  line: number;
  problem: string;
}

export interface AuditLog {
  /** In order, without unreadable lines. */
  entries: AuditEntry[];
  /** Where the chain is broken; empty if it holds. */
  problems: AuditProblem[];
  /** The readable lines of the logs that were set aside, oldest first. Their chains are not checked. */
  older: AuditEntry[];
}

/**
 * Renames a damaged log and begins another, whose first entry names the old file and its SHA-256. The old file keeps every
 * byte, and there is a log at every moment.
 */
export function restartAudit(context: Context): Promise<Outcome<{ aside: string; entry: AuditEntry }>> {
  return exclusively(context, () => {
    const home = stateHome(context);
    if (!home.ok) return home;
    const file = auditFile(home.data);
    const at = formatTimestamp(unixNow()).replaceAll(/[-:]/g, "");
    const aside = path.join(home.data, `audit-${at}.jsonl`);
    keepAside(file, aside);
    const entry = entryAfter(undefined, "restarted", { file: path.basename(aside), sha256: bodyDigest(fs.readFileSync(aside)) });
    const written = writeWhole(file, `${JSON.stringify(entry)}\n`, true);
    return written.ok ? succeed({ aside, entry }) : written;
  });
}

/** Never replaces: a second restart within the same second fails, and would have nothing to keep. */
function keepAside(file: string, aside: string): void {
  try {
    fs.linkSync(file, aside);
  } catch (error) {
    if (!lacksHardLinks(error)) throw error;
    fs.copyFileSync(file, aside, fs.constants.COPYFILE_EXCL);
  }
}

/** Checks the file that a `restarted` entry names. Returns its problem; undefined if it is unchanged. */
function asideProblem(older: string, { sha256 }: AuditFacts): string | undefined {
  if (!fs.existsSync(older)) return `names an older log, "${older}", which is not there`;
  return bodyDigest(fs.readFileSync(older)) === sha256 ? undefined : `names an older log, "${older}", which was changed since`;
}

function asideOf(home: string, { file = "" }: AuditFacts): string {
  return path.join(home, path.basename(file));
}

/** Reads the whole log and recomputes its chain. */
export function readAudit(context: Context): Outcome<AuditLog> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const log = readChain(home.data, auditFile(home.data));
  const seen = new Set<string>();
  for (let { first } = log; first?.event === "restarted" && !seen.has(first.digest);) {
    seen.add(first.digest);
    const aside = readChain(home.data, asideOf(home.data, first.facts));
    log.older.unshift(...aside.entries);
    first = aside.first;
  }
  const { entries, problems, older } = log;
  return succeed({ entries, problems, older });
}

function readChain(home: string, file: string): AuditLog & { first?: AuditEntry | undefined } {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [""];
  const torn = lines.pop() !== "";
  const log: AuditLog = { entries: [], problems: torn ? [{ line: lines.length + 1, problem: "is not complete" }] : [], older: [] };
  let previous = GENESIS;
  let typed = false;
  lines.forEach((text, i) => {
    const say = (problem: string) => log.problems.push({ line: i + 1, problem });
    const parsed = parseLine(Buffer.from(text));
    if (!parsed.ok) return say(`cannot be read (${parsed.error.message})`);
    const { digest: stated, ...body } = parsed.data;
    if (digestOf(body) !== stated) say("was changed: its digest is not that of its content");
    if (typed && body.type === undefined) say("names no type, although an earlier line does");
    typed ||= body.type !== undefined;
    if (body.previous !== previous) say("does not follow the line before it");
    if (body.seq !== String(i + 1)) say(`says that it is number ${body.seq}`);
    const aside = body.event === "restarted" ? asideProblem(asideOf(home, body.facts), body.facts) : undefined;
    if (aside !== undefined) say(aside);
    previous = stated;
    return log.entries.push(parsed.data);
  });
  return { ...log, first: log.entries[0] };
}
