/**
 * Neighbours of version 0.1: merchants that call this Worker with the members of a command one by one, and a ledger that has the
 * trace id first. Delete this file when neither is deployed.
 */

import { HOLD_SECONDS } from "../../shared/limits.ts";
import type { Remote } from "../../shared/rpc.ts";
import type { Ledger } from "../ledger-do/ledger.ts";

/** Today a call has at most two arguments: a command and a trace id. */
const MOST_ARGUMENTS = 2;

/** 0.1: `reserve(payload, requirements, fingerprint, reservationId, traceId?)`, always for HOLD_SECONDS. */
export function reserveFromEitherVersion(call: readonly unknown[]): [command: unknown, traceId: unknown] {
  if (call.length <= MOST_ARGUMENTS) return [call[0], call[1]];
  const [paymentPayload, paymentRequirements, , reservationId, traceId] = call;
  return [{ payment: { paymentPayload, paymentRequirements }, reservationId, holdSeconds: HOLD_SECONDS }, traceId];
}

/** 0.1: `settle(payload, requirements, settlementId, traceId?)`. */
export function settleFromEitherVersion(call: readonly unknown[]): [command: unknown, traceId: unknown] {
  if (call.length <= MOST_ARGUMENTS) return [call[0], call[1]];
  const [paymentPayload, paymentRequirements, settlementId, traceId] = call;
  return [{ payment: { paymentPayload, paymentRequirements }, settlementId }, traceId];
}

type Method = (...args: unknown[]) => Promise<unknown>;

/**
 * The ledger, of either version. One of 0.1 reads a command as its trace id and refuses the call as `invalid_payload`, before it
 * does anything. The same call goes out again in its shape then. A ledger of today refuses that a second time.
 */
export function ledgerOfEitherVersion(ledger: Remote<Ledger>): Remote<Ledger> {
  return new Proxy(ledger, {
    get:
      (target, name) =>
      async (...call: unknown[]) => {
        const methods = target as unknown as Record<string | symbol, Method>;
        const answer = await methods[name]?.(...call);
        const [args, traceId] = call;
        if (typeof traceId !== "string" || !isInvalidPayload(answer)) return answer;
        return methods[name]?.(traceId, name === "reserve" ? reserveArgs(args) : args);
      },
  });
}

/** 0.1 says nothing more. An answer with a detail is of a ledger that understood the call. */
function isInvalidPayload(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "code" in answer && answer.code === "invalid_payload" && !("detail" in answer);
}

/** 0.1 wants a fingerprint of the request. None of its rules reads it; the authorization's digest stands in. */
function reserveArgs(command: unknown): unknown {
  const { payment, reservationId, holdSeconds } = command as Parameters<Ledger["reserve"]>[0];
  return { payment, hold: { reservationId, fingerprint: payment.authorizationDigest, seconds: holdSeconds } };
}
