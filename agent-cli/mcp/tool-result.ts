/**
 * A tool's result: the envelope of the command line, once for programs and once for the model. A body that was fetched is in a
 * file of the downloads folder; the model's copy also has it inline if it is short.
 */

import { readFileSync, statSync } from "node:fs";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { fromBase64, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { parseArgv } from "../command-line/argv.ts";
import type { Program } from "../command-line/command.ts";
import { envelopeObject } from "../command-line/envelope.ts";
import { responseSchema } from "../purchase/views.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_INLINE_BODY_BYTES, MAX_INLINE_IMAGE_BYTES } from "../runtime/limits.ts";
import { type Failure, type Next, type Outcome, succeed } from "../runtime/outcome.ts";
import { isDownload, keepDownload, namedArguments } from "./downloads.ts";
import { imageType } from "./image.ts";
import { type Tool, toolName, toolsOf } from "./tools.ts";

export async function toolResult(
  context: Context,
  tool: Tool | undefined,
  program: Program,
  outcome: Outcome<unknown>,
): Promise<CallToolResult> {
  const taken = await takeBody(context, outcome);
  const meta = {
    ...(tool && { command: tool.command.name }),
    version: program.version,
    exit: taken.outcome.ok ? EXIT.ok : taken.outcome.exit,
    ...(context.trace.quoted && { trace: context.trace.quoted }),
  };
  const said = (outcome: Outcome<unknown>) => {
    const envelope = envelopeObject(outcome, meta);
    return outcome.next ? { ...envelope, next: nextCall(outcome.next, program) } : envelope;
  };
  return {
    content: [{ type: "text", text: JSON.stringify(said(taken.withText ?? taken.outcome)) }, ...(taken.image ? [taken.image] : [])],
    structuredContent: said(taken.outcome) as Record<string, unknown>,
    isError: !taken.outcome.ok && !goesOn(taken.outcome),
  };
}

/** A pending approval and a payment under way are no errors. */
function goesOn({ exit, error }: Failure): boolean {
  return exit === EXIT.approvalPending || error.code === "payment_under_way";
}

function nextCall(next: Next, program: Program): object {
  const parse = parseArgv(next.argv.slice(1), program);
  const isTool = next.by === "agent" && parse.kind === "run" && toolsOf([parse.command]).length > 0;
  return isTool ? { ...next, tool: toolName(parse.command), arguments: namedArguments(parse.command, parse.raw) } : next;
}

interface Taken {
  /** With a reference in place of the body. */
  outcome: Outcome<unknown>;
  /** The same with the body's text, if it is short. */
  withText?: Outcome<unknown>;
  image?: { type: "image"; data: string; mimeType: string };
}

const holderSchema = z.looseObject({ response: responseSchema });
type Body = z.infer<typeof responseSchema>["body"];

/** Takes the body out of the response that a command reports, in its data or in the details of its failure. */
async function takeBody(context: Context, outcome: Outcome<unknown>): Promise<Taken> {
  const body = holderSchema.safeParse(outcome.ok ? outcome.data : outcome.error.details).data?.response.body;
  if (body === undefined) return { outcome };
  const source = sourceOf(body);
  // Nothing to take: it is empty, or the agent has named a file for it, or a later call continues the part where it is.
  if ("file" in source ? !body.complete || isDownload(context, source.file) : source.length === 0) return { outcome };
  const { text, base64: _, file: __, ...facts } = body;
  const isShort = text !== undefined && Buffer.byteLength(JSON.stringify(text)) - '""'.length <= MAX_INLINE_BODY_BYTES;
  const image = text === undefined ? imageIn(source) : undefined;
  const inline = isShort ? ("text" as const) : image && ("image" as const);
  // An error page that is shown whole needs no file.
  const kept = isShort && !outcome.ok ? succeed(undefined) : await keepDownload(context, source, facts);
  if (!kept.ok) return { outcome: notKept(outcome, facts, kept) };
  const reference: Body = { ...facts, ...(kept.data !== undefined && { file: kept.data }), ...(inline && { inline }) };
  return {
    outcome: withBody(outcome, reference),
    ...(isShort && { withText: withBody(outcome, { ...reference, text }) }),
    ...(image && { image }),
  };
}

function sourceOf({ text, base64, file }: Body): Uint8Array | { file: string } {
  if (file !== undefined) return { file };
  return text === undefined ? (fromBase64(base64 ?? "") ?? new Uint8Array()) : utf8(text);
}

function imageIn(source: Uint8Array | { file: string }): Taken["image"] {
  if ("file" in source && statSync(source.file).size > MAX_INLINE_IMAGE_BYTES) return undefined;
  const bytes = "file" in source ? readFileSync(source.file) : source;
  const mimeType = imageType(bytes);
  return mimeType && { type: "image", data: toBase64(bytes), mimeType };
}

function withBody(outcome: Outcome<unknown>, body: Body): Outcome<unknown> {
  const put = (holder: unknown) => {
    const { response, ...rest } = holder as z.infer<typeof holderSchema>;
    return { ...rest, response: { ...response, body } };
  };
  if (outcome.ok) return { ...outcome, data: put(outcome.data) };
  return { ...outcome, error: { ...outcome.error, details: put(outcome.error.details) } };
}

/** A full disk must not read as a failed purchase. What the command reported stays in the details. */
function notKept(outcome: Outcome<unknown>, facts: Body, refused: Failure): Outcome<unknown> {
  const shown = withBody(outcome, facts);
  if (!shown.ok) return shown;
  const message = `The answer arrived, but its body could not be kept: ${refused.error.message}`;
  return {
    ...refused,
    error: { ...refused.error, message, details: shown.data as Record<string, unknown> },
    ...(shown.next && { next: shown.next }),
  };
}
