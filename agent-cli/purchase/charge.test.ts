/** A purchase by scheme `upto`: the most that it can cost before, what it did cost afterwards, and whether that can be. */

import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { signedReceipt } from "../../shared/extensions/offer-receipt.ts";
import { encodeHeader } from "../../shared/x402/headers.ts";
import { statement } from "../../test/evidence.ts";
import type { Payment } from "../records/payment-journal.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";
import { chargeOf } from "./charge.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
let number = 0;

const usage = [{ unit: "token", quantity: "929", price: "2" }];
const METERED = {
  amount: "20000",
  offer: { scheme: "upto" },
  extra: { unit: "token", unitPrice: "2" },
  receipt: { amount: "1858", extra: { usage } },
};

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });
});
beforeEach(() => {
  merchant.reset();
  merchant.behaviour = METERED;
});

async function asked(): Promise<string> {
  const run = await box.run(["fetch", `${merchant.url}?${number++}`, "--reason", REASON]);
  expect(run.exit).toBe(EXIT.approvalPending);
  return run.json.error.details?.["shortCode"] as string;
}
async function approved(): Promise<string> {
  const code = await asked();
  expect((await approveAsRead(box, code)).json.data).toMatchObject({ approved: { amount: "20000", atMost: true } });
  return code;
}
const spent = async () => ((await box.run("spending")).json.data as { total: { amount: string } }).total.amount;
const spentBy = async (work: () => Promise<unknown>) => {
  const before = BigInt(await spent());
  await work();
  return String(BigInt(await spent()) - before);
};

test("the price is a maximum, with the price of a unit: quoted, asked, shown and questioned as such [upto-at-most]", async () => {
  expect((await box.run(["quote", merchant.url])).json.data).toMatchObject({
    price: { amount: "20000", display: "at most 0.00002 LGO", atMost: true },
    unit: { name: { untrusted: true, text: "token" }, price: { amount: "2" } },
  });
  const code = await asked();
  const screen = await box.run(["approve", code], {
    terminal: true,
    env: { NO_COLOR: "1" },
    answers: [["Pay at most 0.00002 LGO to 127.0.0.1", "n"]],
  });
  const shown = screen.stdout + screen.stderr;
  expect(shown).toMatch(/Pay +at most 0\.00002 LGO = 20000 units, once; the merchant says how\s+much, and the rest stays yours/);
  expect(shown).toMatch(/Price +0\.000000002 LGO per token, as the merchant counts them/);
  expect(shown).toContain("Pay at most 0.00002 LGO to 127.0.0.1");
  expect(shown).not.toContain("unitPrice");
  const dear = await box.run(["fetch", `${merchant.url}?dear`, "--reason", REASON, "--max-amount", "19999"]);
  expect(dear.json.error).toMatchObject({
    code: "above_max_amount",
    message: expect.stringContaining("costs up to 20000 units") as string,
  });
});

test("what was charged is reported, kept, logged and summed [upto-charged-here]", async () => {
  const code = await approved();
  const sum = await spentBy(async () => {
    const paid = await box.run(["pay", code]);
    expect(paid.json.data).toMatchObject({
      receipt: { paid: { amount: "1858" } },
      charge: {
        most: { amount: "20000" },
        usage: [{ unit: "token", quantity: "929", price: { amount: "2" } }],
        signed: false,
        problems: [],
      },
    });
  });
  expect(sum).toBe("1858");
  const again = await box.run(["pay", code], { terminal: true, env: { NO_COLOR: "1" } });
  expect(again.stdout).toContain("Paid 0.000001858 LGO for GET");
  expect(again.stdout).toMatch(/of at most +0\.00002 LGO; what was not charged is free again/);
  expect(again.stdout).toMatch(/usage +929 token at 0\.000000002 LGO, as the merchant counts, unsigned/);
  expect((await box.run(["request", "show", code])).json.data).toMatchObject({ price: { atMost: true }, charged: { amount: "1858" } });
  const { entries } = (await box.run("audit list --event settled")).json.data as { entries: { facts: object }[] };
  expect(entries.at(-1)?.facts).toMatchObject({ scheme: "upto", amount: "20000", charged: "1858" });
});

test("the receipt of an answer that its merchant did not sign has the charge and its usage, marked as unsigned [upto-receipt-unsigned]", async () => {
  const code = await approved();
  expect((await box.run(["pay", code])).exit).toBe(EXIT.ok);
  const words = ["receipt", "show", code];
  expect((await box.run(words)).json.data).toMatchObject({
    signed: { receipt: false },
    charged: { amount: "1858" },
    charge: { usage: [{ unit: "token", quantity: "929", price: { amount: "2" } }], signed: false, problems: [] },
    report: { says: { paid: { amount: "20000", atMost: true } } },
  });
  const { stdout } = await box.run(words, { terminal: true, env: { NO_COLOR: "1" } });
  expect(stdout).toMatch(/at most 0\.00002 LGO for GET/);
  expect(stdout).toMatch(/charged +0\.000001858 LGO/);
  expect(stdout).toMatch(/usage +929 token at 0\.000000002 LGO, as the merchant counts, unsigned/);
});

describe("what does not fit in a receipt", () => {
  const payment = {
    payload: { accepted: { scheme: "upto", amount: "20000", extra: METERED.extra } },
    authorization: { scheme: "upto", value: "20000", asset: "native" },
  } as unknown as Payment;
  const problemsOf = (receipt: object) => {
    const stated = { success: true, transaction: "t", network: "n", ...receipt };
    return chargeOf(payment, { "payment-response": encodeHeader(stated) })?.problems;
  };

  test.each<[what: string, receipt: object, problem: string]>([
    ["usage of another sum", { amount: "1857", extra: { usage } }, "the usage comes to 1858, charged is 1857"],
    ["another price", { amount: "929", extra: { usage: [{ ...usage[0], price: "1" }] } }, "names 1 per token, the offer 2"],
    ["another unit", { amount: "1858", extra: { usage: [{ ...usage[0], unit: "word" }] } }, "names 2 per word, the offer 2 per token"],
    ["no usage, though the offer names a unit price", { amount: "1858" }, "the receipt no usage"],
    ["usage that moves text", { amount: "1", extra: { usage: [{ unit: "\u001b[2J", quantity: "1", price: "1" }] } }, "cannot be read"],
    ["more lines than a receipt has", { amount: "1", extra: { usage: Array(17).fill(usage[0]) } }, "cannot be read"],
    ["no charge", {}, "does not say what was charged"],
  ])("is named: %s [upto-does-not-fit]", (_what, receipt, problem) => {
    expect(problemsOf(receipt)).toEqual([expect.stringContaining(problem)]);
  });

  test("and what the merchant signed must be what it sent", async () => {
    const receipt = { amount: "1858", extra: { usage } };
    const signing = async (said: object) => {
      const jws = await statement({ version: 1, network: "n", resourceUrl: "u", payer: "p", issuedAt: 1, transaction: "t", ...said });
      return problemsOf({ ...receipt, extensions: signedReceipt(jws) });
    };
    expect(await signing({ amount: "1858", usage })).toEqual([]);
    expect(await signing({ amount: "2", usage })).toEqual([expect.stringContaining("the signed receipt says another charge")]);
    expect(await signing({ amount: "1858" })).toEqual([expect.stringContaining("the signed receipt says another charge")]);
  });

  test("is shown, and the goods are paid for; but a charge above what was signed contradicts the approval", async () => {
    merchant.behaviour = { ...METERED, receipt: { amount: "1857", extra: { usage } } };
    const code = await approved();
    expect((await box.run(["pay", code])).exit).toBe(EXIT.ok);
    const shown = await box.run(["pay", code], { terminal: true, env: { NO_COLOR: "1" } });
    expect(shown.stdout).toContain("! The charge does not fit: the usage comes to 1858, charged is 1857.");
    merchant.behaviour = { ...METERED, receipt: { amount: "20001" } };
    const paid = await box.run(["pay", await approved()]);
    expect([paid.exit, paid.json.error.code, paid.json.error.details]).toMatchObject([
      EXIT.differs,
      "receipt_differs",
      { fields: ["amount"] },
    ]);
  });
});

test("a charge of nothing is paid, and costs nothing", async () => {
  merchant.behaviour = { ...METERED, receipt: { amount: "0", extra: { usage: [{ ...usage[0], quantity: "0" }] } } };
  const code = await approved();
  expect(
    await spentBy(async () => expect((await box.run(["pay", code])).json.data).toMatchObject({ receipt: { paid: { amount: "0" } } })),
  ).toBe("0");
});

test("until the charge is known all that was signed counts; the ledger's word settles it [upto-not-known]", async () => {
  const code = await approved();
  merchant.behaviour = { ...METERED, loseAnswer: true };
  await box.run(["pay", code]);
  const { entries } = (await box.run("audit list --last 1000")).json.data as {
    entries: { event: string; facts: Record<string, string> }[];
  };
  const sent = entries.findLast(({ event }) => event === "sent")?.facts ?? {};
  const settled = { status: "settled", transaction: sent["transactionIfSettled"] };
  const told = (more: object) => (facilitator.settlements = { [sent["nonce"] ?? ""]: { ...settled, ...more } });
  told({});
  expect(
    await spentBy(async () => {
      expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "paid", most: { amount: "20000" } });
    }),
  ).toBe("20000");
  expect((await box.run(["status", code], { terminal: true, env: { NO_COLOR: "1" } })).stdout).toMatch(
    /charged +not known: at most 0\.00002 LGO/,
  );
  // No ledger takes more than was signed: such a word is not believed.
  told({ charged: "20001" });
  expect((await box.run(["status", code])).json.data).not.toHaveProperty("charged");
  told({ charged: "1858" });
  const before = BigInt(await spent());
  expect((await box.run(["status", code])).json.data).toMatchObject({ charged: { amount: "1858" }, most: { amount: "20000" } });
  expect(BigInt(await spent()) - before).toBe(1858n - 20_000n);
  const after = (await box.run("audit list --last 1000")).json.data as { entries: typeof entries };
  expect(after.entries.filter(({ event, facts }) => event === "settled" && facts["nonce"] === sent["nonce"])).toHaveLength(1);
});
