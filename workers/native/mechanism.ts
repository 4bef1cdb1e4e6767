/** The mechanism on the chain itself, in x402's words: verification, then the payer's lane. spec/scheme_exact_lez_native.md. */

import { fromBase64 } from "../../shared/crypto/bytes.ts";
import { SCHEME, X402_VERSION } from "../../shared/lez.ts";
import { RETRY_AFTER_SECONDS } from "../../shared/limits.ts";
import { type Charge, isAmount } from "../../shared/protocol/amount.ts";
import type { SettleCommand, UnverifiedPayment } from "../../shared/settlement/commands.ts";
import type { NativeCancelResult, NativeKey, NativeStatusResult, NativeSupport } from "../../shared/settlement/native.ts";
import { settleFailure, type Settlement, type Validity } from "../../shared/settlement/outcomes.ts";
import { checkShape } from "../../shared/text/json.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { NativeKind } from "../../shared/zone/kind.ts";
import type { LaneAnswer } from "../../shared/zone/lane-table.ts";
import type { Unavailable } from "../../shared/zone/lane.ts";
import { isGenuineNativeRevocation, type NativeCancel, nativeCancelSchema } from "../../shared/zone/revocation.ts";
import { TRANSFER_METHOD } from "../../shared/zone/terms.ts";
import { decodeTransfer, type NativeTransfer } from "../../shared/zone/transfer.ts";
import { type NativePayment, type NativeRefusal, type NativeVerification, verifyNative } from "../../shared/zone/verify.ts";
import type { Standing } from "./chain-watch.ts";
import type { ConfiguredOffer } from "./env.ts";
import type { Lane } from "./lane.ts";

/** What the mechanism asks of a payer's lane. */
export interface LaneStub {
  settle: (...args: Parameters<Lane["settle"]>) => Promise<LaneAnswer | Unavailable>;
  check: (...args: Parameters<Lane["check"]>) => Promise<LaneAnswer | Unavailable | undefined>;
  cancel: (...args: Parameters<Lane["cancel"]>) => Promise<LaneAnswer | Unavailable>;
  status: (...args: Parameters<Lane["status"]>) => ReturnType<Lane["status"]>;
}

export interface NativePorts {
  laneOf(payer: LezAccountId): LaneStub;
  standing(): Promise<Standing>;
  /** False for a payer who calls too often. Asked once its signature is verified. */
  admits(payer: LezAccountId): Promise<boolean>;
  /** Unix seconds. */
  now(): number;
  /** What no caller is told. */
  onFault(error: unknown): void;
}

export class NativeFacilitator {
  readonly #offer: ConfiguredOffer;
  readonly #ports: NativePorts;

  constructor(offer: ConfiguredOffer, ports: NativePorts) {
    this.#offer = offer;
    this.#ports = ports;
  }

  /** No kind while the sequencer does not answer, is another than the configured one, or its head is old. */
  async supported(): Promise<NativeSupport> {
    const { network, chain, maxFee, finalities } = this.#offer;
    const standing = await this.#standing();
    const extra: NativeKind = {
      assetTransferMethod: TRANSFER_METHOD,
      paymentFlow: "upfront",
      ledger: chain.ledger,
      ...(chain.channel !== undefined && { channel: chain.channel }),
      dialect: "v0.3",
      maxFee: maxFee.toString(),
      finalities: [...finalities],
      blockSeconds: Math.ceil(standing?.blockSeconds ?? 0),
    };
    const kinds = standing?.offered ? [{ x402Version: X402_VERSION, scheme: SCHEME, network, extra } as const] : [];
    // No key of a facilitator takes part.
    return { kinds, extensions: [], signers: { "lez:*": [] } };
  }

  /** Every row of the verification. Changes nothing. */
  async verify(payment: UnverifiedPayment): Promise<Validity> {
    const verified = await this.#verify(payment);
    if (!verified.ok) return invalid(verified);
    const { payer } = verified.payment;
    const answer = await this.#ports
      .laneOf(payer)
      .check({ payment: verified.payment, gasLimit: transferOf(verified.payment).fee.gasLimit })
      .catch((error: unknown) => this.#fault(error));
    const code = answer && refusalOf(answer);
    return code === undefined ? { isValid: true, payer } : { isValid: false, invalidReason: code, payer };
  }

  /**
   * Verifies, sends, and waits for the receipt. A caller who presents the same payment again joins the same settlement.
   * @param waitSeconds after which the answer is `settlement_pending`
   */
  async settle({ payment: unverified, settlementId }: SettleCommand<UnverifiedPayment>, waitSeconds: number): Promise<Settlement> {
    const verified = await this.#verify(unverified);
    if (!verified.ok) return settleFailure(verified.code, verified.payer, this.#offer.network);
    const { payment } = verified;
    const call = { payment, gasLimit: transferOf(payment).fee.gasLimit, by: settlementId, waitSeconds };
    // A lane that does not answer may have sent it.
    const answer = await this.#ports
      .laneOf(payment.payer)
      .settle(call)
      .catch((error: unknown): LaneAnswer => {
        this.#ports.onFault(error);
        return { answer: "pending", money: "unknown", transaction: payment.transaction };
      });
    return this.#settlementOf(answer, payment);
  }

  /** The payer's word that the transfer shall not be sent. It is too late once a byte may have left. */
  async cancel(args: NativeCancel): Promise<NativeCancelResult> {
    const call = checkShape(args, nativeCancelSchema);
    if (!call.ok) return { ok: false, code: call.code, detail: call.problem };
    const { paymentPayload, paymentRequirements, revocation, signature } = call.value;
    const verified = verifyNative(paymentPayload, paymentRequirements, this.#facts());
    if (!verified.ok) return verified;
    const { payment } = verified;
    const { payer, nonce } = payment;
    const refused = (code: NativeRefusal["code"], detail?: string) => ({ ok: false, code, payer, ...(detail && { detail }) }) as const;
    const { network, chain } = this.#offer;
    if (revocation.network !== network) return refused("invalid_network", "revocation.network");
    if (revocation.ledger !== chain.ledger) return refused("ledger_mismatch", "revocation.ledger");
    if (revocation.messageHash !== payment.h) return refused("invalid_payload", "revocation.messageHash: another transaction's");
    if (!isGenuineNativeRevocation({ revocation, signature }, transferOf(payment).publicKey))
      return refused("invalid_signature", "signature");
    if (!(await this.#ports.admits(payer))) return refused("rate_limited");
    const answer = await this.#ports
      .laneOf(payer)
      .cancel(payment)
      .catch((error: unknown) => this.#fault(error));
    if (answer.answer === "cancelled") return { ok: true, network, payer, nonce: nonce.toString() };
    if (answer.answer === "pending") {
      const retryAfterSeconds = await this.#pause();
      return { ...refused("settlement_pending"), transaction: answer.transaction, retryAfterSeconds };
    }
    if (answer.answer === "receipt" || answer.answer === "unavailable") return refused("facilitator_unavailable");
    return { ...refused(answer.code), ...(answer.transaction && { transaction: answer.transaction }) };
  }

  async status(key: NativeKey): Promise<NativeStatusResult> {
    const { network, chain } = this.#offer;
    const { payer, nonce, h } = key;
    if (key.network !== network) return { ok: false, code: "invalid_network", detail: `network: this facilitator settles on ${network}` };
    try {
      const found = await this.#ports.laneOf(payer).status(h, { nonce: BigInt(nonce), payer });
      return { ok: true, network, ledger: chain.ledger, payer, nonce, ...found };
    } catch (error) {
      this.#ports.onFault(error);
      return { ok: false, code: "facilitator_unavailable", payer };
    }
  }

  /** Rows 1 to 12, and whether the payer may call. The lane knows whether an expired payment was paid in time. */
  async #verify({ paymentPayload, paymentRequirements }: UnverifiedPayment): Promise<NativeVerification> {
    const verified = verifyNative(paymentPayload, paymentRequirements, this.#facts());
    if (!verified.ok || (await this.#ports.admits(verified.payment.payer))) return verified;
    return { ok: false, code: "rate_limited", payer: verified.payment.payer };
  }

  #facts() {
    const { network, chain, maxFee, finalities } = this.#offer;
    return { network, ledger: chain.ledger, maxFee, finalities, now: this.#ports.now(), expiryIsTheLanes: true };
  }

  async #settlementOf(answer: LaneAnswer | Unavailable, { payer, value }: NativePayment): Promise<Settlement> {
    const { network } = this.#offer;
    switch (answer.answer) {
      case "receipt": {
        const { transaction } = answer.inclusion;
        return { success: true, payer, transaction, network, amount: amountOf(value) };
      }
      case "pending": {
        const extra = { retryAfterSeconds: await this.#pause() };
        return { ...settleFailure("settlement_pending", payer, network), transaction: answer.transaction, extra };
      }
      case "refused":
      case "taken": {
        const { code, transaction } = answer;
        return { ...settleFailure(code, payer, network), ...(transaction && { extra: { transaction } }) };
      }
      case "unavailable":
        return settleFailure("facilitator_unavailable", payer, network);
      case "cancelled": // is the answer to no settlement
        return settleFailure("unexpected_settle_error", payer, network);
    }
  }

  /** When to ask again: a block later. */
  async #pause(): Promise<number> {
    return Math.ceil((await this.#standing())?.blockSeconds ?? RETRY_AFTER_SECONDS);
  }

  #standing(): Promise<Standing | undefined> {
    return this.#ports.standing().catch((error: unknown) => {
      this.#ports.onFault(error);
      return undefined;
    });
  }

  #fault(error: unknown): Unavailable {
    this.#ports.onFault(error);
    return { answer: "unavailable" };
  }
}

function invalid({ code, payer }: NativeRefusal): Validity {
  return { isValid: false, invalidReason: code, ...(payer && { payer }) };
}

/** Undefined of a payment that is under way: who presents it again is answered. */
function refusalOf(answer: LaneAnswer | Unavailable) {
  if (answer.answer === "unavailable") return "facilitator_unavailable";
  return "code" in answer ? answer.code : undefined;
}

/** @param payment that was verified: its wire is a transfer */
function transferOf({ wire }: NativePayment): NativeTransfer {
  const bytes = fromBase64(wire);
  const decoded = bytes && decodeTransfer(bytes);
  if (!decoded?.ok) throw new Error("a verified payment is a transfer");
  return decoded.transfer;
}

function amountOf(value: bigint): Charge {
  const text = value.toString();
  if (!isAmount(text)) throw new Error("a verified value is an amount");
  return text;
}
