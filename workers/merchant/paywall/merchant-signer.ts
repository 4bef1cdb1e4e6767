/** The merchant's signature under offers and receipts: EdDSA JWS, with the key in a did:web document at the merchant's own origin. */
import { CompactSign, exportJWK, type JWK } from "jose";
import * as z from "zod/mini";
import { base64urlnopad } from "@scure/base";
import { concatBytes, hexToBytes, publicKeySchema, utf8 } from "../../../shared/bytes.ts";
import { canonicalJson } from "../../../shared/digest.ts";
import { type OfferPayload, receiptKeySchema, type ReceiptPayload, type SignedJws } from "../../../shared/extensions/offer-receipt.ts";

/** PKCS #8 of an Ed25519 private key, up to the seed. RFC 8410. */
const PKCS8_PREFIX = hexToBytes("302e020100300506032b657004220420");

interface Key {
  secret: string;
  privateKey: Awaited<ReturnType<typeof crypto.subtle.importKey>>;
  publicJwk: JWK;
}

/** The last key that was imported. The value is shared between requests, never a promise. */
let imported: Key | undefined;

export interface MerchantSigner {
  sign(payload: OfferPayload | ReceiptPayload): Promise<SignedJws>;
  /** The document behind the DID: whoever controls the origin controls the key. */
  didDocument: Record<string, unknown>;
  jwks: { keys: JWK[] };
}

/**
 * @param secret the binding RECEIPT_KEY: 64 hex digits
 * @param origin where buyers find the merchant
 * @param retired public keys of before, 64 hex digits each: published, so that who knows them accepts the new one
 * @throws {TypeError} for a secret that is not a key, or a retired key that is none
 */
export async function merchantSigner(secret: string, origin: string, retired: readonly string[] = []): Promise<MerchantSigner> {
  const { privateKey, publicJwk } = await importKey(secret);
  const did = `did:web:${encodeURIComponent(new URL(origin).host)}`;
  // The key's own name, so that a new key has a new one and old signatures do not seem to be made with it.
  const named = (jwk: JWK) => ({ kid: `${did}#${(jwk.x ?? "").slice(0, 16)}`, jwk });
  const { kid } = named(publicJwk);
  const published = [named(publicJwk), ...retired.map((key) => named(publicJwkOf(key)))];
  return {
    sign: async (payload) => ({
      format: "jws",
      signature: await new CompactSign(utf8(canonicalJson(payload))).setProtectedHeader({ alg: "EdDSA", kid }).sign(privateKey),
    }),
    didDocument: {
      "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
      id: did,
      verificationMethod: published.map(({ kid, jwk }) => ({ id: kid, type: "JsonWebKey2020", controller: did, publicKeyJwk: jwk })),
      assertionMethod: [kid],
    },
    jwks: { keys: published.map(({ kid, jwk }) => ({ ...jwk, kid, alg: "EdDSA", use: "sig" })) },
  };
}

function publicJwkOf(key: string): JWK {
  if (!z.safeParse(publicKeySchema, key).success) throw new TypeError("paywall: RETIRED_RECEIPT_KEYS must be public keys of 64 hex digits");
  return { kty: "OKP", crv: "Ed25519", x: base64urlnopad.encode(hexToBytes(key)) };
}

async function importKey(secret: string): Promise<Key> {
  if (imported?.secret === secret) return imported;
  if (!z.safeParse(receiptKeySchema, secret).success) throw new TypeError("paywall: RECEIPT_KEY must be 64 lowercase hex digits");
  const privateKey = await crypto.subtle.importKey("pkcs8", concatBytes([PKCS8_PREFIX, hexToBytes(secret)]), "Ed25519", true, ["sign"]);
  const { kty, crv, x } = await exportJWK(privateKey);
  imported = { secret, privateKey, publicJwk: { kty, crv, x } as JWK };
  return imported;
}
