/** Part of `npm run sales`: automatic refunds over real Workers: a shop fails to deliver, its buyer gets the money back, and both sides' books are exact. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { type Envelope, REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { BUNDLES, bundleScript } from "../../scripts/build-workers.ts";
import { bytesToHex, hexToBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_SECRET_KEY, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { newMandate } from "../signed.ts";
import { NO_LIMITS, receiptOf, verdict } from "./stack.ts";

const PRICE = 10_000n;
const seller = sandbox();
const buyer = sandbox();
const folder = mkdtempSync(join(tmpdir(), "lez-agent-pay-refunds-"));
let stack: Stack;
let script: string;
let mandate: string;
const logs: Record<string, unknown>[] = [];

const start = async (merchant: Record<string, string>, persist?: string) => {
  const started = await startStack({
    bundles: BUNDLES,
    merchantScript: script,
    ...(persist && { persist }),
    limits: NO_LIMITS,
    vars: { "lez-merchant": { RECEIPT_KEY: DEMO_RECEIPT_KEY, ...merchant } },
    onLog: (line) => void (line.startsWith("{") && logs.push(JSON.parse(line) as Record<string, unknown>)),
  });
  served(started.merchant);
  served(started.facilitator);
  return started;
};

/** The mandate names the ledger, so the ledger comes first. */
beforeAll(async () => {
  script = await bundleScript(fileURLToPath(new URL("../workerd/counting-merchant.ts", import.meta.url)));
  const first = await start({}, folder);
  await first.stop();
  const [owner, shop] = [await keySigner(DEMO_MERCHANT_SECRET_KEY), await keySigner(hexToBytes(DEMO_RECEIPT_KEY))];
  const limits = { payees: ["*"] as ["*"], origins: ["*"] as ["*"], schemes: ["refund" as const], total: "30000" as never };
  mandate = JSON.stringify(await newMandate(owner, shop, first.ledger as Digest, limits));
  stack = await start({ REFUND_MANDATE: mandate }, folder);
  const { account, publicKey } = owner;
  seller.write("owner.json", { ...(await createKeyFile("owner")), account, publicKey, secretKey: bytesToHex(DEMO_MERCHANT_SECRET_KEY) });
});
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const sales = async (words: string[], at = stack): Promise<{ exit: number; data: Envelope["data"] }> => {
  const argv = ["sales", ...words, "--owner-file", seller.path("owner.json"), "--merchant-url", at.merchant];
  const run = await seller.run(argv, { env: { LEZ_FACILITATOR_URL: at.facilitator } });
  return { exit: run.exit, data: run.json.data };
};
const poll = <Value>(ask: () => Promise<Value>) => expect.poll(ask, { timeout: 60_000, interval: 300 });
const stock = (at: Stack, state: "full" | "empty") => fetch(`${at.merchant}/stock/${state}`, { method: "POST" });

/** A purchase that is not delivered. */
async function failed(at: Stack) {
  await stock(at, "empty");
  const person = await Buyer.create(at);
  await person.fund();
  const before = (await person.balances()).owner.balance;
  const goods = { url: `${at.merchant}/refunding/7` };
  const payment = await person.approved(goods);
  const answer = await person.send(goods, payment);
  const transaction = receiptOf(answer)?.transaction ?? "";
  expect([answer.status, (await person.balances()).owner.balance]).toEqual([503, before - PRICE]);
  return { person, goods, payment, transaction, back: async () => (await person.balances()).owner.balance === before };
}

describe("a shop with a mandate", () => {
  test("gives back what it did not deliver, and the books of both say so [auto-refund-stack]", async () => {
    await people(buyer);
    await buyer.run("doctor"); // makes the state directory
    const { facilitator, ledger } = stack;
    buyer.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
    expect((await buyer.run("faucet")).exit).toBe(EXIT.ok);
    await stock(stack, "empty");
    const asked = await buyer.run(["fetch", `${stack.merchant}/refunding/9`, "--reason", REASON]);
    const code = asked.json.error.details?.["shortCode"] as string;
    expect((await approveAsRead(buyer, code)).exit).toBe(EXIT.ok);
    const bought = await buyer.run(["fetch", "--resume", code]);
    expect(bought.exit).toBe(EXIT.httpErrorAfterPayment);

    const status = async () => (await buyer.run(["status", code])).json.data;
    await poll(status).toMatchObject({ conclusion: "paid", refunded: { amount: String(PRICE) } });
    const { transaction } = await status();
    expect((await buyer.run(["receipt", "show", code])).stdout).toContain("refunded");
    // The goods are there now, and this payment buys them no more.
    await stock(stack, "full");
    const again = await buyer.run(["fetch", "--resume", code]);
    expect([again.exit, again.json.error.details?.["said"]]).toEqual([EXIT.paymentRejected, "payment_refunded"]);

    await poll(async () => (await sales(["owed"])).data).toMatchObject({ sales: [], refunds: [], owed: { amount: "0" } });
    const sold = {
      transaction,
      delivery: "owed",
      amount: { amount: "10000" },
      refunded: { amount: "10000" },
      route: "GET /refunding/:item",
    };
    expect((await sales(["list"])).data["sales"]).toMatchObject([sold]);
    expect((await sales(["summary"])).data).toMatchObject({
      payments: 1,
      sold: { amount: "10000" },
      refunded: { amount: "10000" },
      owed: { payments: 0 },
      refundsOwed: { payments: 0 },
      statement: { closing: { amount: "0" } },
    });
    const orders = seller.write("orders.csv", `payment,units\n${String(transaction)},10000`);
    expect((await sales(["reconcile", orders])).exit).toBe(EXIT.ok);
    expect(logs.filter(({ event }) => event === "refund.made")).toMatchObject([{ refundOf: transaction, amount: String(PRICE) }]);
    const refused = await sales(["deliver", String(transaction)]);
    expect(refused.exit).not.toBe(EXIT.ok);
  });

  test("gives nothing back that it delivered at last", async () => {
    const { person, goods, payment, back } = await failed(stack);
    await stock(stack, "full");
    const answer = await person.send(goods, payment);
    // The second may have been too short for a slow machine: then the money went back, and no goods left.
    if (answer.status === 410) return expect(await back()).toBe(true);
    expect(verdict(answer)).toBe("200");
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await back()).toBe(false);
  });
});

test("a shop at a FACILITATOR_URL gives back over HTTP [auto-refund-http]", async () => {
  const over = await start({ REFUND_MANDATE: mandate, FACILITATOR_URL: stack.facilitator });
  try {
    // Its ledger is the first stack's.
    const { back } = await failed({ ...stack, merchant: over.merchant });
    await poll(back).toBe(true);
  } finally {
    await over.stop();
  }
});

test("what a shop without a mandate cannot give back is listed with why, and one command pays it [auto-refund-owed-stack]", async () => {
  const without = await start({ FACILITATOR_URL: stack.facilitator });
  const at = { ...stack, merchant: without.merchant };
  try {
    const { transaction, payment, goods, person, back } = await failed(at);
    const owed = async () => (await sales(["owed"], at)).data;
    await poll(owed).toMatchObject({
      sales: [],
      refunds: [{ transaction, refundOwed: expect.stringContaining("REFUND_MANDATE"), refunded: { amount: "0" } }],
      refundsOwed: { amount: "10000" },
    });
    expect((await sales(["summary"], at)).data).toMatchObject({
      owed: { payments: 0 },
      refundsOwed: { payments: 1, value: { amount: "10000" } },
    });
    expect(verdict(await person.send(goods, payment))).toBe("410 payment_refunded");
    const words = ["refund", transaction, "--reason", "service_not_delivered", "--amount", String(PRICE), "--confirm", transaction];
    const paid = await seller.run([...words, "--owner-file", seller.path("owner.json")], { env: { LEZ_FACILITATOR_URL: at.facilitator } });
    expect(paid.exit, paid.stdout).toBe(EXIT.ok);
    expect([await back(), await owed()]).toMatchObject([true, { refunds: [], refundsOwed: { amount: "0" } }]);
  } finally {
    await without.stop();
  }
});
