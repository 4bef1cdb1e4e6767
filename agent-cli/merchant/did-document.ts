/**
 * A merchant's published keys: its did:web document, fetched from its own origin only. A document that is too large, too
 * slow, elsewhere or about another host yields no keys.
 */

import { base64urlnopad } from "@scure/base";
import * as z from "zod";
import { bytesToHex } from "../../shared/crypto/bytes.ts";
import { isUsableKey } from "../../shared/crypto/ed25519.ts";
import { hostOf, nameUnder } from "../../shared/extensions/did-web.ts";
import { checkShape, parseJson } from "../../shared/text/json.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, isRedirect } from "../runtime/exchange.ts";
import { DID_TIMEOUT_SECONDS, MAX_DID_DOCUMENT_BYTES, MAX_DID_METHODS } from "../runtime/limits.ts";
import { safeUrl } from "./curl-request.ts";

export interface PublishedKey {
  /** The part of its name after `#`. */
  fragment: string;
  /** Ed25519, 64 hex digits. */
  publicKey: string;
  /** Whether the merchant signs with it now; one that it only lists is retired. */
  asserts: boolean;
}

/** `later`: it may be available next time. */
export type Published = { ok: true; keys: PublishedKey[] } | { ok: false; problem: string; later: boolean };

const methodSchema = z.looseObject({ id: z.string(), controller: z.string(), publicKeyJwk: z.optional(z.unknown()) });
const documentSchema = z.looseObject({
  id: z.string(),
  verificationMethod: z.array(methodSchema).check(z.maxLength(MAX_DID_METHODS)),
  assertionMethod: z.array(z.unknown()).check(z.maxLength(MAX_DID_METHODS)),
});
const jwkSchema = z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });

/** @param origin of the resource: https, or this machine */
export async function publishedKeys(context: Context, origin: string): Promise<Published> {
  const url = safeUrl(`${origin}/.well-known/did.json`, false);
  if (!url.ok) return none("the connection is not encrypted");
  const request = { method: "GET", url: url.data, headers: [] };
  const answer = await exchange(context, request, { timeoutSeconds: DID_TIMEOUT_SECONDS, maxBodyBytes: MAX_DID_DOCUMENT_BYTES });
  if (!answer.ok) return none(answer.problem, true);
  if (isRedirect(answer.status)) return none("it redirects, which is not followed");
  if (answer.status !== 200) return none(`it answers ${answer.status}`, answer.status >= 500 || answer.status === 429);
  if (!answer.complete) return none(`it is larger than ${MAX_DID_DOCUMENT_BYTES} bytes, or broke off`);
  const document = parseJson(answer.body, MAX_DID_DOCUMENT_BYTES, documentSchema);
  // A precise problem could quote the document to an agent.
  if (!document.ok) return none("it cannot be read");
  const { host } = new URL(origin);
  const { id, verificationMethod, assertionMethod } = document.value;
  if (hostOf(id) !== host) return none("it is about another host");
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

function none(problem: string, later = false): Published {
  return { ok: false, problem, later };
}
