/** What goes along with a request, from the agent's request store or its file: headers, and the body if it is the one that was asked for. */

import * as z from "zod";
import { type SentRequest, type StoredParts, sentParagraphs, sentRequest } from "../../shared/screen/sent-request.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import { frame, type Layout } from "../runtime/layout.ts";
import type { Subject } from "./request-subject.ts";

export function sentWith(context: Context, subject: WithParts): SentRequest {
  return sentRequest(subject.request.http, partsFor(context, subject));
}

type WithParts = Pick<Subject, "request" | "digest" | "parts">;

/** From the file that brought the request here, else from the agent's store. */
export function partsFor(context: Context, { digest, parts }: Pick<WithParts, "digest" | "parts">): StoredParts | undefined {
  const stored = parts ? undefined : findRequest(context, digest);
  return stored?.ok ? stored.data : parts;
}

/** The agent's words; values of credentials are left out, and long texts cut. */
export const sentSchema = z.strictObject({
  untrusted: z.literal(true),
  headers: z.array(z.string()),
  body: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({
      kind: z.literal("text"),
      bytes: z.number(),
      contentType: z.string(),
      lines: z.array(z.string()),
      whole: z.boolean(),
    }),
    z.strictObject({ kind: z.literal("binary"), bytes: z.number(), contentType: z.string() }),
    z.strictObject({ kind: z.literal("unseen"), why: z.string() }),
  ]),
});

export function renderSent({ headers, body }: SentRequest, layout: Layout): string[] {
  const unseen = body.kind === "unseen" ? [`A body that cannot be shown: ${body.why}.`] : [];
  const paragraphs = [...sentParagraphs({ headers, body }), ...unseen];
  return paragraphs.length > 0 ? frame(layout, "the agent sends", paragraphs) : [];
}
