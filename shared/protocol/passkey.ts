/** The proof of a passkey: an assertion of WebAuthn over a digest of this protocol, verified strictly. spec/protocol.md §17. */

import { sha256 } from "@noble/hashes/sha2.js";
import * as z from "zod/mini";
import { concatBytes, equalBytes, fromBase64url, hexSchema, hexToBytes, signatureSchema, toBase64url, utf8 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import { verifyP256 } from "../crypto/p256.ts";
import { MAX_AUTHENTICATOR_DATA_BYTES, MAX_CLIENT_DATA_BYTES } from "../limits.ts";
import { parseJson } from "../text/json.ts";
import { type AccountId, accountOfPasskey } from "./account.ts";

function base64urlSchema(maxBytes: number) {
  const fits = (text: string) => text.length <= Math.ceil((maxBytes * 4) / 3) && fromBase64url(text) !== undefined;
  return z.string().check(z.refine(fits, `must be base64url without padding, of at most ${maxBytes} bytes`));
}

export const passkeyProofSchema = z.strictObject({
  kind: z.literal("webauthn"),
  /** A P-256 point, compressed: 66 hex digits. */
  publicKey: hexSchema(33),
  authenticatorData: base64urlSchema(MAX_AUTHENTICATOR_DATA_BYTES),
  clientDataJSON: base64urlSchema(MAX_CLIENT_DATA_BYTES),
  /** r and s, with s in the lower half of the order: 128 hex digits. */
  signature: signatureSchema,
});
export type PasskeyProof = z.infer<typeof passkeyProofSchema>;

/** Browsers add members of their own; they are ignored. */
const clientDataSchema = z.looseObject({
  type: z.literal("webauthn.get"),
  challenge: z.string(),
  origin: z.string(),
  crossOrigin: z.optional(z.literal(false)),
  topOrigin: z.optional(z.undefined("must be absent")),
});

/** SHA-256 of the domain, flags, counter. */
const AUTHENTICATOR_DATA_BYTES = 37;
const RP_ID_HASH_BYTES = 32;

/** Of the flags in WebAuthn §6.1. */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const BACKUP_ELIGIBLE = 0x08;
const BACKED_UP = 0x10;
const KNOWN_FLAGS = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP;

/** A host name as a URL spells it, with a letter in its last label: an IP address is never the id of a relying party. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?$/;
const LOCALHOST = /^http:\/\/localhost(?::[1-9][0-9]{0,4})?$/;

export interface PasskeyRules {
  /**
   * Accepts passkeys of `http://localhost`, which every program on a machine can ask for: for tests and demos, never for money.
   * A facilitator does with FAUCET=on.
   */
  localhost?: boolean | undefined;
}

/** Of every program that moves no money itself: what it passes on, the facilitator judges again. */
export const FACILITATOR_DECIDES: PasskeyRules = { localhost: true };

/** The account whose passkey claims to have signed. */
export function accountOfAssertion({ publicKey, authenticatorData }: PasskeyProof): AccountId {
  const data = fromBase64url(authenticatorData) ?? new Uint8Array();
  return accountOfPasskey(data.subarray(0, RP_ID_HASH_BYTES), hexToBytes(publicKey));
}

/**
 * Why the assertion is none of this digest, in the order in which it is read. The counter is not checked: synced passkeys keep it at 0,
 * and a nonce pays once. Never throws.
 * @returns undefined if the holder of the passkey signed the digest, on a page of the passkey's domain
 */
export async function assertionProblem(proof: PasskeyProof, digest: Digest, rules: PasskeyRules): Promise<string | undefined> {
  const clientBytes = fromBase64url(proof.clientDataJSON);
  const data = fromBase64url(proof.authenticatorData);
  if (!clientBytes || !data) return "is not base64url";
  const client = parseJson(clientBytes, MAX_CLIENT_DATA_BYTES, clientDataSchema);
  if (!client.ok) return `clientDataJSON: ${client.problem}`;
  const { challenge, origin } = client.value;
  if (challenge !== toBase64url(hexToBytes(digest))) return "clientDataJSON: challenge: is not the digest of what is signed";
  const host = hostOf(origin, rules);
  if (host === undefined) return "clientDataJSON: origin: must be https:// and a host name, without port and path";
  if (data.length !== AUTHENTICATOR_DATA_BYTES) return `authenticatorData: must be ${AUTHENTICATOR_DATA_BYTES} bytes, without extensions`;
  if (!equalBytes(data.subarray(0, RP_ID_HASH_BYTES), sha256(utf8(host)))) return "authenticatorData: is of another domain than the origin";
  const flags = data[RP_ID_HASH_BYTES] ?? 0;
  if (!(flags & USER_PRESENT)) return "authenticatorData: the user was not present";
  if (!(flags & USER_VERIFIED)) return "authenticatorData: the user was not verified";
  if (flags & ~KNOWN_FLAGS) return "authenticatorData: has flags of attested data, of extensions, or unknown ones";
  if (flags & BACKED_UP && !(flags & BACKUP_ELIGIBLE)) return "authenticatorData: is backed up and cannot be";
  const signed = concatBytes([data, sha256(clientBytes)]);
  return (await verifyP256(proof.signature, signed, proof.publicKey)) ? undefined : "signature: the passkey did not sign this";
}

/** @returns undefined if no passkey of this origin is accepted */
function hostOf(origin: string, { localhost }: PasskeyRules): string | undefined {
  if (localhost && LOCALHOST.test(origin)) return "localhost";
  const host = origin.startsWith("https://") ? origin.slice("https://".length) : "";
  return HOST.test(host) ? host : undefined;
}
