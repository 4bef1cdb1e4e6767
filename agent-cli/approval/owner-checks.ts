/** Everything that can refuse a request before the owner reads it. */

import { isNativeNetwork } from "../../shared/lez.ts";
import { checkAnyRequest } from "../../shared/protocol/any-request.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import type { Checked } from "../../shared/protocol/what-is-signed.ts";
import { unixNow } from "../../shared/time.ts";
import type { KeyFile } from "../keys/key-file.ts";
import { shortReason } from "../purchase/create-request.ts";
import { requestRefused } from "../purchase/refusals.ts";
import type { Subject } from "../purchase/request-subject.ts";
import { agentRules } from "../records/agent-rules.ts";
import { findDecision } from "../records/decision-history.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

export type OwnerHalf = Pick<KeyFile, "publicKey" | "account"> & {
  /** Of a key of the chain itself. */
  kind?: "lez";
};

/** @param key the public half of the owner's key */
export async function checkForOwner(context: Context, subject: Subject, key: OwnerHalf): Promise<Outcome<Checked>> {
  const other = otherMoney(subject.request, key);
  if (other) return other;
  const checked = await checkOpen(context, subject);
  return checked.ok ? (keyConflict(subject.request, key) ?? checked) : checked;
}

/** The same before it is known which key would sign. */
export async function checkOpen(context: Context, { request, item }: Subject): Promise<Outcome<Checked>> {
  const checked = await checkAnyRequest(request, unixNow());
  if (!checked.ok) return requestRefused(checked);
  const standing = stillOpen(context, checked, item);
  return standing ?? blockedAgent(context, request) ?? shortReason(context, request.reason) ?? succeed(checked);
}

/** A key of one money signs nothing of the other. */
function otherMoney({ payment: { network } }: PaymentRequest, { kind }: OwnerHalf): Failure | undefined {
  const native = isNativeNetwork(network);
  if (native === (kind === "lez")) return undefined;
  return native
    ? fail("wrong_role", `This request is paid on ${network}, the chain itself, which takes a key of its own kind. Nothing was signed.`, {
        hint: "Decide it at a terminal: lez-agent-pay approve, with the key that owner create --kind lez made.",
      })
    : fail("wrong_role", "This request is paid on the mock ledger; this is a key of the chain itself. Nothing was signed.", {
        hint: "Name the owner's key of the mock ledger: --owner-file.",
      });
}

/** A declined, revoked or cancelled request is final, wherever it was decided: the agent pays nothing that it knows to be declined. */
function stillOpen(context: Context, { digest }: Checked, item: Subject["item"]): Failure | undefined {
  for (const decision of ["declined", "revoked"] as const) {
    const earlier = findDecision(context, digest, decision);
    if (!earlier.ok) return earlier;
    if (!earlier.data) continue;
    return fail("declined", `You ${decision} this request at ${earlier.data.at} (${earlier.data.code ?? "other"}). That is final.`, {
      hint: "If you want it after all, let the agent make a new request.",
      details: { requestDigest: digest, code: earlier.data.code },
    });
  }
  const elsewhere = (item?.revoked ?? item?.declined)?.decision;
  if (elsewhere) {
    const { decision, decidedAt, code } = elsewhere;
    return fail("declined", `This request was ${decision} at ${decidedAt} (${code}), at a desk or on another machine. That is final.`, {
      hint: "If you want it after all, let the agent make a new request.",
      details: { requestDigest: digest, code },
    });
  }
  return item?.cancelled === undefined ? undefined : cancelledByAgent(item.cancelled.at);
}

export function cancelledByAgent(at: string): Failure {
  return fail("request_cancelled", `The agent cancelled this request at ${at}.`, { hint: "There is nothing to decide." });
}

function blockedAgent(context: Context, { agent: { publicKey } }: PaymentRequest): Failure | undefined {
  const rules = agentRules(context);
  if (!rules.ok) return rules;
  if (rules.data.get(publicKey) !== "blocked") return undefined;
  return fail("agent_blocked", "You have blocked the agent that made this request. Nothing was signed.", {
    hint: `If you want it after all: lez-agent-pay inbox allow ${publicKey}`,
    details: { agentKey: publicKey },
  });
}

function keyConflict(request: PaymentRequest, { publicKey, account }: OwnerHalf): Failure | undefined {
  if (publicKey === request.agent.publicKey) {
    return fail("wrong_role", "This request was made with the owner's own key. Agent and owner must be two keys.", {
      hint: "Let the agent make its own key: lez-agent-pay agent create",
    });
  }
  if (account === request.payment.payTo) {
    return refuse("recipient_mismatch", EXIT.differs, "This request would pay the owner's own account; payer and payee must differ.");
  }
  return undefined;
}
