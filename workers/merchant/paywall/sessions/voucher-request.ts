/** One request that a voucher pays: takes the steps of the rule until the voucher is refused, or its handler has run. */

import type { Correction, LaneOffer } from "../../../../shared/batch-settlement/state.ts";
import { bytesToHex, randomBytes } from "../../../../shared/crypto/bytes.ts";
import type { ErrorCode } from "../../../../shared/errors.ts";
import { HOLD_MARGIN_SECONDS, RISK_CALLS, SLOW_HANDLER_MILLIS } from "../../../../shared/limits.ts";
import { FIRST_LANE, isGenuineVoucher, type SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { PaymentRequirements, SettleResponse } from "../../../../shared/x402/x402.ts";
import { writableHeaders } from "../caching.ts";
import { withTimeout } from "../facilitator/within-timeout.ts";
import { keepAlive } from "../keep-alive.ts";
import { refuseRequest } from "../responses.ts";
import { meterFor } from "../serve/charge.ts";
import { compareTerms } from "../serve/price-check.ts";
import { HANDLER_SECONDS } from "../serve/run-handler.ts";
import { runMetered } from "../serve/run-metered.ts";
import type { Charged, PaidRequest, ServeResult, SubstituteResponse } from "../types.ts";
import { type HeldVoucher, heldVoucher } from "./held-voucher.ts";
import type { IdentifiedVoucher } from "./identified-voucher.ts";
import type { HeldLane, IsolateSession } from "./isolate-session.ts";
import { report, reportOf, reportServed } from "./lane-reports.ts";
import { laneAccount, type MeteredAccount, ownAccount } from "./metered-account.ts";
import { runStream } from "./metered-run.ts";
import { type Reporting, tellFinished } from "./own-completions.ts";
import { channelState, corrected, nextLane, stateOfLane, voucherReceipt, voucherState } from "./receipts.ts";
import type { KnownSession, OwnLaneState, SessionsRpc } from "./rpc.ts";
import { type Done, nextStep, type VoucherStep } from "./voucher-rule.ts";

/** What became of asking the facilitator. `known`: it is in this isolate's memory now. */
export type Asked = "known" | "unknown" | "unavailable" | "rate_limited";

/** What the acceptor knows and does for one request. */
export interface VoucherWorld {
  request: PaidRequest;
  signed: SignedVoucher;
  /** Undefined: not known here. "foreign": not this merchant's, or not this payer's. */
  session: () => IsolateSession | "foreign" | undefined;
  ask: () => Promise<Asked>;
  object: () => SessionsRpc;
  /** What the merchant may lose with an isolate, in atomic units; undefined: some calls. */
  risk: bigint | undefined;
  /** Claims the buyer's payment identifier once the voucher's signature is good; undefined without one. */
  identified: IdentifiedVoucher | undefined;
}

/** A call whose handler is to run: where it is accounted for. */
interface AcceptedCall {
  /** Its handler did not deliver. */
  fail(): void;
  /** It delivered. @returns the receipt */
  complete(charged: Charged): SettleResponse;
  onWait?: () => void;
}

/** No voucher covers it. */
const NEVER = 2n ** 128n;
/** The longest that a handler can still tell of. */
const CALL_MILLIS = (HANDLER_SECONDS + HOLD_MARGIN_SECONDS) * 1000;

export class VoucherRequest {
  readonly #world: VoucherWorld;
  readonly #voucher: HeldVoucher;
  #amount: bigint;
  /** The terms have changed since the voucher was signed. */
  #differs: SubstituteResponse | undefined;
  readonly #done: Done = {};

  constructor(world: VoucherWorld) {
    this.#world = world;
    this.#voucher = heldVoucher(world.signed);
    this.#amount = BigInt(world.request.presented.offer.amount);
  }

  async serve(): Promise<ServeResult> {
    const { lane } = this.#world.signed.voucher;
    for (;;) {
      const session = this.#world.session();
      if (session === "foreign") return this.#offerAgain("session_unknown");
      const view = { standing: session?.view, leased: session?.leased, now: Date.now() };
      const next = nextStep(view, lane, this.#voucher, this.#amount, this.#done);
      const over = session ? await this.#take(next, session) : await this.#takeUnknown(next);
      if (over) return over;
    }
  }

  async #takeUnknown(next: VoucherStep): Promise<ServeResult | undefined> {
    return next.step === "ask" ? this.#ask() : this.#offerAgain("session_unknown");
  }

  async #take(next: VoucherStep, session: IsolateSession): Promise<ServeResult | undefined> {
    switch (next.step) {
      case "ask":
        return this.#ask();
      case "verify":
        return this.#verify(session);
      case "object":
        return this.#serveOwn(session);
      case "renew":
        return this.#renew(session, next.needed);
      case "name_lane":
        if (this.#differs) return this.#free(this.#differs);
        if (!session.leased) await this.#lease(session);
        return this.#correct(session, "voucher_out_of_step");
      case "run":
        if (!session.leased) return undefined;
        if (this.#isMetered) return this.#stream(session, laneAccount(this.#reporting, session, session.leased, next.call));
        return this.#run(session, this.#callIn(session, session.leased, next.call));
      default:
        return this.#refuse(session, next.refusal);
    }
  }

  // --- The steps -----------------------------------------------------------------------------------

  async #ask(): Promise<ServeResult | undefined> {
    this.#done.asked = true;
    const asked = await this.#world.ask();
    if (asked === "unavailable") return refuseRequest({ code: "facilitator_unavailable" });
    return asked === "rate_limited" ? refuseRequest({ code: "rate_limited" }) : undefined;
  }

  async #verify({ config, signer }: IsolateSession): Promise<ServeResult | undefined> {
    const { signed, request, identified } = this.#world;
    if (signed.voucher.binding !== request.presented.offer.extra?.["binding"])
      return this.#offerAgain("binding_mismatch", "voucher.binding");
    if (!(await isGenuineVoucher(signed, signer))) return this.#offerAgain("invalid_signature", "voucherSignature");
    this.#done.verified = true;
    const stored = await identified?.claim(config.from);
    if (stored || !request.price) return stored;
    // At a price that has changed nothing is bought; what was bought before is told.
    this.#differs = await compareTerms(request, request.price);
    if (this.#differs) this.#amount = NEVER;
    return undefined;
  }

  async #renew(session: IsolateSession, needed: bigint): Promise<undefined> {
    this.#done.renewed = true;
    const { leased } = session;
    if (!leased) return;
    const { spent } = leased.lane;
    const askedAt = Date.now();
    const call = { known: knownOf(session), amount: String(this.#amount), report: reportOf(leased), needed: String(needed) };
    const answer = await withTimeout(
      this.#world
        .object()
        .renew(call)
        .then((grant) => ({ grant })),
    );
    if (!answer) return;
    if (spent > leased.reported) leased.reported = spent;
    if (answer.grant) session.adopt(answer.grant, askedAt);
    else if (session.leased === leased) session.leased = undefined;
  }

  /** One request at a time asks for a lane: each of them is taken out of the deposit. */
  async #lease(session: IsolateSession): Promise<void> {
    if (session.isAskingForLane(Date.now())) return;
    const askedAt = session.askForLane();
    const call = { known: knownOf(session), amount: String(this.#amount), newLane: randomLane() };
    const grant = await withTimeout(this.#world.object().lease(call));
    session.hasAskedForLane();
    if (grant) session.adopt(grant, askedAt);
  }

  // --- Lane 0, which is the object's ---------------------------------------------------------------

  async #serveOwn(session: IsolateSession): Promise<ServeResult> {
    const { signed, object } = this.#world;
    const wantsLane = !session.leased && !session.isAskingForLane(Date.now());
    const askedAt = wantsLane ? session.askForLane() : Date.now();
    const call = { known: knownOf(session), voucher: signed, amount: String(this.#amount), handlerMillis: CALL_MILLIS };
    const finished = session.completions.take();
    const beside = { ...(wantsLane && { newLane: randomLane() }), ...(finished.length > 0 && { finished }) };
    const answer = await withTimeout(object().take({ ...call, ...beside }));
    if (wantsLane) session.hasAskedForLane();
    if (!answer?.heard && finished.length > 0) keepAlive(this.#world.request.c, session.completions.tell(object, finished));
    if (!answer) return this.#free(refuseRequest({ code: "facilitator_unavailable" }));
    const { taken, own, lane } = answer;
    if (lane) session.adopt(lane, askedAt);
    if (taken.ok && this.#isMetered) return this.#stream(session, ownAccount(this.#reporting, this.#voucher.serial), own);
    if (taken.ok) return this.#run(session, this.#callInOwn(session, own));
    if (taken.code !== "voucher_used") return this.#refuse(session, taken, own);
    return this.#refuse(session, { ...taken, charged: BigInt(taken.charged), spent: BigInt(taken.spent) }, own);
  }

  #callInOwn(session: IsolateSession, own: OwnLaneState): AcceptedCall {
    const { request, object } = this.#world;
    const over = { serial: this.#voucher.serial, risk: String(this.#risk) };
    return {
      fail: () => keepAlive(request.c, tellFinished(object, over)),
      complete: (charged) => {
        const call = { ...over, charge: charged.amount };
        if (BigInt(charged.amount) === this.#amount) session.completions.add(this.#reporting, call);
        else keepAlive(request.c, tellFinished(object, call));
        const sum = BigInt(own.chargedElsewhere) + BigInt(own.spent) + BigInt(charged.amount);
        return voucherReceipt(session, this.#world.signed, charged, nextLane(session, own), sum);
      },
    };
  }

  // --- A lane of this isolate ----------------------------------------------------------------------

  #callIn(session: IsolateSession, leased: HeldLane, call: Parameters<HeldLane["lane"]["fail"]>[0]): AcceptedCall {
    const { request, signed, object } = this.#world;
    let isOver = false;
    const reportsIfSlow = async () => {
      await new Promise<void>((resolve) => setTimeout(resolve, SLOW_HANDLER_MILLIS));
      if (!isOver) await report(request.c, object, session, leased, { runsFor: CALL_MILLIS - SLOW_HANDLER_MILLIS });
    };
    return {
      onWait: () => keepAlive(request.c, reportsIfSlow()),
      fail() {
        isOver = true;
        leased.lane.fail(call);
      },
      complete: (charged) => {
        isOver = true;
        const spent = leased.lane.complete(call, BigInt(charged.amount)) ?? leased.lane.spent;
        reportServed(request.c, object, session, leased, this.#risk);
        return voucherReceipt(session, signed, charged, nextLane(session, undefined), session.chargedElsewhere + spent);
      },
    };
  }

  async #run(session: IsolateSession, call: AcceptedCall): Promise<ServeResult> {
    const { request, signed, identified } = this.#world;
    const { c, presented } = request;
    const { session: id, lane, serial } = signed.voucher;
    const { from: payer } = session.config;
    const kept = { meter: meterFor(presented.offer), release: () => call.fail(), onWait: call.onWait };
    let run: Awaited<ReturnType<typeof runMetered>>;
    try {
      run = await runMetered(request, { id: `${id}:${lane}:${serial}`, payer }, kept);
    } catch (error) {
      await identified?.free();
      throw error;
    }
    if ("answered" in run) return this.#free(run);
    const charged = run.charged ?? { amount: fullAmount(presented.offer) };
    const isKept = identified ? await identified.store(charged) : true;
    // Middleware in front may have answered meanwhile, such as one with a timeout.
    if (!isKept || c.error) {
      call.fail();
      return this.#free(refuseRequest({ code: isKept ? "handler_timeout" : "internal_error" }));
    }
    const receipt = call.complete(charged);
    c.get("payment").charged = charged.amount;
    writableHeaders(c).set(PAYMENT_RESPONSE, encodeHeader(receipt)); // c.header would copy the response
    if (identified) keepAlive(c, identified.markPaid(receipt));
    return { answered: true, delivered: true, charged: charged.amount };
  }

  // --- A call that is charged while its answer flows -----------------------------------------------

  /** @param own of a voucher of lane 0, as it stood before */
  #stream(session: IsolateSession, account: MeteredAccount, own?: OwnLaneState): Promise<ServeResult> {
    const { request, signed } = this.#world;
    const { leased } = session;
    const receipt = (charged: Charged) => {
      const inLane = own ? BigInt(own.chargedElsewhere) + BigInt(own.spent) + BigInt(charged.amount) : undefined;
      const sum = inLane ?? session.chargedElsewhere + (leased?.lane.spent ?? 0n);
      return voucherReceipt(session, signed, charged, nextLane(session, own), sum);
    };
    return runStream(request, session.config.from, signed, account, receipt);
  }

  get #isMetered(): boolean {
    return this.#world.request.presented.offer.extra?.["metered"] === true;
  }

  get #reporting(): Reporting {
    return { c: this.#world.request.c, object: this.#world.object, risk: this.#risk };
  }

  // --- Refusals ------------------------------------------------------------------------------------

  #refuse(session: IsolateSession, refusal: (VoucherStep & { step: "refuse" })["refusal"], own?: OwnLaneState): Promise<ServeResult> {
    switch (refusal.code) {
      case "voucher_used": {
        const charged = session.chargedElsewhere + refusal.spent;
        const receipt = voucherReceipt(session, this.#world.signed, { amount: String(refusal.charged) }, nextLane(session, own), charged);
        return this.#free(refuseRequest({ code: "voucher_used", receipt }));
      }
      case "voucher_out_of_step":
      case "session_exhausted":
        if (this.#differs) return this.#free(this.#differs);
        return this.#correct(session, refusal.code, own);
      case "session_unknown":
      case "session_closed":
        return this.#offerAgain(refusal.code);
      default: // payment_in_progress, facilitator_unavailable
        return this.#free(refuseRequest({ code: refusal.code }));
    }
  }

  /** Refuses, and says where the lane stands that the client should use: by its own signature, so that it can believe it. */
  async #correct(session: IsolateSession, code: ErrorCode, own?: OwnLaneState): Promise<ServeResult> {
    const { request, signed } = this.#world;
    const { leased } = session;
    const isOwn = own !== undefined && (signed.voucher.lane === FIRST_LANE || !leased);
    const state = isOwn ? voucherState(FIRST_LANE, own.best, BigInt(own.spent)) : leased && stateOfLane(leased);
    // An object that started anew takes no serial for a while that a client would sign next. A lane of this isolate takes its first.
    const isBehind = own !== undefined && leased !== undefined && this.#voucher.serial <= own.highest;
    const lane: LaneOffer = isOwn && !isBehind && code !== "session_exhausted" ? ownLane(own) : nextLane(session, own);
    const charged = session.chargedElsewhere + (leased?.lane.spent ?? 0n);
    const correction: Correction = { channelState: channelState(session, charged), lane, ...(state && { voucherState: state }) };
    return this.#offerAgain(code, undefined, corrected(request.challenge, request.presented, correction));
  }

  async #offerAgain(code: ErrorCode, detail?: string, challenge = this.#world.request.challenge): Promise<ServeResult> {
    return this.#free(refuseRequest({ code, detail, challenge, offerAgain: true }));
  }

  /** Nothing was delivered: the buyer's identifier is free before the answer goes out. */
  async #free(result: ServeResult): Promise<ServeResult> {
    await this.#world.identified?.free();
    return result;
  }

  get #risk(): bigint {
    return this.#world.risk ?? RISK_CALLS * this.#amount;
  }
}

function ownLane({ limit, highest }: OwnLaneState): LaneOffer {
  return { id: FIRST_LANE, limit: limit as LaneOffer["limit"], afterSerial: highest };
}

function knownOf({ config, standing }: IsolateSession): KnownSession {
  return { config, standing };
}

function fullAmount({ amount }: PaymentRequirements): Charged["amount"] {
  return amount as Charged["amount"];
}

function randomLane(): string {
  return bytesToHex(randomBytes(16));
}
