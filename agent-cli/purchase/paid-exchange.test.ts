/** What was paid for reaches its buyer: slow, large, broken off, interrupted, and asked for by several at once. */

import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EXIT } from "../runtime/exit-codes.ts";
import { PAID_IDLE_SECONDS } from "../runtime/limits.ts";
import { REASON, type Run, sandbox } from "../testing/cli.ts";
import { CONTENT, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
afterEach(() => void vi.useRealTimers());

let purchase = 0;
beforeEach(() => {
  merchant.reset();
  purchase++;
});
const url = () => `${merchant.url}?purchase=${purchase}`;
const buy = (...words: string[]) => box.run(["fetch", url(), "--reason", REASON, ...words]);
const code = (run: Run) => run.json.error.details?.["shortCode"] as string;
/** A request of this test's URL that the owner has approved. */
async function approved(): Promise<string> {
  const asked = code(await buy());
  expect((await approveAsRead(box, asked)).exit).toBe(EXIT.ok);
  return asked;
}

/** 12 MiB that are not text: more than any answer in memory may have. */
const REPORT = randomBytes(12 * 1024 * 1024);
const SHA = createHash("sha256").update(REPORT).digest("hex");
type Deliver = (request: IncomingMessage, response: ServerResponse, headers: Record<string, string>) => void;

/** Sends the report, or the range that was asked for, and breaks off behind `bytes`, each in turn. */
function report(breaks: number[] = [], extra: Record<string, string> = { etag: '"v1"', "accept-ranges": "bytes" }): Deliver {
  const left = [...breaks];
  return (request, response, headers) => {
    const [, from = "0"] = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? "") ?? [];
    const whole = request.headers["if-range"] !== extra["etag"];
    const start = whole ? 0 : Number(from);
    const range = whole ? {} : { "content-range": `bytes ${start}-${REPORT.length - 1}/${REPORT.length}` };
    response.writeHead(whole ? 200 : 206, { ...headers, ...extra, ...range, "content-length": String(REPORT.length - start) });
    const stop = left.shift();
    const part = REPORT.subarray(start, stop === undefined ? undefined : start + stop);
    if (stop === undefined) response.end(part);
    else response.write(part, () => response.destroy());
  };
}
const broken = (run: Run) => {
  expect([run.exit, run.json.error.code]).toEqual([EXIT.httpErrorAfterPayment, "answer_incomplete"]);
  return run.json.error.details?.["response"].body as { bytes: number; file: string; complete: boolean; problem: string };
};

describe("a paid answer", () => {
  test("larger than memory goes to disk, and to --out when it is whole [answer-large]", async () => {
    await approved();
    merchant.behaviour = { deliver: report() };
    const bought = await buy("--out", "./report.bin");
    expect(bought.json.data["response"].body).toMatchObject({ bytes: REPORT.length, sha256: SHA, file: box.path("report.bin") });
    expect(readFileSync(box.path("report.bin")).equals(REPORT)).toBe(true);
    expect(statSync(box.path("report.bin")).mode & 0o777).toBe(0o600);
    const again = await buy();
    expect(again.json.data).toMatchObject({
      kept: true,
      response: { body: { sha256: SHA, file: expect.stringContaining("answers") as string } },
    });
    expect(again.stdout.length).toBeLessThan(4096);
    expect(merchant.presented).toHaveLength(1);
  });

  test("that keeps coming is not cut, however long it takes; silence is [answer-idle]", async () => {
    await approved();
    const tick = PAID_IDLE_SECONDS * 1000 - 5000;
    const open = Promise.withResolvers<ServerResponse>();
    merchant.behaviour = {
      deliver(_, response, headers) {
        response.writeHead(200, { ...headers, "content-type": "text/plain" });
        open.resolve(response);
      },
    };
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const buying = buy();
    const response = await open.promise;
    const file = () => readdirSync(box.path("home/answers")).map((name) => box.path(`home/answers/${name}`));
    const arrived = (bytes: number) => vi.waitUntil(() => file().some((name) => name.endsWith(".body") && statSync(name).size === bytes));
    for (const bytes of [1, 2, 3, 4]) {
      response.write(".");
      await arrived(bytes);
      await vi.advanceTimersByTimeAsync(tick);
    }
    await vi.advanceTimersByTimeAsync(2 * tick);
    const part = broken(await buying);
    expect(part).toMatchObject({ bytes: 4, problem: `nothing came for ${PAID_IDLE_SECONDS} s` });
    expect(readFileSync(part.file, "utf8")).toBe("....");
  });

  test("that breaks off leaves its part, receipt and reason, and is paid [answer-part-kept]", async () => {
    const asked = await approved();
    merchant.behaviour = { deliver: report([1000], {}) };
    const run = await buy("--out", "./broken.bin");
    const part = broken(run);
    expect(part).toMatchObject({ bytes: 1000, complete: false, problem: "the connection was closed" });
    expect(readFileSync(part.file).equals(REPORT.subarray(0, 1000))).toBe(true);
    expect(run.json.next).toBeUndefined();
    expect((await box.run(["request", "show", asked])).json.data["state"]).toBe("paid");
    // The merchant offers neither ranges nor an identifier: nothing is presented again, and the part is still named.
    expect(broken(await buy()).file).toBe(part.file);
    expect(merchant.presented).toHaveLength(1);
    expect(() => statSync(box.path("broken.bin"))).toThrow("ENOENT");
  });

  test("that breaks off twice is continued where it stopped, for one debit [answer-rest-fetched]", async () => {
    const asked = await approved();
    merchant.behaviour = { redelivers: true, deliver: report([5_000_000, 3_000_000]) };
    const first = await buy("--out", "./rest.bin");
    expect(broken(first).bytes).toBe(5_000_000);
    expect(first.json.next?.argv).toEqual(["lez-agent-pay", "fetch", "--resume", asked, "--wait", "--out", box.path("rest.bin")]);
    expect(broken(await box.run((first.json.next?.argv ?? []).slice(1))).bytes).toBe(8_000_000);
    const whole = await box.run((first.json.next?.argv ?? []).slice(1));
    expect(whole.json.data["response"].body).toMatchObject({ bytes: REPORT.length, sha256: SHA, complete: true });
    expect(merchant.presented.map(({ headers }) => headers.range)).toEqual([undefined, "bytes=5000000-", "bytes=8000000-"]);
    expect(new Set(merchant.presented.map(({ headers }) => headers["payment-signature"])).size).toBe(1);
    expect(merchant.settled.size).toBe(1);
  });

  test("that changed meanwhile is taken whole, never mixed", async () => {
    await approved();
    merchant.behaviour = { redelivers: true, deliver: report([5_000_000], { etag: '"old"', "accept-ranges": "bytes" }) };
    broken(await buy());
    merchant.behaviour = { redelivers: true, deliver: report() };
    expect((await buy()).json.data["response"].body).toMatchObject({ bytes: REPORT.length, sha256: SHA });
  });

  test.each([
    ["bytes 0-99/12582912", {}],
    ["bytes 1000-1099/999999", {}],
    ["bytes 1000-1099/12582912", { etag: '"v2"' }],
    ["bytes 1000-12582912/12582912", {}],
    ["bytes 1000-999/12582912", {}],
    [undefined, {}],
  ])("whose merchant sends the range %s %j instead of the one asked for keeps its part", async (range, extra) => {
    await approved();
    merchant.behaviour = { redelivers: true, deliver: report([1000]) };
    const { file } = broken(await buy());
    merchant.behaviour.deliver = (_, response, headers) =>
      void response.writeHead(206, { ...headers, ...extra, ...(range && { "content-range": range }) }).end("x".repeat(100));
    expect(broken(await buy())).toMatchObject({ file, bytes: 1000 });
    expect(readFileSync(file).equals(REPORT.subarray(0, 1000))).toBe(true);
  });

  test("of whose rest the merchant sends less than it may, or than it says, is not called whole [answer-short-range]", async () => {
    await approved();
    merchant.behaviour = { redelivers: true, deliver: report([1000]) };
    broken(await buy());
    const rest =
      (first: number, last: number, bytes: number): Deliver =>
      (_, response, headers) => {
        const range = `bytes ${first}-${last}/${REPORT.length}`;
        // Chunked: nothing but the range says how much comes.
        response.writeHead(206, { ...headers, etag: '"v1"', "content-range": range, "transfer-encoding": "chunked" });
        response.end(REPORT.subarray(first, first + bytes));
      };
    merchant.behaviour.deliver = rest(1000, 1099, 100);
    const short = await buy();
    expect(broken(short)).toMatchObject({ bytes: 1100, problem: "the merchant sent only a part of the rest" });
    expect(short.json.next?.argv.slice(0, 3)).toEqual(["lez-agent-pay", "fetch", "--resume"]);
    merchant.behaviour.deliver = rest(1100, REPORT.length - 1, 100);
    expect(broken(await buy()).bytes).toBe(1200);
    merchant.behaviour.deliver = rest(1200, 1299, 200);
    expect(broken(await buy())).toMatchObject({ bytes: 1200, problem: "the merchant sent more than the range that it named" });
    merchant.behaviour.deliver = report();
    expect((await buy()).json.data["response"].body).toMatchObject({ bytes: REPORT.length, sha256: SHA, complete: true });
    expect(merchant.settled.size).toBe(1);
  });

  test.each([
    ["bytes 0-99/1000", false],
    ["bytes 500-599/1000", false],
    ["bytes 0-99/*", false],
    ["bytes 0-99/100", true],
  ])("that is a 206 of %s, which was not asked for, is whole: %s", async (range, whole) => {
    await approved();
    merchant.behaviour = {
      deliver: (_, response, headers) => void response.writeHead(206, { ...headers, "content-range": range }).end(REPORT.subarray(0, 100)),
    };
    const run = await buy();
    if (whole) expect(run.json.data["response"].body).toMatchObject({ bytes: 100, complete: true });
    else expect(broken(run)).toMatchObject({ bytes: 100, problem: "the merchant sent a part, which was not asked for" });
  });

  test("that only lacked its end is whole after a 416", async () => {
    await approved();
    const end = { etag: '"v1"', "accept-ranges": "bytes" };
    merchant.behaviour = { redelivers: true, deliver: (_, response, headers) => {
      response.writeHead(200, { ...headers, ...end }).write("all of it", () => response.destroy());
    } }; // prettier-ignore
    expect(broken(await buy()).bytes).toBe(9);
    merchant.behaviour.deliver = (_, response) => void response.writeHead(416, { "content-range": "bytes */9" }).end();
    expect((await buy()).json.data["response"].body).toMatchObject({ complete: true, text: "all of it" });
  });

  test("of which more was announced is not whole after a 416", async () => {
    await approved();
    merchant.behaviour = { redelivers: true, deliver: report([1000]) };
    broken(await buy());
    merchant.behaviour.deliver = (_, response) => void response.writeHead(416, { "content-range": "bytes */1000" }).end();
    expect(broken(await buy())).toMatchObject({ bytes: 1000, complete: false });
  });

  test("without ranges is asked for once more under the payment's identifier [answer-again-by-identifier]", async () => {
    await approved();
    merchant.behaviour = { keeps: "offered", deliver: report([1000], {}) };
    // The 402 without an identifier was stored with the first request of this URL.
    const other = () => box.run(["fetch", `${url()}&id`, "--reason", REASON]);
    const asked = code(await other());
    await approveAsRead(box, asked);
    const run = await other();
    expect(broken(run).bytes).toBe(1000);
    expect(run.json.next?.argv.slice(1, 4)).toEqual(["fetch", "--resume", asked]);
    expect((await other()).json.data["response"].body).toMatchObject({ sha256: SHA });
    expect(merchant.settled.size).toBe(1);
  });

  test("interrupted by Ctrl-C keeps what came", async () => {
    await approved();
    const stop = new AbortController();
    merchant.behaviour = {
      redelivers: true,
      deliver(_, response, headers) {
        response.writeHead(200, { ...headers, "content-length": "20", etag: '"v1"', "accept-ranges": "bytes" });
        response.write("so far", () => setTimeout(() => stop.abort(), 100));
      },
    };
    const run = await box.run(["fetch", url(), "--reason", REASON], { signal: stop.signal });
    expect(broken(run)).toMatchObject({ bytes: 6, problem: "interrupted" });
    expect(run.json.next?.argv.slice(0, 3)).toEqual(["lez-agent-pay", "fetch", "--resume"]);
  });

  test("above --max-body is not taken, and a larger limit gets it without another payment [answer-max-body]", async () => {
    await approved();
    merchant.behaviour = { redelivers: true, deliver: report() };
    const run = await buy("--max-body", "8M");
    expect(broken(run)).toMatchObject({ bytes: 0, problem: expect.stringContaining("8388608 bytes") as string });
    expect(run.json.error.hint).toContain("larger --max-body");
    expect((await buy("--max-body", "12M")).json.data["response"].body.sha256).toBe(SHA);
    expect(merchant.settled.size).toBe(1);
    expect((await buy("--max-body", "a lot")).exit).toBe(EXIT.usage);
  });
});

describe("the head of an answer", () => {
  test("is kept and shown whole: every header, each cookie by itself; -i shows it on a terminal [answer-headers]", async () => {
    await approved();
    merchant.behaviour = {
      deliver(_, response, headers) {
        const sent = {
          ...headers,
          "content-type": "text/plain",
          "x-job": "7",
          "set-cookie": ["a=1; Expires=Thu, 01 Jan 2032 00:00:00 GMT", "b=2"],
        };
        response.writeHead(200, sent).end(CONTENT);
      },
    };
    const cookies = ["a=1; Expires=Thu, 01 Jan 2032 00:00:00 GMT", "b=2"];
    expect((await buy()).json.data["response"].headers).toMatchObject({ "x-job": ["7"], "set-cookie": cookies });
    expect((await buy()).json.data).toMatchObject({ kept: true, response: { headers: { "set-cookie": cookies } } });
    const shown = await box.run(["fetch", url(), "--reason", REASON, "-i"], { terminal: true });
    for (const line of ["x-job: 7", `set-cookie: ${cookies[0]}`, "set-cookie: b=2"]) expect(shown.stdout).toContain(`${line}\n`);
    const plain = await box.run(["fetch", url(), "--reason", REASON], { terminal: true });
    expect(plain.stdout).not.toContain("x-job");
  });

  test("says how the body is encoded, if the merchant encoded it unasked", async () => {
    await approved();
    const packed = gzipSync(CONTENT);
    merchant.behaviour = {
      deliver: (_, response, headers) => void response.writeHead(200, { ...headers, "content-encoding": "gzip" }).end(packed),
    };
    const { body } = (await buy()).json.data["response"] as { body: { contentEncoding: string; file: string } };
    expect(body.contentEncoding).toBe("gzip");
    expect(readFileSync(body.file).equals(packed)).toBe(true);
  });

  test("of a 202 leads to the result, which is fetched without a payment when it is ready [answer-later]", async () => {
    await approved();
    let asked = 0;
    merchant.behaviour = {
      deliver: (_, response, headers) =>
        void response.writeHead(202, { ...headers, location: "/jobs/7", "retry-after": "1" }).end("queued"),
      instead(request, response, paid) {
        if (paid || request.url !== "/jobs/7") return false;
        response.writeHead(++asked === 1 ? 202 : 200, { "retry-after": "0" }).end(asked === 1 ? "working" : "the result");
        return true;
      },
    };
    const run = await buy("--out", "./result.txt");
    expect(run.json.data["response"]).toMatchObject({ status: 202, location: "/jobs/7", headers: { "retry-after": ["1"] } });
    const argv = ["lez-agent-pay", "fetch", `${merchant.origin}/jobs/7`, "--wait", "--out", box.path("result.txt")];
    expect(run.json.next).toMatchObject({ argv, by: "agent", afterSeconds: 1 });
    expect((await box.run(argv.slice(1))).json.data).toMatchObject({ paid: false, response: { status: 200 } });
    expect(readFileSync(box.path("result.txt"), "utf8")).toBe("the result");
    expect([merchant.presented.length, asked]).toEqual([1, 2]);
  });

  test("of a 202 whose result is elsewhere at the same origin leads there, with free requests only [answer-see-other]", async () => {
    await approved();
    const seen: string[] = [];
    let moves: Record<string, string> = { "/jobs/8": "/results/8?a=1" };
    merchant.behaviour = {
      deliver: (_, response, headers) =>
        void response.writeHead(202, { ...headers, location: "/jobs/8", "retry-after": "0" }).end("queued"),
      instead(request, response, paid) {
        const { url = "" } = request;
        if (paid || !/^.(jobs|results|loop)/.test(url)) return false;
        seen.push(`${request.method} ${url}`);
        const location = moves[url];
        if (location === undefined) response.end("the result");
        else response.writeHead(303, { location }).end("see other");
        return true;
      },
    };
    const { argv } = (await buy("--out", "./seen-other.txt")).json.next as { argv: string[] };
    const fetched = await box.run(argv.slice(1));
    expect(fetched.json.data).toMatchObject({ paid: false, response: { status: 200 } });
    expect(readFileSync(box.path("seen-other.txt"), "utf8")).toBe("the result");
    expect([seen, merchant.presented.length]).toEqual([["GET /jobs/8", "GET /results/8?a=1"], 1]);

    // Without --wait it is named; another origin is not followed, and a circle ends.
    const named = await box.run(["fetch", `${merchant.origin}/jobs/8`]);
    expect(named.json.next?.argv).toEqual(["lez-agent-pay", "fetch", `${merchant.origin}/results/8?a=1`, "--wait"]);
    moves = { "/jobs/8": "https://other.example/8", "/loop": "/loop" };
    for (const path of ["/jobs/8", "/loop"]) {
      const left = await box.run(["fetch", `${merchant.origin}${path}`, "--wait"]);
      expect([left.json.error.code, left.json.error.details?.["response"]]).toMatchObject(["no_payment_required", { status: 303 }]);
    }
    expect(seen.length).toBeLessThan(20);
  });

  test("of a paid 303 names the free request for what was bought [answer-paid-elsewhere]", async () => {
    await approved();
    merchant.behaviour = { deliver: (_, response, headers) => void response.writeHead(303, { ...headers, location: "/results/9" }).end() };
    const run = await buy();
    expect(run.json.error).toMatchObject({ code: "http_error", details: { receipt: {} } });
    expect(run.json.error.hint).toContain("It is paid.");
    expect(run.json.next?.argv.slice(0, 3)).toEqual(["lez-agent-pay", "fetch", `${merchant.origin}/results/9`]);
    expect(merchant.presented).toHaveLength(1);
  });

  test("of a 202 that points to another origin leads nowhere", async () => {
    await approved();
    merchant.behaviour = {
      deliver: (_, response, headers) => void response.writeHead(202, { ...headers, location: "https://other.example/7" }).end(),
    };
    const run = await buy();
    expect([run.json.data["response"].location, run.json.next]).toEqual(["https://other.example/7", undefined]);
  });
});

describe("several at once", () => {
  test("eight resumes of one payment all show its answer, presented once [answers-at-once]", async () => {
    const asked = await approved();
    merchant.behaviour = { deliver: (_, response, headers) => void setTimeout(() => response.writeHead(200, headers).end(CONTENT), 200) };
    const runs = await Promise.all(Array.from({ length: 8 }, () => box.run(["fetch", "--resume", asked])));
    for (const run of runs) expect([run.exit, run.json.data?.["response"]?.body.text]).toEqual([EXIT.ok, CONTENT]);
    expect(runs.filter(({ json }) => json.data["kept"] === false)).toHaveLength(1);
    expect(merchant.presented).toHaveLength(1);
  });

  test("a lock that a dead process of this pid left stops no purchase", async () => {
    const asked = await approved();
    const digest = (await box.run(["request", "show", asked])).json.data["requestDigest"] as string;
    box.write(`home/payments/${digest}.lock`, String(process.pid));
    expect((await buy()).exit).toBe(EXIT.ok);
  });
});

describe("an answer kept by version 0.1", () => {
  test("is still shown [answer-of-0-1]", async () => {
    const asked = await approved();
    const bought = await buy();
    const [receipt] = bought.json.data["response"].headers["payment-response"] as [string];
    const digest = (await box.run(["request", "show", asked])).json.data["requestDigest"] as string;
    const headers = { "content-type": "text/plain", "payment-response": receipt };
    box.write(`home/answers/${digest}.json`, {
      status: 200,
      headers,
      complete: true,
      bodyBase64: Buffer.from("as before").toString("base64"),
    });
    expect((await buy()).json.data).toMatchObject({ kept: true, response: { body: { text: "as before" } } });
  });
});
