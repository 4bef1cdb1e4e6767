/** Joins an agent's key to the account. The owner's proof is over what both sides have compared. */

import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { refused } from "../../shared/desk/codes.ts";
import type { HostedAnswer } from "../../shared/desk/hosted-api.ts";
import { pairingPlace } from "../../shared/desk/pairing-place.ts";
import { MAX_PAIRED_AGENTS } from "../../shared/limits.ts";
import { accountOfKey } from "../../shared/protocol/account.ts";
import { pairingDigest } from "../../shared/protocol/desk.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { unixNow } from "../../shared/time.ts";
import { agentView, pairAgent, pairedAgent, pairedAgents } from "./agents.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { passkeyRules } from "./env.ts";
import { note } from "./journal.ts";
import { keyRecord } from "./keys.ts";

/** What waits under a link. */
export async function pairing({ env }: DeskContext, { place }: AskOf<"pairing">): Promise<Told<HostedAnswer<"pairing">>> {
  return env.PAIRINGS.getByName(place).show();
}

/** The place first: if this object dies then, the owner pairs again with the same proof, and both agree. */
export async function pair(desk: DeskContext, { pairing: signed, name }: AskOf<"pair">): Promise<Told<HostedAnswer<"pair">>> {
  const { store, account, origin, env } = desk;
  const { pairing, ...proof } = signed;
  if (pairing.desk !== origin) return refused("request_differs", `This is desk ${origin}, and the pairing is for another.`);
  const digest = pairingDigest(pairing);
  const proved =
    pairing.account === account
      ? await verifyProof(proof, { type: "Pairing", digest, account }, passkeyRules(env))
      : { ok: false as const };
  if (!proved.ok) return refused("invalid_signature", `The proof does not count: ${proved.problem ?? "it is not the account's"}.`);
  const ownKeys: readonly string[] = [
    account,
    ...(keyRecord(store, account).policy?.keys ?? []),
    ...(proof.proof?.kind === "policy" ? proof.proof.policy.keys : []),
  ];
  if (ownKeys.includes(accountOfKey(hexToBytes(pairing.agent))))
    return refused("usage", "An agent's key is no key of the account.", "Make the agent a key of its own: lez-agent-pay agent create.");
  const full = !pairedAgent(store, pairing.agent) && pairedAgents(store).length >= MAX_PAIRED_AGENTS;
  if (full) return refused("desk_full", `An account has at most ${MAX_PAIRED_AGENTS} agents here.`, "Unpair one first.");
  const met = await env.PAIRINGS.getByName(pairingPlace(pairing.secret)).pair(signed);
  if (!met.ok) return met;
  const now = unixNow();
  pairAgent(store, pairing.agent, name, now);
  note(store, now, "paired", { agentKey: pairing.agent, name });
  const agent = pairedAgent(store, pairing.agent);
  return agent ? tell(agentView(agent)) : refused("not_paired");
}
