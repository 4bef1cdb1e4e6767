/** Bytes that must not be seen: printing, serialising or inspecting a Secret shows nothing of it. */
import { inspect } from "node:util";

export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The only way to the bytes. Named so that every use stands out in a review. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** Overwrites the bytes. JavaScript may have copied them elsewhere; this is tidiness, not a guarantee. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
