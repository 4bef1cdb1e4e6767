/** What agent and owner signed: the request with its reason, the payment that follows from it, and the mandate that it is under. */

import { doubtful, right, wrong } from "../checklist/check.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { CLOCK_SKEW_SECONDS, MAX_VALIDITY_SECONDS } from "../limits.ts";
import { authorizationFor, authorizationWithin } from "../protocol/approval.ts";
import type { Authorization } from "../protocol/authorization.ts";
import { FACILITATOR_DECIDES } from "../protocol/passkey.ts";
import { checkPaymentRequest, shortCode } from "../protocol/payment-request.ts";
import { verifyProof } from "../protocol/proof.ts";
import { parseTimestamp } from "../time.ts";
import { type EvidenceCheck, PAYMENT_SIGNED, timeText, unknownKey } from "./check.ts";
import type { EvidenceContext } from "./context.ts";
import { MANDATE_POINTS } from "./mandate-checks.ts";

const agentSigned = ({ request, digest }: EvidenceContext) => verifyDigest(request.agentSignature, digest, request.agent.publicKey);

export const PAYER_CHECKS: readonly EvidenceCheck[] = [
  {
    id: "request.agent",
    title: "the agent signed the request: reason, terms, address and all",
    about: "request",
    async judge(context) {
      if (await agentSigned(context)) return right(`${context.request.agent.publicKey} signed it`);
      // What is paid for is unchanged, so it is the signature that was changed.
      const approved = context.payment.authorization.requestDigest === context.digest;
      return wrong("the signature does not fit the request", approved ? "request.agentSignature" : "request");
    },
  },
  {
    id: "request.agent-known",
    title: "the agent is a known one",
    about: "request.agent.publicKey",
    after: ["request.agent"],
    judge({ request: { agent }, keys: { agents = [] } }) {
      return agents.includes(agent.publicKey) ? right(agent.publicKey) : unknownKey(`unknown agent ${agent.publicKey}`);
    },
  },
  {
    id: "request.approved",
    title: "it is this very request that is paid for",
    about: "request",
    async judge(context) {
      if (context.payment.authorization.requestDigest === context.digest)
        return right(`${shortCode(context.digest)}, digest ${context.digest}`);
      const genuine = await agentSigned(context);
      return wrong(
        genuine ? "the payment is for another request" : "its digest is not the one that is paid for",
        genuine ? "payment.authorization.requestDigest" : "request",
      );
    },
  },
  {
    id: "request.terms",
    title: "the request agrees with the offer in it, and the offer's binding with the address and body that it names",
    about: "request.payment",
    async judge({ request }) {
      const checked = await checkPaymentRequest(request, parseTimestamp(request.createdAt) ?? 0);
      if (checked.ok && checked.scope === "none") return doubtful("they agree, but the merchant tied the payment to no request");
      if (checked.ok || checked.code === "invalid_signature") return right("they agree");
      return wrong(`${checked.code}: ${checked.problem}`, checked.code === "offer_mismatch" ? "request.payment" : "request");
    },
  },
  {
    id: "payment.account",
    title: "the account that pays is that of the key, the passkey or the policy that signed",
    about: "payment",
    signer: "payer",
    judge({ payer, payment: { authorization } }) {
      return payer === authorization.from
        ? right(payer)
        : wrong(`what signed has the account ${payer}, the payer is ${authorization.from}`);
    },
  },
  {
    id: "payment.signature",
    title: "it signed the payment",
    about: "payment",
    signer: "payer",
    after: ["payment.account"],
    async judge({ payment, payer, authorizationDigest: digest }) {
      const proved = await verifyProof(payment, { type: "Authorization", digest, account: payer }, FACILITATOR_DECIDES);
      return proved.ok ? right(`digest ${digest}`) : wrong(proved.problem ?? "the signature does not fit the authorization");
    },
  },
  ...MANDATE_POINTS,
  {
    id: "payment.owner-known",
    title: "the account that pays is a known one",
    about: "payment.authorization.from",
    after: [...PAYMENT_SIGNED, "mandate.signature", "mandate.covers"],
    judge({ payer, keys: { owners = [] } }) {
      return owners.includes(payer) ? right(payer) : unknownKey(`unknown account ${payer}`);
    },
  },
  {
    id: "payment.terms",
    title: "the payment says what follows from the request, and nothing else",
    about: "payment.authorization",
    after: ["request.agent", "request.approved", "request.terms", "payment.account", "mandate.named"],
    judge({ request, payment: { authorization }, mandated, digest, accepted, payer, from, until }) {
      if (!accepted) return wrong("the request has no offer", "request.payment.offer");
      const checked = { ok: true, digest, offer: accepted, scope: "none" } as const;
      const follows = mandated
        ? authorizationWithin(mandated.signed.mandate, request, checked, from)
        : authorizationFor(request, checked, payer, from, until - from);
      const members = new Set([...Object.keys(follows), ...Object.keys(authorization)]) as Set<keyof Authorization>;
      // The window is the next point's: it is measured there, not only compared.
      const other = [...members].find((member) => !member.startsWith("valid") && follows[member] !== authorization[member]);
      return other ? wrong(`${other} is not what follows from the request`, `payment.authorization.${other}`) : right("it follows");
    },
  },
  {
    id: "payment.window",
    title: "the payment was signed while the request stood, for no longer than the offer allows",
    about: "payment.authorization",
    after: ["request.approved", ...PAYMENT_SIGNED],
    judge({ request: { createdAt, expiresAt, payment }, from, until }) {
      const [created = 0, expires = 0] = [parseTimestamp(createdAt), parseTimestamp(expiresAt)];
      if (from < created - CLOCK_SKEW_SECONDS || from > expires) {
        return wrong(`signed at ${timeText(from)}, outside ${createdAt} to ${expiresAt}`, "payment.authorization.validAfter");
      }
      const longest = Math.min(Number(payment.maxTimeoutSeconds), MAX_VALIDITY_SECONDS);
      if (until < from || until - from > longest) {
        return wrong(`valid for ${until - from} s, where the offer allows ${longest} s`, "payment.authorization.validBefore");
      }
      return right(`signed at ${timeText(from)}, for ${until - from} s`);
    },
  },
];
