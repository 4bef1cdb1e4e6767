/** `fetch`: one purchase from the 402 to the answer, stopped and resumed at every point that has a name. */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { declareRefunds, REFUND } from "../../shared/extensions/refund.ts";
import { MAX_REQUEST_LIFE_SECONDS, RETENTION_SECONDS } from "../../shared/limits.ts";
import { type Authorization, authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import type { PaymentRequest } from "../../shared/protocol/payment-request.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { decodeHeader, encodeHeader } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { CONTENT, LEDGER, startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
const { owner } = await people(box);
await box.run("doctor"); // makes the state directory
const configure = (config: object) =>
  box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json"), ...config });

/** Moves the clock of this process on. */
const later = (seconds: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1000 });
afterEach(() => void vi.useRealTimers());

let purchase = 0;
beforeEach(() => {
  merchant.reset();
  facilitator.settlement = { status: "unused" };
  configure({ facilitatorUrl: facilitator.url });
  purchase++;
});

/** Every test buys something else, with another reason. */
const url = () => `${merchant.url}?purchase=${purchase}`;
const buy = (...words: string[]) => box.run(["fetch", url(), "--reason", REASON, ...words]);
const decide = (code: string, ...words: string[]) => approveAsRead(box, code, ...words);
const askOwner = async (...words: string[]) => {
  const asked = await buy(...words);
  expect([asked.exit, asked.json.error.code]).toEqual([EXIT.approvalPending, "approval_pending"]);
  return asked.json.error.details?.["shortCode"] as string;
};

test("a seller's promise of refunds is shown by quote, and beside the request that waits, as the seller's word [fetch-refund-terms]", async () => {
  merchant.behaviour = { extensions: { [REFUND]: declareRefunds("https://shop.example/refunds") } };
  const refunds = {
    by: "seller",
    windowSeconds: 2_592_000,
    partial: true,
    endpoint: { untrusted: true, text: "https://shop.example/refunds" },
    says: expect.stringMatching(/^the seller says that refunds are possible within 30 days, also in part; nothing holds it to that$/),
  };
  expect((await box.run(["quote", url()])).json.data["refunds"]).toEqual(refunds);
  const shown = stripVTControlCharacters((await box.run(["quote", url()], { terminal: true })).stdout);
  expect(shown).toMatch(/refunds +the seller says that refunds are/);
  const asked = await buy();
  expect(asked.json.error.details?.["refunds"]).toEqual(refunds);
  merchant.behaviour = { extensions: { [REFUND]: { info: { refundEndpoint: "https://shop.example/", windowSeconds: "30 days" } } } };
  expect((await box.run(["quote", url()])).json.data).not.toHaveProperty("refunds");
});

describe("a purchase", () => {
  test("asks, is approved, pays and shows, and names the next command at each stop [fetch-next-steps]", async () => {
    const asked = await buy("--max-amount", "10000");
    const code = asked.json.error.details?.["shortCode"] as string;
    expect(asked.exit).toBe(EXIT.approvalPending);
    expect(asked.json).toMatchObject({
      error: { code: "approval_pending", retryable: true, hint: `The owner runs: lez-agent-pay approve ${code}` },
      next: { argv: ["lez-agent-pay", "fetch", "--resume", code, "--wait", "--max-amount", "10000"], by: "agent" },
    });
    expect((await decide(code)).exit).toBe(EXIT.ok);
    const bought = await box.run((asked.json.next?.argv ?? []).slice(1));
    expect(bought.json.data).toMatchObject({
      shortCode: code,
      kept: false,
      receipt: { payer: owner.account, paid: { amount: "10000" } },
      response: { body: { text: CONTENT, untrusted: true } },
    });
    expect(merchant.settled.size).toBe(1);
  });

  test("on a terminal erases the progress line before it prints the outcome", async () => {
    const { stderr } = await box.run(["fetch", url(), "--reason", REASON], { terminal: true, env: { npm_command: "exec" } });
    expect(stderr).toMatch(
      /(\S{9}) waits: the owner types npx lez-agent-pay approve \1\r\S+Request \1 waits for its owner, for \d+ min more\. /,
    );
    for (const line of stripVTControlCharacters(stderr).split(/[\r\n]/)) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("waits for the owner, who may take a moment [fetch-waits]", async () => {
    const waiting = buy("--wait");
    const code = await pendingCode();
    await decide(code);
    const bought = await waiting;
    expect([bought.exit, bought.json.data["response"].body.text]).toEqual([EXIT.ok, CONTENT]);
    expect(bought.stderr).toContain(`${code} waits: the owner types lez-agent-pay approve ${code}\n`);
    expect(bought.stderr.match(/waits:/g)).toHaveLength(1); // a line when something changes, not one per look
  });

  test("begun by several processes at once is one purchase", async () => {
    const asked = await Promise.all([buy(), buy(), buy()]);
    expect(new Set(asked.map(({ json }) => json.error.details?.["shortCode"])).size).toBe(1);
    const { requests } = (await box.run("request list")).json.data as { requests: { url: string }[] };
    expect(requests.filter((request) => request.url === url())).toHaveLength(1);
  });

  test("is resumed for its own URL only", async () => {
    const code = await askOwner();
    const other = await box.run(["fetch", `${url()}&other`, "--resume", code]);
    expect([other.exit, other.json.error.code]).toEqual([EXIT.usage, "usage"]);
    expect(other.json.error.message).toContain(url());
    expect((await box.run(["fetch", url(), "--resume", code])).exit).toBe(EXIT.approvalPending);
  });

  test("waits no longer than --timeout [fetch-wait-timeout]", async () => {
    const run = await buy("--wait", "--timeout", "1");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.approvalPending, "approval_pending"]);
    const words = ["request", "wait", run.json.error.details?.["shortCode"] as string, "--timeout", "1"];
    expect((await box.run(words)).json.next?.argv).toEqual(["lez-agent-pay", ...words]);
  });

  test("interrupted while it waits names the open request and the next command", async () => {
    const stop = new AbortController();
    const waiting = box.run(["fetch", url(), "--reason", REASON, "--wait"], { signal: stop.signal });
    const code = await pendingCode();
    stop.abort();
    const run = await waiting;
    expect([run.exit, run.json.error.message]).toEqual([EXIT.interrupted, `Interrupted. Request ${code} still waits for its owner.`]);
    expect(run.json.next).toMatchObject({ argv: ["lez-agent-pay", "fetch", "--resume", code, "--wait"], by: "agent" });
    await decide(code);
    expect((await box.run((run.json.next?.argv ?? []).slice(1))).exit).toBe(EXIT.ok);
  });

  test("run again shows the answer from disk; --again buys once more", async () => {
    const code = await askOwner();
    await decide(code);
    const first = await buy();
    merchant.behaviour = { instead: (_, response) => !!response.writeHead(500).end() };
    const second = await buy("--out", "./kept.txt");
    expect(second.json.data).toMatchObject({ kept: true, receipt: first.json.data["receipt"] });
    expect(readFileSync(box.path("kept.txt"), "utf8")).toBe(CONTENT);
    expect(merchant.presented).toHaveLength(1);
    merchant.behaviour = {};
    expect(await askOwner("--again")).not.toBe(code);
  });

  test("stays paid, whatever a later copy of the payment is told", async () => {
    const code = await askOwner();
    await decide(code);
    await buy();
    merchant.behaviour = { amount: "20000" };
    rmSync(box.path("home/answers"), { recursive: true });
    expect((await box.run(["pay", code])).json.error.code).toBe("amount_mismatch");
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("paid");
  });

  test("whose answer could not be kept is not made", async () => {
    const code = await askOwner();
    await decide(code);
    const run = await buy("--out", box.path("no/such/file"));
    expect([run.exit, run.json.error.code]).toEqual([EXIT.usage, "file_not_written"]);
    expect(merchant.presented).toEqual([]);
  });

  test("whose output file appears meanwhile is paid, says so, and is shown from the kept answer", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = { instead: (_request, _response, paid) => (paid && box.write("taken", "mine"), false) };
    const run = await buy("--out", "./taken");
    expect([run.exit, run.json.error.code, run.json.error.details?.["receipt"].paid.amount]).toEqual([EXIT.usage, "file_exists", "10000"]);
    expect(run.json.error.message).toMatch(/^It is paid, and the answer was kept, but: /);
    expect(run.json.error.hint).toBe(`Do not pay again. lez-agent-pay fetch --resume ${code} shows it, into another file with --out.`);
    expect((await box.run(["fetch", "--resume", code])).json.data).toMatchObject({ kept: true, response: { body: { text: CONTENT } } });
  });

  test("that costs nothing is just fetched", async () => {
    merchant.behaviour = { instead: (_, response) => !!response.writeHead(200).end("free") };
    const run = await box.run(["fetch", url()]);
    expect([run.exit, run.json.data["paid"], run.json.data["response"].body.text]).toEqual([EXIT.ok, false, "free"]);
  });

  test.each([
    [404, {}, "page", EXIT.differs, "no_payment_required"],
    [302, { location: "/elsewhere" }, "", EXIT.differs, "no_payment_required"],
    [503, {}, "page", EXIT.network, "network"],
    [200, { "content-length": "9" }, "half", EXIT.network, "network"],
  ])("that costs nothing and fails with %i %j is no success, and no file", async (status, headers, body, exit, code) => {
    merchant.behaviour = {
      instead(_request, response) {
        response.writeHead(status, headers).write(body);
        if (status === 200) setTimeout(() => response.destroy(), 50);
        else response.end();
        return true;
      },
    };
    const run = await box.run(["fetch", url(), "--out", box.path("none.txt")]);
    expect([run.exit, run.json.error.code]).toEqual([exit, code]);
    expect(existsSync(box.path("none.txt"))).toBe(false);
  });

  test("above the agent's own maximum never reaches the owner [fetch-max-amount]", async () => {
    const run = await buy("--max-amount", "9999");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "above_max_amount"]);
    expect((await box.run("inbox")).json.data["requests"]).not.toContainEqual(expect.objectContaining({ url: url() }));
  });

  test("above it is not paid either, even if it is open or approved; a paid one is shown", async () => {
    const code = await askOwner();
    const dear = async (...words: string[]) => {
      const run = await box.run(["fetch", ...words, "--max-amount", "9999", "--wait"]);
      expect([run.exit, run.json.error.code, run.json.next]).toEqual([EXIT.differs, "above_max_amount", undefined]);
    };
    await dear(url(), "--reason", REASON);
    await decide(code);
    await dear(url(), "--reason", REASON);
    await dear("--resume", code);
    expect(merchant.presented).toEqual([]);
    expect((await buy("--max-amount", "10000")).exit).toBe(EXIT.ok);
    expect((await buy("--max-amount", "9999")).json.data["kept"]).toBe(true);
  });

  test("is continued as it was begun: same file, same maximum, same timeout, same facilitator", async () => {
    const words = ["--max-amount", "10000", "--timeout", "9", "--out", box.path("begun.txt"), "--facilitator-url", facilitator.url];
    const asked = await buy(...words);
    const { argv = [] } = asked.json.next ?? {};
    expect(argv.slice(5)).toEqual(words);
    await decide(argv[3] ?? "");
    expect((await box.run(argv.slice(1))).json.data["response"].body).toMatchObject({ file: box.path("begun.txt") });
    expect(readFileSync(box.path("begun.txt"), "utf8")).toBe(CONTENT);
  });

  test("tried with --dry-run says what it would ask, and asks no owner [fetch-dry-run]", async () => {
    const run = await buy("--dry-run");
    expect(run.json.data).toMatchObject({ dryRun: true, price: { amount: "10000" } });
    expect((await box.run(["request", "list"])).json.data["requests"]).not.toContainEqual(expect.objectContaining({ url: url() }));
  });
});

describe("the owner's refusal", () => {
  test("reaches the agent with its code and note, and is final for this purchase [decline-reaches-agent]", async () => {
    const code = await askOwner();
    await box.run(["decline", code, "--code", "too_expensive", "--note", "Half of that would do."]);
    const asked = merchant.presented.length;
    for (const run of [await buy("--wait"), await buy("--again"), await box.run(["pay", code]), await box.run(["request", "wait", code])]) {
      expect([run.exit, run.json.error.code]).toEqual([EXIT.declined, "declined"]);
      expect(run.json.error.details).toMatchObject({ decision: { code: "too_expensive", note: "Half of that would do." } });
    }
    expect(merchant.presented).toHaveLength(asked);
  });

  test("is not believed without the owner's key and name", async () => {
    const code = await askOwner();
    const digest = (await box.run(["request", "show", code])).json.data["requestDigest"] as string;
    const decision = { requestDigest: digest, decision: "declined", code: "other", decidedAt: formatTimestamp(unixNow()) };
    const forged = { decision, signed: true, publicKey: owner.publicKey, signature: "0".repeat(128) };
    box.write(`home/inbox/${digest}.declined.json`, forged);
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("pending");
  });

  test("is not the same as silence: an expired request may be made again", async () => {
    const code = await askOwner("--expires-in", "1");
    later(3);
    expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.approvalExpired);
    expect(await askOwner()).not.toBe(code);
  });
});

describe("an answer that was lost", () => {
  const lose = { instead: (_: unknown, response: { destroy(): unknown }, paid: boolean) => paid && !!response.destroy() };

  test("is not a reason to ask for another payment: the same one is presented again [fetch-lost-answer]", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = lose;
    const lost = await buy();
    expect([lost.exit, lost.json.error.code]).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
    expect((await buy("--again")).exit).toBe(EXIT.outcomeUnknown);
    expect(lost.json.next?.argv).toEqual(["lez-agent-pay", "fetch", "--resume", code, "--wait"]);
    merchant.behaviour = {};
    expect((await buy()).exit).toBe(EXIT.ok);
    expect(new Set(merchant.presented.map(({ headers }) => headers["payment-signature"])).size).toBe(1);
    expect(merchant.settled.size).toBe(1);
  });

  test("after the merchant settled is paid, once, and says so", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = { loseAnswer: true };
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
    merchant.behaviour = {};
    const again = await buy();
    expect([again.exit, again.json.error.code, again.json.error.details?.["paidBefore"]]).toEqual([
      EXIT.paymentRejected,
      "nonce_replayed",
      true,
    ]);
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("paid");
    expect((await buy()).json.error.details?.["paidBefore"]).toBe(true);
    expect(merchant.settled.size).toBe(1);
  });

  test("is not replaced by a newer approval of the same request [fetch-first-approval-stays]", async () => {
    const code = await askOwner();
    await decide(code, "--out", "./first.json");
    merchant.behaviour = lose;
    await box.run("pay ./first.json");
    later(2);
    await decide(code, "--out", "./second.json");
    expect(readFileSync(box.path("second.json"), "utf8")).not.toBe(readFileSync(box.path("first.json"), "utf8"));
    await box.run("pay ./second.json");
    const [first, second] = merchant.presented;
    expect(second?.headers["payment-signature"]).toBe(first?.headers["payment-signature"]);
  });
});

describe("a merchant that was paid up front and then failed", () => {
  test("still owes its answer to the same payment, which is presented again as long as it is valid [fetch-paid-then-failed]", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = {
      instead(request, response, paid) {
        if (!paid) return false;
        const presented = decodeHeader(String(request.headers["payment-signature"]), paymentPayloadSchema);
        if (!presented.ok) return false;
        const { authorization } = presented.value.payload as { authorization: Authorization };
        const transaction = transactionOf(authorization.network, authorizationDigest(authorization));
        const receipt = { success: true, transaction, network: authorization.network, payer: authorization.from };
        const failed = merchant.presented.length === 1;
        response.writeHead(failed ? 500 : 200, { "payment-response": encodeHeader(receipt) }).end(failed ? "" : "owed");
        return true;
      },
    };
    const failed = await buy();
    expect([failed.exit, failed.json.error.details?.["receipt"]]).toMatchObject([EXIT.httpErrorAfterPayment, { amount: "10000" }]);
    const delivered = await box.run((failed.json.next?.argv ?? []).slice(1));
    expect(delivered.json.data).toMatchObject({ shortCode: code, response: { body: { text: "owed" } } });
    expect(new Set(merchant.presented.map(({ headers }) => headers["payment-signature"])).size).toBe(1);
  });
});

describe("a payment that expired without an answer", () => {
  /** Presented, unanswered, and by now too late to present again. */
  async function runOut(): Promise<string> {
    const code = await askOwner();
    await decide(code, "--expires-in", "60");
    merchant.behaviour = { instead: (_, response, paid) => paid && !!response.destroy() };
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
    merchant.behaviour = {};
    later(63);
    return code;
  }

  test("is replaced by a new request if the configured facilitator never saw it settle", async () => {
    const code = await runOut();
    facilitator.settlement = { status: "expired" };
    expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "not_paid", said: "expired" });
    expect(await askOwner()).not.toBe(code);
  });

  test("is not replaced on the word of any other facilitator [fetch-other-facilitator]", async () => {
    const code = await runOut();
    facilitator.settlement = { status: "expired" };
    const unbelieved: [object, string[]][] = [
      [{}, ["--facilitator-url", facilitator.url]],
      [{ facilitatorUrl: "https://pay.example.com" }, ["--facilitator-url", facilitator.url]],
      [{ facilitatorUrl: facilitator.url, ledger: "ab".repeat(32) }, []],
    ];
    for (const [config, words] of unbelieved) {
      configure(config);
      const status = await box.run(["status", code, ...words]);
      expect([status.exit, status.json.error.code]).toEqual([EXIT.outcomeUnknown, "outcome_unknown"]);
      expect(status.json.error.message).toContain("not believed");
      expect((await buy(...words)).exit).toBe(EXIT.outcomeUnknown);
    }
    configure({});
    const byEnvironment = await box.run(["fetch", url(), "--reason", REASON], { env: { LEZ_FACILITATOR_URL: facilitator.url } });
    expect(byEnvironment.exit).toBe(EXIT.outcomeUnknown);
    configure({ facilitatorUrl: facilitator.url });
    facilitator.ledger = "cd".repeat(32);
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
    facilitator.ledger = LEDGER;
    expect(merchant.presented).toHaveLength(1);
  });

  test("is not replaced if an earlier approval may have settled so long ago that the ledger forgot it [fetch-forgotten-payment]", async () => {
    const code = await runOut();
    facilitator.settlement = { status: "expired" };
    later(RETENTION_SECONDS);
    const status = await box.run(["status", code]);
    expect([status.exit, status.json.error.message]).toEqual([EXIT.outcomeUnknown, expect.stringContaining("an earlier approval")]);
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
  });

  test("counts as approved at the latest possible moment if its request is unknown", async () => {
    const code = await runOut();
    const digest = (await box.run(["request", "show", code])).json.data["requestDigest"] as string;
    facilitator.settlement = { status: "expired" };
    rmSync(box.path(`home/requests/${digest}.json`));
    later(RETENTION_SECONDS - MAX_REQUEST_LIFE_SECONDS);
    expect((await box.run(["status", code])).exit).toBe(EXIT.outcomeUnknown);
  });

  test("is paid if its own transaction is named, and unknown if another one is [fetch-transaction-must-match]", async () => {
    const code = await runOut();
    facilitator.settlement = { status: "settled", transaction: "11".repeat(32) };
    expect((await box.run(["status", code])).exit).toBe(EXIT.outcomeUnknown);
    const audit = (await box.run("audit list")).json.data["entries"] as { event: string; facts: Record<string, string> }[];
    const transaction = audit.findLast(({ event }) => event === "sent")?.facts["transactionIfSettled"];
    facilitator.settlement = { status: "settled", transaction };
    expect((await box.run(["status", code])).json.data).toMatchObject({ conclusion: "paid", transaction });
    expect((await buy()).json.error.details).toMatchObject({ paidBefore: true, transaction });
  });

  test("is looked up until Ctrl-C, which is heard", async () => {
    const code = await runOut();
    const run = await box.run(["fetch", "--resume", code], { signal: AbortSignal.abort() });
    expect([run.exit, run.json.error.code]).toEqual([EXIT.interrupted, "interrupted"]);
  });

  test.each(["unknown", "unused", "reserved"])("is unknown while the facilitator says %s [fetch-settlement-unknown]", async (status) => {
    await runOut();
    facilitator.settlement = { status };
    expect((await buy()).exit).toBe(EXIT.outcomeUnknown);
  });
});

describe("a refusal", () => {
  test("that only a new payment can cure leads to a new request [fetch-refused-asks-anew]", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = { amount: "20000" };
    const refused = await buy();
    expect([refused.exit, refused.json.error.code]).toEqual([EXIT.paymentRejected, "amount_mismatch"]);
    expect((await box.run(["request", "show", code])).json.data).toMatchObject({ state: "refused", refusal: "amount_mismatch" });
    const second = await buy();
    expect(second.json.error.details).toMatchObject({ state: "pending", price: { amount: "20000" } });
    expect(second.json.error.details?.["shortCode"]).not.toBe(code);
  });

  test("that only asks for payment again leads to no new request: the first payment may have settled [fetch-payment-required-again]", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = {
      instead: (_, response, paid) => paid && !!response.writeHead(402, { "x-payment-error": "payment_required" }).end(),
    };
    configure({});
    for (const _ of [1, 2]) {
      const run = await buy("--facilitator-url", facilitator.url);
      expect([run.exit, run.json.error.code]).toEqual([EXIT.outcomeUnknown, "payment_required"]);
      const { argv = [] } = run.json.next ?? {};
      expect(argv.slice(0, 2)).toEqual(["lez-agent-pay", "status"]);
      expect((await box.run(argv.slice(1))).json.data).toMatchObject({ conclusion: "open", facilitator: facilitator.url });
    }
    expect((await box.run(["request", "show", code])).json.data["state"]).toBe("sent");
    expect(new Set(merchant.presented.map(({ headers }) => headers["payment-signature"])).size).toBe(1);
  });

  test("for lack of money is followed by the same payment", async () => {
    const code = await askOwner();
    await decide(code);
    merchant.behaviour = {
      instead: (_, response, paid) => paid && !!response.writeHead(402, { "x-payment-error": "insufficient_funds" }).end(),
    };
    expect((await buy()).json.error.code).toBe("insufficient_funds");
    merchant.behaviour = {};
    expect((await buy()).exit).toBe(EXIT.ok);
    expect(merchant.settled.size).toBe(1);
  });
});

describe("requests", () => {
  test("are found by code, id and digest, and withdrawn before they are decided [request-find-and-cancel]", async () => {
    const code = await askOwner();
    const { id, requestDigest } = (await box.run(["request", "show", code])).json.data;
    for (const word of [id, requestDigest, code.toLowerCase().replace("-", "")] as string[])
      expect((await box.run(["request", "show", word])).json.data).toMatchObject({ shortCode: code, state: "pending" });
    expect((await box.run(["request", "cancel", code, "--dry-run"])).json.data["state"]).toBe("cancelled");
    expect((await box.run(["request", "cancel", code])).json.data["state"]).toBe("cancelled");
    expect((await decide(code)).json.error.code).toBe("request_cancelled");
    expect(await askOwner()).not.toBe(code);
    expect((await box.run(["request", "show", "AAAA-AAAA"])).exit).toBe(EXIT.notSetUp);
  });

  test("that are approved cannot be withdrawn by the agent", async () => {
    const code = await askOwner();
    await decide(code);
    expect((await box.run(["request", "cancel", code])).exit).toBe(EXIT.usage);
    expect((await box.run(["request", "wait", code])).json.next?.argv).toEqual(["lez-agent-pay", "pay", code]);
    const tried = await box.run(["pay", code, "--dry-run"]);
    expect([tried.json.data["wouldPay"].amount, merchant.presented.length]).toEqual(["10000", 0]);
    expect((await box.run(["pay", code])).exit).toBe(EXIT.ok);
  });

  test("changed in the inbox are neither shown nor approved", async () => {
    const code = await askOwner();
    const { requestDigest } = (await box.run(["request", "show", code])).json.data as { requestDigest: string };
    const file = `home/inbox/${requestDigest}.request.json`;
    box.write(file, { ...box.read<PaymentRequest>(file), reason: "A much better reason than the one that the agent gave." });
    expect((await box.run(["approve", code, "--confirm", requestDigest])).json.error.code).toBe("request_not_found");
  });

  test("with a reason below the configured minimum are neither made nor approved", async () => {
    const code = await askOwner();
    configure({ reasonMinimum: 100 });
    expect((await box.run(["fetch", `${url()}&x`, "--reason", REASON])).json.error.message).toContain("at least 100 visible characters");
    expect((await decide(code)).exit).toBe(EXIT.usage);
  });
});

async function pendingCode(): Promise<string> {
  for (;;) {
    const { requests } = (await box.run("inbox")).json.data as { requests: { url: string; shortCode: string }[] };
    const found = requests.find((request) => request.url === url());
    if (found) return found.shortCode;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
