import { expect, test } from "vitest";
import { LEDGER, merchant, NOW, owner } from "../../test/fixtures.ts";
import type { Digest } from "../crypto/digest.ts";
import { ASSET, NETWORK } from "../lez.ts";
import { MAX_VALIDITY_SECONDS, TRANSFER_VALIDITY_SECONDS } from "../limits.ts";
import type { Amount } from "../protocol/amount.ts";
import { authorizationDigest } from "../protocol/authorization.ts";
import { signTransfer, type Transfer, transferNonce } from "../protocol/transfer.ts";
import { verifyTransfer } from "./verify-transfer.ts";

const CONTEXT = { now: NOW, ledger: LEDGER };
const TRANSFER: Transfer = {
  network: NETWORK,
  asset: ASSET,
  from: owner.account,
  to: merchant.account,
  value: "20000" as Amount,
  validAfter: String(NOW),
  validBefore: String(NOW + TRANSFER_VALIDITY_SECONDS),
  nonce: transferNonce(owner.account, "rent"),
  ledger: LEDGER,
  purpose: "transfer",
};

test("a transfer that its payer signed is settled by the ledger as what it signed", async () => {
  expect(await verifyTransfer(await signTransfer(TRANSFER, owner), CONTEXT)).toEqual({
    ok: true,
    payment: {
      payer: owner.account,
      payee: merchant.account,
      value: "20000",
      nonce: TRANSFER.nonce,
      authorizationDigest: authorizationDigest(TRANSFER),
      validAfter: NOW,
      validBefore: NOW + TRANSFER_VALIDITY_SECONDS,
    },
  });
});

test("one that has expired is the ledger's to judge: it may have been made in time", async () => {
  const late = { ...CONTEXT, now: NOW + TRANSFER_VALIDITY_SECONDS + 1 };
  expect(await verifyTransfer(await signTransfer(TRANSFER, owner), late)).toMatchObject({ ok: true });
});

test.each<[string, Partial<Transfer>]>([
  ["invalid_network", { network: "logos:lez" }],
  ["asset_mismatch", { asset: "other" }],
  ["ledger_mismatch", { ledger: "00".repeat(32) as Digest }],
  ["recipient_mismatch", { to: owner.account }],
  ["payment_not_yet_valid", { validAfter: String(NOW + 31) }],
  ["validity_too_long", { validBefore: String(NOW + MAX_VALIDITY_SECONDS + 31) }],
])("%s", async (code, change) => {
  const signed = await signTransfer({ ...TRANSFER, ...change }, owner);
  expect(await verifyTransfer(signed, CONTEXT)).toMatchObject({ ok: false, code, payer: owner.account });
});

test("no other key moves the money, and no signed byte can be changed", async () => {
  const foreign = await signTransfer(TRANSFER, merchant);
  expect(await verifyTransfer(foreign, CONTEXT)).toMatchObject({ ok: false, code: "invalid_signature" });
  const signed = await signTransfer(TRANSFER, owner);
  const changed = { ...signed, authorization: { ...TRANSFER, value: "20001" as Amount } };
  expect(await verifyTransfer(changed, CONTEXT)).toMatchObject({ ok: false, code: "invalid_signature" });
});
