import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { signPayload } from "../../shared/protocol/approval.ts";
import type { Authorization } from "../../shared/protocol/authorization.ts";
import { approve, NOW, offerOf, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { isWhatWasShown } from "./shown-is-signed.ts";

const request = await paymentRequest();
const { checked, authorization: shown, payload } = await approve(request);
const signed = (change: Partial<Authorization>) => signPayload(request, checked, { ...shown, ...change }, owner);

test("what was shown, signed now or a little later, is handed out", async () => {
  expect(await isWhatWasShown(payload, shown, offerOf())).toBe(true);
  const later = await signed({ validAfter: String(NOW + 60), validBefore: String(NOW + 960) });
  expect(await isWhatWasShown(later, shown, offerOf())).toBe(true);
});

test.each<[string, Partial<Authorization>]>([
  ["another payee", { to: stranger.account }],
  ["another amount", { value: "10001" as Authorization["value"] }],
  ["another payer", { from: stranger.account }],
  ["a longer validity", { validBefore: String(NOW + 901) }],
  ["another nonce", { nonce: "00".repeat(32) as Digest }],
  ["another request", { requestDigest: "00".repeat(32) as Digest }],
])("%s is not", async (_, change) => {
  expect(await isWhatWasShown(await signed(change), shown, offerOf())).toBe(false);
});

test("a signature that does not fit is not", async () => {
  const forged = { ...payload, payload: { ...payload.payload, signature: "0".repeat(128) } };
  expect(await isWhatWasShown(forged, shown, offerOf())).toBe(false);
});
