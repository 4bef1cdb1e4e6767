import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { ERRORS, isErrorCode, type Problem } from "../../shared/errors.ts";
import { MAX_FACILITATOR_BODY_BYTES, RETENTION_SECONDS } from "../../shared/limits.ts";
import type { MetricsDataset } from "../../shared/metrics.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { type Mandate, mandateDigest } from "../../shared/protocol/mandate.ts";
import { type Revocation, signRevocation } from "../../shared/protocol/revocation.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { signTransfer, type Transfer, transferNonce } from "../../shared/protocol/transfer.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { merchant } from "../fixtures.ts";
import { readMetrics } from "../prometheus.ts";
import { newMandate, newPayer, randomId, signedPayment, type SignedPayment, signedUnder } from "../signed.ts";
import { type Answer, envelopeOf, get, post, send, sendText } from "./http.ts";
import { env, facilitatorsLedger, fundedPayer, NOW, remote, setTime, SHARDS } from "./ledger.ts";

setTime(NOW);
const ledger = facilitatorsLedger();
let ledgerId = "";
beforeAll(async () => {
  ledgerId = (await ledger.info()).ledger;
});
afterAll(() => vi.useRealTimers());

/** A refusal as people read it. */
function problem(code: keyof typeof ERRORS, said: { message?: unknown; detail?: unknown } = {}) {
  return { error: code, problem: expect.objectContaining({ code, message: ERRORS[code].message, ...said }) };
}
/** A request that is not as it must be, and where. */
const misshapen = (detail: unknown = expect.any(String)) => problem("invalid_payload", { message: "The request is malformed.", detail });

const lookup = ({ payment: { payer, nonce, validBefore } }: SignedPayment) =>
  get(`/settlements/logos:lez-testnet/${payer}/${nonce}?validBefore=${validBefore}`);
const told = ({ payment: { payer, nonce } }: SignedPayment, status: string) => ({
  status: 200,
  body: { network: "logos:lez-testnet", ledger: ledgerId, payer, nonce, status },
});

describe("GET /metrics", () => {
  const ask = (bindings: object, key?: string) =>
    sendText("/metrics", key === undefined ? {} : { headers: { Authorization: `Bearer ${key}` } }, { ...env, FAUCET: "off", ...bindings });
  const OPERATOR_KEY_SHA256 = bodyDigest(utf8("the-operators-key"));

  test("is the operator's alone", async () => {
    for (const key of [undefined, "a-guess"]) {
      const refused = await ask({ OPERATOR_KEY_SHA256 }, key);
      expect([refused.status, JSON.parse(refused.text)]).toEqual([401, expect.objectContaining({ error: "unauthorized" })]);
    }
    expect((await ask({}, "the-operators-key")).status).toBe(401);
    const { status, text } = await ask({ OPERATOR_KEY_SHA256 }, "the-operators-key");
    expect(status).toBe(200);
    const shards = Array.from({ length: SHARDS }, (_, shard) => [`shard="${shard}"`, 1]);
    expect(readMetrics(text)["lez_ledger_up"]).toEqual({ type: "gauge", samples: Object.fromEntries(shards) });
  });

  test("names a shard that does not answer, and reads the others [metrics-shard-down]", async () => {
    const LEDGER = {
      getByName: (name: string) => (name === "ledger" ? env.LEDGER.getByName(name) : { watch: () => Promise.reject(new Error("gone")) }),
    };
    const { status, text } = await ask({ OPERATOR_KEY_SHA256, LEDGER, SHARDS: "2" }, "the-operators-key");
    const metrics = readMetrics(text);
    expect([status, metrics["lez_ledger_up"]?.samples]).toEqual([200, { 'shard="0"': 1, 'shard="1"': 0 }]);
    expect(metrics["lez_ledger_holds"]?.samples).toEqual({ 'shard="0"': expect.any(Number) });
  });
});

test("where PAYMENT_METRICS is bound, refusals and the ledger's answers are data points [metrics-points]", async () => {
  type Point = Parameters<MetricsDataset["writeDataPoint"]>[0];
  const points: Point[] = [];
  const bindings = { ...env, PAYMENT_METRICS: { writeDataPoint: (point: Point) => void points.push(point) } };
  const signed = await signedPayment(await newPayer());
  await post("/settle", { x402Version: 2, paymentPayload: signed.payload, paymentRequirements: signed.requirements }, bindings);
  const refused = { indexes: ["facilitator.settle"], blobs: ["facilitator.settle", "insufficient_funds"], doubles: [0, 0] };
  expect(points).toContainEqual(refused);
  expect(points).toContainEqual({ indexes: ["ledger.call"], blobs: ["ledger.call", ""], doubles: [0, expect.any(Number)] });
  // The payer, the nonce and the trace are in no column.
  expect(JSON.stringify(points)).not.toMatch(/[0-9a-f]{32}/);
});

describe("GET", () => {
  test("/supported says what is settled here, in x402's words", async () => {
    const { status, body } = await get("/supported");
    expect(status).toBe(200);
    expect(body).toEqual({
      kinds: ["exact", "upto", "batch-settlement"].map((scheme) => ({
        x402Version: 2,
        scheme,
        network: "logos:lez-testnet",
        extra: { ledger: ledgerId },
      })),
      extensions: ["bazaar", "refund"],
      signers: { "logos:*": [] },
    });
  });

  test("/health says which ledger", async () => {
    expect(await get("/health")).toMatchObject({ status: 200, body: { ok: true, network: "logos:lez-testnet", ledger: ledgerId } });
  });

  test("/accounts/:id is a balance, as people write accounts too", async () => {
    const { account } = await fundedPayer(ledger);
    const state = { account, balance: "25000", held: "0", journalSeq: 1, journalHead: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(await get(`/accounts/${account}`)).toMatchObject({ status: 200, body: state });
    expect(await get(`/accounts/Public/${account}`)).toMatchObject({ status: 200, body: state });
    expect(await get(`/accounts/Public%2F${account}`)).toMatchObject({ status: 200, body: state });
  });

  test("/accounts/:id of what is no account, or a private one, says so", async () => {
    const { account } = await newPayer();
    for (const wrong of ["alice", `Private/${account}`, `${account}/${account}`, "1".repeat(3000)]) {
      expect(await get(`/accounts/${wrong}`), wrong).toMatchObject({ status: 400, body: misshapen() });
    }
  });

  test.each([
    "/",
    "/settle",
    "/verify",
    "/faucet",
    "/accounts",
    "/accounts/",
    "/settlements",
    "/settlements/logos:lez-testnet",
    "/nothing",
  ])("%s is not_found", async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: problem("not_found") });
  });
});

describe("GET /settlements", () => {
  test("tells unused, reserved, settled and cancelled", async () => {
    const payer = await fundedPayer(ledger);
    const signed = await signedPayment(payer);
    const { payment, transaction } = signed;
    expect(await lookup(signed)).toMatchObject(told(signed, "unused"));
    const hold = { reservationId: randomId(), holdSeconds: 60 };
    await remote(ledger).reserve({ payment, ...hold }, "");
    expect(await lookup(signed)).toMatchObject(told(signed, "reserved"));
    await remote(ledger).capture({ payer: payment.payer, nonce: payment.nonce, reservationId: hold.reservationId }, "");
    const settled = await lookup(signed);
    expect(settled).toMatchObject(told(signed, "settled"));
    expect(settled.body["transaction"]).toBe(transaction);

    const other = await signedPayment(payer);
    await remote(ledger).cancel({ payer: payer.account, nonce: other.payment.nonce }, "");
    expect(await lookup(other)).toMatchObject(told(other, "cancelled"));
  });

  test("tells expired, and unknown when it was too long ago", async () => {
    const payer = await newPayer();
    const expired = await signedPayment(payer, { validBefore: String(NOW - 1) });
    expect(await lookup(expired)).toMatchObject(told(expired, "expired"));
    const unknown = await signedPayment(payer, { validBefore: String(NOW - RETENTION_SECONDS - 1) });
    expect(await lookup(unknown)).toMatchObject(told(unknown, "unknown"));
  });

  test("wants all of it, well spelled", async () => {
    const { account } = await newPayer();
    const nonce = randomId();
    const good = `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=${NOW}`;
    expect(await get(good)).toMatchObject({ status: 200 });
    for (const wrong of [
      `/settlements/logos:lez-testnet/${account}/${nonce}`,
      `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=`,
      `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=soon`,
      `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=-1`,
      `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=1e9`,
      `/settlements/logos:lez-testnet/${account}/${nonce}?validBefore=${"9".repeat(13)}`,
      `/settlements/logos:lez-testnet/${account}/${nonce.toUpperCase()}A?validBefore=${NOW}`,
      `/settlements/logos:lez-testnet/alice/${nonce}?validBefore=${NOW}`,
      `/settlements/base:sepolia/${account}/${nonce}?validBefore=${NOW}`,
    ]) {
      expect(await get(wrong), wrong).toMatchObject({ status: 400, body: misshapen() });
    }
  });
});

describe("POST /settlements/cancel", () => {
  const decided = { decision: "revoked", code: "other", decidedAt: formatTimestamp(NOW) } as const;
  const revocationBy = (payer: WalletSigner) => recordDecision({ ...decided, requestDigest: randomId() }, payer);

  test("cancels a nonce for its payer, as often as the limit allows", async () => {
    const payer = await fundedPayer(ledger);
    const revocation = () => revocationBy(payer);
    const cancelled = { success: true, network: "logos:lez-testnet", payer: payer.account, nonce: expect.any(String) };
    expect(await post("/settlements/cancel", await revocation())).toMatchObject({ status: 200, body: cancelled });

    const CANCEL_LIMIT = { limit: async () => ({ success: false }) };
    const turnedAway = await post("/settlements/cancel", await revocation(), { ...env, CANCEL_LIMIT });
    expect(turnedAway).toMatchObject({ status: 429, body: problem("rate_limited") });
    expect(turnedAway.headers.get("retry-after")).toBe("2");
  });

  test("stores nothing for an account that has never held money, and says what follows", async () => {
    const message = "This account has never held money here, so the ledger cannot cancel anything for it.";
    const hint = expect.stringContaining("Revoke again once it has money");
    const refused = { error: "insufficient_funds", problem: expect.objectContaining({ message, hint }) };
    expect(await post("/settlements/cancel", await revocationBy(await newPayer()))).toMatchObject({ status: 402, body: refused });
  });
});

describe("mandates over HTTP", async () => {
  const agent = await newPayer();
  const granted = async (changes: Partial<Mandate> = {}) => {
    const payer = await fundedPayer(ledger);
    const mandate = await newMandate(payer, agent, ledgerId as Digest, changes);
    const digest = mandateDigest(mandate.mandate);
    const read = () => get(`/mandates/logos:lez-testnet/${payer.account}/${digest}`);
    const settle = async () => (await post("/settle", envelopeOf(await signedUnder(mandate, agent)))).body;
    const revocation = (mandate: Digest | "*" = digest): Revocation => ({
      version: "1",
      network: "logos:lez-testnet",
      ledger: ledgerId as Digest,
      from: payer.account,
      mandate,
      revokedAt: String(NOW),
    });
    return { payer, mandate, digest, read, settle, revocation };
  };

  test("are counted, and /verify counts nothing", async () => {
    const { payer, mandate, digest, read, settle } = await granted();
    const about = { network: "logos:lez-testnet", ledger: ledgerId, payer: payer.account, mandate: digest };
    expect((await post("/verify", envelopeOf(await signedUnder(mandate, agent)))).body).toEqual({ isValid: true, payer: payer.account });
    expect((await read()).body).toEqual({ ...about, status: "unused" });
    expect(await settle()).toMatchObject({ success: true });
    const counted = { status: "open", settled: "10000", claimed: "0", left: "10000", validBefore: NOW + 86_400 };
    expect((await read()).body).toEqual({ ...about, ...counted });
    expect(await settle()).toMatchObject({ success: true });
    expect(await settle()).toMatchObject({ success: false, errorReason: "mandate_exceeded", transaction: "", extra: { limit: "total" } });
  });

  test("say when the next period begins", async () => {
    const { settle } = await granted({ period: { seconds: "3600", amount: "10000" as Amount } });
    expect(await settle()).toMatchObject({ success: true });
    expect(await settle()).toMatchObject({ errorReason: "mandate_exceeded", extra: { limit: "period", renewsAt: NOW + 3600 } });
  });

  test("are revoked by their payer, as often as asked [mandate-revoked-at-once]", async () => {
    const { payer, digest, read, settle, revocation } = await granted();
    expect(await settle()).toMatchObject({ success: true });
    const answer = { success: true, network: "logos:lez-testnet", payer: payer.account, mandate: digest, revokedAt: NOW };
    for (let i = 0; i < 2; i++) {
      const revoked = await post("/mandates/revoke", await signRevocation(revocation(), payer));
      expect(revoked).toMatchObject({ status: 200, body: { ...answer, underWay: { payments: 0, value: "0" } } });
    }
    expect(await settle()).toMatchObject({ success: false, errorReason: "mandate_revoked" });
    expect((await read()).body).toMatchObject({ status: "revoked", revokedAt: NOW, settled: "10000" });
  });

  test("are given up by their agent, one at a time", async () => {
    const { mandate, settle, revocation } = await granted();
    expect(await post("/mandates/revoke", await signRevocation(revocation("*"), agent, mandate))).toMatchObject({
      status: 402,
      body: { error: "invalid_signature" },
    });
    expect(await post("/mandates/revoke", await signRevocation(revocation(), agent, mandate))).toMatchObject({ status: 200 });
    expect(await settle()).toMatchObject({ errorReason: "mandate_revoked" });
  });

  test("are revoked all at once", async () => {
    const { payer, settle, revocation } = await granted();
    expect(await post("/mandates/revoke", await signRevocation(revocation("*"), payer))).toMatchObject({ status: 200 });
    expect(await settle()).toMatchObject({ errorReason: "mandate_revoked" });
  });

  test("are revoked by no one else, and stored for no account without money", async () => {
    const { payer, revocation } = await granted();
    const refusedAs = async (changes: Partial<Revocation>, signer = payer) =>
      (await post("/mandates/revoke", await signRevocation({ ...revocation(), ...changes }, signer))).body["error"];
    expect(await refusedAs({}, agent)).toBe("invalid_signature");
    expect(await refusedAs({ network: "logos:other" })).toBe("invalid_network");
    expect(await refusedAs({ ledger: randomId() })).toBe("ledger_mismatch");
    expect(await refusedAs({ revokedAt: String(NOW + 31), mandate: "*" })).toBe("invalid_payload");
    const poor = await newPayer();
    expect(await refusedAs({ from: poor.account }, poor)).toBe("insufficient_funds");
    expect(await post("/mandates/revoke", { revocation: revocation() })).toMatchObject({ status: 400, body: misshapen() });
    expect(await get(`/mandates/logos:other/${payer.account}/${randomId()}`)).toMatchObject({ status: 400, body: misshapen() });
  });
});

describe("POST /transfers", () => {
  const transferOf = (from: WalletSigner, changes: Partial<Transfer> = {}): Transfer => ({
    network: "logos:lez-testnet",
    asset: "native",
    from: from.account,
    to: merchant.account,
    value: "300" as Amount,
    validAfter: String(NOW),
    validBefore: String(NOW + 900),
    nonce: transferNonce(from.account, "rent"),
    ledger: ledgerId as Digest,
    purpose: "transfer",
    ...changes,
  });
  const balance = async ({ account }: WalletSigner) => (await get(`/accounts/${account}`)).body["balance"];

  test("moves the money once, says so as often as it is asked, and names the cause in the payer's journal", async () => {
    const payer = await fundedPayer(ledger);
    const before = BigInt(String(await balance(payer)));
    const signed = await signTransfer(transferOf(payer), payer);
    const transaction = transactionOf("logos:lez-testnet", authorizationDigest(signed.authorization));
    const parties = { from: payer.account, to: merchant.account, amount: "300" };
    for (let i = 0; i < 2; i++) {
      const answer = await post("/transfers", signed);
      expect(answer).toMatchObject({ status: 200, body: { success: true, transaction, ...parties } });
    }
    expect(await balance(payer)).toBe(String(before - 300n));
    const { entries } = (await get(`/accounts/${payer.account}/journal`)).body as { entries: object[] };
    expect(entries.at(-1)).toMatchObject({ kind: "debit", cause: "transfer", transaction, value: "300" });
    const other = await post("/transfers", await signTransfer(transferOf(payer, { value: "301" as Amount }), payer));
    expect(other).toMatchObject({ status: 402, body: { ...problem("nonce_replayed", { message: expect.any(String) }), transaction } });
  });

  test("refuses every other object, and a payment's route refuses a transfer", async () => {
    const payer = await fundedPayer(ledger);
    const signed = await signTransfer(transferOf(payer), payer);
    const { purpose: _, ...payment } = signed.authorization;
    for (const authorization of [
      payment,
      { ...signed.authorization, binding: randomId() },
      { ...signed.authorization, mandate: randomId() },
    ])
      expect(await post("/transfers", { ...signed, authorization })).toMatchObject({ status: 400, body: misshapen() });
    expect(await post("/transfers", await signTransfer(transferOf(payer), merchant))).toMatchObject({
      body: { error: "invalid_signature" },
    });
    const poor = await newPayer();
    const unfunded = await post("/transfers", await signTransfer(transferOf(poor), poor));
    expect(unfunded).toMatchObject({ status: 402, body: { error: "insufficient_funds" } });
  });
});

describe("POST /faucet", () => {
  test("gives once for one id, the usual amount when none is named", async () => {
    const { account } = await newPayer();
    const id = randomId();
    const first = await post("/faucet", { account, id });
    expect(first).toMatchObject({ status: 200, body: { success: true, account, balance: "1000000", transaction: expect.any(String) } });
    expect((await post("/faucet", { account, id })).body).toEqual(first.body);
    expect((await post("/faucet", { account, amount: "5", id: randomId() })).body).toMatchObject({ balance: "1000005" });
    expect(await post("/faucet", { account, amount: "5", id })).toMatchObject({
      status: 402,
      body: problem("nonce_replayed", { message: "This id belongs to another grant." }),
    });
  });

  test("has a cap, and says when to come back", async () => {
    const { account } = await newPayer();
    const answer = await post("/faucet", { account, amount: "100000001", id: randomId() });
    expect(answer).toMatchObject({ status: 429, body: problem("rate_limited", { message: expect.stringContaining("100000000") }) });
    expect(answer.headers.get("retry-after")).toBe("86400");
  });

  test("reads account, amount and id, and nothing else", async () => {
    const good = { account: merchant.account, id: randomId() };
    for (const wrong of [
      "",
      "{}",
      { id: good.id },
      { ...good, amount: 5 },
      { ...good, amount: "0" },
      { ...good, account: "alice" },
      { ...good, more: 1 },
    ]) {
      expect(await post("/faucet", wrong)).toMatchObject({ status: 400, body: misshapen() });
    }
    expect(await post("/faucet", " ".repeat(MAX_FACILITATOR_BODY_BYTES + 1))).toMatchObject({
      status: 413,
      body: problem("payload_too_large"),
    });
  });

  test.each([undefined, "", "off", "ON", "true"])("is not there when FAUCET is %s", async (FAUCET) => {
    const { account } = await newPayer();
    const off = { LEDGER: env.LEDGER, ...(FAUCET !== undefined && { FAUCET }) };
    expect(await post("/faucet", { account, id: randomId() }, off)).toMatchObject({
      status: 404,
      body: problem("not_found", { message: "The faucet is off here." }),
    });
    expect(await get(`/accounts/${account}`)).toMatchObject({ body: { balance: "0" } });
  });
});

describe("every answer", () => {
  test("carries the caller's trace id, or a new one", async () => {
    const mine = "ab".repeat(16);
    for (const path of ["/health", "/nothing"]) {
      expect((await send(path, { headers: { "x-trace-id": mine } })).headers.get("x-trace-id")).toBe(mine);
      const traceparent = `00-${mine}-00f067aa0ba902b7-01`;
      expect((await send(path, { headers: { traceparent } })).headers.get("x-trace-id")).toBe(mine);
      for (const given of [undefined, "short", "<script>"]) {
        const trace = (await send(path, given ? { headers: { "x-trace-id": given } } : {})).headers.get("x-trace-id");
        expect(trace).toMatch(/^[0-9a-f]{32}$/);
      }
    }
  });

  test("that refuses names a code of the table, says what was wrong with this request, and speaks of no payment", async () => {
    const { account } = await fundedPayer(ledger);
    const nonce = randomId();
    const id = randomId();
    const decided = { decision: "revoked", code: "other", decidedAt: formatTimestamp(NOW), requestDigest: randomId() } as const;
    const record = await recordDecision(decided, await newPayer());
    const declined = await recordDecision({ ...decided, decision: "declined" }, await newPayer());
    const noLedger = { ...env, SHARDS: "7" };
    const real = { ...env, FAUCET: "off" };
    await post("/faucet", { account, id });
    const said = async (answer: Promise<Answer>) => {
      const { body } = await answer;
      expect(isErrorCode(body["error"])).toBe(true);
      const { message, hint, detail } = body["problem"] as Problem;
      expect(`${message} ${hint}`).not.toMatch(/payment|signature/i);
      return detail ?? message;
    };
    expect(await said(get("/accounts/alice"))).toBe("not a LEZ account: expected base58 of 32 bytes");
    expect(await said(get("/accounts/alice/journal"))).toBe("not a LEZ account: expected base58 of 32 bytes");
    expect(await said(get(`/accounts/${account}/journal?after=x`))).toBe("after: must be the number of an entry");
    expect(await said(get(`/accounts/${account}/checkpoint?seq=x`))).toBe("seq: must be the number of an entry");
    const lookup = `/settlements/logos:lez-testnet/${account}/${nonce}`;
    expect(await said(get(lookup))).toBe("validBefore: must be the unix seconds that were signed");
    expect(await said(get(`${lookup}?validBefore=soon`))).toBe("validBefore: must be the unix seconds that were signed");
    const elsewhere = lookup.replace("logos:lez-testnet", "base:sepolia");
    expect(await said(get(`${elsewhere}?validBefore=1`))).toBe('network: must be "logos:lez-testnet"');
    expect(await said(get(`${lookup}0?validBefore=1`))).toBe("nonce: must be 64 lowercase hex digits");
    expect(await said(post("/settlements/cancel", "{}"))).toBe("decision: must be of type object");
    expect(await said(post("/settlements/cancel", { ...record, signed: false }))).toBe("signed: must be true");
    expect(await said(post("/settlements/cancel", declined))).toBe('decision.decision: must be "revoked"');
    expect(await said(post("/faucet", ""))).toBe("not JSON");
    expect(await said(post("/faucet", "[]"))).toBe("value: must be of type object");
    expect(await said(post("/faucet", { account, id: "1" }))).toBe("id: must be 64 lowercase hex digits");
    expect(await said(post("/faucet", { account, id, amount: "5" }))).toBe("This id belongs to another grant.");
    const operator = { ...env, OPERATOR_KEY_SHA256: bodyDigest(utf8("key")) };
    const empty = { method: "POST", body: "{}", headers: { Authorization: "Bearer key" } };
    expect(await said(send("/ledger/checkpoints", empty, operator))).toBe("account: must be a LEZ account: base58 of 32 bytes");
    expect(await said(send("/ledger/audit", {}, real))).toBe("This is for the ledger's operator.");
    expect(await said(send("/health", {}, noLedger))).toBe("The ledger could not be asked right now.");

    // These speak of one, since they are about one.
    const forged = { ...record, signature: "0".repeat(128) };
    const { body } = await post("/settlements/cancel", forged);
    expect(body).toMatchObject(problem("invalid_signature", { message: "The signature is not the payer's, under this decision." }));
  });
});
