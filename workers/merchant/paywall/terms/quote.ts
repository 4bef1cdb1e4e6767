/** The terms of one request where the seller's functions have a say: what they return, checked. */

import type { Context } from "hono";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { type AccountId, isAccountId } from "../../../../shared/protocol/account.ts";
import { type Amount, isAmount } from "../../../../shared/protocol/amount.ts";
import type { PaymentRequirements } from "../../../../shared/x402/x402.ts";
import { type CheckedOptions, type Term, termProblem } from "../options.ts";
import { callSeller } from "../seller-function.ts";
import type { PaywallEnv } from "../types.ts";

export interface QuotedOffer {
  amount: Amount;
  payTo: AccountId | undefined;
  description: string | undefined;
}

/** The offers are in the order of the options. */
export interface Quote {
  description: string | undefined;
  offers: readonly QuotedOffer[];
}

/** @throws {ConfigurationError} when a function throws, takes too long or returns no such term: then nothing is sold */
export async function quoteOf(c: Context<PaywallEnv>, { description, offers }: CheckedOptions): Promise<Quote> {
  const [shown, ...quoted] = await Promise.all([
    termOf(c, "description", description),
    ...offers.map(async (offer) => ({
      amount: await termOf(c, "amount", offer.amount),
      payTo: await termOf(c, "payTo", offer.payTo),
      description: await termOf(c, "description", offer.description),
    })),
  ]);
  return { description: shown, offers: quoted };
}

/** What the functions would have to return for these accepted terms. Other terms keep their constants, and so differ. */
export function quoteFor({ amount, payTo }: PaymentRequirements, { offers }: CheckedOptions): Quote | undefined {
  if (!isAmount(amount) || !isAccountId(payTo)) return undefined;
  const quoted = offers.map((offer) => ({
    amount: typeof offer.amount === "function" ? amount : offer.amount,
    payTo: typeof offer.payTo === "function" ? payTo : offer.payTo,
    // Of an offer that has one by request, the accepted description is not compared.
    description: typeof offer.description === "function" ? undefined : offer.description,
  }));
  return { description: undefined, offers: quoted };
}

async function termOf<T extends string>(c: Context<PaywallEnv>, name: "amount" | "payTo" | "description", term: Term<T> | undefined) {
  if (typeof term !== "function") return term as T;
  const value = await callSeller(name, () => term(c));
  const problem = termProblem(name, value);
  if (problem) throw new ConfigurationError(`the function ${name} returned what it must not`, { cause: problem });
  return value as T;
}
