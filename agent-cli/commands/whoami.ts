/** `whoami`: the agent's key, its facilitator, and where things are kept. */

import * as z from "zod";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { defineCommand } from "../command-line/command.ts";
import { agentFileField } from "../command-line/fields.ts";
import { facilitatorFields, facilitatorUrl } from "../facilitator/client.ts";
import { findKey } from "../keys/key-file.ts";
import { findPairing, KIND_WORDS } from "../records/pairings.ts";
import { field } from "../runtime/layout.ts";
import { succeed } from "../runtime/outcome.ts";
import { stateHomePath } from "../runtime/state-directory.ts";
import { pairingSchema } from "./pair.ts";

export const whoami = defineCommand({
  name: "whoami",
  audience: "agent",
  readOnly: true,
  tool: { title: "Show the agent's key and set-up", idempotent: true },
  summary: "the agent's key, its facilitator, and where things are kept",
  input: z.strictObject({ agentFile: agentFileField, ...facilitatorFields }),
  output: z.strictObject({
    publicKey: z.string(),
    name: z.string().optional(),
    agentFile: z.string(),
    facilitator: z.string(),
    ledger: z.string().optional(),
    reasonMinimum: z.number(),
    config: z.string(),
    state: z.string(),
    /** An agent asks; it never spends. */
    canSpend: z.literal(false),
    /** Whose desk its requests go to. Absent if it is not paired. */
    pairing: pairingSchema.optional(),
  }),
  examples: [
    { says: "with the configured key", argv: "whoami" },
    { says: "with another one", argv: "whoami --agent-file wallet/agent.json" },
  ],
  async run(context, input) {
    const config = context.config();
    if (!config.ok) return config;
    const agent = findKey(context, "agent", input.agentFile);
    if (!agent.ok) return agent;
    const { file, key } = agent.data;
    const facilitator = facilitatorUrl(context, input);
    if (!facilitator.ok) return facilitator;
    const pairing = await findPairing(context, key.publicKey);
    if (!pairing.ok) return pairing;
    return succeed({
      publicKey: key.publicKey,
      ...(key.name && { name: key.name }),
      agentFile: file,
      facilitator: facilitator.data,
      ...(config.data.ledger && { ledger: config.data.ledger }),
      reasonMinimum: config.data.reasonMinimum,
      config: config.data.file,
      state: stateHomePath(context),
      canSpend: false as const,
      ...(pairing.data && { pairing: pairing.data }),
    });
  },
  render: ({ publicKey, name, agentFile, facilitator, ledger, config, state, pairing }, layout) => [
    layout.ink("bold", name ? showUnsafe(name) : "an agent without a name"),
    ...field(layout, "public key", publicKey),
    ...field(layout, "key file", agentFile),
    ...field(layout, "facilitator", facilitator, 13),
    ...(ledger ? field(layout, "ledger", ledger) : []),
    ...field(layout, "config", config),
    ...field(layout, "state", state),
    ...(pairing ? field(layout, "desk", pairing.desk) : []),
    ...(pairing ? field(layout, "owner", `${pairing.account}, an account ${KIND_WORDS[pairing.kind]}`) : []),
    ...field(layout, "it can", "ask; it spends only within a mandate, see budget"),
  ],
});
