/** A server on 127.0.0.1 that sells nothing and remembers every body it was sent. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { served } from "./served.ts";

export async function startRecorder(): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    bodies.push(Buffer.concat(chunks).toString("utf8"));
    response.end("free");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => void server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served(origin);
  return { url: `${origin}/free`, bodies };
}
