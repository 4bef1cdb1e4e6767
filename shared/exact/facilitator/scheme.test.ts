import type { PaymentPayload, PaymentRequirements, SchemeNetworkFacilitator } from "@x402/core/types";
import { expect, expectTypeOf, test } from "vitest";
import { inProcessBackend } from "../../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../../agent-cli/demo/memory-store.ts";
import { LEDGER, NOW, offerOf, owner } from "../../../test/fixtures.ts";
import type { Digest } from "../../crypto/digest.ts";
import { LedgerRules } from "../../ledger/rules.ts";
import { FAUCET_GRANT, GENESIS_SUPPLY } from "../../limits.ts";
import type { PaymentBackend } from "../../settlement/backend.ts";
import { ExactLezScheme as ClientScheme } from "../client/index.ts";
import { BackendUnavailable, ExactLezScheme, Facilitator } from "./index.ts";

const OFFER = offerOf() as PaymentRequirements;
const clock = () => NOW;

function world(breakIt: (backend: PaymentBackend) => Partial<PaymentBackend> = () => ({})) {
  const rules = new LedgerRules(memoryStore(), { ledger: LEDGER, supply: GENESIS_SUPPLY, at: NOW });
  rules.fund(owner.account, FAUCET_GRANT, "00".repeat(32) as Digest, NOW);
  const backend = inProcessBackend(rules, clock);
  return { rules, scheme: new ExactLezScheme(new Facilitator({ ...backend, ...breakIt(backend) }, LEDGER, new Map(), clock)) };
}

async function payment(): Promise<PaymentPayload> {
  return { ...(await new ClientScheme(owner, clock).createPaymentPayload(2, OFFER)), accepted: OFFER };
}

function down(overloaded: boolean): PaymentBackend["check"] {
  return () => Promise.reject(new BackendUnavailable("no answer from 10.0.0.7", { overloaded }));
}

test("is what the official facilitator takes", () => {
  expectTypeOf<ExactLezScheme>().toExtend<SchemeNetworkFacilitator>();
});

test("names its ledger for its own network, and no signer", () => {
  const { scheme } = world();
  expect(scheme.caipFamily).toBe("logos:*");
  expect(scheme.getExtra("logos:lez-testnet")).toEqual({ ledger: LEDGER });
  expect(scheme.getExtra("logos:lez-mainnet")).toBeUndefined();
  expect(scheme.getSigners()).toEqual([]);
});

test("verifies without changing anything, settles once, and calls the second time a failure", async () => {
  const { scheme, rules } = world();
  const paid = await payment();
  const before = rules.account(owner.account);
  expect(await scheme.verify(paid, OFFER)).toEqual({ isValid: true, payer: owner.account });
  expect(rules.account(owner.account)).toEqual(before);
  const settled = await scheme.settle(paid, OFFER);
  expect(settled).toMatchObject({ success: true, payer: owner.account, network: OFFER.network, amount: OFFER.amount });
  expect(await scheme.settle(paid, OFFER)).toMatchObject({
    success: false,
    errorReason: "nonce_replayed",
    transaction: "",
    extra: { transaction: settled.transaction },
  });
});

test("checks the network itself: registered for two networks, the official facilitator sends it all of the family", async () => {
  const elsewhere = { ...OFFER, network: "logos:lez-mainnet" } as const;
  expect(await world().scheme.verify({ ...(await payment()), accepted: elsewhere }, elsewhere)).toMatchObject({
    invalidReason: "invalid_network",
  });
});

test("a ledger that cannot be asked is a code, without a word about why", async () => {
  for (const [overloaded, code] of [
    [true, "overloaded"],
    [false, "facilitator_unavailable"],
  ] as const) {
    const { scheme } = world(() => ({ check: down(overloaded) }));
    expect(await scheme.verify(await payment(), OFFER)).toEqual({ isValid: false, invalidReason: code });
  }
});

test("a settlement without an answer is pending; asking again tells once how it ended", async () => {
  let lost = 0;
  const { scheme, rules } = world((backend) => ({
    settle: async (...call) => {
      const result = await backend.settle(...call);
      if (lost++ === 0) throw new BackendUnavailable("the answer got lost", { overloaded: false });
      return result;
    },
  }));
  const paid = await payment();
  const pending = await scheme.settle(paid, OFFER);
  expect(pending).toMatchObject({
    success: false,
    errorReason: "settlement_pending",
    transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await scheme.settle(paid, OFFER)).toMatchObject({ success: true, transaction: pending.transaction });
  expect(await scheme.settle(paid, OFFER)).toMatchObject({ success: false, errorReason: "nonce_replayed" });
  expect(rules.account(owner.account).balance).toBe(String(BigInt(FAUCET_GRANT) - BigInt(OFFER.amount)));
});
