/** `x402Facilitator` with our facilitator scheme, in process and over HTTP. The rows of spec/interop.md name these tests. */

import { HTTPFacilitatorClient } from "@x402/core/server";
import { expect, onTestFinished, test } from "vitest";
import { inProcessBackend } from "../../agent-cli/demo/in-process.ts";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import { createPeople } from "../../agent-cli/demo/people.ts";
import { startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { BackendUnavailable } from "../../shared/exact/facilitator/index.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { FAUCET_GRANT, GENESIS_SUPPLY } from "../../shared/limits.ts";
import type { PaymentBackend } from "../../shared/settlement/backend.ts";
import { unixNow } from "../../shared/time.ts";
import { receiptOf, verdict } from "../stack/stack.ts";
import { facilitatorApi, officialClient, officialFacilitator, officialMerchant, PRICE, replay } from "./official.ts";

async function createLedger() {
  const rules = new LedgerRules(memoryStore(), { ledger: randomDigest(), supply: GENESIS_SUPPLY, at: unixNow() });
  const { owner } = await createPeople();
  rules.fund(owner.account, FAUCET_GRANT, randomDigest(), unixNow());
  const spent = () => BigInt(FAUCET_GRANT) - BigInt(rules.account(owner.account).balance);
  return { rules, owner, spent, backend: inProcessBackend(rules) };
}

/** The ledger settles, and its first `count` answers get lost on the way to the facilitator. */
function losingAnswers(backend: PaymentBackend, count: number): PaymentBackend {
  let calls = 0;
  return {
    ...backend,
    async settle(...call) {
      const result = await backend.settle(...call);
      if (++calls <= count) throw new BackendUnavailable("the answer got lost", { overloaded: false });
      return result;
    },
  };
}

test("the official facilitator lists our network, scheme and ledger [interop-facilitator-supported]", async () => {
  const { rules, backend } = await createLedger();
  expect(await (await officialFacilitator(backend)).getSupported()).toEqual({
    kinds: ["exact", "upto"].map((scheme) => ({
      x402Version: 2,
      scheme,
      network: "logos:lez-testnet",
      extra: { ledger: rules.info().ledger },
    })),
    extensions: [],
    signers: { "logos:*": [] },
  });
});

test.each(["authorization", "upfront"])(
  "the official facilitator in process: an official merchant is paid, flow %s [interop-facilitator-in-process]",
  async (flow) => {
    const { rules, owner, spent, backend } = await createLedger();
    const shop = await officialMerchant(await officialFacilitator(backend));
    const { fetch, sent } = officialClient(owner);
    const answer = await fetch(shop.url(`/${flow}`));
    expect(answer.status).toBe(200);
    expect(receiptOf(answer)).toMatchObject({ success: true, payer: owner.account, amount: String(PRICE) });
    expect(rules.account(DEMO_MERCHANT_ACCOUNT).balance).toBe(String(PRICE));
    expect((await replay(shop.url(`/${flow}`), sent[0] ?? "")).status).toBe(402);
    expect(spent()).toBe(PRICE);
    expect(shop.runs).toEqual([`/${flow}`]);
  },
);

test.each(["authorization", "upfront"])(
  "a settlement whose answer the ledger link loses: the official server asks again by itself and gets the success, flow %s [interop-facilitator-pending]",
  async (flow) => {
    const { owner, spent, backend } = await createLedger();
    const api = await facilitatorApi(await officialFacilitator(losingAnswers(backend, 1)));
    const shop = await officialMerchant(new HTTPFacilitatorClient({ url: api }));
    const { fetch, sent } = officialClient(owner);
    const answer = await fetch(shop.url(`/${flow}`));
    expect(answer.status).toBe(200);
    expect(receiptOf(answer)).toMatchObject({ success: true });
    expect((await replay(shop.url(`/${flow}`), sent[0] ?? "")).status).toBe(402);
    expect(spent()).toBe(PRICE);
  },
);

test("two answers lost: the official server passes settlement_pending on, with the transaction, and the same payment recovers [interop-facilitator-two-lost]", async () => {
  const { owner, spent, backend } = await createLedger();
  const api = await facilitatorApi(await officialFacilitator(losingAnswers(backend, 2)));
  const shop = await officialMerchant(new HTTPFacilitatorClient({ url: api }));
  const { fetch, sent } = officialClient(owner);
  const pending = await fetch(shop.url("/upfront"));
  expect(pending.status).toBe(402);
  const receipt = receiptOf(pending);
  expect(receipt).toMatchObject({ success: false, errorReason: "settlement_pending", network: "logos:lez-testnet" });
  const recovered = await replay(shop.url("/upfront"), sent[0] ?? "");
  expect(recovered.status).toBe(200);
  expect(receiptOf(recovered)).toMatchObject({ success: true, transaction: receipt?.transaction });
  expect(spent()).toBe(PRICE);
});

test.each(["authorization", "upfront"])(
  "our merchant on the official facilitator by its URL: the official client pays, and pays once, flow %s [interop-facilitator-by-url]",
  async (flow) => {
    const { rules, owner, spent, backend } = await createLedger();
    const FACILITATOR_URL = await facilitatorApi(await officialFacilitator(backend));
    const stack = await startStack({ bundles: BUNDLES, vars: { "lez-merchant": { FACILITATOR_URL } } });
    onTestFinished(() => stack.stop());
    const url = `${stack.merchant}/${flow === "upfront" ? "archive" : "premium"}`;
    const { fetch, sent } = officialClient(owner);
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(receiptOf(answer)).toMatchObject({ success: true, payer: owner.account });
    expect(verdict(await replay(url, sent[0] ?? ""))).toBe("402 nonce_replayed");
    expect(spent()).toBe(PRICE);
    expect(rules.account(DEMO_MERCHANT_ACCOUNT).balance).toBe(String(PRICE));
  },
);
