/**
 * Access to an account's books: the account lets a key read its balance and its journal for a time. It moves nothing.
 * spec/protocol.md §10.
 */

import * as z from "zod/mini";
import { publicKeySchema, signatureSchema } from "../crypto/bytes.ts";
import { type Digest, digest, digestSchema } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { BOOKS_READ_SECONDS, MAX_BOOKS_ACCESS_SECONDS } from "../limits.ts";
import { unixNow, unixSecondsText } from "../time.ts";
import { decodeHeader, encodeHeader } from "../x402/headers.ts";
import { accountIdSchema, type AccountId } from "./account.ts";
import type { PasskeyRules } from "./passkey.ts";
import { prove, type Proof, type ProofSigner, type ProofVerdict, verifyProof, withProof } from "./proof.ts";
import type { WalletSigner } from "./signer.ts";

export const booksAccessSchema = z.strictObject({
  ledger: digestSchema,
  account: accountIdSchema,
  /** The key that reads: it signs each read. */
  reader: publicKeySchema,
  issuedAt: unixSecondsText,
  /** The last second in which it counts; at most MAX_BOOKS_ACCESS_SECONDS after `issuedAt`. */
  validBefore: unixSecondsText,
});
export type BooksAccess = z.infer<typeof booksAccessSchema>;

/** With the account's proof, of which one key of a policy is enough. */
export const signedAccessSchema = withProof({ access: booksAccessSchema });
export type SignedAccess = z.infer<typeof signedAccessSchema>;

/** Voids every access of the account that was issued up to and including the second `through`. */
const booksRevocationSchema = z.strictObject({ ledger: digestSchema, account: accountIdSchema, through: unixSecondsText });
export type BooksRevocation = z.infer<typeof booksRevocationSchema>;

export const signedBooksRevocationSchema = withProof({ revocation: booksRevocationSchema });
export type SignedBooksRevocation = z.infer<typeof signedBooksRevocationSchema>;

/** One call, as its reader signs it. */
export type BooksRead = {
  accessDigest: Digest;
  method: string;
  /** Path and query, as sent. */
  path: string;
  /** Unix seconds as a decimal string. */
  at: string;
};

/** What the Authorization header carries, under the scheme BooksRead. Method and path are those of the call. */
const credentialSchema = withProof({ access: booksAccessSchema, at: unixSecondsText, readSignature: signatureSchema });

/** A read that was made of another service than the ledger's facilitator, as that service saw it. `authorization`: its header. */
export const signedReadSchema = z.strictObject({
  authorization: z.string(),
  method: z.string(),
  path: z.string(),
  account: accountIdSchema,
});
export type SignedRead = z.infer<typeof signedReadSchema>;

const SCHEME = "BooksRead";
const HEADER = new RegExp(`^${SCHEME} (\\S+)$`, "i");

export function booksAccessDigest(access: BooksAccess): Digest {
  return digest("BooksAccess", access);
}

/**
 * @param reader the public key that may read
 * @param issuedAt unix seconds
 * @param seconds how long it counts
 */
export async function grantAccess(
  account: ProofSigner,
  ledger: Digest,
  reader: string,
  issuedAt: number = unixNow(),
  seconds: number = MAX_BOOKS_ACCESS_SECONDS,
): Promise<SignedAccess> {
  const validBefore = String(issuedAt + seconds);
  const access = { ledger, account: account.account, reader, issuedAt: String(issuedAt), validBefore };
  return { access, ...(await prove(booksAccessDigest(access), account)) };
}

/** @param through unix seconds */
export async function revokeAccesses(account: ProofSigner, ledger: Digest, through: number = unixNow()): Promise<SignedBooksRevocation> {
  const revocation = { ledger, account: account.account, through: String(through) };
  return { revocation, ...(await prove(digest("BooksRevocation", revocation), account)) };
}

/** The value of the Authorization header of one call. */
export async function authorizeRead(
  signed: SignedAccess,
  reader: Pick<WalletSigner, "sign">,
  call: { method: string; path: string },
  now: number = unixNow(),
): Promise<string> {
  const at = String(now);
  const read: BooksRead = { accessDigest: booksAccessDigest(signed.access), ...call, at };
  return `${SCHEME} ${encodeHeader({ ...signed, at, readSignature: await reader.sign(digest("BooksRead", read)) })}`;
}

/** Whether its account signed it. */
export async function isGenuineAccess({ access, ...proof }: SignedAccess, rules: PasskeyRules = {}): Promise<boolean> {
  return (await provesAccess(access, proof, rules)).ok;
}

function provesAccess(access: BooksAccess, proof: Proof, rules: PasskeyRules): Promise<ProofVerdict> {
  return verifyProof(proof, { type: "BooksAccess", digest: booksAccessDigest(access), account: access.account }, rules);
}

export type ReadVerification = { ok: true; access: BooksAccess } | { ok: false; detail?: string };

/**
 * Whether the header lets its sender read the account's books with this call. Whether the access is for this ledger, and was not
 * revoked, the ledger knows.
 * @param header of Authorization, as received
 * @param now unix seconds
 * @returns `detail`: what is wrong with the access; absent if there is none
 */
export async function verifyRead(
  header: string | undefined,
  call: { method: string; path: string; account: AccountId; now: number },
  rules: PasskeyRules = {},
): Promise<ReadVerification> {
  const encoded = HEADER.exec(header ?? "")?.[1];
  if (encoded === undefined) return { ok: false };
  const shape = decodeHeader(encoded, credentialSchema);
  if (!shape.ok) return { ok: false, detail: shape.problem };
  const { access, at, readSignature, ...proof } = shape.value;
  const { method, path, account, now } = call;
  const [issuedAt, validBefore] = [Number(access.issuedAt), Number(access.validBefore)];
  if (access.account !== account) return wrong("access.account: is not the account that is asked for");
  if (issuedAt > now + BOOKS_READ_SECONDS) return wrong("access.issuedAt: is in the future");
  if (validBefore - issuedAt > MAX_BOOKS_ACCESS_SECONDS) return wrong(`access.validBefore: is more than 30 days after issuedAt`);
  if (now > validBefore) return wrong("access.validBefore: is over");
  if (Math.abs(now - Number(at)) > BOOKS_READ_SECONDS) return wrong(`at: is more than ${BOOKS_READ_SECONDS} s from now, ${now}`);
  // The account's signature first: it is the same in every read, and remembered.
  const proved = await provesAccess(access, proof, rules);
  if (!proved.ok) return wrong(proved.problem ?? "signature: is not the account's");
  const accessDigest = booksAccessDigest(access);
  const read: BooksRead = { accessDigest, method, path, at };
  if (!(await verifyDigest(readSignature, digest("BooksRead", read), access.reader))) return wrong("readSignature: is not the reader's");
  return { ok: true, access };
}

/** Whether the account signed it, for this ledger, and not for the future. @returns what is wrong; undefined if nothing is */
export async function revocationProblem(
  { revocation, ...proof }: SignedBooksRevocation,
  now: number,
  rules: PasskeyRules = {},
): Promise<{ code: "invalid_payload" | "invalid_signature"; detail?: string } | undefined> {
  // An access that is issued tomorrow must not be void yet.
  if (Number(revocation.through) > now + BOOKS_READ_SECONDS)
    return { code: "invalid_payload", detail: "revocation.through: is in the future" };
  const claimed = { type: "BooksRevocation", digest: digest("BooksRevocation", revocation), account: revocation.account } as const;
  const proved = await verifyProof(proof, claimed, rules);
  return proved.ok ? undefined : { code: "invalid_signature", ...(proved.problem !== undefined && { detail: proved.problem }) };
}

function wrong(detail: string): ReadVerification {
  return { ok: false, detail };
}
