/** The ledger's own signature. It signs checkpoints and nothing else: no payment depends on it. */

import { importSeed, type SeedKey, signDigest } from "../../shared/crypto/seed-key.ts";
import { type Checkpoint, checkpointDigest, type SignedCheckpoint } from "../../shared/ledger/checkpoint.ts";

/** @param secret 64 hex digits @throws {TypeError} for every other secret */
export async function signCheckpoint(checkpoint: Checkpoint, secret: string): Promise<SignedCheckpoint> {
  const key = await checkpointKey(secret);
  return { checkpoint, publicKey: key.publicKey, signature: await signDigest(key, checkpointDigest(checkpoint)) };
}

export function checkpointKey(secret: string): Promise<SeedKey> {
  return importSeed(secret, "CHECKPOINT_KEY");
}
