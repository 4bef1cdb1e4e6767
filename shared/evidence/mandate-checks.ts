/** A payment under a mandate: the payer granted it, its agent signed the payment, and the payment keeps to its limits. */

import { doubtful, right } from "../checklist/check.ts";
import { MANDATE_CHECKS } from "../exact/mandate-checks.ts";
import { isSignedByKey } from "../protocol/proof.ts";
import type { EvidenceCheck } from "./check.ts";
import type { EvidenceContext } from "./context.ts";
import { mandatePoint, namedPoint } from "./mandate-point.ts";

const SIGNED = ["mandate.named", "mandate.agent"] as const;
const point = (id: string, about: string, after: readonly string[]) => mandatePoint(MANDATE_CHECKS, id, about, after);

export const MANDATE_POINTS: readonly EvidenceCheck[] = [
  namedPoint(MANDATE_CHECKS, {
    member: "payment",
    signs: "authorization",
    hasMandate: ({ payment }: EvidenceContext) => payment.mandate !== undefined,
    isIntact: ({ payment, authorizationDigest }) => isSignedByKey(payment, authorizationDigest),
  }),
  point("mandate.agent", "payment", ["mandate.named"]),
  point("mandate.signature", "payment.mandate", ["mandate.named"]),
  point("mandate.covers", "payment.authorization", SIGNED),
  point("mandate.nonce", "payment.authorization.nonce", SIGNED),
  point("mandate.window", "payment.authorization", SIGNED),
  point("mandate.per-payment", "payment.authorization.value", SIGNED),
  {
    id: "mandate.asked",
    title: "the agent that asked is the agent that paid",
    about: "payment.mandate.mandate.agent",
    after: ["request.agent", ...SIGNED],
    signer: "agent",
    judge({ request: { agent }, payment: { publicKey = "" } }) {
      return agent.publicKey === publicKey ? right(publicKey) : doubtful(`${agent.publicKey} gave the reason, and ${publicKey} paid`);
    },
  },
];
