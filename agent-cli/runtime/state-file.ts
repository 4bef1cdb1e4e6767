/**
 * The tool's own records. Each names its kind and version: `"format": "lez-agent-pay/pin/1"`. Files of version 0.1 name none;
 * they are read, and get a format when they are written again. A newer version is refused: half of it would be lost.
 */

import * as z from "zod";
import { checkShape } from "../../shared/text/json.ts";
import { readBytes, readJson, type ReadFailure, type ReadOptions, writeJson } from "./files.ts";
import { fail, type Outcome, succeed, type Success } from "./outcome.ts";

const VERSION = 1;

export interface StateFormat<Schema> extends Pick<ReadOptions, "maxBytes"> {
  /** As in `format`: lowercase letters and dashes. */
  kind: string;
  /** As messages call it. */
  what: string;
  /** Of the content, without `format`. */
  schema: Schema;
}

const headSchema = z.looseObject({ format: z.string().optional() });

export function readState<Schema extends z.core.$ZodType>(
  file: string,
  { kind, what, schema, maxBytes }: StateFormat<Schema>,
): Success<z.core.output<Schema>> | ReadFailure {
  const options = { what, secret: true, ...(maxBytes !== undefined && { maxBytes }) };
  const bytes = readBytes(file, options);
  const read = () => bytes;
  const head = readJson(file, headSchema, options, read);
  if (!head.ok) return head;
  const { format, ...content } = head.data;
  if (format === undefined) return readJson(file, schema, options, read);
  const [, named, version] = /^lez-agent-pay\/([a-z-]{1,40})\/([1-9][0-9]{0,5})$/.exec(format) ?? [];
  if (named !== kind) {
    return fail("invalid_file", `"${file}" is not a valid ${what}: its format is ${JSON.stringify(format.slice(0, 80))}.`, {
      hint: "Use the file as lez-agent-pay wrote it; it is not meant to be edited.",
    });
  }
  if (Number(version) > VERSION) {
    const failure = fail(
      "invalid_file",
      `A newer lez-agent-pay wrote "${file}": the ${what} has format ${version}, and this version reads ${VERSION}.`,
      {
        hint: "Nothing is damaged. Update lez-agent-pay, or use the version that wrote it.",
      },
    );
    return { ...failure, intact: true };
  }
  const checked = checkShape(content, schema);
  // Read once more only to say what is wrong, and in which line.
  return checked.ok ? succeed(checked.value) : readJson(file, schema, { ...options, without: "format" }, read);
}

/** @param replace false: a file that is there is `file_exists` */
export function writeState(file: string, { kind }: StateFormat<unknown>, content: object, replace = true): Outcome<undefined> {
  return writeJson(file, { format: `lez-agent-pay/${kind}/${VERSION}`, ...content }, replace);
}
