import { mkdirSync, rmSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { errorBody } from "../../shared/errors.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { people } from "../testing/people.ts";
import { served } from "../testing/served.ts";

const box = sandbox();
const { owner } = await people(box);

/** What the facilitator answers, and what it was asked. */
let answer: (response: http.ServerResponse) => void;
let asked: { method: string | undefined; url: string | undefined; body: string; key: string | undefined }[] = [];
const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method, url, headers } = request;
    asked.push({ method, url, body: Buffer.concat(chunks).toString(), key: headers.authorization });
    answer(response);
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => void server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
served(url);
const env = { LEZ_FACILITATOR_URL: url };
const json = (status: number, body: object) => (response: http.ServerResponse) => response.writeHead(status).end(JSON.stringify(body));
beforeEach(() => (asked = []));

test("balance shows the balance, the held part and the spendable part", async () => {
  answer = json(200, { account: owner.account, balance: "1000000000", held: "400000000", journalSeq: 1, journalHead: "00".repeat(32) });
  const run = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", `${url}/`]);
  expect(asked).toMatchObject([{ method: "GET", url: `/accounts/${owner.account}` }]);
  expect(run.json.data).toMatchObject({ balance: { display: "1 LGO" }, held: { amount: "400000000" }, spendable: { display: "0.6 LGO" } });
});

test("a time that no calendar has is an unusable answer, whichever command would show it", async () => {
  const never = 9_000_000_000_000;
  const shard = { shard: 0, now: never, final: 0, machine: 0, at: never, held: 0 };
  answer = json(200, { ledger: "1e".repeat(32), shards: [shard] });
  box.write("operator.key", "00".repeat(32));
  for (const command of ["ledger clock", `ledger retire ${"1e".repeat(32)} --operator-key-file ./operator.key`]) {
    // The text for people shows the time.
    const run = await box.run(command, { env, terminal: true });
    expect(run.exit, command).toBe(EXIT.network);
    expect(run.stdout + run.stderr, command).toContain("unusable answer");
  }
});

test("an unusable facilitator URL is named by its source", async () => {
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
  ["insufficient_funds", 402, EXIT.paymentRejected],
  ["invalid_signature", 402, EXIT.paymentRejected],
  ["recipient_mismatch", 402, EXIT.usage],
  ["payload_too_large", 413, EXIT.usage],
] as const)("the facilitator's %s is an exit code and a sentence", async (code, status, exit) => {
  answer = json(status, errorBody(code));
  const run = await box.run(["faucet", "--owner-file", "./owner.json"], { env });
  expect([run.exit, run.json.error.code]).toEqual([exit, code]);
  expect(run.json.error.hint).toBeTruthy();
});

test("a faucet at its daily limit says when again, and is not busy [faucet-daily-limit]", async () => {
  answer = (response) => response.writeHead(429, { "retry-after": "43200" }).end(JSON.stringify(errorBody("rate_limited")));
  const run = await box.run(["faucet", "--owner-file", "./owner.json"], { env });
  expect([run.exit, run.json.error.code, run.json.error.retryable]).toEqual([EXIT.network, "rate_limited", true]);
  expect(run.json.error.message).toMatch(/Ask again at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(in 12 h\)\.$/);
  expect(run.json.next).toMatchObject({ afterSeconds: 43200 });
});

test("a refusal is shown in the facilitator's words, which cannot move the screen", async () => {
  const { error, problem } = errorBody("rate_limited");
  answer = json(429, {
    error,
    problem: { ...problem, message: "A day's share is gone.\u001b[2J", detail: "account: 5", hint: "Ask tomorrow." },
  });
  const run = await box.run(["balance", "--owner-file", "./owner.json"], { env });
  expect(run.json.error).toMatchObject({
    code: "rate_limited",
    message: `The facilitator says: "A day's share is gone.\\u001b[2J account: 5"`,
    hint: 'It advises: "Ask tomorrow."',
    retryable: true,
  });
});

test.each([undefined, null, "text", { message: 5, hint: ["x"] }])("a refusal whose words are %o is shown in ours", async (problem) => {
  answer = json(429, { error: "rate_limited", problem });
  const run = await box.run(["balance", "--owner-file", "./owner.json"], { env });
  const { message, hint } = errorBody("rate_limited").problem;
  expect([run.exit, run.json.error]).toMatchObject([EXIT.busy, { message, hint }]);
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
  for (const origin of ["http://127.0.0.1:1", url.replace("http:", "https:")]) served(origin);
  const gone = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", "http://127.0.0.1:1"]);
  expect([gone.exit, gone.json.error.hint]).toEqual([EXIT.network, expect.stringContaining("lez-agent-pay stack")]);
  const tls = await box.run(["balance", "--owner-file", "./owner.json", "--facilitator-url", url.replace("http:", "https:")]);
  expect(tls.json.error.message).toContain("its address may be http:");
  const keyless = await box.run(["balance", "--owner-file", "./none.json"], { env });
  expect([keyless.exit, keyless.json.error.hint]).toEqual([
    EXIT.notSetUp,
    `If you have one, name it: --owner-file. If not, create one: lez-agent-pay owner create --out ${box.path("none.json")}`,
  ]);
  expect((await box.run(["balance", "--facilitator-url", "http://pay.example", "--owner-file", "./owner.json"])).json.error.code).toBe(
    "insecure_url",
  );
});

describe("ledger audit", () => {
  const report = {
    ok: true,
    ledger: "1e".repeat(32),
    shards: 1,
    supply: "10",
    balances: "10",
    inFlight: "0",
    held: "0",
    accounts: 1,
    journalEntries: 1,
    conclusive: true,
    problems: [] as string[],
  };
  const audit = (...words: string[]) => box.run(["ledger", "audit", ...words], { env });
  const unauthorized = json(401, errorBody("unauthorized"));

  test("sends the operator's key from a private file, and prints no part of it", async () => {
    answer = json(200, report);
    box.write("operator.key", "s3cret-key\n", 0o600);
    const run = await audit("--operator-key-file", "./operator.key");
    expect(run.json.data).toMatchObject({ ledger: report.ledger });
    expect(asked).toMatchObject([{ method: "GET", url: "/ledger/audit", key: "Bearer s3cret-key" }]);
    answer = unauthorized;
    const refused = await audit("--operator-key-file", "./operator.key");
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.notSetUp, "unauthorized"]);
    expect(refused.json.error.hint).toContain("OPERATOR_KEY_SHA256");
    expect(run.stdout + run.stderr + refused.stdout + refused.stderr).not.toContain("s3cret");
  });

  test("names the missing option if only the operator may audit", async () => {
    answer = unauthorized;
    const run = await audit();
    expect(asked).toMatchObject([{ key: undefined }]);
    expect([run.exit, run.json.error.hint]).toEqual([EXIT.notSetUp, expect.stringContaining("--operator-key-file")]);
  });

  test.each([
    ["open to others", "key\n", 0o644, "unsafe_permissions"],
    ["empty", "\n", 0o600, "invalid_file"],
    ["two words", "one two\n", 0o600, "invalid_file"],
    ["a header more", "key\nX-Other: 1\n", 0o600, "invalid_file"],
    ["not a header's characters", "schlüssel\n", 0o600, "invalid_file"],
    ["too long", "k".repeat(1025), 0o600, "invalid_file"],
  ])("asks no facilitator with a key file that is %s", async (_, content, mode, code) => {
    rmSync(box.path("bad.key"), { force: true }); // a file that is there keeps its mode
    box.write("bad.key", content, mode);
    const run = await audit("--operator-key-file", "./bad.key");
    expect(run.json.error.code).toBe(code);
    expect(asked).toEqual([]);
  });

  test("reads a report of a thousand contradictions", async () => {
    const problems = Array.from({ length: 1000 }, (_, i) => `account ${i}: held is not the sum of its holds`);
    answer = json(200, { ...report, ok: false, problems });
    const run = await audit();
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "audit_differs"]);
    expect(run.json.error.details?.["problems"]).toHaveLength(1000);
  });
});
