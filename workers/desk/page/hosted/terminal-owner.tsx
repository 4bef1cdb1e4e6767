/** The owner whose key is on a machine of their own, as a file: reads and looks here, and signs there. */

import type { KeyRecord } from "../../../../shared/desk/hosted-api.ts";
import type { Owner } from "../owner.ts";
import { type HostedClient, problem } from "./hosted-owner.ts";
import { More } from "./part.tsx";

export function terminalOwner(client: HostedClient, { account }: KeyRecord): Owner {
  const there = Promise.resolve(problem("terminal", "The key of this account is not on this page.", `It is the account ${account}.`));
  return {
    proof: "terminal",
    grants: false,
    read: (request, expiresIn) => client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) }),
    approve: () => there,
    decline: () => there,
    revoke: ({ shortCode }) =>
      Promise.resolve(
        problem("terminal", "The key of this account is not on this page.", `On its machine: lez-agent-pay mandate revoke ${shortCode}`),
      ),
    elsewhere: (item, decided) => <More>{({ Elsewhere }) => <Elsewhere client={client} item={item} decided={decided} />}</More>,
  };
}
