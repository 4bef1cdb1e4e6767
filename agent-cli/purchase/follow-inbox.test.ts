/** Following the inbox: nothing falls between two rounds, and nothing is told twice. */

import { appendFileSync, rmSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { type PaymentRequest, requestDigest, signPaymentRequest } from "../../shared/protocol/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { approveAsRead, type People, people } from "../testing/people.ts";
import { followInbox, type InboxCursor } from "./follow-inbox.ts";

const box = sandbox();
const merchant = await startMerchant();
const context = () => contextFor({ ...processIo(), env: { LEZ_AGENT_PAY_HOME: box.path("home") } }, [], true);
let who: People;

async function round(since: InboxCursor | undefined, all = false) {
  const went = await followInbox(context(), since, all);
  if (!went.ok) throw new Error(went.error.message);
  const { cursor, changed } = went.data;
  return { cursor, states: changed.requests.map(({ state }) => state), ...changed };
}

beforeAll(async () => {
  who = await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { ownerFile: "../owner.json", agentFile: "../agent.json" });
});

test("a hundred and twenty requests between two rounds are all told, once [follow-inbox-many]", async () => {
  await who.ask(merchant.url, "first.json");
  const { agentSignature: _, ...body } = box.read<PaymentRequest>("first.json");
  const { cursor } = await round(undefined);
  for (let i = 0; i < 120; i++) {
    const request = await signPaymentRequest({ ...body, id: `pr_${String(i).padStart(20, "0")}` }, who.agent);
    box.write(`home/inbox/${requestDigest(request)}.request.json`, request);
  }
  const next = await round(cursor);
  expect([next.states.length, new Set(next.states)]).toEqual([120, new Set(["pending"])]);
  expect((await round(next.cursor)).states).toEqual([]);
});

test("a request that came and went between two rounds is told, and so is every change [follow-inbox-changes]", async () => {
  let { cursor } = await round(undefined);
  const step = async () => {
    const next = await round(cursor);
    ({ cursor } = next);
    return next.states;
  };
  const gone = await who.ask(`${merchant.url}?gone`, "gone.json");
  await box.run(["request", "cancel", gone.code]);
  expect(await step()).toEqual(["cancelled"]);
  const { code } = await who.ask(`${merchant.url}?paid`, "paid.json");
  expect(await step()).toEqual(["pending"]);
  await approveAsRead(box, code);
  expect(await step()).toEqual(["approved"]);
  await box.run(["pay", code]);
  expect(await step()).toEqual(["paid"]);
  expect(await step()).toEqual([]);
});

test("a request that expires changes without a file", async () => {
  const { code } = await who.ask(`${merchant.url}?short`, "short.json", ["--expires-in", "3600"]);
  const { cursor } = await round(undefined);
  const digest = (await box.run(["request", "show", code])).json.data["requestDigest"] as string;
  const known = [...cursor].find(([key]) => key === digest)?.[1];
  expect([known?.word, (known?.until ?? 0) > unixNow()]).toEqual(["pending", true]);
  if (known) known.until = 0; // as if the time had come: it is looked at again
  expect((await round(cursor)).states).toEqual([]); // and it is still pending
});

test("a damaged file is told once, and what it becomes afterwards", async () => {
  const { digest } = await who.ask(`${merchant.url}?damaged`, "damaged.json");
  const { cursor } = await round(undefined);
  appendFileSync(box.path(`home/inbox/${digest}.request.json`), "rubbish");
  const damaged = await round(cursor);
  expect([damaged.states, damaged.unreadable]).toEqual([[], [expect.stringContaining(digest)]]);
  expect((await round(damaged.cursor)).unreadable).toEqual([]);
  rmSync(box.path(`home/inbox/${digest}.request.json`));
  box.write(`home/inbox/${digest}.request.json`, box.read("damaged.json"));
  expect((await round(damaged.cursor)).states).toEqual(["pending"]);
});
