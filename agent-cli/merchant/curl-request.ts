/** The HTTP request that a command line describes with curl's flags: a URL, -X, -H, -d. */

import { validateHeaderName, validateHeaderValue } from "node:http";
import { addAbortSignal } from "node:stream";
import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { MAX_REQUEST_BODY_BYTES } from "../../shared/limits.ts";
import { type BoundRequest, canonicalUrl } from "../../shared/protocol/binding.ts";
import { PAYMENT_SIGNATURE, TRACE_ID } from "../../shared/x402/headers.ts";
import { interrupted } from "../prompts/prompts.ts";
import type { Context } from "../runtime/context.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { reasonOf } from "../runtime/files.ts";
import type { Io } from "../runtime/io.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import type { UserFiles } from "../runtime/user-files.ts";

export const allowHttpField = {
  allowHttp: z.boolean().default(false).meta({ local: true, description: "allow http: to other hosts than this machine" }),
};

export const curlFields = {
  method: z
    .string()
    .regex(/^(?!connect$)[A-Za-z]{1,16}$/i, "must be an HTTP method that asks for a resource")
    .optional()
    .meta({ short: "X", value: "method", description: "HTTP method; GET, or POST with -d" }),
  header: z.array(z.string()).default([]).meta({ short: "H", value: "header", description: '"Name: value"; may be repeated' }),
  data: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({
      short: "d",
      value: "data",
      repeats: true,
      description: "request body; @file reads it from a file, @- from stdin; several are joined by &",
      tool: { takes: "text", description: "request body; no file is read, and a text that begins with @ is refused" },
    }),
};

export interface CurlInput {
  url: string;
  allowHttp: boolean;
  method?: string | undefined;
  header?: string[];
  data?: string | string[] | undefined;
}

export async function httpRequest(context: Pick<Context, "files" | "io">, input: CurlInput): Promise<Outcome<HttpRequest>> {
  const url = safeUrl(input.url, input.allowHttp);
  if (!url.ok) return url;
  const headers = parseHeaders(input.header ?? []);
  if (!headers.ok) return headers;
  const body = await readBody(context, input.data);
  if (!body.ok) return body;
  const method = (input.method ?? (input.data === undefined ? "GET" : "POST")).toUpperCase();
  // As curl does: a body without a type is a form.
  const typed = headers.data.some(([name]) => name.toLowerCase() === "content-type");
  const type: [string, string][] = body.data.length > 0 && !typed ? [["content-type", "application/x-www-form-urlencoded"]] : [];
  return succeed({ method, url: url.data, headers: [...headers.data, ...type], ...(body.data.length > 0 && { body: body.data }) });
}

/** The part of a request that a binding covers. */
export function boundRequest({ method, url, body }: HttpRequest): BoundRequest {
  return { method, url, ...(body && { bodySha256: bodyDigest(body) }) };
}

/** The canonical form of an address that a payment may go to: https, or this machine. */
export function safeUrl(input: string, allowHttp: boolean): Outcome<string> {
  const url = canonicalUrl(input);
  if (!url) {
    return fail("usage", "The URL must be a complete http(s) address of at most 2048 characters, without user name or password.", {
      hint: "For example: https://api.example.com/premium",
    });
  }
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || allowHttp || isLoopback(hostname)) return succeed(url);
  return fail("insecure_url", `${url} is not encrypted: anyone on the path could read and change the purchase.`, {
    hint: "Use https:, or add --allow-http if you know the network.",
  });
}

/** The flag that a `next` command needs for this URL. */
export function allowHttpFor(url: string): string[] {
  return safeUrl(url, false).ok ? [] : ["--allow-http"];
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** Headers that this tool sets itself. `host` could send a request past the host that the owner reads. */
export const OWN_HEADERS: ReadonlySet<string> = new Set(
  ["Content-Length", "Host", "Transfer-Encoding", PAYMENT_SIGNATURE, TRACE_ID].map((name) => name.toLowerCase()),
);

function parseHeaders(lines: readonly string[]): Outcome<[string, string][]> {
  const headers: [string, string][] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    // Without a colon the name is empty, which validateHeaderName refuses.
    const name = line.slice(0, Math.max(0, colon)).trim();
    const value = line.slice(colon + 1).trim();
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      return fail("usage", `-H ${JSON.stringify(line)} is not a header.`, { hint: 'Write it as curl takes it: -H "Name: value"' });
    }
    if (OWN_HEADERS.has(name.toLowerCase())) {
      return fail("usage", `-H ${name} is set by lez-agent-pay itself.`);
    }
    headers.push([name, value]);
  }
  return succeed(headers);
}

/** As curl does: several are joined by `&`. */
async function readBody(context: Pick<Context, "files" | "io">, data: string | string[] = []): Promise<Outcome<Uint8Array>> {
  const given = [data].flat();
  if (given.filter((part) => part === "@-").length > 1) return fail("usage", "-d @- reads stdin, so it can be given once.");
  const parts: Uint8Array[] = [];
  for (const part of given) {
    const read = await readPart(context, part);
    if (!read.ok) return read;
    parts.push(...(parts.length > 0 ? [utf8("&")] : []), read.data);
  }
  const bytes = Buffer.concat(parts);
  return bytes.length > MAX_REQUEST_BODY_BYTES ? tooLarge() : succeed(new Uint8Array(bytes));
}

function readPart({ files, io }: Pick<Context, "files" | "io">, part: string): Outcome<Uint8Array> | Promise<Outcome<Uint8Array>> {
  if (part === "@-") return readStdin(io);
  return part.startsWith("@") ? readBodyFile(files, part.slice(1)) : succeed(utf8(part));
}

async function readStdin({ stdin, signal }: Io): Promise<Outcome<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stdin) as AsyncIterable<Uint8Array | string>) {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      if (length > MAX_REQUEST_BODY_BYTES) return tooLarge();
      chunks.push(bytes);
    }
  } catch (error) {
    if (signal.aborted) return interrupted();
    return fail("invalid_file", `stdin cannot be read: ${reasonOf(error)}.`);
  }
  return succeed(Buffer.concat(chunks));
}

function tooLarge() {
  return fail("usage", `-d is larger than ${MAX_REQUEST_BODY_BYTES} bytes.`);
}

/** Keys in PEM and of OpenSSH, and the wallet's own. A file of another kind may still be secret: this catches a mistake or a trick. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----|"lez-agent-pay\/key\/1"/;

function readBodyFile(files: UserFiles, file: string): Outcome<Uint8Array> {
  const bytes = files.read(file, { what: "request body", maxBytes: MAX_REQUEST_BODY_BYTES });
  if (!bytes.ok || !PRIVATE_KEY.test(Buffer.from(bytes.data).toString("latin1"))) return bytes;
  return fail("file_not_allowed", `"${file}" holds a private key. It is not sent.`, { hint: "Give the body that the merchant asks for." });
}
