/** Reads a merchant's published keys: its did:web document. One about another host has none. */

import { base64urlnopad } from "@scure/base";
import * as z from "zod/mini";
import { bytesToHex } from "../crypto/bytes.ts";
import { isUsableKey } from "../crypto/ed25519.ts";
import { MAX_DID_DOCUMENT_BYTES, MAX_DID_METHODS } from "../limits.ts";
import { checkShape, parseJson } from "../text/json.ts";
import { hostOf, nameUnder } from "./did-web.ts";

export const DID_DOCUMENT_PATH = "/.well-known/did.json";

export interface PublishedKey {
  /** The part of its name after `#`. */
  fragment: string;
  /** Ed25519, 64 hex digits. */
  publicKey: string;
  /** Whether the merchant signs with it now; one that it only lists is retired. */
  asserts: boolean;
}

export type DidDocument = { ok: true; keys: PublishedKey[] } | { ok: false; problem: string };

const methodSchema = z.looseObject({ id: z.string(), controller: z.string(), publicKeyJwk: z.optional(z.unknown()) });
const documentSchema = z.looseObject({
  id: z.string(),
  verificationMethod: z.array(methodSchema).check(z.maxLength(MAX_DID_METHODS)),
  assertionMethod: z.array(z.unknown()).check(z.maxLength(MAX_DID_METHODS)),
});
const jwkSchema = z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });

/** @param body what the host answered at DID_DOCUMENT_PATH @param host as `URL.host` has it */
export function readDidDocument(body: Uint8Array, host: string): DidDocument {
  const document = parseJson(body, MAX_DID_DOCUMENT_BYTES, documentSchema);
  // A precise problem could quote the document to an agent.
  if (!document.ok) return { ok: false, problem: "it cannot be read" };
  const { id, verificationMethod, assertionMethod } = document.value;
  if (hostOf(id) !== host) return { ok: false, problem: "it is about another host" };
  const signing = new Set(assertionMethod.map((name) => (typeof name === "string" ? nameUnder(host, name)?.fragment : undefined)));
  const keys = verificationMethod.flatMap(({ id, controller, publicKeyJwk }) => {
    const fragment = nameUnder(host, id)?.fragment;
    const publicKey = keyOf(publicKeyJwk);
    if (fragment === undefined || publicKey === undefined || hostOf(controller) !== host) return [];
    return [{ fragment, publicKey, asserts: signing.has(fragment) }];
  });
  return { ok: true, keys };
}

function keyOf(jwk: unknown): string | undefined {
  const read = checkShape(jwk, jwkSchema);
  if (!read.ok) return undefined;
  try {
    const bytes = base64urlnopad.decode(read.value.x);
    const key = bytesToHex(bytes);
    return bytes.length === 32 && isUsableKey(key) ? key : undefined;
  } catch {
    return undefined;
  }
}
