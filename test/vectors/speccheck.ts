/**
 * The Ed25519 edge cases of "Taming the many EdDSAs" (github.com/novifinancial/ed25519-speccheck), and what strict
 * verification must say of them. Needs nothing of Node, so that the same table is checked in Node and in workerd.
 */

import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { DigestVerifier, verifyStrict } from "../../shared/crypto/ed25519.ts";
import vectors from "./ed25519-speccheck.json" with { type: "json" };

/** The one that dalek's `verify_strict` accepts: key and R of mixed order, and the equation holds without cofactor. */
const ACCEPTED = 6;

/** The number one, which is also how the neutral element is written. */
const ONE = `01${"00".repeat(31)}`;
const ZERO = "00".repeat(32);
const BASE_POINT = `58${"66".repeat(31)}`;

/** Signatures that fit every message, because the key is the neutral element: S·B = R + h·0. */
const UNIVERSAL = [
  { name: "fits every message, with R of small order", pub_key: ONE, signature: ONE + ZERO },
  { name: "fits every message, with an ordinary R", pub_key: ONE, signature: BASE_POINT + ONE },
];

export const CASES = [
  ...vectors.map((vector, index) => ({ name: `vector ${index}`, ...vector })),
  ...UNIVERSAL.map((signature) => ({ ...signature, message: "5e".repeat(32) })),
].map(({ name, message, pub_key, signature }, index) => ({
  name,
  accepted: index === ACCEPTED,
  verify: () => verifyStrict(hexToBytes(signature), hexToBytes(message), hexToBytes(pub_key)),
  /** As one that knows the key does, twice. */
  verifyTwice: async () => {
    const verifier = new DigestVerifier(pub_key);
    return [await verifier.verify(signature, message), await verifier.verify(signature, message)];
  },
}));
