/** The one way in for bytes from outside: size, UTF-8, syntax, depth, duplicate keys, then a schema. */

import * as z from "zod/mini";
import { decodeUtf8, utf8 } from "../crypto/bytes.ts";
import { MAX_INTEGER_DIGITS, MAX_JSON_DEPTH } from "../limits.ts";

export type Parsed<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      code: "payload_too_large" | "invalid_payload";
      problem: string;
      /** It is not JSON at all. */
      syntax?: true;
      /** A member that the schema does not know, and where it is. */
      unknown?: readonly PropertyKey[];
    };

/** An integer of 16 digits or more, read exactly. A string of digits is never one: `balance: "1"` is not `balance: 1`. */
export type ExactInteger = bigint;

/** What `writeJsonExact` writes. */
export type ExactJson = ExactInteger | number | string | boolean | null | readonly ExactJson[] | { readonly [key: string]: ExactJson };

/**
 * Parses untrusted JSON. Never throws.
 * @param input the bytes or text as received
 * @param maxBytes the named limit that applies here
 */
export function parseJson<Schema extends z.core.$ZodType>(
  input: Uint8Array | string,
  maxBytes: number,
  schema: Schema,
): Parsed<z.output<Schema>> {
  const text = textWithin(input, maxBytes);
  return text.ok ? parseText(text.value, JSON.parse, schema) : text;
}

/**
 * The same for JSON whose integers a double cannot hold. An integer of 16 digits or more arrives as an `ExactInteger`, a shorter one as a
 * number. A number with a fraction or an exponent, and one that is longer than any u128, is refused: so no number is ever rounded.
 */
export function parseJsonExact<Schema extends z.core.$ZodType>(
  input: Uint8Array | string,
  maxBytes: number,
  schema: Schema,
): Parsed<z.output<Schema>> {
  const text = textWithin(input, maxBytes);
  if (!text.ok) return text;
  let problem: string | undefined;
  const exactly = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== "number") return value;
    const digits = context?.source ?? "";
    if (!INTEGER.test(digits)) problem ??= "a number is not written as an integer";
    else if (digits.length > MAX_INTEGER_DIGITS) problem ??= "a number is too large";
    else if (Math.abs(value) >= SIXTEEN_DIGITS) return BigInt(digits);
    return value;
  };
  const parsed = parseText(text.value, (json) => JSON.parse(json, exactly) as unknown, z.unknown());
  if (!parsed.ok) return parsed;
  return problem === undefined ? checkShape(parsed.value, schema) : invalid(problem);
}

/** JSON with every bigint as a bare integer, as a sequencer writes a u128. */
export function writeJsonExact(value: ExactJson): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map((item) => writeJsonExact(item)).join(",")}]`;
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${writeJsonExact(member)}`)
    .join(",")}}`;
}

/** One spelling for each integer: no `-0`, no `1.0`, no `1e3`. */
const INTEGER = /^(?:0|-?[1-9][0-9]*)$/;
/** Each smaller integer is safe as a double. */
const SIXTEEN_DIGITS = 10 ** 15;

/** `Array.isArray`, which does not narrow a readonly array. */
function isList(value: object): value is readonly ExactJson[] {
  return Array.isArray(value);
}

function textWithin(input: Uint8Array | string, maxBytes: number): Parsed<string> {
  const tooLarge = { ok: false, code: "payload_too_large", problem: `larger than ${maxBytes} bytes` } as const;
  if (input.length > maxBytes) return tooLarge;
  if (typeof input === "string" && utf8(input).length > maxBytes) return tooLarge;
  const text = typeof input === "string" ? input : decodeUtf8(input);
  return text === undefined ? invalid("not UTF-8") : { ok: true, value: text };
}

function parseText<Schema extends z.core.$ZodType>(
  text: string,
  parse: (text: string) => unknown,
  schema: Schema,
): Parsed<z.output<Schema>> {
  let json: unknown;
  try {
    json = parse(text);
  } catch {
    return { ...invalid("not JSON"), syntax: true };
  }
  const ambiguity = isClear(text, json) ? undefined : findAmbiguity(text);
  return ambiguity === undefined ? checkShape(json, schema) : invalid(ambiguity);
}

/** The schema half of `parseJson`, for values that arrived as objects (RPC). */
export function checkShape<Schema extends z.core.$ZodType>(value: unknown, schema: Schema): Parsed<z.output<Schema>> {
  const result = z.safeParse(schema, value, { error: whatIsWrong });
  if (result.success) return { ok: true, value: result.data };
  const [issue] = result.error.issues;
  const unknown = issue?.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : undefined;
  return { ...invalid(describeIssue(result.error)), ...(unknown && { unknown }) };
}

/** `payload.authorization.nonce: …` of the first thing that is wrong. */
function describeIssue(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  if (!issue) return "wrong shape";
  const path = issue.path.map(String).join(".") || "value";
  return `${path}: ${issue.message}`.slice(0, 300).toWellFormed(); // the cut may split a surrogate pair
}

/** Words for zod's own checks, which have none in zod/mini. A schema's own words come first. */
function whatIsWrong(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "unrecognized_keys") return `unknown key ${JSON.stringify(issue.keys[0])}`;
  if (issue.code === "invalid_type") return `must be of type ${issue.expected}`;
  if (issue.code === "too_big" || issue.code === "too_small") return sizeText(issue);
  const allowed = issue.code === "invalid_value" ? issue.values : "options" in issue ? issue.options : undefined;
  if (Array.isArray(allowed)) return `must be ${allowed.map((value) => JSON.stringify(value)).join(" or ")}`;
  return issue.code === "invalid_format" ? "has the wrong form" : undefined;
}

const UNITS: Partial<Record<string, string>> = { string: " characters", array: " entries" };

function sizeText(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig> | z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  const { origin, inclusive = true } = issue;
  const unit = UNITS[origin] ?? "";
  const bound =
    issue.code === "too_big" ? [inclusive ? "at most" : "less than", issue.maximum] : [inclusive ? "at least" : "more than", issue.minimum];
  return `must ${unit ? "have" : "be"} ${bound.join(" ")}${unit}`;
}

function invalid(problem: string) {
  return { ok: false, code: "invalid_payload", problem } as const;
}

/**
 * Whether the parsed text has none of what `findAmbiguity` finds, as nearly every payment: no escapes, and as many keys as its value,
 * which lacks one for each duplicate. It takes a third of the time.
 */
function isClear(text: string, json: unknown): boolean {
  const isLiteral = !text.includes("\\") && !text.includes("__proto__") && text.isWellFormed();
  return isLiteral && keysIn(text) === keysOf(json, 0);
}

/** Of a text without escapes, in which every other quote ends a string. */
function keysIn(text: string): number {
  let keys = 0;
  for (let start = text.indexOf('"'); start >= 0; start = text.indexOf('"', start)) {
    start = text.indexOf('"', start + 1) + 1;
    while (WHITE_SPACE.has(text.charCodeAt(start))) start++;
    if (text.charCodeAt(start) === 0x3a) keys++;
  }
  return keys;
}

const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** NaN, which equals no number, if the value is too deep or has a number that overflowed. */
function keysOf(value: unknown, depth: number): number {
  if (typeof value === "number") return Number.isFinite(value) ? 0 : Number.NaN;
  if (typeof value !== "object" || value === null) return 0;
  if (depth === MAX_JSON_DEPTH) return Number.NaN;
  const members = Object.values(value);
  return members.reduce<number>((keys, member) => keys + keysOf(member, depth + 1), Array.isArray(value) ? 0 : members.length);
}

/**
 * What `JSON.parse` lets through and two readers could understand differently: duplicate keys, `__proto__`, lone
 * surrogates, numbers that overflow to Infinity, and nesting too deep to walk safely. Expects text that has parsed.
 */
function findAmbiguity(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // the keys seen in each open object; undefined for an array
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        keyNext = text[i] === "{";
        open.push(keyNext ? new Set() : undefined);
        if (open.length > MAX_JSON_DEPTH) return `nested deeper than ${MAX_JSON_DEPTH}`;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        keyNext = false;
        break;
      case 0x2c: // ,
        keyNext = open.at(-1) !== undefined;
        break;
      case 0x22: {
        const end = closingQuote(text, i);
        const raw = text.slice(i, end + 1);
        const value: string = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
        if (!value.isWellFormed()) return "a string is not well-formed Unicode";
        if (keyNext) {
          const keys = open.at(-1);
          if (keys?.has(value)) return `duplicate key ${JSON.stringify(value).slice(0, 80).toWellFormed()}`;
          if (value === "__proto__") return 'key "__proto__" is not allowed';
          keys?.add(value);
          keyNext = false;
        }
        i = end;
        break;
      }
      default: {
        NUMBER.lastIndex = i;
        const digits = NUMBER.exec(text)?.[0] ?? "";
        if (!Number.isFinite(Number(digits))) return "a number is too large";
        i += Math.max(digits.length - 1, 0);
      }
    }
  }
  return undefined;
}

const NUMBER = /-?[0-9][0-9.eE+-]*/y;

function closingQuote(text: string, start: number): number {
  for (let i = start + 1; ; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x5c) i++;
    else if (unit === 0x22) return i;
  }
}
