/** What the desk asks of the facilitator. Without its answer the desk still shows requests and takes decisions. */

import * as z from "zod/mini";
import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK } from "../../shared/lez.ts";
import { DESK_FETCH_SECONDS, MAX_DESK_ANSWER_BYTES } from "../../shared/limits.ts";
import { unixSecondsSchema } from "../../shared/protocol/ledger-payment.ts";
import { parseJson } from "../../shared/text/json.ts";
import { readLimited } from "../../shared/x402/body.ts";
import type { DeskEnv } from "./env.ts";

/** `code`: the facilitator's own, if it refused. */
export type Answer<Value> = { ok: true; value: Value } | { ok: false; why: string; code?: string };

const units = z.string().check(z.regex(/^(0|[1-9][0-9]{0,38})$/, "must be atomic units"));
const healthSchema = z.looseObject({ ledger: digestSchema });
const accountSchema = z.looseObject({ balance: units, held: units });
const statusSchema = z.looseObject({
  status: z.enum(["unused", "reserved", "cancelled", "expired", "unknown", "settled", "session"]),
  transaction: z.optional(digestSchema),
  charged: z.optional(units),
});
const mandateSchema = z.looseObject({
  ledger: digestSchema,
  status: z.enum(["unused", "open", "revoked"]),
  revokedAt: z.optional(unixSecondsSchema),
  revokedBefore: z.optional(unixSecondsSchema),
  settled: z.optional(units),
  claimed: z.optional(units),
  period: z.optional(z.looseObject({ used: units, payments: z.int(), endsAt: unixSecondsSchema })),
});
const doneSchema = z.looseObject({ success: z.literal(true), revokedAt: z.optional(unixSecondsSchema) });
const refusalSchema = z.looseObject({ error: z.string().check(z.regex(/^[a-z0-9_]{1,64}$/)) });

export type AccountBalance = z.infer<typeof accountSchema>;
export type SettlementStatus = z.infer<typeof statusSchema>;

export class FacilitatorClient {
  readonly #env: DeskEnv;

  constructor(env: DeskEnv) {
    this.#env = env;
  }

  async ledger(): Promise<Answer<Digest>> {
    const health = await this.#ask("/health", healthSchema);
    return health.ok ? { ok: true, value: health.value.ledger } : health;
  }

  balance(account: string): Promise<Answer<AccountBalance>> {
    return this.#ask(`/accounts/${account}`, accountSchema);
  }

  settlement(payer: string, nonce: Digest, validBefore: number): Promise<Answer<SettlementStatus>> {
    return this.#ask(`/settlements/${encodeURIComponent(NETWORK)}/${payer}/${nonce}?validBefore=${validBefore}`, statusSchema);
  }

  mandate(payer: string, digest: Digest): Promise<Answer<z.infer<typeof mandateSchema>>> {
    return this.#ask(`/mandates/${encodeURIComponent(NETWORK)}/${payer}/${digest}`, mandateSchema);
  }

  cancel(decision: object): Promise<Answer<z.infer<typeof doneSchema>>> {
    return this.#ask("/settlements/cancel", doneSchema, decision);
  }

  revoke(revocation: object): Promise<Answer<z.infer<typeof doneSchema>>> {
    return this.#ask("/mandates/revoke", doneSchema, revocation);
  }

  async #ask<Schema extends z.core.$ZodType>(path: string, schema: Schema, body?: object): Promise<Answer<z.output<Schema>>> {
    try {
      const answer = await this.#fetch(path, body);
      const bytes = await readLimited(answer, MAX_DESK_ANSWER_BYTES);
      if (!bytes) return { ok: false, why: "the facilitator's answer is too large" };
      if (!answer.ok) return refusalOf(answer.status, bytes);
      const read = parseJson(bytes, MAX_DESK_ANSWER_BYTES, schema);
      return read.ok ? read : { ok: false, why: "the facilitator's answer cannot be read" };
    } catch {
      return { ok: false, why: "the facilitator does not answer" };
    }
  }

  #fetch(path: string, body: object | undefined): Promise<Response> {
    const { FACILITATOR, FACILITATOR_URL } = this.#env;
    const init: RequestInit = {
      redirect: "manual",
      signal: AbortSignal.timeout(DESK_FETCH_SECONDS * 1000),
      ...(body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    };
    if (FACILITATOR_URL) return fetch(`${FACILITATOR_URL.replace(/\/$/, "")}${path}`, init);
    if (!FACILITATOR) throw new Error("the desk has no facilitator");
    return FACILITATOR.fetch(`https://facilitator${path}`, init);
  }
}

/** Its code, and never its own text. */
function refusalOf(status: number, body: Uint8Array): Extract<Answer<never>, { ok: false }> {
  const read = parseJson(body, MAX_DESK_ANSWER_BYTES, refusalSchema);
  if (!read.ok) return { ok: false, why: `the facilitator answers ${status}` };
  const { error: code } = read.value;
  return { ok: false, code, why: code === "unauthorized" ? "its books are closed to this desk" : `the facilitator refuses: ${code}` };
}
