/** Runs the CLI in a directory of its own: in process, or as the real executable on a real terminal. */

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { type IPty, spawn } from "@lydell/node-pty";
import { afterAll, expect } from "vitest";
import { main } from "../main.ts";
import { COMMANDS } from "../registry.ts";
import { configFile } from "../runtime/config.ts";
import { CHEAP_CLI, COMPILED, endMark, LATER, preload } from "./built.ts";
import { openServed, withServed } from "./served.ts";

export const REASON = "The comparison you asked for needs the figures of this report.";
export const PASSPHRASE = "correct horse battery";

export interface Envelope {
  ok: boolean;
  // The data of any command; each success is checked against its own schema below.
  data: Record<string, any>; // oxlint-disable-line typescript/no-explicit-any
  error: { code: string; message: string; hint?: string; retryable: boolean; details?: Record<string, any> }; // oxlint-disable-line typescript/no-explicit-any
  next?: { argv: string[]; by: string };
  meta: { command?: string; version: string; trace?: string };
}

export interface Run {
  exit: number;
  stdout: string;
  stderr: string;
  /** Both as they came: what a person whose terminal shows both has read. What was typed is not in it. */
  screen: string;
  /** The one envelope on stdout. Reading it fails the test when stdout is anything else. */
  readonly json: Envelope;
}

export interface RunOptions {
  env?: Record<string, string>;
  /** stdout is a terminal; stdin is not, so nothing can be asked. */
  terminal?: boolean;
  signal?: AbortSignal;
  /** What is piped in, and then its end; null for a pipe that stays open. */
  stdin?: string | null;
  /** A person at a terminal that cannot redraw: what they answer to the text they see, in this order. */
  answers?: readonly Answer[];
  /** Is told of all that stderr has said, whenever it says more. */
  heard?: (said: string) => void;
}

export type Answer = readonly [question: string, answer: string | (() => Promise<string>)];

/** As a person types it, quotes and all, or word by word. */
export type CommandLine = string | readonly string[];

export function wordsOf(line: string): string[] {
  return line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)?.map((word) => word.replaceAll(/["']/g, "")) ?? [];
}

export class Sandbox {
  readonly directory = mkdtempSync(path.join(tmpdir(), "lez-agent-pay-"));
  readonly env = { LEZ_AGENT_PAY_HOME: this.path("home"), TERM: "xterm", LANG: "C.UTF-8", NODE_COMPILE_CACHE: COMPILED };

  path(name: string): string {
    return path.join(this.directory, name);
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the reader knows what it wrote
  read<Value>(name: string): Value {
    return JSON.parse(readFileSync(this.path(name), "utf8")) as Value;
  }

  text(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  write(name: string, content: unknown, mode = 0o600): string {
    const opened = path.basename(name) === "config.json" && typeof content === "object" ? withServed(content as object) : content;
    writeFileSync(this.path(name), typeof opened === "string" ? opened : JSON.stringify(opened), { mode });
    return this.path(name);
  }

  /** Words with a leading `./` are files of the sandbox. */
  argv(command: CommandLine): string[] {
    return (typeof command === "string" ? wordsOf(command) : command).map((word) =>
      word.startsWith("./") ? this.path(word.slice(2)) : word,
    );
  }

  async run(
    command: CommandLine,
    { env = {}, terminal = false, signal = new AbortController().signal, answers, heard, stdin: piped = null }: RunOptions = {},
  ): Promise<Run> {
    this.#openServed(env);
    const stdin = Object.assign(new PassThrough(), { isTTY: answers !== undefined });
    const screen: Buffer[] = [];
    const [stdout, stderr] = [sink(terminal, screen), sink(terminal || answers !== undefined, screen)];
    if (piped !== null) stdin.end(piped);
    if (answers) answerOn(stderr.stream, stdin, answers);
    if (heard) stderr.stream.on("data", () => heard(stderr.text()));
    const exit = await main(this.argv(command), {
      stdin,
      stdout: stdout.stream,
      stderr: stderr.stream,
      env: { ...this.env, ...(answers && { TERM: "dumb" }), ...env },
      cwd: this.directory,
      accountHome: this.path("account"),
      signal,
    });
    return {
      exit,
      stdout: stdout.text(),
      stderr: stderr.text(),
      screen: Buffer.concat(screen).toString("utf8"),
      get json() {
        return envelopeOf(stdout.text());
      },
    };
  }

  /** The executable itself, on a terminal of that many columns. */
  terminal(command: CommandLine, { cols = 80, env = {} }: { cols?: number; env?: Record<string, string> } = {}): Terminal {
    this.#openServed(env);
    return new Terminal(
      spawn(process.execPath, ["--import", preload("later"), ...CHEAP_CLI, ...this.argv(command)], {
        cols,
        rows: 100,
        cwd: this.directory,
        env: { ...this.env, ...env },
      }),
    );
  }

  /** A terminal that runs several commands, one after another, in one process. */
  async sharedTerminal(): Promise<SharedTerminal> {
    const server = createServer().listen(this.path("terminal.sock"));
    const pty = spawn(process.execPath, ["--import", preload("cheap-scrypt"), preload("terminal-host"), this.path("terminal.sock")], {
      cols: 80,
      rows: 100,
      cwd: this.directory,
      env: this.env,
    });
    const [socket] = (await once(server, "connection")) as [Socket];
    server.close();
    return {
      run: (command) => {
        this.#openServed({});
        const terminal = new Terminal(pty);
        socket.write(`${JSON.stringify(this.argv(command))}\n`);
        return terminal;
      },
      close: () => void socket.end(),
    };
  }

  #openServed(env: Record<string, string>): void {
    const file = configFile({ env: { ...this.env, ...env }, accountHome: this.path("account") });
    if (file.startsWith(this.directory)) openServed(file);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export interface SharedTerminal {
  /** Only when the command before it is over. */
  run(command: CommandLine): Terminal;
  close(): void;
}

/** A sandbox for one test file, removed when its tests are over. */
export function sandbox(): Sandbox {
  const made = new Sandbox();
  afterAll(() => made.remove());
  return made;
}

export class Terminal {
  /** Everything the terminal was sent, escape sequences included. */
  raw = "";
  readonly exit: Promise<number>;
  readonly #pty: IPty;
  #seen = 0;
  #waiting: (() => void) | undefined;

  constructor(pty: IPty) {
    this.#pty = pty;
    this.exit = new Promise((resolve) => {
      const over = (exit: number) => {
        data.dispose();
        resolve(exit);
        this.#waiting?.();
      };
      const data = pty.onData((text) => {
        this.raw += text;
        const end = END_MARK.exec(this.raw);
        if (end) {
          this.raw = this.raw.slice(0, end.index);
          over(Number(end[1]));
        } else this.#waiting?.();
      });
      pty.onExit(({ exitCode }) => over(exitCode));
    });
  }

  get text(): string {
    return stripVTControlCharacters(this.raw).replaceAll("\r", "");
  }

  /** Waits until the text appears behind what was waited for before. */
  async until(text: string): Promise<void> {
    let over = false;
    void this.exit.then(() => (over = true));
    for (;;) {
      const at = this.text.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (over) throw new Error(`the terminal closed before it said "${text}":\n${this.text}`);
      await new Promise<void>((resolve) => (this.#waiting = resolve));
    }
  }

  /** Types at once, whatever is on the screen. */
  type(keys: string): void {
    this.#pty.write(keys);
  }

  get pid(): number {
    return this.#pty.pid;
  }

  signal(name: "SIGTSTP" | "SIGCONT"): void {
    this.#pty.kill(name);
  }

  /** Moves the CLI's clock on by an hour. */
  async later(): Promise<void> {
    this.#pty.kill("SIGUSR2");
    await this.until(LATER);
  }

  /** Types as a person would: after the question is there. */
  async answer(question: string, keys: string): Promise<void> {
    await this.until(question);
    // The question is drawn just before its keys are listened to.
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#pty.write(keys);
  }
}

// oxlint-disable-next-line no-control-regex -- it is one
const END_MARK = new RegExp(endMark("([0-9]+)"));

/** @param all gets each chunk as well */
function sink(isTTY: boolean, all: Buffer[]) {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    all.push(chunk);
  });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}

/** Waits for each question behind the one before it, and types the answer. */
function answerOn(screen: PassThrough, keyboard: PassThrough, answers: readonly Answer[]): void {
  const waiting = [...answers];
  let unseen = "";
  screen.on("data", (chunk: Buffer) => {
    unseen += chunk.toString();
    const [question, answer] = waiting[0] ?? [];
    const at = question === undefined ? -1 : unseen.indexOf(question);
    if (question === undefined || answer === undefined || at < 0) return;
    unseen = unseen.slice(at + question.length);
    waiting.shift();
    void Promise.resolve(typeof answer === "string" ? answer : answer()).then((text) => keyboard.write(`${text}\n`));
  });
}

function envelopeOf(stdout: string): Envelope {
  expect(stdout).toMatch(/^\{.*\}\n$/); // one line, and nothing else
  const envelope = JSON.parse(stdout) as Envelope;
  const command = COMMANDS.find(({ name }) => name === envelope.meta.command);
  if (envelope.ok && command) expect(command.output.safeParse(envelope.data).error).toBeUndefined();
  return envelope;
}
