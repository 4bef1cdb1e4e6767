/** A refund, wrong in one way at a time. spec/protocol.md §14. */

import { describe, expect, test } from "vitest";
import { agent, LEDGER, merchant, NOW, owner, REFUND, REFUND_MANDATE, stranger } from "../../test/fixtures.ts";
import type { Digest } from "../crypto/digest.ts";
import type { ErrorCode } from "../errors.ts";
import type { Amount } from "../protocol/amount.ts";
import { type Mandate, mandateDigest, signMandate } from "../protocol/mandate.ts";
import { type Refund, refundDigest, type SignedRefund, signRefund } from "../protocol/refund.ts";
import { verifyRefund } from "./refund.ts";

interface Changes {
  refund?: Partial<Refund>;
  mandate?: Partial<Mandate>;
  /** The keys that sign the mandate and the refund. */
  grants?: typeof merchant;
  signs?: typeof merchant;
}

async function underMandate({ refund, mandate, grants = merchant, signs = agent }: Changes = {}): Promise<SignedRefund> {
  const granted = { ...REFUND_MANDATE, ...mandate };
  return signRefund({ ...REFUND, mandate: mandateDigest(granted), ...refund }, signs, await signMandate(granted, grants));
}

const verify = (record: SignedRefund) => verifyRefund(record, LEDGER);

describe("a refund by the payee", () => {
  test("verifies, and says what the ledger needs", async () => {
    const signed = await signRefund(REFUND, merchant);
    expect(await verify(signed)).toEqual({
      ok: true,
      refund: {
        payee: merchant.account,
        payer: owner.account,
        transaction: REFUND.transaction,
        entry: 1,
        amount: "2500",
        id: REFUND.id,
        refundDigest: refundDigest(REFUND),
        issuedAt: NOW,
        signed: JSON.stringify(signed),
      },
    });
  });

  test.each<[string, Partial<Refund>, ErrorCode]>([
    ["on another network", { network: "logos:other" }, "invalid_network"],
    ["of another asset", { asset: "other" }, "asset_mismatch"],
    ["for another ledger", { ledger: "2e".repeat(32) as Digest }, "ledger_mismatch"],
    ["to itself", { to: merchant.account }, "refund_unknown"],
    ["from another account", { from: stranger.account }, "invalid_signature"],
  ])("%s is refused", async (_, changes, code) => {
    expect(await verify(await signRefund({ ...REFUND, ...changes }, merchant))).toMatchObject({ ok: false, code });
  });

  test("is not one if another key signed it, or if it was changed afterwards", async () => {
    const signed = await signRefund(REFUND, merchant);
    expect(await verify(await signRefund(REFUND, owner))).toMatchObject({ code: "invalid_signature" });
    expect(await verify({ ...signed, refund: { ...REFUND, amount: "2501" as Amount } })).toMatchObject({ code: "invalid_signature" });
  });
});

describe("a refund under a mandate", () => {
  test("verifies to its last unit and second, and says what the ledger has to count", async () => {
    const exact = { perPayment: "2500" as Amount, validAfter: String(NOW), validBefore: String(NOW), payees: [owner.account] };
    expect(await verify(await underMandate({ mandate: exact }))).toMatchObject({
      ok: true,
      refund: { mandate: { digest: mandateDigest({ ...REFUND_MANDATE, ...exact }), total: REFUND_MANDATE.total, validBefore: NOW } },
    });
  });

  test.each<[string, Changes, ErrorCode]>([
    ["for another ledger", { mandate: { ledger: "2e".repeat(32) as Digest } }, "mandate_mismatch"],
    ["of another account", { mandate: { from: stranger.account }, grants: stranger }, "mandate_mismatch"],
    ["for payments", { mandate: { schemes: ["exact"] } }, "mandate_mismatch"],
    ["for other payers", { mandate: { payees: [stranger.account] } }, "mandate_mismatch"],
    ["that has not begun", { mandate: { validAfter: String(NOW + 1) } }, "mandate_expired"],
    ["that is over", { mandate: { validBefore: String(NOW - 1) } }, "mandate_expired"],
    ["below the sum", { mandate: { perPayment: "2499" as Amount } }, "mandate_exceeded"],
    ["that a stranger granted", { grants: stranger }, "invalid_signature"],
    ["by a stranger", { signs: stranger }, "invalid_signature"],
    ["by the payee's own key", { signs: merchant }, "invalid_signature"],
    ["other than the one that was signed for", { refund: { mandate: "00".repeat(32) as Digest } }, "invalid_payload"],
  ])("%s is refused", async (_, changes, code) => {
    expect(await verify(await underMandate(changes))).toMatchObject({ ok: false, code });
  });

  test("is refused without the mandate, and so is a mandate that it does not name", async () => {
    const { mandate, ...without } = await underMandate();
    expect(await verify(without)).toMatchObject({ code: "invalid_payload" });
    const own = await signRefund(REFUND, merchant);
    expect(await verify({ ...own, ...(mandate && { mandate }) })).toMatchObject({ code: "invalid_payload" });
  });
});
