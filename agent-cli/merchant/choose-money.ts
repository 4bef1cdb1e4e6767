/**
 * In which money a purchase is paid, where a merchant may offer several: that of the mock ledger, or a network's of the chain itself. It
 * follows from --network, else from the keys on this machine. It is never guessed, and never another one than was meant.
 */

import { existsSync } from "node:fs";
import * as z from "zod";
import { NATIVE_NETWORKS, NETWORK, isNativeNetwork } from "../../shared/lez.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { readNativeOffer } from "../../shared/zone/offer.ts";
import { findKey } from "../keys/key-file.ts";
import { newLezKeyFile } from "../keys/lez-key-file.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const NETWORKS = [NETWORK, ...NATIVE_NETWORKS] as const;

export const networkField = {
  network: z
    .enum(NETWORKS, `must be one of ${NETWORKS.join(", ")}`)
    .optional()
    .meta({ value: "network", description: `in which money: ${NETWORKS.join(", ")}; else by the owner's kind of key` }),
};

export interface MoneyInput {
  network?: (typeof NETWORKS)[number] | undefined;
}

/** Which kinds of owner's key this machine has. An agent's machine may have none. */
export interface KeysHere {
  mock: boolean;
  lez: boolean;
}

export function keysHere(context: Context): KeysHere {
  return { mock: findKey(context, "owner", undefined).ok, lez: existsSync(newLezKeyFile(context, undefined)) };
}

/**
 * The network whose offers are looked at. Pure.
 * @param offered the networks of the offers that can be paid here
 */
export function chooseNetwork(offered: readonly string[], { network }: MoneyInput, keys: KeysHere): Outcome<string> {
  if (network !== undefined) return succeed(network);
  const ours = [...new Set(offered)].filter((name) => (isNativeNetwork(name) ? keys.lez : keys.mock || !keys.lez));
  const [first, ...others] = ours;
  if (first !== undefined && others.length === 0) return succeed(first);
  if (first === undefined && offered.length === 0) return succeed(NETWORK);
  const names = [...new Set(offered)].join(", ");
  if (first === undefined) {
    return fail("unsupported", `This is sold on ${names} alone, and the owner here has no key for that money.`, {
      hint: "If you mean to pay in that money, say so: --network. The owner needs a key for it: lez-agent-pay owner create --kind lez",
      details: { offered: [...new Set(offered)] },
    });
  }
  return fail("usage", `This is sold in several moneys: ${names}.`, {
    hint: "They are worth different things. Name the one that you mean: --network",
    details: { offered: [...new Set(offered)] },
  });
}

/** Why no offer of a native network can be paid; undefined if there is none of it at all. */
export function whyNotNative(accepts: readonly PaymentRequirements[], network: string) {
  const read = accepts.filter((offer) => offer.network === network).map(readNativeOffer);
  const [refusal] = read.flatMap((one) => (one.ok ? [] : [one]));
  if (!refusal) return undefined;
  return refuse(refusal.code, EXIT.unsupported, `What the merchant offers on ${network} cannot be paid here: ${refusal.problem}.`, {
    hint: "On the chain itself there are no mandates, no sessions and no maximum prices: one transfer pays one request.",
  });
}
