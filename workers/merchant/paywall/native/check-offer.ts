/** The options of an offer on the chain itself, checked at start-up. */

import * as z from "zod/mini";
import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { NATIVE_NETWORKS, SCHEME } from "../../../../shared/lez.ts";
import { isLezAccountId, isSystemAccount } from "../../../../shared/zone/account.ts";
import { finalitySchema, leptaSchema } from "../../../../shared/zone/kind.ts";
import type { NativeOfferTerms, PaywallBindings } from "../types.ts";

/** What means something else there, or nothing, and why. */
const ELSEWHERE: Record<string, string> = {
  session: "the chain sets no money aside for a session; sell sessions by an offer on our ledger",
  metered: "the chain takes a payment whole, and before the answer; charge a stream by an offer on our ledger",
  refund: "the chain has no refunds; leave refund out, and give back by hand what GET /native/owed lists",
  refundRequests: "the chain keeps no promise of refunds; leave refundRequests out",
};

const statementSchema = z.enum(["required", "optional"]);

/** @throws {TypeError} for an offer that could never be paid, or that asks for what the chain does not do */
export function checkNativeOffer(network: string, offer: Readonly<Record<string, unknown>>): NativeOfferTerms {
  const { payTo, scheme = SCHEME, flow, finality, maxFee, statement = "required" } = offer;
  const demand = (condition: boolean, problem: string) => {
    if (!condition) throw new TypeError(`paywall: network "${network}": ${problem}`);
  };
  demand((NATIVE_NETWORKS as readonly string[]).includes(network), `must be one of ${NATIVE_NETWORKS.join(", ")}`);
  demand(scheme === SCHEME, `scheme must be "${SCHEME}": a transfer names its amount before the handler knows the price`);
  demand(flow !== "authorization", 'flow must be "upfront": what is sent to the chain cannot be held');
  for (const [name, problem] of Object.entries(ELSEWHERE)) demand(offer[name] === undefined || offer[name] === false, problem);
  const isPayee = typeof payTo === "function" || (isLezAccountId(payTo) && !isSystemAccount(payTo));
  demand(isPayee, "payTo must be in the offer: an account of a LEZ key, and none of the chain's own. PAY_TO is an account of our ledger");
  const problem = (value: unknown, schema: z.ZodMiniType) => value !== undefined && !z.safeParse(schema, value).success;
  demand(!problem(finality, finalitySchema), 'finality must be "head", "depth:1" to "depth:64" or "final"');
  demand(!problem(maxFee, leptaSchema), "maxFee must be lepta as a decimal string");
  demand(!problem(statement, statementSchema), 'statement must be "required" or "optional"');
  return { finality, maxFee, statement } as NativeOfferTerms;
}

/**
 * The facilitator gives a receipt again to every copy of a payment, so the merchant alone keeps them apart.
 * @throws {ConfigurationError}
 */
export function requireMemory({ DELIVERIES }: PaywallBindings, hasMemory: boolean): void {
  if (!DELIVERIES && !hasMemory) throw new ConfigurationError("an offer on lez:* needs the Durable Object binding DELIVERIES");
}
