/** The passkeys of this device. The one file of the page that calls `navigator.credentials`. */

import { fromBase64url, hexToBytes, randomBytes, toBase64url } from "../../../../shared/crypto/bytes.ts";
import { compressedKey } from "../../../../shared/crypto/p256.ts";
import type { KeptPasskey } from "../../../../shared/desk/hosted-api.ts";
import { proofOfAssertion } from "../../../../shared/protocol/assertion.ts";
import type { PasskeyProof } from "../../../../shared/protocol/passkey.ts";
import type { Problem, Result } from "../client.ts";
import { digestOf, type ToProve } from "./to-prove.ts";

/** ECDSA over P-256 with SHA-256, in COSE. */
const ES256 = -7;

/**
 * Asks the owner's authenticator for a new passkey, which the owner unlocks it for.
 * @param label the owner's own word for the device
 * @param before passkeys of the account: a device that has one of them makes no second
 */
export async function makePasskey(label: string, before: readonly KeptPasskey[]): Promise<Result<KeptPasskey>> {
  const rpId = location.hostname;
  try {
    const made = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(randomBytes(32)),
        rp: { id: rpId, name: "lez-agent-pay" },
        user: { id: bytes(randomBytes(32)), name: `${label} · ${rpId}`, displayName: label },
        pubKeyCredParams: [{ type: "public-key", alg: ES256 }],
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
        attestation: "none",
        excludeCredentials: descriptors(before),
      },
    });
    const { rawId, response } = made as PublicKeyCredential & { response: AuthenticatorAttestationResponse };
    const publicKey = compressedKey(new Uint8Array(response.getPublicKey() ?? []));
    if (publicKey === undefined) return failed("This authenticator cannot make the kind of key that an account needs (ES256).");
    return { ok: true, data: { credentialId: toBase64url(new Uint8Array(rawId)), publicKey, rpId, label } };
  } catch (error) {
    return refused(error, "No passkey was made.");
  }
}

/**
 * Asks one of the passkeys for its proof. It signs the digest of the object that is given, computed here: no bytes from elsewhere.
 * @param signal ends the question
 */
export async function provePasskey(what: ToProve, passkeys: readonly KeptPasskey[], signal: AbortSignal): Promise<Result<PasskeyProof>> {
  try {
    const got = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(hexToBytes(digestOf(what))),
        rpId: location.hostname,
        userVerification: "required",
        allowCredentials: descriptors(passkeys),
      },
      signal,
    });
    const { rawId, response } = got as PublicKeyCredential & { response: AuthenticatorAssertionResponse };
    const id = toBase64url(new Uint8Array(rawId));
    const { publicKey = "" } = passkeys.find(({ credentialId }) => credentialId === id) ?? {};
    const { authenticatorData, clientDataJSON, signature } = response;
    const proof = proofOfAssertion(publicKey, {
      authenticatorData: new Uint8Array(authenticatorData),
      clientDataJSON: new Uint8Array(clientDataJSON),
      signature: new Uint8Array(signature),
    });
    return proof && publicKey !== "" ? { ok: true, data: proof } : failed("The answer came from a passkey that is not this account's.");
  } catch (error) {
    return refused(error, "Nothing was signed.");
  }
}

function descriptors(passkeys: readonly KeptPasskey[]): PublicKeyCredentialDescriptor[] {
  return passkeys.flatMap(({ credentialId }) => {
    const id = fromBase64url(credentialId);
    return id ? [{ type: "public-key" as const, id }] : [];
  });
}

function refused(error: unknown, nothing: string): { ok: false; error: Problem } {
  const { name = "" } = error instanceof Error ? error : {};
  if (name === "NotAllowedError" || name === "AbortError") return failed(`${nothing} The passkey was not confirmed.`);
  if (name === "InvalidStateError") return failed("This device already has a passkey of this account. Use another one.");
  return failed(`${nothing} This browser offers no passkey on this page.`);
}

export function failed(message: string): { ok: false; error: Problem } {
  return { ok: false, error: { code: "passkey", message } };
}

function bytes(from: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(from);
}
