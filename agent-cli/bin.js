#!/usr/bin/env node
// The executable. In the repository it runs the TypeScript sources; in a package, their bundle.
import { existsSync } from "node:fs";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const source = new URL("./main.ts", import.meta.url);
const inRepository = existsSync(source);

if (major < 22 || (major === 22 && minor < 13)) {
  stop(`needs Node.js 22.13 or newer; this is ${process.versions.node}.`);
} else if (inRepository && !process.features.typescript) {
  stop(`runs from TypeScript here, which Node.js ${process.versions.node} does not support. Use: npx lez-agent-pay`);
} else {
  const { main } = await import(inRepository ? source.href : new URL("../dist/cli.js", import.meta.url).href);
  const code = await main(process.argv.slice(2));
  // All output is written. Exit now: a terminal or an idle socket would keep the process alive.
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

function stop(sentence) {
  console.error(`lez-agent-pay ${sentence}`);
  process.exitCode = 1;
}
