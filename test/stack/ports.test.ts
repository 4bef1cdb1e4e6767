/** `npm run stack` on ports that are taken: it says so, and does not start somewhere else. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { expect, test } from "vitest";

const SCRIPT = path.join(import.meta.dirname, "../../scripts/stack.ts");

/** Until it ends, or says that it is ready: then it is stopped. */
async function stack(...words: string[]) {
  const child = spawn(process.execPath, [SCRIPT, "--quiet", ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.stdout += chunk.toString();
    child.kill("SIGTERM");
  });
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const [exit] = (await once(child, "close")) as [number];
  return { exit, ...said };
}

/** Makes sure that a server listens on the port: ours, or one that was there before. */
async function occupied(port: number) {
  const server = createServer();
  await new Promise((resolve) => server.once("error", resolve).listen(port, "127.0.0.1", () => resolve(undefined)));
  const taken = (server.address() as AddressInfo | null)?.port ?? port;
  return { port: taken, [Symbol.asyncDispose]: async () => void (server.listening && server.close()) };
}

test("the usual port, taken, is an exit code and a sentence", async () => {
  await using other = await occupied(8787);
  const { exit, stdout, stderr } = await stack();
  expect([exit, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(`Port ${other.port} is in use`);
}, 60_000);

test("so is a port that was asked for; any free one is asked for with 0", async () => {
  await using other = await occupied(0);
  const taken = await stack("--merchant-port", "0", "--facilitator-port", String(other.port));
  expect([taken.exit, taken.stdout]).toEqual([1, ""]);
  expect(taken.stderr).toContain(`Port ${other.port} is in use`);
  const started = await stack("--merchant-port", "0", "--facilitator-port", "0");
  expect(JSON.parse(started.stdout)).toMatchObject({ merchant: expect.stringMatching(/^http:/) as string });
}, 60_000);
