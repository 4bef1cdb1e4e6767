/**
 * A request in one file, for an owner on another machine: with the merchant's 402, the body and the headers. Values of credentials
 * stay here: the owner has no use for them.
 */

import * as z from "zod";
import { fromBase64, toBase64 } from "../../shared/crypto/bytes.ts";
import { MAX_REQUEST_BODY_BYTES } from "../../shared/limits.ts";
import { paymentRequestSchema } from "../../shared/protocol/payment-request.ts";
import { isSecretHeader } from "../../shared/screen/secret-headers.ts";
import { paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { MAX_INBOX_FILE_BYTES } from "../runtime/limits.ts";
import type { StoredRequest } from "./request-store.ts";

export const BUNDLE_FORMAT = "lez-agent-pay/request/1";

/** Base64 is a third longer; the request and its terms are files of the inbox. */
export const MAX_BUNDLE_BYTES = 2 * (MAX_REQUEST_BODY_BYTES + MAX_INBOX_FILE_BYTES);

export const bundleSchema = z.strictObject({
  format: z.literal(BUNDLE_FORMAT),
  request: paymentRequestSchema,
  /** The merchant's 402 as the agent received it: a claim until it is verified. */
  terms: z.optional(paymentRequiredSchema),
  headers: z.array(z.tuple([z.string(), z.string()])),
  /** Names of headers whose values are credentials. */
  hiddenHeaders: z.array(z.string()),
  bodyBase64: z.string(),
});
export type RequestBundle = z.infer<typeof bundleSchema>;

export function bundleOf({ request, headers, body, required }: StoredRequest): RequestBundle {
  return {
    format: BUNDLE_FORMAT,
    request,
    ...(required && { terms: required }),
    headers: headers.filter(([name]) => !isSecretHeader(name)),
    hiddenHeaders: headers.map(([name]) => name).filter(isSecretHeader),
    bodyBase64: toBase64(body),
  };
}

/** What the request sends. A hidden header is named, with no value. */
export function partsOf({ headers, hiddenHeaders, bodyBase64 }: RequestBundle): Pick<StoredRequest, "headers" | "body"> {
  const hidden = hiddenHeaders.filter(isSecretHeader).map((name): [string, string] => [name, ""]);
  return { headers: [...headers, ...hidden], body: fromBase64(bodyBase64) ?? new Uint8Array() };
}
