/** Names an agent by its key, or by one of its requests. Its name is its own claim, and not enough. */

import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { nameField } from "../command-line/fields.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { findInInbox } from "./find-request.ts";

export const AGENT_WORD = "the agent's whole key, or the code of one of its requests";
export const agentField = nameField.meta({ positional: true, value: "agent", description: AGENT_WORD });

/** The agent's public key. */
export async function agentKeyOf(context: Context, word: string): Promise<Outcome<string>> {
  const key = publicKeySchema.safeParse(word);
  const isRequest = key.success ? await findInInbox(context, word) : undefined;
  // A digest looks like a key; a request that has it wins, because keys of agents are not digests of requests.
  if (key.success && !isRequest?.ok) return succeed(key.data);
  const item = isRequest ?? (await findInInbox(context, word));
  return item.ok ? succeed(item.data.request.agent.publicKey) : item;
}
