/** What the checks of a call look at: the members of its evidence, and what follows from them. */

import { orderOf } from "../batch-settlement/deposit.ts";
import type { MandatedOrder, SessionOrder } from "../exact/mandate-checks.ts";
import { claimDigest } from "../protocol/claim.ts";
import { mandateDigest } from "../protocol/mandate.ts";
import { FACILITATOR_DECIDES } from "../protocol/passkey.ts";
import { requestDigest } from "../protocol/payment-request.ts";
import { sessionId } from "../protocol/session.ts";
import type { CallEvidence } from "./call-evidence.ts";
import { signatureOf } from "./context.ts";
import type { KnownKeys } from "./keys.ts";

export type CallContext = ReturnType<typeof callContext>;

export function callContext(evidence: CallEvidence, keys: KnownKeys) {
  const { request, session, call, voucher, claim, ledger } = evidence;
  const { channelConfig, mandate, ...proof } = session;
  const id = sessionId(channelConfig);
  const mandated: MandatedOrder<SessionOrder> | undefined = mandate && {
    order: orderOf(channelConfig),
    ...signatureOf(proof),
    signed: mandate,
    digests: { order: id, mandate: mandateDigest(mandate.mandate) },
    rules: FACILITATOR_DECIDES,
  };
  return {
    request: request && { request, digest: requestDigest(request) },
    session,
    terms: channelConfig,
    id,
    /** Whose key signs the session, for all that its members say. */
    signer: mandate || channelConfig.mandate ? ("agent" as const) : ("payer" as const),
    mandated,
    call,
    voucher,
    claim: claim && {
      ...claim,
      digest: claimDigest(claim.claim),
      /** What it takes of the call's lane. */
      entry: claim.claim.lanes.find(({ lane }) => lane === voucher.voucher.lane),
    },
    ledger,
    keys,
  };
}
