/** What a refund asks of the facilitator, over RPC or HTTP: where the payment was credited, and to give it back. */

import * as z from "zod/mini";
import { digestSchema } from "../../../../shared/crypto/digest.ts";
import { LATE, withDeadline } from "../../../../shared/deadline.ts";
import { type ErrorCode, isErrorCode } from "../../../../shared/errors.ts";
import { FACILITATOR_TIMEOUT_SECONDS } from "../../../../shared/limits.ts";
import { accountIdSchema } from "../../../../shared/protocol/account.ts";
import { amountSchema } from "../../../../shared/protocol/amount.ts";
import type { SignedRefund } from "../../../../shared/protocol/refund.ts";
import type { Refusal } from "../../../../shared/protocol/refusal.ts";
import type { CreditQuery } from "../../../../shared/settlement/commands.ts";
import { wholeNumber } from "../../../../shared/whole-number.ts";
import { call } from "../facilitator/http-call.ts";
import type { FacilitatorAddress, FacilitatorRpc, PaywallBindings } from "../types.ts";

const creditSchema = z.looseObject({
  entry: wholeNumber(),
  payer: z.optional(accountIdSchema),
  value: z.optional(amountSchema),
  /** Atomic units that were given back of it. */
  refunded: z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/)),
});
export type Credit = z.infer<typeof creditSchema>;

/** The refund that was made, as the facilitator says it. */
const madeSchema = z.looseObject({ transaction: digestSchema, refundOf: digestSchema, to: accountIdSchema, amount: amountSchema });
export type Made = z.infer<typeof madeSchema>;

/** `problem`: no answer that can be believed, so what it did is not known. */
export type Said<T> = { ok: true; value: T } | { ok: false; code: ErrorCode } | { ok: false; code?: undefined; problem: string };

export interface RefundLedger {
  creditOf(query: CreditQuery, traceId: string): Promise<Said<Credit | undefined>>;
  refund(signed: SignedRefund, traceId: string): Promise<Said<Made>>;
}

/** Of the bindings that the paywall settles by. undefined: it has none, as where a route's own function names the facilitator. */
export function refundLedgerOf({ FACILITATOR, FACILITATOR_URL, FACILITATOR_KEY }: PaywallBindings): RefundLedger | undefined {
  if (FACILITATOR_URL) return overHttp({ base: FACILITATOR_URL.replace(/\/+$/, ""), key: FACILITATOR_KEY });
  return FACILITATOR && overRpc(FACILITATOR);
}

function overRpc(rpc: FacilitatorRpc): RefundLedger {
  return {
    async creditOf(query, traceId) {
      if (!rpc.creditOf) return { ok: false, code: "not_found" };
      const said = await answered(rpc.creditOf(query, traceId));
      if (!said.ok) return said;
      const found = z.safeParse(z.optional(creditSchema), said.value.credit);
      return found.success ? { ok: true, value: found.data } : { ok: false, problem: "the facilitator sends no such credit" };
    },
    async refund(signed, traceId) {
      if (!rpc.refund) return { ok: false, code: "not_found" };
      const said = await answered(rpc.refund(signed, traceId));
      if (!said.ok) return said;
      const { transaction, refundOf, payer: to, value: amount } = said.value;
      return { ok: true, value: { transaction, refundOf, to, amount } };
    },
  };
}

async function answered<T extends { ok: true } | Refusal>(call: Promise<T>): Promise<Said<Extract<T, { ok: true }>>> {
  const said = await withDeadline(call, FACILITATOR_TIMEOUT_SECONDS);
  if (said === LATE) return { ok: false, problem: `no answer in ${FACILITATOR_TIMEOUT_SECONDS} s` };
  return said.ok ? { ok: true, value: said as Extract<T, { ok: true }> } : { ok: false, code: said.code };
}

const refusalSchema = z.looseObject({ error: z.string() });
const creditAnswerSchema = z.union([refusalSchema, z.looseObject({ transaction: digestSchema, credit: z.optional(creditSchema) })]);
const refundAnswerSchema = z.union([refusalSchema, madeSchema]);

function overHttp(address: FacilitatorAddress): RefundLedger {
  const ask = async <Schema extends z.core.$ZodType<object>>(path: string, schema: Schema, traceId: string, body?: unknown) => {
    const answer = await call(address, path, schema, traceId, body, (value) => "error" in value, { believesAny: true });
    if (!answer.ok) {
      // Another operator's facilitator has no such path, and a proxy may want a key.
      const isSetup = answer.fault.did === "nothing" && answer.fault.kind === "setup";
      return isSetup ? ({ ok: false, code: "not_found" } as const) : ({ ok: false, problem: answer.fault.cause } as const);
    }
    if (!("error" in answer.value)) return { ok: true, value: answer.value } as const;
    const { error } = answer.value;
    return isErrorCode(error)
      ? ({ ok: false, code: error } as const)
      : ({ ok: false, problem: "it refuses for a reason of its own" } as const);
  };
  return {
    async creditOf({ payee, transaction, from }, traceId) {
      const said = await ask(`/accounts/${payee}/credits/${transaction}?from=${from}`, creditAnswerSchema, traceId);
      return said.ok ? { ok: true, value: (said.value as z.infer<typeof creditAnswerSchema> & { credit?: Credit }).credit } : said;
    },
    async refund(signed, traceId) {
      const said = await ask("/refunds", refundAnswerSchema, traceId, signed);
      return said.ok ? { ok: true, value: said.value as Made } : said;
    },
  };
}
