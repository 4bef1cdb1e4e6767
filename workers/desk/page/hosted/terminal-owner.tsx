/** The owner whose key is on a machine of their own, as a file: reads and looks here, and signs there. */

import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import type { Owner } from "../owner.ts";
import { declineUnsigned, type HostedClient, problem, WHERE_THE_AGENT_RUNS } from "./hosted-owner.ts";
import { More } from "./part.tsx";

export function terminalOwner(client: HostedClient, record: KeyRecord): Owner {
  const there = (hint?: string) => Promise.resolve(problem("terminal", "The account's key is not on this page.", hint));
  return {
    proof: "terminal",
    grants: false,
    terminal: WHERE_THE_AGENT_RUNS,
    read: (request, expiresIn) => client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) }),
    approve: () => there(),
    decline: () => there(),
    declineUnsigned: (item, said) => declineUnsigned(client, item, said),
    revoke: ({ mandate }) => there(`Run lez-agent-pay mandate revoke ${mandate}${record.policy ? " --recovery recovery.json" : ""}`),
    elsewhere: (item, decided) => (
      <More>{({ Elsewhere }) => <Elsewhere client={client} item={item} record={record} decided={decided} />}</More>
    ),
  };
}
