/** Evidence of a call that a session paid holds as it was made, and not with one member of it changed: what is wrong is named. */

import { beforeAll, describe, expect, test } from "vitest";
import { CalledSession } from "../../scripts/called-session.ts";
import { keysFor } from "../../test/evidence.ts";
import { change, leaves } from "../../test/fields.ts";
import {
  agent,
  LEDGER,
  merchant,
  NOW,
  owner,
  receiver,
  REQUEST,
  SESSION_MANDATE,
  sessionOffer,
  sessionRequest,
  stranger,
} from "../../test/fixtures.ts";
import { signCheckpoint } from "../../workers/ledger-do/sign-checkpoint.ts";
import { utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { checkpointOf } from "../ledger/checkpoint.ts";
import { entryHash, type JournalEntry } from "../ledger/journal.ts";
import type { Amount } from "../protocol/amount.ts";
import { signClaim } from "../protocol/claim.ts";
import { type Mandate, signMandate } from "../protocol/mandate.ts";
import { signSession } from "../protocol/session.ts";
import { signVoucher, voucherDigest } from "../protocol/voucher.ts";
import type { CallEvidence } from "./call-evidence.ts";
import type { EvidencePoint } from "./check.ts";
import type { KnownKeys } from "./keys.ts";
import { serializeEvidence } from "./serialize.ts";
import { CALL_CHECKS, type EvidenceReport, verifyEvidence } from "./verify.ts";

/** As `keysFor` knows it. */
const CHECKPOINT_KEY = "5b".repeat(32);

const MANDATE: Mandate = {
  ...SESSION_MANDATE,
  total: "5000000" as Amount,
  period: { seconds: "3600", amount: "1000000" as Amount, count: "3" },
};

/** The first and the last of three calls that the owner's session paid, before and after the claim; one of a session within a mandate. */
let promised: CallEvidence;
let first: CallEvidence;
let last: CallEvidence;
let within: CallEvidence;
/** A call that was charged less than its price. */
let cheaper: CallEvidence;
let keys: KnownKeys;

beforeAll(async () => {
  const story = { ledger: LEDGER, request: await sessionRequest(), owner, agent, receiver, now: NOW, checkpointKey: CHECKPOINT_KEY };
  const call = (session: CalledSession, charged?: Amount) => session.call(REQUEST, sessionOffer(), charged);
  const own = await CalledSession.open(story);
  const calls = [await call(own), await call(own), await call(own)];
  [promised = await call(own)] = calls;
  [first = promised, , last = promised] = await own.claimed(calls, NOW + 300);
  const mandated = await CalledSession.open({ ...story, mandate: await signMandate(MANDATE, owner) });
  [within = promised] = await mandated.claimed([await call(mandated), await call(mandated)], NOW + 300);
  const metered = await CalledSession.open(story);
  [cheaper = promised] = await metered.claimed([await call(metered, "400" as Amount)], NOW + 300);
  keys = await keysFor({ request: story.request });
});

/** With its members in the order of the one spelling. */
const spelled = (evidence: CallEvidence) => JSON.parse(new TextDecoder().decode(serializeEvidence(evidence))) as CallEvidence;
const verifyChanged = (file: CallEvidence, path: string, after: unknown) =>
  verifyEvidence(utf8(`${JSON.stringify(change(spelled(file), path, after), null, 2)}\n`), keys);
const verify = (evidence: CallEvidence, known = keys, options = {}) => verifyEvidence(serializeEvidence(evidence), known, options);
const of = ({ points }: EvidenceReport, verdict: EvidencePoint["verdict"]) => points.filter((point) => point.verdict === verdict);
const idsOf = (report: EvidenceReport, verdict: EvidencePoint["verdict"]) => of(report, verdict).map(({ id }) => id);

describe("genuine evidence of a call", () => {
  test.each<[string, () => CallEvidence, "payer" | "agent"]>([
    ["whose claim names a later voucher", () => first, "payer"],
    ["whose claim names its own voucher", () => last, "payer"],
    ["of a session within a mandate", () => within, "agent"],
  ])("%s is verified, point by point [evidence-call]", async (_, evidence, signer) => {
    const report = await verify(evidence());
    expect(of(report, "pass")).toEqual(report.points);
    expect(report).toMatchObject({ verdict: "verified", evidence: evidence() });
    const checks = CALL_CHECKS.filter((check) => (check.signer ?? signer) === signer);
    expect(report.points.map(({ id }) => id)).toEqual(["file.read", "file.spelling", ...checks.map(({ id }) => id)]);
  });

  test("before the claim says nothing of money that moved, whatever may be missing [evidence-call-promised]", async () => {
    const report = await verify(promised);
    expect(report.verdict).toBe("incomplete");
    expect(of(report, "unchecked").every(({ id, because }) => /^(claim|ledger)\./.test(id) && because === "absent")).toBe(true);
    expect(await verify(promised, keys, { partial: true })).toMatchObject({ verdict: "incomplete" });
  });

  test("that lacks the ledger's part, the request or the voucher that the claim names is not verified, unless that is allowed", async () => {
    const { ledger: _, ...unattested } = first;
    const { request: __, ...unasked } = first;
    const uncovered = { ...first, claim: first.claim && { claim: first.claim.claim, signature: first.claim.signature } };
    for (const evidence of [unattested, unasked, uncovered]) {
      expect(await verify(evidence)).toMatchObject({ verdict: "incomplete" });
      expect(await verify(evidence, keys, { partial: true })).toMatchObject({ verdict: "verified" });
    }
    expect(idsOf(await verify(uncovered), "unchecked")).toEqual(["claim.voucher"]);
  });

  test("that was charged less than its price is worth a warning", async () => {
    expect(idsOf(await verify(cheaper), "warn")).toEqual(["claim.call"]);
  });

  test.each<[keyof KnownKeys, string[]]>([
    ["agents", ["request.agent-known"]],
    ["owners", ["session.owner-known"]],
    ["ledgers", ["ledger.key-known"]],
  ])("is not verified without the %s", async (which, ids) => {
    const { [which]: _, ...rest } = keys;
    expect(idsOf(await verify(first, rest), "unchecked")).toEqual(ids);
  });
});

describe("what was signed by the wrong key, or says another thing, is named by its point", () => {
  /** The file with another claim, signed by the session's receiver or another key. */
  async function claiming(changes: object, signer = receiver): Promise<CallEvidence> {
    const claim = { ...(first.claim?.claim as NonNullable<CallEvidence["claim"]>["claim"]), ...changes };
    return { ...first, claim: { ...first.claim, claim, signature: await signClaim(claim, signer) } };
  }
  async function vouching(changes: object, signer = agent): Promise<CallEvidence> {
    return { ...first, voucher: await signVoucher({ ...first.voucher.voucher, ...changes }, signer) };
  }
  async function opening(changes: object, signer = owner): Promise<CallEvidence> {
    const channelConfig = { ...first.session.channelConfig, ...changes };
    return { ...first, session: { channelConfig, ...(await signSession(channelConfig, signer)) } };
  }
  const laneOf = (changes: object) => ({ lanes: [{ ...first.claim?.claim.lanes[0], ...changes }] });

  test.each<[string, () => Promise<CallEvidence>, string[]]>([
    ["a session that a stranger signed", () => opening({}, stranger), ["session.signature"]],
    [
      "a session over another sum than was asked for",
      () => opening({ deposit: "999999" }),
      ["voucher.session", "session.terms", "claim.session"],
    ],
    ["a voucher that the owner signed", () => vouching({}, owner), ["voucher.signature"]],
    ["a voucher of another session", () => vouching({ session: "1d".repeat(32) }), ["voucher.session"]],
    ["a voucher for another call", () => vouching({ binding: "1d".repeat(32) }), ["call.binding"]],
    ["a voucher below the price", () => vouching({ maxClaimableAmount: "9999" }), ["voucher.sum"]],
    ["a voucher above the deposit", () => vouching({ maxClaimableAmount: "1000001" }), ["voucher.sum"]],
    ["a claim that the payee's account signed", () => claiming({}, merchant), ["claim.signature"]],
    ["a claim of another session", () => claiming({ session: "1d".repeat(32) }), ["claim.session"]],
    ["a claim on another ledger", () => claiming({ ledger: "1d".repeat(32) }), ["claim.session"]],
    ["a claim of another lane", () => claiming(laneOf({ lane: "1a".repeat(16) })), ["claim.voucher", "ledger.entry"]],
    ["a claim above its voucher", () => claiming(laneOf({ amount: "30001" })), ["claim.voucher", "ledger.entry"]],
    ["a claim by another voucher", () => claiming(laneOf({ voucher: "1d".repeat(32) })), ["claim.voucher", "ledger.entry"]],
    [
      "a claim by the call's own voucher, with another beside it",
      () => claiming(laneOf({ voucher: voucherDigest(first.voucher.voucher), amount: "10000" })),
      ["claim.voucher", "ledger.entry"],
    ],
    ["another claim's entry", async () => ({ ...first, ledger: within.ledger }), ["ledger.entry"]],
    ["a part of the ledger's without a claim", async () => ({ ...promised, ledger: { ...within.ledger } as never }), []],
  ])("%s", async (_, evidence, failed) => {
    expect(idsOf(await verify(await evidence()), "fail").toSorted()).toEqual(failed.toSorted());
  });
});

describe("an entry that the ledger signed, and that is not this claim's, is named", () => {
  /** The claim's debit with other members, under the ledger's own signature. */
  async function booked(changes: Partial<JournalEntry>, attestedAt = NOW + 360): Promise<CallEvidence> {
    const [genuine] = first.ledger?.entries ?? [];
    const { hash: _, ...body } = { ...(genuine as JournalEntry), ...changes };
    const entry = { ...body, hash: entryHash(body) };
    const checkpoint = { ...checkpointOf(LEDGER, entry, attestedAt), at: String(attestedAt) };
    const book = { entries: [entry], checkpoint: await signCheckpoint(checkpoint, CHECKPOINT_KEY) };
    return { ...first, ledger: book as NonNullable<CallEvidence["ledger"]> };
  }
  const other = "1d".repeat(32) as Digest;
  const end = NOW + 86_400 + 900;

  test.each<[string, Partial<JournalEntry>, failed: string[], warned: string[]]>([
    ["nothing changed", {}, [], []],
    ["another session", { session: other }, ["ledger.entry"], []],
    ["another cause", { cause: "refund" }, ["ledger.entry"], []],
    ["a mandate", { mandate: other }, ["ledger.entry"], []],
    ["more than the claim takes", { value: "30001" }, ["ledger.entry"], []],
    ["written before the session", { at: String(NOW - 31) }, ["ledger.time"], []],
    ["written after the session's end", { at: String(end + 1) }, [], ["ledger.time"]],
  ])("%s", async (_, changes, failed, warned) => {
    const report = await verify(await booked(changes, end + 10));
    expect([idsOf(report, "fail"), idsOf(report, "warn")]).toEqual([failed, warned]);
  });

  test("attested before it was written", async () => {
    expect(idsOf(await verify(await booked({}, NOW)), "fail")).toEqual(["ledger.time"]);
  });
});

/** Another value of the same kind. */
function another(path: string, value: string): string {
  if (path.endsWith("version")) return value === "1" ? "2" : "1";
  if (path.endsWith(".kind")) return "credit";
  if (path.endsWith(".cause")) return "transfer";
  if (path.endsWith(".final")) return "yes";
  if (path.includes(".schemes.")) return value === "upto" ? "exact" : "upto";
  if (path.endsWith(".network") || path.endsWith(".asset")) return `${value}x`;
  if (path.endsWith(".method")) return "POST";
  if (/\.(from|to|account|counterparty|payTo|payees\.0)$/.test(path)) return stranger.account;
  if (path.endsWith(".offer")) return value.replace('"10000"', '"10001"');
  if (path.endsWith(".origin") || path.includes(".origins.")) return "https://other.example.com";
  if (path.endsWith(".lane")) return "1a".repeat(16);
  if (/^[0-9a-f]{64,128}$/.test(value)) return (value.startsWith("0") ? "1" : "0") + value.slice(1);
  if (/^[0-9]+$/.test(value)) return String(BigInt(value) + 1n);
  if (value.endsWith("Z")) return value.replace(/:(\d)\dZ$/, ":$107Z");
  return `${value}x`;
}

const related = (a: string, b: string) => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

test.each<[string, () => CallEvidence]>([
  ["the owner's session", () => first],
  ["a session within a mandate", () => within],
])(
  "every member under %s, changed to another value of its kind, is named, and no innocent one is [evidence-call-members]",
  async (_, file) => {
    const wrong = [];
    for (const path of leaves(file())) {
      const before = path.split(".").reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], file()) as string;
      const after = another(path, before);
      expect([path, after]).not.toEqual([path, before]);
      const report = await verifyChanged(file(), path, after);
      const failed = of(report, "fail");
      if (failed.length === 0 || !failed.every(({ about }) => about !== "" && related(about, path)))
        wrong.push({ path, after, failed: failed.map(({ id, about, saw }) => [id, about, saw]) });
    }
    expect(wrong).toEqual([]);
  },
);

test("every member that may be absent is missed when it is, where something is signed over it", async () => {
  for (const path of [
    "session.channelConfig.requestDigest",
    "session.channelConfig.mandate",
    "session.mandate",
    "session.mandate.mandate.period",
    "voucher.voucher.binding",
    "ledger.entries.0.session",
    "ledger.entries.0.cause",
    "ledger.entries.0.mandate",
    "ledger.entries.0.requestDigest",
  ]) {
    const report = await verifyChanged(within, path, undefined);
    const strangers = of(report, "fail").filter(({ about }) => !related(about, path));
    expect([path, strangers, report.verdict]).toEqual([path, [], "differs"]);
  }
});

test("a member that a call's evidence does not have makes the file unreadable", async () => {
  for (const added of ["payment", "receipt", "refunds"]) {
    const report = await verifyEvidence(utf8(`${JSON.stringify({ ...first, [added]: {} }, null, 2)}\n`), keys);
    expect(of(report, "fail")).toMatchObject([{ id: "file.read", about: added }]);
  }
});
