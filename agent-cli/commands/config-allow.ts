/** `config allow`: the owner opens addresses on this machine, or on a private network, to the agent's commands. */

import * as fs from "node:fs";
import { isIP } from "node:net";
import * as path from "node:path";
import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { configFile, originOf, readConfig } from "../runtime/config.ts";
import { addressKind } from "../runtime/egress.ts";
import { ensurePrivateDirectory, writeJson } from "../runtime/files.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const configAllow = defineCommand({
  name: "config allow",
  audience: "owner",
  summary: "let agents' commands reach an origin that is not public",
  description:
    "An agent's commands reach public addresses and the configured facilitator. This adds one exact origin on this machine to `egress` in the configuration, or on a private network with --private. To close it again, edit the file.",
  input: z.strictObject({
    origin: z.string().meta({ positional: true, description: "as in http://127.0.0.1:8787" }),
    private: z.boolean().default(false).meta({ description: "it is on a private network, not on this machine" }),
    ...dryRunField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    origin: z.string(),
    kind: z.enum(["loopback", "private"]),
    file: z.string(),
  }),
  examples: [
    { says: "the local stack's merchant", argv: "config allow http://127.0.0.1:8787" },
    { says: "a service of the office", argv: "config allow https://tools.example.com --private" },
  ],
  async run(context, { origin: given, private: isPrivate, dryRun }) {
    const origin = originOf(given);
    if (origin === undefined) {
      return fail("usage", "Name one origin: scheme, host and port, without a path.", { hint: "For example: http://127.0.0.1:8787" });
    }
    const host = new URL(origin).hostname.replace(/^\[|\]$/g, "");
    const kind: "loopback" | "private" = isPrivate || (isIP(host) && addressKind(host) === "private") ? "private" : "loopback";
    const file = configFile(context.io);
    if (dryRun) return succeed({ dryRun, origin, kind, file });
    return exclusively(context, () => {
      const config = readConfig(context.io);
      if (!config.ok) return config;
      const open = config.data.egress[kind];
      if (open.includes(origin)) return succeed({ origin, kind, file });
      const directory = ensurePrivateDirectory(path.dirname(file));
      if (!directory.ok) return directory;
      // The members as they are written there: reading has made paths absolute.
      const written = config.data.exists ? (JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, unknown>) : {};
      const egress = { ...(written["egress"] as object | undefined), [kind]: [...open, origin] };
      const changed = writeJson(file, { ...written, egress }, true);
      return changed.ok ? succeed({ origin, kind, file }) : changed;
    });
  },
  render: ({ dryRun, origin, kind, file }) => [
    `${dryRun ? "It would open" : "Open to agents:"} ${origin} (${kind === "loopback" ? "this machine" : "a private network"}), in ${file}`,
  ],
});
