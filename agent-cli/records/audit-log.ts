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
import { writeWhole } from "../runtime/files.ts";
import { MAX_AUDIT_LINE_BYTES } from "../runtime/limits.ts";
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
  "sent",
  "settled",
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
  const file = auditFile(home.data);
  if (!fs.lstatSync(file, { throwIfNoEntry: false })) return succeed(undefined);
  const fd = fs.openSync(file, APPEND);
  try {
    const last = lastEntry(fd, file);
    return last.ok ? succeed(undefined) : last;
  } finally {
    fs.closeSync(fd);
  }
}

/** Adds one entry. Resolves when it is on disk. */
export function record(context: Context, event: AuditEvent, facts: AuditFacts): Promise<Outcome<AuditEntry>> {
  return exclusively(context, () => appendEntry(context, event, facts));
}

const APPEND = fs.constants.O_RDWR | fs.constants.O_NOFOLLOW;

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
  const fd = fs.openSync(file, APPEND | fs.constants.O_CREAT, 0o600);
  try {
    const last = lastEntry(fd, file);
    if (!last.ok) return last;
    const { entry: before, end } = last.data;
    const entry = entryAfter(before, event, facts);
    // Bytes behind the last complete line were never acknowledged: a process died while writing them.
    fs.ftruncateSync(fd, end);
    fs.writeSync(fd, `${JSON.stringify(entry)}\n`, end);
    fs.fsyncSync(fd);
    return succeed(entry);
  } finally {
    fs.closeSync(fd);
  }
}

function lastEntry(fd: number, file: string): Outcome<{ entry?: AuditEntry; end: number }> {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - 2 * MAX_AUDIT_LINE_BYTES);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf("\n") + 1;
  if (end === 0 && start === 0) return succeed({ end: 0 });
  const line = tail.subarray(0, end - 1);
  const parsed = end === 0 ? undefined : parseLine(line.subarray(line.lastIndexOf("\n") + 1));
  if (parsed?.ok) return succeed({ entry: parsed.data, end: start + end });
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
    // link(2) never replaces: a second restart within the same second fails, and would have nothing to rename.
    fs.linkSync(file, aside);
    const entry = entryAfter(undefined, "restarted", { file: path.basename(aside), sha256: bodyDigest(fs.readFileSync(aside)) });
    const written = writeWhole(file, `${JSON.stringify(entry)}\n`, true);
    return written.ok ? succeed({ aside, entry }) : written;
  });
}

/** Checks the file that a `restarted` entry names. Returns its problem; undefined if it is unchanged. */
function asideProblem(home: string, { file = "", sha256 }: AuditFacts): string | undefined {
  const older = path.join(home, path.basename(file));
  if (!fs.existsSync(older)) return `names an older log, "${older}", which is not there`;
  return bodyDigest(fs.readFileSync(older)) === sha256 ? undefined : `names an older log, "${older}", which was changed since`;
}

/** Reads the whole log and recomputes its chain. */
export function readAudit(context: Context): Outcome<AuditLog> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const file = auditFile(home.data);
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [""];
  const torn = lines.pop() !== "";
  const log: AuditLog = { entries: [], problems: torn ? [{ line: lines.length + 1, problem: "is not complete" }] : [] };
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
    const aside = body.event === "restarted" ? asideProblem(home.data, body.facts) : undefined;
    if (aside !== undefined) say(aside);
    previous = stated;
    return log.entries.push(parsed.data);
  });
  return succeed(log);
}
