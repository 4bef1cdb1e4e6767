/** BOOKS: who may read an account over HTTP. */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { authorizeRead, grantAccess, revokeAccesses } from "../../shared/protocol/books-access.ts";
import { type Refund, refundTransaction, signRefund } from "../../shared/protocol/refund.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import type { FacilitatorEnv } from "../../workers/facilitator/env.ts";
import { newPayer, randomId, signedPayment } from "../signed.ts";
import { envelopeOf, post, send } from "./http.ts";
import { env, facilitatorsLedger, fundedPayer, NOW, setTime } from "./ledger.ts";

setTime(NOW);
const ledger = facilitatorsLedger();
const KEY = "operator";
const OPERATOR_KEY_SHA256 = bodyDigest(utf8(KEY));
const keyed: FacilitatorEnv = { ...env, BOOKS: "keyed", OPERATOR_KEY_SHA256 };
let id: Digest;
beforeAll(async () => {
  ({ ledger: id } = await ledger.info());
});
afterAll(() => vi.useRealTimers());

const bearer = (key: string) => ({ headers: { Authorization: `Bearer ${key}` } });
const readsOf = (account: string) => [
  `/accounts/${account}`,
  `/accounts/Public/${account}`,
  `/accounts/${account}/journal`,
  `/accounts/${account}/checkpoint`,
];

/** A read that `reader` signs, with an access of `owner`. */
async function signed(owner: WalletSigner, path: string, reader: WalletSigner, issuedAt = NOW): Promise<RequestInit> {
  const access = await grantAccess(owner, id, reader.publicKey, issuedAt);
  return { headers: { Authorization: await authorizeRead(access, reader, { method: "GET", path }, NOW) } };
}

describe("keyed books", () => {
  test("are closed to strangers, in the same words whether or not the account exists [books-closed]", async () => {
    const { account } = await fundedPayer(ledger);
    for (const [path, none] of readsOf(account).map((path, i) => [path, readsOf("1".repeat(32))[i] ?? ""] as const)) {
      const refused = await send(path, {}, keyed);
      expect(refused, path).toMatchObject({
        status: 401,
        body: { error: "unauthorized", problem: { hint: expect.stringContaining("BooksRead") } },
      });
      expect((await send(none, {}, keyed)).body).toEqual(refused.body);
      expect(await send(path, bearer("guess"), keyed)).toMatchObject({ status: 401, body: refused.body });
      expect(await send(path, bearer(KEY), keyed), path).not.toMatchObject({ status: 401 });
      expect(await send(path), path).not.toMatchObject({ status: 401 });
    }
  });

  test("show where a payment was credited to its payee's readers and to the merchant whose key is the payee's, and to no other [credit-readers]", async () => {
    const [payer, seller] = [await fundedPayer(ledger), await newPayer()];
    const payment = await signedPayment(payer, { to: seller.account });
    await post("/settle", envelopeOf(payment));
    const path = `/accounts/${seller.account}/credits/${payment.transaction}?from=${NOW - 30}`;
    const keys = { [bodyDigest(utf8("shop"))]: [seller.account], [bodyDigest(utf8("other"))]: [payer.account] };
    const withKeys = { ...keyed, FACILITATOR_KEYS: JSON.stringify(keys) };
    const credit = { entry: 1, payer: payer.account, value: "10000", refunded: "0" };
    for (const [init, environment] of [
      [bearer("shop"), withKeys],
      [bearer(KEY), keyed],
      [await signed(seller, path, payer), keyed],
      [{}, env],
    ] as const) {
      expect(await send(path, init, environment)).toMatchObject({ status: 200, body: { transaction: payment.transaction, credit } });
    }
    for (const [init, environment] of [
      [{}, keyed],
      [bearer("shop"), keyed],
      [bearer("other"), withKeys],
      [{}, withKeys],
      [await signed(payer, path, payer), keyed],
    ] as const) {
      expect(await send(path, init, environment)).toMatchObject({ status: 401, body: { error: "unauthorized" } });
    }
    const none = await send(`/accounts/${seller.account}/credits/${randomId()}`, {}, env);
    expect([none.status, none.body]).toMatchObject([200, { payee: seller.account }]);
    expect(none.body).not.toHaveProperty("credit");
    expect(await send(`/accounts/${seller.account}/credits/none`, {}, env)).toMatchObject({ status: 400 });
  });

  test("are closed where BOOKS is absent, and to every caller where it is misspelt [books-default]", async () => {
    const { account } = await fundedPayer(ledger);
    const { BOOKS: _, ...absent } = keyed;
    expect(await send(`/accounts/${account}`, {}, absent)).toMatchObject({ status: 401 });
    for (const BOOKS of ["", "Public", "open"]) {
      expect(await send(`/accounts/${account}`, {}, { ...keyed, BOOKS })).toMatchObject({ status: 500, body: { error: "internal_error" } });
      expect(await send(`/accounts/${account}`, bearer(KEY), { ...keyed, BOOKS })).toMatchObject({ status: 500 });
    }
    const payment = envelopeOf(await signedPayment(await fundedPayer(ledger)));
    expect(await post("/settle", payment, { ...keyed, BOOKS: "open" })).toMatchObject({ body: { success: true } });
  });

  test("are open to a key that the account names, and to no other account's [books-signed-read]", async () => {
    const [owner, agent] = [await fundedPayer(ledger), await newPayer()];
    const other = await fundedPayer(ledger);
    for (const path of readsOf(owner.account)) {
      expect(await send(path, await signed(owner, path, agent), keyed), path).not.toMatchObject({ status: 401 });
      expect(await send(path, await signed(other, path, agent), keyed), path).toMatchObject({ status: 401 });
    }
    const path = `/accounts/${owner.account}`;
    expect(await send(path, await signed(owner, path, agent), keyed)).toMatchObject({ status: 200, body: { balance: "25000" } });
    const elsewhere = await grantAccess(owner, randomId(), agent.publicKey, NOW);
    const headers = { Authorization: await authorizeRead(elsewhere, agent, { method: "GET", path }, NOW) };
    expect(await send(path, { headers }, keyed)).toMatchObject({
      status: 401,
      body: { problem: { detail: "access.ledger: is not this ledger" } },
    });
  });

  test("are closed again to accesses that were revoked, and open to those issued later [books-revoked]", async () => {
    const [owner, agent] = [await fundedPayer(ledger), await newPayer()];
    const path = `/accounts/${owner.account}`;
    const read = async (issuedAt: number) => (await send(path, await signed(owner, path, agent, issuedAt), keyed)).status;
    const revoke = async (through: number) => post("/books/revoke", await revokeAccesses(owner, id, through), keyed);
    expect([await read(NOW - 5), await read(NOW)]).toEqual([200, 200]);
    const answer = { success: true, network: "logos:lez-testnet", ledger: id, account: owner.account, through: String(NOW - 5) };
    expect(await revoke(NOW - 5)).toMatchObject({ status: 200, body: answer });
    expect([await read(NOW - 5), await read(NOW - 4)]).toEqual([401, 200]);
    // An older revocation takes nothing back.
    expect(await revoke(NOW - 9)).toMatchObject({ status: 200, body: answer });
    expect(await read(NOW - 5)).toBe(401);
  });

  test("are revoked by the account alone, for this ledger, and not for the future", async () => {
    const owner = await fundedPayer(ledger);
    const good = await revokeAccesses(owner, id, NOW);
    expect(await post("/books/revoke", { ...good, signature: "00".repeat(64) }, keyed)).toMatchObject({
      status: 402,
      body: { error: "invalid_signature" },
    });
    expect(await post("/books/revoke", { ...good, more: "1" }, keyed)).toMatchObject({ status: 400, body: { error: "invalid_payload" } });
    expect(await post("/books/revoke", await revokeAccesses(owner, randomId(), NOW), keyed)).toMatchObject({
      body: { error: "ledger_mismatch" },
    });
    expect(await post("/books/revoke", await revokeAccesses(owner, id, NOW + 61), keyed)).toMatchObject({ status: 400 });
    const stranger = await revokeAccesses(await newPayer(), id, NOW);
    expect(await post("/books/revoke", stranger, keyed)).toMatchObject({ body: { error: "insufficient_funds" } });
    const CANCEL_LIMIT = { limit: async () => ({ success: false }) };
    expect(await post("/books/revoke", good, { ...keyed, CANCEL_LIMIT })).toMatchObject({ status: 429 });
  });

  test("show no balance in the answer to a stranger's grant [books-faucet]", async () => {
    const { account } = await fundedPayer(ledger);
    const grant = () => ({ account, amount: "1", id: randomId() });
    const told = await post("/faucet", grant(), keyed);
    expect(told).toMatchObject({ status: 200, body: { success: true, account } });
    expect(told.body).not.toHaveProperty("balance");
    expect(await post("/faucet", grant())).toMatchObject({ status: 200, body: { balance: "25002" } });
  });

  test("leave one payment's state to who knows its nonce", async () => {
    const payment = await signedPayment(await fundedPayer(ledger));
    const { payer, nonce, validBefore } = payment.payment;
    const path = `/settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`;
    expect(await send(path, {}, keyed)).toMatchObject({ status: 200, body: { status: "unused" } });
  });
});

describe("one payment's entry", () => {
  const entryOf = (payment: unknown, bindings = keyed) => post("/settlements/entry", payment, bindings);

  test("is for who presents the payment, and shows no other [books-one-payment]", async () => {
    const payer = await fundedPayer(ledger);
    const [first, second] = [await signedPayment(payer), await signedPayment(payer)];
    expect(await entryOf(first.payload.payload)).toMatchObject({
      status: 200,
      body: { ledger: id, payer: payer.account, transaction: first.transaction },
    });
    for (const payment of [first, second])
      expect(await post("/settle", envelopeOf(payment), keyed)).toMatchObject({ body: { success: true } });
    for (const [{ payload, transaction }, seq] of [
      [first, "2"],
      [second, "3"],
    ] as const) {
      const { body } = await entryOf(payload.payload);
      expect(body["entry"]).toMatchObject({ kind: "debit", account: payer.account, seq, transaction });
      expect(Object.keys(body)).toEqual(["network", "ledger", "payer", "transaction", "entry"]);
    }
  });

  test("is for no caller who cannot sign as the payer", async () => {
    const { payload } = await signedPayment(await fundedPayer(ledger));
    const { authorization, publicKey } = payload.payload as Record<string, object>;
    const forged = { authorization, publicKey, signature: "00".repeat(64) };
    expect(await entryOf(forged)).toMatchObject({ status: 402, body: { error: "invalid_signature" } });
    expect(await entryOf({ authorization })).toMatchObject({ status: 400, body: { error: "invalid_payload" } });
    const CALL_LIMIT = { limit: async () => ({ success: false }) };
    expect(await entryOf(payload.payload, { ...keyed, CALL_LIMIT })).toMatchObject({ status: 429 });
  });
});

test("one payment's refunds are for who presents it, in the payee's words, and show no balance [books-refunds]", async () => {
  const [payer, stranger] = [await fundedPayer(ledger), await newPayer()];
  const payee = await newPayer();
  const payment = await signedPayment(payer, { to: payee.account });
  const { payload } = payment.payload;
  expect(await post("/settle", envelopeOf(payment), keyed)).toMatchObject({ body: { success: true } });
  const ask = (presented: unknown, bindings = keyed) => post("/settlements/refunds", presented, bindings);
  expect(await ask(payload)).toMatchObject({ status: 200, body: { ledger: id, refunded: "0", refunds: [] } });
  const refund: Refund = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger: id,
    transaction: payment.transaction,
    from: payee.account,
    to: payer.account,
    entry: "1",
    amount: "400" as Amount,
    reason: "overcharge",
    id: randomId(),
    issuedAt: String(NOW),
  };
  const signed = await signRefund(refund, payee);
  expect(await post("/refunds", signed, keyed)).toMatchObject({ status: 200 });
  const { body } = await ask(payload);
  expect(Object.keys(body)).toEqual(["network", "ledger", "transaction", "refunded", "refunds"]);
  expect(body).toMatchObject({ transaction: payment.transaction, refunded: "400" });
  const told = { transaction: refundTransaction(refund), at: expect.any(Number), debit: 2, amount: "400", signed };
  expect(body["refunds"]).toEqual([told]);
  const { authorization } = payload as { authorization: object };
  const forged = { authorization, publicKey: stranger.publicKey, signature: "00".repeat(64) };
  expect(await ask(forged)).toMatchObject({ status: 402, body: { error: "invalid_signature" } });
  expect(await ask(payload, { ...keyed, CALL_LIMIT: { limit: async () => ({ success: false }) } })).toMatchObject({ status: 429 });
});

describe("FAUCET=on", () => {
  test("opens no operator's write, and reads only where the books are public [books-faucet-no-operator]", async () => {
    const withFaucet = (BOOKS: string) => ({ ...keyed, FAUCET: "on", BOOKS });
    const write = (bindings: FacilitatorEnv, key?: string) =>
      send("/ledger/checkpoints", { method: "POST", body: "{}", ...(key !== undefined && bearer(key)) }, bindings);
    for (const books of ["public", "keyed"]) {
      expect(await write(withFaucet(books))).toMatchObject({ status: 401 });
      expect(await write(withFaucet(books), "guess")).toMatchObject({ status: 401 });
      expect(await write(withFaucet(books), KEY)).toMatchObject({ status: 400 });
      const clock = { method: "POST", body: JSON.stringify({ to: NOW }) };
      expect((await send("/ledger/clock", clock, withFaucet(books))).status).not.toBe(200);
    }
    for (const path of ["/ledger/audit", "/ledger/clock"]) {
      expect(await send(path, {}, withFaucet("public"))).toMatchObject({ status: 200 });
      expect(await send(path, {}, withFaucet("keyed"))).toMatchObject({ status: 401 });
      expect(await send(path, {}, { ...withFaucet("public"), FAUCET: "off" })).toMatchObject({ status: 401 });
      expect(await send(path, bearer(KEY), withFaucet("keyed"))).toMatchObject({ status: 200 });
    }
  });
});

test("a HEAD is counted and closed like the GET that it runs", async () => {
  const { account } = await fundedPayer(ledger);
  const keys: string[] = [];
  const CALL_LIMIT = { limit: async ({ key = "" }) => (keys.push(key), { success: true }) };
  const response = await send(`/accounts/${account}`, { method: "HEAD" }, { ...keyed, CALL_LIMIT }).catch(() => undefined);
  expect(response).toBeUndefined(); // a HEAD has no body
  expect(keys).toEqual(["read/local"]);
});
