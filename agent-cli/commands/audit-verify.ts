/** `audit verify`: recomputes the chain, checks the owner's signatures under it, and compares it with the ledger both ways. */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { NETWORK, isNativeNetwork } from "../../shared/lez.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField } from "../command-line/fields.ts";
import { callFacilitator, facilitatorFields, type FacilitatorInput } from "../facilitator/client.ts";
import { debitsOf, type Entry } from "../facilitator/ledger-evidence.ts";
import { otherLedger } from "../facilitator/other-ledger.ts";
import { findOwner } from "../keys/owner-key.ts";
import { checkAnchors } from "../records/audit-anchors.ts";
import { type AuditEntry, type AuditLog, GENESIS, readAudit } from "../records/audit-log.ts";
import { problemsOfSession } from "../records/session-calls.ts";
import { sumsOf } from "../records/session-lanes.ts";
import { keptSessions, sessionRecord } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { counted, field } from "../runtime/layout.ts";
import { MAX_REPORTED_DEBITS } from "../runtime/limits.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const answerSchema = z.looseObject({
  ledger: z.string(),
  status: z.string(),
  transaction: z.string().optional(),
  charged: z.string().optional(),
});

const resultSchema = z.strictObject({
  entries: z.number(),
  /** The digest of the last entry. Written down elsewhere, it shows later whether the end was cut off. */
  head: z.string(),
  /** The owner's signatures under the log: how many, up to which line (0: none), and the time of the first. */
  signed: z.strictObject({ count: z.number(), upTo: z.number(), since: z.string().optional() }),
  /** Payments of the log that were compared with the ledger, and those that could not be. */
  checked: z.number(),
  unchecked: z.number(),
  /** Debits of the owner's accounts at the ledger that were looked for in the log. */
  debits: z.number(),
  /** Why the ledger could not be asked; absent if it was asked, and with --offline. */
  notAsked: z.string().optional(),
  /** Worth knowing, and no contradiction. */
  notes: z.array(z.string()),
});

export const auditVerify = defineCommand({
  name: "audit verify",
  audience: "owner",
  readOnly: true,
  summary: "compare the audit log with the owner's signatures and the ledger",
  description:
    "The chain shows lines that were changed, dropped or reordered. The owner's signatures, one per decision, show the same if the chain was recomputed, and a cut end. The ledger's debits show payments that the log lacks. --head, with a head that you noted before, also covers the lines since the last decision.",
  input: z.strictObject({
    head: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 64 hex digits")
      .optional()
      .meta({ value: "digest", description: "a head that was noted before and must still be in the log" }),
    ownerFile: ownerFileField,
    offline: z.boolean().default(false).meta({ description: "do not ask the ledger" }),
    ...facilitatorFields,
  }),
  output: resultSchema,
  examples: [
    { says: "chain, signatures and ledger", argv: "audit verify" },
    {
      says: "nothing was cut off since",
      argv: "audit verify --offline --head 3f1c0e5d7a9b2846f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6d5e4f3021",
    },
  ],
  async run(context, input) {
    const log = readAudit(context);
    if (!log.ok) return log;
    const owner = findOwner(context, input.ownerFile);
    // Without the owner's key the rest is still checked, unless a key was named.
    if (!owner.ok && (input.ownerFile !== undefined || owner.error.code !== "key_not_found")) return owner;
    const key = owner.ok ? owner.data.key : undefined;
    const anchors = await checkAnchors(context, log.data, key);
    if (!anchors.ok) return anchors;
    const problems = [...log.data.problems.map(({ line, problem }) => `line ${line} ${problem}`), ...anchors.data.problems];
    if (input.head !== undefined && !log.data.entries.some(({ digest }) => digest === input.head)) {
      problems.push("the head that was noted before is not in the log: its end was cut off, or it was rewritten");
    }
    const sessions = await checkSessions(context);
    if (!sessions.ok) return sessions;
    problems.push(...sessions.data);
    const ledger = input.offline ? NOT_COMPARED : await compareWithLedger(context, input, log.data, key?.account);
    problems.push(...ledger.problems);
    const { signed: count, upTo, since, notes } = anchors.data;
    const { checked, debits, notAsked } = ledger;
    const result = {
      entries: log.data.entries.length,
      head: log.data.entries.at(-1)?.digest ?? GENESIS,
      signed: { count, upTo, ...(since !== undefined && { since }) },
      checked,
      unchecked: lastWordPerPayment(log.data).length - checked,
      debits,
      ...(notAsked !== undefined && { notAsked }),
      notes: [...notes, ...ledger.notes],
    };
    if (problems.length === 0) return succeed(result);
    return refuse("audit_differs", EXIT.differs, `The audit log does not verify: ${problems.join("; ")}.`, {
      hint: "Keep a copy of the file. If a line is damaged, lez-agent-pay audit restart sets the file aside and begins another log.",
      details: { ...result, problems },
    });
  },
  render: ({ entries, head, signed, checked, unchecked, debits, notAsked, notes }, layout) => [
    layout.ink("green", `${counted(entries, "entry", "entries")}, and the chain is intact`),
    ...field(layout, "head", head),
    ...field(layout, "signed", signedText(signed)),
    ...field(
      layout,
      "ledger",
      `${counted(checked, "payment")} and ${counted(debits, "debit")} compared${unchecked ? `, ${unchecked} could not be` : ""}`,
    ),
    ...(notAsked === undefined ? [] : field(layout, "because", showUnsafe(notAsked))),
    ...notes.flatMap((note) => field(layout, "note", showUnsafe(note))),
  ],
});

/** Lines before the first signature are covered by it, but a change made before it went unseen. */
function signedText({ count, upTo, since }: z.infer<typeof resultSchema>["signed"]): string {
  if (since === undefined) return "not anchored: no decision has signed this log yet";
  return `by the owner, ${counted(count, "time")}, up to line ${upTo}; not anchored before ${since}`;
}

interface Comparison {
  problems: string[];
  notes: string[];
  checked: number;
  debits: number;
  notAsked?: string | undefined;
}

const NOT_COMPARED: Comparison = { problems: [], notes: [], checked: 0, debits: 0 };

/** Both ways: what the log says about the ledger, and what the ledger has of the owner's accounts. */
async function compareWithLedger(context: Context, input: FacilitatorInput, log: AuditLog, owner: string | undefined): Promise<Comparison> {
  const comparison: Comparison = { problems: [], notes: [], checked: 0, debits: 0 };
  const elsewhere = new Map<string, number>();
  for (const entry of lastWordPerPayment(log)) {
    const said = await atTheLedger(context, input, entry);
    if (!said.ok) comparison.notAsked ??= said.error.message;
    else if ("other" in said.data) elsewhere.set(said.data.other, (elsewhere.get(said.data.other) ?? 0) + 1);
    else if (said.data.known) {
      comparison.checked++;
      comparison.problems.push(...said.data.problems);
    }
  }
  for (const [other, payments] of elsewhere) comparison.notes.push(`${counted(payments, "payment")} could not be compared: ${other}`);
  const all = [...log.entries, ...log.older];
  const known = new Set(all.flatMap(({ facts }) => [facts["transaction"], facts["transactionIfSettled"]]));
  const granted = new Set(all.flatMap(({ event, facts: { mandate } }) => (event === "granted" && mandate !== undefined ? [mandate] : [])));
  const opened = new Set(all.flatMap(({ facts: { session } }) => (session === undefined ? [] : [session])));
  // An account of the chain itself has no journal at the ledger: its payments were compared one by one.
  const approved = all.flatMap(({ event, facts: { from, network } }) =>
    event === "approved" && from !== undefined && !isNativeNetwork(network ?? NETWORK) ? [from] : [],
  );
  for (const account of new Set([...(owner === undefined ? [] : [owner]), ...approved])) {
    const parsed = parseAccountId(account);
    if (!parsed.ok) continue;
    const journal = await debitsOf(context, input, parsed.account);
    if (!journal.ok) {
      comparison.notAsked ??= journal.error.message;
      continue;
    }
    const { debits, from } = journal.data;
    comparison.debits += debits.length;
    if (from > 1) comparison.notes.push(`the journal of ${account} was compared from its entry ${from} on`);
    const claims = claimsIn(debits.filter(({ cause }) => cause === "claim"));
    for (const claim of claims.values())
      comparison.problems.push(...problemsOfClaims(context, claim, from === 1 ? closedOf(all, claim.session) : undefined));
    if (claims.size > 0) comparison.notes.push(claimsText(account, [...claims.values()]));
    const isKnown = (debit: Entry) => known.has(debit.transaction) || isGrantedRefund(debit, granted) || isClaim(debit, opened, granted);
    const missing = debits.filter((debit) => !isKnown(debit));
    const byShop = debits.filter((debit) => isGrantedRefund(debit, granted)).length;
    if (byShop > 0)
      comparison.notes.push(`${counted(byShop, "refund")} of ${account} by a shop's key, under a mandate that the log has granted`);
    comparison.problems.push(...missing.slice(0, MAX_REPORTED_DEBITS).map((debit) => debitText(account, debit)));
    if (missing.length > MAX_REPORTED_DEBITS)
      comparison.problems.push(`and ${missing.length - MAX_REPORTED_DEBITS} more debits of ${account}`);
  }
  return comparison;
}

/** A shop's key refunds on its own: its owner's log has the grant, and not each refund. */
function isGrantedRefund({ cause, mandate }: Entry, granted: ReadonlySet<string>): boolean {
  return cause === "refund" && mandate !== undefined && granted.has(mandate);
}

/** A merchant claims when it likes: the log has the session, and not each claim. What was claimed of it, `session show` compares. */
function isClaim({ cause, session, mandate }: Entry, opened: ReadonlySet<string>, granted: ReadonlySet<string>): boolean {
  const within = mandate !== undefined && granted.has(mandate);
  return cause === "claim" && (within || (session !== undefined && opened.has(session)));
}

/** What a merchant has claimed of one session, by the ledger. */
interface Claims {
  session: string;
  claims: number;
  /** Atomic units. */
  sum: bigint;
}

function claimsIn(debits: readonly Entry[]): Map<string, Claims> {
  const found = new Map<string, Claims>();
  for (const { session = "", value } of debits) {
    const { claims, sum } = found.get(session) ?? { claims: 0, sum: 0n };
    found.set(session, { session, claims: claims + 1, sum: sum + BigInt(value) });
  }
  return found;
}

function closedOf(entries: readonly AuditEntry[], session: string): AuditEntry | undefined {
  return entries.findLast(({ event, facts }) => event === "session_closed" && facts["session"] === session);
}

/** No merchant can claim more than was signed. What the log says of a session's end is what its claims came to. */
function problemsOfClaims(context: Context, { session, sum }: Claims, closed: AuditEntry | undefined): string[] {
  const code = shortCode(session as Digest);
  const kept = sessionRecord(context, session as Digest);
  const signed = kept.ok && kept.data && !kept.data.partial ? sumsOf(kept.data).signed : undefined;
  if (signed !== undefined && sum > signed)
    return [`session ${code}: the ledger has claims of ${sum} units, and this machine signed vouchers for ${signed}`];
  if (closed && sum !== BigInt(closed.facts["claimed"] ?? 0))
    return [`session ${code}: the ledger has claims of ${sum} units, and entry ${closed.seq} says ${closed.facts["claimed"] ?? 0}`];
  return [];
}

function claimsText(account: string, claims: readonly Claims[]): string {
  const sum = claims.reduce((total, each) => total + each.sum, 0n);
  const count = claims.reduce((total, each) => total + each.claims, 0);
  return `${counted(count, "claim")} of ${displayAmount(sum.toString())} in ${counted(claims.length, "session")} of ${account}`;
}

/** The files of sessions: each voucher has the agent's signature, and the sums add up. */
async function checkSessions(context: Context): Promise<Outcome<string[]>> {
  const kept = keptSessions(context);
  if (!kept.ok) return kept;
  const problems = kept.data.unreadable.map((each) => each.problem);
  for (const session of kept.data.sessions) {
    const found = await problemsOfSession(context, session);
    if (!found.ok) return found;
    problems.push(...found.data.map((each) => `session ${session.shortCode}: ${each}`));
  }
  return succeed(problems);
}

function debitText(account: string, { seq, value, counterparty, at, transaction }: Entry): string {
  const when = formatTimestamp(Number(at));
  return `the ledger has a debit that the log does not know: ${displayAmount(value)} to ${counterparty} at ${when}, transaction ${transaction} (entry ${seq} of ${account}); its lines were cut out, or another machine paid`;
}

/** The log's last entry about each payment, if it says settled or revoked. Other entries claim nothing about the ledger. */
function lastWordPerPayment({ entries }: AuditLog): AuditEntry[] {
  const last = new Map<string, AuditEntry>();
  for (const entry of entries) {
    const { nonce } = entry.facts;
    if (nonce !== undefined && last.get(nonce)?.event !== "settled") last.set(nonce, entry);
  }
  return [...last.values()].filter(({ event, facts }) => facts["from"] !== undefined && ["settled", "revoked"].includes(event));
}

/** `known: false`: the ledger has forgotten the payment. `other`: it is another ledger, whose answer says nothing. */
type AtTheLedger = { other: string } | { known: false } | { known: true; problems: string[] };

async function atTheLedger(context: Context, input: FacilitatorInput, { seq, event, facts }: AuditEntry): Promise<Outcome<AtTheLedger>> {
  const { network = NETWORK, from = "", nonce, accountNonce, validBefore = "0", ledger, transaction } = facts;
  if (!parseAccountId(from).ok) return succeed({ known: false });
  // On the chain itself a payment is known by its message hash, and a nonce is the account's.
  const [key, more] = isNativeNetwork(network) ? [accountNonce ?? "", `h=${nonce}`] : [nonce, `validBefore=${validBefore}`];
  const path = `/settlements/${encodeURIComponent(network)}/${from}/${key}?${more}`;
  const answer = await callFacilitator(context, input, { path, answer: answerSchema });
  if (!answer.ok) return answer;
  const { status } = answer.data;
  const other = otherLedger(answer.data.ledger, ledger);
  if (other) return succeed({ other });
  if (status === "unknown") return succeed({ known: false });
  const differs = (problem: string) => succeed({ known: true as const, problems: [problem] });
  if (event === "revoked" && status === "settled") return differs(`entry ${seq} says revoked, the ledger says settled`);
  if (event === "revoked") return succeed({ known: true, problems: [] });
  if (status !== "settled") return differs(`entry ${seq} says settled, the ledger says ${status}`);
  if (answer.data.transaction !== transaction) return differs(`entry ${seq} names another transaction than the ledger`);
  const { charged } = answer.data;
  if (charged !== undefined && facts["charged"] !== undefined && facts["charged"] !== charged)
    return differs(`entry ${seq} says that ${facts["charged"]} units were charged, the ledger says ${charged}`);
  return succeed({ known: true, problems: [] });
}
