/** Signs and checks one call of a paired agent. The desk keeps the nonce and knows who is paired; everything else is here. */

import { bytesToHex, decodeUtf8, fromBase64url, randomBytes, toBase64url, utf8 } from "../crypto/bytes.ts";
import { bodyDigest, type Digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { DESK_CALL_SECONDS, MAX_HEADER_BYTES } from "../limits.ts";
import { type DeskCall, deskCallDigest, signedDeskCallSchema } from "../protocol/desk.ts";
import type { WalletSigner } from "../protocol/signer.ts";
import { parseJson } from "../text/json.ts";
import { formatTimestamp, MAX_UNIX_SECONDS } from "../time.ts";

/** What goes over the wire. */
export interface SentCall {
  /** The desk's origin. */
  desk: string;
  method: string;
  /** Path and query, as sent. */
  path: string;
  body: Uint8Array;
}

/** @param now unix seconds @returns the value of the header `Desk-Call` */
export async function signDeskCall({ desk, method, path, body }: SentCall, agent: WalletSigner, now: number): Promise<string> {
  const nonce = bytesToHex(randomBytes(32)) as Digest;
  const call: DeskCall = { desk, method, path, bodySha256: bodyDigest(body), at: String(now), nonce };
  const signed = { call, publicKey: agent.publicKey, signature: await agent.sign(deskCallDigest(call)) };
  return toBase64url(utf8(JSON.stringify(signed)));
}

export type CallCheck = { ok: true; publicKey: string; nonce: Digest; at: number } | { ok: false; problem: string };

/** Who signed this very call, a moment ago. Never throws. @param now unix seconds */
export async function checkDeskCall(header: string | null, { desk, method, path, body }: SentCall, now: number): Promise<CallCheck> {
  if (header === null) return { ok: false, problem: "it has no Desk-Call" };
  if (header.length > MAX_HEADER_BYTES) return { ok: false, problem: "Desk-Call is too long" };
  const text = decodeUtf8(fromBase64url(header) ?? new Uint8Array());
  const signed = parseJson(text ?? "", MAX_HEADER_BYTES, signedDeskCallSchema);
  if (!signed.ok) return { ok: false, problem: `Desk-Call: ${signed.problem}` };
  const { call, publicKey, signature } = signed.value;
  if (call.desk !== desk) return { ok: false, problem: `it was signed for another desk than ${desk}` };
  if (call.method !== method || call.path !== path) return { ok: false, problem: "it was signed for another method or path" };
  if (call.bodySha256 !== bodyDigest(body)) return { ok: false, problem: "it was signed for another body" };
  const at = Number(call.at);
  if (Math.abs(now - at) > DESK_CALL_SECONDS)
    return {
      ok: false,
      problem: `it was signed at ${formatTimestamp(Math.min(at, MAX_UNIX_SECONDS))}; the clock here says ${formatTimestamp(now)}`,
    };
  if (!(await verifyDigest(signature, deskCallDigest(call), publicKey))) return { ok: false, problem: "its key did not sign it" };
  return { ok: true, publicKey, nonce: call.nonce, at };
}
