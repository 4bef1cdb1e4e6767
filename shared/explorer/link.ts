/** What the link of `explore` opens. It is in the fragment, which browsers send to no server: the access and its key are read by the page alone. */

import * as z from "zod/mini";
import { fromBase64url, hexSchema, publicKeySchema, toBase64url, utf8 } from "../crypto/bytes.ts";
import { digestSchema } from "../crypto/digest.ts";
import { MAX_HEADER_BYTES } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { signedAccessSchema } from "../protocol/books-access.ts";
import { parseJson } from "../text/json.ts";
import { EXPLORER_PATH } from "./path.ts";

const openingSchema = z.strictObject({
  account: accountIdSchema,
  transaction: z.optional(digestSchema),
  /** The ledger's key that its reader knows, for the page to compare. */
  ledgerKey: z.optional(publicKeySchema),
  /** Absent where the books are public. `readerKey`: the secret key that the access was made for, and that reads with it. */
  books: z.optional(z.strictObject({ signed: signedAccessSchema, readerKey: hexSchema(32) })),
});
export type Opening = z.infer<typeof openingSchema>;

const FRAGMENT = /^#open=([\w-]+)$/;

/** @param facilitator its address, without a slash at the end */
export function explorerLink(facilitator: string, opening: Opening): string {
  return `${facilitator}${EXPLORER_PATH}#open=${toBase64url(utf8(JSON.stringify(opening)))}`;
}

/** @param hash the fragment of the page's address, with its `#`. @returns undefined if it opens nothing */
export function readOpening(hash: string): Opening | undefined {
  const encoded = hash.length > MAX_HEADER_BYTES ? undefined : FRAGMENT.exec(hash)?.[1];
  const bytes = encoded === undefined ? undefined : fromBase64url(encoded);
  const opening = bytes && parseJson(bytes, MAX_HEADER_BYTES, openingSchema);
  if (!opening?.ok) return undefined;
  const { account, books } = opening.value;
  return books && books.signed.access.account !== account ? undefined : opening.value;
}
