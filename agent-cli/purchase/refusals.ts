/** The refusals of `checkPaymentRequest` as failures of the CLI. */

import type { RequestCheck } from "../../shared/protocol/payment-request.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, refuse } from "../runtime/outcome.ts";

export function requestRefused({ code, problem }: Extract<RequestCheck, { ok: false }>): Failure {
  switch (code) {
    case "request_expired":
      return fail("request_expired", `The request is no longer valid: it ${problem}.`, { hint: "The agent can make a new one." });
    case "unsupported_scheme":
    case "invalid_network":
    case "asset_mismatch":
    case "unsupported_extra":
      return refuse(code, EXIT.unsupported, `This request cannot be paid here: ${problem}.`);
    default:
      return refuse(code, EXIT.differs, `This request must not be approved: ${problem}.`, {
        hint: "Do not approve it in any other way. Let the agent make a new one.",
      });
  }
}
