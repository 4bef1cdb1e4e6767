import { describe, expect, test } from "vitest";
import { ERROR_CODES, errorBody, ERRORS, isErrorCode } from "./errors.ts";

const STABLE = [
  "invalid_payload",
  "invalid_x402_version",
  "unsupported_scheme",
  "invalid_network",
  "asset_mismatch",
  "amount_mismatch",
  "recipient_mismatch",
  "invalid_signature",
  "payment_not_yet_valid",
  "payment_expired",
  "nonce_replayed",
  "insufficient_funds",
];

test("the twelve stable codes are these, in this order, forever", () => {
  expect(ERROR_CODES.filter((code) => ERRORS[code].stable)).toEqual(STABLE);
});

describe.each(ERROR_CODES)("%s", (code) => {
  const { status, message, hint, retryable, safeToRetrySamePayment } = ERRORS[code];

  test("is a code, a status, and two sentences", () => {
    expect(code).toMatch(/^[a-z][a-z0-9_]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(hint).toMatch(/\.$/);
  });

  test("is retryable if the same payment may be presented again", () => {
    expect(retryable || !safeToRetrySamePayment).toBe(true);
  });

  test("has a body that says all of it", () => {
    expect(errorBody(code)).toEqual({ error: code, problem: { code, message, hint, retryable, safeToRetrySamePayment } });
    expect(errorBody(code, "payload.signature: too short").problem.detail).toBe("payload.signature: too short");
  });
});

test("an unknown outcome never says to pay again", () => {
  for (const code of ["settlement_pending", "facilitator_unavailable", "unexpected_settle_error", "payment_in_progress"] as const) {
    expect(ERRORS[code].safeToRetrySamePayment, code).toBe(true);
  }
});

test("names that every object has are not codes", () => {
  expect(["toString", "constructor", "__proto__", "", "INVALID_PAYLOAD", 1, null, undefined].filter(isErrorCode)).toEqual([]);
});
