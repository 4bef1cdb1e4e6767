/** `npm run zone`: what `npm test` samples of the chain's bytes, whole. RUNS random inputs for each property, 20,000 without. */

import { expect, test } from "vitest";
import { toBase64 } from "../crypto/bytes.ts";
import { decodesWhatItEncodes, isTotal } from "./testing/codec-properties.ts";
import { CONTEXT, innerOf, OFFER, payloadOf, signTransfer } from "./testing/payment.ts";
import { encodeTransfer } from "./transfer.ts";
import { verifyNative } from "./verify.ts";

const RUNS = Number(process.env["RUNS"] ?? 20_000);

test(`transfers, transactions and blocks decode to what was encoded, ${RUNS} times`, () => decodesWhatItEncodes(RUNS));

test(`random and damaged bytes are refused without an exception, ${RUNS} times`, () => isTotal(RUNS));

test("every bit of a payment, flipped, is refused without an exception", () => {
  const transfer = signTransfer();
  const wire = encodeTransfer(transfer);
  const inner = innerOf(transfer);
  const isAccepted = (changed: object) => verifyNative(payloadOf({ ...inner, ...changed }), OFFER, CONTEXT).ok;
  expect(isAccepted({})).toBe(true);
  for (let bit = 0; bit < 8 * wire.length; bit++) {
    const at = bit >> 3;
    expect(isAccepted({ signedTx: toBase64(wire.with(at, (wire[at] ?? 0) ^ (1 << (bit & 7)))) }), `bit ${bit}`).toBe(false);
  }
  const { signature = "" } = inner;
  for (let at = 0; at < signature.length; at++) {
    const digit = signature[at] === "1" ? "2" : "1";
    expect(isAccepted({ signature: signature.slice(0, at) + digit + signature.slice(at + 1) }), `digit ${at}`).toBe(false);
  }
});
