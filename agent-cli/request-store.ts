/**
 * What the agent has asked for, with the parts of the HTTP request that the PaymentRequest holds only a digest of (body) or
 * not at all (headers). So an approved payment is enough to repeat exactly the request that was approved.
 */
import * as path from "node:path";
import * as z from "zod/mini";
import { fromBase64, toBase64 } from "../shared/bytes.ts";
import type { Digest } from "../shared/digest.ts";
import { MAX_REQUEST_BODY_BYTES } from "../shared/limits.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest } from "../shared/payment-request.ts";
import type { Context } from "./context.ts";
import { readJson, writeJson } from "./files.ts";
import type { HttpRequest } from "./http.ts";
import { type Outcome, succeed } from "./outcome.ts";
import { stateDirectory } from "./state.ts";

const storedSchema = z.strictObject({
  request: paymentRequestSchema,
  headers: z.array(z.tuple([z.string(), z.string()])),
  bodyBase64: z.string(),
});

export interface StoredRequest {
  request: PaymentRequest;
  headers: [string, string][];
  body: Uint8Array;
}

export function storeRequest(context: Context, request: PaymentRequest, http: HttpRequest): Outcome<undefined> {
  const directory = stateDirectory(context, "requests");
  if (!directory.ok) return directory;
  const stored = { request, headers: http.headers, bodyBase64: toBase64(http.body ?? new Uint8Array()) };
  return writeJson(path.join(directory.data, `${requestDigest(request)}.json`), stored, true);
}

export function findRequest(context: Context, digest: Digest): Outcome<StoredRequest> {
  const directory = stateDirectory(context, "requests");
  if (!directory.ok) return directory;
  const file = path.join(directory.data, `${digest}.json`);
  const stored = readJson(file, storedSchema, { what: "stored request", secret: true, maxBytes: 2 * MAX_REQUEST_BODY_BYTES });
  if (!stored.ok) return stored;
  const { request, headers, bodyBase64 } = stored.data;
  return succeed({ request, headers, body: fromBase64(bodyBase64) ?? new Uint8Array() });
}
