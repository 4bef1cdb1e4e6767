import { describe, expect, test } from "vitest";
import { inProcessBackend } from "../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { REFUND } from "../../test/fixtures.ts";
import { newPayer, randomId, reserveCommand, settleCommand, signedPayment, type SignedPayment, unverified } from "../../test/signed.ts";
import type { Digest } from "../crypto/digest.ts";
import { LedgerRules } from "../ledger/rules.ts";
import { CLOCK_SKEW_SECONDS, HOLD_SECONDS, MAX_PENDING_SETTLEMENTS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { approvalNonce } from "../protocol/authorization.ts";
import { recordDecision, type SignedDecision } from "../protocol/decision.ts";
import type { LedgerPayment } from "../protocol/ledger-payment.ts";
import type { LedgerRefund } from "../protocol/ledger-refund.ts";
import { type Refund, type SignedRefund, signRefund } from "../protocol/refund.ts";
import { refusal } from "../protocol/refusal.ts";
import { unixNow } from "../time.ts";
import type { PaymentBackend, RefundResult } from "./backend.ts";
import type { SettleCommand } from "./commands.ts";
import { BackendUnavailable, Facilitator, type PendingSettlements } from "./facilitator.ts";

const LEDGER = randomId();
const payer = await newPayer();

/** A facilitator over a ledger in which the payer has 25000, and what it asked of that ledger. */
async function setUp(disturb: (backend: PaymentBackend) => Partial<PaymentBackend> = () => ({})) {
  const ledger = inProcessBackend(new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 9n, at: unixNow() }));
  await ledger.fund(payer.account, "25000" as Amount, randomId());
  const calls: [method: string, ...args: unknown[]][] = [];
  const backend = new Proxy(
    { ...ledger, ...disturb(ledger) },
    {
      get(target, method: keyof PaymentBackend) {
        const member = target[method];
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          calls.push([method, ...args]);
          return (member as (...args: unknown[]) => unknown)(...args);
        };
      },
    },
  );
  const pending: PendingSettlements = new Map();
  return { facilitator: new Facilitator(backend, LEDGER, pending), ledger, calls, pending };
}

const forged = ({ payload, ...rest }: SignedPayment): SignedPayment => ({
  ...rest,
  payload: { ...payload, payload: { ...payload.payload, signature: "00".repeat(64) } },
});
const balanceIn = async (ledger: PaymentBackend) => (await ledger.account(payer.account)).balance;
const settle = (facilitator: Facilitator, signed: SignedPayment) => facilitator.settle(settleCommand(signed));
const pendingOf = ({ transaction }: SignedPayment) => ({
  success: false,
  errorReason: "settlement_pending",
  payer: payer.account,
  transaction,
});
const unavailable = () => Promise.reject(new BackendUnavailable("gone", { overloaded: false }));

/** Settles on a slow line that loses the first answers, or the first questions. */
function losing(what: "answers" | "questions", times: number) {
  return (backend: PaymentBackend): Partial<PaymentBackend> => ({
    async settle(command: SettleCommand<LedgerPayment>) {
      const lost = times-- > 0;
      if (lost && what === "questions") return unavailable();
      const result = await backend.settle(command);
      await new Promise((resolve) => setTimeout(resolve, 1));
      return lost ? unavailable() : result;
    },
  });
}

describe("verify", () => {
  test("says yes to what would settle, and asks the ledger one question", async () => {
    const { facilitator, calls } = await setUp();
    const signed = await signedPayment(payer);
    const { payment } = signed;
    expect(await facilitator.verify(unverified(signed))).toEqual({ isValid: true, payer: payer.account });
    expect(calls).toEqual([["check", payment]]);
  });

  test("says no with the ledger's reason", async () => {
    const { facilitator } = await setUp();
    const signed = await signedPayment(payer, { value: "25001" as Amount });
    const invalid = { isValid: false, invalidReason: "insufficient_funds", payer: payer.account };
    expect(await facilitator.verify(unverified(signed))).toEqual(invalid);
  });

  test("says no to a forgery without asking the ledger", async () => {
    const { facilitator, calls } = await setUp();
    const signed = forged(await signedPayment(payer));
    const invalid = { isValid: false, invalidReason: "invalid_signature", payer: payer.account };
    expect(await facilitator.verify(unverified(signed))).toEqual(invalid);
    expect(calls).toEqual([]);
  });

  test("names no payer where the payload names none", async () => {
    const { facilitator } = await setUp();
    expect(await facilitator.verify({ paymentPayload: {}, paymentRequirements: {} })).toEqual({
      isValid: false,
      invalidReason: "invalid_payload",
    });
  });

  test("passes on that the ledger could not be asked", async () => {
    const { facilitator } = await setUp(() => ({ check: unavailable }));
    const signed = await signedPayment(payer);
    await expect(facilitator.verify(unverified(signed))).rejects.toThrow(BackendUnavailable);
  });
});

describe("settle", () => {
  test("moves the money once, under whichever id it is asked again", async () => {
    const { facilitator, ledger } = await setUp();
    const signed = await signedPayment(payer);
    const { transaction } = signed;
    const id = randomId();
    const receipt = { success: true, payer: payer.account, transaction, network: "logos:lez-testnet", amount: "10000" };
    expect(await facilitator.settle(settleCommand(signed, id))).toEqual(receipt);
    expect(await facilitator.settle(settleCommand(signed, id))).toEqual(receipt);
    expect(await facilitator.settle(settleCommand(signed))).toEqual({
      success: false,
      errorReason: "nonce_replayed",
      payer: payer.account,
      transaction: "",
      network: "logos:lez-testnet",
      extra: { transaction },
    });
    expect(await balanceIn(ledger)).toBe("15000");
  });

  test("refuses what does not verify without asking the ledger", async () => {
    const { facilitator, calls } = await setUp();
    const signed = forged(await signedPayment(payer));
    const refused = { success: false, transaction: "", network: "logos:lez-testnet" };
    const invalid = { ...refused, errorReason: "invalid_signature", payer: payer.account };
    expect(await facilitator.settle(settleCommand(signed))).toEqual(invalid);
    expect(await facilitator.settle(settleCommand({ payload: null, requirements: null }))).toEqual({
      ...refused,
      errorReason: "invalid_payload",
    });
    expect(calls).toEqual([]);
  });
});

describe("a settlement whose outcome is unknown", () => {
  const paid = { success: true, amount: "10000" };
  const replayed = { success: false, errorReason: "nonce_replayed" };

  test.each(["answers", "questions"] as const)("is pending, then told once, then replayed (lost: the %s)", async (what) => {
    const { facilitator, ledger, pending } = await setUp(losing(what, 1));
    const signed = await signedPayment(payer);
    expect(await settle(facilitator, signed)).toMatchObject(pendingOf(signed));
    expect(await settle(facilitator, signed)).toMatchObject({ ...paid, transaction: signed.transaction });
    expect(await settle(facilitator, signed)).toMatchObject({ ...replayed, extra: { transaction: signed.transaction } });
    expect(await balanceIn(ledger)).toBe("15000");
    expect(pending.size).toBe(0);
  });

  test("stays pending for as long as answers are lost", async () => {
    const { facilitator, ledger } = await setUp(losing("answers", 5));
    const signed = await signedPayment(payer);
    for (let i = 0; i < 5; i++) expect(await settle(facilitator, signed)).toMatchObject(pendingOf(signed));
    expect(await settle(facilitator, signed)).toMatchObject(paid);
    expect(await balanceIn(ledger)).toBe("15000");
  });

  test("is told to one of many who ask at once", async () => {
    const { facilitator } = await setUp(losing("answers", 1));
    const signed = await signedPayment(payer);
    await settle(facilitator, signed);
    const answers = await Promise.all(Array.from({ length: 20 }, () => settle(facilitator, signed)));
    expect(answers.filter(({ success }) => success)).toHaveLength(1);
    expect(answers.filter(({ errorReason }) => errorReason === "nonce_replayed")).toHaveLength(19);
  });

  test("is not forgotten because a copy was refused in the meantime", async () => {
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let calls = 0;
    const { facilitator } = await setUp((backend) => ({
      async settle(command) {
        const turn = ++calls;
        const result = await backend.settle(command);
        if (turn === 2) asked.resolve();
        if (turn === 1) return asked.promise.then(unavailable);
        if (turn === 2) await answered.promise;
        return result;
      },
    }));
    const signed = await signedPayment(payer);
    const both = [settle(facilitator, signed), settle(facilitator, signed)];
    expect(await Promise.race(both)).toMatchObject(pendingOf(signed));
    answered.resolve();
    expect(await Promise.all(both)).toContainEqual(expect.objectContaining(replayed));
    expect(await settle(facilitator, signed)).toMatchObject(paid);
  });

  test("is the first one's when the answers to several are lost", async () => {
    const { facilitator } = await setUp(losing("answers", 3));
    const signed = await signedPayment(payer);
    const answers = await Promise.all([1, 2, 3].map(() => settle(facilitator, signed)));
    for (const answer of answers) expect(answer).toMatchObject(pendingOf(signed));
    expect(await settle(facilitator, signed)).toMatchObject(paid);
    expect(await settle(facilitator, signed)).toMatchObject(replayed);
  });

  test.each([
    ["before", [1, 20]],
    ["after", [20, 1]],
  ] as const)("is told even if it was a copy that paid, whose answer was lost %s the first one's question", async (_, delays) => {
    let calls = 0;
    const { facilitator, ledger } = await setUp((backend) => ({
      async settle(command) {
        const turn = calls++;
        if (turn > 1) return backend.settle(command);
        if (turn === 1) await backend.settle(command);
        await new Promise((resolve) => setTimeout(resolve, delays[1 - turn]));
        return unavailable();
      },
    }));
    const signed = await signedPayment(payer);
    const both = await Promise.all([settle(facilitator, signed), settle(facilitator, signed)]);
    for (const answer of both) expect(answer).toMatchObject(pendingOf(signed));
    expect(await settle(facilitator, signed)).toMatchObject(paid);
    expect(await settle(facilitator, signed)).toMatchObject(replayed);
    expect(await balanceIn(ledger)).toBe("15000");
  });

  test("is also what a fault in the middle leaves behind", async () => {
    let faulty = true;
    const { facilitator } = await setUp((backend) => ({
      async settle(command) {
        const result = await backend.settle(command);
        if (!faulty) return result;
        faulty = false;
        throw new TypeError("a bug");
      },
    }));
    const signed = await signedPayment(payer);
    await expect(settle(facilitator, signed)).rejects.toThrow("a bug");
    expect(await settle(facilitator, signed)).toMatchObject(paid);
    expect(await settle(facilitator, signed)).toMatchObject(replayed);
  });

  test("is remembered for so many payments and no more: the oldest is forgotten", async () => {
    const { facilitator, pending } = await setUp(losing("answers", 2));
    const [first, second] = [await signedPayment(payer), await signedPayment(payer)];
    await settle(facilitator, first);
    for (let i = 1; i < MAX_PENDING_SETTLEMENTS; i++) pending.set(randomId(), { ids: [randomId()], waiting: false });
    await settle(facilitator, second);
    expect(pending.size).toBe(MAX_PENDING_SETTLEMENTS);
    expect(await settle(facilitator, first)).toMatchObject(replayed);
    expect(await settle(facilitator, second)).toMatchObject(paid);
  });
});

describe("reserve", () => {
  test("holds the money for one run; capture pays it", async () => {
    const { facilitator, ledger, calls } = await setUp();
    const signed = await signedPayment(payer);
    const { payment, transaction } = signed;
    const reservationId = randomId();
    const held = await facilitator.reserve(reserveCommand(signed, reservationId));
    const reservation = { payer: payer.account, nonce: payment.nonce, reservationId };
    expect(held).toEqual({ ok: true, reservation, heldUntil: expect.any(Number), transaction });
    expect(calls).toEqual([["reserve", { payment, reservationId, holdSeconds: HOLD_SECONDS }]]);
    expect(await facilitator.status(payer.account, payment.nonce, payment.validBefore)).toEqual({ status: "reserved" });

    expect(await facilitator.capture(reservation)).toMatchObject({ ok: true, transaction });
    expect(await facilitator.status(payer.account, payment.nonce, payment.validBefore)).toEqual({ status: "settled", transaction });
    expect(await balanceIn(ledger)).toBe("15000");
  });

  test("can be given back, and the same payment used again", async () => {
    const { facilitator, ledger } = await setUp();
    const signed = await signedPayment(payer);
    const held = await facilitator.reserve(reserveCommand(signed));
    if (!held.ok) throw new Error(held.code);
    expect(await facilitator.release(held.reservation)).toEqual({ ok: true });
    expect(await ledger.account(payer.account)).toMatchObject({ balance: "25000", held: "0" });
    expect(await facilitator.reserve(reserveCommand(signed))).toMatchObject({ ok: true });
  });

  test("refuses with the payer, and with what is wrong where that can be said", async () => {
    const { facilitator, calls } = await setUp();
    const signed = await signedPayment(payer, { value: "25001" as Amount });
    const ask = (signed: SignedPayment) => facilitator.reserve(reserveCommand(signed));
    expect(await ask(signed)).toEqual({ ok: false, code: "insufficient_funds", payer: payer.account });
    calls.length = 0;
    expect(await ask(forged(signed))).toEqual({ ok: false, code: "invalid_signature", payer: payer.account });
    const { accepted: _, ...broken } = signed.payload;
    const refused = { ok: false, code: "invalid_payload", detail: expect.stringContaining("accepted") };
    expect(await facilitator.reserve(reserveCommand({ payload: broken, requirements: signed.requirements }))).toEqual(refused);
    expect(calls).toEqual([]);
  });

  test("gives back a hold whose answer was lost, and says that it does not know", async () => {
    const { facilitator, ledger } = await setUp((backend) => ({
      reserve: async (...args) => {
        await backend.reserve(...args);
        return unavailable();
      },
    }));
    const signed = await signedPayment(payer);
    await expect(facilitator.reserve(reserveCommand(signed))).rejects.toThrow(BackendUnavailable);
    expect(await ledger.account(payer.account)).toMatchObject({ held: "0" });
  });

  test("says the same when the hold cannot be given back: it frees itself", async () => {
    const { facilitator, calls } = await setUp(() => ({ reserve: unavailable, release: () => Promise.reject(new Error("gone too")) }));
    const signed = await signedPayment(payer);
    const { payment } = signed;
    const reservationId = randomId();
    await expect(facilitator.reserve(reserveCommand(signed, reservationId))).rejects.toThrow(BackendUnavailable);
    expect(calls.at(-1)).toEqual(["release", { payer: payer.account, nonce: payment.nonce, reservationId }]);
  });
});

describe("upto", () => {
  const signedUpto = () => signedPayment(payer, { scheme: "upto" });
  const charging = (signed: SignedPayment, amount: string) => ({ ...signed, requirements: { ...signed.requirements, amount } });
  const receipt = ({ transaction }: SignedPayment, amount: string) => ({
    success: true,
    payer: payer.account,
    transaction,
    network: "logos:lez-testnet",
    amount,
  });

  test("is verified over the most that may be charged, and never over a charge", async () => {
    const { facilitator, calls } = await setUp();
    const signed = await signedUpto();
    expect(await facilitator.verify(unverified(signed))).toEqual({ isValid: true, payer: payer.account });
    expect(calls).toEqual([["check", signed.payment]]);
    for (const amount of ["1", "0", "10001"])
      expect(await facilitator.verify(unverified(charging(signed, amount)))).toMatchObject({ invalidReason: "amount_mismatch" });
  });

  test.each(["1234", "10000", "0"])("settles with a charge of %s, once; the rest stays the payer's", async (amount) => {
    const { facilitator, ledger } = await setUp();
    const signed = await signedUpto();
    expect(await settle(facilitator, charging(signed, amount))).toEqual(receipt(signed, amount));
    expect(await settle(facilitator, charging(signed, "1"))).toMatchObject({ errorReason: "nonce_replayed" });
    expect(await ledger.account(payer.account)).toMatchObject({ balance: String(25000 - Number(amount)), held: "0" });
  });

  test.each([
    ["10001", "charge_exceeded"],
    ["01", "invalid_payload"],
    ["-1", "invalid_payload"],
    ["", "invalid_payload"],
  ])("settles no charge of %j: %s", async (amount, code) => {
    const { facilitator, ledger } = await setUp();
    expect(await settle(facilitator, charging(await signedUpto(), amount))).toMatchObject({ success: false, errorReason: code });
    expect(await balanceIn(ledger)).toBe("25000");
  });

  test.each([
    ["payTo", { payTo: payer.account }, "recipient_mismatch"],
    ["maxTimeoutSeconds", { maxTimeoutSeconds: 901 }, "offer_mismatch"],
    ["extra", { extra: { unit: "token" } }, "offer_mismatch"],
    ["asset", { asset: "gold" }, "asset_mismatch"],
  ])("settles nothing if %s is not as accepted", async (_, changes, code) => {
    const { facilitator, calls } = await setUp();
    const signed = await signedUpto();
    const asked = { ...signed, requirements: { ...signed.requirements, amount: "5", ...changes } };
    expect(await settle(facilitator, asked)).toMatchObject({ success: false, errorReason: code });
    expect(calls).toEqual([]);
  });

  test("is not exact, and the other way round, whatever is asked", async () => {
    const { facilitator, calls } = await setUp();
    const [upto, exact] = [await signedUpto(), await signedPayment(payer)];
    const as = (scheme: string, { payload, ...signed }: SignedPayment): SignedPayment => ({
      ...signed,
      payload: { ...payload, accepted: { ...payload.accepted, scheme } },
      requirements: { ...signed.requirements, scheme },
    });
    for (const signed of [as("exact", upto), as("upto", exact), { ...upto, requirements: exact.requirements }]) {
      expect(await facilitator.verify(unverified(signed))).toMatchObject({ invalidReason: "unsupported_scheme" });
      expect(await settle(facilitator, signed)).toMatchObject({ errorReason: "unsupported_scheme" });
      expect(await facilitator.reserve(reserveCommand(signed))).toMatchObject({ code: "unsupported_scheme" });
    }
    expect(calls).toEqual([]);
  });

  test("holds the maximum, captures what is charged, and the first charge stands", async () => {
    const { facilitator, ledger } = await setUp();
    const signed = await signedUpto();
    const held = await facilitator.reserve(reserveCommand(signed));
    if (!held.ok) throw new Error(held.code);
    expect(await ledger.account(payer.account)).toMatchObject({ balance: "25000", held: "10000" });
    const capture = (value: string) => facilitator.capture({ ...held.reservation, value: value as Amount });
    expect(await capture("10001")).toEqual({ ok: false, code: "charge_exceeded" });
    const answer = { ok: true, transaction: signed.transaction, payer: payer.account, payee: signed.payment.payee, value: "77" };
    expect(await capture("77")).toEqual(answer);
    expect(await capture("78")).toEqual(answer);
    expect(await ledger.account(payer.account)).toMatchObject({ balance: "24923", held: "0" });
  });

  test("is told with the charge that stood, when the first answer was lost", async () => {
    const { facilitator } = await setUp(losing("answers", 1));
    const signed = await signedUpto();
    expect(await settle(facilitator, charging(signed, "5"))).toMatchObject(pendingOf(signed));
    expect(await settle(facilitator, charging(signed, "6"))).toEqual(receipt(signed, "5"));
  });

  test("is neither offered nor paid where the backend takes no value", async () => {
    const { ledger, calls } = await setUp();
    const { upto: _, sessions: _sessions, ...older } = ledger;
    const facilitator = new Facilitator(older, LEDGER);
    expect(facilitator.supported().kinds.map(({ scheme }) => scheme)).toEqual(["exact"]);
    const signed = await signedUpto();
    expect(await facilitator.verify(unverified(signed))).toMatchObject({ invalidReason: "unsupported_scheme" });
    expect(await settle(facilitator, charging(signed, "5"))).toMatchObject({ errorReason: "unsupported_scheme" });
    expect(await facilitator.reserve(reserveCommand(signed))).toMatchObject({ code: "unsupported_scheme" });
    expect(calls).toEqual([]);
  });
});

test("supported names the ledger that settles", async () => {
  const { facilitator } = await setUp();
  expect(facilitator.supported()).toEqual({
    kinds: ["exact", "upto", "batch-settlement"].map((scheme) => ({
      x402Version: 2,
      scheme,
      network: "logos:lez-testnet",
      extra: { ledger: LEDGER },
    })),
    extensions: [],
    signers: { "logos:*": [] },
  });
});

test("time is the clock's that it was given", async () => {
  const { ledger } = await setUp();
  const signed = await signedPayment(payer);
  const { payment } = signed;
  const early = new Facilitator(ledger, LEDGER, new Map(), () => payment.validAfter - CLOCK_SKEW_SECONDS - 1);
  expect(await early.verify(unverified(signed))).toMatchObject({ invalidReason: "payment_not_yet_valid" });
});

describe("a payment that is presented after its time", () => {
  /** A ledger whose clock the test turns. */
  async function aging() {
    const clock = { now: unixNow() };
    const rules = new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 9n, at: clock.now });
    const facilitator = new Facilitator(
      inProcessBackend(rules, () => clock.now),
      LEDGER,
      new Map(),
      () => clock.now,
    );
    rules.fund(payer.account, "25000" as Amount, randomId(), clock.now);
    return { clock, facilitator };
  }

  test("and was settled in time is replayed, not expired: it was paid", async () => {
    const { clock, facilitator } = await aging();
    const signed = await signedPayment(payer);
    await settle(facilitator, signed);
    clock.now = signed.payment.validBefore + 1;
    const used = { errorReason: "nonce_replayed", extra: { transaction: signed.transaction } };
    expect(await settle(facilitator, signed)).toMatchObject(used);
    expect(await facilitator.verify(unverified(signed))).toMatchObject({ invalidReason: "nonce_replayed" });
    const reserved = await facilitator.reserve(reserveCommand(signed));
    expect(reserved).toMatchObject({ ok: false, code: "nonce_replayed", transaction: signed.transaction });
  });

  test("and was never settled has expired, for all three", async () => {
    const { clock, facilitator } = await aging();
    const signed = await signedPayment(payer);
    clock.now = signed.payment.validBefore + 1;
    expect(await settle(facilitator, signed)).toMatchObject({ errorReason: "payment_expired" });
    expect(await facilitator.verify(unverified(signed))).toMatchObject({ invalidReason: "payment_expired" });
    const reserved = await facilitator.reserve(reserveCommand(signed));
    expect(reserved).toMatchObject({ ok: false, code: "payment_expired" });
  });
});

describe("cancel", () => {
  const revocation = (requestDigest: Digest) =>
    ({ requestDigest, decision: "revoked", code: "other", decidedAt: "2026-01-01T00:00:00Z" }) as const;

  test("consumes the nonce of the approval, so that its payment never settles", async () => {
    const { facilitator } = await setUp();
    const requestDigest = randomId();
    const nonce = approvalNonce(payer.account, requestDigest);
    expect(await facilitator.cancel(await recordDecision(revocation(requestDigest), payer))).toEqual({
      ok: true,
      payer: payer.account,
      nonce,
    });
    expect(await settle(facilitator, await signedPayment(payer, { nonce, requestDigest }))).toMatchObject({
      errorReason: "payment_revoked",
    });
  });

  test("of a settled payment is refused with its settlement", async () => {
    const { facilitator } = await setUp();
    const requestDigest = randomId();
    const signed = await signedPayment(payer, { nonce: approvalNonce(payer.account, requestDigest), requestDigest });
    await settle(facilitator, signed);
    const record = await recordDecision(revocation(requestDigest), payer);
    expect(await facilitator.cancel(record)).toMatchObject({ ok: false, code: "nonce_replayed", transaction: signed.transaction });
  });

  test.each([
    ["a decline", recordDecision({ ...revocation(randomId()), decision: "declined" }, payer), "invalid_payload"],
    [
      "forged",
      recordDecision(revocation(randomId()), payer).then((record) => ({ ...record, signature: "00".repeat(64) }) as SignedDecision),
      "invalid_signature",
    ],
  ])("%s is refused, and the ledger is not asked", async (_what, record, code) => {
    const { facilitator, calls } = await setUp();
    expect(await facilitator.cancel(await record)).toMatchObject({ ok: false, code });
    expect(calls).toEqual([]);
  });
});

describe("refund", () => {
  const payee = payer;
  const NO_REFUNDS = { of: async () => ({ refunded: "0", refunds: [] }), creditOf: async () => undefined };
  const refund: Refund = { ...REFUND, ledger: LEDGER, from: payee.account };

  /** A ledger that gives back whatever it is told to. */
  async function giving(answer: () => Promise<RefundResult> = async () => refusal("refund_unknown")) {
    const asked: LedgerRefund[] = [];
    const refunds = {
      ...NO_REFUNDS,
      refund(command: LedgerRefund) {
        asked.push(command);
        return answer();
      },
    };
    const { ledger } = await setUp();
    return { facilitator: new Facilitator({ ...ledger, refunds }, LEDGER), asked };
  }

  test("asks the ledger only for a refund that its payee signed", async () => {
    const { facilitator, asked } = await giving();
    const signed = await signRefund(refund, payee);
    expect(await facilitator.refund({ ...signed, signature: "00".repeat(64) } as SignedRefund)).toMatchObject({
      code: "invalid_signature",
    });
    expect(await facilitator.refund(await signRefund({ ...refund, ledger: randomId() }, payee))).toMatchObject({
      code: "ledger_mismatch",
    });
    expect(asked).toEqual([]);
    expect(await facilitator.refund(signed)).toEqual({ ok: false, code: "refund_unknown" });
    expect(asked).toMatchObject([{ payee: payee.account, payer: refund.to, transaction: refund.transaction, id: refund.id }]);
  });

  test("does not call an answer that was lost a refusal", async () => {
    const { facilitator } = await giving(() => unavailable());
    await expect(facilitator.refund(await signRefund(refund, payee))).rejects.toThrow(BackendUnavailable);
  });

  test("gives nothing back for a payee that calls too often, nor where the ledger knows no refunds", async () => {
    const signed = await signRefund(refund, payee);
    const { ledger } = await setUp();
    const refunds = { ...NO_REFUNDS, refund: unavailable };
    const busy = new Facilitator({ ...ledger, refunds }, LEDGER, new Map(), unixNow, async () => false);
    expect(await busy.refund(signed)).toEqual({ ok: false, code: "rate_limited" });
    const { refunds: _, ...without } = { refunds, ...ledger };
    expect(await new Facilitator(without, LEDGER).refund(signed)).toEqual({ ok: false, code: "not_found" });
  });
});
