/** `agent create`: the key that signs requests, and spends nothing but within a mandate of an owner. */

import * as z from "zod";
import { MAX_NAME_LENGTH } from "../../shared/limits.ts";
import { humanText } from "../../shared/text/text.ts";
import { defineCommand } from "../command-line/command.ts";
import { newKeyField, retiredForceField, textField } from "../command-line/fields.ts";
import { createKeyFile } from "../keys/key-file.ts";
import { keyDestination } from "../keys/output-file.ts";
import { jsonText } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";
import { anyFiles } from "../runtime/user-files.ts";

export const agentCreate = defineCommand({
  name: "agent create",
  audience: "agent",
  summary: "create the agent's key, which signs requests and spends only within mandates",
  input: z.strictObject({
    out: newKeyField,
    name: textField(humanText(MAX_NAME_LENGTH)).optional().meta({ description: "the agent's name, as the owner will read it" }),
    ...retiredForceField,
  }),
  output: z.strictObject({ file: z.string(), publicKey: z.string(), name: z.string().optional() }),
  examples: [
    { says: "a key for requests", argv: "agent create" },
    { says: "with a name that the owner will read", argv: 'agent create --name "research assistant"' },
  ],
  async run(context, { out, name }) {
    // The default is no file that the agent has chosen.
    const files = out === undefined ? anyFiles : context.files;
    const file = keyDestination(context, "agent", out, files.checkNew);
    if (!file.ok) return file;
    const key = await createKeyFile("agent", name === undefined ? {} : { name });
    const written = files.writeNew(file.data, jsonText(key));
    return written.ok ? succeed({ file: file.data, publicKey: key.publicKey, ...(name !== undefined && { name }) }) : written;
  },
  render: ({ file, publicKey }, layout) => [
    layout.ink("green", `Agent key written to ${file}`),
    ...field(layout, "public key", publicKey),
    ...field(layout, "it can", "sign requests; it spends only what an owner grants it in a mandate"),
  ],
});
