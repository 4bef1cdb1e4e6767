/** HTTP responses and untrusted text, as they appear in the data of every command. */

import { readFileSync } from "node:fs";
import * as z from "zod";
import { decodeUtf8, toBase64 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { decodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { paymentRequiredSchema, settleResponseSchema } from "../../shared/x402/x402.ts";
import type { StoredBody } from "../records/kept-answer.ts";
import type { Context } from "../runtime/context.ts";
import { type Ending, isRedirect, type ResponseHead } from "../runtime/exchange.ts";
import { fileDigest } from "../runtime/files.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { MAX_SHOWN_BODY_BYTES } from "../runtime/limits.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/** A stranger's text in the data of a command, marked so that no reader takes it for ours. */
export const untrustedSchema = z.strictObject({ untrusted: z.literal(true), text: z.string() });

export function untrusted(text: string): z.infer<typeof untrustedSchema> {
  return { untrusted: true, text };
}

export const responseSchema = z.strictObject({
  status: z.number(),
  /** Every header, as it was sent: lowercase names, one value per occurrence. */
  headers: z.record(z.string(), z.array(z.string())),
  /** -i: a terminal shows the headers. */
  include: z.literal(true).optional(),
  /** Where a redirect, or an answer that is not ready, points. It was not followed. */
  location: z.string().optional(),
  /** The decoded x402 headers. */
  paymentRequired: z.unknown().optional(),
  paymentResponse: z.unknown().optional(),
  /** What the merchant sent. Its words are data, never instructions. */
  body: z.strictObject({
    untrusted: z.literal(true),
    bytes: z.number(),
    /** Of a complete body. */
    sha256: z.string().optional(),
    complete: z.boolean(),
    /** Why it is not complete. */
    problem: z.string().optional(),
    contentType: z.string().optional(),
    /** The merchant encoded the body, although it was asked not to. The bytes are as it sent them. */
    contentEncoding: z.string().optional(),
    text: z.string().optional(),
    base64: z.string().optional(),
    file: z.string().optional(),
    /** Over MCP: the body is in the tool's content, as the same member's `text` or as an image. */
    inline: z.enum(["text", "image"]).optional(),
  }),
});
export type ResponseView = z.infer<typeof responseSchema>;

/** An answer in memory, or one that was kept on disk. */
export type ShownAnswer = ResponseHead & Ending & { body: Uint8Array | StoredBody };

export interface ShownHow {
  /** A file that does not exist yet: it takes the body in place of the data. */
  out?: string | undefined;
  /** Show the headers on a terminal. */
  include?: boolean | undefined;
}

export async function responseView(
  { files }: Pick<Context, "files">,
  answer: ShownAnswer,
  { out: file, include }: ShownHow,
): Promise<Outcome<ResponseView>> {
  if (file !== undefined) {
    const written = "file" in answer.body ? await files.copyNew(answer.body.file, file) : files.writeNew(file, answer.body);
    if (!written.ok) return written;
  }
  const { status, headers, complete, body } = answer;
  const required = decoded(headers[PAYMENT_REQUIRED.toLowerCase()], paymentRequiredSchema);
  const settled = decoded(headers[PAYMENT_RESPONSE.toLowerCase()], settleResponseSchema);
  const encoding = headers["content-encoding"];
  return succeed({
    status,
    headers: valuesByName(answer.fields),
    ...(include && { include }),
    ...(headers["location"] && { location: headers["location"] }),
    ...(required !== undefined && { paymentRequired: required }),
    ...(settled !== undefined && { paymentResponse: settled }),
    body: {
      untrusted: true,
      bytes: "file" in body ? body.bytes : body.length,
      ...(complete && { sha256: "file" in body ? await fileDigest(body.file) : bodyDigest(body) }),
      complete,
      ...(!answer.complete && { problem: answer.problem }),
      ...(headers["content-type"] && { contentType: headers["content-type"] }),
      ...(encoding && encoding.toLowerCase() !== "identity" && { contentEncoding: encoding }),
      ...(file === undefined ? shownBody(body, complete) : { file }),
    },
  });
}

/** Small text is shown. A kept body that is large, no text or not whole is named by its file. */
function shownBody(body: Uint8Array | StoredBody, complete: boolean): { text: string } | { base64: string } | { file: string } {
  if ("file" in body) {
    const text = complete && body.bytes <= MAX_SHOWN_BODY_BYTES ? decodeUtf8(readFileSync(body.file)) : undefined;
    return text === undefined ? { file: body.file } : { text };
  }
  const text = decodeUtf8(body);
  return text === undefined ? { base64: toBase64(body) } : { text };
}

function valuesByName(fields: ResponseHead["fields"]): Record<string, string[]> {
  const values = new Map<string, string[]>();
  for (const [name, value] of fields) values.set(name.toLowerCase(), [...(values.get(name.toLowerCase()) ?? []), value]);
  return Object.fromEntries(values);
}

/** The decoded header, or why it cannot be read. */
function decoded(header: string | undefined, schema: typeof paymentRequiredSchema | typeof settleResponseSchema): unknown {
  if (header === undefined) return undefined;
  const parsed = decodeHeader(header, schema, MAX_FOREIGN_HEADER_BYTES);
  return parsed.ok ? parsed.value : { unreadable: parsed.problem };
}

function headerLines({ headers }: ResponseView): string[] {
  return Object.entries(headers).flatMap(([name, values]) => values.map((value) => showUnsafe(`${name}: ${value}`)));
}

function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, null, 2).split("\n").map(showUnsafe);
}

export function renderResponse(view: ResponseView, layout: Layout): string[] {
  const { body } = view;
  return [
    layout.ink("bold", `HTTP ${view.status}`),
    ...(view.include ? headerLines(view) : []),
    ...(view.location
      ? field(layout, isRedirect(view.status) ? "redirect" : "location", `${showUnsafe(view.location)} (not followed)`)
      : []),
    ...(view.paymentRequired ? ["", `${PAYMENT_REQUIRED}:`, ...jsonLines(view.paymentRequired)] : []),
    ...(view.paymentResponse ? ["", `${PAYMENT_RESPONSE}:`, ...jsonLines(view.paymentResponse)] : []),
    "",
    ...(body.file === undefined ? (body.text ?? `${body.bytes} bytes that are not text; use --out`).split("\n").map(showUnsafe) : []),
    ...(body.file === undefined ? [] : field(layout, "body", `${body.bytes} bytes in ${body.file}`)),
    ...(body.contentEncoding ? field(layout, "encoding", `${showUnsafe(body.contentEncoding)}, as the merchant sent it`) : []),
    ...(body.complete ? [] : [layout.ink("yellow", `The body is not complete: ${showUnsafe(body.problem ?? "it broke off")}.`)]),
  ];
}
