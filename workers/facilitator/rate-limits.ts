/**
 * How often a caller may call, where the platform counts. It counts roughly and per location: limits guard work, never money.
 *
 * A caller is counted by its bearer key, if it is one that the operator configured; by its zone, if it is a Worker; else by its
 * network. Every verified payer is counted too, and every seller that calls over RPC: those calls have no address.
 */

import type { Context } from "hono";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";
import type { UnverifiedPayment } from "../../shared/settlement/commands.ts";
import { networkOf } from "../../shared/text/network-of.ts";
import { isConfigured, shownKey } from "./access.ts";
import type { Api, FacilitatorEnv } from "./env.ts";

/** The address of every Worker that calls another zone over HTTP. Sellers that have nothing to do with each other share it. */
const PLATFORM_ADDRESS = "2a06:98c0:3600::103";

/** What a caller asks for. Each is counted apart: reading does not use up what payments need. */
export type Use = "call" | "read" | "cancel" | "grant";

/**
 * @param payTo counts a Worker that names no zone by the account that it sells for
 * @returns false if the caller used this too often
 */
export async function withinLimit(c: Context<Api>, use: Use, payTo?: unknown): Promise<boolean> {
  return within(limiterOf(c.env, use), `${use}/${callerOf(c) ?? `worker-for/${sellerOf(payTo)}`}`);
}

/** The caller as it is counted; undefined for a Worker that names no zone. */
export function callerOf(c: Context<Api>): string | undefined {
  const key = shownKey(c);
  if (key !== undefined && isConfigured(c.env, key)) return `key/${bytesToHex(key)}`;
  const address = c.req.header("CF-Connecting-IP") ?? "local";
  if (address !== PLATFORM_ADDRESS) return networkOf(address);
  const zone = c.req.header("CF-Worker");
  return zone === undefined ? undefined : `worker/${zone}`;
}

/** Call it for payers whose signature was verified. Before that, any caller could use up another's share. */
export function payerWithinLimit({ CALL_LIMIT }: FacilitatorEnv, payer: AccountId): Promise<boolean> {
  return within(CALL_LIMIT, `payer/${payer}`);
}

/** Counts a payment that arrives over RPC by the account that it is for. A captured or released hold was counted when it was made. */
export function sellerWithinLimit(env: FacilitatorEnv, { paymentRequirements }: UnverifiedPayment): Promise<boolean> {
  return payeeWithinLimit(env, ((paymentRequirements ?? {}) as { payTo?: unknown }).payTo);
}

/** Counts a refund that arrives over RPC by the account that gives back. */
export function payeeWithinLimit({ SELLER_LIMIT }: FacilitatorEnv, payee: unknown): Promise<boolean> {
  return within(SELLER_LIMIT, `seller/${sellerOf(payee)}`);
}

function sellerOf(payTo: unknown): string {
  return isAccountId(payTo) ? payTo : "none";
}

function limiterOf({ CALL_LIMIT, CANCEL_LIMIT, FAUCET_LIMIT }: FacilitatorEnv, use: Use): RateLimit | undefined {
  if (use === "cancel") return CANCEL_LIMIT;
  return use === "grant" ? FAUCET_LIMIT : CALL_LIMIT;
}

async function within(limiter: RateLimit | undefined, key: string): Promise<boolean> {
  return !limiter || (await limiter.limit({ key })).success;
}
