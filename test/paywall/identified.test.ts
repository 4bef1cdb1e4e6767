/** A payment under an id, when the place where answers are kept fails: what is not on disk is not paid for, unless it was paid before. */
import { beforeEach, describe, expect, test } from "vitest";
import { type Digest, randomDigest } from "../../shared/digest.ts";
import { PAYMENT_IDENTIFIER, withIdentifier } from "../../shared/extensions/payment-identifier.ts";
import type { AnswerStore, Claim } from "../../workers/merchant/paywall/answer-store.ts";
import type { PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { createWorld, PRICE, verdict } from "./world.ts";

type World = Awaited<ReturnType<typeof createWorld>>;
let world: World;
let runs: number;
/** One payer's answers, honest until a test replaces a method. */
let store: AnswerStore;

function memoryAnswers(): AnswerStore {
  const rows = new Map<Digest, { lease: Digest; claim: Claim }>();
  return {
    claim: async (key, _order, lease) => {
      const row = rows.get(key);
      if (row && row.claim.state !== "granted") return row.claim;
      if (row) return { state: "busy" };
      const claim = { state: "granted", reservationId: randomDigest() } as const;
      rows.set(key, { lease, claim });
      return claim;
    },
    store: async (key, lease, reservation, answer) => {
      if (rows.get(key)?.lease !== lease) return false;
      rows.set(key, { lease, claim: { state: "stored", reservation, ...(answer && { answer }) } });
      return true;
    },
    paid: async (key, receipt) => {
      const { claim, lease = "" as Digest } = rows.get(key) ?? {};
      rows.set(key, { lease, claim: { state: "paid", receipt, ...(claim?.state === "stored" && { answer: claim.answer }) } });
    },
    free: async (key, lease) => void (rows.get(key)?.lease === lease && rows.delete(key)),
  };
}

beforeEach(async () => {
  world = await createWorld();
  runs = 0;
  store = memoryAnswers();
  const forgetful = { begin: async () => ({ granted: true }), finish: async () => undefined };
  Object.assign(world.env, { DELIVERIES: { getByName: () => ({ ...forgetful, ...store }) } });
});

async function bought(options: Partial<PaywallOptions> = {}) {
  const shop = world.shop((c) => (runs++, c.text("goods")), options);
  const payment = {
    ...(await shop.approved("/item/1")),
    extensions: { [PAYMENT_IDENTIFIER]: withIdentifier({ info: { required: false } }, "pay_0123456789abcdef") },
  };
  return () => shop.pay("/item/1", payment);
}

describe("flow authorization", () => {
  test("a copy that could not be made: nothing is captured, the hold is gone, the same payment is good later", async () => {
    const send = await bought();
    const { store: honest } = store;
    store.store = async () => {
      throw new Error("the disk is full");
    };
    expect(verdict(await send())).toBe("500 internal_error");
    expect([world.spent(), world.held()]).toEqual([0n, "0"]);
    store.store = honest;
    expect(verdict(await send())).toBe("200");
    expect(verdict(await send())).toBe("200");
    expect([world.spent(), runs]).toEqual([BigInt(PRICE), 2]);
  });

  test("a claim that was lost to somebody else: this run's answer does not leave, and its hold is the other's", async () => {
    const send = await bought();
    store.store = async () => false;
    expect(verdict(await send())).toBe("409 payment_in_progress");
    expect([world.spent(), world.held()]).toEqual([0n, PRICE]);
  });

  test("an outcome that nobody knows: the copy stays, and is given out as soon as the capture is known", async () => {
    const send = await bought();
    const { capture } = world.rpc;
    world.rpc.capture = async (...args) => {
      await capture(...args);
      throw new Error("the answer is lost");
    };
    expect(verdict(await send())).toBe("402 settlement_pending");
    world.rpc.capture = capture;
    const answer = await send();
    expect([verdict(answer), await answer.text(), runs]).toEqual(["200", "goods", 1]);
    expect(world.spent()).toBe(BigInt(PRICE));
  });
});

test("flow upfront, and a copy that could not be made: what is paid is delivered, and not a second time", async () => {
  const send = await bought({ flow: "upfront" });
  store.store = async () => {
    throw new Error("the disk is full");
  };
  expect(verdict(await send())).toBe("200");
  expect(verdict(await send())).toBe("409 answer_not_stored");
  expect([world.spent(), runs]).toEqual([BigInt(PRICE), 1]);
});
