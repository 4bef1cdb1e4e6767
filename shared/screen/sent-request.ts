/** What goes along with a request that is to be paid: its headers and its body, as a person can read them. */

import { decodeUtf8 } from "../crypto/bytes.ts";
import { bodyDigest } from "../crypto/digest.ts";
import { MAX_BODY_LINES, MAX_BODY_SHOWN, MAX_HEADERS_SHOWN, MAX_QUOTE_LENGTH } from "../limits.ts";
import type { BoundRequest } from "../protocol/binding.ts";
import { shortened, showUnsafe } from "./escapes.ts";
import { indentJson } from "./indent-json.ts";
import { isSecretHeader } from "./secret-headers.ts";

export type BodyView =
  | { kind: "none" }
  /** Lines that are safe to show. `whole`: nothing was left out. */
  | { kind: "text"; bytes: number; contentType: string; lines: string[]; whole: boolean }
  | { kind: "binary"; bytes: number; contentType: string }
  /** The request has a body, and these bytes are not here. */
  | { kind: "unseen"; why: string };

export interface SentRequest {
  /** `Name: value`, safe to show; the values of credentials are hidden. The payment does not cover them. */
  headers: string[];
  body: BodyView;
}

/** The parts that the agent's store has of a request. */
export interface StoredParts {
  headers: readonly (readonly [string, string])[];
  body: Uint8Array;
}

/** @param stored undefined on another machine than the agent's */
export function sentRequest(http: BoundRequest, stored: StoredParts | undefined): SentRequest {
  return { headers: headerLines(stored?.headers ?? []), body: bodyView(http, stored) };
}

function headerLines(headers: StoredParts["headers"]): string[] {
  const lines = headers
    .slice(0, MAX_HEADERS_SHOWN)
    .map(([name, value]) =>
      showUnsafe(`${shortened(name, MAX_QUOTE_LENGTH)}: ${isSecretHeader(name) ? "(hidden)" : shortened(value, MAX_QUOTE_LENGTH)}`),
    );
  const more = headers.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more headers`] : lines;
}

/** Only the bytes whose digest is in the request are its body. */
function bodyView({ bodySha256 }: BoundRequest, stored: StoredParts | undefined): BodyView {
  if (bodySha256 === undefined) return { kind: "none" };
  if (stored === undefined) return { kind: "unseen", why: "only the agent's machine has it" };
  const { headers, body } = stored;
  if (bodyDigest(body) !== bodySha256) return { kind: "unseen", why: "the agent's copy of it is another one" };
  const [, type = ""] = headers.find(([name]) => name.toLowerCase() === "content-type") ?? [];
  const about = { bytes: body.length, contentType: type === "" ? "no type" : showUnsafe(shortened(type, MAX_QUOTE_LENGTH)) };
  const text = decodeUtf8(body);
  if (text === undefined || text.includes("\0")) return { kind: "binary", ...about };
  return { kind: "text", ...about, ...boundedLines(indentJson(text) ?? text) };
}

function boundedLines(text: string): { lines: string[]; whole: boolean } {
  const all = text.split("\n");
  const lines: string[] = [];
  let room = MAX_BODY_SHOWN;
  for (const line of all) {
    if (lines.length === MAX_BODY_LINES || room <= 0)
      return { lines: [...lines, `… and ${all.length - lines.length} more lines`], whole: false };
    const shown = showUnsafe(shortened(line, room));
    lines.push(shown);
    if (shown !== showUnsafe(line)) return { lines, whole: false };
    room -= shown.length;
  }
  return { lines, whole: true };
}

export function bodyTitle(body: Extract<BodyView, { bytes: number }>): string {
  return `Body: ${body.bytes} bytes, ${body.contentType}`;
}

/** Paragraphs for a screen; empty if nothing goes along. */
export function sentParagraphs({ headers, body }: SentRequest): string[] {
  const said = headers.length > 0 ? ["Headers, which the payment does not cover:", ...headers] : [];
  const shown = body.kind === "text" ? [`${bodyTitle(body)}:`, ...body.lines] : body.kind === "binary" ? [bodyTitle(body)] : [];
  return [...said, ...(said.length > 0 && shown.length > 0 ? [""] : []), ...shown];
}

export type Readable = "nothing" | "whole" | "part" | "binary" | "unseen";

/** How much of the body a person can read. */
export function readable(body: BodyView): Readable {
  if (body.kind === "none") return "nothing";
  if (body.kind === "text") return body.whole ? "whole" : "part";
  return body.kind;
}
