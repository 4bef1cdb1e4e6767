/** What goes along with a request, from the agent's request store: headers, and the body if it is the one that was asked for. */
import * as z from "zod";
import { type SentRequest, sentParagraphs, sentRequest } from "../../shared/screen/sent-request.ts";
import type { InboxItem } from "../records/inbox.ts";
import { findRequest } from "../records/request-store.ts";
import type { Context } from "../runtime/context.ts";
import { frame, type Layout } from "../runtime/layout.ts";

export function sentWith(context: Context, { request, digest }: Pick<InboxItem, "request" | "digest">): SentRequest {
  const stored = findRequest(context, digest);
  return sentRequest(request.http, stored.ok ? stored.data : undefined);
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
