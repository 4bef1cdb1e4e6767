#!/usr/bin/env node
// The executable. In the repository it runs the TypeScript sources; in a package, their bundle. A Node.js that is too old must
// be able to read this file, so nothing here is newer than modules: no top-level await, no `node:`.
import { existsSync } from "fs"; // oxlint-disable-line unicorn/prefer-node-protocol

const NOT_SET_UP = 30; // as in runtime/exit-codes.ts, which an old Node.js cannot load
const [major, minor] = process.versions.node.split(".").map(Number);
const source = new URL("./main.ts", import.meta.url);
const inRepository = existsSync(source);

if (major < 22 || (major === 22 && minor < 13)) {
  stop(`needs Node.js 22.13 or newer; this is ${process.versions.node}. Install a newer one, then run the same command.`);
} else if (inRepository && !process.features.typescript) {
  stop(`runs from TypeScript here, which Node.js ${process.versions.node} does not support. Use: npx lez-agent-pay`);
} else {
  void run(inRepository ? source.href : new URL("../dist/cli.js", import.meta.url).href);
}

async function run(program) {
  const { main } = await import(program);
  const code = await main(process.argv.slice(2));
  // All output is written. Exit now: a terminal or an idle socket would keep the process alive.
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

function stop(sentence) {
  console.error(`lez-agent-pay ${sentence}`);
  process.exitCode = NOT_SET_UP;
}
