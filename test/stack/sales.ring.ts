/** A seller's record of its sales, over real Workers: who may read it, what it joins to the journal, and goods that are owed. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createKeyFile } from "../../agent-cli/keys/key-file.ts";
import { type Run, sandbox } from "../../agent-cli/testing/cli.ts";
import { bytesToHex, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import { authorizeRead, grantAccess, revokeAccesses } from "../../shared/protocol/books-access.ts";
import { signSaleDelivery } from "../../shared/protocol/sale-delivery.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { csvRows, plainCell } from "../../shared/text/csv.ts";
import { unixNow } from "../../shared/time.ts";
import { receiptOf, useStack, verdict } from "./stack.ts";

const [SHOP_KEY, OPERATOR_KEY] = ["the-shops-key", "the-operators-key"];
const world = useStack({
  merchant: "../workerd/counting-merchant.ts",
  vars: {
    "lez-merchant": { OPERATOR_KEY_SHA256: bodyDigest(utf8(SHOP_KEY)) },
    "lez-facilitator": { OPERATOR_KEY_SHA256: bodyDigest(utf8(OPERATOR_KEY)) },
  },
});
const box = sandbox();
const SALES = "/.well-known/paywall-sales";
let seller: WalletSigner;
let ledger: Digest;

beforeAll(async () => {
  seller = await keySigner(DEMO_MERCHANT_SECRET_KEY);
  const { account, publicKey } = seller;
  box.write("owner.json", { ...(await createKeyFile("owner")), account, publicKey, secretKey: bytesToHex(DEMO_MERCHANT_SECRET_KEY) });
  ({ ledger } = (await (await fetch(`${world.stack.facilitator}/health`)).json()) as { ledger: Digest });
});

const sales = (...words: string[]): Promise<Run> =>
  box.run(["sales", ...words, "--owner-file", box.path("owner.json"), "--merchant-url", world.stack.merchant], {
    env: { LEZ_FACILITATOR_URL: world.stack.facilitator },
  });

const stock = (state: "full" | "empty") => fetch(`${world.stack.merchant}/stock/${state}`, { method: "POST" });

/** Sales are recorded after their answers. */
const poll = <Value>(ask: () => Promise<Value>) => expect.poll(ask, { timeout: 60_000 });

type Listed = { transaction: string; route: string; paymentId?: string; delivery: string };
const listed = async (...words: string[]) => (await sales(...words)).json.data["sales"] as Listed[];

describe("the merchant's record", () => {
  test("joins route, identifier and delivery to each sale of the journal [sales-recorded]", async () => {
    const buyer = await world.buyer();
    const plain = { url: `${world.stack.merchant}/default?sale` };
    const bought = await buyer.send(plain, await buyer.approved(plain));
    const identified = { url: `${world.stack.merchant}/stocked/7?colour=red` };
    const payment = await buyer.approved(identified);
    const id = `order-${crypto.randomUUID()}`;
    const extensions = {
      "payment-identifier": { ...(payment.extensions?.["payment-identifier"] as object), info: { required: false, id } },
    };
    const again = await buyer.send(identified, { ...payment, extensions });
    expect([verdict(bought), verdict(again)]).toEqual(["200", "200"]);
    const of = async (transaction = "") => (await listed("list", "--limit", "100")).find((sale) => sale.transaction === transaction);
    await poll(() => of(receiptOf(bought)?.transaction)).toMatchObject({ route: "GET /default", delivery: "delivered" });
    await expect
      .poll(() => of(receiptOf(again)?.transaction))
      .toMatchObject({ route: "GET /stocked/:item", delivery: "delivered", paymentId: id });
    const { data } = (await sales("summary", "--route", "/stocked/:item")).json;
    expect(data).toMatchObject({ merchant: world.stack.merchant, routes: { lines: [{ name: "GET /stocked/:item" }] } });
    expect((await sales("reconcile")).exit).toBe(0);
  });

  test("is exported so that what a buyer chose acts as no formula, and comes back as it was [sales-export-hostile]", async () => {
    const buyer = await world.buyer();
    const goods = { url: `${world.stack.merchant}/default?formula` };
    const payment = await buyer.approved(goods);
    const id = `-2-3-${crypto.randomUUID()}`;
    const named = { ...(payment.extensions?.["payment-identifier"] as object), info: { required: false, id } };
    const bought = await buyer.send(goods, { ...payment, extensions: { "payment-identifier": named } });
    expect(verdict(bought)).toBe("200");
    await poll(async () => (await listed("list", "--limit", "100")).some(({ paymentId }) => paymentId === id)).toBe(true);
    const out = box.path("hostile.csv");
    expect((await sales("export", "--out", out)).exit).toBe(0);
    const text = readFileSync(out, "utf8");
    expect(text).toContain(`"'${id}"`);
    expect(text).not.toMatch(/(^|,)"?[=+@-]/m);
    expect([...csvRows(text)].map((row) => plainCell(row?.cells[9] ?? ""))).toContain(id);
    expect((await sales("reconcile", out)).exit).toBe(0);
  });

  test("is shown to readers of the payee's books only, and not after a revocation [sales-readers]", async () => {
    const reader = await keySigner(generateSecretKey());
    const path = `${SALES}?payee=${seller.account}&day=${unixNow()}`;
    const access = await grantAccess(seller, ledger, reader.publicKey, unixNow() - 5);
    const read = async (authorization?: string, at = path) =>
      (await fetch(`${world.stack.merchant}${at}`, { headers: authorization ? { authorization } : {} })).status;
    const signed = (call = { method: "GET", path }, by = reader, granted = access) => authorizeRead(granted, by, call);
    expect(await read(await signed())).toBe(200);
    const stranger = await keySigner(generateSecretKey());
    const others = await grantAccess(stranger, ledger, reader.publicKey);
    const elsewhere = await grantAccess(seller, "ab".repeat(32) as Digest, reader.publicKey);
    expect([
      await read(),
      await read("Bearer key"),
      await read(await signed({ method: "GET", path: `/accounts/${seller.account}` })),
      await read(await signed({ method: "GET", path }, stranger)),
      await read(await signed({ method: "GET", path }, reader, others)),
      await read(await signed({ method: "GET", path }, reader, elsewhere)),
    ]).toEqual([401, 401, 401, 401, 401, 401]);
    expect(await read(await signed({ method: "GET", path: `${SALES}?payee=none&day=1` }), `${SALES}?payee=none&day=1`)).toBe(400);
    // The answer speaks to a seller, and of no payment.
    const malformed = (await (await fetch(`${world.stack.merchant}${SALES}?payee=none&day=1`)).json()) as object;
    expect(malformed).toMatchObject({ error: "invalid_payload", problem: { message: "The request is malformed." } });
    const revocation = await revokeAccesses(seller, ledger, unixNow() - 3);
    expect((await fetch(`${world.stack.facilitator}/books/revoke`, { method: "POST", body: JSON.stringify(revocation) })).status).toBe(200);
    expect(await read(await signed())).toBe(401);
  });
});

test("an operator reads the journal with the facilitator's key, and the record with the shop's [sales-operator]", async () => {
  const buyer = await world.buyer();
  const goods = { url: `${world.stack.merchant}/default?operated` };
  const bought = await buyer.send(goods, await buyer.approved(goods));
  const transaction = receiptOf(bought)?.transaction ?? "";
  const { facilitator, merchant } = world.stack;
  const elsewhere = sandbox();
  await elsewhere.run("doctor"); // makes the state directory
  elsewhere.write("home/config.json", { facilitatorUrl: facilitator, ledger, merchantUrl: merchant });
  elsewhere.write("shop.key", SHOP_KEY, 0o600);
  elsewhere.write("operator.key", OPERATOR_KEY, 0o600);
  const read = (...words: string[]) => elsewhere.run(["sales", ...words, "--account", seller.account]);
  const [OPERATOR, SHOP] = [
    ["--operator-key-file", "./operator.key"],
    ["--merchant-key-file", "./shop.key"],
  ];
  const found = async (...words: string[]) =>
    ((await read("list", "--limit", "100", ...words)).json.data["sales"] as Listed[]).find((sale) => sale.transaction === transaction);
  await poll(() => found(...OPERATOR, ...SHOP)).toMatchObject({ route: "GET /default", delivery: "delivered" });
  // Without the shop's key the configured shop is not asked, and the output says how it would be.
  expect(await found(...OPERATOR)).toMatchObject({ route: "route not recorded", delivery: "unknown" });
  const shown = await elsewhere.run(["sales", "summary", "--account", seller.account, ...OPERATOR], { terminal: true });
  expect(shown.stdout.replaceAll(/\s+/g, " ")).toContain("No merchant was asked");
  expect(shown.stdout).toContain("--merchant-key-file FILE");
  // The facilitator's key opens no shop, and is sent to none.
  const path = `${SALES}?payee=${seller.account}&day=${unixNow()}`;
  const asked = async (key: string) => (await fetch(`${merchant}${path}`, { headers: { authorization: `Bearer ${key}` } })).status;
  expect([await asked(SHOP_KEY), await asked(OPERATOR_KEY)]).toEqual([200, 401]);
  const named = await read("summary", ...OPERATOR, "--merchant-url", merchant);
  expect(named.json.error).toMatchObject({ code: "unauthorized", hint: expect.stringContaining("--merchant-key-file") });
});

describe("goods that are owed", () => {
  test("are listed, and delivered at the payee's word when the buyer repeats the payment [sales-deliver]", async () => {
    const buyer = await world.buyer();
    const goods = { url: `${world.stack.merchant}/stocked/9` };
    await stock("empty");
    const payment = await buyer.approved(goods);
    const failed = await buyer.send(goods, payment);
    const transaction = receiptOf(failed)?.transaction ?? "";
    expect(failed.status).toBe(503);
    const isOwed = async () => (await listed("owed")).some((sale) => sale.transaction === transaction);
    await poll(isOwed).toBe(true);
    await stock("full");
    const served = await buyer.send(goods, payment);
    expect([verdict(served), await served.text()]).toEqual(["200", "goods"]);
    await poll(isOwed).toBe(false);

    // The answer was lost on its way, say. Without the seller's word the payment is used.
    expect(verdict(await buyer.send(goods, payment))).toBe("402 nonce_replayed");
    const before = (await buyer.balances()).owner;
    const ordered = await sales("deliver", transaction);
    expect(ordered.json.data).toMatchObject({ transaction, route: "GET /stocked/:item", payer: buyer.people.owner.account });
    expect(await isOwed()).toBe(true);
    expect(verdict(await buyer.send(goods, payment))).toBe("200");
    expect(verdict(await buyer.send(goods, payment))).toBe("402 nonce_replayed");
    expect((await buyer.balances()).owner).toEqual(before);
    await poll(isOwed).toBe(false);
    expect(await sales("deliver", "ab".repeat(32))).toMatchObject({ exit: 30, json: { error: { code: "sale_not_found" } } });
  });

  test("are delivered at no other word [sales-deliver-signed]", async () => {
    const transaction = "ab".repeat(32) as Digest;
    const origin = world.stack.merchant;
    const order = async (signed: object) => {
      const answer = await fetch(`${origin}${SALES}`, { method: "POST", body: JSON.stringify({ day: "0", ...signed }) });
      return [answer.status, ((await answer.json()) as { problem: { detail?: string } }).problem.detail];
    };
    const good = await signSaleDelivery(seller, { origin, transaction });
    const stranger = await signSaleDelivery(await keySigner(generateSecretKey()), { origin, transaction });
    expect(await order(good)).toEqual([404, "the merchant has no record of this sale"]);
    expect(await order({ ...good, publicKey: stranger.publicKey })).toEqual([401, "publicKey: is not the payee's"]);
    expect(await order({ ...good, signature: stranger.signature })).toEqual([401, "signature: is not the payee's"]);
    expect(await order(await signSaleDelivery(seller, { origin: "https://shop.example", transaction }))).toEqual([
      401,
      `delivery.origin: this merchant is ${origin}`,
    ]);
    expect((await order(await signSaleDelivery(seller, { origin, transaction }, unixNow() - 120)))[0]).toBe(401);
    expect((await order({ delivery: {} }))[0]).toBe(400);
  });
});
