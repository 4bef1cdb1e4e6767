/**
 * Draws docs/demo.svg: runs the demo on a terminal and renders what it printed.
 *
 *     npm run picture
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "@lydell/node-pty";
import { terminalLines, terminalSvg } from "./terminal-svg.ts";

const ROOT = join(import.meta.dirname, "..");
const COLUMNS = 80;
const ROWS = 34;

/** What `lez-agent-pay demo` prints on a terminal. It needs a build. */
export async function recordDemo(): Promise<string> {
  const { NO_COLOR: _1, FORCE_COLOR: _2, CI: _3, LEZ_AGENT_PAY_DEBUG: _4, ...env } = process.env;
  const terminal = spawn(process.execPath, [join(ROOT, "agent-cli/bin.js"), "demo"], {
    cols: COLUMNS,
    rows: ROWS,
    cwd: ROOT,
    env: { ...env, TERM: "xterm-256color", LANG: "C.UTF-8" },
  });
  let output = "";
  terminal.onData((data) => (output += data));
  const exit = await new Promise<number>((done) => terminal.onExit(({ exitCode }) => done(exitCode)));
  if (exit !== 0) throw new Error(`the demo ended with ${exit}:\n${output}`);
  return output;
}

/** Continued lines are joined and everything that differs from run to run is masked: accounts, digests, short codes, times. */
export function masked(text: string): string {
  return text
    .replaceAll(/\n {19}(?=\S)/g, "")
    .replaceAll(/\b[0-9a-f]{64}\b/g, "<digest>")
    .replaceAll(/\b[1-9A-HJ-NP-Za-km-z]{32,44}\b/g, "<account>")
    .replaceAll(/\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/g, "<code>")
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "<time>")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>");
}

if (import.meta.main) {
  const svg = terminalSvg(terminalLines(await recordDemo()), { title: "npm run demo", columns: COLUMNS, rows: ROWS });
  writeFileSync(join(ROOT, "docs/demo.svg"), svg);
  console.log(`wrote docs/demo.svg, ${svg.length} bytes`);
}
