/** A merchant at a facilitator that is not ours and refuses, and says yes later: the buyer need not wait for a lease to end. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import { DEFAULT_TIMEOUT_SECONDS, FACILITATOR_TIMEOUT_SECONDS, HOLD_SECONDS } from "../../shared/limits.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import type { ExactPayload } from "../../shared/protocol/exact-payload.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { isolateDeliveries } from "../../workers/merchant/paywall/memory/isolate.ts";
import { HANDLER_SECONDS } from "../../workers/merchant/paywall/serve/run-handler.ts";
import { createWorld, memoryAnswers, receiptOf, verdict } from "./world.ts";

let world: Awaited<ReturnType<typeof createWorld>>;
let server: Server;
/** What /settle answers. */
let settled: object;
/** Seconds that pass while the facilitator is asked. */
let takes: number;
let settlements: number;

const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);

beforeEach(async () => {
  takes = 0;
  settlements = 0;
  world = await createWorld();
  const { ledger } = world.ledger.info();
  const kind = { x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger } };
  server = createServer((request, response) => {
    if (request.url === "/settle") settlements++;
    const supported = { kinds: [kind], extensions: [], signers: {} };
    if (takes && request.url !== "/supported") pass(takes);
    const body = request.url === "/supported" ? supported : request.url === "/verify" ? { isValid: true } : settled;
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  Object.assign(world.env, { FACILITATOR_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const refusal = (errorReason: string, transaction?: string) => ({
  success: false,
  errorReason,
  transaction: "",
  network: "logos:lez-testnet",
  ...(transaction && { extra: { transaction } }),
});

function transactionIn({ payload }: PaymentPayload): string {
  const { authorization } = payload as ExactPayload;
  return transactionOf(authorization.network, authorizationDigest(authorization));
}

test.each(["authorization", "upfront"] as const)(
  "flow %s: refused for want of money, the same payment is good once there is some",
  async (flow) => {
    const memory = isolateDeliveries();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    settled = refusal("insufficient_funds");
    for (let time = 0; time < 2; time++) expect(verdict(await shop.pay("/item/1", payment))).toBe("402 insufficient_funds");
    settled = { success: true, transaction: "ab".repeat(32), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a settlement that was in doubt and turns out refused is not called used",
  async (flow) => {
    const memory = isolateDeliveries();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    settled = { nonsense: true };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    settled = refusal("insufficient_funds");
    for (let time = 0; time < 2; time++) expect(verdict(await shop.pay("/item/1", payment))).toBe("402 insufficient_funds");
    settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a used nonce is success only after an attempt of our own whose answer was lost",
  async (flow) => {
    const memory = isolateDeliveries();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    // On a first attempt another shop, or another deployment of this one, has settled it.
    for (const transaction of ["ab".repeat(32), transactionIn(payment), undefined]) {
      settled = refusal("nonce_replayed", transaction);
      expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    }
    settled = { nonsense: true };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    settled = refusal("nonce_replayed"); // it does not say whose transaction
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 settlement_pending");
    settled = refusal("nonce_replayed", transactionIn(payment));
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a payment with something beside its signed part is the same payment, and brings nothing more",
  async (flow) => {
    const memory = isolateDeliveries();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    settled = refusal("nonce_replayed", transactionIn(payment));
    const copy = { ...payment, payload: { ...payment.payload, note: "another" } };
    expect(verdict(await shop.pay("/item/1", copy))).toBe("402 nonce_replayed");
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a delivered payment is not called expired later, and a forged signature reads no memory",
  async (flow) => {
    const memory = isolateDeliveries();
    const asked = [vi.spyOn(memory, "begin"), vi.spyOn(memory, "resume"), vi.spyOn(memory, "finish")];
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    const payment = await shop.approved("/item/1");
    const unpaid = await shop.approved("/item/1");
    settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + (DEFAULT_TIMEOUT_SECONDS + 1) * 1000 });
    try {
      expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
      const expired = await shop.pay("/item/1", unpaid);
      expect(verdict(expired)).toBe("402 payment_expired");
      expect(receiptOf(expired)?.payer).toBe(world.people.owner.account);
      for (const call of asked) call.mockClear();
      const forged = { ...payment, payload: { ...payment.payload, signature: "ab".repeat(64) } };
      expect(verdict(await shop.pay("/item/1", forged))).toBe("402 invalid_signature");
      for (const call of asked) expect(call).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  },
);

test.each(["authorization", "upfront"] as const)(
  "flow %s: a facilitator that takes its time takes none of the handler's: copies wait until it is done",
  async (flow) => {
    const memory = isolateDeliveries();
    let copy: Response | undefined;
    const shop = world.shop(
      async (c) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        pass(HANDLER_SECONDS - 1);
        copy ??= await shop.pay("/item/1", payment);
        return c.text("goods");
      },
      { flow, memory: () => memory },
    );
    const payment = await shop.approved("/item/1");
    settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    try {
      takes = FACILITATOR_TIMEOUT_SECONDS - 1;
      expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
      expect(copy && verdict(copy)).toBe("409 payment_in_progress");
    } finally {
      vi.useRealTimers();
    }
  },
);

test("a settlement counts although the merchant's memory fails after it, and is asked for once", async () => {
  const memory = { ...isolateDeliveries(), endRun: () => Promise.reject(new Error("the memory is gone")) };
  const shop = world.shop((c) => c.text("goods"), { flow: "authorization", memory: () => memory });
  const payment = await shop.approved("/item/1");
  settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
  expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  expect(settlements).toBe(1);
});

test("a memory that fails before the settlement: nothing is settled, and no success is inferred", async () => {
  const memory = isolateDeliveries();
  let calls = 0;
  const begin: typeof memory.begin = (...args) => (++calls === 2 ? Promise.reject(new Error("the memory is gone")) : memory.begin(...args));
  const shop = world.shop((c) => c.text("goods"), { flow: "authorization", memory: () => ({ ...memory, begin }) });
  const payment = await shop.approved("/item/1");
  settled = refusal("nonce_replayed", transactionIn(payment)); // another deployment has sold it
  expect(verdict(await shop.pay("/item/1", payment))).toBe("503 facilitator_unavailable");
  expect(settlements).toBe(0);
});

test("a run that settled counts no longer, so a payer who pays is never stopped", async () => {
  const memory = isolateDeliveries();
  const shop = world.shop((c) => c.text("goods"), { flow: "authorization", maxUnsettled: 1, memory: () => memory });
  for (let sale = 0; sale < 3; sale++) {
    const payment = await shop.approved("/item/1");
    settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
    expect(verdict(await shop.pay("/item/1", payment))).toBe("200");
  }
});

test("an answer that is given out once its capture is known is all that its payment brings, under the id and without", async () => {
  const memory = isolateDeliveries();
  const answers = memoryAnswers();
  Object.assign(world.env, { DELIVERIES: { getByName: () => ({ ...memory, ...answers }) } });
  const shop = world.shop((c) => c.text("goods"));
  const payment = await shop.approved("/item/1");
  const identified = { ...payment, extensions: { [PAYMENT_IDENTIFIER]: withIdentifier(undefined, "pay_0123456789abcdef") } };
  settled = { nonsense: true };
  expect(verdict(await shop.pay("/item/1", identified))).toBe("402 settlement_pending");
  settled = { success: true, transaction: transactionIn(payment), network: "logos:lez-testnet", payer: world.people.owner.account };
  expect(verdict(await shop.pay("/item/1", identified))).toBe("200");
  settled = refusal("nonce_replayed", transactionIn(payment));
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * HOLD_SECONDS * 1000 });
  try {
    expect(verdict(await shop.pay("/item/1", payment))).toBe("402 nonce_replayed");
    expect(verdict(await shop.pay("/item/1", identified))).toBe("200");
  } finally {
    vi.useRealTimers();
  }
});

describe.each(["authorization", "upfront"] as const)("flow %s: what a buyer hears of a facilitator's receipt", (flow) => {
  const success = (more: object) => ({ success: true, transaction: "ab".repeat(32), network: "logos:lez-testnet", ...more });
  const sold = async () => {
    const memory = isolateDeliveries();
    const shop = world.shop((c) => c.text("goods"), { flow, memory: () => memory });
    return shop.pay("/item/1", await shop.approved("/item/1"));
  };

  test("is what x402 says of it", async () => {
    settled = success({ extensions: { theirs: { info: {} } }, extra: { note: "n" }, host: "10.0.0.1" });
    expect(receiptOf(await sold())).toEqual(success({ extensions: { theirs: { info: {} } }, extra: { note: "n" } }));
  });

  test("fits a header, however much it is", async () => {
    settled = success({ extensions: { theirs: "x".repeat(20_000) } });
    const paid = await sold();
    expect([verdict(paid), receiptOf(paid)]).toEqual(["200", success({})]);
  });

  test("is nothing where it is nonsense", async () => {
    settled = success({ transaction: "x".repeat(20_000) });
    expect(verdict(await sold())).toBe("402 settlement_pending");
  });

  test("is its word for a refusal that none of our codes says, marked as its own", async () => {
    for (const word of ["invalid_transaction_state", "invalid_payment_requirements", "invalid_scheme", "acme:quota-7"]) {
      settled = refusal(word);
      const refused = await sold();
      expect(verdict(refused)).toBe("402 facilitator_refused");
      expect(receiptOf(refused)).toMatchObject({ success: false, errorReason: "facilitator_refused", extra: { facilitatorReason: word } });
    }
  });

  test("is unknown where the facilitator failed unexpectedly, with the transaction that it names", async () => {
    settled = { ...refusal("unexpected_settle_error"), transaction: "0xfeed" };
    const pending = await sold();
    expect(verdict(pending)).toBe("402 settlement_pending");
    expect(receiptOf(pending)).toMatchObject({
      transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
      extra: { facilitatorTransaction: "0xfeed" },
    });
  });

  test("is a code of ours for a refusal, and no words", async () => {
    settled = { ...refusal("<h1>upstream secret</h1>"), errorMessage: "secret", extra: { stack: "secret", transaction: 7 } };
    const refused = await sold();
    expect(verdict(refused)).toBe("402 facilitator_refused");
    expect(JSON.stringify(receiptOf(refused)) + (await refused.text())).not.toContain("secret");
    expect(receiptOf(refused)).toMatchObject({ success: false, errorReason: "facilitator_refused" });
  });
});
