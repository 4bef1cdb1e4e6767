/** An access to an account's books with the key that reads with it: for a Worker, as one secret. It moves nothing. */

import * as z from "zod/mini";
import { hexSchema } from "../crypto/bytes.ts";
import { MAX_FILE_BYTES } from "../limits.ts";
import { accountIdSchema } from "../protocol/account.ts";
import { booksAccessSchema } from "../protocol/books-access.ts";
import { withProof } from "../protocol/proof.ts";
import { type Parsed, parseJson } from "../text/json.ts";

export const HELD_ACCESS_FORMAT = "lez-agent-pay/held-access/1";

/** As `books grant --new-key` writes it. `readerKey`: the secret key that the access was made for. */
const heldAccessSchema = withProof({
  format: z.literal(HELD_ACCESS_FORMAT),
  facilitator: z.string(),
  account: accountIdSchema,
  access: booksAccessSchema,
  readerKey: hexSchema(32),
});
export type HeldAccess = z.infer<typeof heldAccessSchema>;

export function readHeldAccess(text: string): Parsed<HeldAccess> {
  return parseJson(text, MAX_FILE_BYTES, heldAccessSchema);
}
