/** Reading a file of evidence: what it says, or the first place at which it cannot be what it should be. Never throws. */

import * as z from "zod/mini";
import { decodeUtf8, utf8 } from "../crypto/bytes.ts";
import { MAX_EVIDENCE_BYTES } from "../limits.ts";
import { parseJson } from "../text/json.ts";
import { type CallEvidence, callEvidenceSchema } from "./call-evidence.ts";
import { type Evidence, evidenceSchema } from "./evidence.ts";
import { serializeEvidence } from "./serialize.ts";

/** Where a file is wrong: a member's path (`ledger.entries.0.at`; empty for the whole) or an offset in bytes, and what is wrong there. */
export interface Fault {
  about: string;
  byte?: number;
  problem: string;
}

export type ReadEvidence =
  | { ok: true; evidence: Evidence | CallEvidence; /** It says this, and is spelled in another way. */ spelling?: Fault }
  | { ok: false; fault: Fault };

export function readEvidence(bytes: Uint8Array): ReadEvidence {
  if (bytes.length > MAX_EVIDENCE_BYTES) return unreadable({ about: "", problem: `the file is larger than ${MAX_EVIDENCE_BYTES} bytes` });
  const text = decodeUtf8(bytes);
  if (text === undefined) return unreadable(faultAt(bytes, firstDifference(bytes, utf8(new TextDecoder().decode(bytes))), "is not UTF-8"));
  const parsed = parseJson(text, MAX_EVIDENCE_BYTES, z.unknown());
  if (!parsed.ok && parsed.syntax) {
    return unreadable(faultAt(bytes, utf8(text.slice(0, syntaxFault(text))).length, "is not how evidence is spelled"));
  }
  if (!parsed.ok) return unreadable({ about: "", problem: parsed.problem });
  const shape = isOfCall(parsed.value) ? z.safeParse(callEvidenceSchema, parsed.value) : z.safeParse(evidenceSchema, parsed.value);
  if (!shape.success) return unreadable(shapeFault(shape.error));
  const spelled = serializeEvidence(shape.data);
  const byte = firstDifference(bytes, spelled);
  if (byte === undefined) return { ok: true, evidence: shape.data };
  return { ok: true, evidence: shape.data, spelling: faultAt(bytes, byte, "is not how evidence is spelled") };
}

/** By a member that each such file has, and no other: a changed version is then named as what was changed. */
function isOfCall(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "session");
}

function unreadable(fault: Fault): ReadEvidence {
  return { ok: false, fault };
}

/** As an editor counts: lines from 1. Offsets from 0. */
function faultAt(bytes: Uint8Array, difference: number | undefined, problem: string): Fault {
  const byte = difference ?? 0;
  const line = bytes.subarray(0, byte).reduce((lines, unit) => lines + Number(unit === 0x0a), 1);
  return { about: "", byte, problem: `byte ${byte}, in line ${line}, ${problem}` };
}

function shapeFault({ issues: [issue] }: z.core.$ZodError): Fault {
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const about = [...(issue?.path ?? []), ...unknown].map(String).join(".");
  if (unknown.length > 0) return { about, problem: "is not a member of evidence" };
  return { about, problem: issue?.code === "invalid_type" ? `must be ${issue.expected}` : (issue?.message ?? "has another shape") };
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  const byte = a.findIndex((unit, i) => unit !== b[i]);
  if (byte >= 0) return byte;
  return a.length === b.length ? undefined : a.length;
}

/** RFC 8259 §2, and §7: a string up to its closing quote. */
const SPACE = "[ \\t\\n\\r]*";
const STRING = String.raw`"(?:[ !#-[\]-\u{10FFFF}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*`;

/** What may come behind each token, as kinds of tokens: `s` is a string, `.` whatever closes what is open. */
const AFTER: Readonly<Record<string, string>> = { "{": "s", "[": "s{[", ":": "s{[", "}": ",.", "]": ",." };

/**
 * The offset of the first character that cannot stand there in evidence, which is objects, arrays and strings, indented.
 * JSON.parse does not say where, or says it in every engine's own words; and a bracket that is missing shows by the
 * indentation at once, by the syntax only at the end.
 */
function syntaxFault(text: string): number {
  const token = new RegExp(`${SPACE}(${STRING}"|[{}[\\],:])`, "uy");
  const open: string[] = [];
  let before = "";
  let allowed = "{";
  let inKey = false;
  for (let at = 0; ; at = token.lastIndex) {
    token.lastIndex = at;
    const word = token.exec(text)?.[1];
    if (word === undefined) return brokenAt(text, at, allowed.includes("s"));
    const kind = word.startsWith('"') ? "s" : word;
    const closer = open.at(-1) ?? "";
    const closes = kind === closer && allowed.includes(".");
    const start = token.lastIndex - word.length;
    const line = `\n${"  ".repeat(open.length - Number(closes))}`;
    const space = before === ":" ? " " : before === "" || kind === "," || kind === ":" ? "" : line;
    if (!(closes || allowed.includes(kind)) || text.slice(at, start) !== space) return start;
    if (kind === "{" || kind === "[") open.push(kind === "{" ? "}" : "]");
    if (closes) open.pop();
    if (kind === "s") allowed = inKey ? ":" : ",.";
    else if (kind === ",") allowed = closer === "}" ? "s" : "s{[";
    else allowed = open.length === 0 ? "" : (AFTER[kind] ?? "");
    inKey = kind === "{" || (kind === "," && closer === "}");
    before = kind;
  }
}

/** Behind the white space; where a string was to come and began, behind what could be read of it. */
function brokenAt(text: string, at: number, mayBeString: boolean): number {
  const readable = new RegExp(mayBeString ? `${SPACE}(?:${STRING})?` : SPACE, "uy");
  readable.lastIndex = at;
  readable.exec(text);
  return readable.lastIndex;
}
