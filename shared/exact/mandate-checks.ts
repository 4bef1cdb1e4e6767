/** What a payment under a mandate must keep to, in the order of spec/protocol.md §13. The ledger counts the limits that need memory. */

import { keepNewest } from "../bounded.ts";
import { type Check, firstWrong, right, wrong } from "../checklist/check.ts";
import type { Digest } from "../crypto/digest.ts";
import { verifyDigest } from "../crypto/ed25519.ts";
import type { ErrorCode } from "../errors.ts";
import { SCHEME } from "../lez.ts";
import { MAX_REMEMBERED_MANDATES } from "../limits.ts";
import { approvalNonce, type Authorization, authorizationDigest } from "../protocol/authorization.ts";
import type { ExactPayload } from "../protocol/exact-payload.ts";
import type { LedgerMandate } from "../protocol/ledger-payment.ts";
import type { LedgerSessionMandate } from "../protocol/ledger-session.ts";
import {
  allows,
  type Mandate,
  mandateDigest,
  type MandateScheme,
  REFUND_SCHEME,
  type SignedMandate,
  signedMandateSchema,
} from "../protocol/mandate.ts";
import { FACILITATOR_DECIDES, type PasskeyRules } from "../protocol/passkey.ts";
import { type KeyProof, type Proof, verifyProof } from "../protocol/proof.ts";
import type { MandateLimit, Refusal } from "../protocol/refusal.ts";
import type { Session } from "../protocol/session.ts";
import { checkShape } from "../text/json.ts";

/** What an agent signs under a mandate, in the words of a payment: an authorization, or a refund. */
export type Order = Pick<
  Authorization,
  "network" | "asset" | "ledger" | "from" | "to" | "value" | "validAfter" | "validBefore" | "mandate" | "origin"
> & { scheme?: MandateScheme | undefined };

/** An order and the mandate beside it. `digests` are those of both. */
export interface MandatedOrder<Signed extends Order = Order> extends KeyProof {
  order: Signed;
  signed: SignedMandate;
  digests: { order: Digest; mandate: Digest };
  rules: PasskeyRules;
}

export type MandatedPayment = MandatedOrder<Authorization>;

/** What an agent is about to sign. */
type UnsignedOrder<Signed extends Order = Order> = Omit<MandatedOrder<Signed>, keyof KeyProof>;

export interface MandateCheck<Subject = MandatedPayment> extends Check<Subject> {
  code: ErrorCode;
  limit?: MandateLimit;
}

type Objection = Refusal & { detail: string };

/** The members that mandate and order share. */
const SHARED = ["network", "asset", "ledger", "from"] as const;

const NAMED: MandateCheck<UnsignedOrder> = {
  id: "mandate.named",
  title: "it is the mandate that the payment names",
  code: "invalid_payload",
  judge: ({ order, digests }) =>
    order.mandate === digests.mandate ? right(digests.mandate) : wrong("mandate: is not the one that was signed for"),
};

const COVERS: MandateCheck<UnsignedOrder> = {
  id: "mandate.covers",
  title: "the mandate covers this payer, payee, origin and scheme, on this ledger",
  code: "mandate_mismatch",
  judge({ order, signed: { mandate } }) {
    const outside = outsideOf(order, mandate);
    return outside === undefined ? right("it does") : wrong(`the mandate does not cover this ${outside}`);
  },
};

/** What pays a request, once. */
type RequestOrder = Order & Pick<Authorization, "requestDigest" | "nonce">;

const NONCE: MandateCheck<UnsignedOrder<RequestOrder>> = {
  id: "mandate.nonce",
  title: "the nonce is that of the request",
  code: "invalid_payload",
  judge({ order: { requestDigest, from, nonce } }) {
    if (requestDigest === undefined) return wrong("requestDigest: is required under a mandate");
    return nonce === approvalNonce(from, requestDigest) ? right(nonce) : wrong("nonce: must be that of the request");
  },
};

const WINDOW: MandateCheck<UnsignedOrder> = {
  id: "mandate.window",
  title: "the payment is valid only while the mandate is",
  code: "mandate_expired",
  judge({ order, signed: { mandate } }) {
    const early = Number(order.validAfter) < Number(mandate.validAfter);
    const late = Number(order.validBefore) > Number(mandate.validBefore);
    return early || late ? wrong(`the mandate is valid from ${mandate.validAfter} to ${mandate.validBefore}`) : right("it is");
  },
};

const PER_PAYMENT: MandateCheck<UnsignedOrder> = {
  id: "mandate.per-payment",
  title: "the payment is within the limit for one",
  code: "mandate_exceeded",
  limit: "per_payment",
  judge: ({ order: { value }, signed: { mandate } }) =>
    BigInt(value) <= BigInt(mandate.perPayment) ? right(value) : wrong(`at most ${mandate.perPayment} at a time`),
};

/** A session in the words of a payment, and what its mandate says of sessions. */
export type SessionOrder = RequestOrder & Pick<Session, "signer" | "deposit" | "withdrawDelay" | "expiresAt">;

const SIGNER: MandateCheck<UnsignedOrder<SessionOrder>> = {
  id: "mandate.session-signer",
  title: "the mandate's agent signs the vouchers",
  code: "mandate_mismatch",
  judge: ({ order: { signer }, signed: { mandate } }) =>
    signer === mandate.agent ? right(signer) : wrong("signer: only the mandate's agent can sign vouchers under it"),
};

/** A mandate that names the scheme has limits for it; its shape says so. */
const NO_SESSION = "the mandate allows no session";

const SESSION: MandateCheck<UnsignedOrder<SessionOrder>> = {
  id: "mandate.session",
  title: "the session is within the limits for one",
  code: "mandate_exceeded",
  limit: "session",
  judge({ order: { deposit, validAfter, expiresAt, withdrawDelay }, signed: { mandate } }) {
    const most = mandate.session;
    if (!most) return wrong(NO_SESSION);
    if (BigInt(deposit) > BigInt(most.deposit)) return wrong(`sets at most ${most.deposit} aside`);
    if (Number(expiresAt) - Number(validAfter) > Number(most.seconds)) return wrong(`lasts at most ${most.seconds} seconds`);
    return Number(withdrawDelay) > Number(most.withdrawDelay)
      ? wrong(`is paid back ${most.withdrawDelay} seconds after its end at the latest`)
      : right(deposit);
  },
};

const GRANTED: MandateCheck<UnsignedOrder> = {
  id: "mandate.signature",
  title: "the payer granted the mandate",
  code: "invalid_signature",
  async judge({ signed: { mandate, ...proof }, digests, rules }) {
    const proved = await verifyProof(proof, { type: "Mandate", digest: digests.mandate, account: mandate.from }, rules);
    if (proved.ok) return right(mandate.from);
    return wrong(proved.problem === undefined ? "the account did not sign the mandate" : `mandate.${proved.problem}`);
  },
};

const AGENT: MandateCheck<MandatedOrder> = {
  id: "mandate.agent",
  title: "the mandate's agent signed the payment, and no other key did",
  code: "invalid_signature",
  async judge({ publicKey, signature, signed: { mandate }, digests }) {
    if (publicKey !== mandate.agent) return wrong("only the mandate's agent can sign under it");
    return (await verifyDigest(signature, digests.order, publicKey)) ? right(publicKey) : wrong("the agent did not sign this");
  },
};

/** All that can be judged of a payment before the agent signs. */
const UNSIGNED_CHECKS: readonly MandateCheck<UnsignedOrder<Authorization>>[] = [NAMED, COVERS, NONCE, WINDOW, PER_PAYMENT, GRANTED];

export const MANDATE_CHECKS: readonly MandateCheck[] = [...UNSIGNED_CHECKS, AGENT];

/** Under a mandate that carried a payment before, with the same signature. */
const CHECKS_UNDER_KNOWN = MANDATE_CHECKS.filter((check) => check !== GRANTED);

/** The limit for one payment is not one of a session: its limits are its own. */
const UNSIGNED_SESSION_CHECKS: readonly MandateCheck<UnsignedOrder<SessionOrder>>[] = [
  NAMED,
  COVERS,
  SIGNER,
  NONCE,
  WINDOW,
  SESSION,
  GRANTED,
];
export const SESSION_CHECKS: readonly MandateCheck<MandatedOrder<SessionOrder>>[] = [...UNSIGNED_SESSION_CHECKS, AGENT];

/** A refund has no nonce: the ledger knows it by its id. */
export const REFUND_CHECKS: readonly MandateCheck<MandatedOrder>[] = [NAMED, COVERS, WINDOW, PER_PAYMENT, GRANTED, AGENT];

/** The member of the order that the mandate does not cover; undefined if it covers all. */
function outsideOf({ scheme = SCHEME, origin, ...order }: Order, mandate: Mandate): string | undefined {
  const other = SHARED.find((member) => order[member] !== mandate[member]);
  if (other !== undefined) return other;
  if (!allows(mandate.schemes, scheme)) return "scheme";
  if (!allows(mandate.payees, order.to)) return "payee";
  // A refund is paid at no address.
  if (scheme === REFUND_SCHEME) return undefined;
  return origin !== undefined && allows(mandate.origins, origin) ? undefined : "origin";
}

/** @returns what the ledger must count, or why the mandate does not carry the payment */
export async function checkMandate(
  { authorization, mandate: beside, ...proof }: ExactPayload,
  digest: Digest,
  rules: PasskeyRules,
): Promise<{ ok: true; mandate: LedgerMandate } | Objection> {
  if (proof.proof !== undefined) return NO_KEY;
  const { publicKey, signature } = proof;
  const text = `${rules.localhost ? "localhost " : ""}${JSON.stringify(beside) ?? ""}`;
  const known = carried.get(text);
  const shape = known ? { ok: true as const, value: known.signed } : checkShape(beside, signedMandateSchema);
  if (!shape.ok) return { ok: false, code: "invalid_payload", detail: `payload.mandate: ${shape.problem}` };
  const { value: signed } = shape;
  const digests = { order: digest, mandate: known?.counted.digest ?? mandateDigest(signed.mandate) };
  const objection = await firstObjection(known ? CHECKS_UNDER_KNOWN : MANDATE_CHECKS, {
    order: authorization,
    publicKey,
    signature,
    signed,
    digests,
    rules,
  });
  if (objection) return objection;
  const counted = known?.counted ?? ledgerMandate(signed.mandate, digests.mandate);
  if (!known) keepNewest(carried, text, { signed, counted }, MAX_REMEMBERED_MANDATES);
  return { ok: true, mandate: counted };
}

/**
 * Mandates that carried a payment a moment ago, by their text, their signature included: an agent pays often under one. What is true of
 * the mandate alone is not judged again; each payment under it is.
 */
const carried = new Map<string, { signed: SignedMandate; counted: LedgerMandate }>();

/** An agent has a key, and nothing else. */
const NO_KEY: Objection = {
  ok: false,
  code: "invalid_payload",
  detail: "proof: under a mandate its agent signs, with publicKey and signature",
};

/** For the agent's tool, before it signs. @returns why the mandate would not carry the payment; undefined if it would */
export function objectionOf(authorization: Authorization, signed: SignedMandate): Promise<Objection | undefined> {
  const digests = { order: authorizationDigest(authorization), mandate: mandateDigest(signed.mandate) };
  return firstObjection(UNSIGNED_CHECKS, { order: authorization, signed, digests, rules: FACILITATOR_DECIDES });
}

/**
 * @param beside the SignedMandate in the payload, of any shape
 * @returns what the ledger must count, or why the mandate does not carry the session
 */
export async function checkSessionMandate(
  order: SessionOrder,
  digest: Digest,
  { mandate: beside, ...proof }: Proof & { mandate?: unknown },
  rules: PasskeyRules,
): Promise<{ ok: true; mandate: LedgerSessionMandate } | Objection> {
  if (proof.proof !== undefined) return NO_KEY;
  const shape = checkShape(beside, signedMandateSchema);
  if (!shape.ok) return { ok: false, code: "invalid_payload", detail: `payload.mandate: ${shape.problem}` };
  const { value: signed } = shape;
  const digests = { order: digest, mandate: mandateDigest(signed.mandate) };
  const objection = await firstObjection(SESSION_CHECKS, { order, ...proof, signed, digests, rules });
  if (objection) return objection;
  const { session: most } = signed.mandate;
  if (!most) return { ok: false, code: SESSION.code, detail: NO_SESSION };
  const session = { deposit: most.deposit, open: Number(most.open) };
  return { ok: true, mandate: { ...ledgerMandate(signed.mandate, digests.mandate), session } };
}

/** For the agent's tool, before it signs. @returns why the mandate would not carry the session; undefined if it would */
export function objectionToSession(order: SessionOrder, digest: Digest, signed: SignedMandate): Promise<Objection | undefined> {
  const digests = { order: digest, mandate: mandateDigest(signed.mandate) };
  return firstObjection(UNSIGNED_SESSION_CHECKS, { order, signed, digests, rules: FACILITATOR_DECIDES });
}

/** @returns what the ledger must count, or why the mandate does not carry the refund */
export async function checkRefundMandate(
  order: Order,
  digest: Digest,
  { mandate: signed, ...proof }: Proof & { mandate: SignedMandate },
  rules: PasskeyRules,
): Promise<{ ok: true; mandate: LedgerMandate } | Objection> {
  if (proof.proof !== undefined) return NO_KEY;
  const digests = { order: digest, mandate: mandateDigest(signed.mandate) };
  const objection = await firstObjection(REFUND_CHECKS, { order, ...proof, signed, digests, rules });
  return objection ?? { ok: true, mandate: ledgerMandate(signed.mandate, digests.mandate) };
}

async function firstObjection<Subject>(checks: readonly MandateCheck<Subject>[], subject: Subject): Promise<Objection | undefined> {
  const broken = await firstWrong(checks, subject);
  if (!broken) return undefined;
  const { code, limit } = broken.check;
  return { ok: false, code, detail: broken.saw, ...(limit && { limit }) };
}

function ledgerMandate({ grantedAt, validAfter, validBefore, total, period }: Mandate, digest: Digest): LedgerMandate {
  return {
    digest,
    grantedAt: Number(grantedAt),
    validAfter: Number(validAfter),
    validBefore: Number(validBefore),
    total,
    ...(period && {
      period: {
        seconds: Number(period.seconds),
        amount: period.amount,
        ...(period.count !== undefined && { count: Number(period.count) }),
      },
    }),
  };
}
