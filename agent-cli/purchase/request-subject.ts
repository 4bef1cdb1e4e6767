/** Finds the request of an owner's command: in the inbox by its code, or in a file. */

import * as path from "node:path";
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/protocol/payment-request.ts";
import type { StoredParts } from "../../shared/screen/sent-request.ts";
import { parseJson } from "../../shared/text/json.ts";
import { type PaymentRequired, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { requestFileField } from "../command-line/fields.ts";
import { type InboxItem, look } from "../records/inbox.ts";
import { BUNDLE_FORMAT, bundleSchema, MAX_BUNDLE_BYTES, partsOf } from "../records/request-bundle.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { MAX_INBOX_FILE_BYTES } from "../runtime/limits.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { findInInbox, optionalRequestField } from "./find-request.ts";

export const subjectFields = {
  request: optionalRequestField,
  requestFile: requestFileField,
};

export interface SubjectInput {
  request?: string | undefined;
  requestFile?: string | undefined;
}

export interface Subject {
  request: PaymentRequest;
  digest: Digest;
  /** Its files in the inbox, if agent and owner share one. */
  item?: InboxItem | undefined;
  /** The merchant's 402 as the agent received it: a claim until it is verified. */
  terms?: PaymentRequired | undefined;
  /** What it sends, if it came with it from another machine. */
  parts?: StoredParts | undefined;
}

export async function subjectOf(context: Context, { request, requestFile }: SubjectInput): Promise<Outcome<Subject>> {
  if ((request === undefined) === (requestFile === undefined)) {
    return fail("usage", "Name a request: its code from the inbox, or --request-file.", {
      hint: "lez-agent-pay inbox lists the open ones.",
    });
  }
  if (request !== undefined) {
    const item = await findInInbox(context, request);
    if (item.ok) return succeed({ request: item.data.request, digest: item.data.digest, item: item.data, terms: item.data.terms });
    if (item.error.code !== "request_not_found") return item;
    return {
      ...item,
      error: {
        ...item.error,
        hint: "lez-agent-pay inbox --all lists every request. A request from another machine is a file: --request-file.",
      },
    };
  }
  return subjectInFile(context, requestFile ?? "");
}

async function subjectInFile(context: Context, name: string): Promise<Outcome<Subject>> {
  const kind = readJson(name, z.looseObject({ format: z.string().optional() }), { what: "payment request", maxBytes: MAX_BUNDLE_BYTES });
  if (kind.ok && kind.data.format === BUNDLE_FORMAT) return subjectInBundle(context, name);
  if (kind.ok && "request" in kind.data) return subjectOfDesk(context, name);
  const file = readJson(name, paymentRequestSchema, { what: "payment request", named: true });
  if (!file.ok) return file;
  const digest = requestDigest(file.data);
  const item = await look(context, digest);
  if (!item.ok) return item;
  const terms = readJson(termsFile(name), paymentRequiredSchema, { what: "merchant's terms", maxBytes: MAX_INBOX_FILE_BYTES });
  if (!terms.ok && !terms.missing) return terms;
  return succeed({ request: file.data, digest, item: item.data, terms: terms.ok ? terms.data : item.data?.terms });
}

/** What `request export` wrote on the agent's machine. */
async function subjectInBundle(context: Context, name: string): Promise<Outcome<Subject>> {
  const bundle = readJson(name, bundleSchema, { what: "exported request", maxBytes: MAX_BUNDLE_BYTES });
  if (!bundle.ok) return bundle;
  const { request, terms } = bundle.data;
  const digest = requestDigest(request);
  const item = await look(context, digest);
  return item.ok ? succeed({ request, digest, item: item.data, terms, parts: partsOf(bundle.data) }) : item;
}

const deskFileSchema = z.strictObject({ request: paymentRequestSchema, terms: z.optional(paymentRequiredSchema) });

/** What the page of a hosted desk saved, which has no body of the request and no headers. */
async function subjectOfDesk(context: Context, name: string): Promise<Outcome<Subject>> {
  const file = readJson(name, deskFileSchema, { what: "request of a desk", maxBytes: MAX_BUNDLE_BYTES });
  return file.ok ? subjectWithTerms(context, file.data) : file;
}

/** The same text, as a desk answers it. @param desk its origin */
export async function subjectOfDeskText(context: Context, text: string, desk: string): Promise<Outcome<Subject>> {
  const read = parseJson(text, MAX_BUNDLE_BYTES, deskFileSchema);
  return read.ok ? subjectWithTerms(context, read.value) : fail("request_differs", `The desk at ${desk} sent no request: ${read.problem}.`);
}

async function subjectWithTerms(context: Context, { request, terms }: z.output<typeof deskFileSchema>): Promise<Outcome<Subject>> {
  const digest = requestDigest(request);
  const item = await look(context, digest);
  return item.ok ? succeed({ request, digest, item: item.data, terms }) : item;
}

/** The file beside a request's file that holds the merchant's 402: `request.json`, `request.terms.json`. */
export function termsFile(requestFile: string): string {
  const { dir, name } = path.parse(requestFile);
  return path.join(dir, `${name}.terms.json`);
}

/** Reads the request that was shown once more: its file can be replaced, and the inbox can change, while the owner reads. */
export async function subjectAgain(context: Context, { requestFile }: SubjectInput, shown: Digest): Promise<Outcome<Subject>> {
  if (requestFile !== undefined) {
    const again = await subjectOf(context, { requestFile });
    return again.ok && again.data.digest !== shown ? replaced() : again;
  }
  const item = await look(context, shown);
  if (!item.ok) return item;
  return item.data ? succeed({ request: item.data.request, digest: shown, item: item.data }) : replaced();
}

function replaced(): Failure {
  return fail("request_differs", "The request was replaced while it was being read. Nothing was signed.", {
    hint: "Read it again. If you did not replace it, find out who did.",
  });
}

export const subjectSchema = z.strictObject({ shortCode: z.string(), requestDigest: z.string() });
