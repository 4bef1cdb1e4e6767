/** `recover`: the owner's second key sends the money of an account whose passkey is lost. */

import * as z from "zod";
import { accountOfPolicy } from "../../shared/protocol/policy.ts";
import { defineCommand } from "../command-line/command.ts";
import { nameField } from "../command-line/fields.ts";
import { findOwner } from "../keys/owner-key.ts";
import { readRecoveryFile } from "../keys/recovery-file.ts";
import { fail } from "../runtime/outcome.ts";
import { sendFrom, transferFields, transferOutput, transferText } from "./send.ts";

export const recover = defineCommand({
  name: "recover",
  audience: "owner",
  summary: "send an account's money with its second key",
  description:
    "For an account whose passkey is lost. Takes the recovery file that the account's page had you save, and the key file that is the account's second key. It works for a policy of which one key is enough. After a lost answer the same --id sends the same transfer again: it is made once.",
  input: z.strictObject({
    recovery: nameField.meta({ positional: true, local: true, description: "the account's recovery file" }),
    ...transferFields,
  }),
  output: transferOutput,
  examples: [
    {
      says: "all of 12.5 LGO to a new account",
      argv: "recover recovery.json 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 12.5LGO --owner-file second-key.json",
    },
    {
      says: "read it, sign nothing",
      argv: "recover recovery.json 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 12.5LGO --id first --dry-run",
    },
  ],
  async run(context, { recovery: file, ...input }) {
    const recovery = readRecoveryFile(context, file);
    if (!recovery.ok) return recovery;
    const { policy } = recovery.data;
    const found = findOwner(context, input.ownerFile);
    if (!found.ok) return found;
    const { account } = found.data.key;
    if (!policy.keys.includes(account)) {
      return fail("usage", `The key ${account} is none of the account ${accountOfPolicy(policy)}.`, {
        hint: `Name the file of the second key with --owner-file. The account's keys are ${policy.keys.join(", ")}.`,
      });
    }
    if (policy.threshold !== "1") {
      return fail(
        "usage",
        `${policy.threshold} keys of the account ${accountOfPolicy(policy)} sign together, so one alone moves nothing.`,
        {
          hint: "Approve with the others at the account's page.",
        },
      );
    }
    return sendFrom(context, input, { key: found.data, policy });
  },
  render: transferText,
});
