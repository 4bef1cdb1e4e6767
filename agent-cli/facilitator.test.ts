import { mkdirSync, rmSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeEach, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../shared/demo.ts";
import { errorBody } from "../shared/errors.ts";
import { EXIT } from "./exit-codes.ts";
import { sandbox } from "./testing/cli.ts";
import { people } from "./testing/people.ts";

const box = sandbox();
const { owner } = await people(box);

/** What the facilitator answers, and what it was asked. */
let answer: (response: http.ServerResponse) => void;
let asked: { method: string | undefined; url: string | undefined; body: string }[] = [];
const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    asked.push({ method: request.method, url: request.url, body: Buffer.concat(chunks).toString() });
    answer(response);
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => void server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const env = { LEZ_FACILITATOR_URL: url };
const json = (status: number, body: object) => (response: http.ServerResponse) => response.writeHead(status).end(JSON.stringify(body));
beforeEach(() => (asked = []));

test("balance tells what is there, what is held and what can be spent", async () => {
  answer = json(200, { account: owner.account, balance: "1000000000", held: "400000000", journalSeq: 1, journalHead: "00".repeat(32) });
  const run = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", `${url}/`]);
  expect(asked).toMatchObject([{ method: "GET", url: `/accounts/${owner.account}` }]);
  expect(run.json.data).toMatchObject({ balance: { display: "1 LGO" }, held: { amount: "400000000" }, spendable: { display: "0.6 LGO" } });
});

test("an address that cannot be the facilitator's is named by where it came from", async () => {
  const told = async (words: string[], more: Record<string, string> = {}) =>
    (await box.run(["balance", "--owner-file", "./owner.json", ...words], { env: more })).json.error;
  expect(await told(["--facilitator-url", "ftp://x"])).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/^--facilitator-url: /),
  });
  expect(await told([], { LEZ_FACILITATOR_URL: "nope" })).toMatchObject({ message: expect.stringMatching(/^LEZ_FACILITATOR_URL: /) });
  mkdirSync(box.path("home"), { recursive: true, mode: 0o700 });
  box.write("home/config.json", { facilitatorUrl: "http://pay.example.com" });
  expect(await told([])).toMatchObject({ code: "insecure_url", message: expect.stringContaining(`"${box.path("home/config.json")}": `) });
  rmSync(box.path("home/config.json"));
});

test("the faucet pays one grant for one id, however often it is asked", async () => {
  answer = (response) => response.destroy();
  const lost = await box.run(["faucet", "--account", `Public/${DEMO_MERCHANT_ACCOUNT}`, "--amount", "5"], { env });
  expect([lost.exit, lost.json.error.retryable]).toEqual([EXIT.network, true]);
  answer = json(200, { success: true, transaction: "tx", account: DEMO_MERCHANT_ACCOUNT, balance: "5" });
  const again = await box.run(lost.json.next?.argv.slice(1) ?? [], { env });
  expect(again.json.data).toMatchObject({ granted: { amount: "5" }, balance: { amount: "5" } });
  const [first, second] = asked.map(({ body }) => JSON.parse(body) as { account: string; amount: string; id: string });
  expect(first).toMatchObject({ account: DEMO_MERCHANT_ACCOUNT, amount: "5", id: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  expect(second).toEqual(first);
});

test.each([
  ["rate_limited", 429, EXIT.busy],
  ["not_found", 404, EXIT.unsupported],
  ["invalid_payload", 400, EXIT.usage],
  ["faucet_empty", 503, EXIT.network],
] as const)("the facilitator's %s is an exit code and a sentence", async (code, status, exit) => {
  answer = json(status, errorBody(code));
  const run = await box.run(["faucet", "--owner-file", "./owner.json"], { env });
  expect([run.exit, run.json.error.code]).toEqual([exit, code]);
  expect(run.json.error.hint).toBeTruthy();
});

test("nonsense, silence and a missing key are told apart", async () => {
  for (const nonsense of [
    json(200, { balance: -1 }),
    json(502, {}),
    (response: http.ServerResponse) => response.writeHead(200).end("<html>"),
  ]) {
    answer = nonsense;
    expect((await box.run(["balance", "--owner-file", "./owner.json"], { env })).exit).toBe(EXIT.network);
  }
  const gone = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", "http://127.0.0.1:1"]);
  expect([gone.exit, gone.json.error.hint]).toEqual([EXIT.network, expect.stringContaining("npm run stack")]);
  const tls = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", url.replace("http:", "https:")]);
  expect(tls.json.error.message).toContain("its address may be http:");
  const keyless = await box.run(["balance", "--owner-file", "./none.json"], { env });
  expect([keyless.exit, keyless.json.error.hint]).toEqual([
    EXIT.notSetUp,
    `If you have one, name it: --owner-file. If not, make one: lez-agent-pay owner create --out ${box.path("none.json")}`,
  ]);
  expect((await box.run(["balance", "--facilitator-url", "http://pay.example", "--owner-file", "./owner.json"])).json.error.code).toBe(
    "insecure_url",
  );
});
