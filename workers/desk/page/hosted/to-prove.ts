/**
 * What a passkey of this page signs, and how each of it is shown: objects of this protocol, and nothing else. A passkey does not see what
 * it signs, so a type without a renderer is refused.
 */

import { type Digest, digest } from "../../../../shared/crypto/digest.ts";
import { pairingFacts, settingFacts, type Shown, shownFact as fact } from "../../../../shared/desk/desk-facts.ts";
import { displayAmount } from "../../../../shared/protocol/amount.ts";
import type { Authorization } from "../../../../shared/protocol/authorization.ts";
import type { Decision } from "../../../../shared/protocol/decision.ts";
import type { DeskSetting, Login, Pairing } from "../../../../shared/protocol/desk.ts";
import { ANY, type Mandate } from "../../../../shared/protocol/mandate.ts";
import { shortCode } from "../../../../shared/protocol/payment-request.ts";
import type { Revocation } from "../../../../shared/protocol/revocation.ts";
import type { Session } from "../../../../shared/protocol/session.ts";
import type { Fact } from "../../../../shared/screen/facts.ts";
import { limitsText, worstCase } from "../../../../shared/screen/mandate-facts.ts";
import { formatTimestamp } from "../../../../shared/time.ts";

interface Objects {
  Login: Login;
  Pairing: Pairing;
  DeskSetting: DeskSetting;
  Authorization: Authorization;
  Session: Session;
  Mandate: Mandate;
  Decision: Decision;
  Revocation: Revocation;
}

/** An object together with its type: the only thing that the passkey is asked for. */
export type ToProve = { [Type in keyof Objects]: { type: Type; object: Objects[Type] } }[keyof Objects];

const RENDERERS: { [Type in keyof Objects]: (object: Objects[Type]) => Shown | undefined } = {
  Login: ({ origin, account }) => ({
    title: "Sign in to read",
    facts: [fact("Desk", origin, true), fact("Account", account)],
  }),
  Pairing: pairingFacts,
  DeskSetting: settingFacts,
  Authorization: ({ value, to, from, validBefore, requestDigest, ledger, network, scheme }) => ({
    title: "Pay",
    facts: [
      fact("Pay", `${scheme === undefined ? "" : "at most "}${displayAmount(value)} = ${value} units`, true),
      fact("To", to, true),
      fact("From", from),
      ...requestFacts(requestDigest),
      fact("Until", time(validBefore)),
      fact("Ledger", ledger ?? "ANY"),
      fact("Network", `${network} (TEST)`),
    ],
  }),
  Session: ({ deposit, to, from, origin, signer, expiresAt, requestDigest, ledger }) => ({
    title: "Set aside",
    facts: [
      fact("Set aside", `${displayAmount(deposit)} = ${deposit} units`, true),
      fact("For", to, true),
      fact("At", origin),
      fact("From", from),
      fact("Agent key", signer),
      ...requestFacts(requestDigest),
      fact("Until", time(expiresAt)),
      fact("Ledger", ledger),
    ],
  }),
  Mandate: (mandate) => ({
    title: "Grant an allowance",
    facts: [
      fact("Can cost", `at most ${displayAmount(worstCase(mandate))} in all`, true),
      fact("Within that", limitsText(mandate)),
      fact("To", mandate.payees[0] === ANY ? "ANY ACCOUNT" : mandate.payees.join(", "), true),
      fact("Origins", mandate.origins[0] === ANY ? "any" : mandate.origins.join(", ")),
      fact("Agent key", mandate.agent),
      fact("From", mandate.from),
      fact("Until", time(mandate.validBefore)),
    ],
  }),
  Decision: ({ decision, requestDigest, code, note }) => ({
    title: decision === "declined" ? "Decline" : "Take an approval back",
    facts: [...requestFacts(requestDigest), fact("Reason", code, true), ...(note === undefined ? [] : [fact("Note", note)])],
  }),
  Revocation: ({ mandate, from }) => ({
    title: "Revoke an allowance",
    facts: [fact("Allowance", mandate === ANY ? "ALL that were granted up to now" : shortCode(mandate), true), fact("From", from)],
  }),
};

/** @returns undefined for a type, or a setting, without a renderer: it is not signed */
export function shownOf({ type, object }: ToProve): Shown | undefined {
  const render = Object.hasOwn(RENDERERS, type) ? (RENDERERS[type] as (object: unknown) => Shown | undefined) : undefined;
  return render?.(object);
}

/** What the passkey signs: the digest is computed here, and is never another's. */
export function digestOf({ type, object }: ToProve): Digest {
  return digest(type, object);
}

function requestFacts(digest: Digest | undefined): Fact[] {
  return digest === undefined ? [] : [fact("Request", shortCode(digest))];
}

function time(seconds: string): string {
  return formatTimestamp(Number(seconds));
}
