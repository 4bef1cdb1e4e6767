/** Where an agent waits for its owner, and what both compare. */

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Pairing, pairingDigest } from "../protocol/desk.ts";
import { shortCode } from "../protocol/payment-request.ts";
import { pairingCode, pairingLink, pairingPlace } from "./pairing-place.ts";

const secret = "0f".repeat(16);
const pairing = {
  desk: "https://desk.example",
  account: "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj",
  agent: "8a".repeat(32),
  secret,
} as Pairing;

test("the place is a hash of the secret alone", () => {
  expect(pairingPlace(secret)).toBe(createHash("sha256").update(`desk-pairing:${secret}`).digest("hex"));
});

test("the code is the first 60 bits of the digest, and begins as every short code does [pairing-code]", () => {
  const digest = pairingDigest(pairing);
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const bits = BigInt(`0x${digest}`).toString(2).padStart(256, "0").slice(0, 60);
  const code = (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)]).join("");
  expect(pairingCode(pairing).replaceAll("-", "")).toBe(code);
  expect(pairingCode(pairing)).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
  expect(pairingCode(pairing).startsWith(shortCode(digest))).toBe(true);
});

test("the link names the agent's key, the secret, and the account if there is one, behind the fragment", () => {
  expect(pairingLink(pairing.desk, pairing.agent, secret)).toBe(`https://desk.example/#/pair/${pairing.agent}.${secret}`);
  expect(pairingLink(pairing.desk, pairing.agent, secret, pairing.account)).toMatch(/\.6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj$/);
});
