/** What is shown of goods that are owed, and of money that must go back. */

import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { SaleRecord } from "./records.ts";
import type { Sale } from "./sales.ts";
import { isOwed, isRefundOwed, saleView } from "./view.ts";

const transaction = "3f".repeat(32) as Digest;
const payer = "8fFXLcUyUd2Yf9pHsJSWyfSGtKeBzVw8tKWKZJ8wqvfh" as AccountId;
const record: SaleRecord = { transaction, route: "GET /archive", status: "owed", payer, amount: 10_000n, day: 0 };
const sale = (refund: SaleRecord["refund"], refunded = 0n): Sale => ({
  kind: "sale",
  seq: "1",
  at: 1_772_323_200,
  value: 10_000n,
  transaction,
  source: "ledger",
  payments: 1,
  record: { ...record, refund },
  refunded,
});

test.each<[what: string, sale: Sale, goods: boolean, money: boolean, why: string | undefined]>([
  ["goods that are owed", sale(undefined), true, false, undefined],
  ["goods whose money is on its way", sale({ state: "due" }), false, true, "the merchant is giving it back"],
  ["and came back", sale({ state: "made" }, 10_000n), false, false, undefined],
  ["or came back in part", sale({ state: "owed", code: "insufficient_funds" }, 4_000n), false, true, "the account holds too little"],
  ["of which the journal knows nothing", sale({ state: "made" }), false, true, "the merchant says that it went back"],
  ["that the merchant cannot give back", sale({ state: "owed", code: "no_mandate" }), false, true, "refund grant makes one"],
  ["for a reason of the error table", sale({ state: "owed", code: "invalid_signature" }), false, true, "invalid_signature: The signature"],
  ["for a later version's reason", sale({ state: "owed", code: "moon_phase" }), false, true, "does not know"],
  ["and that the seller gave back", sale({ state: "owed", code: "no_mandate" }, 10_000n), false, false, undefined],
])("%s: goods, money, why [sales-owed-refunds]", (_what, sold, goods, money, why) => {
  expect([isOwed(sold), isRefundOwed(sold)]).toEqual([goods, money]);
  const { refundOwed } = saleView(sold);
  if (why === undefined) expect(refundOwed).toBeUndefined();
  else expect(refundOwed).toContain(why);
});
