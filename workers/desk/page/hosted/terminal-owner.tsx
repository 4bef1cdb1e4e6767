/** The owner whose key is on a machine of their own, as a file: reads and looks here, and signs there. */

import type { Owner } from "../owner.ts";
import { type HostedClient, problem } from "./hosted-owner.ts";
import { More } from "./part.tsx";

/** @param signers of its keys must sign together; 1 of an account that is one key's */
export function terminalOwner(client: HostedClient, signers: number): Owner {
  const there = (hint?: string) => Promise.resolve(problem("terminal", "The account's key is not on this page.", hint));
  return {
    proof: "terminal",
    grants: false,
    read: (request, expiresIn) => client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) }),
    approve: () => there(),
    decline: () => there(),
    revoke: ({ shortCode }) => there(`On its machine: lez-agent-pay mandate revoke ${shortCode}`),
    elsewhere: (item, decided) => (
      <More>{({ Elsewhere }) => <Elsewhere client={client} item={item} signers={signers} decided={decided} />}</More>
    ),
  };
}
