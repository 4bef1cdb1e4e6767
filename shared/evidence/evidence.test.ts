/** Evidence holds as it was made, and not with one byte of it changed: what is wrong is named, and nothing else is. */

import { beforeAll, describe, expect, test } from "vitest";
import { debitOf, keysFor, orderOf, Shop, statement } from "../../test/evidence.ts";
import { leaves, change } from "../../test/fields.ts";
import {
  agent,
  approve,
  LEDGER,
  MANDATE,
  merchant,
  NOW,
  offerOf,
  owner,
  paymentRequest,
  REFUND_MANDATE,
  REQUEST,
  signedUnder,
  stranger,
  underMandate,
} from "../../test/fixtures.ts";
import { utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { offerPayload, receiptPayload, signedOffers } from "../extensions/offer-receipt.ts";
import { offerSignatures } from "../extensions/offer-signatures.ts";
import { NETWORK, UPTO } from "../lez.ts";
import { MAX_EVIDENCE_BYTES, MAX_EVIDENCE_ENTRIES } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../protocol/authorization.ts";
import { type Mandate, mandateDigest, type SignedMandate, signMandate } from "../protocol/mandate.ts";
import { requestDigest } from "../protocol/payment-request.ts";
import { type Refund, type SignedRefund, signRefund } from "../protocol/refund.ts";
import type { SettleResponse } from "../x402/x402.ts";
import type { EvidencePoint } from "./check.ts";
import type { Evidence } from "./evidence.ts";
import type { KnownKeys } from "./keys.ts";
import { serializeEvidence } from "./serialize.ts";
import { EVIDENCE_CHECKS, type EvidenceReport, verifyEvidence } from "./verify.ts";

const REASON = "The report – “Größe” and all – answers question 3 of the brief. \u{1F4C8}";

let one: Evidence;
let other: Evidence;
let long: Evidence;
let within: Evidence;
let metered: Evidence;
let free: Evidence;
/** Paid by the owner, given back in two parts; paid within a mandate, given back whole under the merchant's own. */
let parted: Evidence;
let returned: Evidence;
let keys: KnownKeys;
beforeAll(async () => {
  const shop = new Shop();
  one = await shop.buy({ reason: REASON });
  other = await shop.buy({ reason: "Another question of the brief needs the same report again." });
  long = await shop.buy({}, 3);
  within = await shop.buy({ reason: REASON }, 0, MANDATE);
  metered = await shop.buy({ reason: REASON }, 0, undefined, { offer: PER_TOKEN, amount: "1858" as Amount, usage: tokens("929") });
  free = await shop.buy({ reason: REASON }, 0, undefined, { offer: PER_TOKEN, amount: "0", usage: tokens("0") });
  parted = await shop.refund(await shop.buy({ reason: REASON }), ["2500", "7500"]);
  returned = await shop.refund(await shop.buy({ reason: REASON }, 0, MANDATE), ["10000"], REFUND_MANDATE);
  keys = await keysFor(one);
});

type RefundPart = NonNullable<Evidence["refunds"]>[number];
const PER_TOKEN = offerOf({ scheme: UPTO, extra: { ...offerOf().extra, unit: "token", unitPrice: "2" } });
const tokens = (quantity: string, price = "2") => [{ unit: "token", quantity, price }];
/** What a merchant says that it charged for the metered payment. */
function settledAs(amount: string): SettleResponse {
  const { from: payer } = metered.payment.authorization;
  const transaction = transactionOf(NETWORK, authorizationDigest(metered.payment.authorization));
  return { success: true, network: NETWORK, payer, transaction, amount };
}
async function receiptSaying(amount: string, quantity: string, price?: string): Promise<Partial<Evidence>> {
  const said = { ...settledAs(amount), extra: { usage: tokens(quantity, price) } };
  return { receipt: await statement(receiptPayload(REQUEST.url, said, NOW + 6, UPTO)) };
}

const verify = (evidence: Evidence, known = keys, options = {}) => verifyEvidence(serializeEvidence(evidence), known, options);
/** The same evidence in another tool's spelling. */
const verifyText = (text: string) => verifyEvidence(utf8(text), keys);
const of = ({ points }: EvidenceReport, verdict: EvidencePoint["verdict"]) => points.filter((point) => point.verdict === verdict);
const idsOf = (report: EvidenceReport, verdict: EvidencePoint["verdict"]) => of(report, verdict).map(({ id }) => id);

/** One member lies in the other, or is it. */
const related = (a: string, b: string) => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);
/** Whether a point names this member: of one in a mandate it names the mandate, not the payment or the refund that it lies in. */
const names = (about: string, path: string) => related(about, path) && about.startsWith(/^(.*?\.mandate)\./.exec(path)?.[1] ?? "");

describe("genuine evidence", () => {
  test("is verified, point by point, with the keys", async () => {
    const report = await verify(one);
    expect(of(report, "fail")).toEqual([]);
    expect(report).toMatchObject({ verdict: "verified", evidence: one });
    const checks = EVIDENCE_CHECKS.filter(({ signer, scheme, refunded }) => signer !== "agent" && scheme !== "upto" && !refunded);
    expect(report.points.map(({ id }) => id)).toEqual(["file.read", "file.spelling", ...checks.map(({ id }) => id)]);
  });

  test("of a payment under a mandate is verified from the owner's grant to the receipt [evidence-mandate]", async () => {
    const report = await verify(within);
    expect(of(report, "pass")).toEqual(report.points);
    expect(report).toMatchObject({ verdict: "verified", evidence: within });
    // No point says that the owner's key signed the payment.
    const checks = EVIDENCE_CHECKS.filter(({ signer, scheme, refunded }) => signer !== "payer" && scheme !== "upto" && !refunded);
    expect(report.points.map(({ id }) => id)).toEqual(["file.read", "file.spelling", ...checks.map(({ id }) => id)]);
    expect(within.ledger?.entries[0]?.mandate).toBe(mandateDigest(MANDATE));
    expect((await verify(within, { ...keys, owners: [] })).verdict).toBe("incomplete");
  });

  test("of a charge below what was signed is verified with its usage, and says what was paid [evidence-upto]", async () => {
    const report = await verify(metered);
    expect(report).toMatchObject({ verdict: "verified", evidence: metered });
    expect(of(report, "pass")).toEqual(report.points);
    expect(report.points.find(({ id }) => id === "receipt.charge")).toMatchObject({ saw: "1858 of at most 10000 units" });
    expect(metered.ledger?.entries[0]?.value).toBe("1858");
  });

  test.each<[what: string, change: () => Promise<Partial<Evidence>>, failed: string[]]>([
    ["a charge above what was signed", () => receiptSaying("10002", "5001"), ["receipt.charge", "ledger.entry"]],
    ["another charge than the ledger's", () => receiptSaying("1860", "930"), ["ledger.entry"]],
    ["usage that comes to another sum", () => receiptSaying("1858", "928"), ["receipt.charge"]],
    ["another price than the offered one", () => receiptSaying("1858", "1858", "1"), ["receipt.charge"]],
    [
      "no charge at all",
      async () => ({ receipt: await statement(receiptPayload(REQUEST.url, settledAs("1858"), NOW + 6)) }),
      ["receipt.charge"],
    ],
    [
      "no receipt, and a debit above what was signed",
      async () => ({
        receipt: undefined,
        ledger: await debitOf(metered.payment.authorization, NOW + 5, NOW + 60, LEDGER, undefined, "10001" as Amount),
      }),
      ["ledger.entry"],
    ],
  ])("of %s is none", async (_what, changed, failed) => {
    expect(idsOf(await verify({ ...metered, ...(await changed()) }), "fail")).toEqual(failed);
  });

  test("of a charge of nothing has no entry, and says so [evidence-uncharged]", async () => {
    expect(free.ledger).toBeUndefined();
    const report = await verify(free);
    expect(of(report, "pass")).toEqual(report.points);
    expect(report).toMatchObject({ verdict: "verified", evidence: free });
    expect(report.points.filter(({ id }) => id.startsWith("ledger."))).toEqual([expect.objectContaining({ id: "ledger.none" })]);
    // It is the merchant's word, so it takes the merchant's key.
    expect(await verify(free, { ...keys, merchants: {} })).toMatchObject({ verdict: "incomplete" });
    const { receipt: _, ...silent } = free;
    expect(idsOf(await verify(silent), "unchecked")).toContain("ledger.entry");
    // A debit beside it contradicts it.
    expect(idsOf(await verify({ ...free, ledger: metered.ledger }), "fail")).toContain("ledger.entry");
    // Nor is a payment of exact free because a merchant says so.
    const said = { ...settledAs("0"), transaction: transactionOf(NETWORK, authorizationDigest(one.payment.authorization)) };
    const { ledger: __, ...paid } = one;
    const receipt = await statement(receiptPayload(REQUEST.url, said, NOW + 6, UPTO));
    expect(await verify({ ...paid, receipt })).toMatchObject({ verdict: "incomplete" });
  });

  test("of a receipt without the usage that the offer's unit price promises is worth a warning", async () => {
    const receipt = await statement(receiptPayload(REQUEST.url, settledAs("1858"), NOW + 6, UPTO));
    expect(idsOf(await verify({ ...metered, receipt }), "warn")).toEqual(["receipt.charge"]);
  });

  test("of a payment that was given back is verified with each refund, its mandate and both accounts [evidence-refund]", async () => {
    for (const [file, seen] of [
      [parted, "10000 of 10000 units"],
      [returned, "10000 of 10000 units"],
    ] as const) {
      const report = await verify(file);
      expect(of(report, "pass")).toEqual(report.points);
      expect(report).toMatchObject({ verdict: "verified", evidence: file });
      expect(report.points.filter(({ id }) => id.startsWith("refund.")).map(({ id }) => id)).toEqual(
        EVIDENCE_CHECKS.filter(({ refunded }) => refunded).map(({ id }) => id),
      );
      expect(report.points.find(({ id }) => id === "refund.sum")?.saw).toBe(seen);
    }
    expect(parted.refunds).toHaveLength(2);
    expect(returned.refunds?.[0]?.signed.mandate?.mandate).toEqual(REFUND_MANDATE);
  });

  test("needs one account's book of a refund, and no more, and the ledger's key", async () => {
    const [first, second] = parted.refunds ?? [];
    if (!first || !second) throw new Error("no refunds");
    const { received: _, ...given } = first;
    const { given: __, ...received } = second;
    expect(await verify({ ...parted, refunds: [given, received] })).toMatchObject({ verdict: "verified" });
    const bare = { ...parted, refunds: [first, { signed: second.signed }] };
    const report = await verify(bare);
    expect(report.verdict).toBe("incomplete");
    expect(of(report, "unchecked").map(({ id, because }) => [id, because])).toEqual(
      ["entry", "chain", "head", "attested", "key-known", "id", "time"].map((id) => [`refund.${id}`, "absent"]),
    );
    expect(await verify(bare, keys, { partial: true })).toMatchObject({ verdict: "verified" });
    expect(idsOf(await verify(parted, { ...keys, ledgers: {} }), "unchecked")).toContain("refund.key-known");
  });

  test("is verified under a checkpoint further down the chain", async () => {
    expect(long.ledger?.entries).toHaveLength(4);
    expect(await verify(long)).toMatchObject({ verdict: "verified" });
  });

  test.each<[keyof KnownKeys, string[]]>([
    ["agents", ["request.agent-known"]],
    ["owners", ["payment.owner-known"]],
    ["merchants", ["offer.signature", "receipt.signature"]],
    ["ledgers", ["ledger.key-known"]],
  ])("is not verified without the %s: a key in the file vouches for no one [evidence-no-key-from-file]", async (which, ids) => {
    const { [which]: _, ...rest } = keys;
    const report = await verify(one, rest);
    expect(report.verdict).toBe("incomplete");
    expect(of(report, "unchecked").map(({ id, because }) => [id, because])).toEqual(ids.map((id) => [id, "unknown_key"]));
  });

  test("that lacks a part is not verified, unless that is allowed", async () => {
    for (const part of ["offer", "receipt", "ledger"] as const) {
      const { [part]: _, ...rest } = one;
      const report = await verify(rest);
      expect([
        part,
        report.verdict,
        of(report, "unchecked").every(({ id, because }) => id.startsWith(part) && because === "absent"),
      ]).toEqual([part, "incomplete", true]);
      expect(await verify(rest, keys, { partial: true })).toMatchObject({ verdict: "verified" });
      expect(await verify(rest, {}, { partial: true })).toMatchObject({ verdict: "incomplete" });
    }
    const { receipt: _, ledger: __, ...approval } = one;
    expect(await verify(approval, keys, { partial: true })).toMatchObject({ verdict: "incomplete" });
  });
});

/** The member that a line of the file is about; of a line that only closes one, that one. */
function paths(text: string): string[] {
  const open: string[] = [];
  const counts: number[] = [];
  return text.split("\n").map((line) => {
    const [, key, rest = ""] = /^ *(?:"(\w+)": )?(.*?),?$/.exec(line) ?? [];
    if (/^[}\]]$/.test(rest)) {
      counts.pop();
      const path = open.filter(Boolean).join(".");
      open.pop();
      return path;
    }
    const name = key ?? (counts.length > 0 ? String(counts[counts.length - 1] ?? 0) : "");
    if (key === undefined && counts.length > 0) counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    const path = [...open, name].filter(Boolean).join(".");
    if (/^[{[]$/.test(rest)) {
      open.push(name);
      counts.push(0);
    }
    return path;
  });
}

const every = (length: number, stride: number) => Array.from({ length: Math.floor(length / stride) }, (_, i) => i * stride);

describe("every changed byte", () => {
  /** Fails, and names the member of the byte's line, or a byte from there to the end of the next line. */
  async function expectNamed(changed: Uint8Array, byte: number, text: string, members: string[]) {
    const report = await verifyEvidence(changed, keys);
    const lines = text.split("\n");
    const line = new TextDecoder().decode(utf8(text).subarray(0, byte)).split("\n").length - 1;
    const end = utf8(lines.slice(0, line + 2).join("\n")).length + 1;
    const failed = of(report, "fail");
    const member = members[line] ?? "";
    const parent = member.replace(/\.?[^.]*$/, "");
    const named = failed.map(({ about, saw }) => {
      const at = /^byte (\d+)/.exec(saw)?.[1];
      if (at !== undefined) return Number(at) > byte - 4 && Number(at) <= end; // a character has up to four bytes
      // Where a name was changed, the member that has it now, or the one that is missing, lies in the same parent.
      return related(about, member) || about.replace(/\.?[^.]*$/, "") === parent;
    });
    if (report.verdict === "differs" && named.length > 0 && named.every(Boolean)) return undefined;
    return { byte, line: lines[line], member, failed: failed.map(({ id, about, saw }) => ({ id, about, saw })) };
  }

  /** A file's bytes, and which of them to change: of a payment under a mandate those of the payment, for the others are as they were. */
  const FILES = {
    "an approval": () => ({ evidence: one, from: 0, to: Infinity, stride: 7 }),
    "a mandate": () => {
      const text = new TextDecoder().decode(serializeEvidence(within));
      const at = (member: string) => utf8(text.slice(0, text.indexOf(`\n  "${member}"`))).length;
      return { evidence: within, from: at("payment"), to: at("offer"), stride: 7 };
    },
    "a refund": () => {
      const text = new TextDecoder().decode(serializeEvidence(returned));
      // Its books are spelled as the ledger's part: a tenth of the bytes is enough here. With STRIDE=1 each.
      return { evidence: returned, from: utf8(text.slice(0, text.indexOf('\n  "refunds"'))).length, to: Infinity, stride: 11 };
    },
    "a charge": () => {
      const text = new TextDecoder().decode(serializeEvidence(metered));
      const from = utf8(text.slice(0, text.indexOf('"kind": "debit"'))).length;
      return { evidence: metered, from, to: from + 160, stride: 7 }; // payee, charge and balance
    },
  };
  const NAMES = Object.keys(FILES) as (keyof typeof FILES)[];

  test.each(NAMES)(
    "of a payment under %s is found, and named by member or by place: replaced",
    async (name) => {
      const { evidence, from, to, stride } = FILES[name]();
      const bytes = serializeEvidence(evidence);
      const text = new TextDecoder().decode(bytes);
      const members = paths(text);
      // Every seventh. With STRIDE=1 each of all.
      const places = every(bytes.length, Number(process.env["STRIDE"] ?? stride)).filter((byte) => byte >= from && byte < to);
      const wrong = await Promise.all(places.map((byte) => expectNamed(bytes.with(byte, (bytes[byte] ?? 0) ^ 1), byte, text, members)));
      expect(wrong.filter(Boolean)).toEqual([]);
    },
    60_000,
  );

  test.each(NAMES)(
    "of a payment under %s is found, and named: taken away, put in",
    async (name) => {
      const { evidence, from, to, stride } = FILES[name]();
      const bytes = serializeEvidence(evidence);
      const text = new TextDecoder().decode(bytes);
      const members = paths(text);
      const places = every(bytes.length, 4 * Number(process.env["STRIDE"] ?? stride) - 1).filter((byte) => byte >= from && byte < to);
      const without = (byte: number) => new Uint8Array([...bytes.subarray(0, byte), ...bytes.subarray(byte + 1)]);
      const more = (byte: number) => new Uint8Array([...bytes.subarray(0, byte), 0x20, ...bytes.subarray(byte)]);
      const wrong = await Promise.all(
        places.flatMap((byte) => [expectNamed(without(byte), byte, text, members), expectNamed(more(byte), byte, text, members)]),
      );
      expect(wrong.filter(Boolean)).toEqual([]);
    },
    60_000,
  );

  test("is found at the end, too", async () => {
    const text = new TextDecoder().decode(serializeEvidence(one));
    for (const changed of [text.slice(0, -1), `${text}\n`, `${text} `, text.slice(0, -3), `\u{FEFF}${text}`]) {
      expect((await verifyText(changed)).verdict).toBe("differs");
    }
  });
});

/** Another value of the same kind: as good as the one that stands there, for all that its shape says. */
function another(path: string, value: string): string {
  if (path.endsWith("version")) return "2";
  if (path.endsWith(".kind")) return value === "credit" ? "debit" : "credit";
  if (path.endsWith(".cause")) return "transfer";
  if (path.endsWith(".reason") && path.startsWith("refunds.")) return "other";
  if (path.includes(".schemes.")) return value === "upto" ? "exact" : "upto";
  if (path.endsWith(".scheme") || path.endsWith(".network") || path.endsWith(".asset")) return `${value}x`;
  if (path.endsWith(".method")) return "POST";
  if (/\.(from|to|account|counterparty|payTo|payees\.0)$/.test(path)) return stranger.account === value ? owner.account : stranger.account;
  if (path.endsWith(".offer")) return value.replace('"10000"', '"10001"');
  if (path === "offer.signature" || path === "receipt.signature") {
    const [head = "", body = "", seal = ""] = value.split(".");
    return [head, body, `${seal.startsWith("A") ? "B" : "A"}${seal.slice(1)}`].join(".");
  }
  if (/^[0-9a-f]{64,128}$/.test(value)) return (value.startsWith("0") ? "1" : "0") + value.slice(1);
  if (/^[0-9]+$/.test(value)) return String(BigInt(value) + 1n);
  if (value.endsWith("Z")) return value.replace(/:(\d)\dZ$/, ":$107Z");
  return value.startsWith("http") ? `${value}x` : `${value} `.trim() + "x";
}

test.each<[string, () => Evidence]>([
  ["an approval", () => long],
  ["a mandate", () => within],
  ["refunds in two parts", () => parted],
  ["a refund under a mandate", () => returned],
])(
  "every member under %s, changed to another value of its kind, is named, and no innocent one is [evidence-every-member]",
  async (_, file) => {
    const wrong = [];
    for (const path of leaves(file())) {
      const before = path.split(".").reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], file()) as string;
      const after = another(path, before);
      expect([path, after]).not.toEqual([path, before]);
      const changed = change(file(), path, after);
      const failed = of(await verifyText(`${JSON.stringify(changed, null, 2)}\n`), "fail");
      if (failed.length === 0 || !failed.every(({ about }) => about !== "" && names(about, path)))
        wrong.push({ path, after, failed: failed.map(({ id, about, saw }) => [id, about, saw]) });
    }
    expect(wrong).toEqual([]);
  },
);

test("every member that may be absent is missed when it is, where something is signed over it", async () => {
  for (const path of [
    "request.agent.name",
    "payment.authorization.binding",
    "payment.authorization.ledger",
    "payment.authorization.requestDigest",
    "ledger.entries.0.requestDigest",
    "ledger.entries.0.transaction",
    "payment.mandate",
    "payment.mandate.mandate.period",
    "payment.mandate.mandate.period.count",
    "payment.authorization.mandate",
    "payment.authorization.origin",
    "ledger.entries.0.mandate",
  ]) {
    const report = await verifyText(`${JSON.stringify(change(/mandate|origin/.test(path) ? within : long, path, undefined), null, 2)}\n`);
    expect([path, of(report, "fail").every(({ about }) => related(about, path)), report.verdict]).toEqual([path, true, "differs"]);
  }
});

describe("parts of two genuine files, pasted together, do not fit: [evidence-pasted]", () => {
  const pasted = (part: keyof Evidence) => verify({ ...one, [part]: other[part] });

  test("another agent's request", async () => {
    expect(of(await pasted("request"), "fail")).toMatchObject([{ id: "request.approved", about: "payment.authorization.requestDigest" }]);
  });
  test("another payer's payment", async () => {
    const { points } = await pasted("payment");
    expect(points.filter(({ verdict }) => verdict === "fail").map(({ id, about }) => [id, about])).toEqual([
      ["request.approved", "payment.authorization.requestDigest"],
      ["ledger.entry", "ledger.entries.0.authorizationDigest"],
    ]);
  });
  test("another payment's receipt", async () => {
    expect(of(await pasted("receipt"), "fail")).toMatchObject([{ id: "receipt.terms", about: "receipt" }]);
  });
  test("another payment's entry at the ledger", async () => {
    expect(of(await pasted("ledger"), "fail")).toMatchObject([{ id: "ledger.entry", about: "ledger.entries.0.authorizationDigest" }]);
  });
  test("the entries of one and the checkpoint of the other", async () => {
    const ledger = { entries: one.ledger?.entries ?? [], checkpoint: other.ledger?.checkpoint } as NonNullable<Evidence["ledger"]>;
    expect(of(await verify({ ...one, ledger }), "fail")).toMatchObject([{ id: "ledger.head", about: "ledger.checkpoint.checkpoint.seq" }]);
  });
  test("entries in another order, doubled, or with one left out", async () => {
    const [a, b, c, d] = long.ledger?.entries ?? [];
    for (const entries of [
      [a, c, b, d],
      [a, b, b, c, d],
      [a, b, d],
      [b, c, d],
    ]) {
      const ledger = { ...long.ledger, entries } as NonNullable<Evidence["ledger"]>;
      const failed = of(await verify({ ...long, ledger }), "fail");
      expect(failed.length).toBeGreaterThan(0);
      for (const { about } of failed) expect(about).toMatch(/^ledger\.entries\.\d/);
    }
  });
});

describe("a mandate beside a payment", () => {
  const failedOf = async (evidence: Evidence) => of(await verify(evidence), "fail").map(({ id, about }) => [id, about]);
  const beside = async (mandate: Mandate, grants = owner) =>
    failedOf({ ...within, payment: { ...within.payment, mandate: await signMandate(mandate, grants) } });

  test.each<[string, Partial<Mandate>]>([
    ["of another payer", { from: stranger.account }],
    ["of another agent", { agent: stranger.publicKey }],
    ["with the same limits", { salt: "5b".repeat(32) as Digest }],
  ])("is not taken for the one that was named: genuine, and %s", async (_, changes) => {
    expect(await beside({ ...MANDATE, ...changes }, changes.from ? stranger : owner)).toEqual([["mandate.named", "payment.mandate"]]);
  });

  test("is missed, and is too much beside an approval", async () => {
    const { mandate, ...bare } = within.payment;
    expect(await failedOf({ ...within, payment: bare })).toEqual([["mandate.named", "payment.mandate"]]);
    expect(await failedOf({ ...one, payment: { ...one.payment, mandate } })).toEqual([["mandate.named", "payment.mandate"]]);
  });

  test("cannot be taken off together with its name: the agent's key is no account's that paid", async () => {
    const { authorization: named, mandate: _, ...signed } = within.payment;
    const { mandate: __, ...authorization } = named;
    expect(await failedOf({ ...within, payment: { ...signed, authorization } })).toEqual([["payment.account", "payment"]]);
  });

  test("was granted by the payer, and by no other key", async () => {
    expect(await beside(MANDATE, agent)).toEqual([["mandate.signature", "payment.mandate"]]);
  });

  test("is the one that the ledger wrote into the debit", async () => {
    const debit = async ({ payment }: Evidence, mandate?: Digest) => debitOf(payment.authorization, NOW + 5, NOW + 60, LEDGER, mandate);
    const other = [["ledger.entry", "ledger.entries.0.mandate"]];
    expect(await failedOf({ ...within, ledger: await debit(within, mandateDigest(MANDATE)) })).toEqual([]);
    expect(await failedOf({ ...within, ledger: await debit(within, "0".repeat(64) as Digest) })).toEqual(other);
    expect(await failedOf({ ...within, ledger: await debit(within) })).toEqual(other);
    expect(await failedOf({ ...one, ledger: await debit(one) })).toEqual([]);
    expect(await failedOf({ ...one, ledger: await debit(one, mandateDigest(MANDATE)) })).toEqual(other);
  });
});

describe("a payment that its mandate does not carry is named, although agent and owner signed:", () => {
  /** Of a payment that no facilitator accepted: neither receipt nor debit. */
  const failedOf = async (mandate: Partial<Mandate>, authorization: Partial<Authorization> = {}, signers = {}) => {
    const limits: Mandate = { ...MANDATE, ...mandate };
    const { request } = one;
    const payment = await signedUnder({ ...underMandate(one.payment.authorization, limits), ...authorization }, limits, signers);
    const { points } = await verify({ version: "1", request, payment }, keys, { partial: true });
    return points.filter(({ verdict }) => verdict === "fail" || verdict === "warn").map(({ id, about }) => [id, about]);
  };
  const late = String(NOW + 899);

  test.each<[string, Partial<Mandate>, string[]]>([
    ["of another payer", { from: stranger.account }, ["mandate.signature", "payment.mandate"]],
    ["for another payee", { payees: [stranger.account] }, ["mandate.covers", "payment.authorization"]],
    ["for another origin", { origins: ["https://shop.example"] }, ["mandate.covers", "payment.authorization"]],
    ["for another ledger", { ledger: "0".repeat(64) as Digest }, ["mandate.covers", "payment.authorization"]],
    ["for another scheme", { schemes: ["upto"] }, ["mandate.covers", "payment.authorization"]],
    ["that ends before the payment", { validBefore: late }, ["mandate.window", "payment.authorization"]],
    ["that was over at the payment's time", { validBefore: String(NOW - 1) }, ["mandate.window", "payment.authorization"]],
    ["that begins after it", { validAfter: String(NOW + 1) }, ["mandate.window", "payment.authorization"]],
    ["that allows less for one payment", { perPayment: "9999" as Amount }, ["mandate.per-payment", "payment.authorization.value"]],
  ])("a mandate %s", async (_, changes, named) => {
    expect(await failedOf(changes)).toContainEqual(named);
  });

  test("a mandate of another agent, whichever of the two signs", async () => {
    expect(await failedOf({ agent: stranger.publicKey })).toEqual([["mandate.agent", "payment"]]);
    expect(await failedOf({}, {}, { pays: stranger })).toEqual([["mandate.agent", "payment"]]);
    expect(await failedOf({}, {}, { pays: owner })).toEqual([["mandate.agent", "payment"]]);
    // Within its own mandate an agent may pay for what another one asked. A reader should know.
    expect(await failedOf({ agent: merchant.publicKey }, {}, { pays: merchant })).toEqual([
      ["mandate.asked", "payment.mandate.mandate.agent"],
    ]);
  });

  test("another origin than the request's, although the mandate allows any", async () => {
    expect(await failedOf({ origins: ["*"] })).toEqual([]);
    expect(await failedOf({ origins: ["*"] }, { origin: "https://shop.example" })).toEqual([
      ["payment.terms", "payment.authorization.origin"],
    ]);
  });

  test("a nonce of its own, which would let the owner's approval pay a second time", async () => {
    expect(await failedOf({}, { nonce: "0".repeat(64) as Digest })).toEqual([
      ["mandate.nonce", "payment.authorization.nonce"],
      ["payment.terms", "payment.authorization.nonce"],
    ]);
  });
});

describe("a refund beside a payment", () => {
  const failedOf = async (evidence: Evidence) => of(await verify(evidence), "fail").map(({ id, about }) => [id, about]);
  const [first, second] = [() => parted.refunds?.[0] as RefundPart, () => parted.refunds?.[1] as RefundPart];
  const signedAnew = (changes: Partial<Refund>, by = merchant, under?: SignedMandate) =>
    signRefund({ ...first().signed.refund, ...changes }, by, under);
  const beside = async (signed: Promise<SignedRefund>) => failedOf({ ...parted, refunds: [{ ...first(), signed: await signed }] });

  test("of another payment, genuine as it is, is none of this one", async () => {
    expect(await failedOf({ ...one, refunds: parted.refunds })).toEqual([["refund.payment", "refunds.0.signed.refund.transaction"]]);
  });

  test("does not count twice, and never gives back more than was paid", async () => {
    expect(await failedOf({ ...parted, refunds: [first(), first()] })).toEqual([["refund.sum", "refunds.1"]]);
    const more = { signed: await signedAnew({ amount: "2501" as Amount, id: "0".repeat(64) as Digest }) };
    expect(await failedOf({ ...parted, refunds: [second(), more] })).toEqual([["refund.sum", "refunds.1"]]);
    // Of an upto, than was charged.
    const back = { ...first().signed.refund, transaction: settledAs("1858").transaction as Digest };
    const of = async (amount: string) => ({ signed: await signRefund({ ...back, amount: amount as Amount }, merchant) });
    expect(await failedOf({ ...metered, refunds: [await of("1859")] })).toEqual([["refund.sum", "refunds.0"]]);
    expect(await failedOf({ ...metered, refunds: [await of("1858")] })).toEqual([]);
  });

  test("is the payee's order, and no other key's", async () => {
    expect(await beside(signedAnew({}, owner))).toEqual([["refund.signature", "refunds.0.signed"]]);
    expect(await beside(signedAnew({ to: stranger.account }))).toEqual([["refund.payment", "refunds.0.signed.refund.to"]]);
  });

  test.each<[string, Partial<Mandate>, Partial<Refund>, string[]]>([
    ["for payments", { schemes: ["exact"], origins: ["*"] }, {}, ["refund.mandate", "refunds.0.signed.refund"]],
    ["for other payers", { payees: [stranger.account] }, {}, ["refund.mandate", "refunds.0.signed.refund"]],
    ["that allows less", { perPayment: "2499" as Amount }, {}, ["refund.mandate", "refunds.0.signed.refund.amount"]],
    ["that was over", { validBefore: String(NOW) }, {}, ["refund.mandate", "refunds.0.signed.refund.issuedAt"]],
    ["of another payee", { from: stranger.account }, {}, ["refund.mandate", "refunds.0.signed.refund"]],
    [
      "that it does not name",
      { salt: "5b".repeat(32) as Digest },
      { mandate: mandateDigest(REFUND_MANDATE) },
      ["refund.signature", "refunds.0.signed.mandate"],
    ],
  ])("under a mandate %s is named", async (_, limits, changes, named) => {
    const granted: Mandate = { ...REFUND_MANDATE, ...limits };
    const signed = signedAnew({ mandate: mandateDigest(granted), ...changes }, agent, await signMandate(granted, merchant));
    expect(await beside(signed)).toEqual([named]);
  });

  test("is the ledger's entry on either side, by its order, in time", async () => {
    const refund = first();
    const swapped = (changes: Partial<RefundPart>) => failedOf({ ...parted, refunds: [{ ...refund, ...changes }] });
    expect(await swapped({ received: refund.given })).toEqual([["refund.entry", "refunds.0.received.entries.0.account"]]);
    expect(await swapped({ given: second().given })).toEqual([["refund.entry", "refunds.0.given.entries.0.value"]]);
    expect(await swapped({ received: parted.ledger })).toEqual([["refund.entry", "refunds.0.received.entries.0.kind"]]);
    const late = await signedAnew({ issuedAt: String(NOW + 90 - 43_300) });
    expect((await verify({ ...parted, refunds: [{ signed: late }] }, keys, { partial: true })).verdict).toBe("verified");
    // Both entries follow from another order than this one.
    expect(await swapped({ signed: late })).toEqual([["refund.entry", "refunds.0.received.entries.0.authorizationDigest"]]);
  });
});

describe("a signature with a key of the forger's own", () => {
  const MINE = "77".repeat(32);
  const own = async (changes: Partial<Evidence>) => verify({ ...one, ...changes });
  const settled = () => ({ success: true, network: NETWORK, payer: owner.account, transaction: one.ledger?.entries[0]?.transaction ?? "" });

  test("is not the merchant's receipt, nor its offer", async () => {
    const receipt = await statement(receiptPayload(REQUEST.url, settled(), NOW + 6), MINE);
    const offer = await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900), MINE);
    expect(of(await own({ receipt }), "fail")).toMatchObject([{ id: "receipt.signature", about: "receipt" }]);
    expect(of(await own({ offer }), "fail")).toMatchObject([{ id: "offer.signature", about: "offer" }]);
  });

  test("in another host's name is not this merchant's, under any key", async () => {
    const receipt = await statement(receiptPayload(REQUEST.url, settled(), NOW + 6), undefined, "did:web:evil.example.com#key");
    expect(of(await own({ receipt }), "fail")).toMatchObject([{ id: "receipt.origin", about: "receipt" }]);
  });

  test.each<[string, string, () => object]>([
    ["receipt.terms", "for another payer", () => receiptPayload(REQUEST.url, { ...settled(), payer: stranger.account }, NOW + 6)],
    ["receipt.terms", "for another resource", () => receiptPayload(`${REQUEST.url}/2`, settled(), NOW + 6)],
    ["receipt.time", "from before the approval", () => receiptPayload(REQUEST.url, settled(), NOW - 31)],
  ])("%s: the merchant's own receipt %s", async (id, _how, payload) => {
    expect(of(await own({ receipt: await statement(payload()) }), "fail")).toMatchObject([{ id, about: "receipt" }]);
  });

  test.each<[string, string, () => object]>([
    ["offer.terms", "of another amount", () => offerPayload(REQUEST.url, offerOf({ amount: "1" }), NOW + 900)],
    ["offer.terms", "to another payee", () => offerPayload(REQUEST.url, offerOf({ payTo: stranger.account }), NOW + 900)],
    ["offer.terms", "for another resource", () => offerPayload("https://merchant.example.com/", offerOf(), NOW + 900)],
  ])("%s: the merchant's own offer %s", async (id, _how, payload) => {
    expect(of(await own({ offer: await statement(payload()) }), "fail")).toMatchObject([{ id, about: "offer" }]);
  });

  test("a price that had run out when the owner said yes is a doubt, and no difference: nothing that was signed is untrue", async () => {
    const report = await own({ offer: await statement(offerPayload(REQUEST.url, offerOf(), NOW - 1)) });
    expect(of(report, "warn")).toMatchObject([{ id: "offer.time", about: "offer", saw: expect.stringContaining("signed after that") }]);
    expect(report.verdict).toBe("verified");
  });

  test.each(["did:web:Merchant.Example.com#key", "#key"])("as %s, in which a client reads the host's own key, holds", async (kid) => {
    const offer = await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900), undefined, kid);
    const receipt = await statement(receiptPayload(REQUEST.url, settled(), NOW + 6), undefined, kid);
    const required = { x402Version: 2 as const, resource: { url: REQUEST.url }, accepts: [offerOf()], extensions: signedOffers(offer) };
    expect(offerSignatures(required, offerOf(), new URL(REQUEST.url).host, NOW)).toMatchObject({
      kind: "signed",
      signatures: [{ fragment: "key" }],
    });
    expect(await own({ offer, receipt })).toMatchObject({ verdict: "verified" });
  });

  test("statements of another kind, or of none, are not taken for one", async () => {
    const offer = await statement(receiptPayload(REQUEST.url, settled(), NOW));
    expect(of(await own({ offer }), "fail")).toMatchObject([{ id: "offer.signature" }]);
    expect(of(await own({ receipt: { format: "jws", signature: "a.b.c" } }), "fail")).toMatchObject([{ id: "receipt.signature" }]);
  });

  test("another ledger's key, known for that ledger only, is not this ledger's", async () => {
    const report = await verify(one, { ...keys, ledgers: { [LEDGER]: ["5c".repeat(32)] } });
    expect(of(report, "fail")).toMatchObject([{ id: "ledger.key-known", about: "ledger.checkpoint.publicKey" }]);
  });
});

describe("what its signer should not have signed is named, although the signature is genuine:", () => {
  const said = async (changes: Partial<Evidence>, known = keys) => {
    const { request, payment } = one;
    const report = await verify({ version: "1", request, payment, ...changes }, known, { partial: true });
    return report.points.filter(({ verdict }) => verdict === "fail" || verdict === "warn").map(({ id, about }) => [id, about]);
  };
  const signed = () => one.payment.authorization;

  test("the agent's request that contradicts its own offer, or is bound to another address", async () => {
    for (const [request, about] of [
      [await paymentRequest(offerOf(), { payment: { ...one.request.payment, amount: "1" as Amount } }), "request.payment"],
      [await paymentRequest(offerOf(), { http: { method: "GET", url: "https://merchant.example.com/other" } }), "request"],
      [await paymentRequest(offerOf(), { merchant: { name: "Evil", url: "https://evil.example.com/" } }), "request"],
    ] as const) {
      const payment = await orderOf({ ...signed(), requestDigest: requestDigest(request) });
      expect(await said({ request, payment })).toEqual([["request.terms", about]]);
    }
  });

  test.each<[string, () => Partial<Authorization>]>([
    ["nonce", () => ({ nonce: "0".repeat(64) as Digest })],
    ["value", () => ({ value: "10001" as Amount })],
    ["to", () => ({ to: stranger.account })],
    ["binding", () => ({ binding: "0".repeat(64) as Digest })],
    ["ledger", () => ({ ledger: "0".repeat(64) as Digest })],
    ["network", () => ({ network: "logos:other" })],
  ])("the owner's payment with a %s that does not follow from the request", async (member, changes) => {
    expect(await said({ payment: await orderOf({ ...signed(), ...changes() }) })).toEqual([
      ["payment.terms", `payment.authorization.${member}`],
    ]);
  });

  test.each<[string, string, number, number]>([
    ["an approval after the request had run out", "validAfter", 3601, 3700],
    ["an approval before it was made", "validAfter", -31, 0],
    ["a payment that is valid for longer than was offered", "validBefore", 0, 901],
    ["a payment that was never valid", "validBefore", 10, 9],
  ])("%s", async (_what, member, after, before) => {
    const payment = await orderOf({ ...signed(), validAfter: String(NOW + after), validBefore: String(NOW + before) });
    expect(await said({ payment })).toEqual([["payment.window", `payment.authorization.${member}`]]);
  });

  test("the merchant's offer in another host's name", async () => {
    const offer = await statement(offerPayload(REQUEST.url, offerOf(), NOW + 900), undefined, "did:web:evil.example.com#key");
    expect(await said({ offer })).toEqual([["offer.origin", "offer"]]);
  });

  test("the ledger's entry from before the approval, from long after, or attested before it was written", async () => {
    for (const [at, attested, about] of [
      [NOW - 31, NOW, "ledger.entries.0.at"],
      [NOW + 900 + 301, NOW + 2000, "ledger.entries.0.at"],
      [NOW + 5, NOW + 4, "ledger.checkpoint.checkpoint.at"],
    ] as const) {
      expect(await said({ ledger: await debitOf(signed(), at, attested) })).toEqual([["ledger.time", about]]);
    }
    expect(await said({ ledger: await debitOf(signed(), NOW + 900 + 300, NOW + 1200) })).toEqual([]);
  });

  test("another ledger's debit; of a payment that names no ledger, that is only doubtful", async () => {
    const strange = "7e".repeat(32) as Digest;
    const known = { ...keys, ledgers: { [strange]: keys.ledgers?.[LEDGER] ?? [] } };
    const ledger = await debitOf(signed(), NOW + 5, NOW + 60, strange);
    expect(await said({ ledger }, known)).toEqual([["ledger.id", "ledger.checkpoint.checkpoint.ledger"]]);

    const request = await paymentRequest(offerOf({ extra: {} }));
    const { authorization } = await approve(request);
    const payment = await orderOf(authorization);
    expect(await said({ request, payment, ledger: await debitOf(authorization, NOW + 5, NOW + 60, strange) }, known)).toEqual([
      ["request.terms", "request.payment"], // neither is it tied to a request
      ["ledger.id", "ledger.checkpoint.checkpoint.ledger"],
    ]);
    const report = await verify(
      { version: "1", request, payment, ledger: await debitOf(authorization, NOW + 5, NOW + 60, strange) },
      known,
      { partial: true },
    );
    expect(report.verdict).toBe("verified");
  });
});

describe("a file that is no evidence", () => {
  test.each<[string, string | Uint8Array, string]>([
    ["empty", "", "byte 0"],
    ["one byte", "x", "byte 0"],
    ["an array", "[]", "must be object"],
    ["no JSON", "Dear sirs,", "byte 0"],
    ["cut off", '{\n  "version": "1",\n', "byte 20, in line 3"],
    ["not UTF-8", new Uint8Array([0x7b, 0x0a, 0xff]), "byte 2, in line 2"],
    ["too large", new Uint8Array(MAX_EVIDENCE_BYTES + 1).fill(0x20), "larger than"],
    ["of another version", '{ "version": "2" }', "version"],
  ])("%s", async (_what, content, says) => {
    const report = await verifyEvidence(typeof content === "string" ? utf8(content) : content, keys);
    expect(report).toMatchObject({
      verdict: "differs",
      points: [{ id: "file.read", verdict: "fail", saw: expect.stringContaining(says) }],
    });
    expect(report.evidence).toBeUndefined();
  });

  test("with a duplicate key, an unknown member, or too many entries", async () => {
    const text = new TextDecoder().decode(serializeEvidence(one));
    expect((await verifyText(text.replace("{", '{ "version": "1",'))).points[0]?.saw).toContain('duplicate key "version"');
    expect((await verifyText(text.replace("{", '{ "more": "x",'))).points).toMatchObject([{ verdict: "fail", about: "more" }]);
    const entries = Array.from({ length: MAX_EVIDENCE_ENTRIES + 1 }, () => one.ledger?.entries[0]);
    const crowded = JSON.stringify({ ...one, ledger: { ...one.ledger, entries } });
    expect((await verifyText(crowded)).points).toMatchObject([{ verdict: "fail", about: "ledger.entries" }]);
  });

  test("in another spelling says the same, and is told where", async () => {
    for (const [spelled, at] of [
      [JSON.stringify(one), 1],
      [JSON.stringify(one, null, 2), serializeEvidence(one).length - 1],
      [`${JSON.stringify(Object.fromEntries(Object.entries(one).toReversed()), null, 2)}\n`, 5],
      [`${JSON.stringify(one, null, 2).replace("GET", "\\u0047ET")}\n`, JSON.stringify(one, null, 2).indexOf("GET")],
    ] as const) {
      const failed = of(await verifyText(spelled), "fail");
      expect(failed).toMatchObject([{ id: "file.spelling" }]);
      expect(Number(/^byte (\d+)/.exec(failed[0]?.saw ?? "")?.[1])).toBeGreaterThanOrEqual(at);
    }
  });

  test("does not make the verifier throw, whatever number stands where", async () => {
    const huge = "9".repeat(39);
    for (const path of ["ledger.entries.0.at", "ledger.entries.0.seq", "ledger.checkpoint.checkpoint.at"]) {
      expect((await verifyText(`${JSON.stringify(change(one, path, huge), null, 2)}\n`)).verdict).toBe("differs");
    }
    const receipt = await statement(receiptPayload(REQUEST.url, { success: true, network: NETWORK, transaction: "" }, 2 ** 52));
    expect((await verify({ ...one, receipt })).verdict).toBe("differs");
    expect(idsOf(await verify({ ...one, offer: await statement(offerPayload(REQUEST.url, offerOf(), 2 ** 52)) }), "fail")).toEqual([]);
  });
});
