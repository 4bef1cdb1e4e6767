/** A request with two Host headers, as no HTTP client sends it: over a bare socket. */

import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { paywall, type PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { useStack } from "./stack.ts";

const world = useStack();

async function answerTo(origin: string, path: string, ...hosts: string[]): Promise<string> {
  const socket = connect(Number(new URL(origin).port), "127.0.0.1");
  const headers = hosts.map((host) => `Host: ${host}\r\n`).join("");
  socket.write(`GET ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`);
  return text(socket);
}

describe.each([
  ["facilitator", "/health", 200],
  ["merchant", "/premium", 402],
  ["merchant", "/.well-known/did.json", 404],
] as const)("the %s at %s", (worker, path, usual) => {
  test.each([
    [["a.example"], usual],
    [["a.example", "b.example"], 400],
    [["a.example", "a.example"], 400],
    [["a.example, b.example"], 400],
  ])("answers hosts %j with %i", async (hosts, status) => {
    const answer = await answerTo(world.stack[worker], path, ...hosts);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 400) expect(answer).toContain("Host: must be named once");
  });
});

test("a seller's own Worker answers two hosts with 400 where it sells", async () => {
  const app = new Hono<PaywallEnv>().get("/item", paywall({ amount: "1" }), (c) => c.text("goods"));
  const answer = await app.request("https://shop.example/item", { headers: { Host: "a.example, b.example" } }, {});
  expect(answer.status).toBe(400);
});
