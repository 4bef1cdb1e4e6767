/** How agent and owner find each other at a desk, and what both compare. spec/protocol.md §17. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8 } from "../crypto/bytes.ts";
import { digestCode } from "../crypto/digest-code.ts";
import type { Digest } from "../crypto/digest.ts";
import type { AccountId } from "../protocol/account.ts";
import { type Pairing, pairingDigest } from "../protocol/desk.ts";

/** What the fragment of a pairing link begins with. */
export const PAIR_ROUTE = "#/pair/";

/**
 * Where the agent waits: the desk learns the secret only from the owner who confirms it.
 * @param secret 32 hex digits
 */
export function pairingPlace(secret: string): Digest {
  return bytesToHex(sha256(utf8(`desk-pairing:${secret}`))) as Digest;
}

/** `7F3K-9QPD-04ST`: 60 bits of the digest. Both sides show it. */
export function pairingCode(pairing: Pairing): string {
  return digestCode(pairingDigest(pairing), 3);
}

/** The link that an agent prints for its owner. @param account that the agent wants to be paired with; any if absent */
export function pairingLink(desk: string, agent: string, secret: string, account?: AccountId): string {
  return `${desk}/${PAIR_ROUTE}${[agent, secret, ...(account === undefined ? [] : [account])].join(".")}`;
}
