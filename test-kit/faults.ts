/** A facilitator that fails on demand, so that a shop's tests reach what buyers see then. */

import { refusal } from "../shared/protocol/refusal.ts";
import { settleFailure } from "../shared/settlement/facilitator.ts";
import type { FacilitatorRpc } from "../workers/merchant/paywall/types.ts";

/**
 * `refused`: it refuses every payment as `payment_revoked`, as after a revocation by its owner. Nothing moves.
 * `unavailable`: it answers nothing and does nothing. Under `flow: "upfront"` the shop cannot tell this from `unknown`.
 * `unknown`: it settles, and its answer is lost. The money has moved, and the shop cannot know.
 */
export type Fault = "refused" | "unavailable" | "unknown";

/** @param fault asked at each call */
export function withFaults(facilitator: FacilitatorRpc, fault: () => Fault | undefined): FacilitatorRpc {
  const reached = async <T>(call: () => Promise<T>): Promise<T> => {
    if (fault() === "unavailable") throw new Error("the test's facilitator is unavailable");
    return call();
  };
  const settling = <T>(call: () => Promise<T>): Promise<T> =>
    reached(async () => {
      const answer = await call();
      if (fault() === "unknown") throw new Error("the answer of the test's facilitator is lost");
      return answer;
    });
  return {
    supported: (traceId) => reached(() => facilitator.supported(traceId)),
    reserve: (command, traceId) =>
      reached(async () => (fault() === "refused" ? refusal("payment_revoked") : facilitator.reserve(command, traceId))),
    capture: (command, traceId) => settling(() => facilitator.capture(command, traceId)),
    release: (command, traceId) => reached(() => facilitator.release(command, traceId)),
    settle: (command, traceId) =>
      settling(async () => (fault() === "refused" ? settleFailure("payment_revoked") : facilitator.settle(command, traceId))),
  };
}
