/**
 * The agent's requests, with the parts of the HTTP request that the PaymentRequest holds only a digest of (body) or not at
 * all (headers), and the merchant's whole 402. With them an approved payment is enough to repeat exactly the approved
 * request, with the extensions that the merchant offered.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";
import { fromBase64, toBase64 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { MAX_REQUEST_BODY_BYTES } from "../../shared/limits.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/protocol/payment-request.ts";
import { parseTimestamp } from "../../shared/time.ts";
import { type PaymentRequired, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { stateDirectory } from "../runtime/state-directory.ts";
import { readState, writeState } from "../runtime/state-file.ts";

const storedSchema = z.strictObject({
  request: paymentRequestSchema,
  headers: z.array(z.tuple([z.string(), z.string()])),
  bodyBase64: z.string(),
  required: z.optional(paymentRequiredSchema),
  quiet: z.optional(z.literal(true)),
});

const FORMAT = { kind: "stored-request", what: "stored request", schema: storedSchema, maxBytes: 2 * MAX_REQUEST_BODY_BYTES };

export interface StoredRequest {
  request: PaymentRequest;
  headers: [string, string][];
  body: Uint8Array;
  /** The 402 as it was received; absent when the merchant was not asked. */
  required?: PaymentRequired | undefined;
  /** The owner was not told of it: a mandate was to pay it. */
  quiet?: true | undefined;
}

export function storeRequest(
  context: Context,
  request: PaymentRequest,
  http: Pick<HttpRequest, "headers" | "body">,
  required: PaymentRequired | undefined,
  quiet = false,
): Outcome<undefined> {
  const directory = stateDirectory(context, "requests");
  if (!directory.ok) return directory;
  const stored = {
    request,
    headers: http.headers,
    bodyBase64: toBase64(http.body ?? new Uint8Array()),
    ...(required && { required }),
    ...(quiet && { quiet: true as const }),
  };
  return writeState(path.join(directory.data, `${requestDigest(request)}.json`), FORMAT, stored);
}

/** Earlier requests with the same HTTP request and the same reason, newest first. */
export function findLike(context: Context, http: HttpRequest, reason: string): Outcome<StoredRequest[]> {
  const directory = stateDirectory(context, "requests");
  if (!directory.ok) return directory;
  const wanted = likeness({ ...http, bodySha256: http.body && bodyDigest(http.body) }, http.headers, reason);
  const found = fs.readdirSync(directory.data).flatMap((name) => {
    const [, digest] = /^([0-9a-f]{64})\.json$/.exec(name) ?? [];
    const stored = digest ? findRequest(context, digest as Digest) : undefined;
    // An unreadable one was never completed, so no owner has seen it.
    return stored?.ok && likeness(stored.data.request.http, stored.data.headers, stored.data.request.reason) === wanted
      ? [stored.data]
      : [];
  });
  return succeed(found.sort((a, b) => (parseTimestamp(b.request.createdAt) ?? 0) - (parseTimestamp(a.request.createdAt) ?? 0)));
}

type Headers = readonly (readonly [string, string])[];

function likeness(
  { method, url, bodySha256 }: { method: string; url: string; bodySha256?: string | undefined },
  headers: Headers,
  reason: string,
) {
  return JSON.stringify([method, url, bodySha256 ?? "", headers, reason]);
}

export function findRequest(context: Context, digest: Digest): Outcome<StoredRequest> {
  const directory = stateDirectory(context, "requests");
  if (!directory.ok) return directory;
  const file = path.join(directory.data, `${digest}.json`);
  const stored = readState(file, FORMAT);
  if (!stored.ok) return stored;
  const { request, headers, bodyBase64, required, quiet } = stored.data;
  if (requestDigest(request) !== digest) return fail("invalid_file", `The stored request "${file}" does not match its name.`);
  return succeed({ request, headers, body: fromBase64(bodyBase64) ?? new Uint8Array(), required, quiet });
}
