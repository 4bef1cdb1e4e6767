/** What spec/scheme_exact_lez.md says in values, codes and examples is what the code has. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { batchPayloadSchema } from "../shared/batch-settlement/payload.ts";
import { channelStateSchema, correctionSchema, voucherReceiptExtraSchema } from "../shared/batch-settlement/state.ts";
import { isErrorCode } from "../shared/errors.ts";
import { ExactLezScheme as ClientScheme } from "../shared/exact/client/index.ts";
import { ExactLezScheme as ServerScheme } from "../shared/exact/server/index.ts";
import { ASSET, ASSET_DECIMALS, ASSET_SYMBOL, BATCH_SETTLEMENT, NETWORK, SCHEME, UPTO } from "../shared/lez.ts";
import * as limits from "../shared/limits.ts";
import { exactPayloadSchema } from "../shared/protocol/exact-payload.ts";
import { supportsExtra } from "../shared/protocol/offer.ts";
import { refusedSettlement, settleSuccess } from "../shared/settlement/facilitator.ts";
import { checkShape } from "../shared/text/json.ts";
import { paymentPayloadSchema, paymentRequirementsSchema } from "../shared/x402/x402.ts";
import { nativePayloadSchema } from "../shared/zone/statement.ts";
import { nativeTermsOf } from "../shared/zone/terms.ts";
import { merchant, owner } from "./fixtures.ts";

const pageOf = (name: string) => readFileSync(new URL(`../spec/${name}`, import.meta.url), "utf8");
const page = pageOf("scheme_exact_lez.md");
const DIGEST = "ab".repeat(32) as never;
const examplesOf = (name: string) =>
  [...pageOf(name).matchAll(/^```json\n(.*?)^```/gms)].map(
    ([, json = ""]) =>
      JSON.parse(
        json.replaceAll("<64 hex>", DIGEST).replaceAll("<128 hex>", "ab".repeat(64)).replaceAll("<account>", owner.account),
      ) as Record<string, unknown>,
  );
const examples = examplesOf("scheme_exact_lez.md");
const [requirements, payload, success, failure] = examples;

describe("the examples", () => {
  test("are requirements and a payload that are read here", () => {
    const read = checkShape(requirements, paymentRequirementsSchema);
    expect(read).toMatchObject({ ok: true, value: { scheme: SCHEME, network: NETWORK, asset: ASSET } });
    expect(read.ok && supportsExtra(read.value)).toBe(true);
    expect(checkShape(payload, exactPayloadSchema)).toMatchObject({ ok: true });
  });

  test("are the answers that a facilitator gives, member for member", () => {
    const settled = { ok: true, transaction: DIGEST, payer: owner.account, payee: merchant.account, value: "10000" as never } as const;
    expect(success).toEqual(settleSuccess(settled));
    expect(failure).toEqual(refusedSettlement({ ok: false, code: "nonce_replayed", transaction: DIGEST }, owner.account));
  });
});

test("the examples of the mechanism on the chain itself are read here", () => {
  const [offer, payload] = examplesOf("scheme_exact_lez_native.md");
  const read = checkShape(offer, paymentRequirementsSchema);
  expect(read).toMatchObject({ ok: true, value: { scheme: SCHEME, network: "lez:testnet", asset: ASSET } });
  const offered = { maxFee: 100_000n, finalities: ["head"] } as const;
  expect(nativeTermsOf({ ...(read.ok && read.value.extra) }, 10_000n, offered)).toMatchObject({ finality: "head", statement: "required" });
  expect(checkShape(payload, nativePayloadSchema)).toMatchObject({ ok: true });
});

test("the examples of upto are read here, and say what was charged", () => {
  const [offer, charged] = examplesOf("scheme_upto_lez.md");
  expect(checkShape(offer, paymentRequirementsSchema)).toMatchObject({ ok: true, value: { scheme: UPTO, network: NETWORK, asset: ASSET } });
  const settled = { ok: true, transaction: DIGEST, payer: owner.account, payee: merchant.account, value: "1858" as never } as const;
  expect(charged).toEqual(settleSuccess(settled));
});

test("the examples of batch-settlement are read here, and are what facilitator and merchant say", () => {
  const [offer, payment, opened, receipt, correction] = examplesOf("scheme_batch_settlement_lez.md");
  const read = checkShape(offer, paymentRequirementsSchema);
  expect(read).toMatchObject({ ok: true, value: { scheme: BATCH_SETTLEMENT, network: NETWORK, asset: ASSET } });
  expect(read.ok && supportsExtra(read.value)).toBe(true);
  expect(checkShape(payment, paymentPayloadSchema)).toMatchObject({ ok: true });
  expect(checkShape(payment?.["payload"], batchPayloadSchema)).toMatchObject({ ok: true });
  const { channelState } = (opened?.["extra"] ?? {}) as Record<string, unknown>;
  expect(checkShape(channelState, channelStateSchema)).toMatchObject({ ok: true });
  expect(checkShape(receipt, voucherReceiptExtraSchema)).toMatchObject({ ok: true });
  expect(checkShape(correction, correctionSchema)).toMatchObject({ ok: true });
});

test("every code in the checks of a deposit is in the error table", () => {
  const cells = [...pageOf("scheme_batch_settlement_lez.md").matchAll(/^(\d+)\. (?:(?!\n(?:\d+\.|\n)).)*?→\s+((?:`\w+`(?:,\s+)?)+)/gms)];
  expect(cells.map(([, number]) => Number(number))).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  const codes = cells.flatMap(([, , cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
  expect(codes.filter((code) => !isErrorCode(code))).toEqual([]);
});

test("every code in the list of checks is in the error table, and is named in the order of the checks", () => {
  const cells = [...page.matchAll(/^(\d+)\. (?:(?!\n(?:\d+\.|\n)).)*?→\s+((?:`\w+`(?:,\s+)?)+)/gms)];
  expect(cells.map(([, number]) => Number(number))).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
  const codes = cells.flatMap(([, , cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
  expect(codes.filter((code) => !isErrorCode(code))).toEqual([]);
});

test.each([
  ["32768 bytes", limits.MAX_FACILITATOR_BODY_BYTES, 32_768],
  ["`validAfter` ≤ now + 30", limits.CLOCK_SKEW_SECONDS, 30],
  ["min(`maxTimeoutSeconds`, 43200) + 30", limits.MAX_VALIDITY_SECONDS, 43_200],
  ["it remembers 1000", limits.MAX_PENDING_SETTLEMENTS, 1000],
  ["for 24 hours", limits.RETENTION_SECONDS, 24 * 3600],
])("the limit in “%s” is the code's", (words, value, said) => {
  expect(page).toContain(words);
  expect(value).toBe(said);
});

test("what the official SDK is told is what the schemes tell it", () => {
  const server = new ServerScheme();
  const asset = new ClientScheme(owner).findDefaultAsset(ASSET, NETWORK);
  expect(asset).toEqual({ asset: ASSET, decimals: ASSET_DECIMALS, symbol: ASSET_SYMBOL });
  expect(page).toContain(`{ asset: "${asset?.asset}", decimals: ${asset?.decimals}, symbol: "${asset?.symbol}" }`);
  expect(page).toContain(`defaultAssetTransferMethod = "${server.defaultAssetTransferMethod}"`);
  const [flow, ...others] = server.paymentFlows.default.supported;
  expect(page).toContain(`\`${flow}\` (default) and ${others.map((other) => `\`${other}\``).join(", ")}; anything else is refused`);
});
