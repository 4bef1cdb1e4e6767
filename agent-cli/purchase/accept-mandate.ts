/** Takes over a mandate that an owner granted elsewhere: in a file, or at the desk that this agent is paired with. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { isGenuineMandate, mandateDigest, type SignedMandate } from "../../shared/protocol/mandate.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { unixNow } from "../../shared/time.ts";
import { keepMandate } from "../records/mandates.ts";
import type { Context } from "../runtime/context.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

/**
 * Keeps it if its account signed it, and it is for this agent's key and not over.
 * @param what names it in an error
 * @param agentKey the agent's public key
 */
export async function acceptMandate(context: Context, signed: SignedMandate, what: string, agentKey: string): Promise<Outcome<Digest>> {
  const { mandate } = signed;
  if (!(await isGenuineMandate(signed, FACILITATOR_DECIDES)))
    return fail("invalid_file", `${what} is not signed by the account that it names.`);
  if (mandate.agent !== agentKey) {
    return fail("wrong_role", `The mandate is for another agent's key: ${mandate.agent}.`, {
      hint: "Name that agent's key with --agent-file.",
    });
  }
  if (mandate.network !== NETWORK || mandate.asset !== ASSET)
    return fail(
      "unsupported",
      `The mandate is for ${showUnsafe(`${mandate.asset} on ${mandate.network}`)}, which this version cannot pay with.`,
    );
  if (Number(mandate.validBefore) < unixNow())
    return fail("payment_expired", "The mandate is over.", { hint: "Ask the owner for a new one." });
  return exclusively(context, () => {
    const kept = keepMandate(context, signed);
    return kept.ok ? succeed(mandateDigest(mandate)) : kept;
  });
}
