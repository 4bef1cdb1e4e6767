/** The parameters of a call as jsonrpsee and serde read them: by place or by name, and with their words for what is wrong. */

import { base58, fromBase64, toBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { isLezAccountId, type LezAccountId } from "../../shared/zone/account.ts";
import { invalidParams, type RpcError } from "./rpc-error.ts";

/** What the readers throw of a parameter that is not as it must be. `answerCall` is the only one to catch it. */
export class BadParams extends Error {
  readonly error: RpcError;

  constructor(data: string) {
    super(data);
    this.error = invalidParams(data);
  }
}

/**
 * The parameters in order. By name, both spellings count: `block_id` and `blockId`.
 * @param names as upstream's source has them
 * @throws {BadParams}
 */
export function paramsInOrder(params: unknown, names: readonly string[]): unknown[] {
  if (names.length === 0) return [];
  if (Array.isArray(params)) {
    if (params.length < names.length) throw new BadParams("No more params");
    return params;
  }
  if (typeof params !== "object" || params === null) throw new BadParams("No more params");
  const named: Record<string, unknown> = { ...params };
  return names.map((name) => {
    const value = named[name] ?? named[camelCase(name)];
    if (value === undefined) throw new BadParams(`missing field \`${name}\``);
    return value;
  });
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** A u64 that a database can count. A larger one is one that no block has: the largest safe integer. */
export function readU64(value: unknown): number {
  if (typeof value === "bigint" && value >= 0n && value < 2n ** 64n) return Number.MAX_SAFE_INTEGER;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === "number" || typeof value === "bigint")
    throw new BadParams(`invalid value: ${named(value)}, expected u64${at(value)}`);
  throw new BadParams(`invalid type: ${named(value)}, expected u64${at(value)}`);
}

export function readAccount(value: unknown): LezAccountId {
  const text = readString(value);
  if (isLezAccountId(text)) return text;
  const wrong = /[^1-9A-HJ-NP-Za-km-z]/u.exec(text);
  if (wrong) throw new BadParams(`invalid base58: InvalidBase58Character('${wrong[0]}', ${wrong.index})${at(value)}`);
  throw new BadParams(`invalid length: expected 32 bytes, got ${lengthOf(text)}${at(value)}`);
}

/** Decoding is quadratic, so a text that is far too long is only estimated. */
function lengthOf(text: string): number {
  return text.length > 1000 ? Math.floor(text.length * 0.733) : base58.decode(text).length;
}

export function readHash(value: unknown): Digest {
  const text = readString(value);
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase() as Digest;
  throw new BadParams(`invalid hash: ${text.length % 2 === 1 ? "Odd number of digits" : "Invalid string length"}${at(value)}`);
}

/** Standard base64 with padding. */
export function readBytes(value: unknown): Uint8Array {
  const text = readString(value);
  const bytes = fromBase64(text);
  if (bytes && toBase64(bytes) === text) return bytes;
  throw new BadParams(`invalid base64${at(value)}`);
}

/** A list of at most `max`. */
export function readList<T>(value: unknown, max: number, read: (item: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new BadParams(`invalid type: ${named(value)}, expected a sequence${at(value)}`);
  if (value.length > max) throw new BadParams(`the list has more than ${max} items`);
  return value.map((item) => read(item));
}

/** 32 bytes, as a list of numbers. */
export function readByteArray(value: unknown): Uint8Array {
  const bytes = readList(value, 32, (byte) => (typeof byte === "number" && byte >= 0 && byte <= 255 ? byte : -1));
  if (bytes.length !== 32 || bytes.includes(-1)) throw new BadParams("invalid length: expected an array of 32 bytes");
  return Uint8Array.from(bytes);
}

/** Members of an object, in order. */
export function readMembers(value: unknown, names: readonly string[]): unknown[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadParams(`invalid type: ${named(value)}, expected struct`);
  return paramsInOrder(value, names);
}

function readString(value: unknown): string {
  if (typeof value === "string") return value;
  throw new BadParams(`invalid type: ${named(value)}, expected a string${at(value)}`);
}

/** A value as serde calls it. */
function named(value: unknown): string {
  if (typeof value === "string") return `string ${JSON.stringify(value)}`;
  if (typeof value === "number" || typeof value === "bigint") return `integer \`${value}\``;
  if (typeof value === "boolean") return `boolean \`${value}\``;
  if (value === null) return "null";
  return Array.isArray(value) ? "sequence" : "map";
}

/** Where serde stopped: behind the parameter, which it reads as a text of its own. */
function at(value: unknown): string {
  const isScalar = typeof value === "string" || typeof value === "number" || typeof value === "bigint";
  return isScalar ? ` at line 1 column ${typeof value === "string" ? JSON.stringify(value).length : String(value).length}` : "";
}
