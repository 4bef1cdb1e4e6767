import { runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Authorization, authorizationDigest } from "../../shared/protocol/authorization.ts";
import type { SettleResponse } from "../../shared/x402/x402.ts";
import type { Ledger } from "../../workers/ledger-do/ledger.ts";
import {
  newMandate,
  newPayer,
  randomId,
  reserveCommand,
  settleCommand,
  signedPayment,
  type SignedPayment,
  signedUnder,
} from "../signed.ts";
import { facilitator, facilitatorsLedger, fundedPayer, newPayerOn, NOW, remote, setTime, sql } from "./ledger.ts";

type Mandated = Awaited<ReturnType<typeof signedUnder>>;

const ledger = facilitatorsLedger();
// Other files bring this ledger's time forward to NOW.
beforeAll(() => setTime(NOW));
afterAll(() => vi.useRealTimers());

const copies = <T>(count: number, copy: (index: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, i) => copy(i)));
const accountOf = ({ payment }: SignedPayment) => remote(ledger).account({ account: payment.payer }, "");
const rowsOf = ({ payment }: SignedPayment) => sql(ledger, "SELECT state FROM payment WHERE payer = ?", payment.payer);

function settleOverHttp({ payload, requirements }: SignedPayment): Promise<Response> {
  const body = JSON.stringify({ x402Version: 2, paymentPayload: payload, paymentRequirements: requirements });
  return facilitator.fetch(new Request("https://facilitator.example.com/settle", { method: "POST", body }));
}

function expectOnePaid(answers: SettleResponse[], { payment, transaction }: SignedPayment): void {
  const paid = answers.filter(({ success }) => success);
  const refused = answers.filter(({ success }) => !success);
  const { payer } = payment;
  expect(paid).toEqual([{ success: true, payer, transaction, network: "logos:lez-testnet", amount: "10000" }]);
  expect(refused).toHaveLength(answers.length - 1);
  const replayed = {
    success: false,
    errorReason: "nonce_replayed",
    payer,
    transaction: "",
    network: "logos:lez-testnet",
    extra: { transaction },
  };
  for (const answer of refused) expect(answer).toEqual(replayed);
}

describe("one payment, presented many times at once,", () => {
  test("is held by exactly one of 100 reservations, and debited once", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    const { transaction } = signed;
    const ids = Array.from({ length: 100 }, randomId);
    const answers = await Promise.all(ids.map((id) => facilitator.reserve(reserveCommand(signed, id))));
    const winner = answers.findIndex(({ ok }) => ok);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    for (const [index, answer] of answers.entries()) {
      if (index !== winner) expect(answer).toEqual({ ok: false, code: "payment_in_progress", payer: signed.payment.payer });
    }
    expect(await accountOf(signed)).toMatchObject({ balance: "25000", held: "10000" });

    const { payer, nonce } = signed.payment;
    const captures = await copies(100, (i) => facilitator.capture({ payer, nonce, reservationId: ids[i] ?? randomId() }));
    expect(captures.filter(({ ok }) => ok)).toEqual([expect.objectContaining({ transaction })]);
    expect(await accountOf(signed)).toMatchObject({ balance: "15000", held: "0" });
    expect(await rowsOf(signed)).toEqual([{ state: "settled" }]);
  });

  test("with the same reservation id, gets the same hold every time", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    const id = randomId();
    const answers = await copies(50, () => facilitator.reserve(reserveCommand(signed, id)));
    expect(answers[0]).toMatchObject({ ok: true, reservation: { reservationId: id } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await accountOf(signed)).toMatchObject({ balance: "25000", held: "10000" });
  });

  test("settles once over RPC; all others get the transaction that used the nonce", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    expectOnePaid(await copies(50, () => facilitator.settle(settleCommand(signed))), signed);
    expect(await accountOf(signed)).toMatchObject({ balance: "15000", held: "0" });
  });

  test("settles once over HTTP", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    const responses = await copies(50, () => settleOverHttp(signed));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    expectOnePaid(await Promise.all(responses.map((response) => response.json<SettleResponse>())), signed);
    expect(await accountOf(signed)).toMatchObject({ balance: "15000", held: "0" });
  });

  test("is paid once however reserving, settling and capturing race", async () => {
    const signed = await signedPayment(await fundedPayer(ledger));
    const { payment } = signed;
    const sell = async (id = randomId()) => {
      const held = await facilitator.reserve(reserveCommand(signed, id));
      return held.ok && (await facilitator.capture({ payer: payment.payer, nonce: payment.nonce, reservationId: id })).ok;
    };
    const settle = async () => (await facilitator.settle(settleCommand(signed))).success;
    const paid = await copies(60, (i) => (i % 2 ? sell() : settle()));
    expect(paid.filter(Boolean)).toHaveLength(1);
    expect(await accountOf(signed)).toMatchObject({ balance: "15000", held: "0" });
  });
});

describe("payments of several payers to one payee, at once,", () => {
  const creditsOf = (payee: AccountId) => sql(ledger, "SELECT kind, batch FROM journal WHERE account = ? ORDER BY seq", payee);
  const eight = async () => {
    const payers = await copies(8, () => fundedPayer(ledger));
    const { account } = await newPayerOn(0);
    const payments = await Promise.all(payers.map((payer) => signedPayment(payer, { to: account })));
    // In one turn of the object, so that all but the first wait for its flush, however busy the machine is.
    const settle = () =>
      runInDurableObject(ledger, (shard: Ledger) =>
        Promise.all(payments.map(({ payment }) => shard.settle({ payment, settlementId: randomId() }, ""))),
      );
    return { account, payments, settle };
  };

  test("are credited as a few batches, each payment once, and every caller has its receipt", async () => {
    const { account, payments, settle } = await eight();
    const answers = await settle();
    expect(answers.map(({ ok }) => ok)).toEqual(payments.map(() => true));
    const page = await remote(ledger).journal({ account, afterSeq: 0, credits: true }, "");
    const entries = "entries" in page ? page.entries : [];
    expect(entries.length).toBeLessThan(8);
    const listed = entries.flatMap(({ transaction, transactions = [] }) => transaction ?? transactions);
    expect(listed.toSorted()).toEqual(payments.map(({ transaction }) => transaction).toSorted());
    expect(await ledger.audit()).toMatchObject({ ok: true });
  });

  test("are written one by one, each once, when their batch cannot be written [group-fails-shard]", async () => {
    const { account, payments, settle } = await eight();
    await sql(ledger, "CREATE TRIGGER broken BEFORE INSERT ON journal WHEN NEW.kind = 'batch' BEGIN SELECT RAISE(ABORT, 'broken'); END");
    const log = vi.spyOn(console, "log");
    const answers = await settle();
    const events = log.mock.calls.map(([line]) => JSON.parse(String(line)) as { event: string });
    log.mockRestore();
    await sql(ledger, "DROP TRIGGER broken");
    const failed = { event: "ledger.group_failed", traceId: "", message: expect.stringContaining("broken") };
    expect(events).toContainEqual(failed);
    expect(answers.map(({ ok }) => ok)).toEqual(payments.map(() => true));
    expect(await creditsOf(account)).toEqual(payments.map(() => ({ kind: "credit", batch: null })));
    expect(await remote(ledger).account({ account }, "")).toMatchObject({ balance: "80000" });
    expect(await ledger.audit()).toMatchObject({ ok: true });
  });
});

test.each([
  ["reserved", async (signed: Mandated) => (await facilitator.reserve(reserveCommand(signed))).ok],
  ["settled", async (signed: Mandated) => (await facilitator.settle(settleCommand(signed))).success],
])("of 100 payments that race for the last unit of a mandate, one is %s [mandate-last-unit]", async (_, claim) => {
  const [payer, agent] = [await fundedPayer(ledger), await newPayer()];
  const mandate = await newMandate(payer, agent, (await ledger.info()).ledger, { total: "10000" as Amount });
  const payments = await copies(100, () => signedUnder(mandate, agent));
  const claimed = await Promise.all(payments.map(claim));
  expect(claimed.filter(Boolean)).toHaveLength(1);
});

test("one request is paid once, by its approval or under a mandate, however they race [mandate-or-approval]", async () => {
  const [payer, agent] = [await fundedPayer(ledger), await newPayer()];
  const ledgerId = (await ledger.info()).ledger;
  const mandate = await newMandate(payer, agent, ledgerId);
  const requestDigest = randomId();
  const underMandate = await signedUnder(mandate, agent, { requestDigest });
  const { mandate: _m, origin: _o, ...approved } = underMandate.payload.payload["authorization"] as Authorization;
  const signature = await payer.sign(authorizationDigest(approved));
  const exact = { authorization: approved, publicKey: payer.publicKey, signature };
  const byApproval = { ...underMandate, payload: { ...underMandate.payload, payload: exact } };
  const settled = await copies(20, (i) => facilitator.settle(settleCommand(i % 2 ? underMandate : byApproval)));
  expect(settled.filter(({ success }) => success)).toHaveLength(1);
});

test("a balance is never overdrawn by payments that race for it", async () => {
  const payer = await fundedPayer(ledger);
  const payments = await copies(20, () => signedPayment(payer));
  const answers = await Promise.all(payments.map((signed) => facilitator.settle(settleCommand(signed))));
  expect(answers.filter(({ success }) => success)).toHaveLength(2);
  expect(answers.filter(({ errorReason }) => errorReason === "insufficient_funds")).toHaveLength(18);
  expect(await remote(ledger).account({ account: payer.account }, "")).toMatchObject({ balance: "5000", held: "0" });
  expect(await ledger.audit()).toMatchObject({ ok: true });
});
