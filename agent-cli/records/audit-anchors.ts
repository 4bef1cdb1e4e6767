/**
 * Anchors of the audit log: at each decision the owner's key signs the log's last line and its number. A log that is edited,
 * cut, reordered or written anew, with its chain recomputed, no longer has the lines that were signed.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { publicKeySchema, signatureSchema } from "../../shared/crypto/bytes.ts";
import { digest, digestSchema } from "../../shared/crypto/digest.ts";
import { verifyDigest } from "../../shared/crypto/ed25519.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { parseJson } from "../../shared/text/json.ts";
import { formatTimestamp, timestampSchema, unixNow } from "../../shared/time.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_AUDIT_LINE_BYTES } from "../runtime/limits.ts";
import { addLine } from "../runtime/lines.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateHome } from "../runtime/state-directory.ts";
import type { AuditEntry, AuditLog } from "./audit-log.ts";

const signedAnchorSchema = z.strictObject({
  version: z.literal("1"),
  anchor: z.strictObject({
    /** The digest of line `count`. */
    head: digestSchema,
    count: z.string().check(z.regex(/^[1-9][0-9]{0,14}$/)),
    at: timestampSchema,
  }),
  publicKey: publicKeySchema,
  signature: signatureSchema,
});
type SignedAnchor = z.infer<typeof signedAnchorSchema>;
type Anchor = SignedAnchor["anchor"];

export function anchorsFile(home: string): string {
  return path.join(home, "anchors.jsonl");
}

/**
 * Signs the log up to `entry`, under the lock. A decision calls this after it was recorded and before it is handed out: a
 * payment that was sent is therefore anchored, and a process killed in between leaves a log that verifies.
 */
export async function anchorEntry(
  context: Context,
  { digest: head, seq: count }: AuditEntry,
  owner: WalletSigner,
): Promise<Outcome<undefined>> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const anchor: Anchor = { head, count, at: formatTimestamp(unixNow()) };
  const signature = await owner.sign(digest("AuditAnchor", anchor));
  const line: SignedAnchor = { version: "1", anchor, publicKey: owner.publicKey, signature };
  const added = addLine(anchorsFile(home.data), () => succeed(line));
  return added.ok ? succeed(undefined) : added;
}

export interface AnchorReport {
  /** Signatures of the owner over lines that the log has. */
  signed: number;
  /** The last line that one of them covers; 0 without any. */
  upTo: number;
  /** The time of the first: a change before it went unseen. */
  since?: string;
  problems: string[];
  /** Worth knowing, and no contradiction. */
  notes: string[];
}

/** @param owner whose signatures count; undefined if the owner's key is not known here */
export async function checkAnchors(
  context: Context,
  log: AuditLog,
  owner: { publicKey: string; account: string } | undefined,
): Promise<Outcome<AnchorReport>> {
  const home = stateHome(context);
  if (!home.ok) return home;
  const report: AnchorReport = { signed: 0, upTo: 0, problems: [], notes: [] };
  const lost: Anchor[] = [];
  let others = 0;
  const has = (entries: readonly AuditEntry[], { count, head }: Anchor) =>
    entries.some(({ seq, digest }) => seq === count && digest === head);
  for (const [i, text] of linesOf(anchorsFile(home.data)).entries()) {
    const read = parseJson(text, MAX_AUDIT_LINE_BYTES, signedAnchorSchema);
    if (!read.ok) {
      report.problems.push(`line ${i + 1} of anchors.jsonl cannot be read (${read.problem})`);
      continue;
    }
    const { anchor, publicKey, signature } = read.value;
    if (publicKey !== owner?.publicKey) others++;
    else if (!(await verifyDigest(signature, digest("AuditAnchor", anchor), publicKey)))
      report.problems.push(`line ${i + 1} of anchors.jsonl is not signed by the owner: it was changed`);
    else if (has(log.entries, anchor)) {
      report.signed++;
      report.upTo = Math.max(report.upTo, Number(anchor.count));
      report.since = report.since !== undefined && report.since < anchor.at ? report.since : anchor.at;
    } else if (!has(log.older, anchor)) lost.push(anchor);
  }
  if (others > 0) report.notes.push(othersText(others, owner !== undefined));
  judgeLost(report, log, lost);
  if (owner) report.problems.push(...unsignedPayments(log, report.upTo, owner.account));
  return succeed(report);
}

/** A half-written last line was never acknowledged. */
function linesOf(file: string): Buffer[] {
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => Buffer.from(line));
}

function othersText(others: number, known: boolean): string {
  const signatures = `${others === 1 ? "1 signature" : `${others} signatures`} under the log`;
  return known
    ? `${signatures} ${others === 1 ? "is" : "are"} of another key than this owner's: name that key with --owner-file`
    : `${signatures} could not be checked: name the owner's key with --owner-file`;
}

/**
 * Signatures over lines that no log has. Lines of a damaged log that was set aside may be lost. The owner has signed over
 * that once a signature covers the line that says so.
 */
function judgeLost(report: AnchorReport, { entries }: AuditLog, lost: readonly Anchor[]): void {
  const [first] = entries;
  const restartedAt = first?.event === "restarted" && report.upTo > 0 ? first.at : undefined;
  const excused = lost.filter(({ at }) => restartedAt !== undefined && at <= restartedAt);
  if (excused.length > 0) {
    report.notes.push(`the log was begun again at ${restartedAt}; the old one lacks ${counted(excused.length)} that the owner had signed`);
  }
  const open = lost.filter((anchor) => !excused.includes(anchor)).sort((a, b) => Number(a.count) - Number(b.count));
  const [missing] = open;
  if (!missing) return;
  const more = open.length > 1 ? ` (and ${counted(open.length - 1)} more)` : "";
  report.problems.push(`${missingText(missing, entries.length, report.upTo)}${more}`);
}

function counted(lines: number): string {
  return lines === 1 ? "1 line" : `${lines} lines`;
}

function missingText({ count, at }: Anchor, lines: number, covered: number): string {
  if (Number(count) > lines) {
    return `the log ends at line ${lines}, and the owner signed line ${count} at ${at}: its end was cut off`;
  }
  const from = covered < Number(count) ? covered + 1 : 1;
  const which = from === Number(count) ? `line ${count}` : `one of the lines ${from} to ${count}`;
  return `line ${count} is not the one that the owner signed at ${at}: ${which} was edited, cut out or moved, and the chain computed anew`;
}

/** An approval is anchored before its payment is handed out. One that was sent without was anchored once. */
function unsignedPayments({ entries }: AuditLog, upTo: number, account: string): string[] {
  const sent = new Map(entries.map(({ event, facts, seq }) => [event === "sent" ? facts["requestDigest"] : undefined, Number(seq)]));
  const sentLater = ({ seq, facts }: AuditEntry) => (sent.get(facts["requestDigest"]) ?? 0) > Number(seq);
  const approved = entries.filter(({ type, event, facts }) => type !== undefined && event === "approved" && facts["from"] === account);
  return approved.flatMap((entry) =>
    Number(entry.seq) > upTo && sentLater(entry)
      ? [`line ${entry.seq} approves a payment that was sent, and no signature of the owner covers it: signatures were removed`]
      : [],
  );
}
