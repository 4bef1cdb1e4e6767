/** The no of a key at this terminal to what waits at a hosted desk. One key of an account is enough, and the no is final. */

import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { Subject } from "../purchase/request-subject.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { decide, type DecisionInput, fileDecision } from "./decline.ts";
import { type AtDesk, unsent } from "./sign-part.ts";

/** Signed, and filed on this machine before it leaves: a second run sends the same. */
export async function declineAtDesk(
  context: Context,
  input: DecisionInput & PassphraseInput,
  subject: Subject,
  { login, owner }: AtDesk,
): Promise<Outcome<{ already?: true }>> {
  const no = await decide(context, subject, "declined", input, owner.found, owner.policy);
  if (!no.ok) return no;
  const kept = await fileDecision(context, subject, no.data);
  if (!kept.ok) return kept;
  const sent = await login.call("refuse", { record: kept.data.record });
  if (!sent.ok) return unsent(sent);
  return succeed(sent.data.already === true ? { already: true as const } : {});
}
