/**
 * The merchant's key that sessions name and claims are signed with. It is derived from RECEIPT_KEY, the origin, and the id of an object of
 * this deployment: two deployments with one secret have two keys, so a session of one is worth nothing to the other.
 */

import { keepNewest } from "../../../../shared/bounded.ts";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { bytesToHex, hexToBytes, utf8 } from "../../../../shared/crypto/bytes.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { importSeed, type SeedKey, signDigest } from "../../../../shared/crypto/seed-key.ts";
import type { PaywallBindings, SessionsNamespace } from "../types.ts";
import { NAMED_OBJECT } from "./rpc.ts";

export interface ReceiverKeys {
  /** What offers name: 64 hex digits. */
  publicKey: string;
  /** @returns undefined if `publicKey` is none of this merchant's */
  signerOf(publicKey: string): ((digest: Digest) => Promise<string>) | undefined;
}

/**
 * The last keys of a deployment, by secrets and origin. Requests share the value, never a promise: a Worker cannot await another request's I/O.
 * Computing the id of an object takes as long as to compare an offer, so what is known is found by the binding.
 */
const cached = new WeakMap<SessionsNamespace, Map<string, ReceiverKeys>>();
const MAX_CACHED = 16;

/**
 * @param origin the origin that buyers see
 * @throws {ConfigurationError} if a secret is missing or is no key
 */
export async function receiverKeys(env: PaywallBindings, namespace: SessionsNamespace, origin: string): Promise<ReceiverKeys> {
  const { RECEIPT_KEY, RECEIPT_KEY_BEFORE = "" } = env;
  if (!RECEIPT_KEY) throw new ConfigurationError("sessions need the secret RECEIPT_KEY, which signs their claims");
  const inputs = `${RECEIPT_KEY} ${RECEIPT_KEY_BEFORE} ${origin}`;
  const known = cached.get(namespace)?.get(inputs);
  if (known) return known;
  const deployment = namespace.idFromName(NAMED_OBJECT).toString();
  const keys = [await derive(RECEIPT_KEY, "RECEIPT_KEY", origin, deployment)];
  if (RECEIPT_KEY_BEFORE) keys.push(await derive(RECEIPT_KEY_BEFORE, "RECEIPT_KEY_BEFORE", origin, deployment));
  const made = keysOf(keys);
  const ofDeployment = cached.get(namespace) ?? new Map<string, ReceiverKeys>();
  cached.set(namespace, ofDeployment);
  keepNewest(ofDeployment, inputs, made, MAX_CACHED);
  return made;
}

function keysOf(keys: readonly SeedKey[]): ReceiverKeys {
  return {
    publicKey: keys[0]?.publicKey ?? "",
    signerOf(publicKey) {
      const key = keys.find((each) => each.publicKey === publicKey);
      return key && ((digest) => signDigest(key, digest));
    },
  };
}

/** HKDF-SHA-256 (RFC 5869) without a salt: the secret is a uniform key already. */
async function derive(secret: string, name: string, origin: string, deployment: string): Promise<SeedKey> {
  await importSeed(secret, name); // throws for anything that is no key
  const key = await crypto.subtle.importKey("raw", hexToBytes(secret), "HKDF", false, ["deriveBits"]);
  const info = utf8(["lez-agent-pay/sessions", origin, deployment].join("\0"));
  const seed = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info }, key, 256);
  return importSeed(bytesToHex(new Uint8Array(seed)), name);
}
