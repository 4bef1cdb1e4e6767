/** Who may use the facilitator over HTTP, and how often. Open unless keys are configured; limited wherever the platform counts. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";
import { hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import { MAX_FILE_BYTES } from "../../shared/limits.ts";
import type { Api } from "./api.ts";

/** What a shown key is compared with. The SHA-256 of nothing is a mistake (of a script whose variable was empty) and no key. */
const keyHashSchema = digestSchema.check(z.refine((hash) => hash !== bodyDigest(utf8("")), "must not be the SHA-256 of nothing"));

/** SHA-256 of a bearer key → the accounts it may settle for. The keys themselves are nowhere. */
const keysSchema = z.custom<Record<Digest, AccountId[]>>(
  (keys) =>
    typeof keys === "object" &&
    keys !== null &&
    Object.entries(keys).every(
      ([hash, accounts]) => checkShape(hash, keyHashSchema).ok && Array.isArray(accounts) && accounts.every(isAccountId),
    ),
  "must be an object of lists of accounts, by the SHA-256 of a key in hex, which is not that of nothing",
);

/**
 * True when the caller may verify and settle payments to `payTo`: no keys are configured (`FACILITATOR_KEYS`), or the
 * caller's is there and names the account.
 * @throws {Error} when FACILITATOR_KEYS cannot be read: nobody is let in by a typing mistake
 */
export function mayServe(c: Context<Api>, payTo: unknown): boolean {
  const configured = c.env.FACILITATOR_KEYS;
  if (configured === undefined) return true;
  const keys = parseJson(configured, MAX_FILE_BYTES, keysSchema);
  if (!keys.ok) throw new Error(`FACILITATOR_KEYS: ${keys.problem}`);
  const shown = shownKey(c);
  if (!shown) return false;
  // Hashes are compared, in constant time and all of them: neither the key nor its place can be learned from the clock.
  return Object.entries(keys.value).reduce((allowed, [hash, accounts]) => {
    const known = crypto.subtle.timingSafeEqual(hexToBytes(hash), shown);
    return allowed || (known && accounts.some((account) => account === payTo));
  }, false);
}

/** True for the ledger's operator, whose key's SHA-256 is configured, and for everybody where money is handed out anyway. */
export function isOperator(c: Context<Api>): boolean {
  if (c.env.FAUCET === "on") return true;
  const operator = checkShape(c.env.OPERATOR_KEY_SHA256, keyHashSchema);
  const shown = shownKey(c);
  return operator.ok && shown !== undefined && crypto.subtle.timingSafeEqual(hexToBytes(operator.value), shown);
}

/** SHA-256 of the bearer key that was sent, if one was. The scheme's case means nothing (RFC 9110 §11.1). */
function shownKey(c: Context<Api>): Uint8Array | undefined {
  const [, key] = /^Bearer (\S+)$/i.exec(c.req.header("Authorization") ?? "") ?? [];
  return key === undefined ? undefined : hexToBytes(bodyDigest(utf8(key)));
}

/** False when this address has asked too often. The platform counts per location and roughly: it guards work, never money. */
export async function withinLimit(c: Context<Api>, limiter: RateLimit | undefined): Promise<boolean> {
  if (!limiter) return true;
  const { success } = await limiter.limit({ key: c.req.header("CF-Connecting-IP") ?? "local" });
  return success;
}
