/** What operators and sellers see: logs with one trace through three Workers, secrets in none, and a ledger that outlives a restart. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Buyer } from "../../agent-cli/demo/buyer.ts";
import { startStack } from "../../agent-cli/demo/stack.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import type { ExactPayload } from "../../shared/protocol/exact-payload.ts";
import { encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE, TRACE_ID } from "../../shared/x402/headers.ts";
import { receiptOf, useStack, verdict } from "./stack.ts";

const world = useStack();

/** What was logged under the trace of an answer, sorted: the Workers' lines arrive in any order. */
function eventsOf(answer: Response): string[] {
  const traceId = answer.headers.get(TRACE_ID);
  const events = world.logs.filter((line) => line["traceId"] === traceId).map((line) => String(line["event"]));
  return events.sort((a, b) => a.localeCompare(b));
}

test("one trace id runs through merchant, facilitator and ledger [trace-one-id]", async () => {
  const buyer = await world.buyer();
  const premium = { url: `${world.stack.merchant}/premium` };
  const payment = await buyer.approved(premium);
  const answer = await buyer.send(premium, payment);
  await expect.poll(() => eventsOf(answer)).toEqual(["payment.delivered"]);
  expect(world.logs.find(({ event }) => event === "payment.delivered")).toMatchObject({ transaction: receiptOf(answer)?.transaction });
  const replay = await buyer.send(premium, payment);
  await expect.poll(() => eventsOf(replay)).toEqual(["facilitator.reserve", "ledger.reserve", "payment.refused"]);
});

test("no payment header, signature, nonce or body is logged", async () => {
  const buyer = await world.buyer();
  const summarize = { url: `${world.stack.merchant}/summarize`, body: "My private text." };
  const payment = await buyer.approved(summarize);
  await buyer.send(summarize, payment);
  await buyer.send(summarize, payment);
  const { signature, authorization } = payment.payload as unknown as ExactPayload;
  const text = JSON.stringify(world.logs);
  expect(text).toContain("payment.delivered");
  for (const secret of [signature, authorization.nonce, encodeHeader(payment).slice(0, 60), "My private text"])
    expect(text).not.toContain(secret);
});

describe("the front page", () => {
  test("is a JSON index of what is priced", async () => {
    const index = (await (await fetch(world.stack.merchant)).json()) as { routes: { path: string }[] };
    expect(index.routes.map(({ path }) => path)).toEqual([
      "/premium",
      "/weather",
      "/quote",
      "/story",
      "/summarize",
      "/count",
      "/research",
      "/archive",
      "/flaky",
    ]);
  });
  test("is a page for a browser", async () => {
    const page = await (await fetch(world.stack.merchant, { headers: { Accept: "text/html" } })).text();
    expect(page).toContain("GET /premium");
  });
  test("has errors of the same shape as everything else", async () => {
    const response = await fetch(`${world.stack.merchant}/nothing`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: "not_found", problem: { code: "not_found" } });
  });
});

test("a handler that throws is an error of the same shape, with nothing of the exception in it", async () => {
  const buyer = await world.buyer();
  const flaky = { url: `${world.stack.merchant}/flaky` };
  const failed = await buyer.send(flaky, await buyer.approved(flaky));
  const body = await failed.text();
  expect([failed.status, JSON.parse(body)]).toMatchObject([500, { error: "internal_error", problem: { code: "internal_error" } }]);
  expect(body).not.toContain("flaky by design");
});

test("the weather without a city has no price, and is refused in words of its own", async () => {
  for (const headers of [{}, { [PAYMENT_SIGNATURE]: "any" }]) {
    const answer = await fetch(`${world.stack.merchant}/weather?city=`, { headers });
    expect(verdict(answer)).toBe("400");
    expect(answer.headers.get(PAYMENT_REQUIRED)).toBeNull();
    expect(await answer.json()).toMatchObject({ error: "city_missing", problem: { hint: "Ask for /weather?city=Zurich." } });
  }
});

test("a restart forgets nothing: balances, nonces and the ledger's id", async () => {
  const persist = await mkdtemp(join(tmpdir(), "lez-persist-"));
  try {
    const first = await startStack({ bundles: BUNDLES, persist });
    const port = Number(new URL(first.merchant).port);
    const buyer = await Buyer.create(first);
    await buyer.fund();
    const premium = { url: `${first.merchant}/premium` };
    const payment = await buyer.approved(premium);
    expect(verdict(await buyer.send(premium, payment))).toBe("200");
    await first.stop();

    // The same address: the payment is bound to it.
    const second = await startStack({ bundles: BUNDLES, persist, merchantPort: port });
    try {
      expect(second.ledger).toBe(first.ledger);
      expect(verdict(await buyer.send(premium, payment))).toBe("402 nonce_replayed");
    } finally {
      await second.stop();
    }
  } finally {
    await rm(persist, { recursive: true, force: true });
  }
});
