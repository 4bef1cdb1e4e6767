import * as fc from "fast-check";
import { expect, test } from "vitest";
import { toBase64 } from "../crypto/bytes.ts";
import { peekTransfer } from "./peek.ts";
import { transfers } from "./testing/codec-properties.ts";
import { decodeTransfer, encodeTransfer, transferHash } from "./transfer.ts";

test("a merchant reads of a transfer what its decoder reads [native-peek]", () => {
  fc.assert(
    fc.property(transfers, (transfer) => {
      const { from: payer, to: payee, value, nonce } = transfer;
      const wire = encodeTransfer(transfer);
      const decoded = decodeTransfer(wire);
      const id = decoded.ok ? decoded.id : "";
      expect(peekTransfer(toBase64(wire))).toEqual({ payer, payee, value, nonce, h: transferHash(transfer), id });
    }),
    { numRuns: 40 },
  );
});

test("anything of another length is undefined, and nothing is an exception", () => {
  for (const text of [undefined, null, 1, {}, "", "A".repeat(495), "A".repeat(497), "A".repeat(492), "!".repeat(496)]) {
    expect(peekTransfer(text)).toBeUndefined();
  }
  expect(peekTransfer("A".repeat(496))).toBeUndefined();
  fc.assert(
    fc.property(fc.base64String({ minLength: 496, maxLength: 496 }), (text) => peekTransfer(text) === undefined || text.endsWith("=")),
  );
});
