/**
 * The Worker that settles on the Logos Execution Zone itself. Other Workers of the account are bound to it, the facilitator above all, which
 * serves its calls over HTTP. It has no address of its own.
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { NATIVE_RPC_WAIT_SECONDS, NATIVE_SETTLE_WAIT_SECONDS } from "../../shared/limits.ts";
import { isTraceId, logEvent, newTraceId } from "../../shared/log.ts";
import {
  type SettleCommand,
  settleCommandSchema,
  type UnverifiedPayment,
  unverifiedPaymentSchema,
} from "../../shared/settlement/commands.ts";
import {
  type NativeApi,
  type NativeCancelResult,
  type NativeKey,
  nativeKeySchema,
  type NativeStatusResult,
  type NativeSupport,
  type OwedPage,
} from "../../shared/settlement/native.ts";
import { settleFailure, type Settlement, type Validity } from "../../shared/settlement/outcomes.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { wholeNumber } from "../../shared/whole-number.ts";
import type { NativeCancel } from "../../shared/zone/revocation.ts";
import type { NativeRefusal } from "../../shared/zone/verify.ts";
import { type ConfiguredOffer, configuredOffer } from "./env.ts";
import { type Lane, type LaneEnv, laneName, watchOf } from "./lane.ts";
import type { NativeFacilitator } from "./mechanism.ts";

export { ChainWatch } from "./chain-watch.ts";
export { Lane } from "./lane.ts";

interface NativeEnv extends LaneEnv {
  LANE: DurableObjectNamespace<Lane>;
}

const settleSchema = settleCommandSchema(unverifiedPaymentSchema);
const waitSchema = wholeNumber(NATIVE_SETTLE_WAIT_SECONDS);
const afterSchema = wholeNumber();
const NOT_CONFIGURED: NativeRefusal = { ok: false, code: "facilitator_unavailable", detail: "no sequencer is configured" };

/** The methods check every argument again, because any Worker on the account can bind to them. */
export default class NativeWorker extends WorkerEntrypoint<NativeEnv> implements NativeApi {
  override fetch(): Response {
    return new Response("Not found: the facilitator serves these calls.", { status: 404 });
  }

  async supported(trace?: string): Promise<NativeSupport> {
    const facilitator = await this.#facilitator(traceOf(trace));
    return facilitator ? facilitator.supported() : { kinds: [], extensions: [], signers: { "lez:*": [] } };
  }

  async verify(args: UnverifiedPayment, trace?: string): Promise<Validity> {
    const traceId = traceOf(trace);
    const payment = checkShape(args, unverifiedPaymentSchema);
    if (!payment.ok) return { isValid: false, invalidReason: "invalid_payload" };
    const facilitator = await this.#facilitator(traceId);
    return facilitator ? facilitator.verify(payment.value) : { isValid: false, invalidReason: NOT_CONFIGURED.code };
  }

  async settle(args: SettleCommand<UnverifiedPayment>, trace?: string, wait?: number): Promise<Settlement> {
    const traceId = traceOf(trace);
    const waitSeconds = checkShape(wait ?? NATIVE_RPC_WAIT_SECONDS, waitSchema);
    const command = checkShape(args, settleSchema);
    if (!command.ok || !waitSeconds.ok) return settleFailure("invalid_payload");
    const facilitator = await this.#facilitator(traceId);
    const result = facilitator ? await facilitator.settle(command.value, waitSeconds.value) : settleFailure(NOT_CONFIGURED.code);
    const { success, errorReason: code, transaction } = result;
    if (!success) logEvent("native.settle", { traceId, code, ...(transaction && { transaction }) });
    return result;
  }

  async cancel(args: NativeCancel, trace?: string): Promise<NativeCancelResult> {
    return (await this.#facilitator(traceOf(trace)))?.cancel(args) ?? NOT_CONFIGURED;
  }

  async status(args: NativeKey, trace?: string): Promise<NativeStatusResult> {
    const key = checkShape(args, nativeKeySchema);
    if (!key.ok) return { ok: false, code: key.code, detail: key.problem };
    return (await this.#facilitator(traceOf(trace)))?.status(key.value) ?? NOT_CONFIGURED;
  }

  /** Who may read it is the caller's affair: it names payers. */
  async owed(args = 0, trace?: string): Promise<OwedPage | NativeRefusal> {
    const after = checkShape(args, afterSchema);
    if (!after.ok) return { ok: false, code: after.code, detail: `after: ${after.problem}` };
    const offer = this.#offer();
    if (!offer) return NOT_CONFIGURED;
    try {
      return { network: offer.network, ledger: offer.chain.ledger, ...(await watchOf(this.env).owed(after.value)) };
    } catch (error) {
      this.#onFault(error, traceOf(trace));
      return { ok: false, code: "facilitator_unavailable" };
    }
  }

  /** A Worker that is configured wrongly offers nothing, and says why in its log. */
  #offer(): ConfiguredOffer | undefined {
    try {
      return configuredOffer(this.env);
    } catch (error) {
      this.#onFault(error, newTraceId());
      return undefined;
    }
  }

  async #facilitator(traceId: string): Promise<NativeFacilitator | undefined> {
    const offer = this.#offer();
    if (!offer) return undefined;
    const { NativeFacilitator } = await import("./curve.ts");
    const { LANE, CALL_LIMIT } = this.env;
    return new NativeFacilitator(offer, {
      laneOf: (payer) => LANE.getByName(laneName(offer.chain.ledger, payer)),
      standing: () => watchOf(this.env).standing(),
      admits: async (payer) => !CALL_LIMIT || (await CALL_LIMIT.limit({ key: `payer/${payer}` })).success,
      now: unixNow,
      onFault: (error) => this.#onFault(error, traceId),
    });
  }

  #onFault(error: unknown, traceId: string): void {
    logEvent("native.failed", { traceId, message: String(error) });
  }
}

/** The caller's trace id if it is one. A foreign Worker can send anything, and it would reach the log. */
function traceOf(traceId: unknown): string {
  return isTraceId(traceId) ? traceId : newTraceId();
}
