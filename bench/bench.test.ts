/** The bench itself: it counts answers, and fails when one is wrong. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Course } from "./burst.ts";
import { GOALS, verdictOn } from "./goals.ts";
import { readAnswer, runLoad } from "./load.ts";
import type { Path } from "./paths.ts";
import { newPayer } from "./payments.ts";
import { reportOf } from "./report.ts";
import { newResults, ratios } from "./results.ts";
import type { Measured } from "./rounds.ts";

async function listen(answer: (request: IncomingMessage, response: ServerResponse, number: number) => void) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    answer(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: x\r\n\r\n`);
const GOODS = { status: 200, body: "goods" };

test("every request is sent once, and every answer is counted as what it is", async () => {
  const { port, seen } = await listen((request, response, number) => {
    const fate = Number(request.url?.slice(1)) % 4;
    if (fate === 0) response.statusCode = 402;
    if (fate === 0) response.end("pay\n first");
    else if (fate === 1) response.end("bads");
    else if (fate === 2) response.end("goods");
    // Chunked, and in several pieces.
    else {
      response.write("goods");
      setTimeout(() => response.end(" and more"), number % 3);
    }
  });
  const result = await runLoad({ port, clients: 7, seconds: 10, requests: numbered(100), repeat: false, expected: GOODS });
  expect(result).toMatchObject({ answered: 25 + 25, unexpected: { "402 pay first": 25, "200 bads": 25 } });
  expect(new Set(seen).size).toBe(100);
  expect(seen).toHaveLength(100);
  expect(result.perSecond).toBe(Math.round(50 / result.seconds));
});

test("a connection that is cut is not an answer", async () => {
  const { port } = await listen((_, response, number) => void (number === 3 ? response.destroy() : response.end("goods")));
  const result = await runLoad({ port, clients: 1, seconds: 10, requests: numbered(10), repeat: false, expected: GOODS });
  expect(result).toMatchObject({ answered: 2, unexpected: { closed: 1 } });
});

test("an answer ends where its length or its last chunk says", () => {
  const whole = "HTTP/1.1 402 Payment Required\r\nContent-Length: 3\r\n\r\nabc";
  expect(readAnswer(Buffer.from(whole))).toEqual({ status: 402, bodyAt: whole.length - 3 });
  for (let end = 0; end < whole.length; end++) expect(readAnswer(Buffer.from(whole.slice(0, end)))).toBeUndefined();
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  expect(readAnswer(Buffer.from(chunked))).toMatchObject({ status: 200 });
  expect(readAnswer(Buffer.from(chunked.slice(0, -5)))).toBeUndefined();
});

/** A shop with wrong records: it answers, and records this many payments per answer. */
async function problemsWith(recorded: number, pays: boolean, answer = "goods"): Promise<string[]> {
  const { port, seen } = await listen((_, response) => response.end(answer));
  const origin = `http://127.0.0.1:${port}`;
  const site = { origin, workerds: [], transfers: async () => seen.length * recorded, stop: async () => undefined };
  const prepare = async () => () => `GET /item HTTP/1.1\r\nHost: x\r\n\r\n`;
  const path: Path = { name: "shop", what: "a shop", site: "bare", expected: GOODS, pays, prepare };
  return (await new Course(path, site, [newPayer()], { timeout: 0, firstGuess: 100 }).run(2, 0.05)).problems;
}

test("a burst is in order when every answer is a payment on record, and none when nothing was to be paid", async () => {
  expect(await problemsWith(1, true)).toEqual([]);
  expect(await problemsWith(0, false)).toEqual([]);
});

test("answers without payments, payments without answers and wrong answers are problems", async () => {
  expect(await problemsWith(0, true)).toEqual([expect.stringMatching(/^shop, 2 clients: [1-9][0-9]* answers, 0 transfers$/)]);
  expect(await problemsWith(2, true)).toEqual([expect.stringMatching(/ answers, [1-9][0-9]* transfers$/)]);
  expect(await problemsWith(1, false)).toEqual([expect.stringMatching(/ answers, [1-9][0-9]* transfers$/)]);
  expect(await problemsWith(0, true, "bads")).toEqual([
    expect.stringMatching(/ times 200 bads$/),
    "shop, 2 clients: no answer that counts",
  ]);
});

const sample = (round: number, path: string, perSecond: number): Measured =>
  ({ round, path, clients: 32, perSecond, p50: 1, p99: 2, seconds: 1, answered: perSecond, unexpected: {}, cpu: 1, problems: [] }) as const;

test("ratios are of one round, goals are held against their median, and an invalid run says so first", () => {
  const measured = [
    sample(1, "A", 100),
    sample(1, "upfront", 110),
    sample(2, "upfront", 30),
    sample(2, "A", 20),
    sample(3, "A", 10),
    sample(3, "upfront", 9),
  ];
  const rounds = {
    rounds: 3,
    seconds: 1,
    clientCounts: [32],
    paths: [
      { name: "A", what: "" },
      { name: "upfront", what: "" },
    ],
    measured,
    problems: [],
  };
  expect(ratios(rounds, "upfront", "A", 32)).toEqual([1.1, 1.5, 0.9]);
  const results = { ...newResults(), rounds, problems: ["A, 32 clients: 9 answers, 8 transfers"] };
  const verdicts = GOALS.map((goal) => `${goal.what}: ${verdictOn(goal, goal.value(results))}`);
  expect(verdicts).toContain("upfront / A, 32 clients: stretch reached");
  expect(verdicts).toContain("upfront / A, 1 client: not measured");
  expect(reportOf(results)).toMatch(/\*\*INVALID\*\*: A, 32 clients: 9 answers, 8 transfers[^]*## Goals/);
});
