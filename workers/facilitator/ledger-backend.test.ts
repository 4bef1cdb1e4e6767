import { describe, expect, test, vi } from "vitest";
import { ALICE, BOB, paymentOf } from "../../shared/ledger/testing/ledger.ts";
import { LEDGER_ATTEMPTS, LEDGER_TIMEOUT_SECONDS } from "../../shared/limits.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { BackendUnavailable } from "../../shared/settlement/facilitator.ts";
import { randomId } from "../../test/signed.ts";
import { ledgerBackend } from "./ledger-backend.ts";

const RESERVATION = { payer: "payer" as never, nonce: randomId(), reservationId: randomId() };

/** A ledger whose capture does these things, one after the other, and how many stubs were made to reach it. */
function ledgerOf(...answers: unknown[]) {
  const seen = { stubs: 0, calls: [] as unknown[][] };
  const namespace = {
    getByName() {
      seen.stubs++;
      return {
        capture(...args: unknown[]) {
          seen.calls.push(args);
          const answer = answers.shift();
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
        },
      };
    },
  };
  return { backend: ledgerBackend({ LEDGER: namespace as never }, "trace"), seen };
}

const failure = (facts: object = {}) => Object.assign(new Error("network"), facts);

describe("a call to the ledger", () => {
  test("goes out once when it is answered, whatever the answer", async () => {
    const { backend, seen } = ledgerOf({ ok: false, code: "reservation_lost" });
    expect(await backend.capture(RESERVATION)).toEqual({ ok: false, code: "reservation_lost" });
    expect(seen.calls).toEqual([[RESERVATION, "trace", expect.any(Number)]]);
  });

  test("is repeated word for word, over a new stub, while the platform says that it may be", async () => {
    const { backend, seen } = ledgerOf(failure({ retryable: true }), failure({ retryable: true }), { ok: true });
    expect(await backend.capture(RESERVATION)).toEqual({ ok: true });
    expect(seen).toEqual({ stubs: 3, calls: Array.from({ length: 3 }, () => [RESERVATION, "trace", expect.any(Number)]) });
  });

  test("is given up after so many attempts", async () => {
    const { backend, seen } = ledgerOf(...Array.from({ length: 10 }, () => failure({ retryable: true })));
    await expect(backend.capture(RESERVATION)).rejects.toThrow(BackendUnavailable);
    expect(seen.calls).toHaveLength(LEDGER_ATTEMPTS);
  });

  test("is not repeated when the platform does not say so: it may have happened", async () => {
    const { backend, seen } = ledgerOf(failure(), { ok: true });
    await expect(backend.capture(RESERVATION)).rejects.toMatchObject({ name: "BackendUnavailable", overloaded: false });
    expect(seen.calls).toHaveLength(1);
  });

  test("is not repeated to a ledger that has too much to do", async () => {
    const { backend, seen } = ledgerOf(failure({ retryable: true, overloaded: true }), { ok: true });
    await expect(backend.capture(RESERVATION)).rejects.toMatchObject({ name: "BackendUnavailable", overloaded: true });
    expect(seen.calls).toHaveLength(1);
  });

  test("is given up when no answer comes, and is not asked again: what happened is unknown", async () => {
    vi.useFakeTimers();
    try {
      const { backend, seen } = ledgerOf(new Promise(() => undefined), { ok: true });
      const capture = expect(backend.capture(RESERVATION)).rejects.toMatchObject({ name: "BackendUnavailable", overloaded: false });
      await vi.advanceTimersByTimeAsync(LEDGER_TIMEOUT_SECONDS * 1000 + 1);
      await capture;
      expect(seen.calls).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test("that restarts under the call is asked again, with the same id", async () => {
    const reset = failure({ retryable: true, durableObjectReset: true });
    const { backend, seen } = ledgerOf(reset, { ok: true });
    expect(await backend.capture(RESERVATION)).toEqual({ ok: true });
    expect(seen.calls).toEqual([
      [RESERVATION, "trace", expect.any(Number)],
      [RESERVATION, "trace", expect.any(Number)],
    ]);
  });
});

test("an answer is passed on as plain facts, which no caller has to dispose of", async () => {
  const answer = Object.defineProperty({ ok: true }, "disposer", { value: () => undefined }); // the platform's is not enumerable either
  const { backend } = ledgerOf(answer);
  const passedOn = await backend.capture(RESERVATION);
  expect(passedOn).toEqual({ ok: true });
  expect(Object.getOwnPropertyNames(passedOn)).toEqual(["ok"]);
});

describe("a ledger of four shards", () => {
  const seenBy = () => {
    const names: string[] = [];
    const answer = () => Promise.resolve({ ok: true, balance: "7", shards: 4 });
    const methods = [
      "info",
      "check",
      "reserve",
      "capture",
      "release",
      "settle",
      "cancel",
      "status",
      "account",
      "fund",
      "journal",
      "checkpoint",
    ];
    const LEDGER = {
      getByName(name: string) {
        names.push(name);
        return Object.fromEntries(methods.map((method) => [method, answer]));
      },
    };
    return { names, backend: ledgerBackend({ LEDGER: LEDGER as never, SHARDS: "4" }, "trace") };
  };

  test("is asked where the payer lives, or the account", async () => {
    const { names, backend } = seenBy();
    const payment = paymentOf({ payer: ALICE, payee: BOB });
    const reservation = { payer: ALICE, nonce: randomId(), reservationId: randomId() };
    await backend.check(payment);
    await backend.reserve({ payment, reservationId: randomId(), holdSeconds: 1 });
    await backend.capture(reservation);
    await backend.release(reservation);
    await backend.settle({ payment, settlementId: randomId() });
    await backend.cancel(ALICE, randomId());
    await backend.status(ALICE, randomId(), 1);
    await backend.account(ALICE);
    await backend.journal(ALICE, 0);
    await backend.checkpoint(ALICE, 1, randomId());
    expect(names).toEqual(Array.from({ length: 10 }, () => "ledger/3"));
  });

  test("gives test money from shard 0, and says what the account's own shard says", async () => {
    const { names, backend } = seenBy();
    expect(await backend.fund(BOB, "5" as Amount, randomId())).toMatchObject({ balance: "7" });
    expect(names).toEqual(["ledger", "ledger", "ledger/1"]); // whether both count the same shards is asked first
  });

  test("gives test money also to an account whose shard is out of reach", async () => {
    const granted = { ok: true, balance: "0", transaction: randomId() };
    const LEDGER = {
      getByName: (name: string) => ({
        info: () => Promise.resolve({ shards: 4 }),
        fund: () => Promise.resolve(granted),
        account: () => Promise.reject(failure({ name })),
      }),
    };
    const backend = ledgerBackend({ LEDGER: LEDGER as never, SHARDS: "4" }, "trace");
    expect(await backend.fund(BOB, "5" as Amount, randomId())).toEqual(granted);
    await expect(backend.account(BOB)).rejects.toThrow(BackendUnavailable);
  });
});

test("a ledger of another number of shards is not used", async () => {
  const LEDGER = { getByName: () => ({ info: () => Promise.resolve({ shards: 4 }) }) };
  await expect(ledgerBackend({ LEDGER: LEDGER as never }, "trace").info()).rejects.toThrow("the ledger has 4 shards, SHARDS says 1");
  expect(await ledgerBackend({ LEDGER: LEDGER as never, SHARDS: "4" }, "trace").info()).toEqual({ shards: 4 });
  expect(() => ledgerBackend({ LEDGER: LEDGER as never, SHARDS: "many" }, "trace")).toThrow("SHARDS");
});
