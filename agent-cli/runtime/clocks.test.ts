/** A wrong clock is called a wrong clock, with both times, wherever both are seen. */

import { beforeEach, describe, expect, test } from "vitest";
import { errorBody } from "../../shared/errors.ts";
import { clockDetail, formatTimestamp, unixNow } from "../../shared/time.ts";
import { PAYMENT_ERROR } from "../../shared/x402/headers.ts";
import { REASON, sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, people } from "../testing/people.ts";
import { areApart, clocksAt, clockSkewText } from "./clocks.ts";
import { EXIT } from "./exit-codes.ts";

const box = sandbox();
const merchant = await startMerchant();
const { forge, ask, approve } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { ownerFile: box.path("owner.json"), agentFile: box.path("agent.json") });
beforeEach(() => merchant.reset());

const httpDate = (ahead: number) => new Date(Date.now() + ahead * 1000).toUTCString();
const inOneLine = (text: string) => text.replaceAll(/\s+/g, " ");

test("thirty seconds are no skew, and a cache's date is no clock", () => {
  expect([29, 31, -31].map((ahead) => areApart({ here: 1000, there: 1000 + ahead }))).toEqual([false, true, true]);
  expect(clocksAt({ date: httpDate(0), age: "600" })).toBeUndefined();
  expect(clocksAt({ date: "yesterday" })).toBeUndefined();
  expect(clockSkewText({ here: 1_769_860_800, there: 1_769_861_100 }, "shop.example")).toBe(
    "Clock skew of 5 min: it is 2026-01-31T12:00:00Z on this machine and 2026-01-31T12:05:00Z by the clock of shop.example.",
  );
});

describe("the buyer", () => {
  test.each([
    [300, true],
    [-300, true],
    [5, false],
  ])("is warned at the price if the merchant's clock is %i s ahead: %j [clock-skew-warned]", async (ahead, warned) => {
    merchant.behaviour = { instead: (_, response) => (response.setHeader("date", httpDate(ahead)), false) };
    const run = await box.run(["quote", merchant.url]);
    expect(run.exit).toBe(EXIT.ok);
    expect(inOneLine(run.stderr).includes("! Clock skew of ")).toBe(warned);
  });

  test.each([
    ["by the Date of the answer", false],
    ["by the word of its facilitator", true],
  ])("is told of both clocks when the payment is refused for its time, %s [clock-skew-refused]", async (_, byWord) => {
    const asked = await box.run(["request", "create", `${merchant.url}?${byWord ? "word" : "date"}`, "--reason", REASON, "--inbox"]);
    const code = asked.json.data["shortCode"] as string;
    expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
    const refusal = JSON.stringify(errorBody("payment_not_yet_valid", byWord ? clockDetail(unixNow() - 300) : undefined));
    const date = httpDate(byWord ? 0 : -300);
    merchant.behaviour = {
      instead: (_request, response, paid) =>
        paid && !!response.writeHead(402, { [PAYMENT_ERROR]: "payment_not_yet_valid", date }).end(refusal),
    };
    const { exit, json } = await box.run(["pay", code]);
    expect([exit, json.error.code]).toEqual([EXIT.paymentRejected, "payment_not_yet_valid"]);
    expect(json.error.message).toMatch(/Clock skew of \d min: it is 20\S+Z on this machine and 20\S+Z by the clock of the merchant\.$/);
    expect(json.error.hint).toContain("Set this machine's clock");
    const seconds = Number(json.error.details?.["clockSkew"].seconds);
    expect(Math.abs(seconds - 300)).toBeLessThan(60);
  });
});

describe("the owner", () => {
  test("is told of both clocks if a request is from the future [clock-skew-request]", async () => {
    await ask(merchant.url, "request.json");
    const ahead = unixNow() + 600;
    await forge("request.json", () => ({ createdAt: formatTimestamp(ahead), expiresAt: formatTimestamp(ahead + 600) }));
    const run = await approve("request.json", "payment.json");
    expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "request_too_long"]);
    expect(run.json.error.message).toContain(
      `clock skew: it was made at ${formatTimestamp(ahead)}, which is in the future; the clock here says 20`,
    );
  });
});
