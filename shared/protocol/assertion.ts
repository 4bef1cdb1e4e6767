/** A browser's assertion as a proof: for the page that asked for it. spec/protocol.md §17. */

import { toBase64url } from "../crypto/bytes.ts";
import { signatureOfDer, withLowS } from "../crypto/p256.ts";
import type { PasskeyProof } from "./passkey.ts";

/** What `navigator.credentials.get` answers with. */
export interface Assertion {
  authenticatorData: Uint8Array;
  clientDataJSON: Uint8Array;
  /** In DER. */
  signature: Uint8Array;
}

/**
 * @param publicKey as `compressedKey` spells it: an assertion does not bring it
 * @returns undefined if the signature is none of a P-256 key
 */
export function proofOfAssertion(publicKey: string, { authenticatorData, clientDataJSON, signature }: Assertion): PasskeyProof | undefined {
  const raw = signatureOfDer(signature);
  return (
    raw && {
      kind: "webauthn",
      publicKey,
      authenticatorData: toBase64url(authenticatorData),
      clientDataJSON: toBase64url(clientDataJSON),
      signature: withLowS(raw),
    }
  );
}
