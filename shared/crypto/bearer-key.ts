/** Bearer keys, of which a service is configured with the SHA-256 alone. */

import * as z from "zod/mini";
import { equalBytes, hexToBytes, utf8 } from "./bytes.ts";
import { bodyDigest, digestSchema } from "./digest.ts";

/** The hash of a configured key. The SHA-256 of nothing comes from a script with an empty variable, and is refused. */
export const keyHashSchema = digestSchema.check(z.refine((hash) => hash !== bodyDigest(utf8("")), "must not be the SHA-256 of nothing"));

/** The key in an Authorization header, if there is one. The scheme is case-insensitive (RFC 9110 §11.1). */
export function bearerKey(authorization: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
}

/** Whether the header shows the key of this hash; false where the hash is none. Takes as long whatever key is shown. */
export function showsKeyOf(hash: unknown, authorization: string | undefined): boolean {
  const configured = z.safeParse(keyHashSchema, hash);
  const key = bearerKey(authorization);
  return configured.success && key !== undefined && equalBytes(hexToBytes(configured.data), hexToBytes(bodyDigest(utf8(key))));
}
