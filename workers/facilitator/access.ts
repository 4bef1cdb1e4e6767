/** Who may use the facilitator over HTTP, and how often. Open unless keys are configured; limited wherever the platform counts. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { type AccountId, isAccountId } from "../../shared/account.ts";
import { hexToBytes, utf8 } from "../../shared/bytes.ts";
import { bodyDigest, type Digest, digestSchema } from "../../shared/digest.ts";
import { checkShape, parseJson } from "../../shared/json.ts";
import { MAX_FILE_BYTES } from "../../shared/limits.ts";
import type { Api } from "./api.ts";

/** SHA-256 of a bearer key → the accounts it may settle for. The keys themselves are nowhere. */
const keysSchema = z.custom<Record<Digest, AccountId[]>>(
  (keys) =>
    typeof keys === "object" &&
    keys !== null &&
    Object.entries(keys).every(
      ([hash, accounts]) => checkShape(hash, digestSchema).ok && Array.isArray(accounts) && accounts.every(isAccountId),
    ),
  "must be an object of lists of accounts, by the SHA-256 of a key in hex",
);

/**
 * True when the caller may verify and settle payments to `payTo`: no keys are configured (`FACILITATOR_KEYS`), or the
 * caller's is there and names the account.
 * @throws {Error} when FACILITATOR_KEYS cannot be read: nobody is let in by a typing mistake
 */
export function mayServe(c: Context<Api>, payTo: unknown): boolean {
  const configured = c.env.FACILITATOR_KEYS;
  if (!configured) return true;
  const keys = parseJson(configured, MAX_FILE_BYTES, keysSchema);
  if (!keys.ok) throw new Error(`FACILITATOR_KEYS: ${keys.problem}`);
  const shown = shownKey(c);
  // Hashes are compared, in constant time and all of them: neither the key nor its place can be learned from the clock.
  return Object.entries(keys.value).reduce((allowed, [hash, accounts]) => {
    const known = crypto.subtle.timingSafeEqual(hexToBytes(hash), shown);
    return allowed || (known && accounts.some((account) => account === payTo));
  }, false);
}

/** True for the ledger's operator, whose key's SHA-256 is configured, and for everybody where money is handed out anyway. */
export function isOperator(c: Context<Api>): boolean {
  if (c.env.FAUCET === "on") return true;
  const operator = checkShape(c.env.OPERATOR_KEY_SHA256, digestSchema);
  return operator.ok && crypto.subtle.timingSafeEqual(hexToBytes(operator.value), shownKey(c));
}

/** SHA-256 of the bearer key that was sent. */
function shownKey(c: Context<Api>): Uint8Array {
  const [, key = ""] = /^Bearer (\S+)$/.exec(c.req.header("Authorization") ?? "") ?? [];
  return hexToBytes(bodyDigest(utf8(key)));
}

/** False when this address has asked too often. The platform counts per location and roughly: it guards work, never money. */
export async function withinLimit(c: Context<Api>, limiter: RateLimit | undefined): Promise<boolean> {
  if (!limiter) return true;
  const { success } = await limiter.limit({ key: c.req.header("CF-Connecting-IP") ?? "local" });
  return success;
}
