/**
 * What the page asks of a hosted desk, beside what every desk answers (api.ts). Each call is `POST /api/NAME` with a JSON body, from the
 * page's own origin. Calls that read need a session, which `login` opens as a cookie. Calls that decide carry a proof of their own.
 */

import type { Digest } from "../crypto/digest.ts";
import type { AccountId } from "../protocol/account.ts";
import type { Authorization } from "../protocol/authorization.ts";
import type { DecisionRecord } from "../protocol/decision.ts";
import type { SignedDeskSetting, SignedLogin, SignedPairing } from "../protocol/desk.ts";
import type { Mandate, SignedMandate } from "../protocol/mandate.ts";
import type { Policy } from "../protocol/policy.ts";
import type { MemberProof } from "../protocol/proof.ts";
import type { SignedRevocation } from "../protocol/revocation.ts";
import type { Session } from "../protocol/session.ts";
import type { PaymentPayload } from "../x402/x402.ts";
import type { DeskCalls, MandateList } from "./api.ts";
import type { ApprovalWire } from "./approval-wire.ts";

/** A passkey as the page made it. An assertion brings no public key, so the desk and the recovery file keep it. */
export interface KeptPasskey {
  /** base64url. */
  credentialId: string;
  /** A P-256 point, compressed: 66 hex digits. */
  publicKey: string;
  rpId: string;
  /** The owner's own word for the device. */
  label: string;
}

/** What an account's page needs before it can ask for a proof. Public: it has no secret. */
export interface KeyRecord {
  account: AccountId;
  /** Of a policy account; a passkey's own account has none. */
  policy?: Policy | undefined;
  passkeys: KeptPasskey[];
}

/** What anyone may know of the desk, before a login. */
export interface HostedDesk {
  kind: "hosted";
  /** `https://desk.example`: what Login, Pairing and DeskSetting name. */
  origin: string;
  network: string;
  /** The ledger's genesis id that payments name; absent if the desk does not know it yet. */
  ledger?: string | undefined;
  /** The public key of Web Push, base64url; absent where pushes are not set up. */
  pushKey?: string | undefined;
  /** Whether this desk's facilitator accepts passkeys of `http://localhost`: a test or a demo. */
  localhost: boolean;
}

export interface PairedAgent {
  publicKey: string;
  /** The owner's name for it. */
  name: string;
  pairedAt: string;
  lastCallAt?: string | undefined;
  /** Requests that were folded into one line because they came too fast. */
  folded: number;
}

export interface Device {
  /** SHA-256 of its endpoint. */
  id: string;
  label: string;
  /** Of the push service. */
  host: string;
  addedAt: string;
  lastProblem?: string | undefined;
}

export const WEBHOOK_FORMATS = ["ntfy", "slack", "discord"] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

export interface DeskWebhook {
  id: string;
  format: WebhookFormat;
  url: string;
  addedAt: string;
  lastProblem?: string | undefined;
}

export interface DeskSettings {
  agents: PairedAgent[];
  devices: Device[];
  webhooks: DeskWebhook[];
  /** Whether notices also say the reason and the URL. Default: false. */
  noticesSayMore: boolean;
}

/**
 * Names of settings, and what `DeskSetting.value` is of each: JSON text of the shape named here. One signed change each.
 * `keys.set`: KeyRecord. `agent.unpair`: { publicKey }. `device.add`: { subscription: { endpoint, keys: { p256dh, auth } }, label }.
 * `device.remove`: { id }. `webhook.add`: { format, url }. `webhook.remove`: { id }. `notices.say-more`: { on: boolean }.
 */
export const SETTINGS = [
  "keys.set",
  "agent.unpair",
  "device.add",
  "device.remove",
  "webhook.add",
  "webhook.remove",
  "notices.say-more",
] as const;
export type SettingName = (typeof SETTINGS)[number];

/** What the keys of a policy sign of one request: a payment, or the session that the request asks for. */
export type PartObject = { authorization: Authorization; session?: undefined } | { session: Session; authorization?: undefined };

/** A request that some members of a policy have signed, and not yet enough: it pays nothing. */
export type PartialApproval = PartObject & {
  proofs: MemberProof[];
  /** Of the policy. */
  threshold: number;
};

/** An allowance that some keys of a policy have signed, and not yet enough of them. */
export interface ProposedMandate {
  mandate: Mandate;
  /** The accounts of these keys. */
  signedBy: string[];
  /** When the desk forgets it. */
  endsAt: string;
}

/**
 * `decide`: whole payments (proof included), as the agent will present them. The desk checks it against the request and refuses what
 * the facilitator would refuse. `partial`: one member's proof over an authorization or a session. The desk makes the payment once it is whole.
 */
export interface HostedCalls extends Omit<DeskCalls, "approve" | "decline" | "takeBack" | "revokeMandate" | "read" | "mandates"> {
  desk: [ask: Record<string, never>, answer: HostedDesk];
  /** Without a session. An unknown account has no passkeys. */
  keys: [ask: { account: string }, answer: KeyRecord];
  /** Without a session: the nonce of the next `Login`, good for five minutes, once. */
  loginNonce: [ask: { account: string }, answer: { nonce: Digest }];
  login: [ask: { login: SignedLogin }, answer: { account: AccountId; expiresAt: string }];
  logout: [ask: Record<string, never>, answer: Record<string, never>];
  /** As the local desk's, and what other members of the policy have signed of it. Nothing is kept at the desk: what is signed is the page's. */
  read: [ask: { request: string; expiresIn?: number | undefined }, answer: { view: ApprovalWire; partial?: PartialApproval | undefined }];
  /** The whole request with its 402, as a file for an owner who signs at a terminal. */
  file: [ask: { request: string }, answer: { name: string; text: string }];
  decide: [ask: { payment: PaymentPayload }, answer: { shortCode: string }];
  partial: [
    ask: { request: string; proof: MemberProof; policy: Policy } & PartObject,
    answer: { shortCode: string; whole: boolean; missing: number },
  ];
  /**
   * A signed or an unsigned no. The revocation of an approved request is signed, and the desk passes it to the facilitator.
   * `problem`: why the ledger does not know of it yet. The same call again asks the ledger again.
   */
  refuse: [ask: { record: DecisionRecord }, answer: { shortCode: string; already?: boolean | undefined; problem?: string | undefined }];
  /** The end of one mandate or of all: the desk notes it and passes it to the facilitator. `problem` as of `refuse`. */
  revoke: [ask: { revocation: SignedRevocation }, answer: { revokedAt?: string | undefined; problem?: string | undefined }];
  /** A mandate for a paired agent, which fetches it. */
  grant: [ask: { mandate: SignedMandate }, answer: { shortCode: string }];
  /**
   * One key's proof over a mandate, where the policy asks for more than one: the first proposes it for its agent, the last that is needed
   * grants it. One proposal of an agent at a time.
   */
  grantPart: [
    ask: { mandate: Mandate; proof: MemberProof; policy: Policy },
    answer: { shortCode: string; whole: boolean; missing: number },
  ];
  /** Any one key drops a proposal. */
  dropProposed: [ask: { mandate: string }, answer: { shortCode: string }];
  mandates: [ask: { all: boolean }, answer: MandateList & { proposed: ProposedMandate[] }];
  /** What waits under a pairing link: whether its agent still waits, and for which account. */
  pairing: [ask: { place: string }, answer: { agent: string; account?: string | undefined; expiresAt: string }];
  pair: [ask: { pairing: SignedPairing; name: string }, answer: PairedAgent];
  settings: [ask: Record<string, never>, answer: DeskSettings];
  set: [ask: { setting: SignedDeskSetting }, answer: DeskSettings];
}

export type HostedCallName = keyof HostedCalls;
export type HostedAsk<Name extends HostedCallName> = HostedCalls[Name][0];
export type HostedAnswer<Name extends HostedCallName> = HostedCalls[Name][1];
