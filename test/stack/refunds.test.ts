/** Refunds against the real stack: a sale is given back by its payee's owner, and by a key under a mandate; both books say so. */

import { beforeAll, describe, expect, test } from "vitest";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, signMandate } from "../../shared/protocol/mandate.ts";
import { type Refund, refundTransaction, type SignedRefund, signRefund } from "../../shared/protocol/refund.ts";
import { keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { newPayer, signedPayment } from "../signed.ts";
import { useStack } from "./stack.ts";

const world = useStack();
const box = sandbox();
let seller: WalletSigner;
let buyer: WalletSigner;

const post = async (path: string, body: object) => {
  const answer = await fetch(`${world.stack.facilitator}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

interface Entry {
  seq: string;
  kind: string;
  value: string;
  transaction?: Digest;
  cause?: string;
  refundOf?: Digest;
}

const journal = async (account: string) => {
  const page = await fetch(`${world.stack.facilitator}/accounts/${account}/journal`);
  return ((await page.json()) as { entries: Entry[] }).entries;
};
const balanceOf = async (account: string) =>
  ((await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()) as { balance: string }).balance;

/** A settled payment to the seller. */
async function sale(value = "1000") {
  const { payload, requirements } = await signedPayment(buyer, {
    to: seller.account,
    value: value as Amount,
  });
  const settled = await post("/settle", { x402Version: 2, paymentPayload: payload, paymentRequirements: requirements });
  expect(settled.body).toMatchObject({ success: true });
  const transaction = settled.body["transaction"] as Digest;
  const credit = (await journal(seller.account)).find((entry) => entry.transaction === transaction);
  return { transaction, entry: credit?.seq ?? "" };
}

const refundOf = ({ transaction, entry }: { transaction: Digest; entry: string }, changes: Partial<Refund> = {}): Refund => ({
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger: world.stack.ledger as Digest,
  transaction,
  from: seller.account,
  to: buyer.account,
  entry,
  amount: "1000" as Amount,
  reason: "service_not_delivered",
  id: randomDigest(),
  issuedAt: String(unixNow()),
  ...changes,
});

const send = async (refund: Refund, signer = seller) => post("/refunds", await signRefund(refund, signer));

beforeAll(async () => {
  const key = await createKeyFile("owner");
  box.write("owner.json", key);
  seller = await keySigner(hexToBytes("secretKey" in key ? key.secretKey : ""));
  buyer = await newPayer();
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json" });
  expect((await post("/faucet", { account: buyer.account, amount: "50000", id: randomDigest() })).body).toMatchObject({ success: true });
});

test("the owner of a seller gives a sale back, and both journals say of what [refund-stack]", async () => {
  const sold = await sale();
  const before = BigInt(await balanceOf(buyer.account));
  const words = ["refund", sold.transaction, "--reason", "service_defective", "--amount", "400", "--confirm", sold.transaction];
  const run = await box.run(words);
  expect(run.exit, run.stdout).toBe(EXIT.ok);
  expect(BigInt(await balanceOf(buyer.account))).toBe(before + 400n);
  const transaction = run.json.data["transaction"] as string;
  const about = { transaction, cause: "refund", refundOf: sold.transaction, value: "400" };
  expect((await journal(seller.account)).at(-1)).toMatchObject({ kind: "debit", ...about });
  expect((await journal(buyer.account)).at(-1)).toMatchObject({ kind: "credit", ...about });
  const rest = await box.run(["refund", sold.transaction, "--reason", "other", "--dry-run"]);
  expect(rest.json.data).toMatchObject({ amount: { amount: "600" } });
});

describe("the ledger refuses", () => {
  test("more than was paid, of 20 refunds at once at the limit, too [refund-limit]", async () => {
    const sold = await sale();
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(refundOf(sold, { amount: "150" as Amount }))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(6);
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body["error"]))).toEqual(new Set(["refund_exceeded"]));
    expect((await send(refundOf(sold, { amount: "100" as Amount }))).status).toBe(200);
    expect((await send(refundOf(sold, { amount: "1" as Amount }))).body["error"]).toBe("refund_exceeded");
  });

  test("a refund of a refund, of a foreign payment, to another account, and without funds [refund-refused]", async () => {
    const sold = await sale();
    const own = refundOf(sold, { amount: "10" as Amount });
    expect((await send(own)).status).toBe(200);
    const received = (await journal(buyer.account)).at(-1);
    const code = async (refund: Refund, signer?: WalletSigner) => (await send(refund, signer)).body["error"];
    // The buyer gives back what it was refunded.
    const again = refundOf(
      { transaction: refundTransaction(own), entry: received?.seq ?? "" },
      { from: buyer.account, to: seller.account },
    );
    expect(await code({ ...again, amount: "10" as Amount }, buyer)).toBe("refund_unknown");
    expect(await code(refundOf(sold, { transaction: randomDigest() }))).toBe("refund_unknown");
    // What the buyer paid to another payee, under the number of this seller's credit.
    const stranger = await newPayer();
    const foreign = await signedPayment(buyer, { to: stranger.account, value: "1000" as Amount });
    const paid = { x402Version: 2, paymentPayload: foreign.payload, paymentRequirements: foreign.requirements };
    expect((await post("/settle", paid)).body).toMatchObject({ success: true });
    expect(await code(refundOf(sold, { transaction: foreign.transaction }))).toBe("refund_unknown");
    expect(await code(refundOf(sold, { transaction: foreign.transaction, from: stranger.account, entry: "1" }))).toBe("invalid_signature");
    expect(await code(refundOf(sold, { to: DEMO_MERCHANT_ACCOUNT }))).toBe("refund_unknown");
    expect(await code(refundOf(sold, { entry: "1000000" }))).toBe("refund_unknown");
    expect(await code(refundOf(sold), buyer)).toBe("invalid_signature");
    // The same id with other terms, and the same refund again.
    expect(await code({ ...own, amount: "11" as Amount })).toBe("refund_conflict");
    expect((await send(own)).status).toBe(200);
    const all = await balanceOf(seller.account);
    const spent = await signedPayment(seller, { to: buyer.account, value: all as Amount });
    expect(
      (await post("/settle", { x402Version: 2, paymentPayload: spent.payload, paymentRequirements: spent.requirements })).body,
    ).toMatchObject({
      success: true,
    });
    expect(await code(refundOf(sold, { amount: "10" as Amount }))).toBe("insufficient_funds");
  });
});

test("a shop's key gives back within its mandate, and pays nothing else [refund-mandate]", async () => {
  const sold = await sale();
  const shop = await newPayer();
  const now = unixNow();
  const mandate: Mandate = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger: world.stack.ledger as Digest,
    from: seller.account,
    agent: shop.publicKey,
    grantedAt: String(now),
    validAfter: String(now),
    validBefore: String(now + 3600),
    perPayment: "300" as Amount,
    total: "500" as Amount,
    payees: ["*"],
    origins: ["*"],
    schemes: ["refund"],
    salt: randomDigest(),
  };
  const signed = await signMandate(mandate, seller);
  const under = async (amount: string): Promise<SignedRefund> =>
    signRefund(refundOf(sold, { amount: amount as Amount, mandate: mandateDigest(mandate) }), shop, signed);
  expect((await post("/refunds", await under("301"))).body["error"]).toBe("mandate_exceeded");
  expect((await post("/refunds", await under("300"))).status).toBe(200);
  expect((await post("/refunds", await under("201"))).body["error"]).toBe("mandate_exceeded");
  expect((await post("/refunds", await under("200"))).status).toBe(200);
  const status = await (await fetch(`${world.stack.facilitator}/mandates/${NETWORK}/${seller.account}/${mandateDigest(mandate)}`)).json();
  expect(status).toMatchObject({ status: "open", settled: "500", left: "0" });
});
