/** The bearer key of a ledger's operator: from a private file, never from argv or the environment. */

import * as z from "zod";
import { readBytes } from "../runtime/files.ts";
import { MAX_OPERATOR_KEY_BYTES } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { Secret } from "../runtime/secret.ts";

export const operatorKeyField = {
  operatorKeyFile: z
    .string()
    .optional()
    .meta({ value: "file", local: true, description: "read the operator's bearer key from this file (mode 0600)" }),
};

/** Reads the operator's key for a command that cannot go without it, and wipes it afterwards. */
export async function withOperatorKey<Data>(
  file: string | undefined,
  run: (key: Secret) => Promise<Outcome<Data>>,
): Promise<Outcome<Data>> {
  if (file === undefined) return fail("usage", "Give the operator's bearer key: --operator-key-file FILE");
  const key = readOperatorKey(file);
  if (!key.ok) return key;
  try {
    return await run(key.data);
  } finally {
    key.data.wipe();
  }
}

/** What a header can carry as one word. */
const BEARER = /^[\x21-\x7e]+$/;

export function readOperatorKey(file: string): Outcome<Secret> {
  const bytes = readBytes(file, { what: "operator key file", maxBytes: MAX_OPERATOR_KEY_BYTES, secret: true });
  if (!bytes.ok) return bytes;
  // One line end at the end belongs to the editor, not to the key.
  const text = Buffer.from(bytes.data)
    .toString("latin1")
    .replace(/\r?\n$/, "");
  bytes.data.fill(0);
  if (BEARER.test(text)) return succeed(new Secret(Buffer.from(text)));
  return fail("invalid_file", `"${file}" is not an operator's key: one word of visible ASCII on one line.`);
}
