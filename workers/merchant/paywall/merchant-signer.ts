/** The merchant's signature under offers and receipts: EdDSA JWS, with the key in a did:web document at the merchant's own origin. */
import { base64urlnopad } from "@scure/base";
import type { JWK } from "jose";
import * as z from "zod/mini";
import { hexToBytes, publicKeySchema, utf8 } from "../../../shared/crypto/bytes.ts";
import { canonicalJson } from "../../../shared/crypto/digest.ts";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import type { OfferPayload, ReceiptPayload, SignedJws } from "../../../shared/extensions/offer-receipt.ts";
import { importSeed, type SeedKey } from "../../../shared/crypto/seed-key.ts";

export interface MerchantSigner {
  sign(payload: OfferPayload | ReceiptPayload): Promise<SignedJws>;
  /** The document behind the DID: whoever controls the origin controls the key. */
  didDocument: Record<string, unknown>;
  jwks: { keys: JWK[] };
}

/** The last one that was made, and of what. The value is shared between requests, never a promise. */
let known: { of: string; signer: MerchantSigner } | undefined;

/**
 * @param secret the binding RECEIPT_KEY: 64 hex digits
 * @param origin where buyers find the merchant
 * @param retired public keys of before, 64 hex digits each: published, so that who knows them accepts the new one
 * @throws {ConfigurationError} for a secret that is not a key, or a retired key that is none
 */
export async function merchantSigner(secret: string, origin: string, retired: readonly string[] = []): Promise<MerchantSigner> {
  const of = JSON.stringify([secret, origin, retired]);
  if (known?.of !== of) known = { of, signer: await newSigner(secret, origin, retired) };
  return known.signer;
}

async function newSigner(secret: string, origin: string, retired: readonly string[]): Promise<MerchantSigner> {
  const { privateKey, publicKey } = await importSeed(secret, "RECEIPT_KEY");
  const did = `did:web:${encodeURIComponent(new URL(origin).host)}`;
  const published = [publicKey, ...retired].map((key) => {
    const jwk = publicJwkOf(key);
    // The key's own name, so that a new key has a new one and old signatures do not seem to be made with it.
    return { kid: `${did}#${jwk.x.slice(0, 16)}`, jwk };
  });
  const kid = published[0]?.kid ?? did;
  return {
    sign: async (payload) => ({ format: "jws", signature: await compactJws({ alg: "EdDSA", kid }, payload, privateKey) }),
    didDocument: {
      "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
      id: did,
      verificationMethod: published.map(({ kid, jwk }) => ({ id: kid, type: "JsonWebKey2020", controller: did, publicKeyJwk: jwk })),
      assertionMethod: [kid],
    },
    jwks: { keys: published.map(({ kid, jwk }) => ({ ...jwk, kid, alg: "EdDSA", use: "sig" })) },
  };
}

/** RFC 7515 §3.1. Making one takes no library; buyers read it with theirs. */
async function compactJws(header: object, payload: object, key: SeedKey["privateKey"]): Promise<string> {
  const signed = `${base64urlnopad.encode(utf8(JSON.stringify(header)))}.${base64urlnopad.encode(utf8(canonicalJson(payload)))}`;
  const signature = await crypto.subtle.sign("Ed25519", key, utf8(signed));
  return `${signed}.${base64urlnopad.encode(new Uint8Array(signature))}`;
}

function publicJwkOf(key: string) {
  if (!z.safeParse(publicKeySchema, key).success) throw new ConfigurationError("RETIRED_RECEIPT_KEYS must be public keys of 64 hex digits");
  return { kty: "OKP", crv: "Ed25519", x: base64urlnopad.encode(hexToBytes(key)) };
}
