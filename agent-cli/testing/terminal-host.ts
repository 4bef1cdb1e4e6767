/**
 * Runs one command line after another on the terminal that started it, as `bin.js` runs one: starting Node takes longer than most
 * commands. The lines come over the socket that its argument names; a mark on the terminal ends the output of each.
 */

import { connect } from "node:net";
import { createInterface } from "node:readline";
import { endMark } from "./built.ts";

const { main } = (await import(new URL("./dist/cli.js", import.meta.url).href)) as typeof import("../main.ts");
const { stdin, stdout, stderr } = process;
// Each command adds its own, which the end of a process would remove.
for (const stream of [stdin, stdout, stderr]) stream.setMaxListeners(0);

for await (const line of createInterface({ input: connect(process.argv[2] ?? "") })) {
  const exit = await main(JSON.parse(line) as string[]);
  // As the end of a process does.
  stdin.pause();
  stdin.setRawMode(false);
  process.removeAllListeners("SIGINT").removeAllListeners("SIGTERM");
  stdout.write(endMark(exit));
}
process.exit();
