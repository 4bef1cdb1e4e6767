/** `policy create`: an account that one or more keys control, and the recovery file that says so. */

import * as z from "zod";
import { recoveryFile } from "../../shared/desk/recovery-file.ts";
import { MAX_POLICY_KEYS } from "../../shared/limits.ts";
import { type AccountId, parseAccountId } from "../../shared/protocol/account.ts";
import { newPolicy } from "../../shared/protocol/policy.ts";
import { defineCommand } from "../command-line/command.ts";
import { forceField, nameField } from "../command-line/fields.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { fail, refuse, succeed } from "../runtime/outcome.ts";

export const policyCreate = defineCommand({
  name: "policy create",
  audience: "owner",
  summary: "an account that several keys control",
  description:
    "Each key is the account of a key or of a passkey. With a threshold of 1 each of them spends alone. The account is a hash of threshold and keys, so keep the file: without it no key can spend.",
  input: z.strictObject({
    threshold: z.coerce.number().int().min(1).max(MAX_POLICY_KEYS).default(1).meta({ value: "n", description: "keys that sign together" }),
    key: z.array(z.string()).min(1).meta({ value: "account", description: "the account of a key or a passkey; once for each" }),
    out: nameField.meta({ value: "file", description: "where to write the recovery file" }),
    ...forceField,
  }),
  output: z.strictObject({ file: z.string(), account: z.string(), threshold: z.string(), keys: z.array(z.string()) }),
  examples: [
    {
      says: "either of two spends",
      argv: "policy create --key 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj --key DyWWRkf43dLMsi9bZMi2iK3Z8Z1T9NP56LgUFPyPVu4z --out recovery.json",
    },
    {
      says: "both spend together",
      argv: "policy create --threshold 2 --key 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj --key DyWWRkf43dLMsi9bZMi2iK3Z8Z1T9NP56LgUFPyPVu4z --out recovery.json",
    },
  ],
  async run(_context, { threshold, key, out, force }) {
    const keys: AccountId[] = [];
    for (const text of key) {
      const read = parseAccountId(text);
      if (!read.ok) return fail("usage", `--key: ${read.problem}.`);
      keys.push(read.account);
    }
    const made = newPolicy(threshold, keys);
    if (!made.ok) return refuse(made.code, EXIT.usage, `No account was made: ${made.problem}`);
    const { policy, account } = made;
    const written = writeJson(out, recoveryFile({ account, policy }), force);
    return written.ok ? succeed({ file: out, account, threshold: policy.threshold, keys: policy.keys }) : written;
  },
  render: ({ file, account, threshold, keys }, layout) => [
    layout.ink("bold", account),
    ...field(layout, "spends", threshold === "1" ? "each of its keys alone" : `${threshold} of its ${keys.length} keys together`),
    ...keys.flatMap((key) => field(layout, "key", key)),
    ...field(layout, "recovery file", `${file}: keep a copy where this machine cannot lose it`),
  ],
});
