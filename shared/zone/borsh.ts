/** Borsh, as far as LEZ writes it: little-endian integers, lists with a u32 length, options with a byte in front. */

import { concatBytes } from "../crypto/bytes.ts";

export type Decoded<T> = { ok: true; value: T } | { ok: false; problem: string };

/** What `ByteReader` throws of bytes that are not what is read. `decodeExactly` is the only one to catch it. */
export class Malformed extends Error {}

/**
 * Reads all of `bytes` with `read`, and refuses a byte left over. Never throws for any bytes.
 * @param read throws `Malformed` for what it refuses
 */
export function decodeExactly<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): Decoded<T> {
  try {
    const reader = new ByteReader(bytes);
    const value = read(reader);
    reader.end();
    return { ok: true, value };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ok: false, problem: error.message };
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next `count` bytes, as a view. */
  bytes(count: number): Uint8Array {
    if (count > this.left) throw new Malformed(`ends ${count - this.left} bytes too early`);
    this.#offset += count;
    return this.#bytes.subarray(this.#offset - count, this.#offset);
  }

  /** What was read from `start` to here, as a view. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#offset);
  }

  u8(): number {
    return this.bytes(1)[0] ?? 0;
  }

  u32(): number {
    return Number(littleEndian(this.bytes(4)));
  }

  u64(): bigint {
    return littleEndian(this.bytes(8));
  }

  u128(): bigint {
    return littleEndian(this.bytes(16));
  }

  /** A list of bytes: `Vec<u8>`. */
  byteList(): Uint8Array {
    return this.bytes(this.u32());
  }

  /**
   * A list of anything else.
   * @param itemBytes the fewest bytes of one item: a length that the rest cannot hold is refused before anything is allocated
   */
  list<T>(itemBytes: number, read: (reader: this) => T): T[] {
    const length = this.u32();
    if (length * itemBytes > this.left) throw new Malformed(`lists ${length} items, which the rest cannot hold`);
    return Array.from({ length }, () => read(this));
  }

  option<T>(read: (reader: this) => T): T | undefined {
    const tag = this.u8();
    if (tag > 1) throw new Malformed(`has an option with tag ${tag}`);
    return tag === 1 ? read(this) : undefined;
  }

  end(): void {
    if (this.left > 0) throw new Malformed(`has ${this.left} bytes too many`);
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Its methods return it. @throws {RangeError} for a number that its type does not have */
export class ByteWriter {
  readonly #chunks: Uint8Array[] = [];

  bytes(bytes: Uint8Array): this {
    this.#chunks.push(bytes);
    return this;
  }

  u8(value: number): this {
    return this.#number(BigInt(value), 1);
  }

  u32(value: number): this {
    return this.#number(BigInt(value), 4);
  }

  u64(value: bigint): this {
    return this.#number(value, 8);
  }

  u128(value: bigint): this {
    return this.#number(value, 16);
  }

  byteList(bytes: Uint8Array): this {
    return this.u32(bytes.length).bytes(bytes);
  }

  list<T>(items: readonly T[], write: (writer: this, item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  option<T>(value: T | undefined, write: (writer: this, value: T) => void): this {
    this.u8(value === undefined ? 0 : 1);
    if (value !== undefined) write(this, value);
    return this;
  }

  done(): Uint8Array<ArrayBuffer> {
    return concatBytes(this.#chunks);
  }

  #number(value: bigint, size: number): this {
    if (value < 0n || value >> BigInt(8 * size) !== 0n) throw new RangeError(`${value} is no u${8 * size}`);
    return this.bytes(Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)));
  }
}
