/**
 * The only folder whose files a tool can name. Whatever an agent reads may instruct it to do anything, so a tool takes a bare
 * name in that folder, never a path: it cannot read, upload or overwrite a file of the user.
 */

import * as path from "node:path";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { type Field, fieldOf } from "../command-line/argv.ts";
import type { Command } from "../command-line/command.ts";
import type { Context } from "../runtime/context.ts";
import { copyWhole, fileDigest, writeWhole } from "../runtime/files.ts";
import { MAX_DOWNLOAD_NAME_LENGTH } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { DOWNLOADS, downloadsPath, stateDirectory } from "../runtime/state-directory.ts";
import type { Tool } from "./tools.ts";

/** Neither hidden nor a path, on any system. */
const BARE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const EXTENSIONS: Readonly<Record<string, string>> = {
  "application/json": "json",
  "application/pdf": "pdf",
  "application/xml": "xml",
  "application/zip": "zip",
  "image/gif": "gif",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "text/csv": "csv",
  "text/html": "html",
  "text/markdown": "md",
  "text/plain": "txt",
};

/** Keeps a body under the name of its SHA-256: a body that comes again replaces nothing but itself. Returns the path. */
export async function keepDownload(
  context: Context,
  body: Uint8Array | { file: string },
  { sha256, contentType = "" }: { sha256?: string | undefined; contentType?: string | undefined },
): Promise<Outcome<string>> {
  const made = stateDirectory(context, DOWNLOADS);
  if (!made.ok) return made;
  const [type = ""] = contentType.toLowerCase().split(";");
  const extension = EXTENSIONS[type.trim()] ?? (type.startsWith("text/") ? "txt" : "bin");
  const name = sha256 ?? ("file" in body ? await fileDigest(body.file) : bodyDigest(body));
  const file = path.join(downloadsPath(context), `${name}.${extension}`);
  const written = "file" in body ? await copyWhole(body.file, file, true) : writeWhole(file, body, true);
  return written.ok ? succeed(file) : written;
}

export function isDownload(context: Context, file: string): boolean {
  return path.dirname(file) === downloadsPath(context);
}

/** Turns a tool's arguments into a command's: file names become paths in the folder, which is created if it does not exist. */
export function placedArguments({ command }: Tool, given: Record<string, unknown>, context: Context): Outcome<Record<string, unknown>> {
  const fields = Object.entries(command.input.shape).map(([key, schema]) => [key, fieldOf(key, schema)] as const);
  if (fields.some(([, { tool }]) => tool?.takes === "download")) {
    const made = stateDirectory(context, DOWNLOADS);
    if (!made.ok) return made;
  }
  const placed = { ...given };
  for (const [key, field] of fields) {
    const value = given[key];
    if (field.tool && Array.isArray(value)) return fail("usage", `${key} must be one text.`, { hint: "Join what it consists of." });
    if (typeof value !== "string") continue;
    const taken = place(key, field, value, context);
    if (!taken.ok) return taken;
    placed[key] = taken.data;
  }
  return succeed(placed);
}

/** The reverse: paths in the folder become names again. */
export function namedArguments({ input }: Command, raw: Record<string, unknown>): Record<string, unknown> {
  const isDownload = (key: string) => input.shape[key] !== undefined && fieldOf(key, input.shape[key]).tool?.takes === "download";
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [key, typeof value === "string" && isDownload(key) ? path.basename(value) : value]),
  );
}

function place(key: string, { tool }: Field, value: string, context: Context): Outcome<string> {
  if (tool?.takes === "text" && value.startsWith("@")) {
    return fail("usage", `${key} begins with "@", but a tool reads no files.`, { hint: "Give the text itself." });
  }
  if (tool?.takes !== "download") return succeed(value);
  if (BARE_NAME.test(value) && value.length <= MAX_DOWNLOAD_NAME_LENGTH) return succeed(path.join(downloadsPath(context), value));
  return fail("usage", `${key} must be a bare name: letters, digits, ".", "_" and "-", at most ${MAX_DOWNLOAD_NAME_LENGTH}.`, {
    hint: `All files are in ${downloadsPath(context)}.`,
  });
}
