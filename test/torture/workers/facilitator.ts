/** The facilitator Worker for the torture: the real one, and doors through which a sale by reserve and capture, or its hold alone, can be asked for. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import type { Charge } from "../../../shared/protocol/amount.ts";
import FacilitatorWorker from "../../../workers/facilitator/index.ts";

interface Sale {
  payload: unknown;
  requirements: unknown;
  reservationId: Digest;
  /** What is charged. */
  value?: Charge;
}

export default class TorturedFacilitator extends FacilitatorWorker {
  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/sell") return this.#sell(request);
    return pathname === "/hold" ? Response.json(await this.#hold(await request.json<Sale>())) : super.fetch(request);
  }

  async #sell(request: Request): Promise<Response> {
    const sale = await request.json<Sale>();
    const held = await this.#hold(sale);
    const { value } = sale;
    return Response.json(held.ok ? await this.capture({ ...held.reservation, ...(value !== undefined && { value }) }) : held);
  }

  async #hold({ payload, requirements, reservationId }: Sale) {
    const payment = { paymentPayload: payload, paymentRequirements: requirements };
    return this.reserve({ payment, reservationId, holdSeconds: HOLD_SECONDS });
  }
}
