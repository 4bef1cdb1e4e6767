/** `refund`: what the seller's owner reads, signs and sends, and what becomes of it when an answer is lost. */

import { existsSync, readdirSync } from "node:fs";
import { beforeEach, describe, expect, test } from "vitest";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { verifyRefund } from "../../shared/exact/refund.ts";
import { batchDigest, entryHash, type JournalEntry } from "../../shared/ledger/journal.ts";
import { REFUND_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { refundTransaction, type SignedRefund } from "../../shared/protocol/refund.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { signedPayment } from "../../test/signed.ts";
import { createKeyFile } from "../keys/key-file.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { LEDGER } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const facilitator = await startFacilitator();
const { owner } = await people(box);
const seller = owner.account;
const [buyer, other] = [(await createKeyFile("owner")).account, (await createKeyFile("owner")).account];
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json" });

const tx = (n: number) => n.toString(16).padStart(64, "0") as Digest;
const [SALE, OF_BATCH, RECEIVED, PURCHASE, OLD] = [tx(1), tx(2), tx(3), tx(4), tx(5)];

type Step = Pick<JournalEntry, "kind" | "value"> & Partial<JournalEntry>;

/** The seller's journal: a chain as the ledger would write it. */
function journalOf(steps: readonly Step[]): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (const step of steps) {
    const last = entries.at(-1);
    const delta = step.kind === "debit" ? -BigInt(step.value) : BigInt(step.value);
    const entry = {
      account: seller,
      seq: String(entries.length + 1),
      at: String(unixNow() - 60),
      balanceAfter: (BigInt(last?.balanceAfter ?? 0) + delta).toString(),
      prevHash: last?.hash ?? LEDGER,
      ...step,
    };
    entries.push({ ...entry, hash: entryHash(entry) });
  }
  return entries;
}

const sales: readonly Step[] = [
  { kind: "credit", value: "10000", counterparty: buyer, transaction: SALE },
  {
    kind: "batch",
    value: "5000",
    batch: { fromShard: "1", first: "1", last: "2", count: "2", transactions: batchDigest([tx(9), OF_BATCH]) },
    transactions: [tx(9), OF_BATCH],
    credits: [
      { transaction: tx(9), payer: other, value: "2000" as Amount },
      { transaction: OF_BATCH, payer: buyer, value: "3000" as Amount },
    ],
  },
  { kind: "credit", value: "70", counterparty: buyer, transaction: RECEIVED, cause: "refund", refundOf: tx(8) },
  { kind: "debit", value: "50", counterparty: other, transaction: PURCHASE },
  { kind: "credit", value: "40", counterparty: buyer, transaction: OLD, at: String(unixNow() - REFUND_SECONDS - 60) },
];
const given = (value: string, refundOf: Digest): Step => ({
  kind: "debit",
  value,
  counterparty: buyer,
  transaction: tx(100 + Number(value)),
  cause: "refund",
  refundOf,
});

const receipt = ({ refund }: SignedRefund) => ({
  status: 200,
  body: {
    success: true,
    transaction: refundTransaction(refund),
    refundOf: refund.transaction,
    from: refund.from,
    to: refund.to,
    amount: refund.amount,
  },
});

beforeEach(() => {
  facilitator.journals[seller] = journalOf(sales);
  facilitator.refund = receipt;
  facilitator.refunds = [];
});

const refund = (transaction: string, ...words: string[]) => box.run(["refund", transaction, "--reason", "service_defective", ...words]);
const yes = { answers: [["back?", "y"]] } as const;
const events = async () => {
  const { json } = await box.run("audit list --json");
  return json.data["entries"] as { event: string; facts: Record<string, string> }[];
};

describe("a refund", () => {
  test("shows the checked sale, signs what was read, and says what went back to whom [refund-screen]", async () => {
    const run = await box.run(`refund ${SALE} --reason overcharge --amount 2500`, yes);
    expect(run.exit, run.stderr).toBe(EXIT.ok);
    expect(run.stderr).toMatch(/Give back +0\.0000025 LGO = 2500 units/);
    expect(run.stderr).toMatch(new RegExp(`To +${buyer}, who paid`));
    expect(run.stderr).toMatch(/Sale +0\.00001 LGO on .*, entry 1/);
    expect(run.stderr).toMatch(/After +0\.0000075 LGO of it is left/);
    const [signed] = facilitator.refunds;
    if (!signed) throw new Error("nothing was sent");
    expect(await verifyRefund(signed, LEDGER)).toMatchObject({
      ok: true,
      refund: { payee: seller, payer: buyer, transaction: SALE, entry: 1, amount: "2500" },
    });
    expect(signed.refund.reason).toBe("overcharge");
    expect(run.json.data).toMatchObject({ id: signed.refund.id, transaction: refundTransaction(signed.refund), refundOf: SALE, to: buyer });
    const [before, after] = (await events()).slice(-2);
    expect(before).toMatchObject({ event: "refund_signed", facts: { refundOf: SALE, amount: "2500", to: buyer } });
    expect(after).toMatchObject({ event: "refunded", facts: { transaction: refundTransaction(signed.refund) } });
  });

  test("is of all that is left unless an amount is named, and of no more [refund-left]", async () => {
    facilitator.journals[seller] = journalOf([...sales, given("2500", SALE), given("500", SALE), given("1", OF_BATCH)]);
    const shown = await refund(SALE, "--dry-run");
    expect(shown.json.data).toMatchObject({ dryRun: true, amount: { amount: "7000" } });
    expect(shown.stderr).toMatch(/Before +0\.000003 LGO was refunded/);
    const beyond = await refund(SALE, "--amount", "7001", "--confirm", SALE);
    expect([beyond.exit, beyond.json.error.code]).toEqual([EXIT.paymentRejected, "refund_exceeded"]);
    facilitator.journals[seller] = journalOf([...sales, given("10000", SALE)]);
    expect((await refund(SALE)).json.error.code).toBe("refund_exceeded");
    expect(facilitator.refunds).toEqual([]);
  });

  test("of one payment of a batch goes to the payer that the ledger itemises, and says so [refund-batch]", async () => {
    const run = await refund(OF_BATCH, "--amount", "3000", "--confirm", OF_BATCH);
    expect(run.exit, run.stderr).toBe(EXIT.ok);
    expect(run.stderr).toMatch(/one payment of a batch: its payer and its amount are the ledger's\s+word/);
    expect(facilitator.refunds.map(({ refund: { to, entry, amount } }) => ({ to, entry, amount }))).toEqual([
      { to: buyer, entry: "2", amount: "3000" },
    ]);
  });

  test("is made by none but its owner: without a terminal it takes the transaction and the amount", async () => {
    expect((await refund(SALE)).json.error).toMatchObject({ code: "interaction_required" });
    expect((await refund(SALE, "--confirm", SALE)).json.error).toMatchObject({ code: "usage" });
    expect((await refund(SALE, "--amount", "1", "--confirm", OF_BATCH)).json.error).toMatchObject({ code: "request_differs" });
    expect((await box.run(`refund ${SALE} --reason other`, { answers: [["back?", "n"]] })).exit).toBe(EXIT.approvalPending);
    expect(facilitator.refunds).toEqual([]);
  });

  test.each([
    ["what the account paid itself", PURCHASE, "sale_not_found"],
    ["a refund that it received", RECEIVED, "sale_not_found"],
    ["a transaction that its journal lacks", tx(77), "sale_not_found"],
    ["a payment of more than 30 days ago", OLD, "refund_expired"],
  ])("of %s is not signed", async (_, transaction, code) => {
    expect((await refund(transaction, "--amount", "1", "--confirm", transaction)).json.error.code).toBe(code);
    expect(facilitator.refunds).toEqual([]);
  });

  test("of a journal that does not add up is not signed", async () => {
    const [first, ...rest] = journalOf(sales);
    if (!first) throw new Error("no entries");
    facilitator.journals[seller] = [{ ...first, counterparty: other }, ...rest];
    expect((await refund(SALE)).json.error.code).toBe("journal_differs");
  });
});

test.each([
  ["does not fit beside it", "6000", "refund_exceeded", EXIT.paymentRejected],
  ["fits, and was confirmed without it", "5000", "busy", EXIT.busy],
])(
  "a refund that %s signs nothing after another one was made while the owner read [refund-while-reading]",
  async (_, amount, code, exit) => {
    const other = async () => {
      expect((await refund(SALE, "--amount", amount, "--confirm", SALE)).exit).toBe(EXIT.ok);
      return "y";
    };
    const run = await box.run(`refund ${SALE} --reason service_defective --amount ${amount}`, { answers: [["back?", other]] });
    expect([run.exit, run.json.error.code]).toEqual([exit, code]);
    expect(facilitator.refunds).toHaveLength(1);
    expect((await events()).slice(-2).map(({ event }) => event)).toEqual(["refund_signed", "refunded"]);
  },
);

describe("an answer that is lost", () => {
  test("is asked for with the same refund, whatever was answered in between [refund-lost-answer]", async () => {
    const send = (...words: string[]) => refund(SALE, "--amount", "100", "--confirm", SALE, ...words);
    const answers = [
      () => undefined,
      () => ({ status: 503, body: { error: "facilitator_unavailable" } }),
      () => ({ status: 402, body: { error: "insufficient_funds" } }),
    ];
    const exits = [];
    for (const answer of answers) {
      facilitator.refund = answer;
      const run = await send();
      expect(run.json.next).toMatchObject({ argv: expect.arrayContaining(["refund", SALE]) as string[], by: "owner" });
      exits.push(run.exit);
    }
    expect(exits).toEqual([EXIT.outcomeUnknown, EXIT.outcomeUnknown, EXIT.paymentRejected]);
    const changed = await refund(SALE, "--amount", "200", "--confirm", SALE);
    expect([changed.exit, changed.json.error.code]).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);

    facilitator.refund = receipt;
    expect((await send()).json.data).toMatchObject({ resumed: true, amount: { amount: "100" } });
    expect(new Set(facilitator.refunds.map((signed) => JSON.stringify(signed))).size).toBe(1);
    expect(facilitator.refunds).toHaveLength(4);
    // Now that one is over, the same words are another refund.
    expect((await send()).json.data["resumed"]).toBeUndefined();
    expect(new Set(facilitator.refunds.map(({ refund: { id } }) => id)).size).toBe(2);
  });

  test("is not taken for an answer about another refund", async () => {
    facilitator.refund = (signed) => receipt({ ...signed, refund: { ...signed.refund, amount: "1" as Amount } });
    const run = await refund(SALE, "--amount", "300", "--confirm", SALE);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
    facilitator.refund = receipt;
    expect((await refund(SALE, "--amount", "300")).json.data).toMatchObject({ resumed: true });
  });

  test("of a ledger that refuses for ever is over, and the next refund is another one", async () => {
    facilitator.refund = () => ({ status: 409, body: { error: "refund_exceeded" } });
    const refused = await refund(SALE, "--amount", "400", "--confirm", SALE);
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.paymentRejected, "refund_exceeded"]);
    expect((await events()).at(-1)).toMatchObject({ event: "refund_refused", facts: { code: "refund_exceeded" } });
    facilitator.refund = receipt;
    expect((await refund(SALE, "--amount", "400", "--confirm", SALE)).exit).toBe(EXIT.ok);
    expect(new Set(facilitator.refunds.map(({ refund: { id } }) => id)).size).toBe(2);
    expect(existsSync(box.path("home/refunds")) && readdirSync(box.path("home/refunds")).length).toBeGreaterThan(4);
  });
});

test("a shop's refund under a mandate of the log is a note of audit verify, and any other debit is missed [refund-by-shop]", async () => {
  const key = (await createKeyFile("agent")).publicKey;
  const granting = `refund grant --key ${key} --per-refund 100 --total 1000 --per 24h=500 --out ./granted.json`;
  const granted = await box.run(granting, { answers: [["without asking?", "y"]] });
  expect(granted.exit, granted.stderr).toBe(EXIT.ok);
  const mandate = granted.json.data["mandate"] as Digest;
  const [sale] = sales;
  if (!sale) throw new Error("no sale");
  facilitator.journals[seller] = journalOf([sale, { ...given("100", SALE), mandate }]);
  const verified = await box.run("audit verify");
  expect(verified.exit, verified.stdout).toBe(EXIT.ok);
  expect(verified.json.data["notes"]).toContainEqual(expect.stringContaining("1 refund of"));
  facilitator.journals[seller] = journalOf([sale, { ...given("100", SALE), mandate: tx(6) }]);
  expect((await box.run("audit verify")).json.error.message).toContain("a debit that the log does not know");
});

test("status says what came back by the payer's own checked journal, and records it once [refund-received]", async () => {
  const signer = await keySigner(hexToBytes("secretKey" in owner ? owner.secretKey : ""));
  const { payload, transaction } = await signedPayment(signer, { to: other, ledger: LEDGER });
  box.write("paid.json", payload);
  facilitator.settlement = { status: "settled", transaction };
  const bought: readonly Step[] = [
    { kind: "credit", value: "50000", counterparty: buyer, transaction: SALE },
    { kind: "debit", value: "10000", counterparty: other, transaction },
    // A refund of another payment, and one whose merchant only says so.
    { kind: "credit", value: "7", counterparty: other, transaction: tx(41), cause: "refund", refundOf: tx(40) },
    { kind: "credit", value: "9", counterparty: other, transaction: tx(42) },
  ];
  facilitator.journals[seller] = journalOf(bought);
  expect((await box.run("status ./paid.json")).json.data).not.toHaveProperty("refunded");
  const back = { kind: "credit", value: "2500", counterparty: other, transaction: tx(43), cause: "refund", refundOf: transaction } as const;
  facilitator.journals[seller] = journalOf([...bought, back]);
  for (const _ of [1, 2]) {
    const { data } = (await box.run("status ./paid.json")).json;
    expect(data).toMatchObject({ conclusion: "paid", refunded: { amount: "2500" }, refunds: [{ transaction: tx(43) }] });
  }
  const noted = (await events()).filter(({ event }) => event === "refund_received");
  expect(noted.map(({ facts }) => facts)).toMatchObject([{ transaction: tx(43), refundOf: transaction, amount: "2500" }]);
});
