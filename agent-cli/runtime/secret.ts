/** Secret bytes: printing, serialising or inspecting a Secret does not show them. */

import { inspect } from "node:util";

export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The only access to the bytes. The name makes every use stand out in a review. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** Overwrites the bytes. Best effort: JavaScript may have copied them elsewhere. */
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
