/** The MCP server in this process, with the official client at its other end. */

import { PassThrough } from "node:stream";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { afterAll } from "vitest";
import { serve } from "../mcp/server.ts";
import { PROGRAM } from "../registry.ts";
import { contextFor } from "../runtime/context.ts";
import type { Sandbox } from "./cli.ts";

export interface TestServer {
  client: Client;
  /** Ends the server's stdin, as a client that leaves. Resolves when the server has ended. */
  leave: () => Promise<void>;
}

/** Serves until the client leaves or the test file is over. */
export async function startMcp(box: Sandbox, times?: Parameters<typeof serve>[1]): Promise<TestServer> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr: stderr.resume(), env: box.env, signal: new AbortController().signal };
  const endings: (() => Promise<void>)[] = [];
  const context = { ...contextFor(io, ["mcp"], true), program: PROGRAM, atEnd: (ending: () => Promise<void>) => void endings.push(ending) };
  const served = serve(context, times);
  const leave = async () => {
    stdin.end();
    await served;
    for (const ending of endings) await ending();
  };
  afterAll(leave);
  const client = new Client({ name: "test", version: "0" });
  // One JSON message per line, in either direction.
  await client.connect(new StdioServerTransport(stdout, stdin));
  // From here on the client checks every result against its tool's output schema.
  await client.listTools();
  return { client, leave };
}
