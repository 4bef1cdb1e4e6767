/**
 * A purchase that is interrupted at every step and started again, by three clients: `@x402/fetch` as it comes, the same with
 * a payment identifier that stays the same, and ours. What is counted is what the merchant ran, what the ledger took, and
 * what the client holds in the end. The table in spec/design/comparison.md is what is measured here.
 */

import { readFileSync } from "node:fs";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { appendPaymentIdentifierToExtensions } from "@x402/extensions/payment-identifier";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Buyer } from "../../agent-cli/demo/buyer.ts";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { item } from "../../scripts/markdown.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { officialClient, PRICE } from "../interop/official.ts";
import { useStack, verdict } from "./stack.ts";

const world = useStack({ merchant: "../workerd/counting-merchant.ts" });

/** Where the connection breaks, once: before a request has arrived, or when its answer is on the way. */
const STEPS = ["the request for the price", "the price", "the paid request", "the paid answer"] as const;
type Step = (typeof STEPS)[number];

/** Between client and merchant. Breaks the connection at its step, the first time it gets there. */
let broken: Step | undefined;
const breaks = (step: Step) => step === broken && ((broken = undefined), true);
const proxy = createServer((incoming, outgoing) => {
  const paid = incoming.headers["payment-signature"] !== undefined;
  if (breaks(paid ? "the paid request" : "the request for the price")) {
    outgoing.destroy();
    return;
  }
  const { method, url, headers } = incoming;
  incoming.pipe(
    forward(new URL(url ?? "/", world.stack.merchant), { method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => {
        if (breaks(paid ? "the paid answer" : "the price")) outgoing.destroy();
        else outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks));
      });
    }),
  );
});
const box = sandbox();
let account = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  served(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  ({ account } = (await people(box)).owner);
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", {
    facilitatorUrl: facilitator,
    ledger,
    ownerFile: box.path("owner.json"),
    agentFile: box.path("agent.json"),
  });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
});
afterAll(() => {
  proxy.closeAllConnections();
  proxy.close();
});

const resource = () => `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/slow?${randomDigest()}`;
const runs = async () => ((await (await fetch(`${world.stack.merchant}/runs`)).json()) as { total: number }).total;
async function spent(payer: string): Promise<bigint> {
  const { balance } = (await (await fetch(`${world.stack.facilitator}/accounts/${payer}`)).json()) as { balance: string };
  return 1_000_000n - BigInt(balance);
}

const MAX_TRIES = 4;

/** Starts again, with nothing in memory, until there is an answer, good or bad. */
async function untilAnswered(attempt: () => Promise<string | undefined>): Promise<string> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const held = await attempt();
    if (held !== undefined) return held;
  }
  return "nothing";
}

/** @param id a payment identifier that the application chose for this purchase */
function stock({ people: { owner } }: Buyer, url: string, id?: string) {
  return untilAnswered(async () => {
    const { client, fetch: pay } = officialClient(owner);
    if (id !== undefined) {
      client.onBeforePaymentCreation(async ({ paymentRequired }) => {
        if (paymentRequired.extensions) appendPaymentIdentifierToExtensions(paymentRequired.extensions, id);
      });
    }
    const answer = await pay(url).catch(() => undefined);
    return answer && (answer.ok ? "the answer" : verdict(answer));
  });
}

/** The owner approves once, as soon as there is something to approve. */
function ours(url: string) {
  return untilAnswered(async () => {
    const run = await box.run(["fetch", url, "--reason", REASON]);
    if (run.exit === EXIT.ok) return run.json.data["response"].body.text === "goods" ? "the answer" : "something else";
    const { code, details } = run.json.error;
    if (code === "approval_pending") await approveAsRead(box, details?.["shortCode"] as string);
    return ["approval_pending", "network", "outcome_unknown"].includes(code) ? undefined : code;
  });
}

/** What it came to: `1 run, 1 debit, the answer`. */
async function measured(payer: string, step: Step, purchase: () => Promise<string>): Promise<string> {
  const before = { runs: await runs(), spent: await spent(payer) };
  broken = step;
  const held = await purchase();
  expect(broken).toBeUndefined(); // it did break
  const ran = (await runs()) - before.runs;
  const debits = (await spent(payer)) - before.spent;
  expect(debits % PRICE).toBe(0n);
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  return `${count(ran, "run")}, ${count(Number(debits / PRICE), "debit")}, ${held}`;
}

/** A line of the page: what each client holds when this step is lost. */
function lostAt([step = "", stock = "", identified = "", own = ""]: string[]): string {
  return item(`${step}: stock ${stock}; one identifier ${identified}; ours ${own}`);
}

test("lost at every step and started again: ours runs once, pays once and has the answer; the table says what the others do", async () => {
  const rows: string[][] = [];
  const buyer = await world.buyer();
  const payer = buyer.people.owner.account;
  for (const step of STEPS) {
    rows.push([
      step,
      await measured(payer, step, () => stock(buyer, resource())),
      await measured(payer, step, () => stock(buyer, resource(), `pay_${randomDigest()}`)),
      await measured(account, step, () => ours(resource())),
    ]);
  }
  const report = rows.map(lostAt).join("");
  console.log(report);
  for (const [step, , , own] of rows) expect([step, own]).toEqual([step, "1 run, 1 debit, the answer"]);
  expect(rows.at(-1)).toEqual([
    "the paid answer",
    "2 runs, 2 debits, the answer",
    "1 run, 1 debit, 409 payment_identifier_conflict",
    "1 run, 1 debit, the answer",
  ]);
  const page = readFileSync(join(import.meta.dirname, "../../spec/design/comparison.md"), "utf8");
  expect(page.includes(report), `spec/design/comparison.md does not have:\n${report}`).toBe(true);
});
