/**
 * A tool's result: the envelope of the command line, once for programs and once for the model. A body that was fetched is in a
 * file of the downloads folder; the model's copy also has it inline if it is short.
 */
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import * as z from "zod";
import { fromBase64, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { parseArgv } from "../command-line/argv.ts";
import type { Program } from "../command-line/command.ts";
import { envelopeObject } from "../command-line/envelope.ts";
import { responseSchema } from "../purchase/views.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { MAX_INLINE_BODY_BYTES } from "../runtime/limits.ts";
import { type Failure, type Next, type Outcome, succeed } from "../runtime/outcome.ts";
import { keepDownload, namedArguments } from "./downloads.ts";
import { imageType } from "./image.ts";
import { type Tool, toolName, toolsOf } from "./tools.ts";

export function toolResult(context: Context, tool: Tool | undefined, program: Program, outcome: Outcome<unknown>): CallToolResult {
  const taken = takeBody(context, outcome);
  const meta = {
    ...(tool && { command: tool.command.name }),
    version: program.version,
    exit: taken.outcome.ok ? EXIT.ok : taken.outcome.exit,
  };
  const said = (outcome: Outcome<unknown>) => {
    const envelope = envelopeObject(outcome, meta);
    return outcome.next ? { ...envelope, next: nextCall(outcome.next, program) } : envelope;
  };
  return {
    content: [{ type: "text", text: JSON.stringify(said(taken.withText ?? taken.outcome)) }, ...(taken.image ? [taken.image] : [])],
    structuredContent: said(taken.outcome) as Record<string, unknown>,
    // A pending approval is no error.
    isError: !taken.outcome.ok && taken.outcome.exit !== EXIT.approvalPending,
  };
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
function takeBody(context: Context, outcome: Outcome<unknown>): Taken {
  const body = holderSchema.safeParse(outcome.ok ? outcome.data : outcome.error.details).data?.response.body;
  if (body === undefined) return { outcome };
  const { text, base64, ...facts } = body;
  const bytes = text === undefined ? fromBase64(base64 ?? "") : utf8(text);
  // Without bytes there is nothing to take: the body is empty, or the agent has named a file for it.
  if (!bytes || bytes.length === 0) return { outcome };
  const isShort = text !== undefined && Buffer.byteLength(JSON.stringify(text)) - '""'.length <= MAX_INLINE_BODY_BYTES;
  const mimeType = text === undefined ? imageType(bytes) : undefined;
  const inline = isShort ? ("text" as const) : mimeType && ("image" as const);
  // An error page that is shown whole needs no file.
  const kept =
    isShort && !outcome.ok ? succeed(undefined) : keepDownload(context, bytes, { ...facts, sha256: facts.sha256 ?? bodyDigest(bytes) });
  if (!kept.ok) return { outcome: notKept(outcome, facts, kept) };
  const reference: Body = { ...facts, ...(kept.data !== undefined && { file: kept.data }), ...(inline && { inline }) };
  return {
    outcome: withBody(outcome, reference),
    ...(isShort && { withText: withBody(outcome, { ...reference, text }) }),
    ...(mimeType && { image: { type: "image", data: toBase64(bytes), mimeType } }),
  };
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
