/** The secret PUSH_KEY, which says to push services whose messages they carry: VAPID, RFC 8292. docs/desk-hosted.md makes one. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../../shared/configuration-error.ts";
import { concatBytes, fromBase64url, toBase64url, utf8 } from "../../../shared/crypto/bytes.ts";
import { PUSH_TOKEN_SECONDS } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import { parseJson } from "../../../shared/text/json.ts";

export interface PushKey {
  /** The uncompressed point in base64url: the `applicationServerKey` with which a browser subscribes. */
  publicKey: string;
  /** `Authorization` of one push. @param now unix seconds */
  authorization: (endpoint: URL, desk: string, now: number) => Promise<string>;
}

const MAX_KEY_BYTES = 1024;
const coordinate = z.string().check(z.regex(/^[A-Za-z0-9_-]{43}$/));
/** A private JSON Web Key. Other members, such as `key_ops`, are left alone. */
const keySchema = z.object({ kty: z.literal("EC"), crv: z.literal("P-256"), x: coordinate, y: coordinate, d: coordinate });
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

const known = new Map<string, Promise<PushKey>>();

/** @throws {ConfigurationError} if the secret is no such key; the message repeats nothing of it */
export function pushKeyOf(secret: string): Promise<PushKey> {
  const found = known.get(secret) ?? readKey(secret);
  known.clear();
  known.set(secret, found);
  return found;
}

/** What browsers subscribe with; undefined where pushes are not set up. A wrong secret is in the log. */
export async function pushKey({ PUSH_KEY }: { PUSH_KEY?: string }): Promise<string | undefined> {
  if (!PUSH_KEY) return undefined;
  try {
    return (await pushKeyOf(PUSH_KEY)).publicKey;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    logEvent("desk.misconfigured", { traceId: "", message: error.message });
    return undefined;
  }
}

async function readKey(secret: string): Promise<PushKey> {
  const key = parseJson(secret, MAX_KEY_BYTES, keySchema);
  if (!key.ok) throw new ConfigurationError("PUSH_KEY must be a private P-256 key as JSON: docs/desk-hosted.md makes one");
  const { x, y } = key.value;
  const signer = await crypto.subtle.importKey("jwk", key.value, ECDSA, false, ["sign"]).catch(() => {
    throw new ConfigurationError("PUSH_KEY is not on the curve P-256, or its public half is another key's");
  });
  const publicKey = toBase64url(concatBytes([Uint8Array.of(4), ...[x, y].map((part) => fromBase64url(part) ?? new Uint8Array())]));
  const header = encoded({ typ: "JWT", alg: "ES256" });
  return {
    publicKey,
    authorization: async ({ origin }, desk, now) => {
      const claims = encoded({ aud: origin, exp: now + PUSH_TOKEN_SECONDS, sub: desk });
      const signature = await crypto.subtle.sign(ECDSA, signer, concatBytes([utf8(`${header}.${claims}`)]));
      return `vapid t=${header}.${claims}.${toBase64url(new Uint8Array(signature))}, k=${publicKey}`;
    },
  };
}

function encoded(value: object): string {
  return toBase64url(utf8(JSON.stringify(value)));
}
