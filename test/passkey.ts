/**
 * A passkey in software, and policies over keys, for tests and vectors: node:crypto and BigInt, and none of the code that verifies them.
 * Signatures are deterministic, so that vectors can be made again.
 */

import { createECDH, createHash, createHmac } from "node:crypto";
import type { Digest } from "../shared/crypto/digest.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { PasskeyProof } from "../shared/protocol/passkey.ts";
import type { Policy } from "../shared/protocol/policy.ts";
import type { MemberProof, PolicyProof } from "../shared/protocol/proof.ts";

const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const sha256 = (...parts: (string | Uint8Array)[]) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const word = (value: bigint) => value.toString(16).padStart(64, "0");

/** What an assertion says otherwise than it should. */
export interface AssertionChanges {
  /** Members of clientDataJSON in place of the right ones; undefined takes one away. */
  client?: Record<string, unknown>;
  /** The whole of clientDataJSON. */
  clientText?: string;
  rpId?: string;
  flags?: number;
  /** Appended to authenticatorData. */
  extra?: Uint8Array;
  /** Members of the proof, after the signature. */
  proof?: Partial<PasskeyProof>;
  /** The other signature of the two that WebCrypto takes. */
  highS?: boolean;
}

export class TestPasskey {
  readonly rpId: string;
  readonly origin: string;
  readonly #key = createECDH("prime256v1");
  readonly #scalar: bigint;

  /** @param seed 64 hex digits */
  constructor(rpId: string, seed: string, origin = `https://${rpId}`) {
    this.rpId = rpId;
    this.origin = origin;
    this.#scalar = BigInt(`0x${seed}`);
    this.#key.setPrivateKey(seed, "hex");
  }

  get publicKey(): string {
    return this.#key.getPublicKey("hex", "compressed");
  }

  get account(): AccountId {
    const prefix = "/LEZ-x402/v1/AccountId/Passkey/\0";
    return base58(sha256(prefix, sha256(this.rpId), Buffer.from(this.publicKey, "hex"))) as AccountId;
  }

  prove(digest: Digest): Promise<PasskeyProof> {
    return Promise.resolve(this.assert(digest));
  }

  assert(digest: Digest, changes: AssertionChanges = {}): PasskeyProof {
    const challenge = Buffer.from(digest, "hex").toString("base64url");
    const members = { type: "webauthn.get", challenge, origin: this.origin, crossOrigin: false, ...changes.client };
    const client = Buffer.from(changes.clientText ?? JSON.stringify(members));
    const head = Buffer.from([changes.flags ?? 0x1d, 0, 0, 0, 0]);
    const data = Buffer.concat([sha256(changes.rpId ?? this.rpId), head, changes.extra ?? Buffer.alloc(0)]);
    return {
      kind: "webauthn",
      publicKey: this.publicKey,
      authenticatorData: data.toString("base64url"),
      clientDataJSON: client.toString("base64url"),
      signature: this.#sign(sha256(data, sha256(client)), changes.highS),
      ...changes.proof,
    };
  }

  /** ECDSA with a nonce that follows from key and message. A key pair of the nonce knows r. */
  #sign(hash: Buffer, highS = false): string {
    const nonce = (BigInt(`0x${createHmac("sha256", word(this.#scalar)).update(hash).digest("hex")}`) % (N - 1n)) + 1n;
    const point = createECDH("prime256v1");
    point.setPrivateKey(word(nonce), "hex");
    const r = BigInt(`0x${point.getPublicKey("hex").slice(2, 66)}`) % N;
    const s = (inverse(nonce) * (BigInt(`0x${hash.toString("hex")}`) + r * this.#scalar)) % N;
    return word(r) + word(s > N / 2n === highS ? s : N - s);
  }
}

/** @param proof a signature of a member, or its assertion */
export function policyProof(policy: Policy, ...proofs: MemberProof[]): PolicyProof {
  return { kind: "policy", policy, proofs };
}

export function policyOf(threshold: number, ...keys: { account: AccountId }[]): Policy {
  return { version: "1", threshold: String(threshold), keys: keys.map(({ account }) => account).toSorted((a, b) => (a < b ? -1 : 1)) };
}

export function accountOfTestPolicy({ keys, threshold, version }: Policy): AccountId {
  const canonical = `{"keys":[${keys.map((key) => `"${key}"`).join(",")}],"threshold":"${threshold}","version":"${version}"}`;
  return base58(sha256("/LEZ-x402/v1/AccountId/Policy//\0", sha256(canonical))) as AccountId;
}

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function base58(bytes: Buffer): string {
  let text = "";
  for (let rest = BigInt(`0x${bytes.toString("hex")}`); rest > 0n; rest /= 58n) text = (ALPHABET[Number(rest % 58n)] ?? "") + text;
  return "1".repeat(bytes.findIndex((byte) => byte !== 0)) + text;
}

/** By Fermat. */
function inverse(value: bigint): bigint {
  let result = 1n;
  for (const bit of (N - 2n).toString(2)) result = (((result * result) % N) * (bit === "1" ? value : 1n)) % N;
  return result;
}
