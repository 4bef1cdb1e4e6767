/** Reads the books of the owner's account; if they are closed to this machine, once the owner has signed an access. */

import { type FoundKey, isSealed } from "../keys/key-file.ts";
import { openOwner } from "../keys/owner-key.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import type { Outcome } from "../runtime/outcome.ts";
import { makeBooks, placeOf } from "./books.ts";
import type { FacilitatorInput } from "./client.ts";

/** @param read asks the facilitator; it is called again once there is an access */
export async function withOpenBooks<Data>(
  context: Context,
  input: FacilitatorInput & PassphraseInput,
  found: FoundKey,
  read: () => Promise<Outcome<Data>>,
): Promise<Outcome<Data>> {
  const answer = await read();
  if (answer.ok || answer.error.code !== "unauthorized") return answer;
  const canOpen = !isSealed(found.key) || context.interactive || input.passphraseFile !== undefined || input.passphraseFd !== undefined;
  if (!canOpen) return answer;
  const place = await placeOf(context, input);
  if (!place.ok) return place;
  const owner = await openOwner(context, found, input);
  if (!owner.ok) return owner;
  const made = await makeBooks(context, owner.data, place.data);
  owner.data.wipe();
  return made.ok ? read() : made;
}
