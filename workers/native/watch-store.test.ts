import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { UNDELIVERED_SECONDS } from "../../shared/limits.ts";
import { hasSchema } from "../../shared/migrations.ts";
import { writeLaneRow } from "../../shared/zone/lane-text.ts";
import { NOW, PAYMENT, ROWS } from "../../shared/zone/testing/lane-table.ts";
import { laneStore } from "./lane-store.ts";
import { dueForListing, nextListing, owedPayment } from "./owed.ts";
import { OWED_PAGE, watchStore } from "./watch-store.ts";

const FINAL = { ...ROWS.settled, final: true } as const;
const TOO_LATE = PAYMENT.validBefore + UNDELIVERED_SECONDS + 1;
const none = () => false;

describe("a payment that no purchase can take any more", () => {
  test("is listed once it is too late, and nothing can undo it [native-owed]", () => {
    const collected = { ...FINAL, collector: "a settlement" };
    expect(dueForListing([FINAL, collected, ROWS.settled, ROWS.sent], none, TOO_LATE)).toEqual([FINAL]);
    expect(dueForListing([FINAL], none, TOO_LATE - 1)).toEqual([]);
    expect(dueForListing([FINAL], () => true, TOO_LATE)).toEqual([]);
  });

  test("is looked at in that second, and again a minute after a list that did not answer", () => {
    expect(nextListing([FINAL], none, NOW)).toBe(TOO_LATE);
    expect(nextListing([FINAL], none, TOO_LATE)).toBe(TOO_LATE + 60);
    expect(nextListing([ROWS.settled, ROWS.sent], none, NOW)).toBeUndefined();
  });

  test("is one row of the operator's list, however often it is told, page by page", () => {
    const store = watchStore(memoryStore());
    const payments = Array.from({ length: OWED_PAGE + 1 }, (_, number) => ({
      ...owedPayment(FINAL),
      messageHash: number.toString(16).padStart(64, "0") as Digest,
    }));
    for (const payment of [...payments, ...payments]) store.owe(payment);
    const first = store.owed(0);
    expect(first.owed).toEqual(payments.slice(0, OWED_PAGE));
    expect(store.owed(first.next ?? 0)).toEqual({ owed: payments.slice(OWED_PAGE) });
  });
});

describe("a lane's table", () => {
  test("is not made before there is a payment: an account's name alone stores nothing [native-strangers]", () => {
    const database = memoryStore();
    const lane = laneStore(database, () => undefined);
    expect([lane.rows(), lane.find(PAYMENT.h)]).toEqual([[], undefined]);
    lane.remove(PAYMENT.h);
    expect(hasSchema(database)).toBe(false);
    lane.put(FINAL);
    expect(laneStore(database, () => undefined).rows()).toEqual([FINAL]);
  });

  test("of version 1 is read, and remembers from then on what was listed [native-lane-migrates]", () => {
    const database = memoryStore();
    for (const statement of [
      "CREATE TABLE payment (h TEXT PRIMARY KEY, state TEXT NOT NULL, row TEXT NOT NULL) STRICT",
      "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
      "INSERT INTO schema_version (version) VALUES (1)",
    ])
      database.sql(statement);
    database.sql("INSERT INTO payment VALUES (?, ?, ?)", PAYMENT.h, "settled", writeLaneRow(FINAL));
    const lane = laneStore(database, () => undefined);
    expect([lane.rows(), lane.isListed(PAYMENT.h)]).toEqual([[FINAL], false]);
    lane.setListed(PAYMENT.h);
    lane.put(FINAL);
    expect(laneStore(database, () => undefined).isListed(PAYMENT.h)).toBe(true);
  });
});
