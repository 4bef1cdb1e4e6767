/** The facilitator of sessions: our Worker by service binding, or one over HTTP, whose /settle opens sessions and pays claims. */

import * as z from "zod/mini";
import { canonicalJson } from "../../../../shared/crypto/digest.ts";
import { digestSchema } from "../../../../shared/crypto/digest.ts";
import { isErrorCode } from "../../../../shared/errors.ts";
import { BATCH_SETTLEMENT, NETWORK, X402_VERSION } from "../../../../shared/lez.ts";
import { accountIdSchema } from "../../../../shared/protocol/account.ts";
import { type Amount, amountSchema, type Charge, chargeSchema } from "../../../../shared/protocol/amount.ts";
import type { PaymentRefusal } from "../../../../shared/protocol/refusal.ts";
import { sessionSchema } from "../../../../shared/protocol/session.ts";
import type { SessionStatus } from "../../../../shared/settlement/backend.ts";
import { wholeNumber } from "../../../../shared/whole-number.ts";
import { settleResponseSchema } from "../../../../shared/x402/x402.ts";
import { facilitatorAddress } from "../config.ts";
import { call } from "../facilitator/http-call.ts";
import type { FacilitatorAddress, PaywallBindings, SessionRpc } from "../types.ts";
import { standingFrom } from "./standing.ts";

/** What a merchant asks of it. Withdrawals are the payer's. */
export type SessionFacilitator = Pick<SessionRpc, "open" | "claim" | "session">;

/** @returns undefined if the Worker names none, or an older one */
export function sessionFacilitatorOf(env: PaywallBindings): SessionFacilitator | undefined {
  const address = facilitatorAddress(env);
  if (address) return overHttp(address);
  return env.FACILITATOR?.open ? (env.FACILITATOR as SessionRpc) : undefined;
}

const UNAVAILABLE = { ok: false, code: "facilitator_unavailable" } as const;

/** Members that later versions add are passed over. Amounts are atomic units, times unix seconds. */
const statusSchema = z.union([
  z.object({ status: z.literal("unknown"), at: wholeNumber() }),
  z.object({
    status: z.union([z.literal("open"), z.literal("closing"), z.literal("closed")]),
    id: digestSchema,
    payer: accountIdSchema,
    deposit: amountSchema,
    claimed: chargeSchema,
    expiresAt: wholeNumber(),
    closesAt: wholeNumber(),
    withdrawRequestedAt: z.optional(wholeNumber()),
    at: wholeNumber(),
    channelConfig: sessionSchema,
  }),
]);

function overHttp(address: FacilitatorAddress): SessionFacilitator {
  const settle = async (paymentPayload: object, paymentRequirements: object, traceId: string) => {
    const body = { x402Version: X402_VERSION, paymentPayload, paymentRequirements };
    const answer = await call(address, "/settle", settleResponseSchema, traceId, body, ({ success }) => !success);
    if (!answer.ok) return UNAVAILABLE;
    const { success, errorReason } = answer.value;
    if (success) return { ok: true as const, settled: answer.value };
    // What became of it is not known: the same can be presented again.
    if (errorReason === "settlement_pending" || errorReason === "unexpected_settle_error") return UNAVAILABLE;
    return { ok: false, code: isErrorCode(errorReason) ? errorReason : "facilitator_refused" } satisfies PaymentRefusal;
  };
  const session: SessionFacilitator["session"] = async ({ payer, id }, traceId) => {
    const path = `/sessions/${encodeURIComponent(NETWORK)}/${payer}/${id}`;
    const answer = await call(address, path, statusSchema, traceId, undefined, () => false);
    if (!answer.ok) return UNAVAILABLE;
    if (answer.value.status === "unknown") return answer.value;
    const { channelConfig, withdrawRequestedAt, ...standing } = answer.value;
    const withdrawn = withdrawRequestedAt === undefined ? {} : { withdrawRequestedAt };
    // A merchant reads neither lanes nor claims.
    return { ...standing, ...withdrawn, config: canonicalJson(channelConfig), lanes: [], laneCount: 0, claims: [], claimCount: 0 };
  };
  /** /settle says that it is done, and not until when. */
  const standingOf = async (name: Parameters<typeof session>[0], traceId: string) => {
    const status: SessionStatus | PaymentRefusal = await session(name, traceId);
    return "deposit" in status ? standingFrom(status) : undefined;
  };
  return {
    session,
    async open({ paymentPayload, paymentRequirements }, traceId) {
      const answer = await settle(paymentPayload as object, paymentRequirements as object, traceId);
      if (!answer.ok) return answer;
      const id = digestSchema.safeParse((answer.settled.extra?.["channelState"] as { channelId?: unknown } | undefined)?.channelId);
      const payer = accountIdSchema.safeParse(answer.settled.payer);
      const standing = id.success && payer.success ? await standingOf({ payer: payer.data, id: id.data }, traceId) : undefined;
      return standing ? { ok: true, session: standing } : UNAVAILABLE;
    },
    async claim(payload, traceId) {
      const { network, asset, to, from: payer } = payload.channelConfig;
      const terms = { scheme: BATCH_SETTLEMENT, network, asset, payTo: to, amount: "0" as Charge | Amount, maxTimeoutSeconds: 1 };
      const answer = await settle({ x402Version: X402_VERSION, accepted: terms, payload }, terms, traceId);
      if (!answer.ok) return answer;
      const { transaction, amount } = answer.settled;
      const [value, tx] = [chargeSchema.safeParse(amount), digestSchema.safeParse(transaction)];
      const standing = await standingOf({ payer, id: payload.claim.session }, traceId);
      if (!standing || !value.success) return UNAVAILABLE;
      return { ok: true, payee: to, value: value.data, ...(tx.success && { transaction: tx.data }), session: standing };
    },
  };
}
