import { afterEach, describe, expect, test, vi } from "vitest";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { NATIVE_SUPPORTED_SECONDS } from "../../shared/limits.ts";
import type { NativeApi, NativeSupport } from "../../shared/settlement/native.ts";
import { innerOf, OFFER, payloadOf, signTransfer } from "../../shared/zone/testing/payment.ts";
import { nativeFor, settleNatively, verifyNatively, withNative } from "./native.ts";

const OWN = { kinds: [], extensions: ["refund"], signers: { "logos:*": [] } };
const gone = () => Promise.reject(new Error("no such Worker"));
const native = (methods: Partial<NativeApi>) => methods as NativeApi;
const env = (methods: Partial<NativeApi>) => ({ NATIVE: native(methods) }) as Parameters<typeof withNative>[1];
const payment = { paymentPayload: payloadOf(innerOf(signTransfer())), paymentRequirements: OFFER };
const command = { payment, settlementId: randomDigest() };

afterEach(() => vi.useRealTimers());

describe("a Worker for the chain that does not answer", () => {
  test("takes nothing from the ledger's own kinds, and is logged [native-silent]", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    expect(await withNative(OWN, env({ supported: gone }), "t")).toEqual(OWN);
    vi.useFakeTimers();
    const waiting = withNative(OWN, env({ supported: () => new Promise<NativeSupport>(() => undefined) }), "t");
    await vi.advanceTimersByTimeAsync(NATIVE_SUPPORTED_SECONDS * 1000);
    expect(await waiting).toEqual(OWN);
    expect(log.mock.calls.map(([line]) => JSON.parse(String(line)) as object)).toEqual(
      Array(2).fill(expect.objectContaining({ event: "facilitator.native_failed" })),
    );
    log.mockRestore();
  });

  test("leaves a settlement pending, since it may have been sent, and vouches for no transaction", async () => {
    expect(await settleNatively(native({ settle: gone }), command, "t")).toEqual({
      success: false,
      errorReason: "settlement_pending",
      transaction: "",
      network: "lez:testnet",
      extra: { retryAfterSeconds: 2 },
    });
    expect(await verifyNatively(native({ verify: gone }), payment, "t")).toEqual({
      isValid: false,
      invalidReason: "facilitator_unavailable",
    });
  });
});

test("its kinds and signers join the ledger's", async () => {
  const kind = { x402Version: 2, scheme: "exact", network: "lez:devnet", extra: {} };
  const supported = async () => ({ kinds: [kind], extensions: [], signers: { "lez:*": [] } }) as unknown as NativeSupport;
  expect(await withNative(OWN, env({ supported }), "t")).toEqual({
    kinds: [kind],
    extensions: ["refund"],
    signers: { "logos:*": [], "lez:*": [] },
  });
});

test.each([
  [OFFER, true],
  [{ ...OFFER, network: "logos:lez-testnet" }, false],
  [{}, false],
  [null, false],
  ["lez:testnet", false],
])("requirements %j are for it: %s", (requirements, isNative) => expect(nativeFor(env({}), requirements) !== undefined).toBe(isNative));
