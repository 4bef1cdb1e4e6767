/** The facilitator Worker for the torture: the real one, and doors through which a sale by reserve and capture, or its hold alone, can be asked for. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import { HOLD_SECONDS } from "../../../shared/limits.ts";
import FacilitatorWorker from "../../../workers/facilitator/index.ts";

interface Sale {
  payload: unknown;
  requirements: unknown;
  reservationId: Digest;
}

export default class TorturedFacilitator extends FacilitatorWorker {
  override fetch(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/sell") return this.#sell(request);
    return pathname === "/hold" ? this.#hold(request).then((held) => Response.json(held)) : super.fetch(request);
  }

  async #sell(request: Request): Promise<Response> {
    const held = await this.#hold(request);
    return Response.json(held.ok ? await this.capture(held.reservation) : held);
  }

  async #hold(request: Request) {
    const { payload, requirements, reservationId } = await request.json<Sale>();
    const payment = { paymentPayload: payload, paymentRequirements: requirements };
    return this.reserve({ payment, reservationId, holdSeconds: HOLD_SECONDS });
  }
}
