/** The ledger's own signature. It signs checkpoints and nothing else: no payment depends on it. */

import { bytesToHex, hexToBytes } from "../../shared/crypto/bytes.ts";
import { importSeed, type SeedKey } from "../../shared/crypto/seed-key.ts";
import { type Checkpoint, checkpointDigest, type SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";

/** @param secret 64 hex digits @throws {TypeError} for every other secret */
export async function signCheckpoint(checkpoint: Checkpoint, secret: string): Promise<SignedCheckpoint> {
  const { privateKey, publicKey } = await checkpointKey(secret);
  const signature = await crypto.subtle.sign("Ed25519", privateKey, hexToBytes(checkpointDigest(checkpoint)));
  return { checkpoint, publicKey, signature: bytesToHex(new Uint8Array(signature)) };
}

export function checkpointKey(secret: string): Promise<SeedKey> {
  return importSeed(secret, "CHECKPOINT_KEY");
}
