/** The ledger's own signature. It is under checkpoints only: no payment needs it, and none accepts it. */
import { base64urlnopad } from "@scure/base";
import { bytesToHex, hexToBytes } from "../../shared/bytes.ts";
import { type Checkpoint, checkpointDigest, type SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";

/** What precedes the 32 bytes of an Ed25519 seed in PKCS #8 (RFC 8410 §7). */
const PKCS8_PREFIX = "302e020100300506032b657004220420";

/** @param secret 64 hex digits @throws {Error} for any other secret: a typing mistake must not go unnoticed */
export async function signCheckpoint(checkpoint: Checkpoint, secret: string): Promise<SignedCheckpoint> {
  const key = await importKey(secret);
  const signature = await crypto.subtle.sign("Ed25519", key, hexToBytes(checkpointDigest(checkpoint)));
  return { checkpoint, publicKey: await publicHalf(key), signature: bytesToHex(new Uint8Array(signature)) };
}

/** 64 hex digits. @throws {Error} like `signCheckpoint` */
export async function publicKeyOf(secret: string): Promise<string> {
  return publicHalf(await importKey(secret));
}

async function importKey(secret: string) {
  if (!/^[0-9a-f]{64}$/.test(secret)) throw new Error("CHECKPOINT_KEY must be 64 lowercase hex digits");
  return crypto.subtle.importKey("pkcs8", hexToBytes(PKCS8_PREFIX + secret), "Ed25519", true, ["sign"]);
}

async function publicHalf(key: Awaited<ReturnType<typeof importKey>>): Promise<string> {
  const { x = "" } = (await crypto.subtle.exportKey("jwk", key)) as { x?: string };
  return bytesToHex(base64urlnopad.decode(x));
}
