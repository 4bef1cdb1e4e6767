/** Access to the HTTP API: open unless keys are configured. */

import type { Context } from "hono";
import * as z from "zod/mini";
import { bearerKey as keyIn, keyHashSchema, showsKeyOf } from "../../shared/crypto/bearer-key.ts";
import { bytesToHex, hexToBytes, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { MAX_FILE_BYTES } from "../../shared/limits.ts";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";
import { checkShape, type Parsed, parseJson } from "../../shared/text/json.ts";
import type { Api, FacilitatorEnv } from "./env.ts";

/** SHA-256 of a bearer key → the accounts it may settle for. The keys themselves are stored nowhere. */
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
 * @throws {Error} if FACILITATOR_KEYS cannot be read: a typing mistake must let no caller in
 */
export function mayServe(c: Context<Api>, payTo: unknown): boolean {
  const keys = sellersKeys(c.env);
  if (keys === undefined) return true;
  if (!keys.ok) throw new Error(`FACILITATOR_KEYS: ${keys.problem}`);
  const shown = shownKey(c);
  if (!shown) return false;
  // Compares all hashes, each in constant time: the clock reveals neither the key nor its place.
  return Object.entries(keys.value).reduce((allowed, [hash, accounts]) => {
    const known = crypto.subtle.timingSafeEqual(hexToBytes(hash), shown);
    return allowed || (known && accounts.some((account) => account === payTo));
  }, false);
}

/** Whether the caller shows a configured key that may settle for the account. Where no keys are configured, no caller has one. */
export function holdsKeyOf(c: Context<Api>, account: AccountId): boolean {
  return c.env.FACILITATOR_KEYS !== undefined && mayServe(c, account);
}

/** Whether the hash is of a seller's or the operator's key. A key that only the caller knows would make any number of callers. */
export function isConfigured(env: FacilitatorEnv, shown: Uint8Array): boolean {
  const keys = sellersKeys(env);
  const hash = bytesToHex(shown);
  return hash === env.OPERATOR_KEY_SHA256 || (keys?.ok === true && Object.hasOwn(keys.value, hash));
}

function sellersKeys({ FACILITATOR_KEYS }: FacilitatorEnv): Parsed<Record<Digest, AccountId[]>> | undefined {
  return FACILITATOR_KEYS === undefined ? undefined : parseJson(FACILITATOR_KEYS, MAX_FILE_BYTES, keysSchema);
}

/** True for the ledger's operator, who shows the configured key. */
export function isOperator(c: Context<Api>): boolean {
  return showsKeyOf(c.env.OPERATOR_KEY_SHA256, c.req.header("Authorization"));
}

/** The bearer key in the request, if there is one. */
export function bearerKey(c: Context<Api>): string | undefined {
  return keyIn(c.req.header("Authorization"));
}

/** SHA-256 of the bearer key in the request. */
export function shownKey(c: Context<Api>): Uint8Array | undefined {
  const key = bearerKey(c);
  return key === undefined ? undefined : hexToBytes(bodyDigest(utf8(key)));
}
