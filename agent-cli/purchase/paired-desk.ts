/** The hosted desk that an agent's key is paired with, and the key to ask it with. */

import type { DeskCaller } from "../hosted-desk/client.ts";
import { findPairing, type KeptPairing } from "../records/pairings.ts";
import { type Context, warn } from "../runtime/context.ts";
import { openAgent } from "./create-request.ts";

export type PairedDesk = DeskCaller & Pick<KeptPairing, "account" | "kind">;

/**
 * Undefined if the key is not paired, or the desk cannot be asked with it: then the inbox of this machine is the only way, and a
 * sentence says why.
 * @param agentKey the agent's public key
 * @param agentFile the agent's key file, if it was named
 */
export async function pairedDesk(context: Context, agentKey: string, agentFile: string | undefined): Promise<PairedDesk | undefined> {
  const [pairing, config] = [await findPairing(context, agentKey), context.config()];
  const unasked = (why: string) => {
    warn(context, `${why} The request waits in the inbox of this machine alone.`);
    return undefined;
  };
  if (!pairing.ok) return unasked(pairing.error.message);
  if (!pairing.data || !config.ok) return undefined;
  const { desk, account, kind } = pairing.data;
  if (config.data.desk !== undefined && config.data.desk !== desk)
    return unasked(`This agent is paired at ${desk}, and the configuration names the desk ${config.data.desk}.`);
  const agent = await openAgent(context, agentFile);
  if (!agent.ok) return unasked(agent.error.message);
  const { signer } = agent.data;
  if (signer.publicKey !== agentKey) return unasked("The request is of another agent's key: --agent-file names its file.");
  return { desk, account, kind, signer };
}
