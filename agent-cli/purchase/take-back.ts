/**
 * Takes a question back from the owner's desk once it is decided on this machine. What still waits there could be approved there as
 * well, and two accounts would each have signed a payment. Until the desk knows, every command that looks at the request tells it.
 */

import type { Digest } from "../../shared/crypto/digest.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { askedAt, noteOver } from "../records/desk-asks.ts";
import { look } from "../records/inbox.ts";
import { type Context, warn } from "../runtime/context.ts";
import { cancelAtDesk } from "./ask-desk.ts";
import { pairedDesk } from "./paired-desk.ts";
import { decideBy, purchaseOf } from "./purchase.ts";

/**
 * Best effort: it fails nothing, and a payment does not wait for it.
 * @param agentFile the agent's key file, if it was named
 */
export async function takeBackFromDesk(context: Context, digest: Digest, agentFile?: string): Promise<void> {
  const asked = askedAt(context, digest);
  // Most purchases end here: they went to no desk, or were decided there.
  if (!asked.ok || !asked.data || asked.data.over || context.io.signal.aborted) return;
  const item = await look(context, digest);
  if (!item.ok || !item.data) return;
  const purchase = purchaseOf(context, item.data, unixNow());
  // The desk knows by itself when it is too late to decide.
  if (!purchase.ok || purchase.data.state === "pending" || decideBy(item.data.request) < unixNow()) return;
  // Why it cannot be asked was said when it was to be asked, and the owner's commands do not ask it.
  const desk = await pairedDesk({ ...context, say: () => undefined }, item.data.request.agent.publicKey, agentFile);
  // A desk takes everything back when its pairing ends.
  if (!desk || desk.desk !== asked.data.desk || desk.account !== asked.data.account) return;
  const told = await cancelAtDesk(context, desk, digest);
  const code = shortCode(digest);
  if (told.ok && told.data === "approved") {
    warn(
      context,
      `The owner has approved ${code} at ${desk.desk} as well, from ${desk.account}. This machine does not use that approval; the owner can revoke it there.`,
    );
  }
  // What is on its way there may still arrive.
  const mayArrive = !told.ok && told.error.code === "request_not_found" && asked.data.sentAt === undefined;
  if (told.ok || !(told.silent || mayArrive)) noteOver(context, digest);
  else if (told.silent) warn(context, `${told.error.message} Request ${code} may still wait there; this machine uses no approval of it.`);
}
