/** The public keys that a verifier trusts from elsewhere. Evidence is checked against them: no file vouches for itself. */

import { base64urlnopad } from "@scure/base";
import * as z from "zod/mini";
import { bytesToHex, publicKeySchema } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { accountIdSchema } from "../protocol/account.ts";

/** An Ed25519 public key as it is published: 64 hex digits, or `x` of a JWK (RFC 8037). 64 hex digits come out. */
export const knownKeySchema = z.pipe(
  z.string().check(z.refine((text) => keyOf(text) !== undefined, "must be a public key: 64 hex digits, or x of a JWK")),
  z.transform((text) => keyOf(text) ?? ""),
);

const keys = z.array(knownKeySchema);

export const knownKeysSchema = z.strictObject({
  /** By origin (`https://merchant.example.com`): the keys under its offers and receipts. */
  merchants: z.optional(
    z.record(z.string().check(z.refine((text) => URL.canParse(text) && new URL(text).origin === text, "must be an origin")), keys),
  ),
  /** By genesis id: the keys under its checkpoints. */
  ledgers: z.optional(z.record(digestSchema, keys)),
  /** The accounts whose payments these are. */
  owners: z.optional(z.array(accountIdSchema)),
  /** The keys of the agents that ask on their behalf. */
  agents: z.optional(keys),
});
export type KnownKeys = z.output<typeof knownKeysSchema>;

function keyOf(text: string): string | undefined {
  if (publicKeySchema.safeParse(text).success) return text;
  return /^[\w-]{43}$/.test(text) ? hexOf(text) : undefined;
}

function hexOf(base64url: string): string | undefined {
  try {
    return bytesToHex(base64urlnopad.decode(base64url));
  } catch {
    return undefined; // bits that belong to no byte
  }
}
