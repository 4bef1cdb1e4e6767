/** A payment under a mandate: the payer granted it, its agent signed the payment, and the payment keeps to its limits. */

import { doubtful, right, skipped, wrong } from "../checklist/check.ts";
import { MANDATE_CHECKS, type MandateCheck } from "../exact/mandate-checks.ts";
import { isSignedByKey } from "../protocol/proof.ts";
import type { EvidenceCheck } from "./check.ts";

/** Where a check that the facilitator makes, too, stands in a report: who signed comes first, so that a changed byte accuses its own member. */
function point(id: string, about: string, after: readonly string[]): EvidenceCheck {
  const check = facilitators(id);
  return {
    id,
    title: check.title,
    about,
    after,
    signer: "agent",
    judge: ({ mandated }) => (mandated ? check.judge(mandated) : skipped("there is no mandate in this file", "depends")),
  };
}

/** @throws {TypeError} if there is no check of this id */
function facilitators(id: string): MandateCheck {
  const check = MANDATE_CHECKS.find((candidate) => candidate.id === id);
  if (!check) throw new TypeError(`no check of mandates is called ${id}`);
  return check;
}

const SIGNED = ["mandate.named", "mandate.agent"] as const;
const named = point("mandate.named", "payment.mandate", []);

export const MANDATE_POINTS: readonly EvidenceCheck[] = [
  {
    ...named,
    async judge(context) {
      const found = await named.judge(context);
      if (found.is === "right") return found;
      const { payment, authorizationDigest } = context;
      // What the agent signed is unchanged, so it is the mandate that was changed, taken away or put in.
      const signed = await isSignedByKey(payment, authorizationDigest);
      return wrong(
        payment.mandate ? "the payment does not name this mandate" : "the mandate that the payment names is not in this file",
        signed ? "payment.mandate" : "payment.authorization.mandate",
      );
    },
  },
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
