import { expect, test } from "vitest";
import { type KnownRow } from "./lane-row.ts";
import { readLaneRow, writeLaneRow } from "./lane-text.ts";
import { PAYMENT, ROWS } from "./testing/lane-table.ts";

const { none: _, ...KNOWN } = ROWS;

test.each<KnownRow>(Object.values(KNOWN))("a row is read as it was written: $state [native-row-text]", (row) => {
  expect(readLaneRow(writeLaneRow(row))).toStrictEqual(row);
});

test("no digit of a u128 is lost, and what is undefined stays so", () => {
  const row: KnownRow = { ...ROWS.sent, read: undefined, payment: { ...PAYMENT, value: 2n ** 128n - 1n }, collector: "a settlement" };
  expect(readLaneRow(writeLaneRow(row))).toStrictEqual(row);
});

/** A row that version 1 stored: it must be read for ever. */
const STORED =
  '{"payment":{"h":"aa","transaction":"bb","wire":"AA==","payer":"p","payee":"q","value":"10000","nonce":"7","maxFee":"30000",' +
  '"fingerprint":"f","finality":"depth:2","validBefore":1800000600},"since":"90","read":{"head":{"id":"100","hash":"cc"},"nonce":"7",' +
  '"balance":"40000"},"leasedAt":1800000000,"attempts":{"sent":1,"refused":0,"lastAt":1800000000},"stopped":false,"revoked":false,' +
  '"failedScans":0,"alerted":[],"state":"included","inclusion":{"block":{"id":"102","hash":"dd"},"transaction":"bb"}}';

test("a row of version 1 is read today", () => {
  expect(readLaneRow(STORED)).toMatchObject({
    state: "included",
    since: 90n,
    inclusion: { block: { id: 102n } },
    payment: { nonce: 7n, validBefore: 1_800_000_600 },
  });
});
