/** Who may see the seller's page: the holder of the secret SELLER_KEY, over a connection that keeps it secret. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { bearerKey, showsKeyOf } from "../../../../shared/crypto/bearer-key.ts";
import { decodeUtf8, fromBase64, utf8 } from "../../../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../../../shared/crypto/digest.ts";
import { MIN_SELLER_KEY_LENGTH } from "../../../../shared/limits.ts";

const KEY = new RegExp(`^[!-~]{${MIN_SELLER_KEY_LENGTH},}$`);
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** `insecure`: the key must not be asked for over this connection. `closed`: the key was not shown. */
export type Admission = "open" | "closed" | "insecure";

/**
 * @param key the secret SELLER_KEY
 * @param authorization the header: the key as a bearer key, or as the password of HTTP Basic under any user name
 * @param url the page's, as its reader sees it
 * @throws {ConfigurationError} if there is no key, or one that can be guessed
 */
export function admit(key: unknown, authorization: string | undefined, { protocol, hostname }: URL): Admission {
  if (typeof key !== "string" || !KEY.test(key)) {
    throw new ConfigurationError(
      `sellerPage() needs the secret SELLER_KEY: at least ${MIN_SELLER_KEY_LENGTH} characters without blanks; openssl rand -hex 32 makes one`,
    );
  }
  if (protocol !== "https:" && !LOOPBACK.has(hostname)) return "insecure";
  const shown = bearerKey(authorization) ?? passwordOf(authorization);
  return shown !== undefined && showsKeyOf(bodyDigest(utf8(key)), `Bearer ${shown}`) ? "open" : "closed";
}

/** RFC 7617: the user name ends at the first colon. */
function passwordOf(authorization: string | undefined): string | undefined {
  const bytes = fromBase64(/^Basic (\S+)$/i.exec(authorization ?? "")?.[1] ?? "");
  const text = bytes && decodeUtf8(bytes);
  const colon = text?.indexOf(":") ?? -1;
  return colon < 0 ? undefined : text?.slice(colon + 1);
}
