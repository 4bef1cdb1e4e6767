/** Accesses to an account's books at a facilitator: made, and revoked, with the owner's key open. */

import * as z from "zod";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { revokeAccesses } from "../../shared/protocol/books-access.ts";
import type { WalletSigner } from "../../shared/protocol/signer.ts";
import { makeAccesses, startOver } from "../keys/books-access.ts";
import type { Context } from "../runtime/context.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput, facilitatorUrl } from "./client.ts";

const healthSchema = z.looseObject({ ledger: digestSchema });
const revokedSchema = z.looseObject({ through: z.string().regex(/^(0|[1-9][0-9]{0,11})$/, "must be unix seconds") });

export interface Place {
  facilitator: string;
  ledger: Digest;
}

/** The facilitator, and the ledger that it says it keeps: an access is for one ledger. */
export async function placeOf(context: Context, input: FacilitatorInput, timeoutSeconds?: number): Promise<Outcome<Place>> {
  const facilitator = facilitatorUrl(context, input);
  if (!facilitator.ok) return facilitator;
  const health = await callFacilitator(context, input, {
    path: "/health",
    answer: healthSchema,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  });
  return health.ok ? succeed({ facilitator: facilitator.data, ledger: health.data.ledger }) : health;
}

/** Makes accesses for this machine and for the agent's key. */
export function makeBooks(context: Context, owner: WalletSigner, { facilitator, ledger }: Place): Promise<Outcome<undefined>> {
  return makeAccesses(context, owner, facilitator, ledger);
}

/** Voids every access of the account that was made until now, and makes this machine a new one. @returns the second up to which */
export async function revokeBooks(context: Context, input: FacilitatorInput, owner: WalletSigner, place: Place): Promise<Outcome<number>> {
  const signed = await revokeAccesses(owner, place.ledger);
  const answer = await callFacilitator(context, input, { path: "/books/revoke", body: signed, answer: revokedSchema });
  if (!answer.ok) return answer;
  const through = Number(answer.data.through);
  const made = await startOver(context, owner, place.facilitator, place.ledger, through);
  return made.ok ? succeed(through) : made;
}
