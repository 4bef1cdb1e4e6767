/**
 * Divides scrypt's cost by 8192, for tests only: vitest loads it in process, spawned CLIs preload it (`node --import`). The CLI itself
 * cannot lower the cost, and its headers still say the full one.
 */

import crypto, { type BinaryLike, type ScryptOptions } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** How many keys must be typed while the first key derivation runs; it says `HOLDING` and ends once they have been read. */
export const HOLD_SCRYPT = "LEZ_TEST_HOLD_SCRYPT";
export const HOLDING = "[scrypt waits for keys]";

const DIVISOR = 2 ** 13;

type Scrypt = (
  password: BinaryLike,
  salt: BinaryLike,
  length: number,
  options: ScryptOptions,
  done: (error: Error | null, key: Buffer) => void,
) => void;

const patchable = crypto as { scrypt: Scrypt & { genuine?: Scrypt } };
/** Several test files may load this into one process: the patch never wraps itself. */
export const genuineScrypt: Scrypt = patchable.scrypt.genuine ?? patchable.scrypt;

const cheap: Scrypt = (password, salt, length, options, done) =>
  afterKeys(() => genuineScrypt(password, salt, length, { ...options, N: (options.N ?? 0) / DIVISOR }, done));
patchable.scrypt = Object.assign(cheap, { genuine: genuineScrypt });
syncBuiltinESMExports();

let awaited = Number(process.env[HOLD_SCRYPT] ?? 0);

function afterKeys(run: () => void): void {
  if (awaited === 0) return run();
  const read = (chunk: Buffer | string) => {
    awaited -= chunk.length;
    if (awaited > 0) return;
    awaited = 0;
    process.stdin.off("data", read);
    setImmediate(run); // the CLI's own listeners read the keys first
  };
  // By the next turn of the event loop the CLI has silenced the terminal.
  setImmediate(() => {
    process.stdin.on("data", read);
    process.stderr.write(HOLDING);
  });
}
