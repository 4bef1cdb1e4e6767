/** The session that paid a call: what asked for it, and who set the money aside, the payer itself or its agent within a mandate. */

import { type Finding, right, wrong } from "../checklist/check.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import { SESSION_CHECKS } from "../exact/mandate-checks.ts";
import { CLOCK_SKEW_SECONDS } from "../limits.ts";
import { FACILITATOR_DECIDES } from "../protocol/passkey.ts";
import { checkSessionRequest, shortCode } from "../protocol/payment-request.ts";
import { isSignedByKey, verifyProof } from "../protocol/proof.ts";
import { sessionFor, sessionWithin } from "../protocol/session-approval.ts";
import type { Session } from "../protocol/session.ts";
import { parseTimestamp } from "../time.ts";
import type { CallContext } from "./call-context.ts";
import { type PointCheck, timeText, unknownKey } from "./check.ts";
import { mandatePoint, namedPoint } from "./mandate-point.ts";

export interface CallCheck extends PointCheck<CallContext, "request" | "claim" | "ledger"> {
  /** It is only about sessions that this key signed: the payer's own, or that of a mandate's agent. */
  signer?: CallContext["signer"];
}

/** What must hold of a session before anything is compared with it. */
export const SESSION_SIGNED = ["session.signature", "mandate.named", "mandate.agent"] as const;

/** @throws {TypeError} in a file without the part "request": checks of it are skipped there */
function requestOf({ request }: CallContext) {
  if (!request) throw new TypeError("this evidence has no request");
  return request;
}

async function agentSigned(context: CallContext): Promise<boolean> {
  const { request, digest } = requestOf(context);
  return verifyDigest(request.agentSignature, digest, request.agent.publicKey);
}

const point = (id: string, about: string, after: readonly string[]) => mandatePoint(SESSION_CHECKS, id, about, after);

const AGENT_SIGNED = ["mandate.named", "mandate.agent"] as const;

/** The Session that follows from the request, if this clock and this account made it. */
async function sessionThatFollows({ mandated, terms }: CallContext, { request }: ReturnType<typeof requestOf>): Promise<Session | string> {
  const made = Number(terms.validAfter);
  const checked = await checkSessionRequest(request, Math.min(made, Math.floor(parseTimestamp(request.expiresAt) ?? 0)));
  if (!checked.ok) return `${checked.code}: ${checked.problem}`;
  return mandated
    ? sessionWithin(mandated.signed.mandate, request, checked, made)
    : sessionFor(request, checked, terms.from, made, Number(terms.expiresAt));
}

function memberThatDiffers(a: Session, b: Session): string | undefined {
  const members = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof Session>;
  return [...members].find((member) => a[member] !== b[member]);
}

export const SESSION_POINTS: readonly CallCheck[] = [
  {
    id: "request.agent",
    title: "the agent signed the request: reason, terms, address and all",
    about: "request",
    part: "request",
    async judge(context) {
      const { request, digest } = requestOf(context);
      if (await agentSigned(context)) return right(`${request.agent.publicKey} signed it`);
      // What was asked for is unchanged, so it is the signature that was changed.
      const asked = context.terms.requestDigest === digest;
      return wrong("the signature does not fit the request", asked ? "request.agentSignature" : "request");
    },
  },
  {
    id: "request.agent-known",
    title: "the agent is a known one",
    about: "request.agent.publicKey",
    part: "request",
    after: ["request.agent"],
    judge(context) {
      const { agent } = requestOf(context).request;
      const { agents = [] } = context.keys;
      return agents.includes(agent.publicKey) ? right(agent.publicKey) : unknownKey(`unknown agent ${agent.publicKey}`);
    },
  },
  {
    id: "request.approved",
    title: "it is this very request that the session was opened for",
    about: "request",
    part: "request",
    async judge(context) {
      const { digest } = requestOf(context);
      if (context.terms.requestDigest === digest) return right(`${shortCode(digest)}, digest ${digest}`);
      const genuine = await agentSigned(context);
      return wrong(
        genuine ? "the session is for another request" : "its digest is not the one that the session names",
        genuine ? "session.channelConfig.requestDigest" : "request",
      );
    },
  },
  {
    id: "session.signature",
    title: "the account that pays signed the session",
    about: "session",
    signer: "payer",
    async judge({ session, terms, id }) {
      const proved = await verifyProof(session, { type: "Session", digest: id, account: terms.from }, FACILITATOR_DECIDES);
      return proved.ok
        ? right(`${terms.from} set ${terms.deposit} units aside`)
        : wrong(proved.problem ?? "the account did not sign this session");
    },
  },
  namedPoint(SESSION_CHECKS, {
    member: "session",
    signs: "channelConfig",
    hasMandate: ({ session }: CallContext) => session.mandate !== undefined,
    isIntact: ({ session, id }) => isSignedByKey(session, id),
  }),
  point("mandate.agent", "session", ["mandate.named"]),
  point("mandate.signature", "session.mandate", ["mandate.named"]),
  point("mandate.covers", "session.channelConfig", AGENT_SIGNED),
  point("mandate.session-signer", "session.channelConfig.signer", AGENT_SIGNED),
  point("mandate.nonce", "session.channelConfig.nonce", AGENT_SIGNED),
  point("mandate.window", "session.channelConfig", AGENT_SIGNED),
  point("mandate.session", "session.channelConfig", AGENT_SIGNED),
  {
    id: "session.owner-known",
    title: "the account that pays is a known one",
    about: "session.channelConfig.from",
    after: [...SESSION_SIGNED, "mandate.signature", "mandate.covers"],
    judge({ terms: { from }, keys: { owners = [] } }) {
      return owners.includes(from) ? right(from) : unknownKey(`unknown account ${from}`);
    },
  },
  {
    id: "session.terms",
    title: "the session says what follows from the request, and nothing else",
    about: "session.channelConfig",
    part: "request",
    after: ["request.agent", "request.approved", ...SESSION_SIGNED],
    async judge(context): Promise<Finding> {
      const follows = await sessionThatFollows(context, requestOf(context));
      if (typeof follows === "string") return wrong(follows, "request");
      const other = memberThatDiffers(follows, context.terms);
      return other ? wrong(`${other} is not what follows from the request`, `session.channelConfig.${other}`) : right("it follows");
    },
  },
  {
    id: "session.window",
    title: "the session was signed while the request stood",
    about: "session.channelConfig.validAfter",
    part: "request",
    after: ["request.approved", ...SESSION_SIGNED],
    judge(context) {
      const { createdAt, expiresAt } = requestOf(context).request;
      const [created = 0, expires = 0] = [parseTimestamp(createdAt), parseTimestamp(expiresAt)];
      const signed = Number(context.terms.validAfter);
      return signed < created - CLOCK_SKEW_SECONDS || signed > expires
        ? wrong(`signed at ${timeText(signed)}, outside ${createdAt} to ${expiresAt}`)
        : right(`signed at ${timeText(signed)}, for vouchers until ${timeText(Number(context.terms.expiresAt))}`);
    },
  },
];
