/** Takes over the mandates that the owner granted this agent at its desk. They are checked as those in a file are. */

import { mandateDigest } from "../../shared/protocol/mandate.ts";
import { askForGranted } from "../hosted-desk/granted.ts";
import { keptMandates } from "../records/mandates.ts";
import { type Context, warn } from "../runtime/context.ts";
import { MAX_GRANTED } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { acceptMandate } from "./accept-mandate.ts";
import type { PairedDesk } from "./paired-desk.ts";

/** @returns how many are new on this machine */
export async function takeGranted(context: Context, desk: PairedDesk): Promise<Outcome<number>> {
  const granted = await askForGranted(context, desk, desk.account);
  if (!granted.ok) return granted;
  if (granted.data.mandates.length === 0) return succeed(0);
  const kept = await keptMandates(context);
  if (!kept.ok) return kept;
  const known = new Set(kept.data.mandates.map(({ digest }) => digest));
  let taken = 0;
  for (const signed of granted.data.mandates.slice(0, MAX_GRANTED)) {
    const { from } = signed.mandate;
    if (known.has(mandateDigest(signed.mandate))) continue;
    if (from !== desk.account) {
      warn(context, `A mandate at the desk is of the account ${from}, and this agent is paired with ${desk.account}. It is not used.`);
      continue;
    }
    const accepted = await acceptMandate(context, signed, "A mandate at the desk", desk.signer.publicKey);
    if (accepted.ok) taken++;
    // One that is over needs no word.
    else if (accepted.error.code !== "payment_expired") warn(context, `${accepted.error.message} It is not used.`);
  }
  return succeed(taken);
}
