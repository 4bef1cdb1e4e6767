/** The merchant's signature under offers and receipts: EdDSA JWS, with the key in a did:web document at the merchant's own origin. */

import { base64urlnopad } from "@scure/base";
import * as z from "zod/mini";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { hexToBytes, publicKeySchema, utf8 } from "../../../../shared/crypto/bytes.ts";
import { canonicalJson } from "../../../../shared/crypto/digest.ts";
import { importSeed, type SeedKey } from "../../../../shared/crypto/seed-key.ts";
import type { MerchantSigner } from "../types.ts";

/** The last signer, by its inputs. Requests share the value, never a promise: a Worker cannot await another request's I/O. */
let cached: { inputs: string; signer: MerchantSigner } | undefined;

/**
 * @param secret the binding RECEIPT_KEY: 64 hex digits
 * @param origin the origin that buyers see
 * @param retired former public keys, 64 hex digits each. They stay published, so that buyers who trust them accept the new one.
 * @throws {ConfigurationError} if the secret or a retired key is not a key
 */
export async function merchantSigner(secret: string, origin: string, retired: readonly string[] = []): Promise<MerchantSigner> {
  const inputs = `${secret} ${origin} ${retired.join(" ")}`;
  if (cached?.inputs !== inputs) cached = { inputs, signer: await newSigner(secret, origin, retired) };
  return cached.signer;
}

async function newSigner(secret: string, origin: string, retired: readonly string[]): Promise<MerchantSigner> {
  const { privateKey, publicKey } = await importSeed(secret, "RECEIPT_KEY");
  const did = `did:web:${encodeURIComponent(new URL(origin).host)}`;
  const published = [publicKey, ...retired].map((key) => {
    const jwk = publicJwkOf(key);
    // The kid is derived from the key: a new key gets a new kid, and old signatures do not point to it.
    return { kid: `${did}#${jwk.x.slice(0, 16)}`, jwk };
  });
  const kid = published[0]?.kid ?? did;
  return {
    publicKey,
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

/** RFC 7515 §3.1. Too little to need a library in the bundle. */
async function compactJws(header: object, payload: object, key: SeedKey["privateKey"]): Promise<string> {
  const signed = `${base64urlnopad.encode(utf8(JSON.stringify(header)))}.${base64urlnopad.encode(utf8(canonicalJson(payload)))}`;
  const signature = await crypto.subtle.sign("Ed25519", key, utf8(signed));
  return `${signed}.${base64urlnopad.encode(new Uint8Array(signature))}`;
}

function publicJwkOf(key: string) {
  if (!z.safeParse(publicKeySchema, key).success) throw new ConfigurationError("RETIRED_RECEIPT_KEYS must be public keys of 64 hex digits");
  return { kty: "OKP", crv: "Ed25519", x: base64urlnopad.encode(hexToBytes(key)) };
}
