/**
 * The nonce book: which nonce of which account was given to which request, on which chain. The chain takes the nonces of an account one by
 * one, and a signed transfer is good until its nonce is used: so no nonce is given out twice while the first request may still be paid.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { timestampSchema } from "../../shared/time.ts";
import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const accountSchema = z.custom<LezAccountId>(isLezAccountId, "must be a LEZ account: base58 of 32 bytes");
const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be a decimal number"));

const givenSchema = z.strictObject({
  genesis: digestSchema,
  account: accountSchema,
  nonce: decimal,
  requestDigest: digestSchema,
  /** H of the transfer that was signed with it. */
  messageHash: digestSchema,
  at: timestampSchema,
  /** The last second of its statement, in unix seconds. The transfer itself has no end. */
  validBefore: decimal,
  /** It was given to a transfer that only uses it up; `requestDigest` is H then. */
  burn: z.optional(z.literal(true)),
  /** The head at which the account's nonce was first seen beyond this one. */
  usedAt: z.optional(z.strictObject({ id: decimal, hash: digestSchema })),
});
/** A nonce that was given out. */
export type GivenNonce = z.infer<typeof givenSchema>;

const bookSchema = z.strictObject({
  /** The one chain of each account: a key that has signed on one chain signs on no other. */
  accounts: z.array(z.strictObject({ account: accountSchema, genesis: digestSchema, since: timestampSchema })),
  given: z.array(givenSchema),
});
export type NonceBook = z.infer<typeof bookSchema>;
const FORMAT = { kind: "nonce-book", what: "nonce book", schema: bookSchema, maxBytes: 1024 * 1024 };

/** The block in which a use was seen is final: no reorganisation brings the nonce back. */
export type Forgettable = (given: GivenNonce) => boolean;

export function nonceBook(context: Context): Outcome<NonceBook> {
  const file = fileOf(context);
  if (!file.ok) return file;
  return fs.existsSync(file.data) ? readState(file.data, FORMAT) : succeed({ accounts: [], given: [] });
}

/**
 * Writes down that a nonce is given out. The caller holds the lock, and hands the signed transfer out only afterwards.
 * @param head at which the account's nonce was read to be `given.nonce`
 */
export function giveNonce(
  context: Context,
  given: GivenNonce,
  head: { id: bigint; hash: Digest },
  isForgettable: Forgettable,
): Outcome<undefined> {
  const book = nonceBook(context);
  return book.ok ? write(context, withGiven(book.data, given, head, isForgettable)) : book;
}

/** The book with one more nonce given out. */
export function withGiven(
  { accounts, given }: NonceBook,
  entry: GivenNonce,
  head: { id: bigint; hash: Digest },
  isForgettable: Forgettable,
): NonceBook {
  const { account, genesis, at, requestDigest, nonce } = entry;
  const isKnown = accounts.some((known) => known.account === account && known.genesis === genesis);
  const kept = seen(given, { genesis, account, next: BigInt(nonce) }, head, isForgettable);
  const others = kept.filter((other) => other.requestDigest !== requestDigest || other.account !== account || other.nonce !== nonce);
  return { accounts: isKnown ? accounts : [...accounts, { account, genesis, since: at }], given: [...others, entry] };
}

function seen(
  given: readonly GivenNonce[],
  { genesis, account, next }: { genesis: Digest; account: LezAccountId; next: bigint },
  head: { id: bigint; hash: Digest },
  isForgettable: Forgettable,
): GivenNonce[] {
  return given.flatMap((one) => {
    if (one.account !== account || one.genesis !== genesis) return [one];
    if (BigInt(one.nonce) >= next) {
      // The block in which it was used is no longer of the chain.
      const { usedAt: _, ...unused } = one;
      return [unused];
    }
    if (isForgettable(one)) return [];
    return [one.usedAt ? one : { ...one, usedAt: { id: head.id.toString(), hash: head.hash } }];
  });
}

function write(context: Context, book: NonceBook): Outcome<undefined> {
  const file = fileOf(context);
  return file.ok ? writeState(file.data, FORMAT, book) : file;
}

function fileOf(context: Context): Outcome<string> {
  const directory = stateDirectory(context, "wallet");
  return directory.ok ? succeed(path.join(directory.data, "lez-nonces.json")) : directory;
}
