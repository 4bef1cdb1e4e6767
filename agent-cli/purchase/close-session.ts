/** Asks for the rest of a session: of the merchant, which closes at once, or of the ledger, after which the merchant can still claim. */

import { X402_VERSION } from "../../shared/lez.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { type SignedWithdrawal, signWithdrawal } from "../../shared/protocol/withdrawal.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { KeptSession } from "../records/sessions.ts";
import type { Context } from "../runtime/context.ts";
import { exchange } from "../runtime/exchange.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { Agent } from "./create-request.ts";

export function withdrawalOf({ id, signed: { channelConfig } }: KeptSession, { signer }: Agent): Promise<SignedWithdrawal> {
  const { ledger, from, validAfter } = channelConfig;
  // A clock that was set back since must not date it before the session.
  const requestedAt = String(Math.max(unixNow(), Number(validAfter)));
  return signWithdrawal({ version: "1", ledger, session: id, from, requestedAt }, signer);
}

/** The merchant takes what it is owed and frees the rest. Its answer is no proof: ask the ledger afterwards. */
export async function askMerchantToClose(context: Context, session: KeptSession, signed: SignedWithdrawal): Promise<Outcome<undefined>> {
  const [known] = session.offers;
  if (!known) {
    return fail("unsupported", "This machine knows no address of the merchant that sells in this session.", {
      hint: "Ask the ledger instead: --withdraw",
    });
  }
  const { method, route, offer, scope } = known;
  const binding = scope === "none" ? {} : { binding: bindingOf({ method, url: route }, offer) };
  const accepted = { ...offer, extra: { ...offer.extra, ...binding } };
  const payload = { type: "refund", ...signed };
  const header = encodeHeader({ x402Version: X402_VERSION, resource: { url: route }, accepted, payload });
  const answer = await exchange(context, { method, url: route, headers: [[PAYMENT_SIGNATURE, header]] });
  const { host } = new URL(route);
  const hint = "Ask the ledger instead: --withdraw. The money comes back by itself at the latest when the session ends.";
  if (answer.ok) return answer.status === 200 ? succeed(undefined) : fail("network", `${host} answered ${answer.status}.`, { hint });
  if (context.io.signal.aborted) return interrupted();
  return answer.refused ?? fail("network", `${host} could not be reached: ${answer.problem}.`, { hint });
}
