/** `desk`: the owner decides in a browser on this machine. */

import * as z from "zod";
import { defineCommand } from "../command-line/command.ts";
import { ownerFileField, portField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { isSealed } from "../keys/key-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { warn, writeLines } from "../runtime/context.ts";
import { LOCAL_DESK_PORT } from "../runtime/limits.ts";
import { succeed } from "../runtime/outcome.ts";
import { toldToEnd } from "../runtime/told-to-end.ts";

export const desk = defineCommand({
  name: "desk",
  audience: "owner",
  summary: "decide in a browser: inbox, allowances, history",
  description:
    "Serves a page on this machine alone, and prints its link. The link is a key: keep it to yourself. The page decides as approve, decline and mandate revoke do; it asks for the passphrase of the sealed key for each decision and keeps none. Runs until Ctrl-C.",
  input: z.strictObject({ port: portField(LOCAL_DESK_PORT), ownerFile: ownerFileField, ...facilitatorFields }),
  output: z.strictObject({ served: z.literal(true) }),
  story: true,
  examples: [
    { says: "on its usual port, until Ctrl-C", argv: "desk" },
    { says: "on any free port", argv: "desk --port 0" },
  ],
  async run(context, { port, ownerFile, ...facilitator }) {
    const owner = findOwner(context, ownerFile);
    if (!owner.ok) return owner;
    const config = context.config();
    if (!config.ok) return config;
    // Loaded here: no other command serves a page.
    const { openDesk } = await import("../desk/server.ts");
    const opened = await openDesk(context, { port, owner: owner.data, facilitator });
    if (!opened.ok) return opened;
    const { link, close } = opened.data;
    context.atEnd(close);
    if (!isSealed(owner.data.key)) warn(context, "This owner key is not sealed: anyone who has the link can spend.");
    context.say("The desk is open. The link is a key to it; Ctrl-C closes it.", "");
    writeLines(context.io.stdout, [context.io.stdout.isTTY === true ? link : JSON.stringify({ link })]);
    await toldToEnd(context.io.signal);
    return succeed({ served: true as const });
  },
  render: () => [],
});
