/** The facilitator Worker: RPC for our own Workers, the x402 facilitator API over HTTP for everybody else's. */
import { WorkerEntrypoint } from "cloudflare:workers";
import type { Reservation } from "../../shared/settlement/commands.ts";
import type { ReleaseResult, ReserveResult, SettleResult } from "../../shared/settlement/backend.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { PaymentRefusal } from "../../shared/protocol/refusal.ts";
import { Facilitator, type PendingSettlements, type Settlement } from "../../shared/settlement/facilitator.ts";
import type { SupportedResponse } from "../../shared/x402/x402.ts";
import { logEvent, newTraceId } from "../../shared/log.ts";
import { httpApi } from "./http.ts";
import { ledgerBackend, type LedgerBinding } from "./ledger-backend.ts";

export interface FacilitatorEnv extends LedgerBinding {
  /** "on": `POST /faucet` hands out test money. */
  FAUCET?: string;
  /** Secret. JSON: SHA-256 of a bearer key → the accounts it may verify and settle for. Absent: everybody may. */
  FACILITATOR_KEYS?: string;
  /** Secret. SHA-256 of the bearer key with which the operator reads the ledger's books. Absent: nobody does, unless FAUCET is on. */
  OPERATOR_KEY_SHA256?: string;
  /** Verifications, settlements, cancellations and checkpoints per address. */
  CALL_LIMIT?: RateLimit;
  FAUCET_LIMIT?: RateLimit;
}

/** Which ledger this isolate talks to. It never changes while the ledger lives, so it is asked for once. */
let knownLedger: Digest | undefined;
const pending: PendingSettlements = new Map();

async function facilitatorFor(env: FacilitatorEnv, traceId: string, patience?: number): Promise<Facilitator> {
  const backend = ledgerBackend(env, traceId, patience);
  knownLedger ??= (await backend.info()).ledger;
  return new Facilitator(backend, knownLedger, pending);
}

const api = httpApi(facilitatorFor);

/** What succeeds, the merchant logs with its transaction, under the same trace; over RPC only refusals are logged here, since most never get that far. */
export default class FacilitatorWorker extends WorkerEntrypoint<FacilitatorEnv> {
  override fetch(request: Request): Response | Promise<Response> {
    return api.fetch(request, this.env, this.ctx);
  }

  async supported(traceId: string = newTraceId()): Promise<SupportedResponse> {
    return (await this.#facilitator(traceId)).supported();
  }

  async settle(payload: unknown, requirements: unknown, settlementId: Digest, traceId: string = newTraceId()): Promise<Settlement> {
    const result = await (await this.#facilitator(traceId)).settle(payload, requirements, settlementId);
    if (!result.success) logEvent("facilitator.settle", { traceId, code: result.errorReason });
    return result;
  }

  async reserve(
    payload: unknown,
    requirements: unknown,
    _fingerprint: Digest,
    reservationId: Digest,
    traceId: string = newTraceId(),
  ): Promise<ReserveResult | PaymentRefusal> {
    const result = await (await this.#facilitator(traceId)).reserve(payload, requirements, reservationId);
    if (!result.ok) logEvent("facilitator.reserve", { traceId, code: result.code });
    return result;
  }

  async capture(reservation: Reservation, traceId: string = newTraceId()): Promise<SettleResult> {
    const result = await (await this.#facilitator(traceId)).capture(reservation);
    if (!result.ok) logEvent("facilitator.capture", { traceId, code: result.code });
    return result;
  }

  async release(reservation: Reservation, traceId: string = newTraceId()): Promise<ReleaseResult> {
    return (await this.#facilitator(traceId)).release(reservation);
  }

  /** Merchants wait for us with a deadline of their own; a timer for each call to the ledger would only cost. */
  #facilitator(traceId: string): Promise<Facilitator> {
    return facilitatorFor(this.env, traceId, Infinity);
  }
}
