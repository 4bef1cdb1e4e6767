/** The facilitator Worker for the torture: the real one, and a door through which a sale by reserve and capture can be asked for. */

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
    return new URL(request.url).pathname === "/sell" ? this.#sell(request) : super.fetch(request);
  }

  async #sell(request: Request): Promise<Response> {
    const { payload, requirements, reservationId } = await request.json<Sale>();
    const held = await this.reserve({
      payment: { paymentPayload: payload, paymentRequirements: requirements },
      reservationId,
      holdSeconds: HOLD_SECONDS,
    });
    return Response.json(held.ok ? await this.capture(held.reservation) : held);
  }
}
