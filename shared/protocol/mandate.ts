/** The Mandate: limits that an owner signs once, within which an agent's own key signs payments. spec/protocol.md §13. */

import * as z from "zod/mini";
import { hexToBytes, publicKeySchema, utf8 } from "../crypto/bytes.ts";
import { canonicalJson, type Digest, digest, digestSchema } from "../crypto/digest.ts";
import {
  MAX_MANDATE_ENTRIES,
  MAX_MANDATE_NOTE_LENGTH,
  MAX_MANDATE_PERIOD_SECONDS,
  MAX_MANDATE_SECONDS,
  MAX_OPEN_SESSIONS,
  MAX_SESSION_SECONDS,
  MAX_SIGNED_MANDATE_BYTES,
  MAX_WITHDRAW_DELAY_SECONDS,
  MIN_MANDATE_PERIOD_SECONDS,
  MIN_WITHDRAW_DELAY_SECONDS,
} from "../limits.ts";
import { humanText } from "../text/text.ts";
import { unixSecondsText } from "../time.ts";
import { type AccountId, accountIdSchema, accountOfKey } from "./account.ts";
import { amountSchema } from "./amount.ts";
import { originSchema } from "./origin.ts";
import type { PasskeyRules } from "./passkey.ts";
import { isKeyOfPolicy, prove, type ProofSigner, verifyProof, withProof } from "./proof.ts";
import { wholeText } from "./whole-text.ts";

/** The schemes that a mandate can name, in the order in which it lists them. */
export const MANDATE_SCHEMES = ["batch-settlement", "exact", "refund", "upto"] as const;
export type MandateScheme = (typeof MANDATE_SCHEMES)[number];
/** Alone in a mandate: its agent pays back what was paid, and nothing else. */
export const REFUND_SCHEME = "refund" satisfies MandateScheme;

/** Alone in a list: any. */
export const ANY = "*";

/** Sorted and without repetition, so that equal limits have one spelling. Not empty: no list means "all" by having nothing in it. */
function sortedList<Item extends z.core.$ZodType<string>>(item: Item, max: number) {
  return z.array(item).check(
    z.refine((list) => list.length >= 1 && list.length <= max, `must have 1 to ${max} entries`),
    z.refine(isSorted, "must be sorted, without repetition"),
  );
}

function isSorted(list: readonly string[]): boolean {
  return list.every((entry, i) => i === 0 || String(list[i - 1]) < entry);
}

/** A list, or `["*"]` alone. */
function listOrAny<Item extends z.core.$ZodType<string>>(item: Item) {
  return z.union([sortedList(item, MAX_MANDATE_ENTRIES), z.tuple([z.literal(ANY)])], `must be a sorted list, or ["${ANY}"] alone`);
}

const periodSchema = z.strictObject({
  /** The length of one window. The first begins at `validAfter`. */
  seconds: wholeText(MIN_MANDATE_PERIOD_SECONDS, MAX_MANDATE_PERIOD_SECONDS),
  /** The most in one window. */
  amount: amountSchema,
  /** The most payments in one window. */
  count: z.optional(wholeText(1, Number.MAX_SAFE_INTEGER)),
});

const sessionLimitsSchema = z.strictObject({
  /** The most that all open sessions hold together. */
  deposit: amountSchema,
  /** The longest life of one. */
  seconds: wholeText(1, MAX_SESSION_SECONDS),
  /** The longest that the money stays away after the agent or the owner wants it back. */
  withdrawDelay: wholeText(MIN_WITHDRAW_DELAY_SECONDS, MAX_WITHDRAW_DELAY_SECONDS),
  /** The most that are open at once. */
  open: wholeText(1, MAX_OPEN_SESSIONS),
});

/** Amounts are atomic units, times unix seconds; all members are strings. An unknown member makes the mandate unusable. */
export const mandateSchema = z
  .strictObject({
    version: z.literal("1"),
    network: z.string().check(z.maxLength(64)),
    asset: z.string().check(z.maxLength(64)),
    /** Required: the limits are counted in one book. */
    ledger: digestSchema,
    /** The owner's account. */
    from: accountIdSchema,
    /** The key that may sign payments. */
    agent: publicKeySchema,
    grantedAt: unixSecondsText,
    validAfter: unixSecondsText,
    /** The last second in which it can be used. */
    validBefore: unixSecondsText,
    /** The most for one payment; of `upto` its maximum. */
    perPayment: amountSchema,
    /** The most over its whole life. */
    total: amountSchema,
    period: z.optional(periodSchema),
    payees: listOrAny(accountIdSchema),
    origins: listOrAny(originSchema),
    schemes: sortedList(z.enum(MANDATE_SCHEMES), MANDATE_SCHEMES.length),
    /** Present exactly if `schemes` has `batch-settlement`. */
    session: z.optional(sessionLimitsSchema),
    /** The owner's own words. */
    note: z.optional(humanText(MAX_MANDATE_NOTE_LENGTH)),
    /** Random: two mandates with the same limits have two counters. */
    salt: digestSchema,
  })
  .check(
    z.refine(({ grantedAt, validAfter }) => Number(grantedAt) <= Number(validAfter), "begins before it was granted"),
    z.refine(({ validAfter, validBefore }) => Number(validAfter) <= Number(validBefore), "ends before it begins"),
    z.refine(
      ({ grantedAt, validBefore }) => Number(validBefore) <= Number(grantedAt) + MAX_MANDATE_SECONDS,
      `ends more than ${MAX_MANDATE_SECONDS} seconds after it was granted`,
    ),
    z.refine(({ from, agent }) => accountOfKey(hexToBytes(agent)) !== from, "the agent's key is the key of the account"),
    z.refine(
      ({ schemes, session }) => schemes.includes("batch-settlement") === (session !== undefined),
      "session goes with the scheme batch-settlement, and with no other",
    ),
    z.refine(
      ({ schemes, origins }) => !schemes.includes(REFUND_SCHEME) || (schemes.length === 1 && origins[0] === ANY),
      `the scheme refund stands alone, and its origins are ["${ANY}"]`,
    ),
  );
export type Mandate = z.infer<typeof mandateSchema>;

/** A mandate as it travels. Its digest is its id; nothing is registered. */
export const signedMandateSchema = withProof({ mandate: mandateSchema }).check(
  z.refine(
    (signed) => utf8(canonicalJson(signed)).length <= MAX_SIGNED_MANDATE_BYTES,
    `takes more than ${MAX_SIGNED_MANDATE_BYTES} bytes: name fewer payees and origins`,
  ),
  z.refine((signed) => !isKeyOfPolicy(signed.mandate.agent, signed), "the agent's key is a key of the account"),
);
export type SignedMandate = z.infer<typeof signedMandateSchema>;

export function mandateDigest(mandate: Mandate): Digest {
  return digest("Mandate", mandate);
}

export async function signMandate(mandate: Mandate, owner: ProofSigner): Promise<SignedMandate> {
  return { mandate, ...(await prove(mandateDigest(mandate), owner)) };
}

/** Whether the mandate was granted by what controls its account. */
export async function isGenuineMandate({ mandate, ...proof }: SignedMandate, rules: PasskeyRules = {}): Promise<boolean> {
  return (await verifyProof(proof, { type: "Mandate", digest: mandateDigest(mandate), account: mandate.from }, rules)).ok;
}

/** Whether it pays refunds, and nothing else. */
export function isForRefunds({ schemes }: Mandate): boolean {
  return schemes[0] === REFUND_SCHEME;
}

/** Whether a list of a mandate names this payee or origin, or any. */
export function allows(list: readonly string[], one: AccountId | string): boolean {
  return list[0] === ANY || list.includes(one);
}
