import { describe, expect, test } from "vitest";
import { randomId } from "../../test/signed.ts";
import { BackendUnavailable } from "../../shared/facilitator.ts";
import { LEDGER_ATTEMPTS } from "../../shared/limits.ts";
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
    expect(seen.calls).toEqual([["trace", RESERVATION]]);
  });

  test("is repeated word for word, over a new stub, while the platform says that it may be", async () => {
    const { backend, seen } = ledgerOf(failure({ retryable: true }), failure({ retryable: true }), { ok: true });
    expect(await backend.capture(RESERVATION)).toEqual({ ok: true });
    expect(seen).toEqual({ stubs: 3, calls: Array.from({ length: 3 }, () => ["trace", RESERVATION]) });
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
});
