/** What x402 defines for schemes and networks, as far as it shows that an offer is another scheme's. What is not known here is not judged. */

import { NETWORK } from "../../shared/lez.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { isMembers, type Members } from "./terms-read.ts";

export const KNOWN_SCHEMES: readonly string[] = ["exact", "upto", "batch-settlement", "auth-capture"];

export function isKnownScheme(scheme: unknown): boolean {
  return typeof scheme === "string" && KNOWN_SCHEMES.includes(scheme);
}

/** Accounts and tokens alike, by the namespace of CAIP-2. */
const ADDRESSES: Partial<Record<string, RegExp>> = {
  eip155: /^0x[0-9a-fA-F]{40}$/,
  solana: /^[1-9A-HJ-NP-Za-km-z]{32,44}$/,
};
/** x402 allows a role in place of an account, as in "merchant". */
const ROLE = /^[a-z]{1,32}$/;
/** ISO 4217: x402 allows a currency in place of a token. */
const CURRENCY = /^[A-Z]{3}$/;

/** Whether it can be an account of that network. True on networks whose form is not known here, and for what is no string. */
export function isPayeeOn(network: unknown, payTo: unknown): boolean {
  return hasForm(network, payTo, ROLE);
}

/** Whether it can be a token of that network. True as for `isPayeeOn`. */
export function isAssetOn(network: unknown, asset: unknown): boolean {
  return hasForm(network, asset, CURRENCY);
}

function hasForm(network: unknown, value: unknown, constant: RegExp): boolean {
  const form = ADDRESSES[namespaceOf(network)];
  return !form || typeof value !== "string" || form.test(value) || constant.test(value);
}

/** Members of `extra` that one scheme defines. */
const SCHEME_MEMBERS: Partial<Record<string, readonly string[]>> = {
  upto: ["facilitatorAddress"],
  "batch-settlement": ["receiverAuthorizer", "withdrawDelay", "channelState", "voucherState"],
};
/** Members of `extra` that the schemes of one network define. */
const NETWORK_MEMBERS: Partial<Record<string, readonly string[]>> = {
  eip155: ["name", "version"],
  solana: ["feePayer"],
  [namespaceOf(NETWORK)]: ["binding", "ledger", "unit", "unitPrice"],
};

/** As in `feePayer of solana`. Nothing for a scheme or a network that is not known here. */
export function foreignMembers({ scheme, network, extra }: Members): string[] {
  if (!isMembers(extra)) return [];
  const namespace = namespaceOf(network);
  const others = [
    ...(isKnownScheme(scheme) ? Object.entries(SCHEME_MEMBERS).filter(([owner]) => owner !== scheme) : []),
    ...(namespace in NETWORK_MEMBERS ? Object.entries(NETWORK_MEMBERS).filter(([owner]) => owner !== namespace) : []),
  ];
  return others.flatMap(([owner, members = []]) =>
    members.filter((member) => member in extra).map((member) => `${quote(member)} of ${owner}`),
  );
}

function namespaceOf(network: unknown): string {
  return typeof network === "string" ? (network.split(":")[0] ?? "") : "";
}
