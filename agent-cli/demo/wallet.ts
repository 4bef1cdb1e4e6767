/** A wallet in a temporary folder: the commands of an owner and of an agent, run in this process without a terminal. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { parseArgv } from "../command-line/argv.ts";
import type { CommandContext, ProgramContext } from "../command-line/command.ts";
import { runCommand } from "../command-line/run.ts";
import { contextFor } from "../runtime/context.ts";
import type { Outcome } from "../runtime/outcome.ts";

/** What came of a command, and what it showed to a person. */
export interface Done<Data> {
  outcome: Outcome<Data>;
  said: readonly string[];
}

/** Removed when the command that made it is over. */
export class Wallet {
  readonly #context: CommandContext;
  readonly #folder: string;
  /** A file with the passphrase of the owner's key. */
  readonly passphraseFile: string;

  /** @param config the user's configuration */
  constructor(context: CommandContext, config: object) {
    this.#context = context;
    this.#folder = mkdtempSync(path.join(tmpdir(), "lez-agent-pay-"));
    context.atEnd(() => rm(this.#folder, { recursive: true, force: true }));
    this.passphraseFile = this.#write("passphrase.txt", bytesToHex(randomBytes(16)));
    this.#write("config.json", JSON.stringify(config));
  }

  /** The path of a file in its folder. */
  file(name: string): string {
    return path.join(this.#folder, name);
  }

  /**
   * Runs a command. Of the process's environment nothing reaches it: the user's own wallet is another.
   * @param output the schema of what the caller needs of its data
   * @param width columns of what it shows
   */
  async run<Data>(output: z.ZodType<Data>, words: readonly string[], width = this.#context.layout.width): Promise<Done<Data>> {
    const parse = parseArgv(words, this.#context.program);
    if (parse.kind !== "run") throw new Error(`no command: ${words.join(" ")}`);
    const said: string[] = [];
    const outcome = await runCommand(parse.command, parse.raw, this.#contextOf(words, width, said));
    if (!outcome.ok) return { outcome, said };
    return { outcome: { ...outcome, data: output.parse(outcome.data) }, said };
  }

  #contextOf(words: readonly string[], width: number, said: string[]): ProgramContext {
    const { io, program, layout } = this.#context;
    const own = { ...io, env: { LEZ_AGENT_PAY_HOME: this.#folder }, cwd: this.#folder, accountHome: this.#folder };
    return {
      ...contextFor(own, words, true),
      program,
      layout: { ...layout, width },
      interactive: false,
      progress: () => undefined,
      say: (...lines) => void said.push(...lines),
    };
  }

  #write(name: string, content: string): string {
    writeFileSync(this.file(name), content, { mode: 0o600 });
    return this.file(name);
  }
}
