import { expect, test } from "vitest";
import { verifyExact } from "../../shared/exact/verify.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeHeader } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { LEDGER, offerOf } from "../../test/fixtures.ts";
import { newDecoyPayer, decoysFor, unsignedPayload } from "./decoys.ts";

const verify = (payload: unknown) => verifyExact(payload, offerOf(), { now: unixNow(), ledger: LEDGER });

test("an unsigned decoy lacks only the signature", async () => {
  expect(await verify(unsignedPayload(offerOf(), await newDecoyPayer()))).toMatchObject({ ok: false, code: "invalid_signature" });
});

test("no decoy verifies, and every payer is new", async () => {
  const payer = await newDecoyPayer();
  for (const { what, kind, header } of decoysFor(offerOf(), payer, undefined)) {
    const read = decodeHeader(header, paymentPayloadSchema);
    expect([what, read.ok]).toEqual([what, kind !== "malformed"]);
    if (read.ok) expect([what, (await verify(read.value)).ok]).toEqual([what, false]);
  }
  expect((await newDecoyPayer()).account).not.toBe(payer.account);
});

test("on another network a decoy has no account and no signature", async () => {
  const { payload } = unsignedPayload({ ...offerOf(), network: "eip155:8453" }, await newDecoyPayer());
  expect(payload).toMatchObject({ signature: "0x", authorization: { from: "", value: "0" } });
});
