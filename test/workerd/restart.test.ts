import { abortAllDurableObjects, evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { randomId, signedPayment } from "../signed.ts";
import { env, fundedPayer, newLedger, NOW, remote, setTime, type Stub, tablesOf } from "./ledger.ts";

beforeEach(() => setTime(NOW));
afterEach(() => vi.useRealTimers());

describe.each<[how: string, end: (ledger: Stub) => Promise<void>]>([
  ["evicted", (ledger) => evictDurableObject(ledger)],
  ["aborted", () => abortAllDurableObjects()],
])("a ledger that is %s", (_, end) => {
  /** Ends the object and returns a new stub: one that was connected to an aborted object stays broken. */
  const restart = async (ledger: Stub) => {
    await end(ledger);
    return env.LEDGER.get(ledger.id);
  };

  test("is the same ledger afterwards, to the row", async () => {
    let ledger = newLedger();
    const info = await ledger.info();
    const payer = await fundedPayer(ledger);
    const { payment } = await signedPayment(payer);
    await remote(ledger).settle({ payment, settlementId: randomId() }, "");
    const before = await tablesOf(ledger);
    ledger = await restart(ledger);
    expect(await ledger.info()).toEqual(info);
    expect(await tablesOf(ledger)).toEqual(before);
    expect(await ledger.audit()).toMatchObject({ ok: true });
  });

  test("keeps its holds: they can be captured, and repeated with the same id", async () => {
    let ledger = newLedger();
    const { payment, transaction } = await signedPayment(await fundedPayer(ledger));
    const hold = { reservationId: randomId(), holdSeconds: 60 };
    const held = await remote(ledger).reserve({ payment, ...hold }, "");
    ledger = await restart(ledger);
    expect(await remote(ledger).reserve({ payment, ...hold }, "")).toEqual(held);
    const { payer, nonce } = payment;
    const paid = await remote(ledger).capture({ payer, nonce, reservationId: hold.reservationId }, "");
    expect(paid).toMatchObject({ ok: true, transaction });
    ledger = await restart(ledger);
    expect(await remote(ledger).capture({ payer, nonce, reservationId: hold.reservationId }, "")).toEqual(paid);
    expect(await remote(ledger).settle({ payment, settlementId: randomId() }, "")).toEqual({
      ok: false,
      code: "nonce_replayed",
      transaction,
    });
  });

  test("still says expired when its machine's clock is behind", async () => {
    let ledger = newLedger();
    const { payment } = await signedPayment(await fundedPayer(ledger));
    const { payer, nonce, validBefore } = payment;
    setTime(validBefore + 1);
    expect(await remote(ledger).status({ payer, nonce, validBefore }, "")).toEqual({ status: "expired" });
    ledger = await restart(ledger);
    setTime(NOW);
    expect(await remote(ledger).status({ payer, nonce, validBefore }, "")).toEqual({ status: "expired" });
    expect(await remote(ledger).settle({ payment, settlementId: randomId() }, "")).toEqual({ ok: false, code: "payment_expired" });
  });
});
