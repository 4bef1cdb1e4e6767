/**
 * A facilitator that misbehaves, one way per mode. It speaks real HTTP on loopback, and passes everything it does not
 * spoil on to an honest one.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** By mode: what it does, and the check of `validate` that names it. */
export const MODES = {
  honest: { does: "passes everything on" },
  html: { does: "200 with a page instead of JSON", caughtBy: "supported.json" },
  "wrong-shape": { does: "200 with JSON of another shape", caughtBy: "verify.shape" },
  "no-transaction": { does: "a success that names no transaction", caughtBy: "settle.shape" },
  "error-text": { does: "500 with free text that must not reach a buyer", caughtBy: "verify.codes-only" },
  hang: { does: "connects and never answers", caughtBy: "verify.answered" },
  reset: { does: "closes the connection without an answer", caughtBy: "supported.status" },
  redirect: { does: "sends the caller elsewhere", caughtBy: "supported.status" },
  flood: { does: "answers with more than anybody should read", caughtBy: "verify.compact" },
  "valid-never-settles": { does: "says of every payment that it is fine, and settles none", caughtBy: "verify.refused" },
  "loses-answer": { does: "settles, and loses the answer", caughtBy: "settle.answered" },
} as const satisfies Record<string, { does: string; caughtBy?: string }>;

export type Mode = keyof typeof MODES;
export const MODE_NAMES = Object.keys(MODES) as Mode[];

export interface HostileFacilitator {
  url: string;
  /** Which calls misbehave: every path that ends so. `target`: where it redirects to; the honest one by default. */
  misbehave(mode: Mode, path?: "/verify" | "/settle" | "/supported", target?: string): void;
  /** How often each path was called. */
  calls: Record<string, number>;
  /** What was sent, in order. */
  seen: { path: string; body: string; key: string | undefined }[];
  stop(): Promise<void>;
}

export const LEAK = "<h1>upstream secret</h1>";

/** @param honest the base URL of a facilitator that works */
export async function startHostileFacilitator(honest: () => string, port = 0): Promise<HostileFacilitator> {
  let mode: Mode = "honest";
  let spoiled: string | undefined;
  let redirectsTo: string | undefined;
  const calls: Record<string, number> = {};
  const seen: HostileFacilitator["seen"] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    calls[path] = (calls[path] ?? 0) + 1;
    const record = { path, body: "", key: request.headers.authorization };
    seen.push(record);
    request.on("data", (chunk: Buffer) => (record.body += chunk.toString("utf8")));
    const misbehaves = mode !== "honest" && (spoiled === undefined || path.endsWith(spoiled));
    const answer = misbehaves ? answerBadly(mode, path, request, response, honest(), redirectsTo) : passOn(request, response, honest());
    answer.catch(() => response.destroy()); // the honest one is not there
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    misbehave: (next, path, target) => {
      redirectsTo = target;
      mode = next;
      spoiled = path;
    },
    calls,
    seen,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answerBadly(
  mode: Mode,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  honest: string,
  target: string = honest,
): Promise<void> {
  const json = (value: unknown) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
  switch (mode) {
    case "html":
      return void response.setHeader("Content-Type", "text/html").end(LEAK);
    case "wrong-shape":
      return void json({ ok: true, message: LEAK });
    case "no-transaction":
      return void json({ isValid: true, success: true, network: "logos:lez-testnet" });
    case "error-text":
      return void response.writeHead(500).end(LEAK);
    case "hang":
      return;
    case "reset":
      return void response.destroy();
    case "redirect":
      return void response.writeHead(307, { Location: `${target}${path}` }).end();
    case "flood":
      return void json({ isValid: true, padding: "x".repeat(1024 * 1024) });
    case "valid-never-settles":
      return void json(
        path.endsWith("/settle")
          ? { success: false, errorReason: "insufficient_funds", transaction: "", network: "logos:lez-testnet" }
          : { isValid: true },
      );
    case "loses-answer":
      await forward(request, honest);
      return void response.destroy();
    case "honest":
      return passOn(request, response, honest);
  }
}

async function passOn(request: IncomingMessage, response: ServerResponse, honest: string): Promise<void> {
  const answer = await forward(request, honest);
  response.writeHead(answer.status, { "Content-Type": "application/json" }).end(await answer.text());
}

async function forward(request: IncomingMessage, honest: string): Promise<Response> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  return fetch(`${honest}${request.url ?? ""}`, { method: request.method ?? "GET", ...(body.length > 0 && { body }) });
}
