/** A request with two Host headers, as no HTTP client sends it: over a bare socket. */

import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { useStack } from "./stack.ts";

const world = useStack();

async function answerTo(origin: string, path: string, ...hosts: string[]): Promise<string> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  const headers = hosts.map((host) => `Host: ${host}\r\n`).join("");
  socket.write(`GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  return text(socket);
}

test.each([
  [["a.example"], 200],
  [["a.example", "b.example"], 400],
  [["a.example", "a.example"], 400],
  [["a.example, b.example"], 400],
])("the facilitator answers hosts %j with %i", async (hosts, status) => {
  const answer = await answerTo(world.stack.facilitator, "/health", ...hosts);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  if (status === 400) expect(answer).toContain("Host: must be named once");
});
