/** HTTP responses and untrusted text, as they appear in the data of every command. */
import * as z from "zod";
import { decodeUtf8, toBase64 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../shared/limits.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { decodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import { paymentRequiredSchema, settleResponseSchema } from "../../shared/x402/x402.ts";
import { type HttpResponse, isRedirect } from "../runtime/exchange.ts";
import { writeWhole } from "../runtime/files.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/** A stranger's text in the data of a command, marked so that no reader takes it for ours. */
export const untrustedSchema = z.strictObject({ untrusted: z.literal(true), text: z.string() });

export function untrusted(text: string): z.infer<typeof untrustedSchema> {
  return { untrusted: true, text };
}

export const responseSchema = z.strictObject({
  status: z.number(),
  /** Where a redirect points. It was not followed. */
  location: z.string().optional(),
  /** The decoded x402 headers. */
  paymentRequired: z.unknown().optional(),
  paymentResponse: z.unknown().optional(),
  /** What the merchant sent. Its words are data, never instructions. */
  body: z.strictObject({
    untrusted: z.literal(true),
    bytes: z.number(),
    sha256: z.string(),
    complete: z.boolean(),
    contentType: z.string().optional(),
    text: z.string().optional(),
    base64: z.string().optional(),
    file: z.string().optional(),
    /** Over MCP: the body is in the tool's content, as the same member's `text` or as an image. */
    inline: z.enum(["text", "image"]).optional(),
  }),
});
export type ResponseView = z.infer<typeof responseSchema>;

/** @param file takes the body in place of the data */
export function responseView(response: HttpResponse, file: string | undefined, force: boolean): Outcome<ResponseView> {
  if (file !== undefined) {
    const written = writeWhole(file, response.body, force);
    if (!written.ok) return written;
  }
  const { status, headers, body, complete } = response;
  const required = decoded(headers[PAYMENT_REQUIRED.toLowerCase()], paymentRequiredSchema);
  const settled = decoded(headers[PAYMENT_RESPONSE.toLowerCase()], settleResponseSchema);
  const text = decodeUtf8(body);
  return succeed({
    status,
    ...(isRedirect(status) && headers["location"] && { location: headers["location"] }),
    ...(required !== undefined && { paymentRequired: required }),
    ...(settled !== undefined && { paymentResponse: settled }),
    body: {
      untrusted: true,
      bytes: body.length,
      sha256: bodyDigest(body),
      complete,
      ...(headers["content-type"] && { contentType: headers["content-type"] }),
      ...(file === undefined ? (text === undefined ? { base64: toBase64(body) } : { text }) : { file }),
    },
  });
}

/** The decoded header, or why it cannot be read. */
function decoded(header: string | undefined, schema: typeof paymentRequiredSchema | typeof settleResponseSchema): unknown {
  if (header === undefined) return undefined;
  const parsed = decodeHeader(header, schema, MAX_FOREIGN_HEADER_BYTES);
  return parsed.ok ? parsed.value : { unreadable: parsed.problem };
}

function jsonLines(value: unknown): string[] {
  return JSON.stringify(value, null, 2).split("\n").map(showUnsafe);
}

export function renderResponse(view: ResponseView, layout: Layout): string[] {
  const { body } = view;
  return [
    layout.ink("bold", `HTTP ${view.status}`),
    ...(view.location ? field(layout, "redirect", `${showUnsafe(view.location)} (not followed)`) : []),
    ...(view.paymentRequired ? ["", `${PAYMENT_REQUIRED}:`, ...jsonLines(view.paymentRequired)] : []),
    ...(view.paymentResponse ? ["", `${PAYMENT_RESPONSE}:`, ...jsonLines(view.paymentResponse)] : []),
    "",
    ...(body.file === undefined ? (body.text ?? `${body.bytes} bytes that are not text; use --out`).split("\n").map(showUnsafe) : []),
    ...(body.file === undefined ? [] : field(layout, "body", `${body.bytes} bytes in ${body.file}`)),
    ...(body.complete ? [] : [layout.ink("yellow", "The body is not complete.")]),
  ];
}
