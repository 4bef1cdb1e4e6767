import type { PaymentRequirements, SchemeNetworkClient } from "@x402/core/types";
import { describe, expect, expectTypeOf, test } from "vitest";
import { LEDGER, NOW, offerOf, owner, stranger } from "../../../test/fixtures.ts";
import { MAX_VALIDITY_SECONDS } from "../../limits.ts";
import type { ExactPayload } from "../../protocol/exact-payload.ts";
import { verifyExact } from "../verify.ts";
import { askFirst, ExactLezScheme, type LezSigner } from "./index.ts";

const OFFER = { ...offerOf(), extra: offerOf().extra ?? {} } as PaymentRequirements;
const offer = (changes: Partial<PaymentRequirements>): PaymentRequirements => ({ ...OFFER, ...changes });
const extra = (changes: Record<string, unknown>) => offer({ extra: { ...OFFER.extra, ...changes } });

async function pay(requirements: PaymentRequirements = OFFER, signer: LezSigner = owner, clock = () => NOW): Promise<ExactPayload> {
  const { payload } = await new ExactLezScheme(signer, clock).createPaymentPayload(2, requirements);
  return payload as ExactPayload;
}

test("is what the official client takes", () => {
  expectTypeOf<ExactLezScheme>().toExtend<SchemeNetworkClient>();
});

describe("a payment", () => {
  test("verifies, and signs what the offer names as it is", async () => {
    const payload = await pay();
    const verified = await verifyExact({ x402Version: 2, accepted: OFFER, payload }, OFFER, { now: NOW, ledger: LEDGER });
    expect(verified).toMatchObject({ ok: true });
    expect(payload.authorization).toEqual({
      network: OFFER.network,
      asset: OFFER.asset,
      from: owner.account,
      to: OFFER.payTo,
      value: OFFER.amount,
      validAfter: String(NOW),
      validBefore: String(NOW + OFFER.maxTimeoutSeconds),
      nonce: payload.authorization.nonce,
      binding: OFFER.extra["binding"],
      ledger: LEDGER,
    });
  });

  test("of an offer without binding and ledger has neither", async () => {
    for (const bare of [offer({ extra: {} }), extra({ binding: null, ledger: null })]) {
      const { authorization } = await pay(bare);
      expect(authorization).not.toHaveProperty("binding");
      expect(authorization).not.toHaveProperty("ledger");
    }
  });

  test("has its own nonce each time", async () => {
    expect((await pay()).authorization.nonce).not.toBe((await pay()).authorization.nonce);
  });

  test("is never valid for longer than the mechanism allows, in whole seconds", async () => {
    expect((await pay(offer({ maxTimeoutSeconds: 90_000 }))).authorization.validBefore).toBe(String(NOW + MAX_VALIDITY_SECONDS));
    expect((await pay(offer({ maxTimeoutSeconds: 1.9 }))).authorization.validBefore).toBe(String(NOW + 1));
  });

  test("of the upfront flow is a payment like any other", async () => {
    expect((await pay(extra({ paymentFlow: "upfront" }))).authorization.to).toBe(OFFER.payTo);
  });
});

describe("without a signature it refuses", () => {
  const silent: LezSigner = { ...owner, sign: () => Promise.reject(new Error("asked to sign")) };
  test.each<[string, PaymentRequirements, string]>([
    ["another scheme", offer({ scheme: "upto" }), "unsupported_scheme"],
    ["another network", offer({ network: "logos:lez-mainnet" }), "invalid_network"],
    ["another asset", offer({ asset: "gold" }), "asset_mismatch"],
    ["paying itself", offer({ payTo: owner.account }), "recipient_mismatch"],
    ["a payee that is no account", offer({ payTo: "0x1" }), "invalid_payload"],
    ["an amount in decimals", offer({ amount: "0.01" }), "invalid_payload"],
    ["an amount of nothing", offer({ amount: "0" }), "invalid_payload"],
    ["an unknown flow", extra({ paymentFlow: "escrow" }), "unsupported_extra"],
    ["a transfer method", extra({ assetTransferMethod: "transaction" }), "unsupported_extra"],
    ["splits", extra({ splits: [{ payTo: stranger.account, amount: "1" }] }), "unsupported_extra"],
    ["a binding that is no digest", extra({ binding: "required" }), "invalid_payload"],
    ["a ledger that is no digest", extra({ ledger: "main" }), "invalid_payload"],
    ["no time at all", offer({ maxTimeoutSeconds: 0 }), "invalid_payload"],
  ])("%s", async (_what, requirements, code) => {
    await expect(pay(requirements, silent)).rejects.toMatchObject({ name: "PaymentRefused", code });
  });

  test("another version of x402", async () => {
    await expect(new ExactLezScheme(silent).createPaymentPayload(1, OFFER)).rejects.toMatchObject({ code: "invalid_x402_version" });
  });
});

describe("a signer that asks its owner", () => {
  test("shows the payment and signs it as it was shown", async () => {
    const shown: unknown[] = [];
    const asking = askFirst(owner, async (payment) => {
      shown.push({ ...payment });
      payment.value = "1" as typeof payment.value;
      return true;
    });
    const { authorization } = await pay(OFFER, asking);
    expect(shown).toEqual([authorization]);
  });

  test("that says no has signed nothing", async () => {
    let signed = 0;
    const counting = { ...owner, sign: (digest: Parameters<typeof owner.sign>[0]) => (signed++, owner.sign(digest)) };
    await expect(
      pay(
        OFFER,
        askFirst(counting, async () => false),
      ),
    ).rejects.toMatchObject({ name: "OwnerDeclined" });
    expect(signed).toBe(0);
  });

  test("that says yes after the window is over makes no payment", async () => {
    let now = NOW;
    const slow = askFirst(owner, async () => {
      now += OFFER.maxTimeoutSeconds + 1;
      return true;
    });
    await expect(pay(OFFER, slow, () => now)).rejects.toMatchObject({ code: "payment_expired" });
  });

  test("of another key, or one that signs badly, is found out before anything is sent", async () => {
    await expect(pay(OFFER, { ...stranger, account: owner.account })).rejects.toMatchObject({ code: "invalid_signature" });
    await expect(pay(OFFER, { ...owner, sign: async () => "ab".repeat(64) })).rejects.toMatchObject({ code: "invalid_signature" });
  });
});

test("knows one asset of one network", () => {
  const scheme = new ExactLezScheme(owner);
  expect(scheme.findDefaultAsset("native", "logos:lez-testnet")).toEqual({ asset: "native", decimals: 9, symbol: "LGO" });
  expect(scheme.findDefaultAsset("native", "logos:lez-mainnet")).toBeUndefined();
  expect(scheme.findDefaultAsset("LGO", "logos:lez-testnet")).toBeUndefined();
});
