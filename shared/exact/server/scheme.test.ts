import type { PaymentRequirements, SchemeNetworkServer, SupportedKind } from "@x402/core/types";
import { describe, expect, expectTypeOf, test } from "vitest";
import { LEDGER, offerOf } from "../../../test/fixtures.ts";
import { ExactLezScheme } from "./index.ts";

const scheme = new ExactLezScheme();
const NETWORK = "logos:lez-testnet";
const kind = (extra?: Record<string, unknown>): SupportedKind => ({
  x402Version: 2,
  scheme: "exact",
  network: NETWORK,
  ...(extra && { extra }),
});
const base = (extra: Record<string, unknown> = {}) => ({ ...offerOf(), extra }) as PaymentRequirements;

test("is what the official server takes", () => {
  expectTypeOf<ExactLezScheme>().toExtend<SchemeNetworkServer>();
});

describe("a price", () => {
  test("is atomic units of the native asset", async () => {
    expect(await scheme.parsePrice({ asset: "native", amount: "10000" }, NETWORK)).toEqual({ asset: "native", amount: "10000" });
  });

  test.each([
    ["$0.01"],
    ["10000"],
    [0.01],
    [10_000],
    [{ asset: "LGO", amount: "1" }],
    [{ asset: "native", amount: "0.5" }],
    [{ asset: "native", amount: "0" }],
  ])("is not %j, and the error says what one is", async (price) => {
    await expect(scheme.parsePrice(price, NETWORK)).rejects.toThrow(/exchange rate.*atomic units/);
  });

  test("is on our network", async () => {
    await expect(scheme.parsePrice({ asset: "native", amount: "1" }, "eip155:1")).rejects.toThrow(/logos:lez-testnet/);
  });

  test("has nine decimals here and none that we know elsewhere", () => {
    expect(scheme.getAssetDecimals("native", NETWORK)).toBe(9);
    expect(scheme.getAssetDecimals("native", "logos:other")).toBeUndefined();
    expect(scheme.getAssetDecimals("gold", NETWORK)).toBeUndefined();
  });
});

describe("an offer", () => {
  test("names the facilitator's ledger beside what the seller put there", async () => {
    const offer = await scheme.enhancePaymentRequirements(base({ paymentFlow: "upfront" }), kind({ ledger: LEDGER }));
    expect(offer).toEqual({ ...offerOf(), extra: { paymentFlow: "upfront", ledger: LEDGER } });
  });

  test("keeps the ledger that the seller pinned", async () => {
    const pinned = "11".repeat(32);
    const offer = await scheme.enhancePaymentRequirements(base({ ledger: pinned }), kind({ ledger: LEDGER }));
    expect(offer.extra["ledger"]).toBe(pinned);
  });

  test("without a payee is refused", async () => {
    await expect(scheme.enhancePaymentRequirements({ ...base(), payTo: "0x1" }, kind({ ledger: LEDGER }))).rejects.toThrow(/payTo/);
  });
});

test("a facilitator that does not name its ledger is a problem at start-up", () => {
  expect(scheme.validateFacilitatorSupport(NETWORK, kind({ ledger: LEDGER }))).toBeUndefined();
  for (const extra of [undefined, {}, { ledger: "main" }])
    expect(scheme.validateFacilitatorSupport(NETWORK, kind(extra))).toMatch(/ledger/);
});
