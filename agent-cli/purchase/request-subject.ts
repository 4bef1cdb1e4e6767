/** Finds the request of an owner's command: in the inbox by its code, or in a file. */
import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import { type PaymentRequest, paymentRequestSchema, requestDigest } from "../../shared/protocol/payment-request.ts";
import { requestFileField } from "../command-line/fields.ts";
import { type InboxItem, look } from "../records/inbox.ts";
import type { Context } from "../runtime/context.ts";
import { readJson } from "../runtime/files.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { findInInbox, optionalRequestField } from "./find-request.ts";

export const subjectFields = {
  request: optionalRequestField,
  requestFile: requestFileField,
};

interface SubjectInput {
  request?: string | undefined;
  requestFile?: string | undefined;
}

export interface Subject {
  request: PaymentRequest;
  digest: Digest;
  /** Its files in the inbox, if agent and owner share one. */
  item?: InboxItem | undefined;
}

export async function subjectOf(context: Context, { request, requestFile }: SubjectInput): Promise<Outcome<Subject>> {
  if ((request === undefined) === (requestFile === undefined)) {
    return fail("usage", "Name a request: its code from the inbox, or --request-file.", {
      hint: "lez-agent-pay inbox lists the open ones.",
    });
  }
  if (request !== undefined) {
    const item = await findInInbox(context, request);
    if (item.ok) return succeed({ request: item.data.request, digest: item.data.digest, item: item.data });
    if (item.error.code !== "request_not_found") return item;
    return {
      ...item,
      error: {
        ...item.error,
        hint: "lez-agent-pay inbox --all lists every request. A request from another machine is a file: --request-file.",
      },
    };
  }
  const file = readJson(requestFile ?? "", paymentRequestSchema, { what: "payment request" });
  if (!file.ok) return file;
  const digest = requestDigest(file.data);
  const item = await look(context, digest);
  return item.ok ? succeed({ request: file.data, digest, item: item.data }) : item;
}

/** Whether it is still the one that was shown: a file can be replaced while the owner reads. */
export async function isUnchanged(context: Context, input: SubjectInput, shown: Digest): Promise<boolean> {
  const again = await subjectOf(context, input);
  return again.ok && again.data.digest === shown;
}

export const subjectSchema = z.strictObject({ shortCode: z.string(), requestDigest: z.string() });
