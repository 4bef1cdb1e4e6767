import { expect, test } from "vitest";
import { LEDGER, offerOf } from "../../test/fixtures.ts";
import { decodeHeader } from "../../shared/x402/headers.ts";
import { verifyExact } from "../../shared/exact/verify.ts";
import { unixNow } from "../../shared/time.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { newNoPayer, noPayments, unsignedPayload } from "./no-payments.ts";

const verify = (payload: unknown) => verifyExact(payload, offerOf(), { now: unixNow(), ledger: LEDGER });

test("a payment without a signature lacks nothing but the signature", async () => {
  expect(await verify(unsignedPayload(offerOf(), await newNoPayer()))).toMatchObject({ ok: false, code: "invalid_signature" });
});

test("nothing that is sent verifies, and every payer is new", async () => {
  const payer = await newNoPayer();
  for (const { what, kind, header } of noPayments(offerOf(), payer, undefined)) {
    const read = decodeHeader(header, paymentPayloadSchema);
    expect([what, read.ok]).toEqual([what, kind !== "malformed"]);
    if (read.ok) expect([what, (await verify(read.value)).ok]).toEqual([what, false]);
  }
  expect((await newNoPayer()).account).not.toBe(payer.account);
});

test("on a network that is not ours there is no account and no signature at all", async () => {
  const { payload } = unsignedPayload({ ...offerOf(), network: "eip155:8453" }, await newNoPayer());
  expect(payload).toMatchObject({ signature: "0x", authorization: { from: "", value: "0" } });
});
