/** The built CLI that tests spawn: the layout of the package, made once per run by test/global-setup.ts from the sources under test. */

import * as path from "node:path";

const CACHE = path.join(import.meta.dirname, "../../node_modules/.cache/lez-agent-pay");

export const BUILT = path.join(CACHE, "built");
/** Node's compile cache, shared by all spawned processes. */
export const COMPILED = path.join(CACHE, "compiled");
export const BIN = path.join(BUILT, "agent-cli/bin.js");

/** Sources of the preloads (`node --import`), by name; each becomes a file in `BUILT`. */
export const PRELOADS = ["cheap-scrypt", "kill-at", "later", "terminal-host"] as const;
export const preload = (name: (typeof PRELOADS)[number]) => path.join(BUILT, `${name}.js`);

/** Node's arguments before the CLI's own: the CLI with a scrypt that costs next to nothing. */
export const CHEAP_CLI = ["--import", preload("cheap-scrypt"), BIN] as const;

/** Ends the output of one command of a terminal that runs several: an OSC sequence, which no terminal shows. */
export const endMark = (exit: number | string) => `\u001b]lez-end;${exit}\u0007`;

/** The preload `later` has moved the clock on. */
export const LATER = "[an hour later]";
