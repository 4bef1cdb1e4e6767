/** The executable, as an agent and an owner run it, pays official merchants and ours. The rows of spec/interop.md name these tests. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHEAP_CLI, COMPILED } from "../../agent-cli/testing/built.ts";
import { openServed } from "../../agent-cli/testing/served.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { useStack } from "../stack/stack.ts";
import { officialMerchant, PRICE } from "./official.ts";

const REASON = "You asked for this comparison; the merchant has its figures.";
const world = useStack();

let directory: string;
let account: string;
type Envelope = { ok: boolean; data: Record<string, unknown>; error?: { code: string } };
type Run = { exit: number; json: Envelope };

/** Runs `lez-agent-pay <words> --json` in the people's directory. */
function cli(...words: string[]): Promise<Run> {
  const { promise, resolve } = Promise.withResolvers<Run>();
  openServed(join(directory, "home", "config.json"));
  const env = { PATH: process.env["PATH"], LEZ_AGENT_PAY_HOME: join(directory, "home"), NODE_COMPILE_CACHE: COMPILED };
  execFile(process.execPath, [...CHEAP_CLI, ...words, "--json"], { cwd: directory, env }, (error, stdout) => {
    resolve({ exit: typeof error?.code === "number" ? error.code : 0, json: JSON.parse(stdout || "{}") as Envelope });
  });
  return promise;
}

async function balance(): Promise<bigint> {
  const answer = (await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()) as { balance: string };
  return BigInt(answer.balance);
}

/** The agent asks, the owner compares the short code and approves: the payment's file, and what the people were told it covers. */
async function approved(url: string): Promise<{ payment: string; covers: unknown }> {
  const [request, payment] = [`request-${randomDigest()}.json`, `payment-${randomDigest()}.json`];
  const asked = await cli("request", "create", url, "--reason", REASON, "--agent-file", "agent.json", "--out", request);
  expect(asked.json, JSON.stringify(asked.json)).toMatchObject({ ok: true });
  const digest = requestDigest(JSON.parse(await readFile(join(directory, request), "utf8")) as PaymentRequest);
  const owner = ["--owner-file", "owner.json", "--passphrase-file", "secret.txt"];
  const approval = await cli("owner", "approve", "--request-file", request, ...owner, "--confirm", digest, "--out", payment);
  expect(approval.json, JSON.stringify(approval.json)).toMatchObject({ ok: true });
  return { payment, covers: asked.json.data["covers"] };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lez-interop-"));
  await writeFile(join(directory, "secret.txt"), "correct horse battery", { mode: 0o600 });
  await cli("agent", "create", "--out", "agent.json");
  await cli("owner", "create", "--out", "owner.json", "--passphrase-file", "secret.txt");
  account = (JSON.parse(await readFile(join(directory, "owner.json"), "utf8")) as { account: string }).account;
  await fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account, id: randomDigest() }) });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const openShop = () => officialMerchant(new HTTPFacilitatorClient({ url: world.stack.facilitator }));

test.each(["authorization", "upfront"])(
  "our CLI pays an official merchant once, and warns that nothing ties it to the request, flow %s [interop-cli-official]",
  async (flow) => {
    const shop = await openShop();
    const before = await balance();
    const { payment, covers } = await approved(shop.url(`/${flow}`));
    expect(covers).toMatch(/^NOTHING/);
    const paid = await cli("pay", payment);
    expect(paid, JSON.stringify(paid.json)).toMatchObject({ exit: 0, json: { ok: true, data: { receipt: { payer: account } } } });
    const again = await cli("pay", payment);
    expect(again.json, JSON.stringify(again.json)).toMatchObject({ ok: true, data: { again: true, receipt: { payer: account } } });
    expect(await balance()).toBe(before - PRICE);
    expect(shop.runs).toEqual([`/${flow}`]);
  },
);

test("our CLI pays an official merchant that bound its URL, and says so [interop-cli-bound]", async () => {
  const shop = await openShop();
  const { payment, covers } = await approved(shop.url("/bound"));
  expect(covers).toMatch(/^exactly this request/);
  const paid = await cli("pay", payment);
  expect(paid, JSON.stringify(paid.json)).toMatchObject({ exit: 0, json: { ok: true } });
});

test.each(["authorization", "upfront"])("our CLI pays our merchant, flow %s [interop-cli-own]", async (flow) => {
  const before = await balance();
  const { payment, covers } = await approved(`${world.stack.merchant}/${flow === "upfront" ? "archive" : "premium"}`);
  expect(covers).toMatch(/^exactly this request/);
  const paid = await cli("pay", payment);
  expect(paid, JSON.stringify(paid.json)).toMatchObject({ exit: 0, json: { ok: true } });
  expect(await balance()).toBe(before - PRICE);
});
