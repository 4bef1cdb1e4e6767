import { expect, test } from "vitest";
import { finalitySchema, nativeKindOf, nativeKindSchema } from "./kind.ts";
import { GENESIS } from "./testing/payment.ts";

const EXTRA = {
  assetTransferMethod: "transaction",
  paymentFlow: "upfront",
  ledger: GENESIS,
  dialect: "v0.3",
  maxFee: "1000000",
  finalities: ["head", "depth:2", "final"],
  blockSeconds: 50,
};
const MOCK = { x402Version: 2, scheme: "exact", network: "logos:lez-testnet", extra: { ledger: GENESIS } };
const KIND = { x402Version: 2, scheme: "exact", network: "lez:devnet", extra: EXTRA };

test("a kind is found by its network, with members that are not known", () => {
  const extra = { ...EXTRA, channel: GENESIS, hint: 1 };
  const kinds = [MOCK, { ...KIND, network: "lez:testnet" }, { ...KIND, extra }];
  expect(nativeKindOf({ kinds }, "lez:devnet")).toEqual({ ok: true, value: extra });
});

test("another version, scheme or network is another kind", () => {
  const kinds = [MOCK, { ...KIND, x402Version: 1 }, { ...KIND, scheme: "upto" }, { ...KIND, network: "lez:testnet" }];
  expect(nativeKindOf({ kinds }, "lez:devnet")).toBeUndefined();
});

test.each([
  ["assetTransferMethod", "eip3009"],
  ["paymentFlow", "authorization"],
  ["paymentFlow", undefined],
  ["ledger", "6d"],
  ["channel", null],
  ["dialect", "v0.4"],
  ["maxFee", "01"],
  ["maxFee", 1_000_000],
  ["maxFee", "1".repeat(40)],
  ["finalities", []],
  ["finalities", ["soon"]],
  ["blockSeconds", 0],
  ["blockSeconds", 2.5],
])("a kind whose %s is %j is not understood", (member, value) => {
  expect(nativeKindSchema.safeParse({ ...EXTRA, [member]: value }).success).toBe(false);
  expect(nativeKindOf({ kinds: [{ ...KIND, extra: { ...EXTRA, [member]: value } }] }, "lez:devnet")).toMatchObject({ ok: false });
});

test("a depth is a whole number of blocks from 1 to 64", () => {
  const isOne = (text: unknown) => finalitySchema.safeParse(text).success;
  expect(["head", "final", "depth:1", "depth:64"].filter(isOne)).toHaveLength(4);
  expect(["depth:0", "depth:65", "depth:01", "depth:", "depth:1 ", "Head", 2, null].filter(isOne)).toEqual([]);
});
