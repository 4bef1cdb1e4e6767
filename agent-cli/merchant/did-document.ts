/**
 * A merchant's published keys: its did:web document, fetched from its own origin only. A document that is too large, too
 * slow, elsewhere or about another host yields no keys.
 */

import { DID_DOCUMENT_PATH, type PublishedKey, readDidDocument } from "../../shared/extensions/did-document.ts";
import { MAX_DID_DOCUMENT_BYTES } from "../../shared/limits.ts";
import type { Context } from "../runtime/context.ts";
import { exchange, isRedirect } from "../runtime/exchange.ts";
import { DID_TIMEOUT_SECONDS } from "../runtime/limits.ts";
import { safeUrl } from "./curl-request.ts";

/** `later`: it may be available next time. */
export type Published = { ok: true; keys: PublishedKey[] } | { ok: false; problem: string; later: boolean };

/** @param origin of the resource: https, or this machine */
export async function publishedKeys(context: Context, origin: string): Promise<Published> {
  const url = safeUrl(`${origin}${DID_DOCUMENT_PATH}`, false);
  if (!url.ok) return none("the connection is not encrypted");
  const request = { method: "GET", url: url.data, headers: [] };
  const answer = await exchange(context, request, { timeoutSeconds: DID_TIMEOUT_SECONDS, maxBodyBytes: MAX_DID_DOCUMENT_BYTES });
  if (!answer.ok) return none(answer.problem, true);
  if (isRedirect(answer.status)) return none("it redirects, which is not followed");
  if (answer.status !== 200) return none(`it answers ${answer.status}`, answer.status >= 500 || answer.status === 429);
  if (!answer.complete) return none(`it is larger than ${MAX_DID_DOCUMENT_BYTES} bytes, or broke off`);
  const document = readDidDocument(answer.body, new URL(origin).host);
  return document.ok ? document : none(document.problem);
}

function none(problem: string, later = false): Published {
  return { ok: false, problem, later };
}
